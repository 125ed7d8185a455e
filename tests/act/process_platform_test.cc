#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "act/platform/command_template.h"
#include "act_world.h"

namespace holdfast::act {
namespace {

using model::InstanceState;

TEST(CommandTemplate, FillsInWhatItKnowsAndLeavesTheRest) {
  const std::map<std::string, std::string> values{{"port", "80"}, {"index", "2"}};
  struct Case {
    const char* text;
    const char* want;
  };
  const Case cases[] = {{"--port={port}", "--port=80"},
                        {"{port}{index}", "802"},
                        {"{}", "{}"},
                        {"{unknown} {port}", "{unknown} 80"},
                        {"{port", "{port"},
                        {"{{port}}", "{80}"},
                        {"", ""}};
  for (const auto& c : cases) EXPECT_EQ(fill_template(c.text, values), c.want) << c.text;
  model::Instance i;
  i.service = "a/b";
  i.version = "1.0";
  i.index = 2;
  EXPECT_EQ(log_path(i, "/data"), "/data/logs/a_b-1.0-2.log");
}

TEST(ProcessPlatform, BringsEveryWantedSlotUp) {
  ActWorld world;
  world.start();
  world.executor.run_for(100ms);
  EXPECT_EQ(world.instance("s/1/2").state, InstanceState::kStarting);
  world.executor.run_for(2s);
  EXPECT_TRUE(world.all_ready(3));
  EXPECT_EQ(world.instance("s/1/2").address, "127.0.0.1:1002");
  EXPECT_EQ(world.instance("s/1/2").restarts, 0);
}

TEST(ProcessPlatform, WritesTheIntentBeforeTheProcess) {
  ActWorld world;
  world.start();
  world.executor.run_until([&] { return !world.processes.children.empty(); }, 1s);
  EXPECT_TRUE(world.journal.stored.contains({"instance", "s/1/0"}));
  EXPECT_TRUE(world.journal.stored.contains({"wanted", "s"}));
}

TEST(ProcessPlatform, LeavesAnExitToTheHealerWhenThereAreRemedies) {
  ActWorld world;
  world.start_and_settle();
  world.kill("s/1/1");
  world.executor.run_for(60s);
  const auto instance = world.instance("s/1/1");
  EXPECT_EQ(instance.state, InstanceState::kExited);
  EXPECT_EQ(instance.detail, "exit by signal 9 (SIGKILL)");
  EXPECT_EQ(instance.pid, 0);
}

TEST(ProcessPlatform, RestartsByItselfWithDoublingBackoff) {
  ActWorld world;
  world.service().remedies.clear();
  world.service().platform.replicas = 1;
  world.service().platform.restart_backoff_min = 100ms;
  world.service().platform.restart_backoff_max = 1s;
  world.prober.startup_takes = 0ms;
  world.start_and_settle();
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 6; ++i) {
    const auto died = world.clock.mono();
    world.kill("s/1/0");
    const auto spawns = world.processes.spawn_times.size();
    ASSERT_TRUE(
        world.executor.run_until([&] { return world.processes.spawn_times.size() > spawns; }, 5s));
    pauses.push_back(to_ms(world.clock.mono() - died));
    ASSERT_TRUE(world.executor.run_until([&] { return world.all_ready(1); }, 5s));
  }
  // The first start was stable; one millisecond more each is the journal's.
  EXPECT_THAT(pauses, testing::ElementsAre(101, 201, 401, 801, 1001, 1001));
  EXPECT_EQ(world.instance("s/1/0").restarts, 6);
  world.executor.run_for(2s);  // stable again
  world.kill("s/1/0");
  const auto died = world.clock.mono();
  ASSERT_TRUE(
      world.executor.run_until([&] { return world.processes.spawn_times.size() == 8; }, 5s));
  EXPECT_EQ(to_ms(world.clock.mono() - died), 101);
}

TEST(ProcessPlatform, FindsAHungInstanceWithinTwoSeconds) {
  ActWorld world;
  world.start_and_settle();
  world.prober.hung.insert("127.0.0.1:1001");
  const auto hung_at = world.clock.mono();
  ASSERT_TRUE(world.executor.run_until(
      [&] { return world.instance("s/1/1").state == InstanceState::kUnready; }, 10s));
  EXPECT_LE(world.clock.mono() - hung_at, 2s + 1ms);
  EXPECT_EQ(world.instance("s/1/1").detail, "live probe failed 3 times: timeout after 500ms");
  world.prober.hung.clear();
  world.executor.run_for(1s);
  EXPECT_EQ(world.instance("s/1/1").state, InstanceState::kReady);
}

TEST(ProcessPlatform, RestartsAHungInstanceThatHasNoRemedies) {
  ActWorld world;
  world.service().remedies.clear();
  world.start_and_settle();
  const auto pid = world.instance("s/1/1").pid;
  world.prober.hung.insert("127.0.0.1:1001");
  world.processes.stubborn = true;  // it does not even hear SIGTERM
  world.executor.run_until([&] { return world.instance("s/1/1").state == InstanceState::kExited; },
                           10s);
  EXPECT_EQ(world.instance("s/1/1").detail, "stopped, killed after the grace period");
  world.prober.hung.clear();
  world.executor.run_for(3s);
  EXPECT_TRUE(world.all_ready(3));
  EXPECT_NE(world.instance("s/1/1").pid, pid);
}

TEST(ProcessPlatform, TellsWhatAnUnreadyInstanceAnswers) {
  ActWorld world;
  world.prober.sick.insert("127.0.0.1:1000");
  world.start();
  world.executor.run_for(15s);
  EXPECT_EQ(world.instance("s/1/0").detail, "not ready within 10s: ready probe: status 503");
  world.prober.sick = {"127.0.0.1:1001"};
  world.executor.run_for(3s);
  EXPECT_EQ(world.instance("s/1/0").state, InstanceState::kReady);
  EXPECT_EQ(world.instance("s/1/1").detail, "ready probe failed 3 times: status 503");
}

TEST(ProcessPlatform, SaysWhenACommandCannotBeStarted) {
  ActWorld world;
  world.processes.refuse = true;
  world.start_and_settle();
  EXPECT_EQ(world.instance("s/1/0").state, InstanceState::kFailed);
  EXPECT_EQ(world.instance("s/1/0").detail, "start server: no such file");
}

TEST(ProcessPlatform, AdoptsWhatRunsAndLeavesTrafficAlone) {
  ActWorld world;
  world.start_and_settle();
  const auto before = world.processes.children;
  const auto changes = world.balancer.changes;
  world.crash();
  world.start();
  world.executor.run_ready();
  EXPECT_TRUE(world.all_ready(3));  // at once, before the first probe has answered
  world.executor.run_for(5s);
  EXPECT_TRUE(world.all_ready(3));
  EXPECT_EQ(world.processes.children.size(), before.size());
  for (const auto& [pid, child] : before) EXPECT_TRUE(world.processes.children.contains(pid));
  EXPECT_EQ(world.balancer.changes, changes);
}

TEST(ProcessPlatform, KnowsWhatEndedWhileItWasAway) {
  ActWorld world;
  world.start_and_settle();
  const auto gone = world.instance("s/1/1").pid;
  world.crash();
  world.processes.children.erase(gone);
  world.start_and_settle();
  EXPECT_TRUE(world.all_ready(3));
  EXPECT_EQ(world.instance("s/1/1").restarts, 1);
}

TEST(ProcessPlatform, TakesUpAStrayThatWasNeverRecordedAndKillsTheSecond) {
  ActWorld world;
  world.service().platform.replicas = 1;
  world.start();
  ASSERT_TRUE(world.executor.run_until([&] { return world.processes.children.size() == 1; }, 1s));
  world.crash();  // between the spawn and its record
  ASSERT_TRUE(world.processes.spawn({{"server", "1000"}, {}, "/data#s/1/0", ""}, {}).has_value());
  world.start_and_settle();
  EXPECT_TRUE(world.all_ready(1));
  EXPECT_EQ(world.processes.children.size(), 1U);
  EXPECT_EQ(world.processes.spawn_times.size(), 2U);  // nothing new was needed
}

TEST(ProcessPlatform, StopsWhatTheCatalogueWantsNoMore) {
  ActWorld world;
  world.start_and_settle();
  world.crash();
  world.service().platform.replicas = 2;
  world.start_and_settle();
  EXPECT_TRUE(world.all_ready(2));
  EXPECT_EQ(world.processes.children.size(), 2U);
  EXPECT_FALSE(world.journal.stored.contains({"instance", "s/1/2"}));
  world.crash();
  world.services.clear();
  world.start_and_settle();
  EXPECT_TRUE(world.processes.children.empty());
  EXPECT_TRUE(world.journal.stored.empty());
}

TEST(ProcessPlatform, RestartsOnAFullDisk) {
  ActWorld world;
  world.service().remedies.clear();
  world.start_and_settle();
  world.journal.is_full = true;
  world.kill("s/1/1");
  world.executor.run_for(3s);
  EXPECT_TRUE(world.all_ready(3));
}

TEST(ProcessPlatform, StopsDependantsFirstAndStartsNothingMore) {
  ActWorld world;
  auto balancer = world.service();
  balancer.name = "balancer";
  balancer.traffic.kind = "none";
  balancer.platform.replicas = 1;
  balancer.platform.versions = {{"1", {"balancer", "3000"}, {}, 3000, 0}};
  world.services.push_back(balancer);
  world.service().depends_on = {"balancer"};
  world.start_and_settle();
  std::vector<std::string> asked;
  world.processes.on_signal = [&](const auto& child, int) { asked.push_back(child.tag); };
  bool stopped = false;
  world.conductor->stop_all(10s, [&] { stopped = true; });
  world.executor.run_until([&] { return stopped; }, 20s);
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(world.processes.children.empty());
  EXPECT_THAT(asked, testing::ElementsAre("/data#s/1/0", "/data#s/1/1", "/data#s/1/2",
                                          "/data#balancer/1/0"));
  world.executor.run_for(10s);
  EXPECT_TRUE(world.processes.children.empty());
  world.crash();
  world.start_and_settle();
  EXPECT_TRUE(world.all_ready(3));
}

TEST(ProcessPlatform, KillsWhatDoesNotStopInTime) {
  ActWorld world;
  world.start_and_settle();
  world.processes.stubborn = true;
  bool stopped = false;
  const auto began = world.clock.mono();
  world.conductor->stop_all(500ms, [&] { stopped = true; });
  world.executor.run_until([&] { return stopped; }, 20s);
  EXPECT_LE(world.clock.mono() - began, 600ms);
  EXPECT_TRUE(world.processes.children.empty());
}

}  // namespace
}  // namespace holdfast::act
