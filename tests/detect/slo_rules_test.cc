// Generated rules, evaluated by the rule engine over synthetic series: they fire at the burn rates they must, and not below.
#include <gmock/gmock.h>

#include "base/text.h"
#include "detect/slo/burn_rules.h"
#include "slo_world.h"

namespace holdfast::detect::slo {
namespace {

constexpr char kRequests[] = R"(
name: shop
service: checkout
objective: 99.9 %
total: requests_total
bad: requests_total{code=~"5.."}
)";

using std::chrono::hours;
using std::chrono::minutes;

// Ten requests a second for four days; `ratio` of them fail between `from` and `until`.
void load_requests(SloWorld& world, double ratio, Duration lasted, Duration ended_before) {
  const auto begin = kNow - hours(96);
  const auto until = kNow - std::chrono::duration_cast<std::chrono::milliseconds>(ended_before);
  const auto from = until - std::chrono::duration_cast<std::chrono::milliseconds>(lasted);
  const auto failing = [&](WallTime at) { return at > from && at <= until; };
  world.count(series_of("requests_total", {{"code", "200"}}), begin, kNow, 60s,
              [&](WallTime at) { return failing(at) ? 600 * (1 - ratio) : 600; });
  world.count(series_of("requests_total", {{"code", "503"}}), begin, kNow, 60s,
              [&](WallTime at) { return failing(at) ? 600 * ratio : 0; });
}

TEST(SloRules, FireAtTheBurnRatesTheyMustAndNotBelow) {
  struct Case {
    std::string name;
    double ratio;
    Duration lasted, ended_before;
    std::string want;
  };
  const std::vector<Case> cases = {
      {"15 times for an hour: 2 % of the budget", 0.015, 1h, 0s, "critical"},
      {"14 times for an hour is below 14.4", 0.014, 1h, 0s, ""},
      {"15 times for 50 minutes is not yet 2 %", 0.015, 50min, 0s, ""},
      {"15 times for an hour, over for six minutes", 0.015, 1h, 6min, ""},
      {"6.5 times for six hours: 5 %", 0.0065, 6h, 0s, "critical"},
      {"5.5 times for six hours is below 6", 0.0055, 6h, 0s, ""},
      {"6.5 times for six hours, over for 35 minutes", 0.0065, 6h, 35min, ""},
      {"3.3 times for a day: 10 %", 0.0033, 24h, 0s, "warning"},
      {"2.7 times for a day is below 3", 0.0027, 24h, 0s, ""},
      {"1.1 times for three days: 10 %", 0.0011, 72h, 0s, "warning"},
      {"0.9 times for three days keeps the objective", 0.0009, 72h, 0s, ""},
      {"everything fails for ten minutes", 1.0, 10min, 0s, "critical warning"},
      {"nothing fails", 0.0, 1h, 0s, ""},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    SloWorld world;
    load_requests(world, one.ratio, one.lasted, one.ended_before);
    const auto group = burn_rules(read_slo(kRequests));
    world.backfill(group, kNow - hours(95), kNow);
    EXPECT_EQ(world.severities(group), one.want);
  }
}

TEST(SloRules, AlertsSayHowFastAndOfWhat) {
  SloWorld world;
  load_requests(world, 0.02, 2h, 0s);
  const auto alerts = world.evaluate(burn_rules(read_slo(kRequests)));
  ASSERT_EQ(alerts.size(), 1U);
  const auto& page = alerts[0];
  EXPECT_EQ(page.labels.get("alertname"), kBurnAlert);
  EXPECT_EQ(page.labels.get("slo"), "shop");
  EXPECT_EQ(page.labels.get("service"), "checkout");
  EXPECT_NEAR(parse_double(page.evidence.value).value_or(0), 20, 0.01);
  EXPECT_EQ(page.annotations.get("description"),
            "The error budget of shop (99.9 %, 30d rolling) burns 20.0 times as fast as it may.");
}

TEST(SloRules, FactorsFollowTheWindow) {
  struct Case {
    std::string window, objective;
    std::vector<double> factors;
  };
  const std::vector<Case> cases = {
      {"30d", "99.9 %", {14.4, 6, 3, 1}},
      {"28d", "99.9 %", {13.44, 5.6, 2.8, 1}},  // 0.93 would complain of what keeps its objective
      {"90d", "99.9 %", {43.2, 18, 9, 3}},
      {"7d", "99.9 %", {3.36, 1.4, 1, 1}},
      {"1d", "99.9 %", {1, 1}},  // a day's alerts cannot look at three
      {"month", "99.9 %", {14.4, 6, 3, 1}},
      {"30d", "90 %", {5, 5, 3, 1}},  // 14.4 times 10 % is more than everything
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.window + " " + one.objective);
    const auto slo = read_slo("{name: a, objective: " + one.objective + ", window: " + one.window +
                              ", total: x, bad: y}");
    std::vector<double> factors;
    for (const auto& pair : burn_pairs(slo)) factors.push_back(pair.factor);
    EXPECT_EQ(factors, one.factors);
  }
}

