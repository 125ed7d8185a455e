#include <arpa/inet.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "net/client_call.h"
#include "net/codec.h"
#include "net/proxy.h"

namespace holdfast::net {
namespace {

constexpr std::size_t kIdlePerHostMax = 8;
constexpr std::size_t kHeaderSizeMax = 256 * 1024;  // bytes of a response's status line and fields
constexpr std::size_t kReadSize = 64 * 1024;
constexpr int kRedirectCountMax = 5;

bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS" || method == "TRACE";
}

bool is_address(const std::string& host) {
  unsigned char bytes[16];
  return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

// A line break would let a field's writer add fields, or whole requests, of his own.
bool has_line_break(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

// Reads a Location against the URL it came from.
std::string resolve_location(const Url& base, std::string_view location) {
  if (location.find("://") != std::string_view::npos) return std::string(location);
  const bool v6 = base.host.find(':') != std::string::npos;
  const auto host = base.scheme == "http+unix" ? percent_encode(base.host)
                    : (v6 ? "[" + base.host + "]" : base.host) + ":" + std::to_string(base.port);
  if (location.starts_with("//")) return base.scheme + ":" + std::string(location);
  const auto origin = base.scheme + "://" + host;
  if (location.starts_with("/")) return origin + std::string(location);
  const auto path = base.target.substr(0, base.target.find('?'));
  if (location.starts_with("?")) return origin + path + std::string(location);
  return origin + path.substr(0, path.rfind('/') + 1) + std::string(location);
}

}  // namespace

// ---- one connection ----

Wire::Wire(std::weak_ptr<ClientCore> core, std::string key, std::unique_ptr<Connection> connection,
           std::optional<WallTime> certificate_expires)
    : core_(std::move(core)),
      key_(std::move(key)),
      connection_(std::move(connection)),
      certificate_expires_(certificate_expires) {}

void Wire::attach(std::shared_ptr<Call> call) { call_ = std::move(call); }

void Wire::read() {
  if (reading_ || ended_) return;
  reading_ = true;
  connection_->read(kReadSize, [weak = weak_from_this()](Result<std::string> chunk) {
    if (const auto self = weak.lock()) self->on_read(std::move(chunk));
  });
}

void Wire::on_read(Result<std::string> chunk) {
  reading_ = false;
  const auto call = call_;
  if (!call) {
    // Bytes nobody asked for, or the peer's close: of no use to a later request.
    ended_ = true;
    if (const auto core = core_.lock()) core->forget(this);
    return;
  }
  if (!chunk || chunk->empty()) {
    ended_ = true;
    return call->on_end(chunk ? nullptr : &chunk.error());
  }
  call->on_bytes(*chunk);
  // Still ours or resting: either way the next bytes matter.
  read();
}

void Wire::rest(Duration limit) {
  connection_->set_timer(limit, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->call_) return;
    self->ended_ = true;
    if (const auto core = self->core_.lock()) core->forget(self.get());
  });
}

// ---- the pool ----

std::shared_ptr<Wire> ClientCore::take(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = idle_.find(key);
  if (found == idle_.end()) return nullptr;
  // The one used last: it is the least likely to have been closed, and the others may age out.
  auto wire = std::move(found->second.back());
  found->second.pop_back();
  if (found->second.empty()) idle_.erase(found);
  return wire;
}

void ClientCore::give(std::shared_ptr<Wire> wire, Duration idle_time) {
  wire->rest(idle_time);
  std::shared_ptr<Wire> surplus;  // freed outside the lock
  const std::lock_guard lock(mutex_);
  if (closed_) {
    surplus = std::move(wire);
    return;
  }
  auto& wires = idle_[wire->key()];
  wires.push_back(std::move(wire));
  if (wires.size() <= kIdlePerHostMax) return;
  surplus = std::move(wires.front());
  wires.erase(wires.begin());
}

