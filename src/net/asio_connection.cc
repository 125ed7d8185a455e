#include "net/asio_connection.h"

#include <poll.h>

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace holdfast::net {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {
constexpr std::size_t kReadSizeMax = 64 * 1024;  // bytes a single read asks the kernel for at most
constexpr auto kLookEvery = std::chrono::milliseconds(100);
}  // namespace

AsioStream::AsioStream(asio::any_io_executor executor, AsioSocket socket, std::string peer,
                       std::shared_ptr<BlockingLeave> leave)
    : executor_(std::move(executor)),
      socket_(std::move(socket)),
      timer_(executor_),
      peer_(std::move(peer)),
      leave_(std::move(leave)) {}

bool AsioStream::begin_blocking(std::function<void()> on_gone) {
  blocking_as_ = socket_.native_handle();
  return leave_ && leave_->begin(blocking_as_, std::move(on_gone));
}

void AsioStream::end_blocking() { leave_->end(blocking_as_); }

bool BlockingLeave::begin(int descriptor, std::function<void()> on_gone) {
  {
    const std::lock_guard lock(mutex_);
    if (left_ <= 0) return false;
    --left_;
    watched_[descriptor] = std::move(on_gone);
    if (armed_) return true;
    armed_ = true;
  }
  asio::post(timer_->get_executor(), [self = shared_from_this()] { self->look(); });
  return true;
}

void BlockingLeave::end(int descriptor) {
  std::function<void()> done;  // freed after the lock
  const std::lock_guard lock(mutex_);
  ++left_;
  const auto found = watched_.find(descriptor);
  done = std::move(found->second);
  watched_.erase(found);
}

// Most answers are given before the first look. It goes on while somebody works.
void BlockingLeave::look() {
  timer_->expires_after(kLookEvery);
  timer_->async_wait([self = shared_from_this()](const error_code& failure) {
    if (failure) return;
    const std::lock_guard lock(self->mutex_);
    if (self->watched_.empty()) {
      self->armed_ = false;
      return;
    }
    for (auto& [descriptor, on_gone] : self->watched_) {
      pollfd poll{descriptor, POLLRDHUP, 0};
      if (on_gone && ::poll(&poll, 1, 0) == 1) std::exchange(on_gone, nullptr)();
    }
    self->look();
  });
}

// Runs at once when the caller is on the thread already, else queues.
template <typename F>
void AsioStream::on_thread(F task) {
  asio::dispatch(executor_, [self = shared_from_this(), task = std::move(task)]() mutable {
    if (!self->dropped_.load(std::memory_order_acquire)) task(*self);
  });
}

Error AsioStream::error(const error_code& failure) const {
  if (failure == asio::error::operation_aborted || failure == asio::error::bad_descriptor) {
    return unavailable("connection to " + peer_ + " is closed");
  }
  return unavailable("connection to " + peer_ + ": " + failure.message());
}

void AsioStream::read(std::size_t max_size, Connection::ReadHandler handler) {
  on_thread([max_size, handler = std::move(handler)](AsioStream& self) mutable {
    HF_CHECK(!self.on_read_, "one read at a time");
    self.on_read_ = std::move(handler);
    self.start_read(max_size);
  });
}

void AsioStream::start_read(std::size_t max_size) {
  const auto size = std::clamp<std::size_t>(max_size, 1, kReadSizeMax);
  if (buffer_.size() < size) buffer_.resize(size);
  socket_.async_read_some(asio::buffer(buffer_.data(), size),
                          [self = shared_from_this()](const error_code& failure, std::size_t got) {
                            self->finish_read(failure, got);
                          });
}

void AsioStream::finish_read(const error_code& failure, std::size_t size) {
  if (dropped_.load(std::memory_order_acquire)) return;
  const auto handler = std::exchange(on_read_, nullptr);
  if (!handler) return;
  if (failure == asio::error::eof) return handler(std::string());
  if (failure) return handler(error(failure));
  // A small piece is copied out and the buffer stays; a large one leaves with its memory.
  if (size * 2 < buffer_.size()) return handler(std::string(buffer_, 0, size));
  std::string bytes = std::move(buffer_);
  buffer_.clear();
  bytes.resize(size);
  handler(std::move(bytes));
}

void AsioStream::write(std::string bytes, Connection::WriteHandler handler) {
  on_thread([bytes = std::move(bytes), handler = std::move(handler)](AsioStream& self) mutable {
    self.waiting_.push_back({std::move(bytes), std::move(handler)});
    if (self.sending_.empty()) self.start_write();
  });
}

void AsioStream::start_write() {
  sending_.swap(waiting_);
  auto done = [self = shared_from_this()](const error_code& failure, std::size_t) {
    self->finish_write(failure);
  };
  if (sending_.size() == 1) {
    asio::async_write(socket_, asio::buffer(sending_[0].bytes), std::move(done));
    return;
  }
  std::vector<asio::const_buffer> pieces;
  pieces.reserve(sending_.size());
  for (const auto& out : sending_) pieces.push_back(asio::buffer(out.bytes));
  asio::async_write(socket_, pieces, std::move(done));
}

void AsioStream::finish_write(const error_code& failure) {
  if (dropped_.load(std::memory_order_acquire)) return;
  // The handlers may write again; what they add goes out after what waited before.
  auto sent = std::move(sending_);
  sending_.clear();
  if (failure) {
    std::move(waiting_.begin(), waiting_.end(), std::back_inserter(sent));
    waiting_.clear();
  } else if (!waiting_.empty()) {
    start_write();
  } else if (shutdown_wanted_) {
    error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  }
  for (auto& out : sent) {
    if (dropped_.load(std::memory_order_acquire)) return;
    if (!out.handler) continue;
    if (failure) {
      out.handler(error(failure));
    } else {
      out.handler({});
    }
  }
}

void AsioStream::shutdown_write() {
  on_thread([](AsioStream& self) {
    self.shutdown_wanted_ = true;
    if (!self.sending_.empty()) return;  // after what is queued
    error_code ignored;
    self.socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  });
}

void AsioStream::close_socket() {
  error_code ignored;
  socket_.close(ignored);
}

void AsioStream::close() {
  on_thread([](AsioStream& self) { self.close_socket(); });
}

void AsioStream::post(std::function<void()> task) {
  asio::post(executor_, [self = shared_from_this(), task = std::move(task)] {
    if (!self->dropped_.load(std::memory_order_acquire)) task();
  });
}

void AsioStream::set_timer(Duration delay, std::function<void()> task) {
  on_thread([delay, task = std::move(task)](AsioStream& self) mutable {
    self.on_timer_ = std::move(task);
    const auto round = ++self.timer_round_;
    self.timer_.expires_after(delay);
    self.timer_.async_wait([stream = self.shared_from_this(), round](const error_code& failure) {
      if (failure || stream->dropped_.load(std::memory_order_acquire)) return;
      if (round != stream->timer_round_ || !stream->on_timer_) return;
      const auto task = std::exchange(stream->on_timer_, nullptr);
      task();
    });
  });
}

void AsioStream::cancel_timer() {
  on_thread([](AsioStream& self) {
    ++self.timer_round_;
    self.timer_.cancel();
    const auto dropped = std::exchange(self.on_timer_, nullptr);  // may own this connection
  });
}

void AsioStream::drop(bool inline_now) {
  dropped_.store(true, std::memory_order_release);
  if (inline_now) {
    drop_now();
  } else {
    asio::dispatch(executor_, [self = shared_from_this()] { self->drop_now(); });
  }
}

void AsioStream::drop_now() {
  close_socket();
  timer_.cancel();
  // A callback may own this very connection: letting go of it comes back here, so all members are empty
  // before the first is destroyed.
  const auto on_read = std::exchange(on_read_, nullptr);
  const auto on_timer = std::exchange(on_timer_, nullptr);
  const auto waiting = std::exchange(waiting_, {});
  // The gathered write still points into `sending_`; its completion lets the bytes go.
  std::vector<Connection::WriteHandler> handlers;
  for (auto& out : sending_) handlers.push_back(std::exchange(out.handler, nullptr));
}

}  // namespace holdfast::net
