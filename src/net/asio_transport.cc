#include "net/transport.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <mutex>
#include <thread>

#include "base/text.h"
#include "net/asio_connection.h"

namespace holdfast::net {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Unix = asio::local::stream_protocol;
using AnyEndpoint = asio::generic::stream_protocol::endpoint;

// The I/O threads and what lives on them. The order at the end: stop and join the threads, let the
// loops run dry on the destroying thread (closed streams come back and are freed), then the contexts go.
class AsioLoops {
 public:
  struct Loop {
    explicit Loop(int thread_count) : context(thread_count) {
      for (int i = 0; i < thread_count; ++i) threads.emplace_back([this] { context.run(); });
    }
    asio::io_context context;
    asio::executor_work_guard<asio::io_context::executor_type> work =
        asio::make_work_guard(context);
    std::vector<std::thread> threads;
  };

  AsioLoops(int threads, int accepted_threads) {
    for (int i = 0; i < std::max(threads, 1); ++i) loops_.push_back(std::make_unique<Loop>(1));
    loops_.push_back(std::make_unique<Loop>(std::max(accepted_threads, 1)));
    leave_ = std::make_shared<BlockingLeave>(accepted_threads - 1, loops_.front()->context);
  }

  asio::io_context& next_context() {
    return loops_[turn_.fetch_add(1, std::memory_order_relaxed) % (loops_.size() - 1)]->context;
  }
  // For a connection that is to be accepted.
  asio::any_io_executor accepted_executor() { return asio::make_strand(loops_.back()->context); }
  const std::shared_ptr<BlockingLeave>& leave() const { return leave_; }

  std::unique_ptr<Connection> make_connection(asio::any_io_executor executor, AsioSocket socket,
                                              std::string peer,
                                              std::shared_ptr<BlockingLeave> leave) {
    auto stream = std::make_shared<AsioStream>(std::move(executor), std::move(socket),
                                               std::move(peer), std::move(leave));
    {
      const std::lock_guard lock(mutex_);
      // Swept when it has doubled, so the cost of a connection stays constant.
      if (streams_.size() >= sweep_at_) {
        std::erase_if(streams_, [](const auto& weak) { return weak.expired(); });
        sweep_at_ = std::max<std::size_t>(64, streams_.size() * 2);
      }
      streams_.push_back(stream);
    }
    return std::make_unique<AsioConnection>(std::move(stream), stopped_);
  }

  bool stopping() const { return stopping_.load(std::memory_order_acquire); }
  const std::shared_ptr<std::atomic<bool>>& stopped() const { return stopped_; }

  void stop() {
    stopping_.store(true, std::memory_order_release);
    for (auto& loop : loops_) loop->context.stop();
    for (auto& loop : loops_) {
      for (auto& thread : loop->threads) thread.join();
    }
    stopped_->store(true, std::memory_order_release);
    leave_->stop();
    std::vector<std::weak_ptr<AsioStream>> streams;
    {
      const std::lock_guard lock(mutex_);
      streams.swap(streams_);
    }
    for (const auto& weak : streams) {
      if (const auto stream = weak.lock()) stream->drop(true);
    }
    for (auto& loop : loops_) {
      loop->work.reset();
      loop->context.restart();
      while (loop->context.poll() > 0) {
      }
    }
  }

 private:
  std::vector<std::unique_ptr<Loop>> loops_;  // the last is for what is accepted
  std::shared_ptr<BlockingLeave> leave_;
  std::atomic<std::size_t> turn_{0};   // relaxed: only spreads connections over the loops
  std::atomic<bool> stopping_{false};  // release/acquire: drops handlers that draining would call
  // Connections that outlive the threads clean up by themselves; they share this to know.
  std::shared_ptr<std::atomic<bool>> stopped_ = std::make_shared<std::atomic<bool>>(false);
  std::mutex mutex_;
  std::vector<std::weak_ptr<AsioStream>> streams_ HF_GUARDED_BY(mutex_);
  std::size_t sweep_at_ HF_GUARDED_BY(mutex_) = 64;
};

namespace {

Error network_error(const error_code& failure, const std::string& what) {
  if (failure == asio::error::timed_out) return {Code::kTimeout, what + ": timed out"};
  return unavailable(what + ": " + failure.message());
}

std::string endpoint_text(const tcp::endpoint& endpoint) {
  return Endpoint{endpoint.address().to_string(), endpoint.port(), ""}.text();
}

// ---- accepting ----

// One listening socket. The pending accept keeps it alive; stop() ends that.
template <typename Protocol>
class AcceptLoop : public std::enable_shared_from_this<AcceptLoop<Protocol>> {
 public:
  using Acceptor = asio::basic_socket_acceptor<Protocol>;
  AcceptLoop(std::weak_ptr<AsioLoops> loops, Acceptor acceptor, Transport::AcceptHandler on_accept,
             std::string name)
      : loops_(std::move(loops)),
        acceptor_(std::move(acceptor)),
        retry_(acceptor_.get_executor()),
        on_accept_(std::move(on_accept)),
        name_(std::move(name)) {}

