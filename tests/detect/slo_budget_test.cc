// The error budget of known error patterns, with maintenance and without.
#include <gmock/gmock.h>

#include "detect/slo/budget.h"
#include "slo_world.h"

namespace holdfast::detect::slo {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr char kRequests[] =
    "{name: shop, objective: 99.9 %, window: 30d, total: requests_total, bad: "
    "'requests_total{code=\"500\"}'}";

struct Fault {
  WallTime from, until;
  double ratio;
};

// A thousand requests a minute for 31 days.
void load_requests(SloWorld& world, const std::vector<Fault>& faults) {
  const auto failing = [faults](WallTime at) {
    for (const auto& fault : faults)
      if (at > fault.from && at <= fault.until) return fault.ratio;
    return 0.0;
  };
  const auto begin = kNow - hours(31 * 24);
  world.count(series_of("requests_total", {{"code", "200"}}), begin, kNow, 60s,
              [&](WallTime at) { return 1000 * (1 - failing(at)); });
  world.count(series_of("requests_total", {{"code", "500"}}), begin, kNow, 60s,
              [&](WallTime at) { return 1000 * failing(at); });
}

Budget budget_of(const SloWorld& world, const Slo& slo,
                 const std::vector<Maintenance>& maintenance = {}, WallTime now = kNow,
                 int slots = 120) {
  BudgetOptions options;
  options.slots = slots;
  auto budget = compute_budget(slo, world.engine, now, maintenance, options);
  EXPECT_TRUE(budget.has_value()) << (budget ? "" : budget.error().message());
  return budget ? *budget : Budget{};
}

constexpr double kAll = 30 * 1440 * 1000.0;

TEST(SloBudget, IsExactForAKnownPattern) {
  SloWorld world;
  load_requests(world, {{kNow - hours(100), kNow - hours(99), 0.25},
                        {kNow - hours(3), kNow - hours(3) + minutes(7), 1.0}});
  const auto budget = budget_of(world, read_slo(kRequests));
  EXPECT_DOUBLE_EQ(budget.gross.total, kAll);
  EXPECT_DOUBLE_EQ(budget.gross.bad, 60 * 250 + 7 * 1000);
  EXPECT_DOUBLE_EQ(budget.gross.budget, kAll * 0.001);
  EXPECT_NEAR(*budget.gross.remaining, 1 - 22000 / 43200.0, 1e-9);
  EXPECT_NEAR(*budget.gross.ratio, 1 - 22000 / kAll, 1e-12);
  EXPECT_TRUE(budget.gross.met());
  EXPECT_EQ(budget.net.bad, budget.gross.bad) << "no maintenance, no difference";
  EXPECT_EQ(budget.maintenance, Duration::zero());
}

TEST(SloBudget, ShowsBothNumbersWhenMaintenanceIsApproved) {
  SloWorld world;
  load_requests(world, {{kNow - hours(50), kNow - hours(48), 0.5},    // in the maintenance
                        {kNow - hours(10), kNow - hours(9), 0.25}});  // outside
  const std::vector<Maintenance> maintenance = {
      {kNow - hours(51) - minutes(13), kNow - hours(48), "m1", "new disks"}};
  const auto budget = budget_of(world, read_slo(kRequests), maintenance);
  EXPECT_DOUBLE_EQ(budget.gross.bad, 60'000 + 15'000);
  EXPECT_DOUBLE_EQ(budget.gross.total, kAll);
  EXPECT_DOUBLE_EQ(budget.net.bad, 15'000);
  EXPECT_DOUBLE_EQ(budget.net.total, kAll - 193 * 1000);
  EXPECT_FALSE(budget.gross.met());
  EXPECT_TRUE(budget.net.met());
  EXPECT_EQ(budget.maintenance, Duration(193min));
  ASSERT_EQ(budget.stretches.size(), 1U);
  EXPECT_EQ(budget.stretches[0].title, "new disks");
}

TEST(SloBudget, TakesOutHalfAFaultToTheMinute) {
  SloWorld world;
  load_requests(world, {{kNow - hours(50), kNow - hours(49), 1.0}});
  for (const int slots : {1, 7, 120, 500}) {
    const auto budget =
        budget_of(world, read_slo(kRequests),
                  {{kNow - hours(50), kNow - hours(50) + minutes(23), "", ""}}, kNow, slots);
    EXPECT_DOUBLE_EQ(budget.gross.bad, 60'000) << slots;
    EXPECT_DOUBLE_EQ(budget.net.bad, 37'000) << slots;
  }
}

TEST(SloBudget, CountsOverlappingMaintenanceOnce) {
  SloWorld world;
  load_requests(world, {{kNow - hours(20), kNow - hours(19), 1.0}});
  const std::vector<Maintenance> maintenance = {
      {kNow - hours(20), kNow - hours(19), "a", "A"},
      {kNow - hours(20), kNow - hours(19) - minutes(30), "b", "B"},
      {kNow - hours(19), kNow - hours(18), "c", "C"},
      {kNow - hours(900), kNow - hours(800), "old", ""}};
  const auto budget = budget_of(world, read_slo(kRequests), maintenance);
  EXPECT_DOUBLE_EQ(budget.net.bad, 0);
  EXPECT_EQ(budget.maintenance, Duration(2h));
  ASSERT_EQ(budget.stretches.size(), 1U);
  EXPECT_EQ(budget.stretches[0].title, "A, B, C");
}

TEST(SloBudget, BurnsDownToWhatIsLeft) {
  SloWorld world;
  load_requests(world, {{kNow - hours(24 * 20), kNow - hours(24 * 20) + minutes(10), 1.0},
                        {kNow - hours(24 * 5), kNow - hours(24 * 5) + minutes(20), 1.0}});
  const auto budget = budget_of(world, read_slo(kRequests),
                                {{kNow - hours(24 * 5), kNow - hours(24 * 4), "", ""}}, kNow, 30);
  ASSERT_EQ(budget.burn_down.size(), 30U);
  EXPECT_NEAR(*budget.burn_down[5].remaining, 1, 1e-9);
  EXPECT_NEAR(*budget.burn_down[15].remaining, 1 - 10 / 43.2, 1e-9);
  EXPECT_NEAR(*budget.burn_down.back().remaining, *budget.gross.remaining, 1e-9);
  EXPECT_NEAR(*budget.burn_down.back().remaining, 1 - 30 / 43.2, 1e-9);
  EXPECT_NEAR(*budget.burn_down.back().remaining_net, *budget.net.remaining, 1e-9);
  EXPECT_EQ(budget.burn_down.back().at, kNow);
}

// M14-05: 99.95 % of a month of 30 days is 21.6 minutes.
TEST(SloBudget, TwentyTwoMinutesFailAMonthAndTwentyOnePass) {
  for (const auto& [outage, met] : std::vector<std::pair<int, bool>>{{21, true}, {22, false}}) {
    SloWorld world;
    world.level(series_of("up"), kNow - hours(31 * 24), kNow, 60s,
                [&, &outage = outage](WallTime at) {
                  return at > kNow - hours(40) && at <= kNow - hours(40) + minutes(outage) ? 0 : 1;
                });
    const auto slo = read_slo(
        "{name: up, objective: 99.95 %, window: 30d, value: up, at_least: 1, budgeting: "
        "timeslices}");
    const auto budget = budget_of(world, slo);
    EXPECT_DOUBLE_EQ(budget.gross.bad, outage);
    EXPECT_DOUBLE_EQ(budget.gross.total, 43'200);
    EXPECT_NEAR(budget.gross.budget, 21.6, 1e-9);
    EXPECT_EQ(budget.gross.met(), met) << outage;
  }
}

TEST(SloBudget, FollowsTheCalendarOfAZone) {
  SloWorld world;
  // 2026-09-01 00:00 in Shanghai is 16:00 of August 31 in UTC.
  const auto now = *parse_time("2026-09-03T16:00:00Z");
  const auto fault = *parse_time("2026-08-31T15:58:00Z");
  world.level(series_of("up"), now - hours(24 * 10), now, 60s, [&](WallTime at) {
    return at > fault && at <= fault + minutes(5) ? 0
                                                  : 1;  // two minutes of August, three of September
  });
  const auto slo = read_slo(
      "{name: up, objective: 99.9 %, window: month, zone: Asia/Shanghai, value: up, at_least: 1, "
      "budgeting: timeslices}");
  const auto budget = budget_of(
      world, slo,
      {{fault, fault + minutes(4), "", ""}, {now + hours(24), now + hours(25), "", "ahead"}}, now);
  EXPECT_EQ(format_time(budget.from), "2026-08-31T16:00:00.000Z");
  EXPECT_EQ(format_time(budget.until), "2026-09-30T16:00:00.000Z");
  EXPECT_DOUBLE_EQ(budget.gross.bad, 3);
  EXPECT_NEAR(budget.gross.budget, 43.2, 1e-9) << "of the whole month from its first day on";
  EXPECT_DOUBLE_EQ(budget.net.bad, 1);
  EXPECT_NEAR(budget.net.budget, (43'200 - 2 - 60) * 0.001, 1e-9);
  EXPECT_EQ(budget.maintenance, Duration(2min)) << "what lies ahead has not been yet";
}

struct MethodCase {
  std::string name, slo;
  double total, bad;
};

// Ten hours ago: three minutes with 4 %, one with 20 % and one with 100 % errors, of a thousand requests each.
TEST(SloBudget, CountsAsTheMethodSays) {
  SloWorld world;
  const auto at = kNow - hours(10);
  load_requests(world, {{at, at + minutes(3), 0.04},
                        {at + minutes(3), at + minutes(4), 0.2},
                        {at + minutes(4), at + minutes(5), 1.0}});
  world.level(series_of("p95"), kNow - hours(25), kNow, 60s, [&](WallTime t) {
    return t > at && t <= at + minutes(5)                  ? 0.7
           : t > at + minutes(30) && t <= at + minutes(40) ? std::nan("")
                                                           : 0.2;
  });
  world.level(series_of("share"), kNow - hours(25), kNow, 60s,
              [&](WallTime t) { return t > at && t <= at + minutes(4) ? 0.75 : 1; });
  const std::string base = "name: x, objective: 99 %, window: 1d, ";
  const std::string ratio = base + "total: requests_total, good: 'requests_total{code=\"200\"}', ";
  for (const auto& one : std::vector<MethodCase>{
           {"events", ratio, 1'440'000, 1320},
           {"the same of rates",
            base + "total: 'sum(rate(requests_total[5m]))', bad: "
                   "'sum(rate(requests_total{code=\"500\"}[5m]))', ",
            1'440'000, 1320},
           {"Sloth's window",
            base + "total: 'sum(rate(requests_total[{{.window}}]))', bad: "
                   "'sum(rate(requests_total{code=\"500\"}[{{ .window }}]))', ",
            1'440'000, 1320},
           {"slices of 95 %", ratio + "budgeting: timeslices, slice_target: 95 %, ", 1440, 2},
           {"slices of 97 %", ratio + "budgeting: timeslices, slice_target: 97 %, ", 1440, 5},
           {"slices of exactly 80 %", ratio + "budgeting: timeslices, slice_target: 80 %, ", 1440,
            1},
           {"shares of slices", ratio + "budgeting: ratio_timeslices, ", 1440, 1.32},
           {"a level, NaN is no answer", base + "value: p95, at_most: 0.5, ", 1430, 5},
           {"a level that must be high", base + "value: p95, above: 0.5, ", 1430, 1425},
           {"five minutes with a minute too high; one without any answer",
            base + "value: p95, at_most: 0.5, budgeting: timeslices, slice: 5m, ", 287, 2},
           {"a share", base + "success_ratio: share, ", 1440, 1},
       }) {
    SCOPED_TRACE(one.name);
    const auto budget = budget_of(world, read_slo("{" + one.slo + "}"), {}, kNow, 24);
    EXPECT_NEAR(budget.gross.total, one.total, 1e-6);
    EXPECT_NEAR(budget.gross.bad, one.bad, 1e-6);
  }
}

TEST(SloBudget, CountsRequestsSlowerThanABucket) {
  SloWorld world;
  const auto begin = kNow - hours(25);
  world.count(series_of("d_bucket", {{"job", "a"}, {"le", "0.5"}}), begin, kNow, 60s,
              [](WallTime) { return 90; });
  world.count(series_of("d_bucket", {{"job", "a"}, {"le", "1.0"}}), begin, kNow, 60s,
              [](WallTime) { return 95; });
  world.count(series_of("d_bucket", {{"job", "a"}, {"le", "+Inf"}}), begin, kNow, 60s,
              [](WallTime) { return 100; });
  const auto of = [](const std::string& threshold) {
    return read_slo(
        "{name: l, objective: 90 %, window: 1d, latency: {histogram: d, selector: '{job=\"a\"}', "
        "threshold: " +
        threshold + "}}");
  };
  EXPECT_DOUBLE_EQ(budget_of(world, of("500ms")).gross.bad, 14'400);
  EXPECT_DOUBLE_EQ(budget_of(world, of("1s")).gross.bad, 7'200);
  // A bucket that is none is no data, not an outage.
  EXPECT_DOUBLE_EQ(budget_of(world, of("700ms")).gross.bad, 0);
}

TEST(SloBudget, WithoutDataThereIsNoBudget) {
  SloWorld world;
  const auto budget = budget_of(world, read_slo(kRequests));
  EXPECT_EQ(budget.gross.ratio, std::nullopt);
  EXPECT_EQ(budget.gross.remaining, std::nullopt);
  EXPECT_EQ(budget.gross.total, 0);
  const auto of_time = budget_of(
      world,
      read_slo("{name: up, objective: 99 %, value: up, at_least: 1, budgeting: timeslices}"));
  EXPECT_EQ(of_time.gross.remaining, std::nullopt) << "nobody saw 43200 good minutes";
}

TEST(SloPeriods, BeginWhereTheCalendarSays) {
  struct Case {
    std::string window, zone, now, from, until;
  };
  for (const auto& one : std::vector<Case>{
           {"day", "UTC", "2026-03-01T10:00:00Z", "2026-03-01T00:00:00.000Z",
            "2026-03-02T00:00:00.000Z"},
           {"day", "Europe/Berlin", "2026-03-29T10:00:00Z", "2026-03-28T23:00:00.000Z",
            "2026-03-29T22:00:00.000Z"},
           {"week", "UTC", "2026-03-01T10:00:00Z", "2026-02-23T00:00:00.000Z",
            "2026-03-02T00:00:00.000Z"},
           {"month", "UTC", "2028-02-29T23:59:59Z", "2028-02-01T00:00:00.000Z",
            "2028-03-01T00:00:00.000Z"},
           {"quarter", "UTC", "2026-12-31T23:59:59Z", "2026-10-01T00:00:00.000Z",
            "2027-01-01T00:00:00.000Z"},
           {"year", "Asia/Shanghai", "2026-12-31T17:00:00Z", "2026-12-31T16:00:00.000Z",
            "2027-12-31T16:00:00.000Z"},
           {"month", "UTC", "2019-07-15T00:00:00Z", "2019-07-01T00:00:00.000Z",
            "2019-08-01T00:00:00.000Z"},
       }) {
    SCOPED_TRACE(one.window + " " + one.now);
    const auto slo = read_slo("{name: x, objective: 99 %, window: " + one.window +
                              ", zone: " + one.zone + ", value: up, above: 0}");
    const auto period = period_at(slo.window, *parse_time(one.now));
    EXPECT_EQ(format_time(period.from), one.from);
    EXPECT_EQ(format_time(period.until), one.until);
  }
}

}  // namespace
}  // namespace holdfast::detect::slo
