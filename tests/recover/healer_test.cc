#include <gmock/gmock.h>

#include "healer_host.h"

namespace holdfast::recover {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Healer, RestartsAProcessThatEndedAndSeesThatItHelped) {
  HealerHost host;
  host.begin();
  host.executor.run_for(3s);
  host.kill("shop/1/1");
  // No time passes between the news and the act.
  EXPECT_THAT(host.acts(), ElementsAre("restart shop/1/1"));
  ASSERT_EQ(host.healer->faults().size(), 1u);
  const auto fault = host.healer->faults()[0];
  EXPECT_EQ(fault.id, "process_exit_shop/1/1_1800000003");
  EXPECT_EQ(fault.rank, model::Rank::kMedium);
  EXPECT_EQ(fault.strategy, "restart_service");
  EXPECT_EQ(fault.evidence.value, "exited: exit by signal 9 (SIGKILL)");
  host.executor.run_for(800ms);
  host.bring_back("shop/1/1", host.last_key());
  EXPECT_THAT(host.open_faults(), ElementsAre("process_exit shop/1/1"));  // ready, not yet trusted
  host.executor.run_for(1300ms);
  EXPECT_THAT(host.open_faults(), IsEmpty());
  EXPECT_THAT(host.story(), ElementsAre("restart_service 1 planned", "restart_service 1 running",
                                        "restart_service 1 done", "restart_service 1 verified"));
  const auto remedy = host.healer->remedies().at(0);
  EXPECT_EQ(remedy.steps.size(), 1u);
  EXPECT_EQ(remedy.evidence.query, "state of shop/1/1");
  EXPECT_EQ(remedy.evidence.value, "ready");
  host.executor.run_for(1min);
  EXPECT_EQ(host.acts().size(), 1u);
}

TEST(Healer, TheLastInstanceThatEndsIsWorse) {
  HealerHost host;
  host.begin();
  for (const auto* id : {"shop/1/0", "shop/1/1", "shop/1/2"})
    host.operations.set(id, InstanceState::kFailed, "no such file");
  host.executor.run_ready();
  for (const auto& fault : host.healer->faults()) EXPECT_EQ(fault.rank, model::Rank::kHigh);
  EXPECT_EQ(host.open_faults().size(), 3u);
}

TEST(Healer, LeavesAloneWhatWasAskedToStop) {
  HealerHost host;
  host.begin();
  host.operations.set("shop/1/2", InstanceState::kStopping);
  host.executor.run_ready();
  host.operations.set("shop/1/2", InstanceState::kExited, "exit by signal 9 (SIGKILL)");
  host.executor.run_for(1min);
  EXPECT_THAT(host.healer->faults(), IsEmpty());
  EXPECT_THAT(host.acts(), IsEmpty());
}

TEST(Healer, LeavesServicesWithoutRemediesToTheirPlatform) {
  HealerHost host;
  host.services[0].remedies.clear();
  host.begin();
  host.kill("shop/1/0");
  host.executor.run_for(1min);
  EXPECT_THAT(host.healer->faults(), IsEmpty());
}

TEST(Healer, RestartsAHungInstanceOnceThoughItDiesMeanwhile) {
  HealerHost host;
  host.begin();
  host.operations.set("shop/1/0", InstanceState::kUnready, "live probe failed 3 times: timeout");
  host.executor.run_ready();
  EXPECT_THAT(host.open_faults(), ElementsAre("hang shop/1/0"));
  host.kill("shop/1/0");
  host.executor.run_for(2s);
  EXPECT_THAT(host.open_faults(), ElementsAre("hang shop/1/0"));
  EXPECT_THAT(host.acts(), ElementsAre("restart shop/1/0"));
  host.bring_back("shop/1/0", host.last_key());
  host.executor.run_for(2s);
  EXPECT_THAT(host.open_faults(), IsEmpty());
  EXPECT_EQ(host.acts().size(), 1u);
}

TEST(Healer, AnExitTakesThePlaceOfAHangThatNobodyActsOn) {
  HealerHost host;
  host.begin();
  host.automation(true);
  host.operations.set("shop/1/0", InstanceState::kUnready, "live probe failed 3 times: timeout");
  host.executor.run_ready();
  host.kill("shop/1/0");
  EXPECT_THAT(host.open_faults(), ElementsAre("process_exit shop/1/0"));
}

TEST(Healer, AnInstanceThatWaitsForOthersIsNotRestarted) {
  HealerHost host;
  host.begin();
  host.operations.set("shop/1/0", InstanceState::kUnready,
                      "ready probe failed 3 times: status 503");
  host.executor.run_for(10s);
  EXPECT_THAT(host.healer->faults(), IsEmpty());
}

