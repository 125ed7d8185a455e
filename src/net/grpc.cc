// One nghttp2 session a connection, used on the connection's thread alone. A call's answer is made on the
// pool and posted back; the stream may be gone by then, which ends the story.
#include "net/grpc.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <unordered_map>

#include "base/log.h"
#include "base/text.h"
#include "net/codec.h"

namespace holdfast::net {

namespace {

constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::size_t kUnsentMax = 4 * 1024 * 1024;  // then nothing more is read
constexpr std::size_t kFrameHead = 5;                // compressed u8, length u32be
constexpr std::int32_t kWindow = 4 * 1024 * 1024;

int grpc_status_of_http(int status) {
  switch (status) {
    case 400:
      return 3;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 503:
      return 14;
    default:
      return 13;
  }
}

// grpc-message: printable ASCII, the rest and '%' as %XX.
std::string encode_message(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text.substr(0, 1024)) {
    const auto u = static_cast<unsigned char>(c);
    if (u >= 0x20 && u < 0x7f && c != '%') {
      out += c;
    } else {
      out += '%';
      out += kHex[u >> 4];
      out += kHex[u & 15];
    }
  }
  return out;
}

nghttp2_nv field(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

struct Answer {
  int status = 0;
  std::string text;     // of an error
  std::string message;  // framed, of a success
};

struct Stream {
  GrpcCall call;
  std::string method, body;
  std::size_t header_size = 0;
  bool too_large = false;
  bool dispatched = false;
  // Sending.
  std::string out;
  std::size_t sent = 0;
};

// The message of a body that holds exactly one.
Result<std::string> unframe(std::string_view body, std::string_view coding, std::size_t size_max) {
  if (body.size() < kFrameHead) return invalid("the call has no message");
  const auto u = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(body[i]));
  };
  const std::uint32_t size = u(1) << 24 | u(2) << 16 | u(3) << 8 | u(4);
  if (body.size() - kFrameHead != size)
    return invalid("the call does not hold exactly one message");
  std::string message(body.substr(kFrameHead));
  if (u(0) == 0) return message;
  if (u(0) != 1) return invalid("a message's compressed flag is neither 0 nor 1");
  if (coding != "gzip") {
    return Error(Code::kUnsupported,
                 "grpc-encoding '" + printable(coding) + "'; allowed: identity, gzip");
  }
  return decode_body("gzip", std::move(message), size_max);
}

std::string frame(std::string_view message) {
  std::string out(kFrameHead, '\0');
  for (std::size_t i = 0; i < 4; ++i)
    out[1 + i] = static_cast<char>(message.size() >> (8 * (3 - i)));
  return out.append(message);
}

}  // namespace

int grpc_status(Code code) {
  switch (code) {
    case Code::kInvalid:
    case Code::kOutOfRange:
      return 3;
    case Code::kNotFound:
      return 5;
    case Code::kExists:
      return 6;
    case Code::kForbidden:
      return 7;
    case Code::kTooLarge:
      return 8;
    case Code::kConflict:
      return 9;
    case Code::kCanceled:
      return 1;
    case Code::kTimeout:
      return 4;
    case Code::kUnsupported:
      return 12;
    case Code::kExhausted:
    case Code::kUnavailable:
      return 14;
    case Code::kDataLoss:
      return 15;
    case Code::kUnauthorized:
      return 16;
    case Code::kInternal:
      break;
  }
  return 13;
}

class GrpcSession;

class GrpcCore : public std::enable_shared_from_this<GrpcCore> {
 public:
  GrpcCore(Env& e, GrpcLimits l) : env(e), limits(l) {}

  Result<void> listen(const Endpoint& at, Endpoint& local);
  void accept(std::unique_ptr<Connection> connection);
  void remove(GrpcSession* session);
  void close_now();
  bool enter();
  void leave();
  Answer answer(Stream& stream) const;

  Env& env;
  const GrpcLimits limits;
  std::map<std::string, GrpcServer::Handler> handlers;  // by path
  Router::Filter filter;

 private:
  Answer refuse(const Error& error) const {
    return {grpc_status(error.code()), error.message(), {}};
  }

