// Which metrics nobody asks for, and what recording rules would have recorded.
#include "detect/rules/usage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sim.h"
#include "detect/rules/backfill.h"
#include "detect/rules/memory_store.h"

namespace holdfast::detect {
namespace {

using testing::ElementsAre;

std::vector<RuleGroup> groups(const std::string& yaml) {
  auto file = parse_rule_file("r.yml", yaml);
  EXPECT_TRUE(file.findings.empty()) << file.findings[0].text();
  return std::move(file.groups);
}

std::vector<std::string> unused(const std::vector<RuleGroup>& rules,
                                const std::vector<DashboardText>& dashboards) {
  std::vector<std::string> names;
  for (const auto& use : find_unused({{"asked", 1},
                                      {"dashed", 5},
                                      {"forgotten", 9},
                                      {"http_a", 2},
                                      {"http_b", 3},
                                      {"idle", 40}},
                                     rules, dashboards)
                             .unused) {
    names.push_back(use.name);
  }
  return names;
}

TEST(UnusedMetrics, AreThoseNoSelectorMeans) {
  const auto rules = groups(
      "groups: [{ name: g, rules: [{ alert: A, expr: 'rate(asked[5m]) > 0 or "
      "{__name__=~\"http_.*\", a=\"b\"}' }] }]");
  EXPECT_THAT(unused(rules, {}), ElementsAre("idle", "forgotten", "dashed")) << "most series first";
  const auto dashboard =
      R"j({"panels":[{"panels":[{"targets":[{"expr":"sum by ($by) (rate(dashed{job=~\"$job\"}[$__rate_interval])) > $limit"}]}]}],
    "templating":{"list":[{"query":"label_values(forgotten{a=\"b\"}, instance)"},{"query":{"query":"query_result(topk($n, idle))"}}]}})j";
  EXPECT_THAT(unused(rules, {{"d.json", dashboard}}), ElementsAre());
}

TEST(UnusedMetrics, AQueryThatCannotBeReadStillUsesTheNamesInIt) {
  const auto report =
      find_unused({{"dashed", 5}, {"idle", 1}}, {},
                  {{"d.json", R"({"targets":[{"expr":"dashed{ ] +"}]})"}, {"e.json", "nonsense"}});
  ASSERT_EQ(report.used.size(), 1U);
  EXPECT_EQ(report.used[0].name, "dashed");
  EXPECT_EQ(report.unused_series, 1U);
  EXPECT_THAT(report.unread, ElementsAre("d.json: dashed{ ] +", "e.json: this is no JSON"));
}

TEST(UnusedMetrics, ASelectorWithoutANameIsCountedApart) {
  const auto report = find_unused(
      {{"a", 1}},
      groups("groups: [{ name: g, rules: [{ record: r, expr: 'count({job=\"x\"})' }] }]"), {});
  EXPECT_EQ(report.nameless_count, 1U);
  EXPECT_EQ(report.unused.size(), 1U);
}

struct BackfillStory {
  SimClock clock;
  MemoryStore store;
  query::promql::Engine engine{store, clock};

  Result<BackfillReport> run(const std::string& rules, const BackfillOptions& options) {
    const auto ask = [this](const std::string& query, model::Timestamp from, model::Timestamp to,
                            std::int64_t step) -> Result<query::promql::Matrix> {
      auto result = HF_TRY(engine.range(query, from, to, step));
      return std::move(std::get<query::promql::Matrix>(result.value));
    };
    const auto write = [this](std::span<const metrics::Column> columns) -> Result<void> {
      for (const auto& column : columns) {
        for (std::size_t i = 0; i < column.times.size(); ++i) {
          const metrics::SampleIn in{metrics::SeriesRef::kNone,
                                     column.labels.get(),
                                     {column.times[i], column.values[i], nullptr}};
          HF_TRY(store.append({&in, 1}));
        }
      }
      return {};
    };
    return backfill(groups(rules), options, ask, write);
  }
};

TEST(Backfill, WritesWhatRulesWouldHaveRecordedEachOnTheOneBefore) {
  BackfillStory story;
  const model::Labels labels{{"__name__", "m"}, {"job", "x"}};
  for (std::int64_t t = 0; t <= 600'000; t += 15'000) {
    const metrics::SampleIn in{
        metrics::SeriesRef::kNone, &labels, {t, static_cast<double>(t) / 1000, nullptr}};
    ASSERT_TRUE(story.store.append({&in, 1}).has_value());
  }
  const auto report = story.run(R"(
groups:
- name: g
  interval: 30s
  labels: { from: group }
  rules:
  - { record: one, expr: 'm * 2', labels: { job: "" } }
  - { alert: A, expr: 'm > 0' }
  - { record: two, expr: 'one + 1', labels: { from: rule } }
)",
                                {10'000, 600'000, {}});
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->rule_count, 2U);
  EXPECT_EQ(report->alert_count, 1U);
  EXPECT_EQ(report->sample_count, 2 * 20U) << "30 s to 600 s";
  metrics::SelectRequest request;
  request.matchers.push_back(model::Matcher::equal("__name__", "two"));
  const auto found = story.store.select(request);
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(*(*found)[0].labels, (model::Labels{{"__name__", "two"}, {"from", "rule"}}));
  EXPECT_EQ((*found)[0].times.front(), 30'000);
  EXPECT_EQ((*found)[0].values.back(), 1201);
}

TEST(Backfill, SaysWhichRuleFailed) {
  BackfillStory story;
  const auto report = story.run(
      "groups: [{ name: g, rules: [{ record: bad, expr: 'label_replace(vector(1), \"a\", \"b\", "
      "\"c\", \"(\")' }] }]",
      {0, 60'000, {}});
  ASSERT_FALSE(report.has_value());
  EXPECT_THAT(report.error().message(), testing::HasSubstr("r.yml:1:29: rule bad: "));
  EXPECT_FALSE(story.run("groups: []", {2, 1, {}}).has_value());
}

}  // namespace
}  // namespace holdfast::detect