void ClientCore::forget(const Wire* wire) {
  std::shared_ptr<Wire> gone;
  const std::lock_guard lock(mutex_);
  const auto found = idle_.find(wire->key());
  if (found == idle_.end()) return;
  const auto place = std::find_if(found->second.begin(), found->second.end(),
                                  [&](const auto& other) { return other.get() == wire; });
  if (place == found->second.end()) return;
  gone = std::move(*place);
  found->second.erase(place);
  if (found->second.empty()) idle_.erase(found);
}

void ClientCore::send(ClientRequest request, Client::Handler handler, std::stop_token stop) {
  auto call = std::make_shared<Call>(shared_from_this(), std::move(request), std::move(handler));
  {
    const std::lock_guard lock(mutex_);
    calls_.insert(call);
  }
  call->begin();
  if (stop.stop_possible()) call->watch(std::move(stop));
}

void ClientCore::finish(Call& call, Result<ClientResponse> result) {
  Client::Handler handler;
  std::shared_ptr<Call> keep;
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || !call.handler_) return;
    handler = std::exchange(call.handler_, nullptr);
    keep = call.shared_from_this();
    calls_.erase(keep);
    in_handlers_.insert(std::this_thread::get_id());
  }
  handler(std::move(result));
  {
    const std::lock_guard lock(mutex_);
    in_handlers_.erase(in_handlers_.find(std::this_thread::get_id()));
  }
  handler_ended_.notify_all();
}

void ClientCore::hand_over(Call& call, std::string_view bytes) {
  std::shared_ptr<Call> keep;
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || !call.handler_) return;
    keep = call.shared_from_this();
    in_handlers_.insert(std::this_thread::get_id());
  }
  call.request_.on_body(call.response_, bytes);
  {
    const std::lock_guard lock(mutex_);
    in_handlers_.erase(in_handlers_.find(std::this_thread::get_id()));
  }
  handler_ended_.notify_all();
}

void ClientCore::close_now() {
  std::set<std::shared_ptr<Call>> calls;
  std::map<std::string, std::vector<std::shared_ptr<Wire>>> idle;
  {
    std::unique_lock lock(mutex_);
    closed_ = true;
    calls.swap(calls_);
    idle.swap(idle_);
    for (const auto& call : calls) call->handler_ = nullptr;
    // A handler may own the client: its own thread is not waited for.
    handler_ended_.wait(lock, [&] {
      return in_handlers_.size() == in_handlers_.count(std::this_thread::get_id());
    });
  }
  for (const auto& call : calls) call->drop();
}

// ---- one call ----

Duration Call::since_start() const { return core_->env.clock.mono() - began_; }
Duration Call::left() const { return std::max<Duration>(request_.timeout - since_start(), 1ms); }

void Call::fail(Error error) {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  release_wire(false);
  core_->finish(*this, std::move(error).context(request_.method + " " + printable(request_.url, 200)));
}

void Call::fail_timeout() {
  fail(Error(Code::kTimeout, "no answer within " + format_duration(request_.timeout)));
}

void Call::watch(std::stop_token stop) {
  on_stop_.emplace(std::move(stop), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->cancel();
  });
}

void Call::cancel() {
  std::shared_ptr<Wire> wire;
  {
    const std::lock_guard lock(mutex_);
    wire = wire_;
    // Whatever stage is under way finds it ended when it comes back with a connection.
    if (!wire) ended_ = true;
  }
  const auto task = [self = shared_from_this()] { self->fail(Error(Code::kCanceled, "canceled")); };
  if (wire) {
    wire->connection().post(task);
  } else {
    core_->env.executor.post(Lane::kPool, task);
  }
}

void Call::drop() {
  std::shared_ptr<Wire> wire;
  {
    const std::lock_guard lock(mutex_);
    wire = std::move(wire_);
  }
  // The wire knows us and we know it: one of the two must let go, on the wire's own thread.
  if (wire) wire->connection().post([wire] { wire->detach(); });
}

void Call::release_wire(bool keep) {
  std::shared_ptr<Wire> wire;
  {
    const std::lock_guard lock(mutex_);
    wire = std::move(wire_);
  }
  if (!wire) return;
  wire->detach();
  wire->connection().cancel_timer();
  if (keep && wire->usable()) {
    core_->give(std::move(wire), request_.idle_time);
  } else {
    wire->connection().close();
  }
}

Result<void> Call::prepare() {
  url_ = HF_TRY(parse_url(request_.url));
  if (request_.method.empty() || has_line_break(request_.method) ||
      request_.method.find(' ') != std::string::npos) {
    return invalid("bad method");
  }
  for (const auto& [name, value] : request_.headers) {
    if (name.empty() || has_line_break(name) || has_line_break(value)) {
      return invalid("line break in field '" + printable(name) + "'");
    }
  }
  // A connection is shared only by requests that would have made the very same one.
  key_ = url_.scheme + "|" + url_.host + "|" + std::to_string(url_.port);
  if (url_.scheme == "https") {
    key_ += "|" + tls_identity(request_.tls) + "|" + request_.tls.server_name;
  }
  proxy_.reset();
  if (!request_.proxy.url.empty() && url_.scheme != "http+unix") {
    proxy_ = HF_TRY(parse_url(request_.proxy.url).context("proxy"));
    if (proxy_->scheme == "http+unix") return invalid("proxy: a proxy is reached by http or https");
    key_ += "|" + request_.proxy.url;
  }
  return {};
}

void Call::begin() {
  if (began_ == MonoTime{}) began_ = core_->env.clock.mono();
  got_bytes_ = false;
  pending_.clear();
  response_ = {};
  if (auto ready = prepare(); !ready) {
    // Never from within send(): a caller's lock held around it would meet its own handler.
    core_->env.executor.post(Lane::kPool, [self = shared_from_this(), error = ready.error()] {
      self->fail(error);
    });
    return;
  }
  parser_.emplace(kHeaderSizeMax, request_.response_size_max, request_.method == "HEAD");
  if (!retried_) {
    if (auto wire = core_->take(key_)) return use(std::move(wire), true);
  }
  open();
}

void Call::open() {
  const auto& host = proxy_ ? proxy_->host : url_.host;
  if (url_.scheme == "http+unix" || is_address(host)) return connect({host}, 0);
  const auto weak = weak_from_this();
  core_->env.transport.resolve(host, left(), [weak, host](Result<std::vector<std::string>> found) {
    const auto self = weak.lock();
    if (!self) return;
    if (!found) return self->fail(std::move(found.error()));
    if (found->empty()) return self->fail(unavailable("resolve " + host + ": no address"));
    self->timings_.resolved = self->since_start();
    self->connect(std::move(*found), 0);
  });
}

void Call::connect(std::vector<std::string> addresses, std::size_t next) {
  Endpoint to{addresses[next], proxy_ ? proxy_->port : url_.port, ""};
  if (url_.scheme == "http+unix") to = {"", 0, url_.host};
  const auto weak = weak_from_this();
  core_->env.transport.connect(
      to, left(), [weak, addresses = std::move(addresses), next](Result<std::unique_ptr<Connection>> made) {
        const auto self = weak.lock();
        if (!self) return;
        if (!made) {
          const bool again = made.error().code() != Code::kTimeout && next + 1 < addresses.size();
          return again ? self->connect(addresses, next + 1) : self->fail(std::move(made.error()));
        }
        self->timings_.connected = self->since_start();
        self->connected(std::move(*made));
      });
}

// To the server itself, or to the proxy before it.
void Call::connected(std::unique_ptr<Connection> made) {
  if (!proxy_) {
    if (url_.scheme == "https") return secure(std::move(made));
    return use(std::make_shared<Wire>(core_, key_, std::move(made), std::nullopt), false);
  }
  const auto go_on = [weak = weak_from_this()](std::unique_ptr<Connection> ready) {
    const auto self = weak.lock();
    if (!self) return;
    if (self->url_.scheme == "https") return self->tunnel(std::move(ready));
    self->use(std::make_shared<Wire>(self->core_, self->key_, std::move(ready), std::nullopt), false);
  };
  if (proxy_->scheme != "https") return go_on(std::move(made));
  TlsOptions options{.verify = request_.tls.verify, .ca_file = request_.tls.ca_file, .timeout = left()};
  tls_connect(std::move(made), proxy_->host, options,
              [weak = weak_from_this(), go_on](Result<std::unique_ptr<TlsConnection>> secured) {
                if (secured) return go_on(std::move(*secured));
                if (const auto self = weak.lock()) self->fail(std::move(secured.error()).context("proxy"));
              });
}

