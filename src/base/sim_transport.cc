// A network of streams in memory.
//
// Each connection is two sockets that point at each other. What one side writes waits in its
// `queue` until the window has room, then flies: a segment with a moment of arrival, never before
// the segment ahead of it. On arrival it goes into the other side's inbox, unless the two hosts are
// partitioned: then the whole flight waits and arrives after the healing, as TCP's repetitions
// would have it.
//
// Callbacks never run inside the call that caused them but from the executor, and a socket whose
// Connection is destroyed (`is_gone`) drops them. Since a callback usually owns its session, which
// owns the Connection, handlers are always moved out of the socket before they are called or
// destroyed.

#include <algorithm>
#include <cerrno>
#include <deque>
#include <optional>
#include <set>

#include "base/check.h"
#include "base/sim.h"

namespace holdfast {
namespace {

constexpr std::size_t kWindowBytes = 64 * 1024;
constexpr std::uint16_t kFirstFreePort = 32768;

struct Host;
struct Socket;
using SocketPtr = std::shared_ptr<Socket>;

struct Segment {
  MonoTime arrival;
  std::string bytes;
  bool is_end = false;  // the end of the stream, after all bytes
};

struct PendingWrite {
  std::string bytes;
  std::size_t sent = 0;
  Connection::WriteHandler handler;
};

// One side of a connection.
struct Socket {
  Host* host = nullptr;
  Host* other_host = nullptr;
  std::weak_ptr<Socket> other;  // expires with the other side's Connection
  std::string peer_text;
  bool is_gone = false;  // the Connection is destroyed or its host lost power: no callback any more
  bool is_closed = false;  // close() here
  bool end_sent = false;
  std::optional<Error> broken;

  std::deque<PendingWrite> queue;
  bool end_queued = false;
  std::deque<Segment> flight;  // towards the other side
  std::size_t flight_bytes = 0;

  std::string inbox;
  bool end_seen = false;
  std::size_t read_max = 0;
  Connection::ReadHandler read_handler;

  TimerId timer = TimerId::kNone;
};

struct SimListenerState {
  Endpoint at;
  bool only_local = false;
  Transport::AcceptHandler on_accept;
};

struct Host {
  std::string name;
  std::string address;
  std::unique_ptr<Transport> transport;
  std::map<std::string, std::weak_ptr<SimListenerState>> listeners;  // by ":port" or "unix:path"
  std::uint64_t life = 0;  // power losses so far: callbacks of an earlier life are dropped
  std::uint16_t next_port = kFirstFreePort;
};

}  // namespace

struct SimNetwork::Impl : std::enable_shared_from_this<Impl> {
  Impl(SimExecutor& executor, Random& random) : executor(executor), random(random) {}

  SimExecutor& executor;
  Random& random;
  bool is_down = false;  // the network is destroyed; connections that outlive it do nothing
  std::map<std::string, std::unique_ptr<Host>> hosts;
  std::map<std::string, Host*> addresses;                    // names, addresses and aliases
  std::set<std::pair<std::string, std::string>> partitions;  // names, the smaller first
  std::vector<std::weak_ptr<Socket>> sockets;
  // Senders whose flight waits for a healing; the flight outlives the sender's Connection.
  std::vector<SocketPtr> held;
  Duration latency_min = 100us;
  Duration latency_max = 1ms;
  double drop_connect = 0;
  double reset = 0;
  double split_reads = 0;

  Duration latency() {
    const auto span = (latency_max - latency_min).count();
    return latency_min +
           Duration(span > 0 ? random.below(static_cast<std::uint64_t>(span) + 1) : 0);
  }
  bool parted(const Host& a, const Host& b) const {
    return partitions.count(std::minmax(a.name, b.name)) > 0;
  }
  Host& host(const std::string& name);
  Host* find(const Host& from, const std::string& host) const;

  // Runs the task for the host after the delay, unless it loses power before.
  void later(Host& host, Duration delay, Task task) {
    if (is_down) return;
    executor.post_after(Lane::kControl, delay,
                        [self = weak_from_this(), &host, life = host.life, task = std::move(task)] {
                          const auto network = self.lock();
                          if (network && !network->is_down && host.life == life) task();
                        });
  }
  // Runs the task for the socket unless its Connection is destroyed before.
  void later(const SocketPtr& socket, Duration delay, Task task) {
    later(*socket->host, delay, [socket, task = std::move(task)] {
      if (!socket->is_gone) task();
    });
  }

