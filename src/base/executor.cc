#include "base/executor.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"

namespace holdfast {

namespace {
// Gives way to answers and decisions, and still moves on a busy machine.
constexpr int kBackgroundNice = 5;
}  // namespace

// One mutex guards both queues and the timers. It is held for a push or a pop and never while a
// task runs or is destroyed, since a task's captures may call back into the executor.
//
//   post_after ──▶ timers (by due time) ──timer thread──▶ queue of the lane ──▶ runs
//
// A timer keeps its id in `waiting` until the very moment its task begins, so that cancel() also
// takes back a task that is due and queued.
struct ThreadExecutor::Impl {
  struct Item {
    Task task;
    TimerId timer = TimerId::kNone;
  };
  struct Timer {
    Lane lane;
    Task task;
  };
  using DueKey = std::pair<MonoTime, TimerId>;
  struct LaneQueue {
    std::deque<Item> items;
    std::condition_variable wake;
    bool closed = false;       // takes no more
    bool drop_queued = false;  // what has not begun is dropped, not run
  };

  std::mutex mutex;
  LaneQueue control HF_GUARDED_BY(mutex);
  LaneQueue pool HF_GUARDED_BY(mutex);
  LaneQueue background HF_GUARDED_BY(mutex);
  std::map<DueKey, Timer> timers HF_GUARDED_BY(mutex);
  std::unordered_map<std::uint64_t, MonoTime> waiting HF_GUARDED_BY(mutex);  // id to due time
  std::condition_variable timers_wake;
  bool timers_closed HF_GUARDED_BY(mutex) = false;
  std::uint64_t last_timer HF_GUARDED_BY(mutex) = 0;

  std::mutex stop_mutex;  // taken before `mutex`: only one caller joins
  std::thread control_thread;
  std::thread timer_thread;
  std::vector<std::thread> pool_threads;
  std::atomic<std::thread::id> control_id{};  // relaxed: a thread only ever compares with itself

  LaneQueue& queue(Lane lane) {
    if (lane == Lane::kControl) return control;
    return lane == Lane::kPool ? pool : background;
  }

  static MonoTime mono() { return std::chrono::steady_clock::now(); }

  // Whether the item still has to run; takes its timer off the list of those that can be cancelled.
  bool begin(const Item& item) {
    if (item.timer == TimerId::kNone) return true;
    return waiting.erase(static_cast<std::uint64_t>(item.timer)) > 0;
  }

  void work(LaneQueue& lane) {
    std::unique_lock lock(mutex);
    for (;;) {
      lane.wake.wait(lock, [&] { return lane.closed || !lane.items.empty(); });
      if (lane.items.empty() || (lane.closed && lane.drop_queued)) return;
      Item item = std::move(lane.items.front());
      lane.items.pop_front();
      const bool wanted = begin(item);
      lock.unlock();
      if (wanted) item.task();
      item.task = nullptr;
      lock.lock();
    }
  }

  void keep_time() {
    std::unique_lock lock(mutex);
    while (!timers_closed) {
      if (timers.empty()) {
        timers_wake.wait(lock);
        continue;
      }
      const auto first = timers.begin();
      const MonoTime due = first->first.first;
      if (mono() < due) {
        timers_wake.wait_until(lock, due);
        continue;
      }
      auto& lane = queue(first->second.lane);
      lane.items.push_back({std::move(first->second.task), first->first.second});
      timers.erase(first);
      lane.wake.notify_one();
    }
  }
};

ThreadExecutor::ThreadExecutor(int pool_threads) : impl_(std::make_unique<Impl>()) {
  Impl& impl = *impl_;
  impl.pool.drop_queued = true;
  impl.background.drop_queued = true;
  impl.control_thread = std::thread([&impl] {
    impl.control_id.store(std::this_thread::get_id(), std::memory_order_relaxed);
    impl.work(impl.control);
  });
  impl.timer_thread = std::thread([&impl] { impl.keep_time(); });
  for (int i = 0; i < std::max(1, pool_threads); ++i) {
    impl.pool_threads.emplace_back([&impl] { impl.work(impl.pool); });
  }
  impl.pool_threads.emplace_back([&impl] {
    // Of this thread alone, on Linux. A refusal costs nothing but the courtesy.
    (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kBackgroundNice);
    impl.work(impl.background);
  });
}

ThreadExecutor::~ThreadExecutor() { stop(); }

void ThreadExecutor::post(Lane lane, Task task) {
  std::unique_lock lock(impl_->mutex);
  auto& queue = impl_->queue(lane);
  if (queue.closed) {
    lock.unlock();  // the task is destroyed outside the mutex
    return;
  }
  queue.items.push_back({std::move(task), TimerId::kNone});
  queue.wake.notify_one();
}

TimerId ThreadExecutor::post_after(Lane lane, Duration delay, Task task) {
  std::unique_lock lock(impl_->mutex);
  if (impl_->timers_closed) {
    lock.unlock();
    return TimerId::kNone;
  }
  const auto id = ++impl_->last_timer;
  // A delay of centuries would overflow the clock; a century is as good as never.
  const auto due = Impl::mono() + std::clamp<Duration>(delay, Duration::zero(), 876000h);
  impl_->waiting.emplace(id, due);
  impl_->timers.emplace(Impl::DueKey{due, TimerId{id}}, Impl::Timer{lane, std::move(task)});
  impl_->timers_wake.notify_one();
  return TimerId{id};
}

bool ThreadExecutor::cancel(TimerId timer) {
  Task dropped;
  std::lock_guard lock(impl_->mutex);
  const auto it = impl_->waiting.find(static_cast<std::uint64_t>(timer));
  if (it == impl_->waiting.end()) return false;
  const auto at = impl_->timers.find({it->second, timer});
  if (at != impl_->timers.end()) {
    dropped = std::move(at->second.task);
    impl_->timers.erase(at);
  }
  impl_->waiting.erase(it);
  return true;
}

bool ThreadExecutor::on_control() const {
  return impl_->control_id.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

// Timers first, since they feed both lanes; then the pool, whose running tasks may still post their
// results; the control lane last, so that those results are not lost.
void ThreadExecutor::stop() {
  HF_CHECK(!on_control(), "stop() on the control strand would wait for itself");
  std::lock_guard only_one(impl_->stop_mutex);
  if (!impl_->control_thread.joinable()) return;
  std::map<Impl::DueKey, Impl::Timer> dropped_timers;
  {
    std::lock_guard lock(impl_->mutex);
    impl_->timers_closed = true;
    dropped_timers.swap(impl_->timers);
    impl_->timers_wake.notify_all();
    impl_->pool.closed = true;
    impl_->pool.wake.notify_all();
    impl_->background.closed = true;
    impl_->background.wake.notify_all();
  }
  impl_->timer_thread.join();
  for (auto& thread : impl_->pool_threads) thread.join();
  {
    std::lock_guard lock(impl_->mutex);
    impl_->control.closed = true;
    impl_->control.wake.notify_all();
  }
  impl_->control_thread.join();
  std::deque<Impl::Item> dropped_pool, dropped_background;
  std::lock_guard lock(impl_->mutex);
  dropped_pool.swap(impl_->pool.items);
  dropped_background.swap(impl_->background.items);
  impl_->waiting.clear();
}

}  // namespace holdfast
