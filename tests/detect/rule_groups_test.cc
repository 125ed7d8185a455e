// Groups at work: offsets, what rules share, what runs side by side, what comes back from the store, what is measured.
#include <gmock/gmock.h>

#include "detect/rules/rule_metrics.h"
#include "rule_world.h"

namespace holdfast::detect {
namespace {

model::Labels errors(const std::string& service) {
  return {{"__name__", "errors"}, {"service", service}};
}

PreparedGroup prepared(const std::string& rules) {
  auto groups = RuleWorld::read("groups: [{ name: g, rules: [" + rules + "] }]");
  return prepare_group(groups.at(0));
}

std::vector<int> levels(const std::string& rules) {
  std::vector<int> all;
  for (const auto& rule : prepared(rules).rules) all.push_back(rule.level);
  return all;
}

TEST(RuleLevels, AreWhatMayRunSideBySide) {
  struct Case {
    std::string rules;
    std::vector<int> levels;
  };
  for (const auto& c : std::vector<Case>{
           {"{ record: a, expr: x }, { record: b, expr: y }", {0, 0}},
           {"{ record: a, expr: x }, { record: b, expr: a }, { record: c, expr: b }", {0, 1, 2}},
           {"{ record: b, expr: a }, { record: a, expr: x }", {0, 1}},  // b reads what a was before
           {"{ record: a, expr: x }, { record: a, expr: y, labels: { l: v } }", {0, 1}},
           {"{ record: a, expr: x }, { record: b, expr: 'count({l=\"v\"})' }, { record: c, expr: y "
            "}",
            {0, 1, 2}},
           {"{ alert: A, expr: x }, { alert: B, expr: y }, { record: c, expr: 'count(ALERTS)' }",
            {0, 0, 1}},
           {"{ record: a, expr: x }, { alert: A, expr: 'a > 1' }, { alert: B, expr: 'a > 2' }",
            {0, 1, 1}}}) {
    EXPECT_EQ(levels(c.rules), c.levels) << c.rules;
  }
}

TEST(SharedComparisons, AreThoseThatDifferInTheLimitAlone) {
  const auto group = prepared(
      "{ alert: A, expr: 'rate(x[5m]) > 1' }, { alert: B, expr: '(rate( x[5m] ) > 2)' }, { alert: "
      "C, expr: 'rate(x[5m]) > bool 3' },"
      "{ alert: D, expr: 'y > 1' }, { alert: E, expr: 'ALERTS == 1' }, { alert: F, expr: 'ALERTS "
      "== 1' }");
  std::vector<bool> shared;
  for (const auto& rule : group.rules) shared.push_back(rule.shared.has_value());
  EXPECT_EQ(shared, (std::vector<bool>{true, true, false, false, false, false}));
}

TEST(SharedComparisons, AnswerAsIfEachWereAskedAlone) {
  for (const auto* op : {">", ">=", "<", "<=", "==", "!="}) {
    RuleWorld world;
    const std::string rule = std::string("errors{service!=\"\"} ") + op;
    world.start("groups: [{ name: g, interval: 1s, rules: [{ alert: A, expr: '" + rule +
                " 3' }, { alert: B, expr: '" + rule + " 5' }, { alert: C, expr: '" + rule +
                " 3 or vector(1) < 0' }] }]");
    world.put(errors("a"), 3);
    world.put(errors("b"), 5);
    world.executor.run_for(1s);
    for (const auto* services : {"a", "b"}) {
      const auto count = [&](const std::string& name) {
        return world.value("count(ALERTS{alertname=\"" + name + "\",service=\"" + services +
                           "\"})");
      };
      EXPECT_EQ(count("A"), count("C")) << op << services;
    }
  }
}

TEST(SharedComparisons, SeeWhatARuleBetweenThemRecorded) {
  RuleWorld world;
  world.start(
      "groups: [{ name: g, interval: 1s, rules: [{ alert: A, expr: 'made > 1' }, { record: made, "
      "expr: 'errors' }, { alert: B, expr: 'made > 2' }] }]");
  world.put(errors("a"), 9);
  world.executor.run_for(1s);
  EXPECT_EQ(world.story(), "B:firing");
}

TEST(RuleGroups, ASlowGroupsRulesRunSideBySideWithTheSameResult) {
  RuleWorld world;
  ManagerOptions options;
  options.spread_from = Duration::zero();
  std::string rules;
  for (int i = 0; i < 20; ++i) {
    rules += "{ record: one" + std::to_string(i) + ", expr: 'errors * " + std::to_string(i) +
             "' }, { record: two" + std::to_string(i) + ", expr: 'one" + std::to_string(i) +
             " + 1' },";
  }
  world.start("groups: [{ name: g, interval: 1s, rules: [" + rules +
                  "{ alert: A, expr: 'two19 > 100' }] }]",
              options);
  world.put(errors("a"), 10);
  world.executor.run_for(3s);
  EXPECT_EQ(world.value("two7"), 71);
  EXPECT_EQ(world.story(), "A:firing");
  EXPECT_EQ(world.manager->status().at(0).rules.at(40).health, "ok");
}

TEST(RuleGroups, LookBackByTheirOwnOffsetOrTheManagers) {
  for (const auto& [own, shift] : std::vector<std::pair<std::string, std::int64_t>>{
           {"", 10'000}, {"query_offset: 0s, ", 0}, {"query_offset: 3s, ", 3'000}}) {
    RuleWorld world;
    ManagerOptions options;
    options.query_offset = 10s;
    world.start(
        "groups: [{ name: g, " + own + "interval: 1s, rules: [{ record: at, expr: 'time()' }] }]",
        options);
    world.executor.run_for(30s);
    const auto last = to_ms(world.manager->status().at(0).last_evaluation);
    metrics::SelectRequest request;
    request.matchers.push_back(model::Matcher::equal("__name__", "at"));
    const auto found = world.store->select(request);
    ASSERT_TRUE(found.has_value());
    ASSERT_EQ(found->size(), 1U);
    EXPECT_EQ(found->at(0).times.back(), last - shift) << own;
    EXPECT_EQ(found->at(0).values.back(), static_cast<double>(last - shift) / 1000) << own;
  }
}

// A store of somebody's Prometheus: ALERTS_FOR_STATE is all that is known of the time before.
struct RestoreStory {
  RuleWorld world;
  model::Labels state{{"__name__", "ALERTS_FOR_STATE"}, {"alertname", "A"}, {"service", "shop"}};

