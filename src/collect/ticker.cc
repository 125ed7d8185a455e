#include "collect/ticker.h"

#include <algorithm>
#include <mutex>
#include <thread>

namespace holdfast::collect {

struct Ticker::State : std::enable_shared_from_this<State> {
  State(Env& e, Duration i, Work w) : env(e), interval(std::max<Duration>(i, 1ms)), work(std::move(w)) {}

  void schedule(Duration delay) {
    std::lock_guard lock(mutex);
    if (stopped) return;
    timer = env.executor.post_after(Lane::kPool, delay, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->fire();
    });
  }

  WallTime planned_time() {
    const auto now = env.clock.now();
    const auto planned = last + std::chrono::duration_cast<std::chrono::milliseconds>(interval);
    const auto tolerance = std::max<std::int64_t>(2, to_ms(interval) / 100);
    const bool agrees = last != WallTime{} && std::abs(to_ms(now) - to_ms(planned)) <= tolerance;
    return last = agrees ? planned : now;
  }

  void fire() {
    {
      std::lock_guard run(running);
      {
        std::lock_guard lock(mutex);
        if (stopped) return;
        runner = std::this_thread::get_id();
      }
      work(planned_time());
      std::lock_guard lock(mutex);
      runner = {};
    }
    due += interval;
    const auto now = env.clock.mono();
    if (due < now) due += ((now - due) / interval) * interval;  // at most one tick is caught up
    schedule(std::max(due - now, Duration::zero()));
  }

  Env& env;
  const Duration interval;
  const Work work;
  std::mutex running;  // held while the work runs; taken before `mutex`
  std::mutex mutex;    // guards the members below, but for last and due: those belong to the runner
  bool stopped = false;
  TimerId timer = TimerId::kNone;
  std::thread::id runner;
  WallTime last{};
  MonoTime due{};
};

Ticker::Ticker(Env& env, Duration interval, std::uint64_t identity, Work work)
    : state_(std::make_shared<State>(env, interval, std::move(work))) {
  const auto period = static_cast<std::uint64_t>(state_->interval.count());
  const auto now = static_cast<std::uint64_t>(std::chrono::nanoseconds(env.clock.now().time_since_epoch()).count());
  const Duration delay(static_cast<Duration::rep>((period - now % period + identity % period) % period));
  state_->due = env.clock.mono() + delay;
  state_->schedule(delay);
}

Ticker::~Ticker() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopped = true;
    state_->env.executor.cancel(state_->timer);
    if (state_->runner == std::this_thread::get_id()) return;
  }
  std::lock_guard wait(state_->running);
}

}  // namespace holdfast::collect