  std::atomic<bool> closed_{false};
  std::atomic<int> running_{0};
  std::mutex mutex_;
  std::unique_ptr<Listener> listener_ HF_GUARDED_BY(mutex_);
  std::unordered_map<GrpcSession*, std::shared_ptr<GrpcSession>> sessions_ HF_GUARDED_BY(mutex_);
};

class GrpcSession : public std::enable_shared_from_this<GrpcSession> {
 public:
  GrpcSession(std::shared_ptr<GrpcCore> core, std::unique_ptr<Connection> connection)
      : core_(std::move(core)), connection_(std::move(connection)), peer_(connection_->peer()) {}
  ~GrpcSession() { nghttp2_session_del(session_); }

  void start();
  void abort();  // any thread

 private:
  void open();
  void read();
  void on_read(const Result<std::string>& chunk);
  void flush();
  void end();
  void dispatch(std::int32_t id, Stream& stream);
  void respond(std::int32_t id, Answer answer);

  int begin(std::int32_t id);
  int header(std::int32_t id, std::string_view name, std::string_view value);
  int data(std::int32_t id, std::string_view bytes);
  void request_ended(std::int32_t id);
  static nghttp2_session_callbacks* callbacks();
  static ssize_t read_answer(nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t size,
                             std::uint32_t* flags, nghttp2_data_source* source, void* user);

  const std::shared_ptr<GrpcCore> core_;
  const std::unique_ptr<Connection> connection_;
  const std::string peer_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<std::int32_t, Stream> streams_;
  std::size_t running_ = 0;  // calls whose answer is being made, reset ones too
  std::size_t unsent_ = 0;   // bytes handed to the connection and not yet written
  bool reading_ = false;
  bool ended_ = false;
};

// ---- the connection ----

void GrpcSession::start() {
  connection_->post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->open();
  });
}

void GrpcSession::open() {
  auto* calls = callbacks();
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_closed_streams(option, 1);
  const int made = nghttp2_session_server_new2(&session_, calls, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(calls);
  if (made != 0) return end();
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
       static_cast<std::uint32_t>(core_->limits.call_count_max)},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
       static_cast<std::uint32_t>(core_->limits.header_size_max)}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kWindow);
  flush();
  read();
}

void GrpcSession::read() {
  if (reading_ || ended_ || unsent_ > kUnsentMax) return;
  reading_ = true;
  const auto weak = weak_from_this();
  connection_->set_timer(core_->limits.idle_timeout, [weak] {
    if (const auto self = weak.lock()) self->end();
  });
  connection_->read(kReadSize, [weak](const Result<std::string>& chunk) {
    if (const auto self = weak.lock()) self->on_read(chunk);
  });
}

void GrpcSession::on_read(const Result<std::string>& chunk) {
  reading_ = false;
  if (ended_) return;
  if (!chunk || chunk->empty()) return end();
  const auto used = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const std::uint8_t*>(chunk->data()), chunk->size());
  flush();
  if (used < 0) return end();
  const bool over =
      nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
  if (over) return end();
  read();
}

void GrpcSession::flush() {
  if (ended_) return;
  std::string out;
  while (true) {
    const std::uint8_t* bytes = nullptr;
    const auto size = nghttp2_session_mem_send(session_, &bytes);
    if (size <= 0) break;
    out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }
  if (out.empty()) return;
  const auto size = out.size();
  unsent_ += size;
  connection_->write(std::move(out), [weak = weak_from_this(), size](const Result<void>& written) {
    const auto self = weak.lock();
    if (!self) return;
    self->unsent_ -= size;
    if (!written) return self->end();
    self->read();
  });
}

void GrpcSession::abort() {
  connection_->post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->end();
  });
}

void GrpcSession::end() {
  if (ended_) return;
  ended_ = true;
  connection_->cancel_timer();
  connection_->close();
  core_->remove(this);
}

// ---- frames ----

