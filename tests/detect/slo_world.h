// Synthetic series in a store without a disk, and objectives read from texts.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/sim.h"
#include "detect/rules/evaluate.h"
#include "detect/rules/memory_store.h"
#include "detect/slo/budget.h"
#include "detect/slo/burn_rules.h"
#include "detect/slo/indicator.h"
#include "detect/slo/short_form.h"
#include "query/promql/engine.h"

namespace holdfast::detect::slo {

inline constexpr WallTime kNow{std::chrono::milliseconds(1'790'000'000'000 / 60'000 * 60'000)};

inline Slo read_slo(const std::string& yaml) {
  std::vector<Finding> findings;
  const auto root = parse_yaml("slo.yml", yaml, findings);
  const YamlContext context{"slo.yml", &findings, {}};
  auto slo = root ? read_short_form(context, *root) : std::nullopt;
  EXPECT_TRUE(slo.has_value()) << (findings.empty() ? "" : findings[0].text());
  return slo.value_or(Slo{});
}

struct SloWorld {
  SimClock clock;
  MemoryStore store;
  query::promql::Engine engine{store, clock};

  void put(const model::Labels& labels, WallTime at, double value) {
    const metrics::SampleIn in{metrics::SeriesRef::kNone, &labels, {to_ms(at), value, nullptr}};
    auto done = store.append({&in, 1});
    ASSERT_TRUE(done.has_value()) << done.error().message();
  }
  // A counter from `from` to `until`; `rate` is what it grows by between two samples at a time.
  void count(const model::Labels& labels, WallTime from, WallTime until, Duration step,
             const std::function<double(WallTime)>& rate) {
    const auto width = std::chrono::duration_cast<std::chrono::milliseconds>(step);
    double value = 0;
    for (auto at = from; at <= until; at += width) {
      if (at != from) value += rate(at);
      put(labels, at, value);
    }
  }
  void level(const model::Labels& labels, WallTime from, WallTime until, Duration step,
             const std::function<double(WallTime)>& value) {
    const auto width = std::chrono::duration_cast<std::chrono::milliseconds>(step);
    for (auto at = from; at <= until; at += width) put(labels, at, value(at));
  }

  std::optional<double> value(const std::string& query, WallTime at = kNow) {
    auto result = engine.instant(query, to_ms(at));
    EXPECT_TRUE(result.has_value()) << query << ": " << (result ? "" : result.error().message());
    if (!result) return std::nullopt;
    const auto& series = std::get<query::promql::Vector>(result->value).series;
    if (series.empty()) return std::nullopt;
    EXPECT_EQ(series.size(), 1U) << query;
    return series[0].points[0].value;
  }

  // Records what the shortest windows were, every minute of the past, as if the rules had run.
  void backfill(const RuleGroup& group, WallTime from, WallTime until) {
    for (const auto& rule : group.rules) {
      const auto* recording = std::get_if<RecordingRule>(&rule);
      if (recording == nullptr || !recording->record.ends_with(":increase5m")) continue;
      const auto labels = recording->labels.with(model::kMetricName, recording->record);
      query::promql::QueryOptions options;
      options.point_count_max = 100'000;
      auto result =
          engine.range(*recording->expr, to_ms(from), to_ms(until) - 60'000, 60'000, options);
      ASSERT_TRUE(result.has_value()) << result.error().message();
      for (const auto& series : std::get<query::promql::Matrix>(result->value).series)
        for (const auto& point : series.points) put(labels, from_ms(point.t), point.value);
    }
  }

  // One evaluation of the group; the alerts that began, as "severity value".
  std::vector<model::Alert> evaluate(const RuleGroup& group, WallTime at = kNow) {
    const auto prepared = prepare_group(group);
    std::vector<RuleMemory> memory(prepared.rules.size(), empty_memory());
    const model::Labels none;
    const std::string url;
    std::vector<model::Alert> alerts;
    for (auto& outcome : evaluate_group(prepared, memory, at, {store, clock, none, url, {}})) {
      EXPECT_EQ(outcome.error, "");
      alerts.insert(alerts.end(), outcome.changed.begin(), outcome.changed.end());
    }
    return alerts;
  }
  std::string severities(const RuleGroup& group, WallTime at = kNow) {
    std::string text;
    for (const auto& alert : evaluate(group, at)) {
      text += (text.empty() ? "" : " ") + std::string(alert.labels.get("severity"));
    }
    return text;
  }
};

inline model::Labels series_of(const std::string& name, std::vector<model::Label> labels = {}) {
  labels.push_back({std::string(model::kMetricName), name});
  return model::Labels(std::move(labels));
}

}  // namespace holdfast::detect::slo
