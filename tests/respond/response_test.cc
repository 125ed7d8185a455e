#include "respond/incident/response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "respond/cases.h"
#include "respond/incident/handling.h"
#include "respond/incident/timeline.h"

namespace holdfast::respond {
namespace {

using model::Rank;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

model::Incident opened(const std::string& scheme, Rank rank, WallTime at = kNoon) {
  auto incident = make_incident(at);
  incident.scheme = scheme;
  incident.rank = rank;
  return incident;
}

struct DueCase {
  const char* scheme;
  Rank rank;
  const char* level;
  std::optional<Duration> response, resolution;
};

// Mission M13-02..M13-04, M13-06..M13-09.
TEST(ResponseClocks, AreThoseOfTheScheme) {
  const DueCase cases[] = {
      {"A", Rank::kWorst, "P1", 0s, std::nullopt},
      {"A", Rank::kHigh, "P2", 30min, std::nullopt},
      {"A", Rank::kMedium, "P3", 2h, std::nullopt},
      {"B", Rank::kWorst, "P0", 15min, 1h},
      {"B", Rank::kHigh, "P1", 30min, 4h},
      {"B", Rank::kMedium, "P2", 2h, 24h},
      {"B", Rank::kLow, "P3", 24h, 72h},
  };
  for (const auto& test : cases) {
    auto incident = opened(test.scheme, test.rank);
    begin_response(incident, {}, kNoon);
    EXPECT_EQ(level_name(incident, incident.rank), test.level);
    ASSERT_NE(incident.clock("response"), nullptr);
    EXPECT_EQ(incident.clock("response")->due_at - kNoon, *test.response) << test.level;
    ASSERT_EQ(incident.clock("resolution") != nullptr, test.resolution.has_value()) << test.level;
    if (test.resolution) {
      EXPECT_EQ(incident.clock("resolution")->due_at - kNoon, *test.resolution) << test.level;
    }
  }
}

struct WorkingDayCase {
  const char* name;
  const char* at;
  const char* due;
};

// M13-05, W62: Friday evening is due on Monday; holidays and make-up days count.
TEST(WorkingCalendar, FindsTheNextWorkingDay) {
  WorkingCalendar calendar;
  calendar.zone = "Asia/Shanghai";
  calendar.holidays = {"2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07"};
  calendar.make_up = {"2026-10-10"};
  const WorkingDayCase cases[] = {
      {"Friday evening", "2026-11-20T12:00:00Z", "2026-11-23T10:00:00Z"},
      {"Monday morning", "2026-11-23T01:00:00Z", "2026-11-24T10:00:00Z"},
      {"Sunday", "2026-11-22T04:00:00Z", "2026-11-23T10:00:00Z"},
      {"Friday there, Thursday in UTC", "2026-11-19T17:00:00Z", "2026-11-23T10:00:00Z"},
      {"before the holidays", "2026-09-30T02:00:00Z", "2026-10-08T10:00:00Z"},
      {"before a Saturday that is worked", "2026-10-09T02:00:00Z", "2026-10-10T10:00:00Z"},
  };
  for (const auto& test : cases)
    EXPECT_EQ(format_time(calendar.end_of_next_working_day(*parse_time(test.at))),
              format_time(*parse_time(test.due)))
        << test.name;
}

TEST(ResponseClocks, TheLowestOfSchemeAIsDueOnTheNextWorkingDay) {
  const auto friday = *parse_time("2026-11-20T19:00:00Z");
  auto incident = opened("A", Rank::kLow, friday);
  begin_response(incident, {}, friday);
  EXPECT_EQ(format_time(incident.clock("response")->due_at), "2026-11-23T18:00:00.000Z");
}

TEST(ResponseClocks, ABreachIsToldOnceAndAnAcknowledgementInTimeNever) {
  auto incident = opened("B", Rank::kHigh);
  begin_response(incident, {}, kNoon);
  EXPECT_EQ(next_due(incident, {}), kNoon + 30min);
  EXPECT_THAT(watch(incident, {}, kNoon + 29min), IsEmpty());
  EXPECT_THAT(watch(incident, {}, kNoon + 30min), Contains("response_overdue"));
  EXPECT_THAT(watch(incident, {}, kNoon + 31min), testing::Not(Contains("response_overdue")));
  EXPECT_TRUE(incident.clock("response")->breached_at.has_value());

  auto kept = opened("B", Rank::kHigh);
  begin_response(kept, {}, kNoon);
  ASSERT_TRUE(acknowledge(kept, "ops", kNoon + 10min).has_value());
  refresh(kept, {}, kNoon + 10min);
  EXPECT_THAT(watch(kept, {}, kNoon + 31min), testing::Not(Contains("response_overdue")));
  EXPECT_EQ(kept.clock("response")->met_at, kNoon + 10min);
  EXPECT_FALSE(kept.clock("response")->breached_at.has_value());
}

TEST(ResponseClocks, AtOnceIsDueAtTheOpeningAndToldAfterItsGrace) {
  auto incident = opened("A", Rank::kWorst);
  begin_response(incident, {}, kNoon);
  EXPECT_EQ(incident.clock("response")->due_at, kNoon);
  EXPECT_THAT(watch(incident, {}, kNoon + 4min), IsEmpty());
  EXPECT_THAT(watch(incident, {}, kNoon + 5min), ElementsAre("response_overdue"));
  // C02: recovery begins within 15 minutes is a clock of its own.
  EXPECT_THAT(watch(incident, {}, kNoon + 15min), ElementsAre("recovery_overdue"));
}

TEST(ResponseClocks, AnAckThatCameTooLateWhileNobodyLookedIsABreach) {
  auto incident = opened("B", Rank::kWorst);
  begin_response(incident, {}, kNoon);
  ASSERT_TRUE(acknowledge(incident, "ops", kNoon + 20min).has_value());
  refresh(incident, {}, kNoon + 20min);
  EXPECT_EQ(incident.clock("response")->breached_at, kNoon + 15min);
}

TEST(ResponseClocks, AnotherSeverityMovesTheDueTimesAndKeepsWhatWasKept) {
  auto incident = opened("B", Rank::kHigh);
  begin_response(incident, {}, kNoon);
  ASSERT_TRUE(acknowledge(incident, "ops", kNoon + 5min).has_value());
  refresh(incident, {}, kNoon + 5min);
  incident.rank = Rank::kLow;
  begin_response(incident, {}, kNoon + 6min);
  refresh(incident, {}, kNoon + 6min);
  EXPECT_EQ(incident.clock("resolution")->due_at, kNoon + 72h);
  EXPECT_EQ(incident.clock("response")->met_at, kNoon + 5min);
}

TEST(ResponseRules, AConfiguredSchemeNamesAndTimesItsLevels) {
  ResponseRules rules;
  rules.schemes["platform"] = {"platform",
                               {{"SEV1", "worst", "最严重", 5min, 30min},
                                {"SEV2", "bad", "严重", 10min, 1h},
                                {"SEV3", "some", "一般", 1h, 8h},
                                {"SEV4", "little", "轻微", std::nullopt, std::nullopt}}};
  auto incident = opened("platform", Rank::kHigh);
  begin_response(incident, rules, kNoon);
  EXPECT_EQ(level_name(incident, incident.rank), "SEV2");
  EXPECT_EQ(incident.clock("response")->due_at, kNoon + 10min);
}

ResponseRules with_duties() {
  ResponseRules rules;
  rules.duties = {{"commander", "@john.doe", "@jane.smith", "", ""},
                  {"commander", "@zhangsan", "", "aura", ""},
                  {"database_expert", "@db.specialist", "@backend.lead", "", "database"}};
  return rules;
}

TEST(FirstMinutes, TheWorstLevelGetsItsListAndItsPeople) {
  auto incident = opened("A", Rank::kWorst);
  EXPECT_THAT(begin_response(incident, with_duties(), kNoon), ElementsAre("role_assigned"));
  std::vector<std::string> keys;
  for (const auto& task : incident.tasks) keys.push_back(task.key);
  EXPECT_THAT(keys, ElementsAre("confirm_level", "open_war_room", "inform_team", "start_diagnosis",
                                "prepare_rollback"));
  EXPECT_EQ(incident.tasks[0].due_at, kNoon + 5min);
  ASSERT_NE(incident.role("commander"), nullptr);
  EXPECT_EQ(incident.role("commander")->person, "@john.doe");
  EXPECT_EQ(incident.role("database_expert"), nullptr) << "it is not about a database";

  auto low = opened("B", Rank::kLow);
  EXPECT_THAT(begin_response(low, with_duties(), kNoon), IsEmpty());
  EXPECT_THAT(low.tasks, IsEmpty());
  EXPECT_TRUE(low.war_room.name.empty());
}

TEST(FirstMinutes, AServiceHasItsOwnCommanderAndADatabaseItsExpert) {
  auto incident = opened("B", Rank::kWorst);
  incident.service = "aura";
  incident.title = "Database connections refused";
  begin_response(incident, with_duties(), kNoon);
  EXPECT_EQ(incident.role("commander")->person, "@zhangsan");
  ASSERT_NE(incident.role("database_expert"), nullptr);
  EXPECT_EQ(incident.role("database_expert")->person, "@db.specialist");
}

TEST(FirstMinutes, ASilentHolderMeansTheBackupIsTold) {
  auto incident = opened("A", Rank::kWorst);
  begin_response(incident, with_duties(), kNoon);
  EXPECT_THAT(watch(incident, with_duties(), kNoon + 5min), Contains("backup_told"));
  EXPECT_EQ(incident.role("commander")->backup_told_at, kNoon + 5min);
  EXPECT_THAT(kinds_of(incident), Contains("backup_told"));

  auto answered = opened("A", Rank::kWorst);
  begin_response(answered, with_duties(), kNoon);
  ASSERT_TRUE(acknowledge(answered, "@john.doe", kNoon + 1min).has_value());
  refresh(answered, with_duties(), kNoon + 1min);
  EXPECT_THAT(watch(answered, with_duties(), kNoon + 6min), testing::Not(Contains("backup_told")));
}

TEST(FirstMinutes, ItemsTickThemselvesWhereEventsProveThem) {
  auto incident = opened("A", Rank::kWorst);
  begin_response(incident, {}, kNoon);
  model::Remedy remedy;
  remedy.service = "enhancer";
  remedy.name = "shift_traffic_to_stable";
  remedy.planned_at = kNoon + 10s;
  apply_remedy(incident, remedy, 1, kNoon + 10s);
  remedy.state = model::RemedyState::kRunning;
  apply_remedy(incident, remedy, 2, kNoon + 11s);
  model::Notification notification;
  notification.event = "opened";
  notification.receiver = "team";
  notification.state = model::NotificationState::kDelivered;
  apply_notification(incident, notification, 3, kNoon + 12s);
  incident.war_room = {"#incident-20260101-001", "open", "C1", ""};
  ASSERT_TRUE(confirm(incident, {{"extent", "all users"}}, {"ops", kNoon + 20s}).has_value());
  refresh(incident, {}, kNoon + 20s);
  for (const auto& task : incident.tasks) {
    EXPECT_EQ(task.state, "done") << task.key;
    EXPECT_EQ(task.done_by, "holdfast");
    EXPECT_FALSE(task.note.empty());
  }
  EXPECT_EQ(incident.recovery_started_at, kNoon + 11s);
  ASSERT_EQ(incident.handling.acts.size(), 1U);
  EXPECT_EQ(incident.handling.acts[0].axis, "rollback");
}

TEST(StatusUpdates, AreRemindedOfByTheSeverityUntilTheEnd) {
  auto incident = opened("B", Rank::kHigh);
  begin_response(incident, {}, kNoon);
  ASSERT_TRUE(acknowledge(incident, "ops", kNoon + 1min).has_value());
  refresh(incident, {}, kNoon + 1min);
  EXPECT_THAT(watch(incident, {}, kNoon + 30min), ElementsAre("update_due"));
  EXPECT_EQ(incident.next_update_at, kNoon + 60min);
  ASSERT_TRUE(add_status_update(incident, "half is back", kNoon + 90min, {"ops", kNoon + 50min})
                  .has_value());
  EXPECT_THAT(watch(incident, {}, kNoon + 60min), IsEmpty());
  ASSERT_TRUE(resolve(incident, "ops", "", kNoon + 70min).has_value());
  refresh(incident, {}, kNoon + 70min);
  EXPECT_THAT(watch(incident, {}, kNoon + 90min), IsEmpty());
}

TEST(WarRoomName, IsTheDayAndItsCount) {
  EXPECT_EQ(war_room_name(model::IncidentId("INC-20240115-002")), "#incident-20240115-002");
}

}  // namespace
}  // namespace holdfast::respond
