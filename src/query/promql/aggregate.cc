#include <algorithm>
#include <cmath>
#include <memory>
#include <unordered_map>

#include "base/text.h"
#include "query/promql/evaluator.h"
#include "query/promql/grouping.h"
#include "query/promql/histogram_sum.h"
#include "query/promql/kahan.h"
#include "query/promql/quantile.h"

namespace holdfast::query::promql {
namespace {

// What a group has gathered at one step.
struct Gathered {
  double floats = 0, histograms = 0;  // how many
  double value = 0;                   // min, max
  Kahan sum;
  KahanMean average;
  double mean = 0, squares = 0;  // Welford's
  std::vector<double> values;    // quantile
  std::unique_ptr<HistogramSum> total;
  bool incompatible = false;  // exponential met custom buckets
};

bool takes_histograms(AggregateOp op) {
  return op == AggregateOp::kSum || op == AggregateOp::kAvg || op == AggregateOp::kCount ||
         op == AggregateOp::kGroup;
}

void gather_float(AggregateOp op, Gathered& g, double v) {
  const bool first = g.floats++ == 0;
  switch (op) {
    case AggregateOp::kSum:
      g.sum.add(v);
      break;
    case AggregateOp::kAvg:
      g.average.add(v);
      break;
    case AggregateOp::kMin:
      if (first || v < g.value || std::isnan(g.value)) g.value = v;
      break;
    case AggregateOp::kMax:
      if (first || v > g.value || std::isnan(g.value)) g.value = v;
      break;
    case AggregateOp::kStddev:
    case AggregateOp::kStdvar: {
      if (first && !std::isfinite(v)) g.squares = std::nan("");
      const double delta = v - g.mean;
      g.mean += delta / g.floats;
      if (!first) g.squares += delta * (v - g.mean);
      break;
    }
    case AggregateOp::kQuantile:
      g.values.push_back(v);
      break;
    default:
      break;
  }
}

void gather_histogram(AggregateOp op, Gathered& g, const Histogram& h) {
  ++g.histograms;
  if (op != AggregateOp::kSum && op != AggregateOp::kAvg) return;
  if (g.total == nullptr) g.total = std::make_unique<HistogramSum>();
  if (!g.total->add(h)) g.incompatible = true;
}

class Aggregation {
 public:
  Aggregation(Evaluator& ev, const AggregateExpr& aggregate, std::vector<double> params)
      : ev_(ev), aggregate_(aggregate), params_(std::move(params)) {}

  Result<Value> run(const Value& input, std::size_t steps) {
    const auto groups = group_series(aggregate_, input);
    Value result;
    std::vector<Gathered> gathered;
    for (const auto& group : groups) {
      HF_TRY(ev_.check());
      gathered.clear();
      gathered.resize(steps);
      for (const auto k : group.members) gather(input.series[k], gathered);
      StepSeries out(group.labels, steps);
      out.drop_name = group.drop_name;
      for (std::size_t i = 0; i < steps; ++i) {
        auto cell = finish(gathered[i], i);
        if (cell.kind != Kind::kNone) out.set(i, std::move(cell));
      }
      if (out.any()) result.series.push_back(std::move(out));
    }
    return result;
  }

 private:
  void gather(const StepSeries& s, std::vector<Gathered>& gathered) {
    for (std::size_t i = 0; i < gathered.size(); ++i) {
      if (s.kinds[i] == Kind::kFloat) {
        gather_float(aggregate_.op, gathered[i], s.values[i]);
      } else if (s.kinds[i] == Kind::kHistogram) {
        if (takes_histograms(aggregate_.op)) {
          gather_histogram(aggregate_.op, gathered[i], *s.histograms[i]);
        } else {
          ev_.annotate().histogram_ignored_in_aggregation(aggregate_op_text(aggregate_.op),
                                                          position());
        }
      }
    }
  }

  Cell finish(Gathered& g, std::size_t i) {
    if (g.floats + g.histograms == 0) return {};
    switch (aggregate_.op) {
      case AggregateOp::kCount:
        return float_cell(g.floats + g.histograms);
      case AggregateOp::kGroup:
        return float_cell(1);
      case AggregateOp::kMin:
      case AggregateOp::kMax:
        return float_cell(g.value);
      case AggregateOp::kStdvar:
        return float_cell(g.squares / g.floats);
      case AggregateOp::kStddev:
        return float_cell(std::sqrt(g.squares / g.floats));
      case AggregateOp::kQuantile:
        return float_cell(quantile_of(params_[i], g.values));
      default:
        return finish_total(g);
    }
  }

  Cell finish_total(const Gathered& g) {
    if (g.floats > 0 && g.histograms > 0) {
      ev_.annotate().mixed_in_aggregation(position());
      return {};
    }
    const bool mean = aggregate_.op == AggregateOp::kAvg;
    if (g.floats > 0) return float_cell(mean ? g.average.value() : g.sum.total());
    if (g.incompatible) {
      ev_.annotate().mixed_schemas("", position());
      return {};
    }
    if (g.total->reset_collision()) ev_.annotate().reset_collision("aggregation", position());
    if (g.total->bounds_reconciled()) ev_.annotate().bounds_reconciled("aggregation", position());
    return histogram_cell(mean ? g.total->mean() : g.total->sum());
  }

  const PositionRange& position() const { return aggregate_.expr->position; }

  Evaluator& ev_;
  const AggregateExpr& aggregate_;
  std::vector<double> params_;
};

// As Go's %q: what is not UTF-8 shows as \xNN.
std::string quoted_bytes(std::string_view bytes) {
  if (is_valid_utf8(bytes)) return model::quote(bytes);
  std::string out = "\"";
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += std::string("\\x") + kHex[byte >> 4] + kHex[byte & 15];
    }
  }
  return out + "\"";
}

Result<Value> count_values(Evaluator& ev, const AggregateExpr& aggregate, const Value& input,
                           const Steps& steps) {
  const auto label = HF_TRY(ev.eval_string(*aggregate.param));
  if (label.empty() || !is_valid_utf8(label))
    return invalid("invalid label name " + quoted_bytes(label));
  Value result;
  std::unordered_map<Labels, std::size_t> outputs;
  for (const auto& group : group_series(aggregate, input)) {
    for (const auto k : group.members) {
      HF_TRY(ev.check());
      const auto& s = input.series[k];
      for (std::size_t i = 0; i < steps.count; ++i) {
        if (!s.has(i)) continue;
        const auto text = s.kinds[i] == Kind::kFloat ? format_double(s.values[i])
                                                     : histogram_text(*s.histograms[i]);
        auto labels = group.labels.with(label, text);
        const auto [it, fresh] = outputs.try_emplace(std::move(labels), result.series.size());
        if (fresh) {
          HF_TRY(ev.hold(steps.count));
          result.series.emplace_back(it->first, steps.count);
          result.series.back().drop_name = group.drop_name && label != model::kMetricName;
        }
        auto& out = result.series[it->second];
        out.set_float(i, out.has(i) ? out.values[i] + 1 : 1);
      }
    }
  }
  return result;
}

}  // namespace

std::vector<SeriesGroup> group_series(const AggregateExpr& aggregate, const Value& input) {
  std::vector<SeriesGroup> groups;
  std::unordered_map<Labels, std::size_t> numbers;
  for (std::size_t k = 0; k < input.series.size(); ++k) {
    const auto& s = input.series[k];
    auto key =
        aggregate.without ? s.labels.drop(aggregate.grouping) : s.labels.keep(aggregate.grouping);
    const auto [it, fresh] = numbers.try_emplace(std::move(key), groups.size());
    if (fresh) groups.push_back({it->first, false, {}});
    auto& group = groups[it->second];
    group.members.push_back(k);
    group.drop_name = group.drop_name || s.drop_name;
  }
  return groups;
}

Result<Value> eval_aggregate(Evaluator& ev, const Expr& expr, const AggregateExpr& aggregate,
                             const Steps& steps) {
  switch (aggregate.op) {
    case AggregateOp::kTopk:
    case AggregateOp::kBottomk:
    case AggregateOp::kLimitk:
    case AggregateOp::kLimitRatio:
      return eval_aggregate_select(ev, expr, aggregate, steps);
    default:
      break;
  }
  std::vector<double> params;
  if (aggregate.op == AggregateOp::kQuantile) {
    params = HF_TRY(ev.eval_scalar(*aggregate.param, steps));
    for (const double q : params) {
      if (std::isnan(q) || q < 0 || q > 1)
        ev.annotate().invalid_quantile(q, aggregate.param->position);
    }
  }
  const auto input = HF_TRY(ev.eval(*aggregate.expr, steps));
  if (aggregate.op == AggregateOp::kCountValues) return count_values(ev, aggregate, input, steps);
  return Aggregation(ev, aggregate, std::move(params)).run(input, steps.count);
}

}  // namespace holdfast::query::promql