  void pump(const SocketPtr& socket);
  void fly(const SocketPtr& socket, Segment segment);
  void arrive(const SocketPtr& sender);
  void offer_read(const SocketPtr& socket);
  void break_socket(const SocketPtr& socket, const Error& error);
  void break_pair(const SocketPtr& socket, const Error& error);
  void send_end(const SocketPtr& socket);
  void let_go(const SocketPtr& socket);
  void connect(Host& from, const Endpoint& to, Duration timeout, Transport::ConnectHandler handler);
  void arrive_connect(Host& from, Host& to, const Endpoint& endpoint, MonoTime deadline,
                      std::shared_ptr<Transport::ConnectHandler> handler);
  std::vector<SocketPtr> sockets_of(const Host* host);
  void redeliver();
};

namespace {

using Network = SimNetwork::Impl;

class SimConnection final : public Connection {
 public:
  SimConnection(std::shared_ptr<Network> network, SocketPtr socket)
      : network_(std::move(network)), socket_(std::move(socket)) {}
  ~SimConnection() override {
    cancel_timer();
    close();
    socket_->is_gone = true;
    network_->let_go(socket_);
  }

  void read(std::size_t max_size, ReadHandler handler) override {
    if (socket_->is_gone) return;
    HF_CHECK(!socket_->read_handler, "one read at a time");
    socket_->read_max = std::max<std::size_t>(1, max_size);
    socket_->read_handler = std::move(handler);
    network_->offer_read(socket_);
  }

  void write(std::string bytes, WriteHandler handler) override {
    if (socket_->is_gone) return;
    std::optional<Error> error = socket_->broken;
    if (!error && socket_->is_closed)
      error = Error(Code::kCanceled, "connection closed here: " + peer());
    if (!error && socket_->end_queued) error = errno_error(EPIPE, "write to " + peer());
    if (error) {
      post([handler = std::move(handler), error = *error] {
        if (handler) handler(error);
      });
      return;
    }
    socket_->queue.push_back({std::move(bytes), 0, std::move(handler)});
    network_->pump(socket_);
  }

  void shutdown_write() override {
    socket_->end_queued = true;
    network_->pump(socket_);
  }

  void close() override {
    if (socket_->is_closed) return;
    socket_->is_closed = true;
    const Error error(Code::kCanceled, "connection closed here: " + peer());
    const bool was_broken = socket_->broken.has_value();
    network_->send_end(socket_);
    if (!was_broken) network_->break_socket(socket_, error);
  }

  void post(std::function<void()> task) override {
    network_->later(socket_, Duration::zero(), std::move(task));
  }

  void set_timer(Duration delay, std::function<void()> task) override {
    cancel_timer();
    if (network_->is_down || socket_->is_gone) return;
    socket_->timer = network_->executor.post_after(Lane::kControl, delay,
                                                   [socket = socket_, task = std::move(task)] {
                                                     socket->timer = TimerId::kNone;
                                                     if (!socket->is_gone) task();
                                                   });
  }

  void cancel_timer() override {
    const auto timer = std::exchange(socket_->timer, TimerId::kNone);
    if (!network_->is_down && timer != TimerId::kNone) network_->executor.cancel(timer);
  }

  std::string peer() const override { return socket_->peer_text; }

 private:
  const std::shared_ptr<Network> network_;
  const SocketPtr socket_;
};

class SimListener final : public Listener {
 public:
  explicit SimListener(std::shared_ptr<SimListenerState> state) : state_(std::move(state)) {}
  Endpoint local() const override { return state_->at; }

 private:
  const std::shared_ptr<SimListenerState> state_;  // the host knows it weakly: destroyed is closed
};

class HostTransport final : public Transport {
 public:
  HostTransport(Network& network, Host& host) : network_(network), host_(host) {}

  void connect(const Endpoint& to, Duration timeout, ConnectHandler handler) override {
    network_.connect(host_, to, timeout, std::move(handler));
  }

  Result<std::unique_ptr<Listener>> listen(const Endpoint& at, AcceptHandler on_accept) override {
    auto state = std::make_shared<SimListenerState>();
    state->at = at;
    state->only_local = is_loopback(at);
    state->on_accept = std::move(on_accept);
    if (at.unix_path.empty() && network_.find(host_, at.host) != &host_ && at.host != "0.0.0.0" &&
        at.host != "::") {
      return errno_error(EADDRNOTAVAIL, "listen on " + at.text());
    }
    if (at.unix_path.empty() && at.port == 0) {
      while (taken(key(host_.next_port))) ++host_.next_port;
      state->at.port = host_.next_port++;
      if (host_.next_port == 0) host_.next_port = kFirstFreePort;
    }
    const auto name = key(state->at);
    if (taken(name))
      return unavailable("listen on " + state->at.text() + ": address already in use");
    host_.listeners[name] = state;
    return std::unique_ptr<Listener>(std::make_unique<SimListener>(std::move(state)));
  }

