// Reading samples: instant selectors by lookback, range selectors and subqueries as windows.
//
// Ranges and the lookback are open on the left since Prometheus 3: (t - range, t]. A sample that is
// exactly `range` old belongs to the window before.
#include <algorithm>
#include <cmath>

#include "query/promql/evaluator.h"
#include "query/promql/extended.h"

namespace holdfast::query::promql {
namespace {

// Beyond it lies no time that could be stored; keeps sums of offsets and ranges within 64 bits.
constexpr std::int64_t kFarthest = model::kTimestampMax / 2;
constexpr std::int64_t kSubqueryStepDefault = 60'000;

std::int64_t bounded(std::int64_t ms) { return std::clamp(ms, -kFarthest, kFarthest); }

bool is_histogram(const metrics::Column& column, std::size_t i) {
  return !column.histograms.empty() && column.histograms[i] != nullptr;
}

bool is_stale_at(const metrics::Column& column, std::size_t i) {
  if (is_histogram(column, i)) return model::is_stale(column.histograms[i]->sum);
  return model::is_stale(column.values[i]);
}

// The hint a reader of every sample would find: a reset exactly where counts fell.
void find_reset_hints(metrics::Column& column) {
  const Histogram* previous = nullptr;
  for (auto& h : column.histograms) {
    if (h == nullptr) continue;
    if (h->counter_reset == CounterReset::kUnknown && previous != nullptr) {
      Histogram hinted = *h;
      hinted.counter_reset =
          detect_reset(*h, *previous) ? CounterReset::kReset : CounterReset::kNotReset;
      h = std::make_shared<const Histogram>(std::move(hinted));
    }
    previous = h.get();
  }
}

SampleSeries split_samples(const metrics::Column& column) {
  SampleSeries series;
  series.labels = *column.labels;
  series.floats.reserve(column.histograms.empty() ? column.times.size() : 0);
  for (std::size_t i = 0; i < column.times.size(); ++i) {
    if (is_stale_at(column, i)) continue;
    if (is_histogram(column, i)) {
      series.histograms.push_back({column.times[i], column.histograms[i]});
    } else {
      series.floats.push_back({column.times[i], column.values[i]});
    }
  }
  return series;
}

// What a subquery returned as hints holds for the samples it read, not for those it picked: some
// may be missing between them, some doubled.
HistogramPtr without_hint(const HistogramPtr& h) {
  if (h->counter_reset != CounterReset::kReset && h->counter_reset != CounterReset::kNotReset)
    return h;
  Histogram copy = *h;
  copy.counter_reset = CounterReset::kUnknown;
  return std::make_shared<const Histogram>(std::move(copy));
}

}  // namespace

std::int64_t Evaluator::offset_of(const TimeShift& shift, Result<void>& status) const {
  if (!shift.has_offset) return 0;
  const auto& steps = input_.steps;
  auto offset =
      eval_duration(shift.offset, input_.is_range ? steps.step : 0, steps.last() - steps.start);
  if (!offset) {
    status = std::move(offset).error();
    return 0;
  }
  return bounded(*offset);
}

Timestamp Evaluator::anchor(const TimeShift& shift, Timestamp t) const {
  if (shift.anchor == TimeShift::Anchor::kStart) return input_.steps.start;
  if (shift.anchor == TimeShift::Anchor::kEnd) return input_.steps.last();
  return bounded(shift.at.value_or(t));
}

Result<std::vector<metrics::Column>> Evaluator::fetch(const std::vector<model::Matcher>& matchers,
                                                      Timestamp after, Timestamp to) {
  metrics::SelectRequest request;
  request.matchers = matchers;
  request.from = after + 1;
  request.to = to;
  request.sample_count_max = input_.options.sample_count_max;
  request.stop = input_.options.stop;
  auto columns = HF_TRY(input_.reader.select(request));
  std::size_t samples = 0;
  for (const auto& column : columns) samples += column.times.size();
  stats_.samples_read += samples;
  HF_TRY(hold(samples));
  HF_TRY(check());
  if (stats_hints_) {
    for (auto& column : columns) find_reset_hints(column);
  }
  return columns;
}

Result<Value> Evaluator::eval_selector(const Expr& expr, const Steps& steps, bool sample_times) {
  const auto& selector = std::get<VectorSelector>(expr.node);
  Result<void> status;
  const auto offset = offset_of(selector.shift, status);
  HF_TRY(std::move(status));
  const auto lookback = to_ms(input_.options.lookback);
  const auto first = anchor(selector.shift, steps.start) - offset;
  const auto last = anchor(selector.shift, steps.last()) - offset;
  const bool smoothed = selector.mode == RangeMode::kSmoothed;
  auto columns =
      HF_TRY(fetch(selector.matchers, first - lookback, smoothed ? last + lookback : last));
  Value result;
  result.series.reserve(columns.size());
  for (const auto& column : columns) {
    HF_TRY(check());
    StepSeries series(*column.labels, steps.count);
    std::size_t next = 0;  // the first sample after the step's time
    for (std::size_t i = 0; i < steps.count; ++i) {
      const auto t = anchor(selector.shift, steps.time(i)) - offset;
      while (next < column.times.size() && column.times[next] <= t) ++next;
      if (smoothed) {
        if (auto cell = smoothed_cell(column, next, t, lookback)) series.set(i, std::move(*cell));
        continue;
      }
      if (next == 0 || column.times[next - 1] <= t - lookback || is_stale_at(column, next - 1))
        continue;
      if (sample_times) {
        series.set_float(i, static_cast<double>(column.times[next - 1]) / 1000);
      } else if (is_histogram(column, next - 1)) {
        series.set(i, {Kind::kHistogram, 0, column.histograms[next - 1]});
      } else {
        series.set_float(i, column.values[next - 1]);
      }
    }
    if (smoothed) note_smoothed_mix(*this, column, selector, expr.position);
    if (series.any()) result.series.push_back(std::move(series));
  }
  return result;
}

Result<RangeVector> Evaluator::eval_matrix(const Expr& expr, const Steps& steps) {
  const auto& inner = without_parens(expr);
  if (const auto* matrix = std::get_if<MatrixSelector>(&inner.node))
    return eval_matrix_selector(*matrix, steps);
  if (const auto* subquery = std::get_if<Subquery>(&inner.node))
    return eval_subquery(*subquery, steps);
  return invalid("expected a range vector");
}

Result<RangeVector> Evaluator::eval_matrix_selector(const MatrixSelector& matrix,
                                                    const Steps& steps) {
  const auto& selector = std::get<VectorSelector>(without_parens(*matrix.selector).node);
  Result<void> status;
  const auto offset = offset_of(selector.shift, status);
  HF_TRY(std::move(status));
  const auto query_step = input_.is_range ? input_.steps.step : 0;
  RangeVector result;
  result.range = bounded(
      HF_TRY(eval_duration(matrix.range, query_step, input_.steps.last() - input_.steps.start)));
  result.mode = matrix.mode;
  const auto lookback = to_ms(input_.options.lookback);
  if (matrix.mode != RangeMode::kPlain) result.reach_back = lookback;
  if (matrix.mode == RangeMode::kSmoothed) result.reach_ahead = lookback;
  result.ends.reserve(steps.count);
  for (std::size_t i = 0; i < steps.count; ++i)
    result.ends.push_back(anchor(selector.shift, steps.time(i)) - offset);
  auto columns =
      HF_TRY(fetch(selector.matchers, result.ends.front() - result.range - result.reach_back,
                   result.ends.back() + result.reach_ahead));
  result.series.reserve(columns.size());
  for (const auto& column : columns) {
    auto series = split_samples(column);
    if (!series.floats.empty() || !series.histograms.empty())
      result.series.push_back(std::move(series));
  }
  return result;
}

Result<RangeVector> Evaluator::eval_subquery(const Subquery& subquery, const Steps& steps) {
  Result<void> status;
  const auto offset = offset_of(subquery.shift, status);
  HF_TRY(std::move(status));
  const auto query_step = input_.is_range ? input_.steps.step : 0;
  const auto query_range = input_.steps.last() - input_.steps.start;
  RangeVector result;
  result.range = bounded(HF_TRY(eval_duration(subquery.range, query_step, query_range)));
  std::int64_t interval = kSubqueryStepDefault;
  if (subquery.step)
    interval = bounded(HF_TRY(eval_duration(*subquery.step, query_step, query_range)));
  if (interval <= 0) interval = kSubqueryStepDefault;
  for (std::size_t i = 0; i < steps.count; ++i) {
    result.ends.push_back(anchor(subquery.shift, steps.time(i)) - offset);
  }
  // Steps of a subquery lie on multiples of its interval, whatever the outer query's times are.
  const auto after = result.ends.front() - result.range;
  auto start = after / interval * interval;
  while (start <= after) start += interval;
  if (start > result.ends.back()) return result;
  const Steps inner{start, interval,
                    static_cast<std::size_t>((result.ends.back() - start) / interval) + 1};
  auto value = HF_TRY(eval(*subquery.expr, inner));
  for (auto& s : value.series) {
    HF_TRY(check());
    SampleSeries series;
    series.labels = std::move(s.labels);
    series.drop_name = s.drop_name;
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (s.kinds[i] == Kind::kFloat) series.floats.push_back({inner.time(i), s.values[i]});
      if (s.kinds[i] == Kind::kHistogram)
        series.histograms.push_back({inner.time(i), without_hint(s.histograms[i])});
    }
    result.series.push_back(std::move(series));
  }
  return result;
}

}  // namespace holdfast::query::promql
