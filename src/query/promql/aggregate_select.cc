// topk, bottomk, limitk and limit_ratio: aggregations that choose among their input's samples.
#include <algorithm>
#include <cmath>
#include <limits>

#include "query/promql/grouping.h"

namespace holdfast::query::promql {
namespace {

// Chosen cells of the input, as a vector of its own.
class Chosen {
 public:
  Chosen(const Value& input, std::size_t steps)
      : input_(input), outputs_(input.series.size()), steps_(steps) {}

  void take(std::size_t series, std::size_t step) {
    if (outputs_[series].size() == 0) {
      outputs_[series] = StepSeries(input_.series[series].labels, steps_);
      outputs_[series].drop_name = input_.series[series].drop_name;
      order_.push_back(series);
    }
    outputs_[series].set(step, input_.series[series].at(step));
  }
  Value result() {
    Value value;
    for (const auto k : order_) value.series.push_back(std::move(outputs_[k]));
    return value;
  }

 private:
  const Value& input_;
  std::vector<StepSeries> outputs_;
  std::vector<std::size_t> order_;  // of the first choice: an instant query answers best first
  std::size_t steps_;
};

Result<std::vector<std::size_t>> counts_of(const std::vector<double>& params, std::size_t most) {
  std::vector<std::size_t> counts;
  for (const double k : params) {
    if (std::isnan(k)) return invalid("Parameter value is NaN");
    if (std::abs(k) >= static_cast<double>(std::numeric_limits<std::int64_t>::max())) {
      return invalid("Scalar value " + format_general(k) + " overflows int64");
    }
    counts.push_back(k < 1 ? 0 : static_cast<std::size_t>(std::min(k, static_cast<double>(most))));
  }
  return counts;
}

void choose_extremes(Evaluator& ev, const AggregateExpr& aggregate, const Value& input,
                     const SeriesGroup& group, std::size_t step, std::size_t count,
                     Chosen& chosen) {
  std::vector<std::size_t> candidates;
  for (const auto k : group.members) {
    const auto kind = input.series[k].kinds[step];
    if (kind == Kind::kFloat) candidates.push_back(k);
    if (kind == Kind::kHistogram) {
      ev.annotate().histogram_ignored_in_aggregation(aggregate_op_text(aggregate.op),
                                                     aggregate.expr->position);
    }
  }
  const bool top = aggregate.op == AggregateOp::kTopk;
  const auto before = [&](std::size_t a, std::size_t b) {
    const double x = input.series[a].values[step], y = input.series[b].values[step];
    if (std::isnan(x) || std::isnan(y)) {
      if (std::isnan(x) != std::isnan(y)) return std::isnan(y);
      return a < b;
    }
    return x == y ? a < b : (top ? x > y : x < y);
  };
  count = std::min(count, candidates.size());
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(count),
                    candidates.end(), before);
  for (std::size_t i = 0; i < count; ++i) chosen.take(candidates[i], step);
}

void choose_first(const Value& input, const SeriesGroup& group, std::size_t step, std::size_t count,
                  Chosen& chosen) {
  for (const auto k : group.members) {
    if (count == 0) return;
    if (!input.series[k].has(step)) continue;
    chosen.take(k, step);
    --count;
  }
}

// A series is in or out by the hash of its labels, so that the choice stays the same from step to
// step, and r and r - 1 choose complementary sets.
bool in_ratio(double ratio, double place) {
  return ratio >= 0 ? place < ratio : place >= 1 + ratio;
}

Result<Value> limit_ratio(Evaluator& ev, const AggregateExpr& aggregate, const Value& input,
                          std::vector<double> ratios) {
  for (auto& ratio : ratios) {
    if (std::isnan(ratio)) return invalid("Ratio value is NaN");
    const double capped = std::clamp(ratio, -1.0, 1.0);
    if (capped != ratio) ev.annotate().invalid_ratio(ratio, capped, aggregate.param->position);
    ratio = capped;
  }
  Chosen chosen(input, ratios.size());
  for (std::size_t k = 0; k < input.series.size(); ++k) {
    HF_TRY(ev.check());
    const auto& s = input.series[k];
    const double place = static_cast<double>(s.labels.hash()) /
                         static_cast<double>(std::numeric_limits<std::uint64_t>::max());
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (ratios[i] != 0 && s.has(i) && (std::abs(ratios[i]) == 1 || in_ratio(ratios[i], place)))
        chosen.take(k, i);
    }
  }
  return chosen.result();
}

}  // namespace

Result<Value> eval_aggregate_select(Evaluator& ev, const Expr&, const AggregateExpr& aggregate,
                                    const Steps& steps) {
  auto params = HF_TRY(ev.eval_scalar(*aggregate.param, steps));
  const auto input = HF_TRY(ev.eval(*aggregate.expr, steps));
  if (aggregate.op == AggregateOp::kLimitRatio)
    return limit_ratio(ev, aggregate, input, std::move(params));
  const auto counts = HF_TRY(counts_of(params, input.series.size()));
  Chosen chosen(input, steps.count);
  for (const auto& group : group_series(aggregate, input)) {
    for (std::size_t i = 0; i < steps.count; ++i) {
      if (counts[i] == 0) continue;
      HF_TRY(ev.check());
      if (aggregate.op == AggregateOp::kLimitk) {
        choose_first(input, group, i, counts[i], chosen);
      } else {
        choose_extremes(ev, aggregate, input, group, i, counts[i], chosen);
      }
    }
  }
  return chosen.result();
}

}  // namespace holdfast::query::promql