TEST(Healer, TheGlobalStopHoldsEveryActAndSaysSoOnce) {
  HealerHost host;
  host.begin();
  host.automation(true);
  host.kill("shop/1/0");
  host.executor.run_for(10s);
  EXPECT_THAT(host.acts(), IsEmpty());
  EXPECT_THAT(host.story(), ElementsAre("restart_service 1 refused"));
  EXPECT_EQ(host.healer->remedies()[0].reason, "automation is stopped by ann: maintenance");
  // The stop outlives a crash.
  host.crash_and_begin();
  host.executor.run_for(10s);
  EXPECT_TRUE(host.healer->automation().stopped);
  EXPECT_THAT(host.acts(), IsEmpty());
  host.automation(false);
  EXPECT_THAT(host.acts(), ElementsAre("restart shop/1/0"));
}

TEST(Healer, HoldsATargetInItsCoolDown) {
  HealerHost host;
  host.begin();
  host.kill("shop/1/0");
  host.bring_back("shop/1/0", host.last_key());
  host.executor.run_for(1250ms);
  EXPECT_THAT(host.open_faults(), IsEmpty());
  host.kill("shop/1/0");
  EXPECT_EQ(host.acts().size(), 1u);
  EXPECT_THAT(host.healer->remedies()[0].reason,
              HasSubstr("the cool-down of shop/1/0 lasts until 2027-01-15T08:00:02"));
  // Another target is not affected.
  host.kill("shop/1/1");
  EXPECT_EQ(host.acts().size(), 2u);
  host.bring_back("shop/1/1", host.last_key());
  host.executor.run_for(2s);
  EXPECT_THAT(host.acts(), ElementsAre("restart shop/1/0", "restart shop/1/1", "restart shop/1/0"));
}

TEST(Healer, ActsOnOneServiceOneAfterAnother) {
  HealerHost host;
  host.begin();
  host.kill("shop/1/0");
  host.kill("shop/1/1");
  host.executor.run_for(5s);
  EXPECT_THAT(host.acts(), ElementsAre("restart shop/1/0"));
  host.bring_back("shop/1/0", host.last_key());
  EXPECT_THAT(host.acts(), ElementsAre("restart shop/1/0", "restart shop/1/1"));
}

TEST(Healer, TrafficComesOffABadReleaseWhileARestartIsUnderWay) {
  HealerHost host;
  host.begin();
  host.operations.want("2", "canary", 1);
  host.operations.set("shop/2/0", InstanceState::kReady);
  host.kill("shop/1/0");
  const auto bad = alert("CanaryErrors", {{"version", "2"}, {"fault", "bad_release"}});
  host.fire(bad);
  EXPECT_THAT(host.acts(), ElementsAre("restart shop/1/0", "set_canary_percent"));
  const auto key = host.last_key();
  host.end(key, false, "the router is away");
  EXPECT_EQ(host.last_key(), key + "/stop");  // stopping takes the traffic off too
  host.operations.want("", "canary", 0);
  host.operations.remove("shop/2/0");
  host.end(key + "/stop");
  host.resolve(bad);
  host.executor.run_for(1500ms);
  EXPECT_THAT(host.open_faults(), ElementsAre("process_exit shop/1/0"));
  EXPECT_EQ(host.healer->faults()[0].id, "bad_release_shop/2_1800000000");
}

TEST(Healer, TriesAgainAndThenAsksAPerson) {
  HealerHost host;
  host.begin();
  const auto bad = alert("InstanceErrors", {{"instance_id", "shop/1/2"}});
  host.fire(bad);
  host.end(host.last_key());
  host.executor.run_for(10500ms);  // it does not help
  EXPECT_EQ(host.acts().size(), 2u);
  host.end(host.last_key(), false, "not ready within 20s");
  host.executor.run_for(1min);
  EXPECT_THAT(host.story(), ElementsAre("restart_service 1 planned", "restart_service 1 running",
                                        "restart_service 1 done", "restart_service 1 not_helped",
                                        "restart_service 2 planned", "restart_service 2 running",
                                        "restart_service 2 failed", "restart_service 2 escalated"));
  EXPECT_THAT(host.healer->remedies()[0].reason, HasSubstr("tried 2 times (attempts_max 2)"));
  host.crash_and_begin();
  host.executor.run_for(1min);
  EXPECT_EQ(host.acts().size(), 2u);
  host.resolve(bad);  // the person has repaired it
  host.executor.run_for(2s);
  EXPECT_THAT(host.open_faults(), IsEmpty());
}

