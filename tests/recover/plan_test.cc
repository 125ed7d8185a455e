#include "recover/plan.h"

#include <gmock/gmock.h>

#include "healer_host.h"

namespace holdfast::recover {
namespace {

using model::Fault;
using model::Remedy;
using testing::HasSubstr;

const WallTime kNow = from_ms(1'800'000'000'000);

SeenInstance seen(InstanceState state, std::string detail = "", bool on_purpose = false) {
  SeenInstance seen;
  seen.instance.id = "shop/1/0";
  seen.instance.service = "shop";
  seen.instance.state = state;
  seen.instance.detail = std::move(detail);
  seen.stops_on_purpose = on_purpose;
  return seen;
}

TEST(FaultOfInstance, IsAnEndOrAHangNobodyAskedFor) {
  struct Case {
    SeenInstance seen;
    std::string want;  // kind; empty: none
  };
  const Case cases[] = {
      {seen(InstanceState::kExited, "exit code 3"), "process_exit"},
      {seen(InstanceState::kFailed, "no such file"), "process_exit"},
      {seen(InstanceState::kExited, "exit code 0", true), ""},
      {seen(InstanceState::kExited, "stopped, killed after the grace period"), ""},
      {seen(InstanceState::kExited), ""},  // made and not started yet
      {seen(InstanceState::kUnready, "live probe failed 3 times: timeout"), "hang"},
      {seen(InstanceState::kUnready, "ready probe failed 3 times: status 503"), ""},
      {seen(InstanceState::kUnready, "not ready within 20s: refused"), ""},
      {seen(InstanceState::kStarting), ""},
      {seen(InstanceState::kReady), ""},
      {seen(InstanceState::kStopping), ""},
  };
  for (const auto& c : cases) {
    const auto fault = fault_of(c.seen, {c.seen}, kNow);
    EXPECT_EQ(fault ? fault->kind : "", c.want)
        << instance_state_name(c.seen.instance.state) << " " << c.seen.instance.detail;
  }
}

TEST(SeenInstance, ForgetsThePurposeWhenItRunsAgain) {
  SeenInstance it;
  it.see(seen(InstanceState::kStopping).instance);
  it.see(seen(InstanceState::kExited, "exit by signal 9").instance);
  EXPECT_TRUE(it.stops_on_purpose);
  it.see(seen(InstanceState::kStarting).instance);
  it.see(seen(InstanceState::kExited, "exit by signal 9").instance);
  EXPECT_FALSE(it.stops_on_purpose);
}

TEST(FaultOfAlert, TakesTheNearestResourceTheLabelsName) {
  struct Case {
    model::Alert alert;
    std::string want;  // kind and resource; empty: none
  };
  auto resolved = alert("LatencyHigh");
  resolved.state = model::AlertState::kResolved;
  auto foreign = alert("LatencyHigh");
  foreign.labels = foreign.labels.with("service", "other");
  const Case cases[] = {
      {alert("InstanceErrors", {{"instance_id", "shop/1/2"}, {"version", "1"}}),
       "InstanceErrors shop/1/2"},
      {alert("CanaryErrors", {{"version", "2"}, {"fault", "bad_release"}}), "bad_release shop/2"},
      {alert("LatencyHigh"), "LatencyHigh shop"},
      {alert("Curious", {{"fault", "hang"}}), "hang shop"},
      {alert("Curious"), ""},
      {resolved, ""},
      {foreign, ""},
  };
  const auto service = shop();
  for (const auto& c : cases) {
    const auto fault = fault_of(c.alert, service, kNow);
    EXPECT_EQ(fault ? fault->kind + " " + fault->resource : "", c.want) << c.alert.labels.text();
    if (fault) {
      EXPECT_EQ(fault->fingerprint, c.alert.fingerprint());
      EXPECT_EQ(fault->evidence, c.alert.evidence);
    }
  }
}

TEST(ScaleOutTarget, IsTwoMoreOrHalfAsMuchAgain) {
  struct Case {
    int replicas, max, want;
  };
  for (const auto& c : {Case{1, 10, 3},
                        {3, 10, 5},
                        {4, 10, 6},
                        {5, 10, 7},
                        {6, 20, 9},
                        {7, 20, 10},
                        {3, 4, 4},
                        {6, 6, 6}}) {
    EXPECT_EQ(scale_out_target(c.replicas, c.max), c.want) << c.replicas << " of " << c.max;
  }
}

TEST(RuleFor, FirstMatchWinsAndEveryLabelMustBeEqual) {
  model::Service service;
  service.remedies.resize(3);
  service.remedies[0].match = {{"alertname", "A"}, {"tier", "gold"}};
  service.remedies[1].match = {{"alertname", "A"}};
  service.remedies[2].match = {};
  EXPECT_EQ(rule_for(service, {{"alertname", "A"}, {"tier", "gold"}}), &service.remedies[0]);
  EXPECT_EQ(rule_for(service, {{"alertname", "A"}, {"tier", "tin"}}), &service.remedies[1]);
  EXPECT_EQ(rule_for(service, {{"alertname", "B"}}), &service.remedies[2]);
  service.remedies.pop_back();
  EXPECT_EQ(rule_for(service, {{"alertname", "B"}}), nullptr);
}

// One service, one fault of each kind, and the remedies and wishes a case adds.
struct PlanTest : testing::Test {
  PlanTest() {
    exit.id = "f1";
    exit.kind = kProcessExit;
    exit.resource = "shop/1/0";
    exit.service = "shop";
    bad_release = slow = exit;
    bad_release.id = "f2";
    bad_release.fingerprint = slow.fingerprint = "00ff";
    bad_release.kind = "CanaryErrors";
    bad_release.resource = "shop/2";
    slow.id = "f3";
    slow.kind = "LatencyHigh";
    slow.resource = "shop";
  }

