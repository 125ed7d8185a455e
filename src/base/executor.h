// base/executor.h: where work runs, as something handed in.
//
// Purpose     Three lanes. kControl is the one control strand: decisions run there one after another and
//             never wait. kPool is for heavy or blocking work, which posts its result back to kControl.
//             kBackground is for long work that nobody waits for (merging blocks): one thread of the
//             lowest priority that still moves.
// Order       Tasks of one post() caller on kControl run in the order posted, those on kBackground one
//             after another. kPool gives no order.
// Timers      post_after() runs the task on its lane not before the delay has passed. cancel() returns
//             false when the task has begun or ended. A timer that was cancelled never runs.
// Threads     post(), post_after() and cancel() from any thread.
// Limits      ThreadExecutor: the control lane sheds nothing (state is never shed). The pool's queue is
//             bounded by its callers: each asks for one thing at a time or counts its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/time.h"

namespace holdfast {

enum class Lane { kControl, kPool, kBackground };
using Task = std::function<void()>;
enum class TimerId : std::uint64_t { kNone = 0 };

class Executor {
 public:
  virtual ~Executor() = default;
  virtual void post(Lane lane, Task task) = 0;
  virtual TimerId post_after(Lane lane, Duration delay, Task task) = 0;
  virtual bool cancel(TimerId timer) = 0;
  // Whether the calling code runs on the control strand.
  virtual bool on_control() const = 0;
};

// One control thread, `pool_threads` workers, one background and one timer thread. stop() runs what is queued on kControl,
// drops timers, joins; afterwards post() does nothing.
class ThreadExecutor final : public Executor {
 public:
  explicit ThreadExecutor(int pool_threads);
  ~ThreadExecutor() override;
  void post(Lane lane, Task task) override;
  TimerId post_after(Lane lane, Duration delay, Task task) override;
  bool cancel(TimerId timer) override;
  bool on_control() const override;
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast
