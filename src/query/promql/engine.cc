#include "query/promql/engine.h"

#include <algorithm>

#include "query/promql/evaluator.h"

namespace holdfast::query::promql {
namespace {

struct Query {
  const Expr& expr;
  std::string_view text;
  Steps steps;
  bool is_range = false;
};

Series points_of(StepSeries& s, const Steps& steps) {
  Series series;
  series.labels = std::move(s.labels);
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (!s.has(i)) continue;
    const auto cell = s.at(i);
    series.points.push_back(
        {steps.time(i), cell.kind == Kind::kFloat ? cell.value : 0, cell.histogram});
  }
  return series;
}

void sort_by_labels(std::vector<Series>& series) {
  std::sort(series.begin(), series.end(),
            [](const Series& a, const Series& b) { return a.labels < b.labels; });
}

// A range vector as the answer of an instant query: the samples as they were stored.
Result<Matrix> raw_samples(Evaluator& evaluator, const Query& query) {
  auto range = HF_TRY(evaluator.eval_matrix(query.expr, query.steps));
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

Result<ResultValue> answer(Evaluator& evaluator, const Query& query) {
  if (query.expr.type == ValueType::kMatrix)
    return ResultValue(HF_TRY(raw_samples(evaluator, query)));
  auto value = HF_TRY(evaluator.eval(query.expr, query.steps));
  if (value.type == ValueType::kString)
    return ResultValue(String{query.steps.start, std::move(value.text)});
  if (value.type == ValueType::kScalar) {
    if (query.is_range) return ResultValue(scalar_matrix(value.scalars, query.steps));
    return ResultValue(Scalar{query.steps.start, value.scalars[0]});
  }
  drop_empty(value.series);
  HF_TRY(finish_names(value.series));
  std::vector<Series> series;
  series.reserve(value.series.size());
  for (auto& s : value.series) series.push_back(points_of(s, query.steps));
  if (!query.is_range) return ResultValue(Vector{std::move(series)});
  sort_by_labels(series);
  return ResultValue(Matrix{std::move(series)});
}

Result<QueryResult> run(const metrics::Reader& reader, const Clock& clock, const Query& query,
                        const QueryOptions& options) {
  const auto begin = clock.mono();
  Evaluator evaluator({reader, clock, options, query.text, query.steps, query.is_range});
  QueryResult result;
  result.value = HF_TRY(answer(evaluator, query));
  result.annotations = evaluator.annotate().take();
  result.stats = evaluator.stats();
  result.stats.took = clock.mono() - begin;
  return result;
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

Result<QueryResult> Engine::instant(std::string_view query, Timestamp at,
                                    const QueryOptions& options) const {
  const auto expr = HF_TRY(parse_expr(query));
  return run(
      reader_, clock_,
      {
        *expr, query, HF_TRY(instant_steps(at))
        , false
      },
      options);
}

Result<QueryResult> Engine::range(std::string_view query, Timestamp from, Timestamp to,
                                  std::int64_t step, const QueryOptions& options) const {
  const auto expr = HF_TRY(parse_expr(query));
  return run(
      reader_, clock_,
      {
        *expr, query, HF_TRY(range_steps(*expr, from, to, step, options))
        , true
      },
      options);
}

Result<QueryResult> Engine::instant(const Expr& expr, Timestamp at,
                                    const QueryOptions& options) const {
  return run(
      reader_, clock_,
      {
        expr, {}, HF_TRY(instant_steps(at))
        , false
      },
      options);
}

Result<QueryResult> Engine::range(const Expr& expr, Timestamp from, Timestamp to, std::int64_t step,
                                  const QueryOptions& options) const {
  return run(
      reader_, clock_,
      {
        expr, {}, HF_TRY(range_steps(expr, from, to, step, options))
        , true
      },
      options);
}

}  // namespace holdfast::query::promql
