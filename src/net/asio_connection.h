// net/asio_connection.h: one stream socket as base::Connection; inside the room's transport only.
//
// Threads     AsioStream lives on its executor, which runs one thing at a time: an io_context of one
//             thread, or a strand of one with several. The public methods hand work over to it.
// Lifetime    AsioConnection is what users own. Destroying it drops the stream's callbacks; the stream
//             itself ends when the operations on it have come back.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/transport.h"

namespace holdfast::net {

using AsioSocket = boost::asio::generic::stream_protocol::socket;

// Gives leave to block to a limited number at a time, and watches whom they work for meanwhile.
class BlockingLeave : public std::enable_shared_from_this<BlockingLeave> {
 public:
  // `watching` runs the watch until stop().
  BlockingLeave(int count, boost::asio::io_context& watching) : left_(count), timer_(watching) {}
  bool begin(int descriptor, std::function<void()> on_gone);
  void end(int descriptor);
  void stop() { timer_.reset(); }  // once the threads have ended

 private:
  void look();
  std::mutex mutex_;
  int left_ HF_GUARDED_BY(mutex_);
  bool armed_ HF_GUARDED_BY(mutex_) = false;
  std::map<int, std::function<void()>> watched_ HF_GUARDED_BY(mutex_);  // by descriptor
  std::optional<boost::asio::steady_timer> timer_;  // of the watching context's thread
};

class AsioStream : public std::enable_shared_from_this<AsioStream> {
 public:
  AsioStream(boost::asio::any_io_executor executor, AsioSocket socket, std::string peer,
             std::shared_ptr<BlockingLeave> leave);

  void read(std::size_t max_size, Connection::ReadHandler handler);
  void write(std::string bytes, Connection::WriteHandler handler);
  void shutdown_write();
  void close();
  void post(std::function<void()> task);
  void set_timer(Duration delay, std::function<void()> task);
  void cancel_timer();
  // Closes and forgets all callbacks; `inline_now` when the thread behind the context has ended.
  void drop(bool inline_now);
  const std::string& peer() const { return peer_; }
  bool begin_blocking(std::function<void()> on_gone);
  void end_blocking();

 private:
  struct Out {
    std::string bytes;
    Connection::WriteHandler handler;
  };
  template <typename F>
  void on_thread(F task);
  void start_read(std::size_t max_size);
  void finish_read(const boost::system::error_code& failure, std::size_t size);
  void start_write();
  void finish_write(const boost::system::error_code& failure);
  void close_socket();
  void drop_now();
  Error error(const boost::system::error_code& failure) const;

  boost::asio::any_io_executor executor_;
  AsioSocket socket_;
  boost::asio::steady_timer timer_;
  const std::string peer_;
  const std::shared_ptr<BlockingLeave> leave_;  // none: never
  std::atomic<bool> dropped_{false};  // set once, from any thread; checked before every callback
  std::string buffer_;                // for the read under way; kept between reads
  Connection::ReadHandler on_read_;
  std::vector<Out> waiting_;  // not yet handed to the socket
  std::vector<Out> sending_;  // in the gathered write under way
  bool shutdown_wanted_ = false;
  int blocking_as_ = -1;  // the descriptor when it began; the socket may be closed since
  std::function<void()> on_timer_;
  std::uint64_t timer_round_ = 0;  // tells a replaced timer's late call from the present one
};

class AsioConnection final : public Connection {
 public:
  // `stopped` outlives nothing: it is shared with the transport that made this connection.
  AsioConnection(std::shared_ptr<AsioStream> stream, std::shared_ptr<std::atomic<bool>> stopped)
      : stream_(std::move(stream)), stopped_(std::move(stopped)) {}
  ~AsioConnection() override { stream_->drop(stopped_->load(std::memory_order_acquire)); }

  void read(std::size_t max_size, ReadHandler handler) override {
    stream_->read(max_size, std::move(handler));
  }
  void write(std::string bytes, WriteHandler handler) override {
    stream_->write(std::move(bytes), std::move(handler));
  }
  void shutdown_write() override { stream_->shutdown_write(); }
  void close() override { stream_->close(); }
  void post(std::function<void()> task) override { stream_->post(std::move(task)); }
  void set_timer(Duration delay, std::function<void()> task) override {
    stream_->set_timer(delay, std::move(task));
  }
  void cancel_timer() override { stream_->cancel_timer(); }
  std::string peer() const override { return stream_->peer(); }
  bool begin_blocking(std::function<void()> on_gone) override {
    return stream_->begin_blocking(std::move(on_gone));
  }
  void end_blocking() override { stream_->end_blocking(); }

 private:
  std::shared_ptr<AsioStream> stream_;
  std::shared_ptr<std::atomic<bool>> stopped_;
};

}  // namespace holdfast::net