  void accept() {
    const auto loops = loops_.lock();
    if (!loops || loops->stopping()) return;
    const auto executor = loops->accepted_executor();
    acceptor_.async_accept(
        executor, [self = this->shared_from_this(), executor](const error_code& failure,
                                                              typename Protocol::socket socket) {
          self->accepted(failure, std::move(socket), executor);
        });
  }

  void stop(bool inline_now) {
    dropped_.store(true, std::memory_order_release);
    // From this moment connections are refused and the port may be bound again; the descriptor itself is
    // closed on its own thread.
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
    auto close = [self = this->shared_from_this()] {
      error_code ignored;
      self->acceptor_.close(ignored);
      self->retry_.cancel();
    };
    if (inline_now) {
      close();
    } else {
      asio::dispatch(acceptor_.get_executor(), std::move(close));
    }
  }

 private:
  bool dropped() const { return dropped_.load(std::memory_order_acquire); }

  void accepted(const error_code& failure, typename Protocol::socket socket,
                const asio::any_io_executor& executor) {
    const auto loops = loops_.lock();
    if (!loops || loops->stopping() || dropped() || failure == asio::error::operation_aborted)
      return;
    if (failure) {
      // Out of descriptors, mostly: waiting lets others close, spinning would only burn the thread.
      retry_.expires_after(std::chrono::milliseconds(50));
      retry_.async_wait([self = this->shared_from_this()](const error_code& canceled) {
        if (!canceled && !self->dropped()) self->accept();
      });
      return;
    }
    std::string peer = name_;
    if constexpr (std::is_same_v<Protocol, tcp>) {
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      peer = endpoint_text(socket.remote_endpoint(ignored));
    }
    auto connection = loops->make_connection(executor, AsioSocket(std::move(socket)),
                                             std::move(peer), loops->leave());
    // On the connection's own thread, as all its callbacks.
    asio::post(executor, [self = this->shared_from_this(), loops = loops_,
                          connection = std::move(connection)]() mutable {
      const auto alive = loops.lock();
      if (alive && !alive->stopping() && !self->dropped()) self->on_accept_(std::move(connection));
    });
    accept();
  }

  std::weak_ptr<AsioLoops> loops_;
  Acceptor acceptor_;
  asio::steady_timer retry_;
  const Transport::AcceptHandler on_accept_;
  const std::string name_;
  std::atomic<bool> dropped_{false};  // release/acquire: set once, by the listener's owner
};

template <typename Protocol>
class AsioListener final : public Listener {
 public:
  AsioListener(std::shared_ptr<AcceptLoop<Protocol>> loop, Endpoint local,
               std::shared_ptr<std::atomic<bool>> stopped)
      : loop_(std::move(loop)), local_(std::move(local)), stopped_(std::move(stopped)) {}
  ~AsioListener() override {
    loop_->stop(stopped_->load(std::memory_order_acquire));
    if (!local_.unix_path.empty()) ::unlink(local_.unix_path.c_str());
  }
  Endpoint local() const override { return local_; }

