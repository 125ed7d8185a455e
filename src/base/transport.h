// base/transport.h: byte streams to the outside, as something handed in.
//
// Purpose     connect, listen, resolve. The machine's implementation is net::AsioTransport; SimNetwork
//             (base/sim.h) drops, delays and partitions. HTTP and TLS (room net) stand on top of both.
// Threads     A connection's callbacks run one at a time on the transport's own thread for it. Its
//             methods may be called from any thread; the work is handed to that thread.
// Lifetime    Destroying a Connection closes it and its pending callbacks are dropped, never called.
// Errors      refused / unreachable / reset: kUnavailable. Deadline: kTimeout. Names the endpoint.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace holdfast {

struct Endpoint {
  std::string host;         // a name or address; empty for a unix socket
  std::uint16_t port = 0;   // 0 with listen(): any free port
  std::string unix_path;    // a unix socket when not empty

  std::string text() const;  // "host:port", "[::1]:80" or "unix:/path"
  bool operator==(const Endpoint&) const = default;
};
// "host:port", "[v6]:port", ":port" (all addresses) or "unix:/path".
Result<Endpoint> parse_endpoint(std::string_view text);
// Whether only this machine can reach it: 127.0.0.0/8, ::1, localhost, unix sockets.
bool is_loopback(const Endpoint& endpoint);

class Connection {
 public:
  // An empty chunk is the end of the stream.
  using ReadHandler = std::function<void(Result<std::string>)>;
  using WriteHandler = std::function<void(Result<void>)>;

  virtual ~Connection() = default;
  // At most `max_size` bytes, at least one unless the stream ended. One read at a time.
  virtual void read(std::size_t max_size, ReadHandler handler) = 0;
  // All of `bytes`. Writes may be queued; they go out in order. The handler may be empty.
  virtual void write(std::string bytes, WriteHandler handler) = 0;
  virtual void shutdown_write() = 0;
  virtual void close() = 0;
  // Runs the task on this connection's thread, after what is queued there.
  virtual void post(std::function<void()> task) = 0;
  // Runs the task there after a delay unless the connection is destroyed before; a later call replaces
  // an earlier one: one timer per connection, for idle and slow-client limits.
  virtual void set_timer(Duration delay, std::function<void()> task) = 0;
  virtual void cancel_timer() = 0;
  virtual std::string peer() const = 0;  // "address:port" of the other side
  // Asks leave to block in the callback that is running now; true when the transport has another
  // thread for everybody else meanwhile, and end_blocking() says that it is over. No callback of this
  // connection runs in between, but `on_gone` is called from another thread once the other side is
  // seen to have closed. False where blocking would hold up others: hand the work over.
  virtual bool begin_blocking(std::function<void()> on_gone) {
    (void)on_gone;
    return false;
  }
  virtual void end_blocking() {}
};

class Listener {
 public:
  virtual ~Listener() = default;  // stops accepting; accepted connections live on
  virtual Endpoint local() const = 0;
};

class Transport {
 public:
  using ConnectHandler = std::function<void(Result<std::unique_ptr<Connection>>)>;
  using AcceptHandler = std::function<void(std::unique_ptr<Connection>)>;
  using ResolveHandler = std::function<void(Result<std::vector<std::string>>)>;

  virtual ~Transport() = default;
  virtual void connect(const Endpoint& to, Duration timeout, ConnectHandler handler) = 0;
  virtual Result<std::unique_ptr<Listener>> listen(const Endpoint& at, AcceptHandler on_accept) = 0;
  // The addresses of a name, as text.
  virtual void resolve(const std::string& host, Duration timeout, ResolveHandler handler) = 0;
};

}  // namespace holdfast
