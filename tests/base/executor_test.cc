#include "base/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace holdfast {
namespace {

TEST(ThreadExecutor, RunsControlTasksInTheOrderPosted) {
  ThreadExecutor executor(2);
  std::vector<int> seen;  // written on the control strand alone
  for (int i = 0; i < 1000; ++i) {
    executor.post(Lane::kControl, [&, i] {
      EXPECT_TRUE(executor.on_control());
      seen.push_back(i);
    });
  }
  executor.stop();
  ASSERT_EQ(seen.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST(ThreadExecutor, PoolTasksRunBesideTheControlStrand) {
  std::promise<void> first_runs, second_ran, done;
  ThreadExecutor executor(2);  // joins its threads before the promises they use are gone
  EXPECT_FALSE(executor.on_control());
  // The first can only end when the second ran: they need two threads, neither of them control's.
  executor.post(Lane::kPool, [&] {
    EXPECT_FALSE(executor.on_control());
    first_runs.set_value();
    second_ran.get_future().wait();
  });
  first_runs.get_future().wait();
  executor.post(Lane::kPool, [&] {
    second_ran.set_value();
    executor.post(Lane::kControl, [&] { done.set_value(); });
  });
  done.get_future().wait();
}

TEST(ThreadExecutor, TimersRunNotBeforeTheirDelayAndInOrder) {
  ThreadExecutor executor(1);
  const auto start = std::chrono::steady_clock::now();
  std::vector<int> seen;
  std::promise<void> done;
  executor.post_after(Lane::kControl, 20ms, [&] {
    seen.push_back(2);
    EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
    done.set_value();
  });
  executor.post_after(Lane::kControl, 1ms, [&] { seen.push_back(1); });
  done.get_future().wait();
  executor.stop();
  EXPECT_EQ(seen, (std::vector<int>{1, 2}));
}

TEST(ThreadExecutor, ACancelledTimerNeverRuns) {
  ThreadExecutor executor(1);
  auto held = std::make_shared<int>(1);
  std::atomic<bool> ran{false};
  const auto timer = executor.post_after(Lane::kControl, 1h, [&ran, held] { ran = true; });
  EXPECT_TRUE(executor.cancel(timer));
  EXPECT_EQ(held.use_count(), 1) << "the task is destroyed with its timer";
  EXPECT_FALSE(executor.cancel(timer)) << "once only";
  EXPECT_FALSE(executor.cancel(TimerId::kNone));
  executor.stop();
  EXPECT_FALSE(ran);
}

TEST(ThreadExecutor, CancelTakesBackATimerThatIsDueButHasNotBegun) {
  ThreadExecutor executor(1);
  std::promise<void> may_go, is_blocked;
  executor.post(Lane::kControl, [&] {
    is_blocked.set_value();
    may_go.get_future().wait();
  });
  is_blocked.get_future().wait();
  std::atomic<bool> ran{false};
  std::promise<void> later_timer_fired;
  const auto timer = executor.post_after(Lane::kControl, 0s, [&] { ran = true; });
  // Timers fire in order of time: when this one has run on the pool, the first is in control's
  // queue.
  executor.post_after(Lane::kPool, 5ms, [&] { later_timer_fired.set_value(); });
  later_timer_fired.get_future().wait();
  EXPECT_TRUE(executor.cancel(timer));
  may_go.set_value();
  executor.stop();
  EXPECT_FALSE(ran);
}

TEST(ThreadExecutor, CancelOfATimerThatRanSaysNo) {
  std::promise<void> ran;
  ThreadExecutor executor(1);
  const auto timer = executor.post_after(Lane::kPool, 0s, [&] { ran.set_value(); });
  ran.get_future().wait();
  EXPECT_FALSE(executor.cancel(timer));
}

TEST(ThreadExecutor, StopRunsWhatIsQueuedOnControlAndDropsTimers) {
  auto held = std::make_shared<int>(1);
  int ran = 0;
  ThreadExecutor executor(1);
  std::promise<void> may_go;
  executor.post(Lane::kControl, [&] { may_go.get_future().wait(); });
  for (int i = 0; i < 10; ++i) executor.post(Lane::kControl, [&] { ++ran; });
  executor.post_after(Lane::kControl, 1h, [&ran, held] { ran += 1000; });
  may_go.set_value();
  executor.stop();
  EXPECT_EQ(ran, 10);
  EXPECT_EQ(held.use_count(), 1);
  executor.post(Lane::kControl, [&ran, held] { ++ran; });
  EXPECT_EQ(executor.post_after(Lane::kPool, 0s, [&ran, held] { ++ran; }), TimerId::kNone);
  executor.stop();
  EXPECT_EQ(ran, 10);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(ThreadExecutor, TheResultOfARunningPoolTaskReachesControlInStop) {
  bool arrived = false;
  ThreadExecutor executor(1);
  std::promise<void> begun;
  executor.post(Lane::kPool, [&] {
    begun.set_value();
    executor.post(Lane::kControl, [&] { arrived = true; });
  });
  begun.get_future().wait();
  executor.stop();
  EXPECT_TRUE(arrived);
}

TEST(ThreadExecutor, ManyThreadsMayPostAndCancelAtOnce) {
  ThreadExecutor executor(3);
  std::atomic<int> ran{0}, cancelled{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        executor.post(Lane::kPool, [&] { ++ran; });
        const auto timer = executor.post_after(Lane::kControl, 0s, [&] { ++ran; });
        if (i % 2 == 0 && executor.cancel(timer)) ++cancelled;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::promise<void> drained;
  std::function<void()> wait_for_all = [&] {
    if (ran + cancelled == 4000) return drained.set_value();
    executor.post_after(Lane::kControl, 1ms, wait_for_all);
  };
  executor.post(Lane::kControl, wait_for_all);
  drained.get_future().wait();
  executor.stop();
  EXPECT_EQ(ran + cancelled, 4000);
}

}  // namespace
}  // namespace holdfast