nghttp2_session_callbacks* GrpcSession::callbacks() {
  nghttp2_session_callbacks* out = nullptr;
  nghttp2_session_callbacks_new(&out);
  nghttp2_session_callbacks_set_on_begin_headers_callback(
      out, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
        if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
          return 0;
        return static_cast<GrpcSession*>(user)->begin(frame->hd.stream_id);
      });
  nghttp2_session_callbacks_set_on_header_callback(
      out, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
              std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
              std::uint8_t, void* user) {
        return static_cast<GrpcSession*>(user)->header(
            frame->hd.stream_id, {reinterpret_cast<const char*>(name), name_size},
            {reinterpret_cast<const char*>(value), value_size});
      });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(out, [](nghttp2_session*, std::uint8_t,
                                                                    std::int32_t id,
                                                                    const std::uint8_t* bytes,
                                                                    std::size_t size, void* user) {
    return static_cast<GrpcSession*>(user)->data(id, {reinterpret_cast<const char*>(bytes), size});
  });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      out, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
        const bool carries = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
        if (carries && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
          static_cast<GrpcSession*>(user)->request_ended(frame->hd.stream_id);
        return 0;
      });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      out, [](nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
        static_cast<GrpcSession*>(user)->streams_.erase(id);
        return 0;
      });
  return out;
}

int GrpcSession::begin(std::int32_t id) {
  auto& stream = streams_[id];
  stream.call.peer = peer_;
  return 0;
}

int GrpcSession::header(std::int32_t id, std::string_view name, std::string_view value) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return 0;
  auto& stream = found->second;
  stream.header_size += name.size() + value.size() + 32;
  if (stream.header_size > core_->limits.header_size_max)
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // resets the stream
  if (name == ":path") {
    stream.call.path = value;
  } else if (name == ":method") {
    stream.method = value;
  } else if (!name.starts_with(':')) {
    stream.call.headers.add(std::string(name), std::string(value));
  }
  return 0;
}

int GrpcSession::data(std::int32_t id, std::string_view bytes) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return 0;
  auto& stream = found->second;
  if (stream.body.size() + bytes.size() > core_->limits.message_size_max + kFrameHead) {
    stream.too_large = true;
    stream.body.clear();
    stream.body.shrink_to_fit();
  }
  if (!stream.too_large) stream.body.append(bytes);
  return 0;
}

void GrpcSession::request_ended(std::int32_t id) {
  const auto found = streams_.find(id);
  if (found == streams_.end() || found->second.dispatched) return;
  dispatch(id, found->second);
}

void GrpcSession::dispatch(std::int32_t id, Stream& stream) {
  stream.dispatched = true;
  // Streams reset by the client make room for new ones, their calls go on: those count.
  if (running_ >= core_->limits.call_count_max)
    return respond(id, {14, "too many calls at once on this connection", {}});
  ++running_;
  auto work = std::make_shared<Stream>(std::move(stream));
  stream = {};
  stream.dispatched = true;
  core_->env.executor.post(Lane::kPool, [core = core_, weak = weak_from_this(), work, id] {
    if (!core->enter()) return;
    auto answer = core->answer(*work);
    if (const auto self = weak.lock()) {
      self->connection_->post([weak, id, answer = std::move(answer)]() mutable {
        const auto session = weak.lock();
        if (!session || session->ended_) return;
        --session->running_;
        session->respond(id, std::move(answer));
        session->flush();
      });
    }
    core->leave();
  });
}

void GrpcSession::respond(std::int32_t id, Answer answer) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;  // reset meanwhile
  const auto status = std::to_string(answer.status);
  if (answer.status != 0) {
    const auto text = encode_message(answer.text);
    const nghttp2_nv fields[] = {field(":status", "200"), field("content-type", "application/grpc"),
                                 field("grpc-status", status), field("grpc-message", text)};
    nghttp2_submit_response(session_, id, fields, std::size(fields), nullptr);
    return;
  }
  found->second.out = std::move(answer.message);
  found->second.sent = 0;
  const nghttp2_nv fields[] = {field(":status", "200"), field("content-type", "application/grpc"),
                               field("grpc-accept-encoding", "identity,gzip")};
  nghttp2_data_provider provider{};
  provider.source.ptr = this;
  provider.read_callback = read_answer;
  nghttp2_submit_response(session_, id, fields, std::size(fields), &provider);
}

ssize_t GrpcSession::read_answer(nghttp2_session* session, std::int32_t id, std::uint8_t* to,
                                 std::size_t size, std::uint32_t* flags,
                                 nghttp2_data_source* source, void*) {
  auto& streams = static_cast<GrpcSession*>(source->ptr)->streams_;
  const auto found = streams.find(id);
  if (found == streams.end()) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  auto& stream = found->second;
  const auto count = std::min(size, stream.out.size() - stream.sent);
  std::copy_n(stream.out.data() + stream.sent, count, reinterpret_cast<char*>(to));
  stream.sent += count;
  if (stream.sent == stream.out.size()) {
    // The data end here, the stream with the trailers behind them.
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    const nghttp2_nv trailer = field("grpc-status", "0");
    nghttp2_submit_trailer(session, id, &trailer, 1);
  }
  return static_cast<ssize_t>(count);
}

