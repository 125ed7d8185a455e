#include "act/traffic/haproxy_exchange.h"

#include <memory>
#include <utility>

#include "base/text.h"

namespace holdfast::act {
namespace {

// Lives until the control strand has told the outcome. The connection is destroyed there too, not
// inside one of its own callbacks; that also breaks the circle of callbacks that hold this.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(Executor& executor, std::string name, HaproxyExchangeLimits limits,
           HaproxyAnswered answered)
      : executor_(executor),
        name_(std::move(name)),
        limits_(limits),
        answered_(std::move(answered)) {}

  void run(std::unique_ptr<Connection> connection, std::string command) {
    connection_ = std::move(connection);
    connection_->post(
        [self = shared_from_this(), command = std::move(command)] { self->begin(command); });
  }

  void finish(Result<std::string> outcome) {
    if (finished_) return;
    finished_ = true;
    executor_.post(Lane::kControl,
                   [self = shared_from_this(), outcome = std::move(outcome)]() mutable {
                     self->connection_.reset();
                     const auto answered = std::move(self->answered_);
                     if (outcome) return answered(std::move(outcome));
                     answered(std::move(outcome.error()).context("haproxy " + self->name_));
                   });
  }

 private:
  // From here on all on the connection's thread.
  void begin(const std::string& command) {
    const auto self = shared_from_this();
    connection_->set_timer(limits_.timeout, [self] {
      self->finish(
          Error(Code::kTimeout, "no answer within " + format_duration(self->limits_.timeout)));
    });
    connection_->write(command + "\n", [self](Result<void> written) {
      if (!written) self->finish(written.error());
    });
    read();
  }

  void read() {
    connection_->read(64 * 1024, [self = shared_from_this()](Result<std::string> chunk) {
      if (self->finished_) return;
      if (!chunk) return self->finish(chunk.error());
      if (chunk->empty()) return self->finish(std::move(self->answer_));
      self->answer_ += *chunk;
      if (self->answer_.size() > self->limits_.answer_size_max) {
        return self->finish(
            Error(Code::kTooLarge, "the answer is longer than " +
                                       std::to_string(self->limits_.answer_size_max) + " bytes"));
      }
      self->read();
    });
  }

  Executor& executor_;
  const std::string name_;
  const HaproxyExchangeLimits limits_;
  HaproxyAnswered answered_;
  std::unique_ptr<Connection> connection_;
  std::string answer_;
  bool finished_ = false;
};

}  // namespace

void haproxy_exchange(Env& env, const std::string& socket, std::string command,
                      HaproxyExchangeLimits limits, HaproxyAnswered answered) {
  const Endpoint endpoint{{}, 0, socket};
  auto exchange =
      std::make_shared<Exchange>(env.executor, endpoint.text(), limits, std::move(answered));
  env.transport.connect(
      endpoint, limits.timeout,
      [exchange, command = std::move(command)](Result<std::unique_ptr<Connection>> connection) {
        if (!connection) return exchange->finish(connection.error());
        exchange->run(std::move(*connection), command);
      });
}

}  // namespace holdfast::act
