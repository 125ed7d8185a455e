// Rules at work: when they run, what they append, what they tell.
#include "detect/rules/manager.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <set>

#include "rule_world.h"

namespace holdfast::detect {
namespace {

model::Labels errors(const std::string& service) { return {{"__name__", "errors"}, {"service", service}}; }

TEST(RuleManager, AnAlertWithoutForFiresAtTheFirstEvaluationAndResolves) {
  RuleWorld world;
  world.start(R"(
groups:
- name: g
  interval: 1s
  labels: { team: platform }
  rules:
  - alert: Errors
    expr: errors > 0.05
    labels:
      severity: critical
      where: '{{ $labels.service }}-{{ $externalLabels.region }}'
    annotations:
      summary: '{{ $labels.service }} at {{ $value | humanizePercentage }} of {{ with query "errors" }}{{ . | first | value }}{{ end }}'
)", {{{"region", "eu"}}, "https://h"});
  world.put(errors("shop"), 0.5);
  world.executor.run_for(1s);
  ASSERT_EQ(world.story(), "Errors:firing");
  const auto& alert = world.told[0];
  EXPECT_EQ(alert.labels, (model::Labels{{"alertname", "Errors"}, {"service", "shop"}, {"severity", "critical"}, {"team", "platform"}, {"where", "shop-eu"}}));
  EXPECT_EQ(alert.annotations.get("summary"), "shop at 50% of 0.5");
  EXPECT_EQ(alert.value, 0.5);
  EXPECT_EQ(alert.evidence.query, "errors > 0.05");
  EXPECT_EQ(alert.evidence.value, "0.5");
  EXPECT_EQ(alert.evidence.threshold, "<= 0.05");
  EXPECT_EQ(alert.evidence.source, "rules.yml:7");
  EXPECT_EQ(alert.active_at, alert.fired_at);
  EXPECT_EQ(world.value("ALERTS{alertstate=\"firing\",alertname=\"Errors\",service=\"shop\"}"), 1);
  EXPECT_EQ(world.value("ALERTS_FOR_STATE"), static_cast<double>(to_ms(alert.active_at) / 1000));
  world.put(errors("shop"), 0.01);
  world.executor.run_for(1s);
  EXPECT_EQ(world.story(), "Errors:firing Errors:resolved");
  EXPECT_EQ(world.value("ALERTS"), std::nullopt);
  EXPECT_EQ(world.value("ALERTS_FOR_STATE"), std::nullopt);
}

TEST(RuleManager, PendingBecomesFiringAndItsSeriesFollows) {
  RuleWorld world;
  world.start("groups: [{name: g, interval: 1s, rules: [{alert: A, expr: errors > 0, for: 3s, keep_firing_for: 4s}]}]");
  world.keep(errors("shop"), 1, 2s);
  EXPECT_EQ(world.value("ALERTS"), 1);
  EXPECT_EQ(world.value("ALERTS{alertstate=\"pending\"}"), 1);
  world.keep(errors("shop"), 1, 3s);
  EXPECT_EQ(world.story(), "A:pending A:firing");
  EXPECT_EQ(world.value("ALERTS{alertstate=\"pending\"}"), std::nullopt) << "the series of the state before must be ended";
  EXPECT_EQ(world.value("ALERTS{alertstate=\"firing\"}"), 1);
  world.keep(errors("shop"), 0, 4s);
  EXPECT_EQ(world.story(), "A:pending A:firing");
  world.keep(errors("shop"), 0, 2s);
  EXPECT_EQ(world.story(), "A:pending A:firing A:resolved");
}

TEST(RuleManager, AResolvedAlertIsShownForFifteenMinutesThenForgotten) {
  RuleWorld world;
  world.start("groups: [{name: g, interval: 10s, rules: [{alert: A, expr: errors > 0}]}]");
  world.put(errors("shop"), 1);
  world.executor.run_for(10s);
  world.put(errors("shop"), 0);
  world.executor.run_for(10s);
  ASSERT_EQ(world.story(), "A:firing A:resolved");
  world.executor.run_for(14min);
  EXPECT_EQ(world.manager->alerts().size(), 1U);
  EXPECT_EQ(world.documents().size(), 1U);
  world.executor.run_for(2min);
  EXPECT_TRUE(world.manager->alerts().empty());
  EXPECT_TRUE(world.documents().empty());
  EXPECT_EQ(world.story(), "A:firing A:resolved");
}

TEST(RuleManager, RulesOfAGroupSeeWhatEarlierOnesAppended) {
  RuleWorld world;
  world.start(R"(
groups:
- name: g
  interval: 1s
  rules:
  - { record: one, expr: 'errors * 2', labels: { from: rule } }
  - { record: two, expr: 'sum(one) + 1' }
  - { alert: A, expr: 'two == 7' }
)");
  world.put(errors("shop"), 3);
  world.executor.run_for(1s);
  EXPECT_EQ(world.value("one{from=\"rule\",service=\"shop\"}"), 6);
  EXPECT_EQ(world.value("two"), 7);
  EXPECT_EQ(world.story(), "A:firing");
}

TEST(RuleManager, ARecordedSeriesThatVanishesIsEnded) {
  RuleWorld world;
  world.start("groups: [{name: g, interval: 1s, rules: [{record: high, expr: errors > 5}]}]");
  world.put(errors("a"), 9);
  world.put(errors("b"), 9);
  world.executor.run_for(1s);
  EXPECT_EQ(world.value("count(high)"), 2);
  world.put(errors("a"), 1);
  world.executor.run_for(1s);
  EXPECT_EQ(world.value("count(high)"), 1);
  EXPECT_EQ(world.value("high{service=\"b\"}"), 9);
}

TEST(RuleManager, ScalarsAreVectorsOfOne) {
  RuleWorld world;
  world.start("groups: [{name: g, interval: 1s, rules: [{record: seven, expr: 7}, {alert: Always, expr: 1}]}]");
  world.executor.run_for(1s);
  EXPECT_EQ(world.value("seven"), 7);
  EXPECT_EQ(world.story(), "Always:firing");
}

TEST(RuleManager, ErrorsAreShownAndChangeNothing) {
  RuleWorld world;
  world.start(R"(
groups:
- name: limited
  interval: 1s
  limit: 1
  rules:
  - { record: r, expr: errors }
  - { alert: A, expr: errors > 5 }
- name: doubled
  interval: 1s
  rules:
  - { record: d, expr: errors, labels: { service: '' } }
  - { alert: B, expr: errors, labels: { service: same } }
  - { record: m, expr: 'errors * on () errors' }
  - { record: t, expr: '"text"' }
  - { record: fine, expr: vector(1) }
)");
  world.put(errors("a"), 9);
  world.put(errors("b"), 9);
  world.executor.run_for(1s);
  const auto status = world.manager->status();
  ASSERT_EQ(status.size(), 2U);
  EXPECT_EQ(status[0].rules[0].health, "err");
  EXPECT_EQ(status[0].rules[0].last_error, "exceeded limit of 1 with 2 series");
  EXPECT_EQ(status[0].rules[1].last_error, "exceeded limit of 1 with 2 alerts");
  EXPECT_EQ(status[1].rules[0].last_error, "vector contains metrics with the same labelset after applying rule labels");
  EXPECT_EQ(status[1].rules[1].last_error, "vector contains metrics with the same labelset after applying alert labels");
  EXPECT_EQ(status[1].rules[2].health, "err");
  EXPECT_EQ(status[1].rules[3].last_error, "rule result is not a vector or scalar");
  EXPECT_EQ(status[1].rules[4].health, "ok");
  EXPECT_EQ(world.story(), "");
  EXPECT_EQ(world.value("count(r)"), std::nullopt);
  // Over the limit, a firing alert stays as it was.
  world.put(errors("b"), 1);
  world.executor.run_for(1s);
  EXPECT_EQ(world.story(), "A:firing");
  world.put(errors("b"), 9);
  world.executor.run_for(1s);
  EXPECT_EQ(world.manager->alerts().size(), 1U);
  EXPECT_EQ(world.story(), "A:firing");
}

TEST(RuleManager, SeveralChangesOfOneEvaluationAreOneCommit) {
  RuleWorld world;
  world.start("groups: [{name: g, interval: 1s, rules: [{alert: A, expr: errors > 0}, {alert: B, expr: errors > 0}]}]");
  for (const auto* service : {"a", "b", "c"}) world.put(errors(service), 1);
  const auto before = world.journal->stats().commits;
  world.executor.run_for(1s);
  EXPECT_EQ(world.told.size(), 6U);
  EXPECT_EQ(world.journal->stats().commits - before, 1U);
  EXPECT_EQ(world.documents().size(), 6U);
}

TEST(RuleManager, AnAlertOfTwoRulesEndsWithTheLater) {
  RuleWorld world;
  world.start(R"(
groups:
- { name: low, interval: 1s, rules: [{ alert: A, expr: errors > 1 }] }
- { name: high, interval: 1s, rules: [{ alert: A, expr: errors > 5 }] }
)");
  world.put(errors("a"), 9);
  world.executor.run_for(2s);
  EXPECT_EQ(world.manager->alerts().size(), 1U);
  world.put(errors("a"), 3);
  world.executor.run_for(2s);
  EXPECT_EQ(world.story().find("resolved"), std::string::npos);
  EXPECT_EQ(world.manager->alerts()[0].state, model::AlertState::kFiring);
  world.put(errors("a"), 0);
  world.executor.run_for(2s);
  EXPECT_EQ(world.told.back().state, model::AlertState::kResolved);
}

TEST(RuleManager, GroupsRunAtTheirOwnMomentsAndLookBackByTheirOffset) {
  RuleWorld world;
  std::string yaml = "groups:\n";
  for (int i = 0; i < 8; ++i) {
    yaml += "- {name: g" + std::to_string(i) + ", interval: 10s, query_offset: 2s, rules: [{record: at" + std::to_string(i) + ", expr: time()}]}\n";
  }
  world.start(yaml);
  world.executor.run_for(25s);
  std::set<std::int64_t> moments;
  for (const auto& group : world.manager->status()) {
    const auto at = to_ms(group.last_evaluation);
    moments.insert(at % 10'000);
    EXPECT_EQ(group.missed, 0U);
    EXPECT_EQ(world.value("at" + group.name.substr(1)), static_cast<double>(at - 2000) / 1e3);
  }
  EXPECT_GT(moments.size(), 4U) << "groups should be spread over the interval";
}

TEST(RuleManager, AClockThatJumpsIsFollowed) {
  RuleWorld world;
  world.start("groups: [{name: g, interval: 10s, rules: [{record: r, expr: 1}]}]");
  world.executor.run_for(20s);
  world.clock.step_wall(-1h);
  world.executor.run_for(20s);
  EXPECT_LE(world.clock.now() - world.manager->status()[0].last_evaluation, 10s);
  world.clock.step_wall(2h);
  world.executor.run_for(20s);
  EXPECT_LE(world.clock.now() - world.manager->status()[0].last_evaluation, 10s);
  EXPECT_GT(world.manager->status()[0].missed, 0U);
}

TEST(RuleManager, StatusTellsEverythingOfARule) {
  RuleWorld world;
  world.start("groups: [{name: g, interval: 1s, limit: 9, rules: [{alert: A, expr: errors > 0, for: 1m, keep_firing_for: 2m, labels: {a: b}, annotations: {c: d}}]}]");
  EXPECT_EQ(world.manager->status()[0].rules[0].health, "unknown");
  world.put(errors("x"), 1);
  world.executor.run_for(1s);
  const auto status = world.manager->status()[0];
  EXPECT_EQ(status.name, "g");
  EXPECT_EQ(status.file, "rules.yml");
  EXPECT_EQ(status.interval, 1s);
  EXPECT_EQ(status.limit, 9);
  const auto& rule = status.rules[0];
  EXPECT_EQ(rule.name, "A");
  EXPECT_EQ(rule.kind, "alerting");
  EXPECT_EQ(rule.query, "errors > 0");
  EXPECT_EQ(rule.health, "ok");
  EXPECT_EQ(rule.hold, 1min);
  EXPECT_EQ(rule.keep_firing_for, 2min);
  EXPECT_EQ(rule.labels.get("a"), "b");
  EXPECT_EQ(rule.annotations.get("c"), "d");
  ASSERT_EQ(rule.alerts.size(), 1U);
  EXPECT_EQ(rule.alerts[0].state, model::AlertState::kPending);
}

// With real threads, a manager may go at any moment of an evaluation.
TEST(RuleManager, ClosesInTheMidstOfEvaluations) {
  RuleWorld world;
  SystemClock clock;
  world.clock.step_wall(clock.now() - world.clock.now());  // the store judges by it what is too old
  for (int round = 0; round < 20; ++round) {
    ThreadExecutor executor(2);
    Env env{clock, world.random, world.files, world.network.host("threads"), executor};
    std::mutex mutex;
    std::condition_variable changed;
    int step = 0;
    std::unique_ptr<RuleManager> manager;
    executor.post(Lane::kControl, [&] {
      manager = std::make_unique<RuleManager>(env, *world.store, *world.journal, ManagerOptions{});
      ASSERT_TRUE(manager->start(world.read("groups: [{name: g, interval: 1ms, rules: [{record: r, expr: 'vector(time())'}]}]")).has_value());
      executor.post_after(Lane::kControl, std::chrono::milliseconds(round), [&] {
        manager.reset();
        const std::lock_guard lock(mutex);
        step = 1;
        changed.notify_all();
      });
    });
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, 30s, [&] { return step == 1; }));
    lock.unlock();
    executor.stop();
  }
}

}  // namespace
}  // namespace holdfast::detect
