#include <algorithm>
#include <limits>

#include "base/log.h"
#include "net/session.h"

namespace holdfast::net {
namespace {

// Seconds; from a cached answer to a heavy query.
constexpr std::array<double, 14> kLatencyBounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                   0.025,  0.05,    0.1,    0.25,  1,      2.5,   10};
constexpr std::size_t kEventsWaitingMax = 1 << 20;

class SessionEvents final : public EventStream {
 public:
  SessionEvents(std::weak_ptr<Session> session, std::shared_ptr<EventState> state)
      : session_(std::move(session)), state_(std::move(state)) {}
  ~SessionEvents() override {
    if (!state_->open.exchange(false)) return;
    if (const auto session = session_.lock()) session->end_events();
  }

  bool open() const override { return state_->open.load(std::memory_order_acquire); }

  bool send(std::string_view event, std::string_view data, std::string_view id) override {
    const auto session = session_.lock();
    if (!session || !open()) return false;
    auto bytes = render(event, data, id);
    const auto waiting = state_->waiting.fetch_add(bytes.size(), std::memory_order_relaxed);
    if (waiting + bytes.size() > kEventsWaitingMax) {
      HF_PROBE("http: event stream closed on a slow client");
      state_->open.store(false, std::memory_order_release);
      session->abort();
      return false;
    }
    session->push_event(std::move(bytes));
    return true;
  }

 private:
  static void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ");
    for (const char c : value) out += c == '\n' || c == '\r' || c == '\0' ? ' ' : c;
    out += '\n';
  }

  static std::string render(std::string_view event, std::string_view data, std::string_view id) {
    std::string out;
    out.reserve(data.size() + event.size() + id.size() + 32);
    if (!id.empty()) append_field(out, "id", id);
    if (!event.empty()) append_field(out, "event", event);
    // Each line of the data is a field of its own; the browser joins them again.
    while (true) {
      const auto end = data.find_first_of("\r\n");
      out.append("data: ").append(data.substr(0, end)) += '\n';
      if (end == std::string_view::npos) break;
      data.remove_prefix(data.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
    }
    return out += '\n';
  }

  std::weak_ptr<Session> session_;
  std::shared_ptr<EventState> state_;
};

}  // namespace

// ---- one request ----

Exchange::~Exchange() {
  if (!dispatched || answered_.exchange(true)) return;
  const auto session = session_.lock();
  if (!session) return;
  HF_PROBE("http: handler dropped its responder");
  session->deliver(turn, Response::text(500, "the handler gave no answer\n"));
}

void Exchange::run(const Router::Route& route) {
  // Decoded here, not while parsing: on the pool for blocking routes, and only for who may come in.
  const std::string coding(request.headers.get("Content-Encoding"));
  if (!coding.empty() && coding != "snappy") {
    auto decoded = decode_body(coding, std::move(request.body), core_->limits.body_size_max);
    if (!decoded) {
      const auto code = decoded.error().code();
      const int status = code == Code::kTooLarge ? 413 : code == Code::kUnsupported ? 415 : 400;
      if (status == 413) core_->count_refused();
      auto refusal = Response::text(status, decoded.error().message() + "\n");
      if (status == 415) refusal.headers.set("Accept-Encoding", "gzip, zstd");
      return send(std::move(refusal));
    }
    request.body = std::move(*decoded);
    request.headers.erase("Content-Encoding");
  }
  route.handler(request, shared_from_this());
}

void Exchange::compress(Response& response) const {
  if (response.body.size() < core_->limits.compress_size_min || turn.head) return;
  if (response.status == 206 || response.headers.has("Content-Encoding")) return;
  if (!is_compressible(response.headers.get("Content-Type"))) return;
  response.headers.add("Vary", "Accept-Encoding");
  const auto coding = choose_coding(request.headers.get("Accept-Encoding"));
  if (coding == Coding::kIdentity) return;
  auto packed = core_->compressors.compress(coding, response.body);
  if (packed.size() >= response.body.size()) return;
  response.body = std::move(packed);
  response.headers.add("Content-Encoding", std::string(coding_name(coding)));
}

void Exchange::send(Response response) {
  if (answered_.exchange(true)) return;
  const auto session = session_.lock();
  if (!session) return;
  compress(response);
  session->deliver(turn, std::move(response));
}

std::shared_ptr<EventStream> Exchange::start_events() {
  auto state = std::make_shared<EventState>();
  const auto session = session_.lock();
  if (answered_.exchange(true) || !session) {
    state->open = false;
  } else {
    session->begin_events(turn, state);
  }
  return std::make_shared<SessionEvents>(session_, std::move(state));
}

// ---- all sessions ----

ServerCore::ServerCore(Env& e, const Router& r, ServerLimits l) : env(e), router(r), limits(l) {
  static_assert(kBucketCount == kLatencyBounds.size());
}

Result<Endpoint> ServerCore::listen(const Endpoint& at) {
  auto listener = HF_TRY(
      env.transport.listen(at, [weak = weak_from_this()](std::unique_ptr<Connection> connection) {
        if (const auto core = weak.lock()) core->accept(std::move(connection));
      }));
  auto local = listener->local();
  const std::lock_guard lock(mutex_);
  listeners_.push_back(std::move(listener));
  return local;
}

