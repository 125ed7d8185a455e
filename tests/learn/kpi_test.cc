#include "learn/kpi/kpi.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "learn/kpi/review.h"

namespace holdfast::learn {
namespace {

using model::Incident;
using model::IncidentState;
using model::Rank;

const WallTime kStart = *parse_time("2026-11-02T00:00:00Z");  // a Monday

struct Made {
  const char* service = "shop";
  Rank rank = Rank::kWorst;
  Duration at{};                                                        // impact, after kStart
  Duration detect = 2min;                                               // after the impact
  std::optional<Duration> ack = 5min, recover = 8min, resolve = 30min;  // after detection
};

WallTime plus(WallTime at, Duration d) {
  return at + std::chrono::duration_cast<std::chrono::milliseconds>(d);
}

Incident make(const Made& made, const std::string& id = "INC-1") {
  Incident incident;
  incident.id = model::IncidentId(id);
  incident.service = made.service;
  incident.title = "it broke";
  incident.rank = made.rank;
  incident.started_at = plus(kStart, made.at);
  incident.opened_at = plus(incident.started_at, made.detect);
  if (made.ack) incident.acknowledged_at = plus(incident.opened_at, *made.ack);
  if (made.recover) incident.recovery_started_at = plus(incident.opened_at, *made.recover);
  if (made.resolve) {
    incident.resolved_at = plus(incident.opened_at, *made.resolve);
    incident.state = IncidentState::kResolved;
  }
  return incident;
}

KpiQuery month() {
  KpiQuery query;
  query.from = kStart;
  query.to = plus(kStart, 30 * 24h);
  return query;
}

const Statistic& find(const KpiGroup& group, const std::string& measure) {
  for (const auto& one : group.statistics) {
    if (one.measure == measure) return one;
  }
  ADD_FAILURE() << "no " << measure;
  return group.statistics.front();
}

KpiReport report_of(const std::vector<Incident>& incidents, KpiQuery query = month()) {
  return compute_kpis(incidents, {}, query, {}, {});
}

struct VerdictCase {
  const char* name;
  Made made;
  const char* measure;
  double mean;
  const char* verdict;
};

// Mission M14-01..M14-03, M14-08: below the target passes, at the target does not.
TEST(Kpi, TargetsAreJudged) {
  Made slow_detect, slow_ack, second, second_slow, worst_slow, late_start, at_once;
  slow_detect.detect = 5min;
  slow_ack.ack = 10min;
  second.rank = second_slow.rank = Rank::kHigh;
  second.resolve = 239min;
  second_slow.resolve = 4h;
  worst_slow.resolve = 1h;
  late_start.recover = 15min;
  const VerdictCase cases[] = {
      {"detected in time", {}, "mttd", 120, "pass"},
      {"detected at the limit", slow_detect, "mttd", 300, "fail"},
      {"acknowledged in time", {}, "mtta", 300, "pass"},
      {"acknowledged late", slow_ack, "mtta", 600, "fail"},
      {"worst repaired in time", {}, "mttr_rank1", 1800, "pass"},
      {"worst repaired late", worst_slow, "mttr_rank1", 3600, "fail"},
      {"second repaired in time", second, "mttr_rank2", 14340, "pass"},
      {"second repaired late", second_slow, "mttr_rank2", 14400, "fail"},
      {"recovery begins in time", {}, "recovery_begins_rank1", 480, "pass"},
      {"recovery begins late", late_start, "recovery_begins_rank1", 900, "fail"},
  };
  for (const auto& test : cases) {
    const auto report = report_of({make(test.made)});
    const auto& one = find(report.groups[0], test.measure);
    EXPECT_EQ(one.n, 1U) << test.name;
    EXPECT_DOUBLE_EQ(one.mean, test.mean) << test.name;
    EXPECT_EQ(one.verdict, test.verdict) << test.name;
  }
}

// M14-04: 720 hours between failures, by service.
TEST(Kpi, TimeBetweenFailuresIsFromEndToStartOfOneService) {
  Made first, second, other;
  second.at = 32min + 721h;  // the first ends 32 minutes after kStart
  other.service = "billing";
  other.at = 10h;
  auto query = month();
  query.to = plus(kStart, 60 * 24h);
  auto report = report_of({make(first, "1"), make(second, "2"), make(other, "3")}, query);
  EXPECT_EQ(find(report.groups[0], "mtbf").n, 1U);
  EXPECT_DOUBLE_EQ(find(report.groups[0], "mtbf").mean, 721 * 3600.0);
  EXPECT_EQ(find(report.groups[0], "mtbf").verdict, "pass");
  second.at = 32min + 719h;
  report = report_of({make(second, "2"), make(first, "1")}, query);
  EXPECT_EQ(find(report.groups[0], "mtbf").verdict, "fail");
  report = report_of({make(first)}, query);
  EXPECT_EQ(find(report.groups[0], "mtbf").verdict, "no_data");
}

TEST(Kpi, DrillsAndMergedOnesAreLeftOutAndShown) {
  auto drill = make({}), merged = make({});
  drill.drill = true;
  merged.merged_into = "INC-2";
  Made outside;
  outside.at = 31 * 24h;
  const auto report = report_of({make({}), drill, merged, make(outside)});
  EXPECT_EQ(report.groups[0].counts.at("incidents"), 1U);
  EXPECT_EQ(report.excluded_drills, 1U);
  EXPECT_EQ(report.excluded_merged, 1U);
}

TEST(Kpi, WhatHasNotHappenedYetIsNoSample) {
  Made open;
  open.ack = open.recover = open.resolve = std::nullopt;
  const auto report = report_of({make(open)});
  EXPECT_EQ(find(report.groups[0], "mttd").n, 1U);
  for (const char* measure : {"mtta", "mttr", "mttr_rank1", "recovery_begins_rank1"})
    EXPECT_EQ(find(report.groups[0], measure).n, 0U) << measure;
  EXPECT_EQ(find(report.groups[0], "mtta").verdict, "no_data");
}

TEST(Kpi, GroupsStandBesideTheTotal) {
  Made other;
  other.service = "billing";
  other.rank = Rank::kLow;
  other.at = 8 * 24h;
  const std::vector<Incident> incidents = {make({}), make(other)};
  const std::map<std::string, std::vector<std::string>> want = {
      {"service", {"total", "billing", "shop"}},
      {"severity", {"total", "rank1", "rank4"}},
      {"day", {"total", "2026-11-02", "2026-11-10"}},
      {"week", {"total", "2026-11-02", "2026-11-09"}},
      {"month", {"total", "2026-11"}},
  };
  for (const auto& [by, names] : want) {
    auto query = month();
    query.by = by;
    std::vector<std::string> got;
    for (const auto& group : report_of(incidents, query).groups) got.push_back(group.name);
    EXPECT_EQ(got, names) << by;
  }
}

TEST(Kpi, PercentilesAreInterpolated) {
  EXPECT_DOUBLE_EQ(percentile({}, 0.5), 0);
  EXPECT_DOUBLE_EQ(percentile({7}, 0.95), 7);
  EXPECT_DOUBLE_EQ(percentile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(percentile({10, 20, 30, 40, 50}, 0.75), 40);
  EXPECT_DOUBLE_EQ(percentile({10, 20, 30, 40, 50}, 0.9), 46);
}

TEST(Kpi, BreachesAreCountedAmongPromisesThatAreDecided) {
  auto kept = make({}), broken = make({}), waiting = make({});
  kept.clocks = {{"response", kStart, kStart, std::nullopt}};
  broken.clocks = {{"response", kStart, std::nullopt, kStart}};
  waiting.clocks = {{"response", kStart, std::nullopt, std::nullopt}};
  const auto report = report_of({kept, broken, waiting});
  EXPECT_EQ(report.groups[0].breaches[0].n, 2U);
  EXPECT_EQ(report.groups[0].breaches[0].breached, 1U);
}

struct PageCase {
  const char* at;
  const char* kind;
  std::size_t business, off, sleep;
};

TEST(Kpi, PagesDisturbByTheHourOfTheZone) {
  LoadHours hours;
  hours.zone = "Asia/Shanghai";
  const PageCase cases[] = {
      {"2026-11-03T02:00:00Z", "slack", 1, 0, 0},  // 10:00 there
      {"2026-11-03T12:00:00Z", "slack", 0, 1, 0},  // 20:00
      {"2026-11-03T15:00:00Z", "slack", 0, 0, 1},  // 23:00
      {"2026-11-03T23:30:00Z", "slack", 0, 0, 1},  // 07:30
      {"2026-11-07T02:00:00Z", "slack", 0, 1, 0},  // a Saturday
      {"2026-11-03T15:00:00Z", "log", 0, 0, 0},    // nobody is woken by a log
  };
  for (const auto& test : cases) {
    model::Notification page;
    page.id = "INC-1/opened/3/team";
    page.incident = "INC-1";
    page.kind = test.kind;
    page.delivered_at = *parse_time(test.at);
    auto second = page;
    second.id = "INC-1/opened/3/other";  // the same event to another receiver is one page
    const auto load = compute_kpis({make({})}, {page, second}, month(), {}, hours).groups[0].load;
    EXPECT_EQ(load.business, test.business) << test.at;
    EXPECT_EQ(load.off, test.off) << test.at;
    EXPECT_EQ(load.sleep, test.sleep) << test.at;
    EXPECT_EQ(load.nights, test.sleep) << test.at;
  }
}

TEST(Kpi, IsWrittenAsJsonAndCsv) {
  Made odd;
  odd.service = "a,\"b\"";
  auto query = month();
  query.by = "service";
  const auto report = report_of({make(odd)}, query);
  const nlohmann::json j = report;
  EXPECT_EQ(j["groups"][1]["statistics"]["mttr"]["mean"], 1800.0);
  EXPECT_TRUE(j["groups"][0]["statistics"]["mtbf"]["mean"].is_null());
  const auto csv = kpi_csv(report);
  EXPECT_NE(csv.find("\"a,\"\"b\"\"\",mttd,1,120.000,"), std::string::npos) << csv;
}

// M13-55, M17-17.
TEST(Review, ComparesWithThePeriodBeforeAndKeepsOpenPromisesInSight) {
  ReviewInput input;
  input.from = plus(kStart, 30 * 24h);
  input.to = plus(kStart, 60 * 24h);
  input.now = plus(kStart, 61 * 24h);
  input.author = "ann";
  Made now, slow;
  now.at = 31 * 24h;
  slow.resolve = 2h;
  input.incidents = {make(slow, "INC-1"), make(now, "INC-2"), make(now, "INC-3")};
  Postmortem old;
  old.incident = "INC-1";
  old.created_at = kStart;
  old.due_at = plus(kStart, 48h);
  old.actions = {{"a1", "rotate logs", "technical", "bob", kStart, "open", ""},
                 {"a2", "kept", "process", "bob", kStart, "done", ""}};
  input.postmortems = {old};
  model::Remedy failed;
  failed.name = "restart_service";
  failed.planned_at = plus(kStart, 31 * 24h);
  failed.state = model::RemedyState::kFailed;
  input.remedies = {failed};
  const auto review = make_review(input);
  EXPECT_EQ(review.present.groups[0].counts.at("incidents"), 2U);
  EXPECT_EQ(review.before.groups[0].counts.at("incidents"), 1U);
  EXPECT_EQ(review.late_postmortems, std::vector<std::string>{"INC-1"});
  ASSERT_EQ(review.improvements.size(), 1U);
  EXPECT_TRUE(review.improvements[0].overdue);
  ASSERT_EQ(review.tools.size(), 1U);
  EXPECT_EQ(review.tools[0].failed, 1U);
  const auto text = review_markdown(review, "zh");
  for (const char* part : {"# 事故月度回顾", "mttr_rank1 | 30m (n=2) | 2h | 1h | pass",
                           "rotate logs", "报告生成人: ann"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

}  // namespace
}  // namespace holdfast::learn
