#include "respond/incident/handling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "respond/cases.h"
#include "respond/incident/response.h"
#include "respond/incident/timeline.h"

namespace holdfast::respond {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::SizeIs;

const Who kOps{"ops", kNoon + 10min};

TEST(Confirming, NeedsExtentSeverityAndTicket) {
  auto incident = make_incident();
  EXPECT_EQ(incident.phase(), "confirming");
  const auto refused = confirm(incident, {{"ticket", "T-1"}}, kOps);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message(), HasSubstr("'extent'"));
  EXPECT_TRUE(incident.ticket.empty()) << "a refused act leaves nothing behind";
  ASSERT_TRUE(confirm(incident, {{"extent", "checkout, all users"}}, kOps).has_value());
  EXPECT_EQ(incident.phase(), "handling");
  EXPECT_EQ(incident.ticket, incident.id.value);
  EXPECT_EQ(incident.confirmed_by, "ops");
}

TEST(Closing, AsksForAllThatIsMissingAndLeavesTheSummaryBehind) {
  auto incident = make_incident();
  const auto open = close(incident, kOps);
  ASSERT_FALSE(open.has_value());
  EXPECT_EQ(open.error().code(), Code::kConflict);
  ASSERT_TRUE(resolve(incident, "ops", "", kNoon + 20min).has_value());
  const auto early = close(incident, kOps);
  ASSERT_FALSE(early.has_value());
  EXPECT_THAT(early.error().message(),
              HasSubstr("missing: confirmation (extent, severity, ticket), function_verified, "
                        "metrics_confirmed, users_informed"));
  apply_cause(incident,
              cause_of(make_alert("HighErrors", model::AlertState::kResolved, kNoon + 21min)),
              kNoon + 21min);
  refresh(incident, {}, kNoon + 21min);  // every signal is good: the machine's own check
  ASSERT_TRUE(confirm(incident, {{"extent", "all users"}}, kOps).has_value());
  ASSERT_TRUE(add_check(incident, "function_verified", "bought a book", kOps).has_value());
  ASSERT_TRUE(add_check(incident, "users_informed", "by mail", kOps).has_value());
  ASSERT_TRUE(close(incident, kOps).has_value());
  EXPECT_EQ(incident.phase(), "closed");
  std::vector<std::string> keys;
  for (const auto& task : incident.tasks) {
    if (task.kind == "summary") keys.push_back(task.key);
  }
  EXPECT_THAT(keys, testing::ElementsAre("report", "improvements", "knowledge"));
}

TEST(Handling, KeepsCauseFixesAndTheThreeAxes) {
  auto incident = make_incident();
  ASSERT_TRUE(set_fields(incident,
                         {{"root_cause", "a full disk"},
                          {"temporary_fix", "logs deleted"},
                          {"permanent_fix", "rotation"}},
                         kOps)
                  .has_value());
  for (const char* axis : {"restart", "rollback", "scale_out"})
    ASSERT_TRUE(add_act(incident, axis, "", kOps).has_value()) << axis;
  EXPECT_THAT(incident.handling.acts, SizeIs(3));
  const auto wrong = add_act(incident, "pray", "", kOps);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().message(), "'axis' is 'pray'; allowed: restart, rollback, scale_out");
  EXPECT_FALSE(set_fields(incident, {{"source", "a dream"}}, kOps).has_value());
  for (const char* source : {"automatic", "user_report", "proactive"})
    EXPECT_TRUE(set_fields(incident, {{"source", source}}, kOps).has_value()) << source;
}

TEST(Roles, AreAssignedAndHandedOver) {
  auto incident = make_incident();
  EXPECT_FALSE(hand_over(incident, "scribe", "@b", "", kOps).has_value()) << "nobody holds it";
  ASSERT_TRUE(assign_role(incident, "scribe", "@a", "@backup", kOps).has_value());
  EXPECT_FALSE(hand_over(incident, "scribe", "@a", "", kOps).has_value()) << "to oneself";
  ASSERT_TRUE(hand_over(incident, "scribe", "@b", "two actions open", kOps).has_value());
  EXPECT_EQ(incident.role("scribe")->person, "@b");
  EXPECT_EQ(incident.role("scribe")->backup, "@backup");
  EXPECT_EQ(incident.timeline.back().text, "scribe: @a to @b: two actions open");
}

TEST(Tasks, HaveOwnersDueTimesAndAnEnd) {
  auto incident = make_incident();
  TaskEdit edit;
  EXPECT_FALSE(set_task(incident, edit, kOps).has_value()) << "no title";
  edit.title = "ask the cloud provider";
  edit.owner = "@lisi";
  edit.due_at = kNoon + 1h;
  ASSERT_TRUE(set_task(incident, edit, kOps).has_value());
  const auto id = incident.tasks.back().id;
  TaskEdit done;
  done.id = id;
  done.state = "done";
  ASSERT_TRUE(set_task(incident, done, kOps).has_value());
  EXPECT_EQ(incident.tasks.back().done_by, "ops");
  EXPECT_EQ(incident.tasks.back().owner, "@lisi");
  done.state = "dropped";
  EXPECT_FALSE(set_task(incident, done, kOps).has_value()) << "no reason";
  done.id = "t99";
  EXPECT_EQ(set_task(incident, done, kOps).error().code(), Code::kNotFound);
}

