#include "learn/drill/drills.h"

#include <algorithm>

#include "drill_host.h"

namespace holdfast::learn {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(Drills, ACrashIsBrokenWatchedPutBackAndMeasured) {
  DrillHost host;
  host.begin();
  host.set_requests(1000, 5, 2);
  const auto begun = host.run("process_crash");
  ASSERT_TRUE(begun.has_value()) << begun.error().message();
  EXPECT_EQ(begun->id, "process_crash-1800000000");
  EXPECT_EQ(begun->target, "shop/1/0");
  EXPECT_EQ(begun->started_by, "ann");
  ASSERT_NE(host.drills->active(), nullptr);
  host.executor.run_for(100ms);
  EXPECT_THAT(host.orders, ElementsAre(R"(18200 POST {"kind":"crash","ttl_s":60})"));
  EXPECT_EQ(host.last().state, "waiting");
  host.heal();
  host.set_requests(1200, 6, 4);
  host.executor.run_for(2s);
  const auto drill = host.last();
  EXPECT_EQ(drill.state, "passed") << drill.verdict;
  EXPECT_EQ(drill.incident, "INC-1");
  EXPECT_EQ(*drill.detected_at - *drill.injected_at, 600ms);
  EXPECT_EQ(*drill.repaired_at - *drill.injected_at, 1600ms);
  EXPECT_EQ(*drill.closed_at - *drill.injected_at, 3600ms);
  EXPECT_EQ(drill.requests, 203);
  EXPECT_EQ(drill.requests_lost, 3);
  EXPECT_EQ(host.drills->active(), nullptr);
  EXPECT_THAT(host.orders, Contains("18200 DELETE"));
  EXPECT_THAT(host.orders, Contains("18202 DELETE"));
  EXPECT_THAT(host.operations.asked(), IsEmpty());  // nothing else had changed
}

TEST(Drills, WhatIsBrokenIsOnDiskBefore) {
  DrillHost host;
  host.begin();
  host.files.set_full(true);
  const auto refused = host.run("hang");
  EXPECT_EQ(refused.error().code(), Code::kExhausted);
  host.executor.run_for(5s);
  EXPECT_THAT(host.orders, IsEmpty());
  EXPECT_THAT(host.drills->runs(), IsEmpty());
  host.files.set_full(false);
  EXPECT_TRUE(host.run("hang").has_value());
}

TEST(Drills, OneAtATimeAndOnlyWhatExists) {
  DrillHost host;
  host.begin();
  EXPECT_THAT(host.run("flood").error().message(), HasSubstr("one of process_crash, hang"));
  EXPECT_THAT(host.run("hang", "bank").error().message(), HasSubstr("one of shop"));
  ASSERT_TRUE(host.run("hang", "shop").has_value());
  const auto second = host.run("latency");
  EXPECT_EQ(second.error().code(), Code::kConflict);
  EXPECT_EQ(second.error().message(), "drill hang-1800000000 is under way; one at a time");
}

TEST(Drills, AFailedReleaseRunsAsACanaryAndIsGoneAfterwards) {
  DrillHost host;
  host.begin();
  ASSERT_TRUE(host.run("failed_release").has_value());
  host.executor.run_for(500ms);
  ASSERT_EQ(host.operations.asked().size(), 1u);
  EXPECT_EQ(host.operations.asked()[0].kind, "start_canary");
  EXPECT_EQ(host.operations.asked()[0].percent, 20);
  EXPECT_THAT(host.orders, ElementsAre(R"(18250 POST {"kind":"errors","share":0.5,"ttl_s":60})"));
  host.heal();
  host.executor.run_for(3s);
  EXPECT_EQ(host.last().state, "passed") << host.last().verdict;
  EXPECT_EQ(host.operations.asked().back().kind, "stop_canary");
  EXPECT_EQ(host.operations.wanted("shop").size(), 1u);
}

TEST(Drills, ReplicasThatTheHealerAddedGoAgain) {
  DrillHost host;
  host.begin();
  ASSERT_TRUE(host.run("latency").has_value());
  host.executor.run_for(100ms);
  EXPECT_EQ(host.orders.size(), 3u);  // of those that run now, not of those to come
  host.operations.want("1", "stable", 5);
  for (int i = 3; i < 5; ++i)
    host.operations.set("shop/1/" + std::to_string(i), InstanceState::kReady);
  host.heal();
  host.executor.run_for(3s);
  EXPECT_EQ(host.last().state, "passed") << host.last().verdict;
  ASSERT_EQ(host.operations.asked().size(), 1u);
  EXPECT_EQ(host.operations.asked()[0].kind, "scale");
  EXPECT_EQ(host.operations.asked()[0].replicas, 3);
}

TEST(Drills, WhatNobodyNoticesFailsAtTheDeadlineAndIsPutBack) {
  DrillHost host;
  host.begin();
  ASSERT_TRUE(host.run("error_burst").has_value());
  host.executor.run_for(89s);
  EXPECT_EQ(host.last().state, "waiting");
  host.executor.run_for(3s);
  EXPECT_EQ(host.last().state, "failed");
  EXPECT_THAT(host.last().verdict,
              HasSubstr("not detected, not taken charge of, not repaired, not closed"));
  EXPECT_TRUE(host.last().restored_at.has_value());
  EXPECT_THAT(host.orders, Contains("18200 DELETE"));
}

TEST(Drills, AnOlderIncidentCountsOnlyWhenItIsJoined) {
  DrillHost host;
  host.begin();
  host.incident(model::IncidentState::kOpen);
  host.executor.run_for(10s);
  ASSERT_TRUE(host.run("error_burst").has_value());
  host.executor.run_for(1s);
  host.incident(model::IncidentState::kAcknowledged);  // old news
  EXPECT_FALSE(host.last().detected_at.has_value());
  host.story.timeline.push_back({host.clock.now(), "alert_fired", "", "holdfast", {}, 0});
  host.incident(model::IncidentState::kAcknowledged);
  EXPECT_EQ(host.last().detected_at, host.clock.now());
  EXPECT_EQ(host.last().incident, "INC-1");
}

TEST(Drills, APortThatRefusesEndsTheDrill) {
  DrillHost host;
  host.begin();
  host.ports[18200]->status = 400;
  ASSERT_TRUE(host.run("hang").has_value());
  host.executor.run_for(100ms);
  host.ports[18200]->status = 200;
  host.executor.run_for(3s);
  EXPECT_EQ(host.last().state, "failed");
  EXPECT_THAT(host.last().verdict, HasSubstr("Shop:18200 refused the fault: status 400"));
  EXPECT_TRUE(host.last().restored_at.has_value());
}

TEST(Drills, AReleaseThatDoesNotStartEndsTheDrill) {
  DrillHost host;
  host.begin();
  host.acts_work = false;
  ASSERT_TRUE(host.run("failed_release").has_value());
  host.executor.run_for(100ms);
  host.acts_work = true;
  host.operations.end(host.operations.asked()[0].key, false, "not ready within 20s");
  host.executor.run_for(3s);
  EXPECT_EQ(host.last().state, "failed");
  EXPECT_THAT(host.last().verdict, HasSubstr("not ready within 20s"));
  EXPECT_EQ(host.operations.asked().back().kind, "stop_canary");
}

TEST(Drills, WhatCannotBePutBackIsSaid) {
  DrillHost host;
  host.begin();
  ASSERT_TRUE(host.run("error_burst").has_value());
  host.executor.run_for(100ms);
  host.ports[18200]->status = 500;
  host.heal();
  host.executor.run_for(70s);
  EXPECT_EQ(host.last().state, "failed");
  EXPECT_FALSE(host.last().restored_at.has_value());
  EXPECT_THAT(host.last().verdict,
              HasSubstr("the faults of shop:18200 are not cleared: status 500"));
  EXPECT_EQ(host.drills->active(), nullptr);
}

TEST(Drills, AnActOfRestoringThatFailsIsTriedAgain) {
  DrillHost host;
  host.begin();
  ASSERT_TRUE(host.run("failed_release").has_value());
  host.executor.run_for(500ms);
  host.acts_work = false;
  host.heal();
  host.executor.run_for(200ms);
  ASSERT_EQ(host.operations.asked().back().kind, "stop_canary");
  host.acts_work = true;
  host.operations.end(host.operations.asked().back().key, false, "the router is away");
  host.executor.run_for(4s);
  EXPECT_EQ(host.operations.asked().size(), 3u);
  EXPECT_EQ(host.operations.wanted("shop").size(), 1u);
  EXPECT_EQ(host.last().state, "passed") << host.last().verdict;
}

TEST(Drills, APersonMayEndIt) {
  DrillHost host;
  host.begin();
  ASSERT_TRUE(host.run("latency").has_value());
  host.executor.run_for(100ms);
  EXPECT_EQ(host.abort("hang-1").error().code(), Code::kNotFound);
  const auto id = host.last().id;
  ASSERT_TRUE(host.abort(id).has_value());
  host.executor.run_for(3s);
  EXPECT_EQ(host.last().state, "aborted");
  EXPECT_EQ(host.last().verdict, "Aborted by bob; everything is put back.");
  EXPECT_THAT(host.orders, Contains("18202 DELETE"));
  EXPECT_EQ(host.abort(id).error().code(), Code::kConflict);
  EXPECT_TRUE(host.run("hang").has_value());
}

// Every moment of a drill is one at which Holdfast may be killed.
TEST(DrillsCrash, TheNextStartPutsEverythingBack) {
  int interrupted = 0;
  for (int steps = 0; steps < 120; steps += 3) {
    SCOPED_TRACE("dies after " + std::to_string(steps) + " steps");
    DrillHost host(static_cast<std::uint64_t>(steps) + 1);
    host.begin();
    bool answered = false;
    host.drills->run("failed_release", "", "ann", [&](const auto&) { answered = true; });
    int ran = 0;
    host.executor.run_until([&] { return ran++ >= steps; }, 30s);
    const bool was_told = !host.orders.empty() || !host.operations.asked().empty();
    const auto record = host.journal->documents("drill");
    EXPECT_TRUE(!was_told || record->size() == 1u) << "broken before it was written down";
    host.crash_and_begin();
    // What was asked of the world goes on without Holdfast.
    for (const auto& key : host.operations.keys()) {
      if (!host.operations.has_ended(key)) host.operations.end(key);
    }
    host.executor.run_for(10s);
    EXPECT_EQ(host.operations.wanted("shop").size(), 1u);
    EXPECT_EQ(host.drills->active(), nullptr);
    if (host.drills->runs().empty()) {
      EXPECT_FALSE(answered);
      EXPECT_FALSE(was_told);
      continue;
    }
    ++interrupted;
    EXPECT_EQ(host.last().state, "aborted");
    EXPECT_EQ(host.last().verdict, "Holdfast ended during the drill; everything is put back.");
    EXPECT_THAT(host.orders, Contains("18200 DELETE"));
    ASSERT_FALSE(host.operations.asked().empty());
    EXPECT_EQ(host.operations.asked().back().kind, "stop_canary");
    ASSERT_TRUE(host.run("hang").has_value());
  }
  EXPECT_GT(interrupted, 10);
}

TEST(DrillsCrash, ReplicasComeBackTooAndAnEndedDrillIsLeftAlone) {
  DrillHost host;
  host.begin();
  ASSERT_TRUE(host.run("latency").has_value());
  host.executor.run_for(100ms);
  host.operations.want("1", "stable", 5);
  for (int i = 3; i < 5; ++i)
    host.operations.set("shop/1/" + std::to_string(i), InstanceState::kReady);
  host.crash_and_begin();
  EXPECT_EQ(host.run("hang").error().code(), Code::kConflict);
  host.executor.run_for(5s);
  EXPECT_EQ(host.last().state, "aborted");
  EXPECT_EQ(host.operations.asked().back().replicas, 3);
  const auto asked = host.operations.asked().size();
  host.crash_and_begin();
  host.executor.run_for(5s);
  EXPECT_EQ(host.operations.asked().size(), asked);
  EXPECT_THAT(host.orders, IsEmpty());
}

}  // namespace
}  // namespace holdfast::learn
