#include "collect/discovery/poller.h"

#include <algorithm>

#include "base/log.h"

namespace holdfast::collect {

void Poller::start() {
  env_.executor.post(Lane::kPool, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->run();
  });
}

void Poller::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    env_.executor.cancel(timer_);
  }
  stop_.request_stop();
  const std::lock_guard wait(calling_);
}

std::string Poller::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void Poller::schedule(Duration delay) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  timer_ = env_.executor.post_after(Lane::kPool, delay, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->wake();
  });
}

void Poller::wake() {
  bool due = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || busy_) return;
    due = env_.clock.mono() >= next_round_;
  }
  if (due || changed()) return run();
  schedule(std::min(watch_interval(), interval_));
}

void Poller::run() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || busy_) return;
    busy_ = true;
    next_round_ = env_.clock.mono() + interval_;
  }
  round(
      [weak = weak_from_this()](Result<std::vector<TargetGroup>> found) {
        if (const auto self = weak.lock()) self->finish(std::move(found));
      },
      stop_.get_token());
}

void Poller::finish(Result<std::vector<TargetGroup>> found) {
  std::vector<TargetGroup> news;
  Discovery::Handler handler;
  const std::lock_guard calling(calling_);
  {
    const std::lock_guard lock(mutex_);
    busy_ = false;
    if (stopped_) return;
    const auto problem = found ? partial_problem() : found.error().message();
    if (problem != problem_ && !problem.empty()) {
      log_warn("targets not refreshed", {{"discovery", name_}, {"error", problem}});
    }
    problem_ = problem;
    if (found) {
      std::map<std::string, TargetGroup> next;
      for (auto& group : *found) {
        const auto old = groups_.find(group.source);
        if (old == groups_.end() || old->second != group) news.push_back(group);
        next[group.source] = std::move(group);
      }
      for (const auto& [source, group] : groups_) {
        if (!next.contains(source)) news.push_back({source, {}, {}});
      }
      groups_ = std::move(next);
      handler = handler_;
    }
  }
  // An empty answer is news too: it says that the first search has ended.
  if (handler && (!news.empty() || groups_.empty())) handler(std::move(news));
  schedule(std::min(watch_interval(), interval_));
}

}  // namespace holdfast::collect