 private:
  std::shared_ptr<AcceptLoop<Protocol>> loop_;
  const Endpoint local_;
  std::shared_ptr<std::atomic<bool>> stopped_;
};

constexpr int kBacklog = 1024;

Result<std::unique_ptr<Listener>> listen_unix(const std::shared_ptr<AsioLoops>& loops,
                                              const Endpoint& at,
                                              Transport::AcceptHandler handler) {
  auto& context = loops->next_context();
  error_code failure;
  struct stat info {};
  // A socket nobody answers is what a killed process left behind.
  if (::lstat(at.unix_path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) {
    Unix::socket probe(context);
    probe.connect(Unix::endpoint(at.unix_path), failure);
    if (!failure) return unavailable("listen on " + at.text() + ": another process serves it");
    ::unlink(at.unix_path.c_str());
  }
  asio::basic_socket_acceptor<Unix> acceptor(context);
  failure = {};
  if (!failure) acceptor.open(Unix(), failure);
  if (!failure) acceptor.bind(Unix::endpoint(at.unix_path), failure);
  if (!failure) acceptor.listen(kBacklog, failure);
  if (failure) return network_error(failure, "listen on " + at.text());
  auto loop =
      std::make_shared<AcceptLoop<Unix>>(loops, std::move(acceptor), std::move(handler), at.text());
  loop->accept();
  return std::unique_ptr<Listener>(new AsioListener<Unix>(std::move(loop), at, loops->stopped()));
}

Result<tcp::endpoint> listen_address(asio::io_context& context, const Endpoint& at) {
  error_code failure;
  if (at.host == "localhost") return tcp::endpoint(asio::ip::address_v4::loopback(), at.port);
  const auto address = asio::ip::make_address(at.host, failure);
  if (!failure) return tcp::endpoint(address, at.port);
  tcp::resolver resolver(context);
  const auto found = resolver.resolve(at.host, std::to_string(at.port), failure);
  if (failure) return network_error(failure, "listen on " + at.text());
  return found.begin()->endpoint();
}

error_code open_acceptor(tcp::acceptor& acceptor, const tcp::endpoint& endpoint,
                         bool both_families) {
  error_code failure;
  acceptor.open(endpoint.protocol(), failure);
  if (!failure) acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  if (!failure && both_families) acceptor.set_option(asio::ip::v6_only(false), failure);
  if (!failure) acceptor.bind(endpoint, failure);
  if (!failure) acceptor.listen(kBacklog, failure);
  return failure;
}

Result<std::unique_ptr<Listener>> listen_tcp(const std::shared_ptr<AsioLoops>& loops,
                                             const Endpoint& at, Transport::AcceptHandler handler) {
  auto& context = loops->next_context();
  tcp::acceptor acceptor(context);
  error_code failure;
  if (at.host.empty()) {
    // All addresses of both families; machines without IPv6 get the one they have.
    failure = open_acceptor(acceptor, {tcp::v6(), at.port}, true);
    if (failure == asio::error::address_family_not_supported) {
      error_code ignored;
      acceptor.close(ignored);
      failure = open_acceptor(acceptor, {tcp::v4(), at.port}, false);
    }
  } else {
    failure = open_acceptor(acceptor, HF_TRY(listen_address(context, at)), false);
  }
  if (failure) return network_error(failure, "listen on " + at.text());
  Endpoint local = at;
  local.port = acceptor.local_endpoint(failure).port();
  auto loop = std::make_shared<AcceptLoop<tcp>>(loops, std::move(acceptor), std::move(handler),
                                                local.text());
  loop->accept();
  return std::unique_ptr<Listener>(
      new AsioListener<tcp>(std::move(loop), std::move(local), loops->stopped()));
}

// ---- resolving and connecting ----

// The resolver's answer or the deadline, whichever is first. getaddrinfo cannot be interrupted, so after
// the deadline its late answer is ignored.
class Resolving : public std::enable_shared_from_this<Resolving> {
 public:
  using Handler = std::function<void(Result<std::vector<tcp::endpoint>>)>;
  Resolving(std::weak_ptr<AsioLoops> loops, asio::io_context& context, std::string host,
            Handler handler)
      : loops_(std::move(loops)),
        resolver_(context),
        timer_(context),
        host_(std::move(host)),
        handler_(std::move(handler)) {}

  void start(std::uint16_t port, Duration timeout) {
    // RFC 6761, section 6.3: this name is this machine, whatever a hosts file or a name server says.
    if (equals_ignoring_case(host_, "localhost")) {
      return finish(std::vector<tcp::endpoint>{{asio::ip::address_v4::loopback(), port},
                                               {asio::ip::address_v6::loopback(), port}});
    }
    timer_.expires_after(timeout);
    timer_.async_wait([self = shared_from_this()](const error_code& failure) {
      if (!failure) self->finish(Error(Code::kTimeout, "resolve " + self->host_ + ": timed out"));
    });
    resolver_.async_resolve(
        host_, std::to_string(port),
        [self = shared_from_this()](const error_code& failure,
                                    const tcp::resolver::results_type& found) {
          if (failure) return self->finish(network_error(failure, "resolve " + self->host_));
          std::vector<tcp::endpoint> endpoints;
          for (const auto& entry : found) endpoints.push_back(entry.endpoint());
          self->finish(std::move(endpoints));
        });
  }

 private:
  void finish(Result<std::vector<tcp::endpoint>> result) {
    timer_.cancel();
    const auto handler = std::exchange(handler_, nullptr);
    const auto loops = loops_.lock();
    if (handler && loops && !loops->stopping()) handler(std::move(result));
  }

  std::weak_ptr<AsioLoops> loops_;
  tcp::resolver resolver_;
  asio::steady_timer timer_;
  const std::string host_;
  Handler handler_;
};

// Tries each address in turn until one answers or the deadline passes.
class Connecting : public std::enable_shared_from_this<Connecting> {
 public:
  Connecting(std::weak_ptr<AsioLoops> loops, asio::io_context& context, std::string name,
             Transport::ConnectHandler handler)
      : loops_(std::move(loops)),
        context_(context),
        socket_(context),
        timer_(context),
        name_(std::move(name)),
        handler_(std::move(handler)) {}

  void start(std::vector<AnyEndpoint> endpoints, bool is_tcp, Duration timeout) {
    endpoints_ = std::move(endpoints);
    is_tcp_ = is_tcp;
    timer_.expires_after(timeout);
    timer_.async_wait([self = shared_from_this()](const error_code& failure) {
      if (failure) return;
      self->finish(Error(Code::kTimeout, "connect to " + self->name_ + ": timed out"));
      error_code ignored;
      self->socket_.close(ignored);
    });
    try_next();
  }

  void finish(Result<std::unique_ptr<Connection>> result) {
    timer_.cancel();
    const auto handler = std::exchange(handler_, nullptr);
    const auto loops = loops_.lock();
    if (handler && loops && !loops->stopping()) handler(std::move(result));
  }

 private:
  void try_next() {
    if (!handler_) return;
    if (next_ == endpoints_.size()) return finish(network_error(failure_, "connect to " + name_));
    error_code ignored;
    socket_.close(ignored);
    socket_.async_connect(endpoints_[next_++],
                          [self = shared_from_this()](const error_code& failure) {
                            if (!self->handler_) return;
                            self->failure_ = failure;
                            if (failure) return self->try_next();
                            self->connected();
                          });
  }

  void connected() {
    const auto loops = loops_.lock();
    if (!loops) return;
    error_code ignored;
    if (is_tcp_) socket_.set_option(tcp::no_delay(true), ignored);
    finish(loops->make_connection(context_.get_executor(), std::move(socket_), name_, nullptr));
  }

  std::weak_ptr<AsioLoops> loops_;
  asio::io_context& context_;
  AsioSocket socket_;
  asio::steady_timer timer_;
  const std::string name_;
  Transport::ConnectHandler handler_;
  std::vector<AnyEndpoint> endpoints_;
  bool is_tcp_ = true;
  std::size_t next_ = 0;
  error_code failure_ = asio::error::host_not_found;
};

}  // namespace

AsioTransport::AsioTransport(int threads, int accepted_threads)
    : loops_(std::make_shared<AsioLoops>(threads, accepted_threads)) {}

AsioTransport::~AsioTransport() { loops_->stop(); }

void AsioTransport::connect(const Endpoint& to, Duration timeout, ConnectHandler handler) {
  auto& context = loops_->next_context();
  auto connecting = std::make_shared<Connecting>(loops_, context, to.text(), std::move(handler));
  asio::post(context, [loops = std::weak_ptr(loops_), connecting, to, timeout, &context] {
    if (!to.unix_path.empty()) {
      if (to.unix_path.size() >= sizeof(sockaddr_un::sun_path)) {
        return connecting->finish(invalid("socket path is too long: " + to.unix_path));
      }
      return connecting->start({Unix::endpoint(to.unix_path)}, false, timeout);
    }
    error_code failure;
    const auto address = asio::ip::make_address(to.host, failure);
    if (!failure) return connecting->start({tcp::endpoint(address, to.port)}, true, timeout);
    const auto begin = std::chrono::steady_clock::now();
    auto resolved = [connecting, timeout, begin](Result<std::vector<tcp::endpoint>> found) {
      if (!found) return connecting->finish(std::move(found.error()));
      connecting->start(std::vector<AnyEndpoint>(found->begin(), found->end()), true,
                        timeout - (std::chrono::steady_clock::now() - begin));
    };
    std::make_shared<Resolving>(loops, context, to.host, std::move(resolved))
        ->start(to.port, timeout);
  });
}

Result<std::unique_ptr<Listener>> AsioTransport::listen(const Endpoint& at,
                                                        AcceptHandler on_accept) {
  if (at.unix_path.empty()) return listen_tcp(loops_, at, std::move(on_accept));
  if (at.unix_path.size() >= sizeof(sockaddr_un::sun_path)) {
    return invalid("socket path is too long: " + at.unix_path);
  }
  return listen_unix(loops_, at, std::move(on_accept));
}

void AsioTransport::resolve(const std::string& host, Duration timeout, ResolveHandler handler) {
  auto& context = loops_->next_context();
  asio::post(context, [loops = std::weak_ptr(loops_), host, timeout, &context,
                       handler = std::move(handler)]() mutable {
    auto resolved = [handler = std::move(handler)](Result<std::vector<tcp::endpoint>> found) {
      if (!found) return handler(std::move(found.error()));
      std::vector<std::string> texts;
      for (const auto& endpoint : *found) {
        auto text = endpoint.address().to_string();
        if (std::find(texts.begin(), texts.end(), text) == texts.end())
          texts.push_back(std::move(text));
      }
      handler(std::move(texts));
    };
    std::make_shared<Resolving>(loops, context, host, std::move(resolved))->start(0, timeout);
  });
}

}  // namespace holdfast::net
