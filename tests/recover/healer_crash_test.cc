// Holdfast dies at every step of a repair and comes back; the service, and what Operations
// recorded, live on.

#include <gmock/gmock.h>

#include <set>

#include "healer_host.h"

namespace holdfast::recover {
namespace {

// An act takes a moment of the world's time, whether Holdfast lives or not.
struct World {
  explicit World(HealerHost& host) : host_(host) {
    host.operations.on_ask = [this](const act::FakeOperations::Asked& asked) {
      const auto until = host_.clock.mono() + 300ms;
      acts_.emplace(asked.key, std::pair(until, asked.target));
    };
  }
  void go_on() {
    for (const auto& [key, act] : acts_) {
      if (act.first > host_.clock.mono() || host_.operations.has_ended(key)) continue;
      host_.operations.set(act.second, InstanceState::kReady);
      host_.operations.end(key);
    }
  }

 private:
  HealerHost& host_;
  std::map<std::string, std::pair<MonoTime, std::string>> acts_;
};

TEST(HealerCrash, NeverActsTwiceWhereverItDies) {
  int died = 0;
  for (int steps = 0; steps < 80; ++steps) {
    SCOPED_TRACE("dies after " + std::to_string(steps) + " steps");
    HealerHost host(static_cast<std::uint64_t>(steps) + 1);
    World world(host);
    host.begin();
    host.executor.run_for(1s);
    host.operations.set("shop/1/1", InstanceState::kExited, "exit by signal 9 (SIGKILL)");
    bool crashed = false;
    for (int i = 0, left = steps; i < 60; ++i) {
      world.go_on();
      if (!crashed) {
        const auto before = host.clock.mono();
        int ran = 0;
        const bool dies = host.executor.run_until([&] { return ran++ >= left; }, 100ms);
        left -= ran - 1;
        if (dies && left <= 0) {
          host.crash_and_begin();
          crashed = true;
          ++died;
        } else {
          host.executor.run_until(before + 100ms);
        }
      } else {
        host.executor.run_for(100ms);
      }
    }
    EXPECT_EQ(host.operations.keys().size(), 1u);
    EXPECT_TRUE(host.open_faults().empty());
    ASSERT_EQ(host.healer->remedies().size(), 1u);
    EXPECT_EQ(host.healer->remedies()[0].state, RemedyState::kVerified);
    EXPECT_EQ(host.journal->pending_intents()->size(), 0u);
  }
  EXPECT_GT(died, 20);
}

TEST(HealerCrash, AnOutcomeOnDiskIsNotAskedForAgain) {
  HealerHost host;
  host.begin();
  host.kill("shop/1/1");
  host.operations.set("shop/1/1", InstanceState::kReady);
  host.operations.end(host.last_key());
  // The outcome is durable, the intent is not finished yet.
  ASSERT_TRUE(
      host.executor.run_until([&] { return host.story().back() == "restart_service 1 done"; }, 1s));
  host.crash_and_begin();
  host.executor.run_for(3s);
  EXPECT_EQ(host.operations.asked().size(), 1u);
  EXPECT_EQ(host.healer->remedies()[0].state, RemedyState::kVerified);
  EXPECT_EQ(host.journal->pending_intents()->size(), 0u);
}

TEST(HealerCrash, AnActUnderWayIsTakenUpUnderItsKeyEvenWhenStopped) {
  HealerHost host;
  host.begin();
  host.kill("shop/1/1");
  host.automation(true);
  host.crash_and_begin();
  host.executor.run_for(1s);
  EXPECT_EQ(host.operations.keys().size(), 1u);
  EXPECT_EQ(host.operations.asked().size(), 2u);
  host.bring_back("shop/1/1", host.last_key());
  host.executor.run_for(2s);
  EXPECT_EQ(host.healer->remedies()[0].state, RemedyState::kVerified);
}

// Operations would refuse, or do again, an act whose record it has not read yet.
TEST(HealerCrash, AsksOperationsOnlyWhenEverybodyHasStarted) {
  HealerHost host;
  host.begin();
  host.kill("shop/1/1");
  host.crash_and_begin();
  EXPECT_EQ(host.operations.asked().size(), 1u);
  host.executor.run_ready();
  EXPECT_EQ(host.operations.asked().size(), 2u);
}

TEST(HealerCrash, AnAlertThatResolvedMeanwhileIsVerified) {
  HealerHost host;
  host.begin();
  const auto bad = alert("InstanceErrors", {{"instance_id", "shop/1/2"}});
  host.fire(bad);
  host.end(host.last_key());
  host.resolve(bad);
  host.crash_and_begin();
  host.executor.run_for(3s);
  EXPECT_EQ(host.healer->remedies()[0].state, RemedyState::kVerified);
  EXPECT_TRUE(host.open_faults().empty());
}

TEST(HealerCrash, AFullDiskHoldsTheActUntilItCanBeWrittenDown) {
  HealerHost host;
  host.begin();
  host.executor.run_for(1s);
  host.files.set_full(true);
  host.operations.set("shop/1/1", InstanceState::kExited, "exit by signal 9 (SIGKILL)");
  host.executor.run_for(5s);
  EXPECT_TRUE(host.operations.asked().empty());
  EXPECT_TRUE(host.healer->faults().empty());  // what anybody sees has been written
  std::optional<Result<model::Automation>> answer;
  host.healer->set_automation(true, "ann", "", [&](auto result) { answer = std::move(result); });
  host.executor.run_for(1s);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->error().code(), Code::kExhausted);
  EXPECT_FALSE(host.healer->automation().stopped);
  host.files.set_full(false);
  host.executor.run_for(2s);
  EXPECT_EQ(host.operations.keys().size(), 1u);
}

}  // namespace
}  // namespace holdfast::recover
