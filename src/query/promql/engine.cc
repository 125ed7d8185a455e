#include "query/promql/engine.h"

#include <algorithm>

#include "query/promql/evaluator.h"
#include "query/promql/explain.h"
#include "query/promql/tracker.h"

namespace holdfast::query::promql {

struct Engine::Query {
  const Expr& expr;
  std::string_view text;
  Steps steps;
  bool is_range = false;
};

namespace {

Series points_of(StepSeries& s, const Steps& steps) {
  Series series;
  series.labels = std::move(s.labels);
  series.points.reserve(static_cast<std::size_t>(
      s.size() -
      static_cast<std::size_t>(std::count(s.kinds.begin(), s.kinds.end(), Kind::kNone))));
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s.kinds[i] == Kind::kFloat) {
      series.points.push_back({steps.time(i), s.values[i], nullptr});
    } else if (s.kinds[i] == Kind::kHistogram) {
      series.points.push_back({steps.time(i), 0, std::move(s.histograms[i])});
    }
  }
  return series;
}

void sort_by_labels(std::vector<Series>& series) {
  const auto before = [](const Series& a, const Series& b) { return a.labels < b.labels; };
  if (!std::is_sorted(series.begin(), series.end(), before))
    std::sort(series.begin(), series.end(), before);
}

// A range vector as the answer of an instant query: the samples as they were stored.
Result<Matrix> raw_samples(Evaluator& evaluator, const Expr& expr, const Steps& steps) {
  auto range = HF_TRY(evaluator.eval_matrix(expr, steps));
  Matrix matrix;
  const auto end = range.ends.front();
  const auto inside = [&](Timestamp t) { return t > end - range.range && t <= end; };
  for (auto& s : range.series) {
    Series series;
    series.labels = s.drop_name ? drop_reserved(s.labels) : std::move(s.labels);
    for (const auto& p : s.floats) {
      if (inside(p.t)) series.points.push_back({p.t, p.value, nullptr});
    }
    for (auto& p : s.histograms) {
      if (inside(p.t)) series.points.push_back({p.t, 0, std::move(p.value)});
    }
    std::sort(series.points.begin(), series.points.end(),
              [](const Sample& a, const Sample& b) { return a.t < b.t; });
    if (!series.points.empty()) matrix.series.push_back(std::move(series));
  }
  sort_by_labels(matrix.series);
  for (std::size_t i = 1; i < matrix.series.size(); ++i) {
    if (matrix.series[i].labels == matrix.series[i - 1].labels) {
      return invalid("vector cannot contain metrics with the same labelset");
    }
  }
  return matrix;
}

Matrix scalar_matrix(const std::vector<double>& scalars, const Steps& steps) {
  Series series;
  for (std::size_t i = 0; i < steps.count; ++i)
    series.points.push_back({steps.time(i), scalars[i], nullptr});
  Matrix matrix;
  matrix.series.push_back(std::move(series));
  return matrix;
}

using ResultValue = decltype(QueryResult::value);

Result<ResultValue> answer(Evaluator& evaluator, const Expr& expr, const Clock& clock,
                           Duration& sorting) {
  const auto& steps = evaluator.input().steps;
  if (expr.type == ValueType::kMatrix)
    return ResultValue(HF_TRY(raw_samples(evaluator, expr, steps)));
  auto value = HF_TRY(evaluator.eval(expr, steps));
  const bool is_range = evaluator.input().is_range;
  if (value.type == ValueType::kString)
    return ResultValue(String{steps.start, std::move(value.text)});
  if (value.type == ValueType::kScalar) {
    if (is_range) return ResultValue(scalar_matrix(value.scalars, steps));
    return ResultValue(Scalar{steps.start, value.scalars[0]});
  }
  const auto begin = clock.mono();
  drop_empty(value.series);
  HF_TRY(finish_names(value.series));
  std::vector<Series> series;
  series.reserve(value.series.size());
  for (auto& s : value.series) series.push_back(points_of(s, steps));
  if (is_range) sort_by_labels(series);
  sorting = clock.mono() - begin;
  if (!is_range) return ResultValue(Vector{std::move(series)});
  return ResultValue(Matrix{std::move(series)});
}

