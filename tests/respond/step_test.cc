#include "respond/incident/step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "respond/cases.h"

namespace holdfast::respond {
namespace {

using model::AlertState;
using model::IncidentState;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(IncidentStep, OpensWithImpactStartAndEvidence) {
  const auto incident = make_incident();
  EXPECT_EQ(incident.state, IncidentState::kOpen);
  EXPECT_EQ(incident.rank, model::Rank::kWorst);
  EXPECT_THAT(kinds_of(incident), ElementsAre("impact_started", "opened", "alert_fired"));
  ASSERT_TRUE(incident.timeline[2].evidence.has_value());
  EXPECT_EQ(incident.timeline[2].evidence->source, "rules.yml:3");
}

TEST(IncidentStep, TheSameNewsTwiceChangesNothing) {
  auto incident = make_incident();
  const auto before = incident.timeline.size();
  EXPECT_THAT(apply_cause(incident, cause_of(make_alert("HighErrors", AlertState::kFiring, kNoon)),
                          kNoon + 1s),
              IsEmpty());
  EXPECT_EQ(incident.timeline.size(), before);
}

TEST(IncidentStep, IsMitigatedOnlyWhenItsLastCauseResolves) {
  auto incident = make_incident();
  apply_cause(incident, cause_of(make_alert("Slow", AlertState::kFiring, kNoon + 1s, "warning")),
              kNoon + 1s);
  EXPECT_THAT(
      apply_cause(incident, cause_of(make_alert("HighErrors", AlertState::kResolved, kNoon + 2s)),
                  kNoon + 2s),
      IsEmpty());
  EXPECT_EQ(incident.state, IncidentState::kOpen);
  EXPECT_THAT(
      apply_cause(incident,
                  cause_of(make_alert("Slow", AlertState::kResolved, kNoon + 3s, "warning")),
                  kNoon + 3s),
      ElementsAre("mitigated"));
  EXPECT_EQ(incident.state, IncidentState::kMitigated);
  EXPECT_EQ(incident.mitigated_at, kNoon + 3s);
}

TEST(IncidentStep, AWorseCauseRaisesTheSeverity) {
  auto incident = open_incident(model::IncidentId("INC-1"),
                                cause_of(make_alert("Slow", AlertState::kFiring, kNoon, "warning")),
                                {"service"}, "B", false, "", kNoon);
  apply_cause(incident, cause_of(make_alert("Slow", AlertState::kFiring, kNoon, "warning")), kNoon);
  EXPECT_THAT(apply_cause(incident, cause_of(make_alert("Down", AlertState::kFiring, kNoon + 1s)),
                          kNoon + 1s),
              ElementsAre("severity_changed"));
  EXPECT_EQ(incident.rank, model::Rank::kWorst);
  EXPECT_THAT(incident.timeline.back().text, testing::StartsWith("P2 to P0"));
}

TEST(IncidentStep, ACauseThatComesBackBeforeTheEndBringsItBack) {
  auto incident = make_incident();
  apply_cause(incident, cause_of(make_alert("HighErrors", AlertState::kResolved, kNoon + 5s)),
              kNoon + 5s);
  apply_cause(incident, cause_of(make_alert("HighErrors", AlertState::kFiring, kNoon + 6s)),
              kNoon + 6s);
  EXPECT_EQ(incident.state, IncidentState::kOpen);
  EXPECT_FALSE(incident.mitigated_at.has_value());
  EXPECT_THAT(settle(incident, 2s, kNoon + 20s), IsEmpty());
}

TEST(IncidentStep, SettlesAfterQuietNotBefore) {
  auto incident = make_incident();
  apply_cause(incident, cause_of(make_alert("HighErrors", AlertState::kResolved, kNoon + 5s)),
              kNoon + 5s);
  EXPECT_THAT(settle(incident, 2s, kNoon + 6s), IsEmpty());
  EXPECT_EQ(incident.state, IncidentState::kMitigated);
  EXPECT_THAT(settle(incident, 2s, kNoon + 7s), ElementsAre("resolved"));
  EXPECT_EQ(incident.resolved_by, "holdfast");
}

TEST(IncidentStep, ARemedyIsTheAcknowledgementAndEscalationTakesItBack) {
  auto incident = make_incident();
  model::Remedy remedy;
  remedy.name = "restart_service";
  remedy.service = "enhancer";
  remedy.target = "enhancer/5.0/1";
  remedy.state = model::RemedyState::kPlanned;
  remedy.planned_at = kNoon + 1s;
  EXPECT_THAT(apply_remedy(incident, remedy, 7, kNoon + 1s), IsEmpty());
  EXPECT_EQ(incident.state, IncidentState::kAcknowledged);
  EXPECT_EQ(incident.acknowledged_by, "holdfast");
  EXPECT_THAT(kinds_of(incident), Contains("remedy_planned"));
  remedy.state = model::RemedyState::kEscalated;
  remedy.reason = "3 attempts did not help";
  EXPECT_THAT(apply_remedy(incident, remedy, 9, kNoon + 9s), ElementsAre("escalated"));
  EXPECT_EQ(incident.state, IncidentState::kOpen) << "a person is needed, and none has come yet";
}

TEST(IncidentStep, APersonsAcknowledgementSurvivesEscalation) {
  auto incident = make_incident();
  ASSERT_TRUE(acknowledge(incident, "ops", kNoon + 1s).has_value());
  model::Remedy remedy;
  remedy.service = "enhancer";
  remedy.state = model::RemedyState::kEscalated;
  apply_remedy(incident, remedy, 1, kNoon + 2s);
  EXPECT_EQ(incident.state, IncidentState::kAcknowledged);
}

TEST(IncidentStep, TheLifeAllowsOnlyWhatMakesSense) {
  struct Case {
    const char* name;
    IncidentState state;
    std::function<Result<Notices>(model::Incident&)> act;
    const char* error;  // empty: allowed
  };
  const auto ack = [](model::Incident& i) { return acknowledge(i, "ops", kNoon + 9s); };
  const auto mitigate_it = [](model::Incident& i) { return mitigate(i, "ops", kNoon + 9s); };
  const auto resolve_it = [](model::Incident& i) { return resolve(i, "ops", "", kNoon + 9s); };
  const auto lower_it = [](model::Incident& i) {
    return set_rank(i, model::Rank::kLow, "ops", kNoon + 9s);
  };
  const Case cases[] = {
      {"ack open", IncidentState::kOpen, ack, ""},
      {"ack acknowledged", IncidentState::kAcknowledged, ack, ""},
      {"ack mitigated", IncidentState::kMitigated, ack,
       "incident INC-20260101-001 is mitigated: it cannot be acknowledged"},
      {"ack resolved", IncidentState::kResolved, ack,
       "incident INC-20260101-001 is resolved: it cannot be acknowledged"},
      {"mitigate open", IncidentState::kOpen, mitigate_it, ""},
      {"mitigate mitigated", IncidentState::kMitigated, mitigate_it,
       "incident INC-20260101-001 is mitigated: it cannot be mitigated"},
      {"resolve open", IncidentState::kOpen, resolve_it, ""},
      {"resolve mitigated", IncidentState::kMitigated, resolve_it, ""},
      {"resolve resolved", IncidentState::kResolved, resolve_it,
       "incident INC-20260101-001 is resolved: it cannot be resolved"},
      {"rank resolved", IncidentState::kResolved, lower_it,
       "incident INC-20260101-001 is resolved: it cannot be given another severity"},
  };
  for (const auto& c : cases) {
    auto incident = make_incident();
    incident.state = c.state;
    const auto result = c.act(incident);
    EXPECT_EQ(result ? "" : result.error().message(), c.error) << c.name;
    if (!result) {
      EXPECT_EQ(result.error().code(), Code::kConflict) << c.name;
    }
  }
}

TEST(IncidentStep, ResolvingByHandFillsTheClocks) {
  auto incident = make_incident();
  ASSERT_TRUE(resolve(incident, "ops", "switched the feed off", kNoon + 60s).has_value());
  EXPECT_EQ(incident.acknowledged_at, kNoon + 60s);
  EXPECT_EQ(incident.mitigated_at, kNoon + 60s);
  EXPECT_EQ(incident.timeline.back().text, "switched the feed off");
}

TEST(IncidentStep, ATimelineIsInOrderOfHappeningAndBounded) {
  auto incident = make_incident();
  model::Instance instance;
  instance.id = "enhancer/5.0/0";
  instance.state = model::InstanceState::kExited;
  instance.since = kNoon - 1s;  // news that comes late
  apply_instance(incident, instance, 3, kNoon + 1s);
  EXPECT_EQ(incident.timeline.front().kind, "instance");
  for (int i = 0; i < 5000; ++i) apply_instance(incident, instance, i, kNoon);
  EXPECT_EQ(incident.timeline.size(), 2000U);
}

}  // namespace
}  // namespace holdfast::respond
