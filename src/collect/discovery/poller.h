// collect/discovery/poller.h: a search that repeats itself; inside the part only.
//
// Purpose     File, HTTP, DNS and Docker discovery ask at an interval; what differs is the asking. A round
//             ends with its groups or an error; only what changed goes to the handler, and sources that
//             are gone go out as groups without targets. After an error the last groups stand.
// Threads     round() runs on Lane::kPool and may finish later, from any thread. One round at a time.
//             Destruction waits for a handler that is running, and lets late answers fall.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "collect/discovery/target_group.h"

namespace holdfast::collect {

class Poller : public std::enable_shared_from_this<Poller> {
 public:
  using Done = std::function<void(Result<std::vector<TargetGroup>>)>;
  Poller(Env& env, std::string name, Duration interval, Discovery::Handler handler)
      : env_(env), name_(std::move(name)), interval_(interval), handler_(std::move(handler)) {}
  virtual ~Poller() = default;

  void start();
  void stop();
  std::string problem() const;

 protected:
  // Asks once and says so exactly once. The token stops with the poller.
  virtual void round(Done done, std::stop_token stop) = 0;
  // Whether a round is worthwhile before its time; asked every `watch_interval()`.
  virtual bool changed() { return false; }
  // What went wrong in a round that found something all the same.
  virtual std::string partial_problem() const { return {}; }
  virtual Duration watch_interval() const { return interval_; }
  Env& env() { return env_; }

 private:
  void schedule(Duration delay);
  void wake();
  void run();
  void finish(Result<std::vector<TargetGroup>> found);

  Env& env_;
  const std::string name_;
  const Duration interval_;
  std::stop_source stop_;
  std::mutex calling_;        // held while the handler runs; taken before mutex_
  mutable std::mutex mutex_;  // guards all below
  Discovery::Handler handler_;
  bool stopped_ = false;
  bool busy_ = false;
  TimerId timer_ = TimerId::kNone;
  MonoTime next_round_{};
  std::map<std::string, TargetGroup> groups_;
  std::string problem_;
};

// Makes a Discovery of a poller: it starts at once and stops with it.
class PolledDiscovery final : public Discovery {
 public:
  explicit PolledDiscovery(std::shared_ptr<Poller> poller) : poller_(std::move(poller)) {
    poller_->start();
  }
  ~PolledDiscovery() override { poller_->stop(); }
  std::string problem() const override { return poller_->problem(); }

 private:
  std::shared_ptr<Poller> poller_;
};

}  // namespace holdfast::collect