void Call::tunnel(std::unique_ptr<Connection> made) {
  auto fields = request_.proxy.connect_headers;
  if (!proxy_->userinfo.empty()) {
    fields.set("Proxy-Authorization", "Basic " + base64_encode(proxy_->userinfo));
  }
  const bool v6 = url_.host.find(':') != std::string::npos;
  const auto target = (v6 ? "[" + url_.host + "]" : url_.host) + ":" + std::to_string(url_.port);
  open_tunnel(std::move(made), target, fields, left(),
              [weak = weak_from_this()](Result<std::unique_ptr<Connection>> open) {
                const auto self = weak.lock();
                if (!self) return;
                if (!open) return self->fail(std::move(open.error()));
                self->secure(std::move(*open));
              });
}

void Call::secure(std::unique_ptr<Connection> plain) {
  auto context = core_->tls_contexts.get(request_.tls);
  if (!context) return fail(std::move(context.error()));
  auto options = request_.tls;
  options.timeout = left();
  const auto weak = weak_from_this();
  tls_connect(std::move(plain), url_.host, options,
              [weak](Result<std::unique_ptr<TlsConnection>> made) {
                const auto self = weak.lock();
                if (!self) return;
                if (!made) return self->fail(std::move(made.error()));
                self->timings_.tls_done = self->since_start();
                const auto expires = (*made)->certificate().not_after;
                self->use(std::make_shared<Wire>(self->core_, self->key_, std::move(*made), expires), false);
              },
              std::move(*context));
}

void Call::use(std::shared_ptr<Wire> wire, bool reused) {
  reused_ = reused;
  auto& connection = wire->connection();
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    wire_ = wire;
  }
  connection.post([weak = weak_from_this(), wire = std::move(wire)] {
    if (const auto self = weak.lock()) self->start_on(wire);
  });
}

void Call::start_on(std::shared_ptr<Wire> wire) {
  {
    const std::lock_guard lock(mutex_);
    if (wire_ != wire) return;  // canceled meanwhile
  }
  if (!wire->usable()) {
    // Closed between the pool and here; nothing was sent, so any method may go on.
    release_wire(false);
    return begin();
  }
  timings_.certificate_expires = wire->certificate_expires();
  wire->attach(shared_from_this());
  wire->connection().set_timer(left(), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->fail_timeout();
  });
  // A failed write is seen by the pending read as well, and a server may answer before it has read all.
  wire->connection().write(render(), nullptr);
  wire->read();
}

std::string Call::render() const {
  std::string out;
  out.reserve(256 + request_.body.size());
  out.append(request_.method).append(" ");
  const bool absolute = proxy_ && url_.scheme == "http";
  if (absolute) {
    const bool v6 = url_.host.find(':') != std::string::npos;
    out += "http://" + (v6 ? "[" + url_.host + "]" : url_.host) + ":" + std::to_string(url_.port);
  }
  out.append(url_.target).append(" HTTP/1.1\r\n");
  if (absolute && !proxy_->userinfo.empty()) {
    out += "Proxy-Authorization: Basic " + base64_encode(proxy_->userinfo) + "\r\n";
  }
  if (!request_.headers.has("Host")) {
    const bool v6 = url_.host.find(':') != std::string::npos;
    out += "Host: ";
    out += url_.scheme == "http+unix" ? "localhost" : v6 ? "[" + url_.host + "]" : url_.host;
    const bool usual = url_.port == 0 || url_.port == (url_.scheme == "https" ? 443 : 80);
    if (!usual) out += ":" + std::to_string(url_.port);
    out += "\r\n";
  }
  for (const auto& [name, value] : request_.headers) {
    if (equals_ignoring_case(name, "Content-Length") || equals_ignoring_case(name, "Transfer-Encoding")) continue;
    out.append(name).append(": ").append(value).append("\r\n");
  }
  if (!request_.headers.has("Accept-Encoding")) {
    out += request_.on_body ? "Accept-Encoding: identity\r\n" : "Accept-Encoding: gzip, zstd\r\n";
  }
  if (!url_.userinfo.empty() && !request_.headers.has("Authorization")) {
    out += "Authorization: Basic " + base64_encode(url_.userinfo) + "\r\n";
  }
  const auto& method = request_.method;
  if (!request_.body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    out += "Content-Length: " + std::to_string(request_.body.size()) + "\r\n";
  }
  out += "\r\n";
  out += request_.body;
  return out;
}