// ---- all connections ----

Result<void> GrpcCore::listen(const Endpoint& at, Endpoint& local) {
  auto listener = HF_TRY(
      env.transport.listen(at, [weak = weak_from_this()](std::unique_ptr<Connection> connection) {
        if (const auto core = weak.lock()) core->accept(std::move(connection));
      }));
  local = listener->local();
  const std::lock_guard lock(mutex_);
  listener_ = std::move(listener);
  return {};
}

void GrpcCore::accept(std::unique_ptr<Connection> connection) {
  std::shared_ptr<GrpcSession> session;
  {
    const std::lock_guard lock(mutex_);
    if (closed_.load() || sessions_.size() >= limits.connection_count_max) return;
    session = std::make_shared<GrpcSession>(shared_from_this(), std::move(connection));
    sessions_.emplace(session.get(), session);
  }
  session->start();
}

void GrpcCore::remove(GrpcSession* session) {
  std::shared_ptr<GrpcSession> gone;  // freed outside the lock
  const std::lock_guard lock(mutex_);
  if (const auto found = sessions_.find(session); found != sessions_.end()) {
    gone = std::move(found->second);
    sessions_.erase(found);
  }
}

bool GrpcCore::enter() {
  // Sequentially consistent, as in close_now(): either it sees us or we see it.
  running_.fetch_add(1);
  if (!closed_.load()) return true;
  leave();
  return false;
}

void GrpcCore::leave() {
  if (running_.fetch_sub(1) == 1 && closed_.load()) running_.notify_all();
}

void GrpcCore::close_now() {
  closed_.store(true);
  std::unique_ptr<Listener> listener;
  std::unordered_map<GrpcSession*, std::shared_ptr<GrpcSession>> sessions;
  {
    const std::lock_guard lock(mutex_);
    listener.swap(listener_);
    for (const auto& [key, session] : sessions_) session->abort();
  }
  listener.reset();
  while (const int running = running_.load()) running_.wait(running);
  const std::lock_guard lock(mutex_);
  sessions.swap(sessions_);
}

Answer GrpcCore::answer(Stream& stream) const {
  auto& call = stream.call;
  if (stream.method != "POST") return {12, "gRPC calls are POST", {}};
  const auto type = lower(call.headers.get("content-type"));
  if (!type.starts_with("application/grpc"))
    return {12, "content-type is '" + printable(type) + "'; allowed: application/grpc", {}};
  if (filter) {
    Request request;
    request.method = "POST";
    request.target = request.path = call.path;
    request.headers = call.headers;
    request.peer = call.peer;
    if (auto refusal = filter(request))
      return {grpc_status_of_http(refusal->status), refusal->body, {}};
  }
  const auto handler = handlers.find(call.path);
  if (handler == handlers.end()) return {12, "nothing is served at " + printable(call.path), {}};
  if (stream.too_large)
    return {8, "the message is over " + std::to_string(limits.message_size_max) + " bytes", {}};
  auto message = unframe(stream.body, call.headers.get("grpc-encoding"), limits.message_size_max);
  if (!message) return refuse(message.error());
  stream.body = {};
  call.message = std::move(*message);
  auto out = handler->second(call);
  if (!out) return refuse(out.error());
  return {0, {}, frame(*out)};
}

// ---- the public face ----

GrpcServer::GrpcServer(Env& env, GrpcLimits limits)
    : core_(std::make_shared<GrpcCore>(env, limits)) {}

GrpcServer::~GrpcServer() { core_->close_now(); }

void GrpcServer::add(std::string path, Handler handler) {
  core_->handlers[std::move(path)] = std::move(handler);
}

void GrpcServer::set_filter(Router::Filter filter) { core_->filter = std::move(filter); }

Result<Endpoint> GrpcServer::listen(const Endpoint& at) {
  Endpoint local;
  HF_TRY(core_->listen(at, local));
  return local;
}

}  // namespace holdfast::net