  void resolve(const std::string& host, Duration, ResolveHandler handler) override {
    Result<std::vector<std::string>> answer = unavailable("resolve " + host + ": no such host");
    if (const auto* found = network_.find(host_, host)) {
      const bool is_self = is_loopback({.host = host, .port = 0, .unix_path = ""});
      answer = std::vector<std::string>{is_self ? "127.0.0.1" : found->address};
    }
    network_.later(host_, network_.latency(),
                   [handler = std::move(handler), answer = std::move(answer)] { handler(answer); });
  }

  static std::string key(std::uint16_t port) { return ":" + std::to_string(port); }
  static std::string key(const Endpoint& at) {
    return at.unix_path.empty() ? key(at.port) : at.text();
  }

 private:
  bool taken(const std::string& name) const {
    const auto it = host_.listeners.find(name);
    return it != host_.listeners.end() && !it->second.expired();
  }

  Network& network_;
  Host& host_;
};

}  // namespace

Host& SimNetwork::Impl::host(const std::string& name) {
  auto& host = hosts[name];
  if (!host) {
    host = std::make_unique<Host>();
    host->name = name;
    const auto number = hosts.size();
    host->address = "10.0." + std::to_string(number / 250) + "." + std::to_string(number % 250 + 1);
    host->transport = std::make_unique<HostTransport>(*this, *host);
    addresses[name] = host.get();
    addresses[host->address] = host.get();
  }
  return *host;
}

Host* SimNetwork::Impl::find(const Host& from, const std::string& host) const {
  if (host.empty() || is_loopback({.host = host, .port = 0, .unix_path = ""}))
    return const_cast<Host*>(&from);
  const auto it = addresses.find(host);
  return it == addresses.end() ? nullptr : it->second;
}

// Sends from the queue what the window takes; a write is done when its last byte has left.
void SimNetwork::Impl::pump(const SocketPtr& socket) {
  const auto other = socket->other.lock();
  if (is_down || socket->broken) return;
  while (!socket->queue.empty()) {
    auto& first = socket->queue.front();
    const auto occupied = socket->flight_bytes + (other ? other->inbox.size() : 0);
    const auto size =
        std::min(first.bytes.size() - first.sent, kWindowBytes - std::min(kWindowBytes, occupied));
    if (size == 0 && first.sent < first.bytes.size()) return;  // waits for the reader
    if (size > 0) fly(socket, {.arrival = {}, .bytes = first.bytes.substr(first.sent, size)});
    first.sent += size;
    if (first.sent < first.bytes.size()) return;
    if (first.handler) {
      later(socket, Duration::zero(), [handler = std::move(first.handler)] { handler({}); });
    }
    socket->queue.pop_front();
  }
  if (socket->end_queued && !socket->end_sent) {
    socket->end_sent = true;
    fly(socket, {.arrival = {}, .bytes = "", .is_end = true});
  }
}

void SimNetwork::Impl::fly(const SocketPtr& socket, Segment segment) {
  segment.arrival = executor.clock().mono() + latency();
  if (!socket->flight.empty())
    segment.arrival = std::max(segment.arrival, socket->flight.back().arrival);
  const auto delay = segment.arrival - executor.clock().mono();
  socket->flight_bytes += segment.bytes.size();
  socket->flight.push_back(std::move(segment));
  // Not for the sender's Connection: what was sent arrives although the sender is gone.
  executor.post_after(Lane::kControl, delay, [self = weak_from_this(), socket] {
    if (const auto network = self.lock()) network->arrive(socket);
  });
}

// Everything at the front of the flight that is due.
void SimNetwork::Impl::arrive(const SocketPtr& sender) {
  const auto receiver = sender->other.lock();
  if (is_down || sender->flight.empty()) return;
  if (parted(*sender->host, *sender->other_host)) {
    HF_PROBE("sim network: bytes held by a partition");
    if (std::find(held.begin(), held.end(), sender) == held.end()) held.push_back(sender);
    return;
  }
  while (!sender->flight.empty() && sender->flight.front().arrival <= executor.clock().mono()) {
    const auto segment = std::move(sender->flight.front());
    sender->flight.pop_front();
    sender->flight_bytes -= segment.bytes.size();
    if (reset > 0 && random.chance(reset)) {
      HF_PROBE("sim network: connection reset");
      break_pair(sender, errno_error(ECONNRESET, "connection to " + sender->peer_text));
      return;
    }
    if (!receiver || receiver->is_closed) {
      if (segment.is_end) continue;
      // Nobody reads there any more: TCP answers with a reset, which the sender sees a little
      // later.
      executor.post_after(Lane::kControl, latency(), [self = weak_from_this(), sender] {
        if (const auto network = self.lock(); network && !network->is_down) {
          network->break_socket(sender,
                                errno_error(ECONNRESET, "connection to " + sender->peer_text));
        }
      });
      continue;
    }
    receiver->inbox += segment.bytes;
    receiver->end_seen = receiver->end_seen || segment.is_end;
  }
  if (receiver) offer_read(receiver);
}

// Answers the pending read when there is something to answer.
void SimNetwork::Impl::offer_read(const SocketPtr& socket) {
  if (!socket->read_handler || is_down) return;
  Result<std::string> answer = std::string();
  if (!socket->inbox.empty() && !socket->is_closed) {
    auto size = std::min(socket->read_max, socket->inbox.size());
    if (split_reads > 0 && random.chance(split_reads)) size = 1 + random.below(size);
    answer = socket->inbox.substr(0, size);
    socket->inbox.erase(0, size);
  } else if (socket->broken) {
    answer = *socket->broken;
  } else if (!socket->end_seen) {
    return;
  }
  later(
      socket, Duration::zero(),
      [handler = std::move(socket->read_handler), answer = std::move(answer)] { handler(answer); });
  socket->read_handler = nullptr;
  if (const auto other = socket->other.lock()) pump(other);  // the window has opened
}

// Everything pending on this side ends with the error.
void SimNetwork::Impl::break_socket(const SocketPtr& socket, const Error& error) {
  if (socket->broken) return;
  socket->broken = error;
  auto queue = std::exchange(socket->queue, {});
  for (auto& write : queue) {
    later(socket, Duration::zero(),
          [handler = std::move(write.handler), error] {
            if (handler) handler(error);
          });
  }
  offer_read(socket);
}

void SimNetwork::Impl::break_pair(const SocketPtr& socket, const Error& error) {
  socket->flight.clear();
  socket->flight_bytes = 0;
  break_socket(socket, error);
  if (const auto other = socket->other.lock()) {
    other->flight.clear();
    other->flight_bytes = 0;
    break_socket(other, errno_error(ECONNRESET, "connection to " + other->peer_text));
  }
}

// What close() sends: all that was written, then the end. Without a window: there is nobody left
// who could wait for it.
void SimNetwork::Impl::send_end(const SocketPtr& socket) {
  if (is_down || socket->broken || socket->end_sent) return;
  for (auto& write : socket->queue) {
    if (write.sent < write.bytes.size())
      fly(socket, {.arrival = {}, .bytes = write.bytes.substr(write.sent)});
    write.sent = write.bytes.size();
  }
  socket->end_queued = socket->end_sent = true;
  fly(socket, {.arrival = {}, .bytes = "", .is_end = true});
}

// Drops the callbacks of a socket that nobody owns any more.
void SimNetwork::Impl::let_go(const SocketPtr& socket) {
  const auto queue = std::exchange(socket->queue, {});
  const auto read = std::exchange(socket->read_handler, nullptr);
}

void SimNetwork::Impl::connect(Host& from, const Endpoint& to, Duration timeout,
                               Transport::ConnectHandler handler) {
  if (is_down) return;
  auto* target = to.unix_path.empty() ? find(from, to.host) : &from;
  if (!target) {
    later(from, latency(), [handler = std::move(handler), to] {
      handler(unavailable("connect to " + to.text() + ": no such host"));
    });
    return;
  }
  const auto deadline = executor.clock().mono() + timeout;
  auto shared = std::make_shared<Transport::ConnectHandler>(std::move(handler));
  if (drop_connect > 0 && random.chance(drop_connect)) {
    HF_PROBE("sim network: connection attempt dropped");
    later(from, timeout, [shared, to] {
      (*shared)(Error(Code::kTimeout, "connect to " + to.text() + ": no answer"));
    });
    return;
  }
  // On the network, not for either host: the attempt travels although its sender may crash.
  executor.post_after(
      Lane::kControl, latency(),
      [self = weak_from_this(), &from, target, to, deadline, shared, life = from.life] {
        const auto network = self.lock();
        if (network && !network->is_down && from.life == life)
          network->arrive_connect(from, *target, to, deadline, shared);
      });
}

void SimNetwork::Impl::arrive_connect(Host& from, Host& to, const Endpoint& endpoint,
                                      MonoTime deadline,
                                      std::shared_ptr<Transport::ConnectHandler> handler) {
  const auto now = executor.clock().mono();
  const auto back = latency();
  if (parted(from, to) || now + back > deadline) {
    later(from, deadline - now, [handler, endpoint] {
      (*handler)(Error(Code::kTimeout, "connect to " + endpoint.text() + ": no answer"));
    });
    return;
  }
  const auto it = to.listeners.find(HostTransport::key(endpoint));
  const auto listener = it == to.listeners.end() ? nullptr : it->second.lock();
  if (!listener || (listener->only_local && &from != &to)) {
    later(from, back, [handler, endpoint] {
      (*handler)(errno_error(ECONNREFUSED, "connect to " + endpoint.text()));
    });
    return;
  }
  const auto client = std::make_shared<Socket>();
  const auto server = std::make_shared<Socket>();
  client->host = server->other_host = &from;
  server->host = client->other_host = &to;
  client->other = server;
  server->other = client;
  client->peer_text = endpoint.unix_path.empty() ? to.address + ":" + std::to_string(endpoint.port)
                                                 : endpoint.text();
  server->peer_text =
      endpoint.unix_path.empty() ? from.address + ":" + std::to_string(from.next_port++) : "unix:";
  if (from.next_port == 0) from.next_port = kFirstFreePort;
  std::erase_if(sockets, [](const auto& socket) { return socket.expired(); });
  sockets.push_back(client);
  sockets.push_back(server);
  // The Connection stands for its side from here on: when the client never learns of it, it closes.
  auto connection = std::make_shared<std::unique_ptr<Connection>>(
      std::make_unique<SimConnection>(shared_from_this(), client));
  later(from, back, [handler, connection] { (*handler)(std::move(*connection)); });
  listener->on_accept(std::make_unique<SimConnection>(shared_from_this(), server));
}

std::vector<SocketPtr> SimNetwork::Impl::sockets_of(const Host* host) {
  std::vector<SocketPtr> out;
  for (const auto& weak : sockets) {
    auto socket = weak.lock();
    if (socket && (!host || socket->host == host)) out.push_back(std::move(socket));
  }
  return out;
}

void SimNetwork::Impl::redeliver() {
  for (const auto& socket : std::exchange(held, {})) {
    executor.post_after(Lane::kControl, latency(), [self = weak_from_this(), socket] {
      if (const auto network = self.lock()) network->arrive(socket);
    });
  }
}

SimNetwork::SimNetwork(SimExecutor& executor, Random& random)
    : impl_(std::make_shared<Impl>(executor, random)) {}

SimNetwork::~SimNetwork() {
  impl_->is_down = true;
  // Sessions usually own their Connection and are owned by its pending callbacks: cut the circle
  // here.
  for (const auto& socket : impl_->sockets_of(nullptr)) impl_->let_go(socket);
}

Transport& SimNetwork::host(const std::string& name) { return *impl_->host(name).transport; }
std::string SimNetwork::address(const std::string& name) { return impl_->host(name).address; }

void SimNetwork::set_latency(Duration min, Duration max) {
  HF_CHECK(Duration::zero() <= min && min <= max, "latency goes from small to large");
  impl_->latency_min = min;
  impl_->latency_max = max;
}
void SimNetwork::set_drop_connect(double probability) { impl_->drop_connect = probability; }
void SimNetwork::set_reset(double probability) { impl_->reset = probability; }
void SimNetwork::set_split_reads(double probability) { impl_->split_reads = probability; }

void SimNetwork::partition(const std::string& a, const std::string& b) {
  impl_->partitions.insert(std::minmax(a, b));
}

void SimNetwork::heal(const std::string& a, const std::string& b) {
  if (impl_->partitions.erase(std::minmax(a, b)) > 0) impl_->redeliver();
}

void SimNetwork::heal_all() {
  impl_->partitions.clear();
  impl_->redeliver();
}

void SimNetwork::reset_all(const std::string& host) {
  for (const auto& socket : impl_->sockets_of(&impl_->host(host))) {
    impl_->break_pair(socket, errno_error(ECONNRESET, "connection to " + socket->peer_text));
  }
}

void SimNetwork::crash(const std::string& name) {
  auto& host = impl_->host(name);
  ++host.life;
  host.listeners.clear();
  for (const auto& socket : impl_->sockets_of(&host)) {
    socket->is_gone = true;
    impl_->break_pair(socket, errno_error(ECONNRESET, "connection to " + socket->peer_text));
    impl_->let_go(socket);
  }
}

void SimNetwork::set_alias(const std::string& name, const std::string& host) {
  impl_->addresses[name] = &impl_->host(host);
}

}  // namespace holdfast