TEST(SloRules, ALowObjectiveStillTellsATotalOutage) {
  SloWorld world;
  load_requests(world, 1.0, 31min, 0s);
  auto slo = read_slo(kRequests);
  slo.objective = 0.9;
  EXPECT_EQ(world.severities(burn_rules(slo)), "critical");
}

TEST(SloRules, AHandfulOfRequestsIsNoOutage) {
  // Ten requests an hour: one failure is 10 %, a hundred times the budget.
  const auto load = [](SloWorld& world, int failures) {
    const auto begin = kNow - hours(12);
    world.count(series_of("requests_total", {{"code", "200"}}), begin, kNow, 60s,
                [&](WallTime at) { return to_ms(at) % 360'000 == 0 ? 1 : 0; });
    world.count(series_of("requests_total", {{"code", "500"}}), begin, kNow, 60s,
                [&](WallTime at) { return at > kNow - minutes(failures) ? 1 : 0; });
  };
  for (const auto& [failures, want] :
       std::vector<std::pair<int, std::string>>{{1, ""}, {2, ""}, {3, "critical"}}) {
    SloWorld world;
    load(world, failures);
    const auto group = burn_rules(read_slo(kRequests));
    world.backfill(group, kNow - hours(11), kNow);
    EXPECT_EQ(world.severities(group), want) << failures;
  }
  SloWorld world;
  load(world, 1);
  auto slo = read_slo(kRequests);
  slo.alerts.failures_min = 0;
  EXPECT_EQ(world.severities(burn_rules(slo)), "critical") << "without the guard one failure pages";
}

TEST(SloRules, AMinuteIsNoDay) {
  SloWorld world;
  load_requests(world, 0.005, 10min, 0s);
  const auto group = burn_rules(read_slo(kRequests));
  world.backfill(group, kNow - minutes(10), kNow);
  EXPECT_EQ(world.severities(group), "") << "five times the budget, for ten minutes";
  EXPECT_EQ(world.value("slo:sli_error:ratio_rate1d"), std::nullopt);
  SloWorld later;
  load_requests(later, 0.005, 7h, 0s);
  later.backfill(group, kNow - hours(7), kNow);
  EXPECT_EQ(later.severities(group), "warning") << "a quarter of the day is known";
}

TEST(SloRules, NoTrafficAndNoErrorsYetAreNoTrouble) {
  SloWorld world;  // no series with a 5xx code exists at all
  world.count(series_of("requests_total", {{"code", "200"}}), kNow - hours(2), kNow, 60s,
              [](WallTime) { return 1; });
  const auto group = burn_rules(read_slo(kRequests));
  EXPECT_EQ(world.severities(group), "");
  EXPECT_EQ(world.value("slo:sli_error:ratio_rate1h{slo='shop'}"), 0.0);
  SloWorld quiet;
  quiet.count(series_of("requests_total", {{"code", "500"}}), kNow - hours(2), kNow, 60s,
              [](WallTime) { return 0; });
  EXPECT_EQ(quiet.severities(group), "");
  EXPECT_EQ(quiet.value("slo:sli_error:ratio_rate1h"), std::nullopt);
}

TEST(SloRules, SilenceIsToldWhereItWasAskedFor) {
  auto text = std::string(kRequests) + "alerts: { no_data_after: 10m }\n";
  const auto group = burn_rules(read_slo(text));
  const auto& last = std::get<AlertingRule>(group.rules.back());
  EXPECT_EQ(last.alert, kNoDataAlert);
  EXPECT_EQ(last.hold, Duration(10min));
  SloWorld world;
  const auto alerts = world.evaluate(group);
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0].state, model::AlertState::kPending);
}

