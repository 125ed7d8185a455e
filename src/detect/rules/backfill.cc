#include "detect/rules/backfill.h"

#include <algorithm>
#include <map>

namespace holdfast::detect {
namespace {

using metrics::Column;
using model::Labels;

// Below the 11,000 points a series that a range query may answer.
constexpr std::int64_t kStepsPerQuery = 10'000;

class Backfill {
 public:
  Backfill(const BackfillOptions& options, const RangeQuery& query, const ColumnSink& write)
      : options_(options), query_(query), write_(write) {}

  Result<void> run(const RuleGroup& group) {
    const auto step = std::max<std::int64_t>(
        1, to_ms(options_.interval > Duration::zero() ? options_.interval : group.interval));
    for (const auto& rule : group.rules) {
      const auto* recording = std::get_if<RecordingRule>(&rule);
      if (recording == nullptr) {
        ++report_.alert_count;
        continue;
      }
      HF_TRY(run(group, *recording, step)
                 .context(recording->place.text() + ": rule " + recording->record));
      ++report_.rule_count;
    }
    return {};
  }

  BackfillReport report() const { return report_; }

 private:
  Result<void> run(const RuleGroup& group, const RecordingRule& rule, std::int64_t step) {
    std::map<Labels, Column> columns;
    const auto first = options_.from + (step - options_.from % step) % step;
    for (auto at = first; at <= options_.to; at += kStepsPerQuery * step) {
      const auto until = std::min(options_.to, at + (kStepsPerQuery - 1) * step);
      auto matrix = HF_TRY(query_(rule.query, at, until, step));
      for (auto& series : matrix.series) HF_TRY(add(group, rule, series, columns));
    }
    std::vector<Column> all;
    for (auto& [labels, column] : columns) {
      report_.sample_count += column.times.size();
      all.push_back(std::move(column));
    }
    report_.series_count += all.size();
    if (all.empty()) return {};
    return write_(all);
  }

  static Result<void> add(const RuleGroup& group, const RecordingRule& rule,
                          query::promql::Series& series, std::map<Labels, Column>& columns) {
    auto all = series.labels.with(model::kMetricName, rule.record).all();
    const auto put = [&all](const Labels& labels, const std::vector<std::string>& removed) {
      for (const auto& name : removed) all.push_back({name, ""});
      all.insert(all.end(), labels.begin(), labels.end());
    };
    put(group.labels, group.removed_labels);
    put(rule.labels, rule.removed_labels);
    Labels labels(std::move(all));
    auto& column = columns[labels];
    if (column.labels == nullptr) column.labels = std::make_shared<const Labels>(std::move(labels));
    for (auto& point : series.points) {
      if (!column.times.empty() && point.t <= column.times.back()) {
        return invalid("vector contains metrics with the same labelset after applying rule labels");
      }
      column.times.push_back(point.t);
      column.values.push_back(point.value);
      if (point.histogram != nullptr) column.histograms.resize(column.times.size() - 1);
      if (point.histogram != nullptr || !column.histograms.empty())
        column.histograms.push_back(point.histogram);
    }
    return {};
  }

  const BackfillOptions& options_;
  const RangeQuery& query_;
  const ColumnSink& write_;
  BackfillReport report_;
};

}  // namespace

Result<BackfillReport> backfill(const std::vector<RuleGroup>& groups,
                                const BackfillOptions& options, const RangeQuery& query,
                                const ColumnSink& write) {
  if (options.to < options.from)
    return invalid("the end of a backfill must not be before its start");
  Backfill run(options, query, write);
  for (const auto& group : groups) HF_TRY(run.run(group));
  return run.report();
}

}  // namespace holdfast::detect