  // Pending since `pending` before it went down, and down for `down`.
  std::optional<Duration> active_for(Duration pending, Duration down, const std::string& hold,
                                     double end = 0) {
    world.executor.run_for(10h);
    const auto since = static_cast<double>(to_ms(world.clock.now()) / 1000);
    world.executor.run_for(pending);
    world.put(state, since);
    if (end != 0) {
      world.executor.run_for(1s);
      world.put(state, model::stale_marker());
    }
    world.executor.run_for(down);
    world.start("groups: [{ name: g, interval: 1s, rules: [{ alert: A, expr: errors > 0, for: " +
                hold + " }] }]");
    world.put(errors("shop"), 1);
    world.executor.run_for(1s);
    const auto alerts = world.manager->alerts();
    if (alerts.empty()) return std::nullopt;
    return std::chrono::duration_cast<Duration>(world.clock.now() - alerts[0].active_at);
  }
};

TEST(RestoredFromTheStore, AnAlertBeganWhenAlertsForStateSays) {
  struct Case {
    Duration pending, down;
    const char* hold;
    double end;
    Duration least, most;
  };
  for (const auto& c :
       std::vector<Case>{{40min, 5min, "30m", 0, 45min, 46min},  // fired before: goes on
                         {10min, 5min, "1h", 0, 9min, 11min},    // the time away does not count
                         {25min, 5min, "30m", 0, 19min,
                          21min},  // would fire in less than the grace period: that period first
                         {40min, 2h, "30m", 0, 0min, 1min},   // away for longer than is tolerated
                         {40min, 5min, "5m", 0, 0min, 1min},  // a short `for` is not restored
                         {40min, 5min, "30m", 1, 0min, 1min}}) {  // it had ended
    RestoreStory story;
    const auto active = story.active_for(c.pending, c.down, c.hold, c.end);
    ASSERT_TRUE(active.has_value());
    EXPECT_GE(*active, c.least) << c.hold << " " << to_seconds(c.pending);
    EXPECT_LE(*active, c.most) << c.hold << " " << to_seconds(c.pending);
  }
}

TEST(RuleMetrics, CountEvaluationsFailuresAndSamplesUnderBothNames) {
  RuleWorld world;
  world.start(
      "groups: [{ name: g, interval: 1s, rules: [{ record: a, expr: errors }, { record: b, expr: "
      "'errors + on() errors' }] }]");
  world.put(errors("a"), 1);
  world.put(errors("b"), 1);
  world.executor.run_for(3s);
  std::map<std::string, double> values;
  RuleMetricSink sink{[](const auto&, const auto&, const auto&) {},
                      [&](const std::string& name, const auto& labels, double value) {
                        EXPECT_EQ(labels.at(0).second, "rules.yml;g");
                        values[name] = value;
                      }};
  write_rule_metrics(world.manager->status(), sink);
  for (const std::string prefix : {"prometheus_", "holdfast_"}) {
    EXPECT_EQ(values[prefix + "rule_evaluations_total"], 6) << prefix;
    EXPECT_EQ(values[prefix + "rule_evaluation_failures_total"], 3) << prefix;
    EXPECT_EQ(values[prefix + "rule_group_last_evaluation_samples"], 2) << prefix;
    EXPECT_EQ(values[prefix + "rule_group_iterations_total"], 3) << prefix;
    EXPECT_EQ(values[prefix + "rule_group_iterations_missed_total"], 0) << prefix;
  }
}

}  // namespace
}  // namespace holdfast::detect
