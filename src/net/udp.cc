// One thread, one socket: a blocking receive that is ended by shutting the socket down from a pipe's other end.
#include "net/udp.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

namespace holdfast::net {
namespace {

constexpr std::size_t kDatagramMax = 64 * 1024;
constexpr int kBufferSize = 4 * 1024 * 1024;
// After so many datagrams in a row the end is looked for again.
constexpr int kBurst = 256;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<Endpoint> local_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return errno_error(errno, "getsockname");
  char host[NI_MAXHOST], port[NI_MAXSERV];
  if (::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host, sizeof host, port,
                    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV | NI_DGRAM) != 0) {
    return unavailable("the address of a socket cannot be told");
  }
  Endpoint endpoint;
  endpoint.host = host;
  endpoint.port = static_cast<std::uint16_t>(std::stoi(port));
  return endpoint;
}

class Receiver final : public UdpReceiver {
 public:
  Receiver(Descriptor socket, Descriptor wake, Endpoint local, Handler handler)
      : socket_(std::move(socket)),
        wake_(std::move(wake)),
        local_(std::move(local)),
        handler_(std::move(handler)),
        thread_([this](std::stop_token stop) { run(stop); }) {}

  ~Receiver() override {
    thread_.request_stop();
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
    thread_.join();
  }

  Endpoint local() const override { return local_; }

 private:
  void run(const std::stop_token& stop) {
    std::vector<char> buffer(kDatagramMax);
    while (!stop.stop_requested()) {
      pollfd waits[2] = {{socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
      if (::poll(waits, 2, -1) < 0 && errno != EINTR) return;
      for (int i = 0; i < kBurst && !stop.stop_requested(); ++i) {
        const auto size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0) break;  // nothing more now, or an error report of an earlier datagram
        handler_({buffer.data(), static_cast<std::size_t>(size)});
      }
    }
  }

  Descriptor socket_;
  Descriptor wake_;
  const Endpoint local_;
  const Handler handler_;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace

Result<std::unique_ptr<UdpReceiver>> UdpReceiver::open(const Endpoint& at, Handler handler) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const auto host =
      at.host == "localhost" ? std::string("127.0.0.1") : at.host;  // RFC 6761, without asking
  const auto port = std::to_string(at.port);
  if (const int wrong =
          ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
      wrong != 0) {
    return unavailable("listen on UDP " + at.text() + ": " + ::gai_strerror(wrong));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  Descriptor socket(::socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return errno_error(errno, "open a UDP socket");
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &kBufferSize,
               sizeof kBufferSize);  // as much as the kernel allows
  if (::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0)
    return errno_error(errno, "listen on UDP " + at.text());
  Descriptor wake(::eventfd(0, EFD_CLOEXEC));
  if (wake.get() < 0) return errno_error(errno, "open an event descriptor");
  auto local = HF_TRY(local_of(socket.get()));
  return std::unique_ptr<UdpReceiver>(std::make_unique<Receiver>(
      std::move(socket), std::move(wake), std::move(local), std::move(handler)));
}

}  // namespace holdfast::net
