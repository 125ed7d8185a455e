// tests/net/fixture.h: a real machine's Env, a raw socket, and ways to wait for an answer.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <future>
#include <string>
#include <thread>

#include "base/env.h"
#include "gtest/gtest.h"
#include "net/http.h"
#include "net/transport.h"

namespace holdfast::net {

struct Machine {
  SystemClock clock;
  SystemRandom random;
  PosixFileSystem files;
  ThreadExecutor executor{2};
  AsioTransport transport{2};
  Env env{clock, random, files, transport, executor};
};

// Bytes to a port on loopback, and what comes back. A stuck test ends by the socket's own timeout.
class RawClient {
 public:
  explicit RawClient(const Endpoint& to) {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(to.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False when the server has closed meanwhile.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void half_close() { ::shutdown(fd_, SHUT_WR); }

  std::string read_all() {
    while (more()) {
    }
    return std::exchange(got_, {});
  }
  // Up to and including `end`; what came behind it stays for the next call.
  std::string read_until(std::string_view end) {
    auto place = got_.find(end);
    while (place == std::string::npos && more()) place = got_.find(end);
    if (place == std::string::npos) return std::exchange(got_, {});
    auto out = got_.substr(0, place + end.size());
    got_.erase(0, out.size());
    return out;
  }
  std::string read_size(std::size_t size) {
    while (got_.size() < size && more()) {
    }
    auto out = got_.substr(0, size);
    got_.erase(0, out.size());
    return out;
  }
  // Head and a body of Content-Length.
  std::string read_response() {
    auto head = read_until("\r\n\r\n");
    const auto at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    return head + read_size(std::stoul(head.substr(at + 16)));
  }
  std::string ask(std::string_view bytes) {
    send(bytes);
    return read_response();
  }

 private:
  bool more() {
    char bytes[16384];
    const auto size = ::recv(fd_, bytes, sizeof bytes, 0);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) ADD_FAILURE() << "no answer in 20 s";
    if (size > 0) got_.append(bytes, static_cast<std::size_t>(size));
    return size > 0;
  }
  int fd_;
  std::string got_;
};

inline Result<ClientResponse> fetch(Client& client, ClientRequest request, std::stop_token stop = {}) {
  auto promise = std::make_shared<std::promise<Result<ClientResponse>>>();
  auto future = promise->get_future();
  client.send(std::move(request), [promise](Result<ClientResponse> r) { promise->set_value(std::move(r)); },
              std::move(stop));
  return future.get();
}

inline void shut_down(Server& server, Duration deadline = 5s) {
  std::promise<void> done;
  server.shutdown(deadline, [&] { done.set_value(); });
  done.get_future().wait();
}

}  // namespace holdfast::net
