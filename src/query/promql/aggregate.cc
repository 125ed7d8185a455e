// Aggregations that add up: sum, avg, min, max, count, group, stddev, stdvar, quantile; and
// count_values.
#include <algorithm>
#include <cmath>
#include <memory>
#include <unordered_map>

#include "base/text.h"
#include "query/promql/accumulate.h"
#include "query/promql/grouping.h"
#include "query/promql/scan.h"

namespace holdfast::query::promql {
namespace {

constexpr std::size_t kGatheredBytes = 24;  // of a group, per step

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

void note_ignored(Evaluator& ev, const AggregateExpr& aggregate, const Accumulator& gathered) {
  if (!gathered.ignored_histograms()) return;
  ev.annotate().histogram_ignored_in_aggregation(aggregate_op_text(aggregate.op),
                                                 aggregate.expr->position);
}

bool is_dense(const StepSeries& s) {
  return s.histograms.empty() &&
         std::all_of(s.kinds.begin(), s.kinds.end(), [](Kind k) { return k == Kind::kFloat; });
}

// Of a vector that is there already.
Result<Value> gather_value(Evaluator& ev, const AggregateExpr& aggregate, const Value& input,
                           std::size_t steps, const std::vector<double>& params) {
  const auto groups = group_series(aggregate, input);
  const Accumulator::Finish how{ev.annotate(), aggregate.expr->position, params};
  Value result;
  for (const auto& group : groups) {
    HF_TRY(ev.check());
    const auto gathered = Accumulator::make(aggregate.op, steps);
    gathered->resize(1);
    for (const auto k : group.members) {
      const auto& s = input.series[k];
      gathered->add(0, s, is_dense(s));
    }
    note_ignored(ev, aggregate, *gathered);
    StepSeries out(group.labels, steps);
    out.drop_name = group.drop_name;
    if (gathered->finish(0, how, out) > 0) result.series.push_back(std::move(out));
  }
  return result;
}

// Of series as they are read: each is added to its group and forgotten.
Result<Value> gather_scan(Evaluator& ev, const AggregateExpr& aggregate, SeriesScan& scan,
                          std::size_t steps, const std::vector<double>& params) {
  struct Part {
    GroupNumbers numbers;
    std::unique_ptr<Accumulator> gathered;
  };
  std::vector<Part> parts;
  for (std::size_t k = 0; k < scan.parts(); ++k)
    parts.push_back({GroupNumbers(aggregate), Accumulator::make(aggregate.op, steps)});
  HF_TRY(scan.run([&](SeriesScan::Row& row) -> Result<void> {
    auto& part = parts[row.part];
    const auto before = part.numbers.count();
    const auto group = part.numbers.number(scan.selection(), row.index);
    if (part.numbers.count() > before) {
      HF_TRY(ev.hold(steps, steps * kGatheredBytes));
      part.gathered->resize(part.numbers.count());
    }
    part.gathered->add(group, row.cells, row.dense());
    return {};
  }));
  auto& all = parts.front();
  for (std::size_t k = 1; k < parts.size(); ++k) {
    for (std::size_t group = 0; group < parts[k].numbers.count(); ++group) {
      const auto to = all.numbers.number(parts[k].numbers, group);
      all.gathered->resize(all.numbers.count());
      all.gathered->merge(to, *parts[k].gathered, group);
    }
    parts[k].gathered.reset();
  }
  note_ignored(ev, aggregate, *all.gathered);
  const Accumulator::Finish how{ev.annotate(), aggregate.expr->position, params};
  Value result;
  result.series.reserve(all.numbers.count());
  for (std::size_t group = 0; group < all.numbers.count(); ++group) {
    StepSeries out(all.numbers.labels(group), steps);
    out.drop_name = scan.drop_name();
    if (all.gathered->finish(group, how, out) > 0) result.series.push_back(std::move(out));
  }
  return result;
}

}  // namespace

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
  if (aggregate.op != AggregateOp::kCountValues && !ev.is_shared(*aggregate.expr)) {
    if (auto scan = HF_TRY(scan_of(ev, *aggregate.expr, steps)))
      return gather_scan(ev, aggregate, *scan, steps.count, params);
  }
  const auto input = HF_TRY(ev.eval(*aggregate.expr, steps));
  if (aggregate.op == AggregateOp::kCountValues) return count_values(ev, aggregate, input, steps);
  return gather_value(ev, aggregate, input, steps.count, params);
}

}  // namespace holdfast::query::promql