TEST(SloRules, AreAFileThatIsReadBackTheSame) {
  const auto group = burn_rules(read_slo(std::string(kRequests) + "title: \"the \\\"shop\\\"\"\n"));
  const auto file = parse_rule_file("slo.yml", rule_file_text({group}));
  ASSERT_TRUE(file.findings.empty()) << file.findings[0].text();
  ASSERT_EQ(file.groups.size(), 1U);
  const auto& again = file.groups[0];
  EXPECT_EQ(again.name, group.name);
  ASSERT_EQ(again.rules.size(), group.rules.size());
  const auto text_of = [](const Rule& rule) {
    if (const auto* recording = std::get_if<RecordingRule>(&rule))
      return recording->record + " " + recording->query + " " + recording->labels.text();
    const auto& alert = std::get<AlertingRule>(rule);
    return alert.alert + " " + alert.query + " " + alert.labels.text() + " " +
           alert.annotations.text();
  };
  for (std::size_t i = 0; i < group.rules.size(); ++i)
    EXPECT_EQ(text_of(again.rules[i]), text_of(group.rules[i]));
}

TEST(SloRules, RecordEveryWindowAndTheWhole) {
  const auto group = burn_rules(read_slo(kRequests));
  std::vector<std::string> ratios;
  for (const auto& rule : group.rules) {
    const auto* recording = std::get_if<RecordingRule>(&rule);
    if (recording != nullptr && recording->record.starts_with("slo:sli_error:"))
      ratios.push_back(recording->record.substr(24));
  }
  EXPECT_THAT(ratios, testing::ElementsAre("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"));
}

TEST(SloRules, TheWholeWindowIsWeighedByTraffic) {
  SloWorld world;
  // A day with 600 requests a minute, then one with 6 a minute of which half fail.
  const auto noon = kNow - hours(24);
  const auto busy = [&](WallTime at) { return at <= noon; };
  world.count(series_of("requests_total", {{"code", "200"}}), kNow - hours(48), kNow, 60s,
              [&](WallTime at) { return busy(at) ? 600 : 3; });
  world.count(series_of("requests_total", {{"code", "500"}}), kNow - hours(48), kNow, 60s,
              [&](WallTime at) { return busy(at) ? 0 : 3; });
  const auto group = burn_rules(read_slo(kRequests));
  world.backfill(group, kNow - hours(48), kNow);
  world.evaluate(group);
  EXPECT_NEAR(*world.value("slo:sli_error:ratio_rate30d"), 3.0 / 606, 2e-5);
  EXPECT_NEAR(*world.value("slo:period_error_budget_remaining:ratio"), 1 - 3.0 / 606 / 0.001, 0.02);
  EXPECT_NEAR(*world.value("slo:sli_bad:increase1d"), 3 * 1440, 20);
}

TEST(SloRules, AConditionOfAPolicyIsAnAlertOfItsOwn) {
  auto slo = read_slo(kRequests);
  slo.alerts.multiwindow = false;
  slo.alerts.conditions.push_back({"fast", "burn2", "page", Limit::kGreaterEqual, 2, 1h, 5min});
  const auto group = burn_rules(slo);
  SloWorld world;
  load_requests(world, 0.0021, 1h, 0s);
  const auto alerts = world.evaluate(group);
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0].labels.get("policy"), "fast");
  EXPECT_EQ(alerts[0].labels.get("severity"), "page");
  EXPECT_EQ(alerts[0].state, model::AlertState::kPending);
  EXPECT_NEAR(parse_double(alerts[0].evidence.value).value_or(0), 2.1, 0.01);
  SloWorld below;
  load_requests(below, 0.0019, 1h, 0s);
  EXPECT_TRUE(below.evaluate(group).empty());
}

}  // namespace
}  // namespace holdfast::detect::slo
