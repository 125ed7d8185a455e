#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "act_world.h"
#include "base/check.h"

namespace holdfast::act {
namespace {

using model::InstanceState;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<std::string> kRestartSteps{"check_service_status", "graceful_shutdown",
                                             "wait_for_shutdown",    "restart_service",
                                             "wait_for_ready",       "health_check"};

TEST(Conductor, BringsTrafficInLineWithInstances) {
  ActWorld world;
  world.start_and_settle();
  const auto view = world.conductor->traffic("s");
  EXPECT_TRUE(view.reachable);
  EXPECT_DOUBLE_EQ(view.effective_percent.at("stable"), 100);
  for (const auto& server : view.servers) {
    const bool is_used =
        server.name == "stable1" || server.name == "stable2" || server.name == "stable3";
    EXPECT_EQ(server.status, is_used ? "up" : "maint") << server.name;
    EXPECT_EQ(server.instance.empty(), !is_used) << server.name;
  }
  EXPECT_FALSE(world.conductor->traffic("nobody").error.empty());
}

TEST(Conductor, TakesAnEndedInstanceOutAtOnce) {
  ActWorld world;
  world.start_and_settle();
  world.kill("s/1/1");
  world.executor.run_for(5ms);
  EXPECT_EQ(world.balancer.slots["stable2"].status, "maint");
  EXPECT_EQ(world.balancer.slots["stable1"].status, "up");
}

TEST(Conductor, FillsARouterThatHasForgottenEverything) {
  ActWorld world;
  world.start_and_settle();
  world.balancer.reachable = false;
  world.executor.run_for(3s);
  EXPECT_FALSE(world.conductor->traffic("s").reachable);
  EXPECT_THAT(world.conductor->traffic("s").error, HasSubstr("refused"));
  world.balancer.forget();
  world.balancer.reachable = true;
  world.executor.run_for(300ms);
  EXPECT_EQ(world.balancer.slots["stable1"].status, "up");
}

TEST(Conductor, UndoesWhatSomebodyElseChanged) {
  ActWorld world;
  world.start_and_settle();
  world.balancer.slots["stable1"].weight = 7;
  world.balancer.slots["canary5"].status = "up";
  world.executor.run_for(1100ms);
  EXPECT_EQ(world.balancer.slots["stable1"].weight, 100);
  EXPECT_EQ(world.balancer.slots["canary5"].status, "maint");
}

TEST(ConductorRestart, GoesThroughTheSixStepsAndDrainsFirst) {
  ActWorld world;
  world.start_and_settle();
  const auto pid = world.instance("s/1/1").pid;
  world.balancer.slots["stable2"].sessions = 3;
  world.executor.post_after(Lane::kControl, 400ms,
                            [&] { world.balancer.slots["stable2"].sessions = 0; });
  std::string at_signal;
  std::int64_t sessions_at_signal = -1;
  world.processes.on_signal = [&](const auto&, int) {
    at_signal = world.balancer.slots["stable2"].status;
    sessions_at_signal = world.balancer.slots["stable2"].sessions;
  };
  auto [done, box] = ActWorld::box();
  world.conductor->restart("k1", "s", "s/1/1", done);
  const auto report = world.wait(box);
  EXPECT_TRUE(report.ok) << report.error;
  EXPECT_EQ(ActWorld::step_names(report), kRestartSteps);
  EXPECT_EQ(at_signal, "drain");
  EXPECT_EQ(sessions_at_signal, 0);
  EXPECT_NE(world.instance("s/1/1").pid, pid);
  EXPECT_TRUE(world.all_ready(3));
  EXPECT_EQ(world.balancer.slots["stable2"].status, "up");
}

TEST(ConductorRestart, WaitsForSessionsNoLongerThanTheGracePeriod) {
  ActWorld world;
  world.start_and_settle();
  world.balancer.slots["stable2"].sessions = 3;
  auto [done, box] = ActWorld::box();
  const auto began = world.clock.mono();
  world.conductor->restart("k1", "s", "s/1/1", done);
  EXPECT_TRUE(world.wait(box).ok);
  EXPECT_GE(world.clock.mono() - began, 2s);
  EXPECT_LE(world.clock.mono() - began, 3s);
}

TEST(ConductorRestart, RestartsOneAfterAnotherWithCapacityLeft) {
  ActWorld world;
  world.start_and_settle();
  int fewest = 3;
  world.processes.on_signal = [&](const auto&, int) {
    int up = 0;
    for (const auto& [name, slot] : world.balancer.slots) up += slot.status == "up" ? 1 : 0;
    fewest = std::min(fewest, up);
  };
  auto [done, box] = ActWorld::box();
  world.conductor->restart("k1", "s", "", done);
  const auto report = world.wait(box);
  EXPECT_TRUE(report.ok) << report.error;
  EXPECT_EQ(report.steps.size(), 18U);
  EXPECT_EQ(fewest, 2);
}

TEST(ConductorRestart, BringsAnEndedInstanceBack) {
  ActWorld world;
  world.start_and_settle();
  world.kill("s/1/1");
  world.executor.run_for(100ms);
  auto [done, box] = ActWorld::box();
  const auto began = world.clock.mono();
  world.conductor->restart("k1", "s", "s/1/1", done);
  const auto report = world.wait(box);
  EXPECT_TRUE(report.ok) << report.error;
  EXPECT_EQ(report.steps[0].detail, "s/1/1 is exited: exit by signal 9 (SIGKILL)");
  EXPECT_EQ(report.steps[1].detail, "s/1/1 does not run");
  EXPECT_LE(world.clock.mono() - began, 1s);
}

TEST(ConductorRestart, SaysWhenTheServiceStaysSick) {
  ActWorld world;
  world.start_and_settle();
  world.prober.sick.insert("127.0.0.1:1001");
  auto [done, box] = ActWorld::box();
  world.conductor->restart("k1", "s", "s/1/1", done);
  const auto report = world.wait(box);
  EXPECT_FALSE(report.ok);
  EXPECT_EQ(report.error, "Service s failed health check after restart");
  EXPECT_EQ(ActWorld::step_names(report), kRestartSteps);
  EXPECT_FALSE(report.steps[4].ok);
  EXPECT_FALSE(report.steps[5].ok);
}

TEST(ConductorActs, RefuseWhatCannotBeAndSayWhy) {
  ActWorld world;
  world.start_and_settle();
  struct Case {
    const char* want;
    std::function<void(Conductor&, Done)> ask;
  };
  const Case cases[] = {
      {"service s has no instance or running version 9",
       [](auto& c, Done d) { c.restart("a", "s", "9", d); }},
      {"there is no service x that Holdfast runs",
       [](auto& c, Done d) { c.restart("b", "x", "", d); }},
      {"an act needs a key", [](auto& c, Done d) { c.restart("", "s", "", d); }},
      {"replicas must be from 1 to 6, not 7",
       [](auto& c, Done d) { c.scale("c", "s", "1", 7, d); }},
      {"replicas must be from 1 to 6, not 0",
       [](auto& c, Done d) { c.scale("d", "s", "1", 0, d); }},
      {"service s does not run version 2", [](auto& c, Done d) { c.scale("e", "s", "2", 2, d); }},
      {"service s has no version 3",
       [](auto& c, Done d) { c.start_canary("f", "s", "3", 1, 10, d); }},
      {"1 is the stable version", [](auto& c, Done d) { c.start_canary("g", "s", "1", 1, 10, d); }},
      {"percent must be from 0 to 100",
       [](auto& c, Done d) { c.start_canary("h", "s", "2", 1, 101, d); }},
      {"service s has no canary", [](auto& c, Done d) { c.set_canary_percent("i", "s", 10, d); }},
  };
  for (const auto& c : cases) {
    auto [done, box] = ActWorld::box();
    c.ask(*world.conductor, done);
    const auto report = world.wait(box);
    EXPECT_FALSE(report.ok);
    EXPECT_EQ(report.error, c.want);
  }
  EXPECT_TRUE(world.journal.documents("act")->empty());
}

TEST(ConductorActs, AnswerAKnownKeyWithoutDoingItTwice) {
  ActWorld world;
  world.start_and_settle();
  auto [first_done, first] = ActWorld::box();
  auto [second_done, second] = ActWorld::box();
  auto [third_done, third] = ActWorld::box();
  auto [fourth_done, fourth] = ActWorld::box();
  world.conductor->restart("k1", "s", "s/1/1", first_done);
  world.conductor->restart("k1", "s", "s/1/1", second_done);  // while it runs
  EXPECT_TRUE(world.wait(first).ok);
  EXPECT_TRUE(world.wait(second).ok);
  world.conductor->restart("k1", "s", "s/1/1", third_done);  // when it has ended
  EXPECT_EQ(ActWorld::step_names(world.wait(third)), kRestartSteps);
  world.crash();
  world.start_and_settle();
  world.conductor->restart("k1", "s", "s/1/1", fourth_done);  // and after a crash
  EXPECT_EQ(ActWorld::step_names(world.wait(fourth)), kRestartSteps);
  EXPECT_EQ(world.instance("s/1/1").restarts, 1);
}

TEST(ConductorActs, HaveNoEffectThatIsNotRecorded) {
  ActWorld world;
  world.start_and_settle();
  world.journal.is_full = true;
  auto [done, box] = ActWorld::box();
  world.conductor->scale("k1", "s", "1", 5, done);
  EXPECT_EQ(world.wait(box).error, "the act cannot be recorded: the disk is full");
  EXPECT_EQ(world.conductor->wanted("s")[0].replicas, 3);
  EXPECT_EQ(world.processes.children.size(), 3U);
}

TEST(ConductorActs, SurviveACrashAtAnyInstant) {
  // Each act is interrupted at every 5 ms of its way, and Holdfast started again.
  struct Case {
    const char* name;
    std::function<void(Conductor&, Done)> ask;
    int stable;
    double canary_percent;
  };
  const Case cases[] = {
      {"restart", [](auto& c, Done d) { c.restart("k", "s", "", d); }, 3, 0},
      {"scale up", [](auto& c, Done d) { c.scale("k", "s", "1", 5, d); }, 5, 0},
      {"scale down", [](auto& c, Done d) { c.scale("k", "s", "1", 1, d); }, 1, 0},
      {"canary", [](auto& c, Done d) { c.start_canary("k", "s", "2", 1, 20, d); }, 3, 20},
  };
  for (const auto& c : cases) {
    for (Duration crash_after = 0ms; crash_after < 1500ms; crash_after += 5ms) {
      ActWorld world;
      world.start_and_settle();
      auto [done, box] = ActWorld::box();
      c.ask(*world.conductor, done);
      world.executor.run_for(crash_after);
      const bool was_recorded = world.journal.stored.contains({"act", "k"});
      world.crash();
      world.start();
      auto [again_done, again] = ActWorld::box();
      world.executor.run_for(1s);
      c.ask(*world.conductor, again_done);  // the asker repeats its request under the same key
      const auto report = world.wait(again);
      ASSERT_TRUE(report.ok) << c.name << " crashed after " << format_duration(crash_after) << ": "
                             << report.error;
      world.executor.run_for(3s);
      const int count = c.stable + (c.canary_percent > 0 ? 1 : 0);
      ASSERT_TRUE(world.all_ready(count))
          << c.name << " crashed after " << format_duration(crash_after);
      ASSERT_EQ(world.processes.children.size(), static_cast<std::size_t>(count)) << c.name;
      ASSERT_NEAR(world.balancer.canary_percent(), c.canary_percent, 1) << c.name;
      int up = 0;
      for (const auto& [name, slot] : world.balancer.slots) up += slot.status == "up" ? 1 : 0;
      ASSERT_EQ(up, count) << c.name << " crashed after " << format_duration(crash_after)
                           << (was_recorded ? "" : ", unrecorded");
    }
  }
}

TEST(ConductorScale, ListsItsStepsAndShowsTheDistribution) {
  ActWorld world;
  world.start_and_settle();
  auto [up_done, up] = ActWorld::box();
  world.conductor->scale("k1", "s", "1", 5, up_done);
  auto report = world.wait(up);
  EXPECT_TRUE(report.ok) << report.error;
  EXPECT_THAT(ActWorld::step_names(report),
              ElementsAre("get_current_scale", "scale_up", "wait_for_new_instances",
                          "verify_load_distribution"));
  EXPECT_EQ(report.steps[0].detail, "3 replicas of 1, wanted 5");
  EXPECT_THAT(report.steps[3].detail, HasSubstr("stable5 up 100"));
  EXPECT_EQ(world.conductor->wanted("s")[0].replicas, 5);

  std::set<std::string> drained;
  world.processes.on_signal = [&](const auto& child, int) {
    for (const auto& [name, slot] : world.balancer.slots) {
      if (slot.address == child.address && slot.status == "drain") drained.insert(name);
    }
  };
  auto [down_done, down] = ActWorld::box();
  world.conductor->scale("k2", "s", "1", 2, down_done);
  report = world.wait(down);
  EXPECT_TRUE(report.ok) << report.error;
  EXPECT_THAT(ActWorld::step_names(report),
              ElementsAre("get_current_scale", "scale_down", "wait_for_shutdown",
                          "verify_load_distribution"));
  EXPECT_THAT(drained, ElementsAre("stable3", "stable4", "stable5"));
  EXPECT_TRUE(world.all_ready(2));
}

TEST(ConductorCanary, GetsTrafficOnlyWhenReadyAndLosesItBeforeItStops) {
  ActWorld world;
  world.start_and_settle();
  auto [start_done, started] = ActWorld::box();
  world.conductor->start_canary("k1", "s", "2", 2, 20, start_done);
  while (!started->has_value()) {
    world.executor.run_for(5ms);
    if (world.balancer.canary_percent() > 0) {
      EXPECT_EQ(world.instance("s/2/0").state, InstanceState::kReady);
      EXPECT_EQ(world.instance("s/2/1").state, InstanceState::kReady);
    }
  }
  EXPECT_TRUE((*started)->ok) << (*started)->error;
  EXPECT_NEAR(world.balancer.canary_percent(), 20, 1);
  EXPECT_DOUBLE_EQ(world.conductor->traffic("s").wanted_percent.at("canary"), 20);

  double at_signal = -1;
  world.processes.on_signal = [&](const auto&, int) {
    at_signal = std::max(at_signal, world.balancer.canary_percent());
  };
  auto [stop_done, stopped] = ActWorld::box();
  world.conductor->stop_canary("k2", "s", stop_done);
  const auto report = world.wait(stopped);
  EXPECT_TRUE(report.ok) << report.error;
  EXPECT_THAT(ActWorld::step_names(report), ElementsAre("shift_traffic_to_stable", "verify_traffic",
                                                        "graceful_shutdown", "wait_for_shutdown"));
  EXPECT_EQ(at_signal, 0);
  EXPECT_TRUE(world.all_ready(3));
  EXPECT_EQ(world.conductor->wanted("s").size(), 1U);
}

TEST(ConductorCanary, StaysWhileTheRouterCannotBeToldToLeaveIt) {
  ActWorld world;
  world.start_and_settle();
  auto [start_done, started] = ActWorld::box();
  world.conductor->start_canary("k1", "s", "2", 1, 20, start_done);
  ASSERT_TRUE(world.wait(started).ok);
  world.balancer.reachable = false;
  auto [stop_done, stopped] = ActWorld::box();
  world.conductor->stop_canary("k2", "s", stop_done);
  const auto report = world.wait(stopped);
  EXPECT_FALSE(report.ok);
  EXPECT_EQ(report.error, "haproxy unix:/sock: refused");
  EXPECT_EQ(world.instance("s/2/0").state, InstanceState::kReady);
  // The wish stands: as soon as it answers again, traffic moves.
  world.balancer.reachable = true;
  world.executor.run_for(300ms);
  EXPECT_EQ(world.balancer.canary_percent(), 0);
}

TEST(ConductorCanary, LosesItsTrafficWhileARestartIsUnderWay) {
  ActWorld world;
  world.start_and_settle();
  auto [start_done, started] = ActWorld::box();
  world.conductor->start_canary("k1", "s", "2", 1, 20, start_done);
  ASSERT_TRUE(world.wait(started).ok);
  world.balancer.slots["stable1"].sessions = 1;
  auto [restart_done, restarted] = ActWorld::box();
  world.conductor->restart("k2", "s", "s/1/0", restart_done);
  world.executor.run_for(100ms);
  auto [shift_done, shifted] = ActWorld::box();
  const auto began = world.clock.mono();
  world.conductor->set_canary_percent("k3", "s", 0, shift_done);
  const auto report = world.wait(shifted);
  EXPECT_TRUE(report.ok) << report.error;
  EXPECT_THAT(ActWorld::step_names(report),
              ElementsAre("shift_traffic_to_stable", "verify_traffic"));
  EXPECT_LE(world.clock.mono() - began, 100ms);
  EXPECT_FALSE(restarted->has_value());
  EXPECT_TRUE(world.wait(restarted).ok);
  EXPECT_EQ(world.balancer.canary_percent(), 0);
}

TEST(ConductorCanary, DoesNotGetTheTrafficThatWasTakenFromItMeanwhile) {
  ActWorld world;
  world.start_and_settle();
  auto [start_done, started] = ActWorld::box();
  world.conductor->start_canary("k1", "s", "2", 1, 20, start_done);
  world.executor.run_for(100ms);  // it is starting
  auto [shift_done, shifted] = ActWorld::box();
  world.conductor->set_canary_percent("k2", "s", 0, shift_done);
  EXPECT_TRUE(world.wait(shifted).ok);
  EXPECT_TRUE(world.wait(started).ok);
  world.executor.run_for(2s);
  EXPECT_EQ(world.balancer.canary_percent(), 0);
}

TEST(ConductorCanary, IsNotWaitedForOnceItIsToStop) {
  ActWorld world;
  world.start_and_settle();
  world.prober.sick.insert("127.0.0.1:2000");  // never ready
  auto [start_done, started] = ActWorld::box();
  world.conductor->start_canary("k1", "s", "2", 1, 20, start_done);
  world.executor.run_for(1s);
  auto [stop_done, stopped] = ActWorld::box();
  const auto began = world.clock.mono();
  world.conductor->stop_canary("k2", "s", stop_done);
  EXPECT_EQ(world.wait(started).error, "overtaken by stop_canary");
  EXPECT_TRUE(world.wait(stopped).ok);
  EXPECT_LE(world.clock.mono() - began, 1s);
  EXPECT_TRUE(world.all_ready(3));
}

TEST(ConductorWanted, FollowsTheCatalogueWhenAPersonChangedIt) {
  ActWorld world;
  world.start_and_settle();
  auto [done, box] = ActWorld::box();
  world.conductor->scale("k1", "s", "1", 5, done);
  ASSERT_TRUE(world.wait(box).ok);
  world.crash();
  world.start_and_settle();
  EXPECT_TRUE(world.all_ready(5));  // what was scaled stays so
  world.crash();
  world.service().platform.replicas = 2;
  world.start_and_settle();
  EXPECT_TRUE(world.all_ready(2));
}

TEST(ConductorWanted, SurvivesDocumentsItCannotRead) {
  ActWorld world;
  world.journal.stored[{"wanted", "s"}] = "{}";
  world.journal.stored[{"act", "k"}] = "not json";
  world.journal.stored[{"instance", "s/1/0"}] = "[]";
  world.start_and_settle();
  EXPECT_TRUE(world.all_ready(3));
}

// At a first start the wish is still on its way to the disk, and no instance is known.
TEST(Conductor, WhatIsAskedBeforeItKnowsWhatRunsWaitsForThat) {
  ActWorld world;
  world.start();
  const auto [done, box] = ActWorld::box();
  world.conductor->restart("early", "s", "s/1/0", done);
  const auto report = world.wait(box);
  EXPECT_TRUE(report.ok) << report.error;
  EXPECT_GT(probe_hits()["conductor: asked before it knew what runs"], 0u);
}

}  // namespace
}  // namespace holdfast::act