void ServerCore::accept(std::unique_ptr<Connection> connection) {
  std::shared_ptr<Session> session;
  {
    const std::lock_guard lock(mutex_);
    if (draining() || closed_.load()) return;
    if (sessions_.size() < limits.connection_count_max) {
      session = std::make_shared<Session>(shared_from_this(), std::move(connection));
      sessions_.emplace(session.get(), session);
    }
  }
  if (session) return session->start();
  HF_PROBE("http: connection refused over the limit");
  count_refused();
  // So short that it fits any socket's buffer. What the client has sent is read before closing: unread
  // bytes would turn the close into a reset, which may overtake the answer.
  const std::shared_ptr<Connection> refused = std::move(connection);
  refused->write("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 21\r\nContent-Type: text/plain\r\n"
                 "Connection: close\r\nRetry-After: 1\r\n\r\ntoo many connections\n",
                 [refused](const Result<void>&) {
                   refused->shutdown_write();
                   refused->set_timer(1s, [refused] { refused->close(); });
                   refused->read(64 * 1024, [refused](const Result<std::string>&) {
                     refused->cancel_timer();
                     refused->close();
                   });
                 });
}

void ServerCore::remove(Session* session) {
  std::shared_ptr<Session> gone;  // freed outside the lock
  bool last = false;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = sessions_.find(session); found != sessions_.end()) {
      gone = std::move(found->second);
      sessions_.erase(found);
    }
    last = sessions_.empty() && draining();
  }
  if (last) finish_shutdown();
}

std::vector<std::shared_ptr<Session>> ServerCore::all_sessions() {
  std::vector<std::shared_ptr<Session>> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, session] : sessions_) all.push_back(session);
  return all;
}

void ServerCore::shutdown(Duration deadline, std::function<void()> done) {
  std::vector<std::unique_ptr<Listener>> listeners;
  {
    const std::lock_guard lock(mutex_);
    draining_.store(true, std::memory_order_release);
    listeners.swap(listeners_);
    done_ = std::move(done);
    deadline_timer_ = env.executor.post_after(Lane::kControl, deadline, [weak = weak_from_this()] {
      const auto core = weak.lock();
      if (!core) return;
      HF_PROBE("http: shutdown deadline cut requests off");
      for (const auto& session : core->all_sessions()) session->abort();
      core->finish_shutdown();
    });
  }
  listeners.clear();
  const auto sessions = all_sessions();
  for (const auto& session : sessions) session->drain();
  if (sessions.empty()) finish_shutdown();
}

void ServerCore::finish_shutdown() {
  std::function<void()> done;
  TimerId timer;
  {
    const std::lock_guard lock(mutex_);
    done = std::exchange(done_, nullptr);
    timer = std::exchange(deadline_timer_, TimerId::kNone);
  }
  if (timer != TimerId::kNone) env.executor.cancel(timer);
  if (done) env.executor.post(Lane::kControl, std::move(done));
}

bool ServerCore::enter() {
  // Sequentially consistent, as in close_now(): either it sees us or we see it.
  running_.fetch_add(1);
  if (!closed_.load()) return true;
  leave();
  return false;
}

void ServerCore::leave() {
  if (running_.fetch_sub(1) == 1 && closed_.load()) running_.notify_all();
}

void ServerCore::close_now() {
  closed_.store(true);
  std::vector<std::unique_ptr<Listener>> listeners;
  TimerId timer;
  {
    const std::lock_guard lock(mutex_);
    listeners.swap(listeners_);
    done_ = nullptr;
    timer = std::exchange(deadline_timer_, TimerId::kNone);
  }
  if (timer != TimerId::kNone) env.executor.cancel(timer);
  listeners.clear();
  for (const auto& session : all_sessions()) session->abort();
  while (const int running = running_.load()) running_.wait(running);
  std::unordered_map<Session*, std::shared_ptr<Session>> sessions;
  {
    const std::lock_guard lock(mutex_);
    sessions.swap(sessions_);
  }
}

void ServerCore::count(int status, Duration took) {
  constexpr auto relaxed = std::memory_order_relaxed;
  by_status_[static_cast<std::size_t>(std::clamp(status, 0, 599))].fetch_add(1, relaxed);
  const auto bound = std::lower_bound(kLatencyBounds.begin(), kLatencyBounds.end(), to_seconds(took));
  latency_[static_cast<std::size_t>(bound - kLatencyBounds.begin())].fetch_add(1, relaxed);
  latency_sum_ns_.fetch_add(static_cast<std::uint64_t>(took.count()), relaxed);
}

ServerStats ServerCore::stats() const {
  ServerStats stats;
  for (std::size_t status = 0; status < by_status_.size(); ++status) {
    const auto count = by_status_[status].load(std::memory_order_relaxed);
    if (count == 0) continue;
    stats.by_status[static_cast<int>(status)] = count;
    stats.requests += count;
  }
  stats.refused = refused_.load(std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  stats.connections = sessions_.size();
  return stats;
}

LatencyHistogram ServerCore::latency() const {
  LatencyHistogram histogram;
  for (std::size_t i = 0; i < latency_.size(); ++i) {
    histogram.count += latency_[i].load(std::memory_order_relaxed);
    const double bound =
        i < kLatencyBounds.size() ? kLatencyBounds[i] : std::numeric_limits<double>::infinity();
    histogram.buckets.push_back({bound, histogram.count});
  }
  histogram.sum = static_cast<double>(latency_sum_ns_.load(std::memory_order_relaxed)) / 1e9;
  return histogram;
}

// ---- the public face ----

Server::Server(Env& env, const Router& router, ServerLimits limits)
    : core_(std::make_shared<ServerCore>(env, router, limits)) {}

Server::~Server() { core_->close_now(); }

Result<Endpoint> Server::listen(const Endpoint& at) { return core_->listen(at); }

void Server::shutdown(Duration deadline, std::function<void()> done) {
  core_->shutdown(deadline, std::move(done));
}

ServerStats Server::stats() const { return core_->stats(); }
LatencyHistogram Server::latency() const { return core_->latency(); }

}  // namespace holdfast::net