void Call::on_bytes(std::string_view bytes) {
  if (!got_bytes_) {
    got_bytes_ = true;
    timings_.first_byte = since_start();
  }
  if (!pending_.empty()) {
    pending_ += bytes;
    bytes = pending_;
  }
  const auto used = parser_->feed(bytes, response_);
  if (parser_->state() == ParseState::kFault) {
    const auto& fault = parser_->fault();
    const auto code = fault.status == 413 ? Code::kTooLarge : Code::kUnavailable;
    return fail(Error(code, "answer: " + fault.reason));
  }
  if (request_.on_body && !response_.body.empty() && response_.status / 100 == 2) {
    const auto part = std::exchange(response_.body, {});
    core_->hand_over(*this, part);
  }
  if (parser_->state() == ParseState::kDone) return complete(used == bytes.size());
  // An unfinished line is offered again together with what follows it.
  pending_ = std::string(bytes.substr(used));
}

void Call::on_end(const Error* failure) {
  if (!got_bytes_ && reused_ && !retried_ && is_idempotent(request_.method)) {
    HF_PROBE("http client: stale connection, request sent again");
    release_wire(false);
    retried_ = true;
    return begin();
  }
  if (failure) return fail(*failure);
  parser_->end(response_);
  if (parser_->state() != ParseState::kDone) return fail(unavailable("answer: " + parser_->fault().reason));
  complete(false);
}

bool Call::redirect() {
  const int status = response_.status;
  const bool moved = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  if (!request_.follow_redirects || !moved || !response_.headers.has("Location")) return false;
  if (request_.method != "GET" && request_.method != "HEAD") return false;
  if (++redirect_count_ > kRedirectCountMax) {
    fail(unavailable("more than 5 redirects"));
    return true;
  }
  const auto to = resolve_location(url_, response_.headers.get("Location"));
  auto next = parse_url(to);
  if (!next) {
    fail(std::move(next.error()).context("redirect"));
    return true;
  }
  if (next->scheme == "http+unix" && url_.scheme != "http+unix") {
    fail(Error(Code::kForbidden, "redirect from the network to a local socket"));
    return true;
  }
  // Credentials belong to the host they were given for.
  if (next->host != url_.host || next->port != url_.port || next->scheme != url_.scheme) {
    for (const auto* name : {"Authorization", "Cookie", "Host"}) request_.headers.erase(name);
  }
  request_.url = to;
  retried_ = false;
  begin();
  return true;
}

void Call::complete(bool wire_is_clean) {
  release_wire(wire_is_clean && parser_->keep_alive());
  if (redirect()) return;
  const std::string coding(response_.headers.get("Content-Encoding"));
  if (!coding.empty() && !response_.body.empty() && !request_.headers.has("Accept-Encoding")) {
    auto decoded = decode_body(coding, std::move(response_.body), request_.response_size_max);
    if (!decoded) return fail(std::move(decoded.error()).context("answer"));
    response_.body = std::move(*decoded);
    response_.headers.erase("Content-Encoding");
    response_.headers.erase("Content-Length");
  }
  timings_.total = since_start();
  response_.timings = timings_;
  core_->finish(*this, std::move(response_));
}

// ---- the public face ----

Client::Client(Env& env) : core_(std::make_shared<ClientCore>(env)) {}
Client::~Client() { core_->close_now(); }

void Client::send(ClientRequest request, Handler handler, std::stop_token stop) {
  core_->send(std::move(request), std::move(handler), std::move(stop));
}

}  // namespace holdfast::net
