#include <algorithm>

#include "base/check.h"
#include "base/sim.h"

namespace holdfast {

WallTime SimClock::now() const {
  return wall_start_ + std::chrono::floor<std::chrono::milliseconds>(mono_.time_since_epoch());
}

SimExecutor::~SimExecutor() {
  closing_ = true;  // what the dropped tasks' captures post while they die goes nowhere
  clear();
}

void SimExecutor::post(Lane, Task task) { add(nullptr, Duration::zero(), std::move(task)); }

TimerId SimExecutor::post_after(Lane, Duration delay, Task task) {
  return add(nullptr, delay, std::move(task));
}

TimerId SimExecutor::add(const void* owner, Duration delay, Task task) {
  if (closing_) return TimerId::kNone;
  // A century at most, as ThreadExecutor.
  const auto due = clock_.mono_ + std::clamp<Duration>(delay, Duration::zero(), 876000h);
  const auto sequence = ++sequence_;
  due_.emplace(sequence, due);
  queue_.emplace(Key{due, sequence}, Item{owner, std::move(task)});
  return TimerId{sequence};
}

bool SimExecutor::cancel(TimerId timer) {
  const auto sequence = static_cast<std::uint64_t>(timer);
  const auto it = due_.find(sequence);
  if (it == due_.end()) return false;
  const auto dropped =
      queue_.extract(Key{it->second, sequence});  // destroyed last: it may call back
  due_.erase(it);
  return true;
}

bool SimExecutor::run_next(MonoTime until) {
  if (queue_.empty() || queue_.begin()->first.first > until) return false;
  const auto item = queue_.extract(queue_.begin());
  due_.erase(item.key().second);
  clock_.mono_ = std::max(clock_.mono_, item.key().first);
  item.mapped().task();
  return true;
}

std::size_t SimExecutor::run_until(MonoTime until) {
  // Far above any real burst: what reaches it posts itself again and again without time passing.
  constexpr std::size_t kTasksAtOneMomentMax = 50'000'000;
  std::size_t ran = 0;
  std::size_t at_this_moment = 0;
  for (auto moment = clock_.mono_; run_next(until); ++ran) {
    at_this_moment = clock_.mono_ == moment ? at_this_moment + 1 : 0;
    moment = clock_.mono_;
    HF_CHECK(at_this_moment < kTasksAtOneMomentMax,
             "tasks repeat for ever at one moment of virtual time");
  }
  clock_.mono_ = std::max(clock_.mono_, until);
  return ran;
}

std::size_t SimExecutor::run_until(WallTime until) { return run_for(until - clock_.now()); }

std::size_t SimExecutor::run_for(Duration span) {
  return run_until(clock_.mono_ + std::max(span, Duration::zero()));
}

std::size_t SimExecutor::run_ready() { return run_until(clock_.mono_); }

bool SimExecutor::run_until(const std::function<bool()>& done, Duration limit) {
  const auto until = clock_.mono_ + limit;
  while (!done()) {
    if (run_next(until)) continue;
    clock_.mono_ = std::max(clock_.mono_, until);
    return done();
  }
  return true;
}

void SimExecutor::clear() {
  // Emptied first and destroyed after: a task's captures may post or cancel while they die.
  std::map<Key, Item> dropped;
  dropped.swap(queue_);
  due_.clear();
}

void SimExecutor::drop_of(const void* owner) {
  std::vector<Task> dropped;
  for (auto it = queue_.begin(); it != queue_.end();) {
    if (it->second.owner != owner) {
      ++it;
      continue;
    }
    dropped.push_back(std::move(it->second.task));
    due_.erase(it->first.second);
    it = queue_.erase(it);
  }
}

}  // namespace holdfast
