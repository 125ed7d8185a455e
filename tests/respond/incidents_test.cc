#include "respond/incident/incidents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "respond/respond_host.h"

namespace holdfast::respond {
namespace {

using model::AlertState;
using model::IncidentState;
using testing::Contains;
using testing::HasSubstr;
using testing::SizeIs;

TEST(Incidents, OneIncidentForAllAlertsOfAService) {
  RespondHost host;
  for (int i = 0; i < 10; ++i)
    host.publish(make_alert("Alert" + std::to_string(i), AlertState::kFiring, host.now()));
  host.publish(make_alert("Other", AlertState::kFiring, host.now(), "critical", "billing"));
  host.run(5s);
  const auto active = host.incidents->active();
  ASSERT_THAT(active, SizeIs(2));
  std::map<std::string, std::size_t> alerts;
  for (const auto& incident : active) alerts[incident.service] = incident.alerts.size();
  EXPECT_EQ(alerts["enhancer"], 10U);
  EXPECT_EQ(alerts["billing"], 1U);
}

TEST(Incidents, PendingAndIgnoredAlertsOpenNone) {
  RespondHost host;
  host.publish(make_alert("Soon", AlertState::kPending, host.now()));
  host.publish(make_alert("Note", AlertState::kFiring, host.now(), "info"));
  host.run(5s);
  EXPECT_THAT(host.incidents->active(), SizeIs(0));
  EXPECT_THAT(host.pager.keys, SizeIs(0));
}

TEST(Incidents, LivesFromFiringToResolvedAndIsTold) {
  RespondHost host;
  host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
  host.run(3s);
  ASSERT_THAT(host.incidents->active(), SizeIs(1));
  const auto id = host.incidents->active()[0].id;
  host.publish(make_alert("HighErrors", AlertState::kResolved, host.now()));
  host.run(10s);
  EXPECT_THAT(host.incidents->active(), SizeIs(0));
  const auto incident = host.incidents->find(id);
  ASSERT_TRUE(incident.has_value());
  EXPECT_EQ(incident->state, IncidentState::kResolved);
  EXPECT_THAT(kinds_of(*incident), Contains("notified"));
  ASSERT_THAT(host.pager.keys, SizeIs(3)) << "opened, mitigated, resolved";
  EXPECT_THAT(host.pager.keys[0], HasSubstr("/opened/"));
  EXPECT_THAT(host.pager.keys[1], HasSubstr("/mitigated/"));
  EXPECT_THAT(host.pager.keys[2], HasSubstr("/resolved/"));
}

TEST(Incidents, AFaultSeenDirectlyOpensOneToo) {
  RespondHost host;
  model::Fault fault;
  fault.id = "process_exit_enhancer/5.0/1_1";
  fault.kind = "process_exit";
  fault.resource = "enhancer/5.0/1";
  fault.service = "enhancer";
  fault.rank = model::Rank::kHigh;
  fault.detected_at = host.now();
  fault.evidence.value = "exit by signal 9";
  host.publish(fault);
  host.run(2s);
  ASSERT_THAT(host.incidents->active(), SizeIs(1));
  EXPECT_EQ(host.incidents->active()[0].title, "enhancer/5.0/1: exit by signal 9");
  fault.open = false;
  fault.closed_at = host.now();
  host.publish(fault);
  host.run(10s);
  EXPECT_THAT(host.incidents->active(), SizeIs(0));
}

TEST(Incidents, ARelapseNamesWhatCameBefore) {
  RespondHost host;
  host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
  host.publish(make_alert("HighErrors", AlertState::kResolved, host.now()));
  host.run(10s);
  host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
  host.run(2s);
  ASSERT_THAT(host.incidents->active(), SizeIs(1));
  EXPECT_THAT(host.incidents->active()[0].id.value, testing::EndsWith("-002"));
  EXPECT_THAT(host.incidents->active()[0].previous, testing::EndsWith("-001"));
}

TEST(Incidents, ADrillIsMarkedAsOne) {
  RespondHost host;
  model::Drill drill;
  drill.id = "d1";
  drill.service = "enhancer";
  drill.state = "waiting";
  state::Batch batch;
  batch.entry(model::kDrillChanged, drill.id, dump_json(drill));
  ASSERT_TRUE(host.host.commit(std::move(batch)).has_value());
  host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
  host.run(2s);
  ASSERT_THAT(host.incidents->active(), SizeIs(1));
  EXPECT_TRUE(host.incidents->active()[0].drill);
  EXPECT_THAT(host.pager.bodies[0], HasSubstr("[DRILL]"));
}

TEST(Incidents, PeopleAreAnsweredWhenItIsDurable) {
  RespondHost host;
  host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
  host.run(1s);
  const auto id = host.incidents->active()[0].id;
  std::optional<Result<model::Incident>> answer;
  host.incidents->acknowledge(id, "ops",
                              [&](Result<model::Incident> result) { answer = std::move(result); });
  EXPECT_FALSE(answer.has_value()) << "answered before the journal had it";
  host.run(1s);
  ASSERT_TRUE(answer.has_value());
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((*answer)->acknowledged_by, "ops");

  answer.reset();
  host.incidents->acknowledge(model::IncidentId("INC-none"), "ops",
                              [&](Result<model::Incident> result) { answer = std::move(result); });
  host.run(1s);
  ASSERT_TRUE(answer.has_value());
  ASSERT_FALSE(answer->has_value());
  EXPECT_EQ(answer->error().code(), Code::kNotFound);
  EXPECT_EQ(answer->error().message(), "no incident 'INC-none'");
}

TEST(Incidents, AFullDiskAnswersThePersonAndKeepsTheNews) {
  RespondHost host;
  host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
  host.run(2s);
  const auto id = host.incidents->active()[0].id;
  const auto alert = make_alert("Slow", AlertState::kFiring, host.now());
  // The alert itself is durable, then the disk fills before the incident can take it up.
  state::Batch batch;
  batch.document("alert", alert.fingerprint(), dump_json(alert));
  batch.entry(model::kAlertChanged, alert.fingerprint(), dump_json(alert));
  std::optional<Result<model::Incident>> answer;
  host.host.journal->commit(std::move(batch), [&](Result<state::Seq>) {
    host.host.files.set_full(true);
    host.incidents->note(id, "ops", "the disk is full",
                         [&](Result<model::Incident> result) { answer = std::move(result); });
  });
  host.run(3s);
  ASSERT_TRUE(answer.has_value());
  ASSERT_FALSE(answer->has_value());
  EXPECT_EQ(answer->error().code(), Code::kExhausted);
  EXPECT_THAT(host.incidents->active()[0].alerts, SizeIs(1)) << "what is not durable is not shown";
  host.host.files.set_full(false);
  host.run(5s);
  EXPECT_THAT(host.incidents->active()[0].alerts, SizeIs(2)) << "the news was lost";
}

TEST(Incidents, WhatWasJournaledButNotTakenInIsTakenInAfterACrash) {
  RespondHost host;
  const auto alert = make_alert("HighErrors", AlertState::kFiring, host.now());
  state::Batch batch;
  batch.document("alert", alert.fingerprint(), dump_json(alert));
  batch.entry(model::kAlertChanged, alert.fingerprint(), dump_json(alert));
  bool durable = false;
  host.host.journal->commit(std::move(batch), [&](Result<state::Seq>) { durable = true; });
  host.host.executor.run_until([&] { return durable; }, 1min);
  host.crash_and_restart();
  host.run(3s);
  ASSERT_THAT(host.incidents->active(), SizeIs(1));
  EXPECT_THAT(host.pager.keys, SizeIs(1));
}

// Crashes at every moment of an incident's first seconds: it is never lost, and every page arrives.
TEST(Incidents, SurvivesACrashAtAnyInstant) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    RespondHost host(seed);
    host.publish(make_alert("HighErrors", AlertState::kFiring, host.now()));
    host.run(std::chrono::milliseconds(host.host.random.below(400)));
    host.crash_and_restart();
    host.run(30s);
    ASSERT_THAT(host.incidents->active(), SizeIs(1)) << "seed " << seed;
    const std::set<std::string> distinct(host.pager.keys.begin(), host.pager.keys.end());
    EXPECT_EQ(distinct.size(), 1U) << "seed " << seed << ": one page, under one key";
  }
}

}  // namespace
}  // namespace holdfast::respond