Result<Steps> range_steps(const Expr& expr, Timestamp from, Timestamp to, std::int64_t step,
                          const QueryOptions& options) {
  if (expr.type != ValueType::kVector && expr.type != ValueType::kScalar) {
    return invalid("invalid expression type \"" + std::string(value_type_name(expr.type)) +
                   "\" for range query, must be Scalar or instant Vector");
  }
  if (step <= 0) {
    return invalid(
        "zero or negative query resolution step widths are not accepted. Try a positive integer");
  }
  if (to < from) return invalid("end timestamp must not be before start time");
  if (from < model::kTimestampMin || to > model::kTimestampMax)
    return invalid("timestamp out of range");
  const auto count = static_cast<std::uint64_t>(to - from) / static_cast<std::uint64_t>(step) + 1;
  if (count > options.point_count_max) {
    return Error(Code::kTooLarge,
                 "exceeded maximum resolution of " + std::to_string(options.point_count_max) +
                     " points per timeseries. Try decreasing the query resolution (?step=XX)");
  }
  return Steps{from, step, static_cast<std::size_t>(count)};
}

Result<Steps> instant_steps(Timestamp at) {
  if (at < model::kTimestampMin || at > model::kTimestampMax)
    return invalid("timestamp out of range");
  return Steps{at, 1, 1};
}

}  // namespace

Result<QueryResult> Engine::evaluate(const Query& query, const QueryOptions& options) const {
  const auto begin = clock_.mono();
  const Parallel parallel(options.slow_paths ? nullptr : options_.executor, options_.parallelism);
  Evaluator evaluator(
      {reader_, clock_, options, query.text, query.steps, query.is_range, parallel, &query.expr});
  const auto prepared = clock_.mono();
  QueryResult result;
  Duration sorting{};
  result.value = HF_TRY(answer(evaluator, query.expr, clock_, sorting));
  result.annotations = evaluator.annotate().take();
  result.stats = evaluator.stats();
  result.stats.start = query.steps.start;
  result.stats.step = query.steps.step;
  const auto end = clock_.mono();
  result.stats.prepare = prepared - begin;
  result.stats.sort = sorting;
  result.stats.evaluate = end - prepared - sorting;
  result.stats.took = end - begin;
  return result;
}

Result<QueryResult> Engine::run(const Query& query, const QueryOptions& options) const {
  if (options_.tracker == nullptr) return evaluate(query, options);
  const auto text = query.text.empty() ? format_expr(query.expr) : std::string(query.text);
  auto ticket = HF_TRY(options_.tracker->admit({text, options.user, query.is_range}, options.stop,
                                               options.deadline));
  QueryOptions admitted = options;
  admitted.stop = ticket.stop();
  auto result = evaluate(query, admitted);
  if (!result) {
    ticket.finish({}, &result.error());
    return result;
  }
  result->stats.queued = ticket.queued();
  ticket.finish(result->stats, nullptr);
  return result;
}

void Engine::append_json(std::string& out, const QueryResult& result) const {
  append_result_json(out, result, Parallel(options_.executor, options_.parallelism));
}

Result<std::string> Engine::explain(std::string_view query, Timestamp from, Timestamp to,
                                    std::int64_t step, const QueryOptions& options) const {
  const auto expr = HF_TRY(parse_expr(query));
  const bool is_range = step != 0;
  const auto steps = is_range ? HF_TRY(range_steps(*expr, from, to, step, options))
                              : HF_TRY(instant_steps(from));
                              const Parallel parallel(options_.executor, options_.parallelism);
                              Evaluator evaluator({reader_, clock_, options, query, steps, is_range,
                                                   parallel, expr.get()});
                              return explain_json(evaluator, *expr);
}

Result<QueryResult> Engine::instant(std::string_view query, Timestamp at,
                                    const QueryOptions& options) const {
  const auto expr = HF_TRY(parse_expr(query));
  const auto steps = HF_TRY(instant_steps(at));
  return run({*expr, query, steps, false}, options);
}

Result<QueryResult> Engine::range(std::string_view query, Timestamp from, Timestamp to,
                                  std::int64_t step, const QueryOptions& options) const {
  const auto expr = HF_TRY(parse_expr(query));
  const auto steps = HF_TRY(range_steps(*expr, from, to, step, options));
  return run({*expr, query, steps, true}, options);
}

Result<QueryResult> Engine::instant(const Expr& expr, Timestamp at,
                                    const QueryOptions& options) const {
  const auto steps = HF_TRY(instant_steps(at));
  return run({expr, {}, steps, false}, options);
}

Result<QueryResult> Engine::range(const Expr& expr, Timestamp from, Timestamp to, std::int64_t step,
                                  const QueryOptions& options) const {
  const auto steps = HF_TRY(range_steps(expr, from, to, step, options));
  return run({expr, {}, steps, true}, options);
}

}  // namespace holdfast::query::promql