TEST(Healer, AFaultWithoutAnAnswerGoesToAPersonAtOnce) {
  HealerHost host;
  host.services[0].remedies.erase(host.services[0].remedies.begin());
  host.begin();
  host.kill("shop/1/0");
  host.executor.run_for(10s);
  EXPECT_THAT(host.acts(), IsEmpty());
  EXPECT_THAT(host.story(), ElementsAre("none 1 escalated"));
  EXPECT_FALSE(host.healer->faults()[0].auto_recoverable);
}

TEST(Healer, ScalesOutWithinTheBound) {
  HealerHost host;
  host.begin();
  const auto slow = alert("LatencyHigh");
  host.fire(slow);
  ASSERT_THAT(host.acts(), ElementsAre("scale 1"));
  EXPECT_EQ(host.operations.asked()[0].replicas, 5);
  host.operations.want("1", "stable", 5);
  host.end(host.last_key());
  host.executor.run_for(20500ms);
  ASSERT_EQ(host.acts().size(), 2u);
  EXPECT_EQ(host.operations.asked()[1].replicas, 6);
}

TEST(Healer, DoesNotScaleBeyondReplicasMax) {
  HealerHost host;
  host.begin();
  host.operations.want("1", "stable", 6);
  host.fire(alert("LatencyHigh"));
  host.executor.run_for(1min);
  EXPECT_THAT(host.acts(), IsEmpty());
  EXPECT_THAT(host.story(), ElementsAre("scale_out 1 refused"));
  auto services = host.services;
  services[0].platform.replicas_max = 8;
  host.healer->configure(services);
  host.executor.run_ready();
  ASSERT_THAT(host.acts(), ElementsAre("scale 1"));
  EXPECT_EQ(host.operations.asked()[0].replicas, 8);
}

TEST(Healer, AsksTheVerifyQueryToo) {
  HealerHost host;
  host.services[0].remedies[3].verify = "broken_orders > 0";
  host.begin();
  host.reader.set({{"__name__", "broken_orders"}}, 7);
  const auto bad = alert("InstanceErrors", {{"instance_id", "shop/1/2"}});
  host.fire(bad);
  host.end(host.last_key());
  host.resolve(bad);
  host.executor.run_for(5s);
  EXPECT_THAT(host.open_faults(), ElementsAre("InstanceErrors shop/1/2"));
  host.reader.set({{"__name__", "broken_orders"}}, 0);
  host.executor.run_for(2s);
  EXPECT_THAT(host.open_faults(), IsEmpty());
  EXPECT_EQ(host.healer->remedies()[0].state, RemedyState::kVerified);
  EXPECT_EQ(host.healer->remedies()[0].evidence.value, "resolved and nothing");
}

TEST(Healer, AVerifyQueryWithoutAnAnswerIsNoComfort) {
  HealerHost host;
  host.services[0].remedies[3].verify = "sum(";
  host.begin();
  const auto bad = alert("InstanceErrors", {{"instance_id", "shop/1/2"}});
  host.fire(bad);
  host.end(host.last_key());
  host.resolve(bad);
  host.executor.run_for(10500ms);
  EXPECT_EQ(host.healer->remedies().back().state, RemedyState::kNotHelped);
  EXPECT_THAT(host.healer->remedies().back().evidence.value, HasSubstr("parse error"));
}

TEST(Healer, AnAlertThatResolvesByItselfLeavesNoAct) {
  HealerHost host;
  host.begin();
  host.automation(true);
  const auto bad = alert("InstanceErrors", {{"instance_id", "shop/1/2"}});
  host.fire(bad);
  host.resolve(bad);
  host.executor.run_for(2s);
  EXPECT_THAT(host.open_faults(), IsEmpty());
  host.automation(false);
  host.executor.run_for(1min);
  EXPECT_THAT(host.acts(), IsEmpty());
}

TEST(Healer, AnInstanceThatIsWantedNoMoreHasNoFault) {
  HealerHost host;
  host.begin();
  host.automation(true);
  host.kill("shop/1/2");
  EXPECT_EQ(host.open_faults().size(), 1u);
  host.operations.want("1", "stable", 2);
  host.operations.remove("shop/1/2");
  host.executor.run_for(500ms);
  EXPECT_THAT(host.open_faults(), IsEmpty());
}

TEST(Healer, AnAlertNoRuleAnswersIsNoFault) {
  HealerHost host;
  host.begin();
  host.fire(alert("Curious"));
  host.executor.run_for(2s);
  EXPECT_THAT(host.healer->faults(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::recover