TEST(Tasks, AnImprovementHasKindOwnerAndDate) {
  auto incident = make_incident();
  TaskEdit edit;
  edit.kind = "improvement";
  edit.title = "alert on disk growth";
  edit.category = "wishful";
  EXPECT_THAT(set_task(incident, edit, kOps).error().message(), HasSubstr("monitoring"));
  edit.category = "monitoring";
  EXPECT_THAT(set_task(incident, edit, kOps).error().message(), HasSubstr("'owner' and 'due_at'"));
  edit.owner = "@lisi";
  edit.due_at = kNoon + 24h;
  EXPECT_TRUE(set_task(incident, edit, kOps).has_value());
}

TEST(Tasks, KnowledgeIsSharedInFourWays) {
  auto incident = make_incident();
  TaskEdit edit;
  edit.kind = "knowledge";
  edit.title = "tell the others";
  EXPECT_FALSE(set_task(incident, edit, kOps).has_value()) << "in which way?";
  for (const char* way : {"session", "documents", "best_practice", "lessons"}) {
    edit.category = way;
    ASSERT_TRUE(set_task(incident, edit, kOps).has_value()) << way;
    EXPECT_EQ(incident.tasks.back().category, way);
    EXPECT_EQ(incident.tasks.back().state, "open");
  }
}

TEST(Timeline, ACorrectionKeepsWhatTheLineSaid) {
  auto incident = make_incident();
  ASSERT_TRUE(add_note(incident, "ops", "disk was full", kNoon + 1min).has_value());
  const auto id = incident.timeline.back().id;
  EXPECT_FALSE(correct_entry(incident, id, {}, "memory was full", "", kOps).has_value()) << "why?";
  ASSERT_TRUE(
      correct_entry(incident, id, kNoon - 1min, "memory was full", "misread", kOps).has_value());
  const auto* entry = find_entry(incident, id);
  EXPECT_EQ(entry->text, "memory was full");
  ASSERT_THAT(entry->revisions, SizeIs(1));
  EXPECT_EQ(entry->revisions[0].was_text, "disk was full");
  EXPECT_EQ(entry->revisions[0].was_at, kNoon + 1min);
  EXPECT_EQ(entry->revisions[0].by, "ops");
  EXPECT_EQ(entry->revisions[0].why, "misread");
  EXPECT_TRUE(std::is_sorted(incident.timeline.begin(), incident.timeline.end(),
                             [](const auto& a, const auto& b) { return a.at < b.at; }));
  ASSERT_TRUE(pin_entry(incident, id, true, kOps).has_value());
  EXPECT_TRUE(find_entry(incident, id)->pinned);
}

TEST(ImpactStart, IsInferredFromTheEarliestSignalUntilAPersonKnowsBetter) {
  auto incident = make_incident();
  auto earlier = make_alert("Slow", model::AlertState::kFiring, kNoon + 1s);
  earlier.active_at = kNoon - 3min;
  apply_cause(incident, cause_of(earlier), kNoon + 1s);
  EXPECT_EQ(incident.started_at, kNoon - 3min);
  EXPECT_EQ(incident.timeline.front().kind, "impact_started");
  EXPECT_THAT(incident.timeline.front().revisions, SizeIs(1));

  EXPECT_FALSE(move_impact_start(incident, kNoon + 1h, "late", kOps).has_value());
  ASSERT_TRUE(move_impact_start(incident, kNoon - 10min, "users called", kOps).has_value());
  EXPECT_EQ(incident.started_at, kNoon - 10min);
  EXPECT_EQ(incident.started_source, "ops");
  EXPECT_THAT(incident.timeline.front().revisions, SizeIs(2));
  auto earliest = make_alert("Errors", model::AlertState::kFiring, kNoon + 2s);
  earliest.active_at = kNoon - 1h;
  apply_cause(incident, cause_of(earliest), kNoon + 2s);
  EXPECT_EQ(incident.started_at, kNoon - 10min) << "a person's word stands";
}

TEST(Merging, TakesCausesGroupsAndTheWorseSeverity) {
  auto into = make_incident();
  into.rank = model::Rank::kMedium;
  auto from = make_incident(kNoon - 1min);
  from.id = model::IncidentId("INC-20260101-002");
  from.group = model::Labels{{"service", "billing"}};
  from.alerts[0].fingerprint = "other";
  const auto notices = merge(into, from, kOps);
  ASSERT_TRUE(notices.has_value());
  EXPECT_THAT(*notices, Contains("severity_changed"));
  EXPECT_THAT(into.alerts, SizeIs(2));
  EXPECT_THAT(into.also_groups, Contains(from.group));
  EXPECT_EQ(into.started_at, kNoon - 1min);
  EXPECT_EQ(from.merged_into, into.id.value);
  EXPECT_FALSE(from.active());
  EXPECT_FALSE(merge(into, from, kOps).has_value()) << "it has ended";
}

TEST(Splitting, LeavesOneAlertAtLeast) {
  auto from = make_incident();
  const auto first = from.alerts[0].fingerprint;
  const model::IncidentId id("INC-20260101-002");
  EXPECT_FALSE(split(from, {first}, id, "", kOps).has_value());
  EXPECT_FALSE(split(from, {"nothing"}, id, "", kOps).has_value());
  apply_cause(from, cause_of(make_alert("Slow", model::AlertState::kFiring, kNoon)), kNoon);
  const auto second = from.alerts[1].fingerprint;
  const auto part = split(from, {second}, id, "", kOps);
  ASSERT_TRUE(part.has_value());
  EXPECT_EQ(part->title, "Slow");
  EXPECT_THAT(part->alerts, SizeIs(1));
  EXPECT_THAT(from.alerts, SizeIs(1));
  EXPECT_EQ(part->links[0].kind, "split_from");
  EXPECT_EQ(from.links[0].incident, "INC-20260101-002");
}

}  // namespace
}  // namespace holdfast::respond
