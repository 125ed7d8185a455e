// net/transport.h: the machine's own network as base::Transport, on Boost.Asio.
//
// Threads     Connections that we open live on one of `threads` I/O threads. Those we accept share
//             `accepted_threads` others, each running its callbacks one at a time; all but one of these
//             may be blocked (Connection::begin_blocking), so that a server answers on the thread that
//             read the request. Names resolve on helper threads. Destroy a connection on its own
//             thread where a callback must not be met halfway.
// Names       "localhost" is 127.0.0.1 and ::1 without asking anybody (RFC 6761).
// Limits      SO_REUSEADDR on listeners; TCP_NODELAY on all connections; backlog 1024.
#pragma once

#include <memory>

#include "base/transport.h"

namespace holdfast::net {

class AsioLoops;

class AsioTransport final : public Transport {
 public:
  explicit AsioTransport(int threads, int accepted_threads = 2);
  ~AsioTransport() override;  // stops and joins; connections must not be used afterwards

  void connect(const Endpoint& to, Duration timeout, ConnectHandler handler) override;
  Result<std::unique_ptr<Listener>> listen(const Endpoint& at, AcceptHandler on_accept) override;
  void resolve(const std::string& host, Duration timeout, ResolveHandler handler) override;

 private:
  std::shared_ptr<AsioLoops> loops_;
};

}  // namespace holdfast::net