  void was(const Fault& fault, const std::string& target, RemedyState state, Duration ended_ago) {
    Remedy remedy;
    remedy.id = fault.id + "/" + std::to_string(past.size());
    remedy.fault_id = fault.id;
    remedy.service = "shop";
    remedy.name = "restart_service";
    remedy.target = target;
    remedy.state = state;
    const auto then = kNow - std::chrono::duration_cast<std::chrono::milliseconds>(ended_ago);
    remedy.planned_at = then;
    if (!is_under_way(remedy) && state != RemedyState::kRefused) remedy.finished_at = then;
    past.push_back(remedy);
  }

  Decision decide(const Fault& fault) {
    Situation situation{service,    rule_for(service, match_labels(fault, nullptr)),
                        automation, {},
                        wanted,     in_motion};
    for (const auto& remedy : past) situation.remedies.push_back(&remedy);
    return plan(fault, situation, kNow);
  }

  model::Service service = shop();
  model::Automation automation;
  std::vector<Remedy> past;
  std::vector<act::WantedVersion> wanted{{"1", "stable", 3}};
  bool in_motion = false;
  Fault exit, bad_release, slow;
};

TEST_F(PlanTest, ActsWhenNothingForbids) {
  const auto decision = decide(exit);
  EXPECT_EQ(decision.verdict, Verdict::kAct);
  EXPECT_EQ(decision.remedy, "restart_service");
  EXPECT_EQ(decision.target, "shop/1/0");
  EXPECT_EQ(decision.attempt, 1);
}

TEST_F(PlanTest, RestartsAVersionByItsName) {
  service.remedies[0].match = {};
  bad_release.resource = "shop/2";
  EXPECT_EQ(decide(bad_release).target, "2");
  slow.resource = "shop";
  EXPECT_EQ(decide(slow).target, "");
}

TEST_F(PlanTest, WaitsWhileItsOwnActIsUnderWayOrWatched) {
  for (const auto state : {RemedyState::kPlanned, RemedyState::kRunning, RemedyState::kDone,
                           RemedyState::kEscalated}) {
    past.clear();
    was(exit, "shop/1/0", state, 1min);
    EXPECT_EQ(decide(exit).verdict, Verdict::kNothing) << remedy_state_name(state);
  }
  past.clear();
  in_motion = true;
  EXPECT_EQ(decide(exit).verdict, Verdict::kNothing);
}

TEST_F(PlanTest, CountsOnlyWhatWasTried) {
  was(exit, "shop/1/0", RemedyState::kRefused, 3min);
  was(exit, "shop/1/0", RemedyState::kNotHelped, 2min);
  was(exit, "shop/1/0", RemedyState::kFailed, 1min);
  EXPECT_EQ(decide(exit).attempt, 3);
  was(exit, "shop/1/0", RemedyState::kFailed, 30s);
  const auto decision = decide(exit);
  EXPECT_EQ(decision.verdict, Verdict::kEscalate);
  EXPECT_THAT(decision.reason, HasSubstr("tried 3 times (attempts_max 3)"));
}

TEST_F(PlanTest, HoldsAreNamed) {
  automation = {true, "ann", "", kNow};
  EXPECT_EQ(decide(exit).reason, "automation is stopped by ann");
  automation.stopped = false;

  was(slow, "1", RemedyState::kRunning, 0s);
  EXPECT_EQ(decide(exit).reason, "another act on shop is under way: restart_service of 1");
  past.clear();

  was(slow, "shop/1/0", RemedyState::kVerified, 1500ms);
  EXPECT_EQ(decide(exit).verdict, Verdict::kHold);
  EXPECT_EQ(decide(exit).reason, "the cool-down of shop/1/0 lasts until 2027-01-15T08:00:00.500Z");
  past.clear();
  was(slow, "shop/1/0", RemedyState::kVerified, 2s);
  EXPECT_EQ(decide(exit).verdict, Verdict::kAct);  // the moment it ends
  past.clear();

  EXPECT_EQ(decide(bad_release).reason, "no release is under way that could be taken back");
}

TEST_F(PlanTest, AStopHoldsEvenWhatCannotBeDone) {
  automation = {true, "ann", "", kNow};
  EXPECT_EQ(decide(bad_release).reason, "automation is stopped by ann");
}

TEST_F(PlanTest, TakingTrafficOffWaitsForNobody) {
  wanted.push_back({"2", "canary", 1});
  was(exit, "shop/1/0", RemedyState::kRunning, 0s);
  const auto decision = decide(bad_release);
  EXPECT_EQ(decision.verdict, Verdict::kAct);
  EXPECT_EQ(decision.target, "2");
}

TEST_F(PlanTest, ScalesOutUpToTheBound) {
  auto decision = decide(slow);
  EXPECT_EQ(decision.verdict, Verdict::kAct);
  EXPECT_EQ(decision.version, "1");
  EXPECT_EQ(decision.replicas, 5);
  wanted[0].replicas = 6;
  decision = decide(slow);
  EXPECT_EQ(decision.verdict, Verdict::kHold);
  EXPECT_EQ(decision.reason, "replicas_max is reached: 6 replicas run");
  was(slow, "1", RemedyState::kNotHelped, 1min);
  EXPECT_EQ(decide(slow).verdict,
            Verdict::kEscalate);  // it has already been scaled out, and in vain
}

TEST_F(PlanTest, WhatNobodyAnswersIsForAPerson) {
  service.remedies.clear();
  const auto decision = decide(exit);
  EXPECT_EQ(decision.verdict, Verdict::kEscalate);
  EXPECT_EQ(decision.reason, "no remedy of shop answers process_exit");
}

}  // namespace
}  // namespace holdfast::recover
