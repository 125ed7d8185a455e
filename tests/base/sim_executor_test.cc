#include <gtest/gtest.h>

#include "base/sim.h"

namespace holdfast {
namespace {

class SimExecutorTest : public ::testing::Test {
 protected:
  SimClock clock_{from_ms(1'000'000)};
  SimExecutor executor_{clock_};
  std::vector<int> seen_;
};

TEST_F(SimExecutorTest, RunsByTimeAndThenByOrderOfPosting) {
  executor_.post_after(Lane::kPool, 2s, [&] { seen_.push_back(3); });
  executor_.post_after(Lane::kControl, 1s, [&] { seen_.push_back(1); });
  executor_.post_after(Lane::kPool, 1s, [&] { seen_.push_back(2); });
  executor_.post(Lane::kControl, [&] { seen_.push_back(0); });
  EXPECT_EQ(executor_.run_for(5s), 4u);
  EXPECT_EQ(seen_, (std::vector<int>{0, 1, 2, 3}));
}

TEST_F(SimExecutorTest, TasksSeeTheMomentTheyAreDue) {
  executor_.post_after(Lane::kControl, 1500ms, [&] { EXPECT_EQ(to_ms(clock_.now()), 1'001'500); });
  executor_.run_for(10s);
  EXPECT_EQ(to_ms(clock_.now()), 1'010'000);
  EXPECT_EQ(clock_.mono().time_since_epoch(), 10s);
}

TEST_F(SimExecutorTest, RunReadyDoesNotMoveTheClock) {
  executor_.post(Lane::kControl, [&] {
    seen_.push_back(1);
    executor_.post(Lane::kControl, [&] { seen_.push_back(2); });
  });
  executor_.post_after(Lane::kControl, 1ns, [&] { seen_.push_back(3); });
  EXPECT_EQ(executor_.run_ready(), 2u);
  EXPECT_EQ(executor_.queued(), 1u);
  EXPECT_EQ(clock_.mono().time_since_epoch(), 0s);
}

TEST_F(SimExecutorTest, RunsToAWallTimeAndToACondition) {
  executor_.run_until(from_ms(1'060'000));
  EXPECT_EQ(to_ms(clock_.now()), 1'060'000);
  for (int i = 1; i <= 5; ++i) {
    executor_.post_after(Lane::kControl, i * 1s, [this, i] { seen_.push_back(i); });
  }
  EXPECT_TRUE(executor_.run_until([&] { return seen_.size() == 3; }, 1min));
  EXPECT_EQ(to_ms(clock_.now()), 1'063'000);
  EXPECT_FALSE(executor_.run_until([&] { return seen_.size() == 9; }, 1min));
  EXPECT_EQ(to_ms(clock_.now()), 1'123'000);
}

TEST_F(SimExecutorTest, CancelAndClearDropTasks) {
  const auto timer = executor_.post_after(Lane::kControl, 1s, [&] { seen_.push_back(1); });
  EXPECT_TRUE(executor_.cancel(timer));
  EXPECT_FALSE(executor_.cancel(timer));
  executor_.post(Lane::kControl, [&] { seen_.push_back(2); });
  executor_.clear();
  executor_.run_for(1h);
  EXPECT_TRUE(seen_.empty());
}

TEST_F(SimExecutorTest, ACrashOfOneHostDropsItsTasksAlone) {
  SimHostExecutor here(executor_), there(executor_);
  here.post(Lane::kControl, [&] { seen_.push_back(1); });
  there.post(Lane::kControl, [&] { seen_.push_back(2); });
  const auto timer = here.post_after(Lane::kControl, 1s, [&] { seen_.push_back(3); });
  here.clear();
  EXPECT_FALSE(here.cancel(timer));
  executor_.run_for(2s);
  EXPECT_EQ(seen_, (std::vector<int>{2}));
}

TEST_F(SimExecutorTest, TasksMayPostWhileTheyAreDropped) {
  struct PostsAtItsEnd {
    SimExecutor& executor;
    ~PostsAtItsEnd() {
      executor.post(Lane::kControl, [] {});
    }
  };
  auto held = std::make_shared<PostsAtItsEnd>(executor_);
  executor_.post(Lane::kControl, [held = std::move(held)] {});
  executor_.clear();
  EXPECT_EQ(executor_.queued(), 1u);
}

TEST_F(SimExecutorTest, ThirtyDaysOfAMinuteTimerPassAtOnce) {
  int ticks = 0;
  std::function<void()> tick = [&] {
    ++ticks;
    executor_.post_after(Lane::kControl, 1min, tick);
  };
  executor_.post_after(Lane::kControl, 1min, tick);
  executor_.run_for(30 * 24h);
  EXPECT_EQ(ticks, 30 * 24 * 60);
}

TEST(SimExecutorSeeds, TheSameSeedGivesTheSameRun) {
  const auto run = [](std::uint64_t seed) {
    SimClock clock;
    SimExecutor executor(clock);
    SeededRandom random(seed);
    std::string trace;
    std::function<void(int)> spread = [&](int depth) {
      trace += std::to_string(clock.mono().time_since_epoch().count()) + ":" +
               std::to_string(depth) + " ";
      if (depth == 0) return;
      for (int i = 0; i < 3; ++i) {
        executor.post_after(i % 2 ? Lane::kPool : Lane::kControl, Duration(random.below(50)),
                            [&spread, depth] { spread(depth - 1); });
      }
    };
    executor.post(Lane::kControl, [&] { spread(5); });
    executor.run_for(1s);
    return trace;
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(SimClock, AStepOfTheWallLeavesIntervalsAlone) {
  SimClock clock(from_ms(0));
  clock.step_wall(-1h);
  EXPECT_EQ(to_ms(clock.now()), -3'600'000);
  EXPECT_EQ(clock.mono().time_since_epoch(), 0s);
}

}  // namespace
}  // namespace holdfast
