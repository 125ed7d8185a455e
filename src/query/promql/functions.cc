#include "query/promql/functions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "query/promql/scan.h"

namespace holdfast::query::promql {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

const SpecialEntry* find_special_function(std::string_view name) {
  for (const auto table : {math_functions(), time_functions(), label_functions(),
                           histogram_functions(), info_functions()}) {
    for (const auto& entry : table) {
      if (entry.name == name) return &entry;
    }
  }
  return nullptr;
}

// The windows of a subquery's answers, one series after another.
Result<Value> eval_window_of_subquery(Evaluator& ev, const Call& call, const WindowEntry& entry,
                                      const Steps& steps) {
  auto plan = HF_TRY(plan_window(ev, call, entry, steps));
  const auto& subquery = std::get<Subquery>(without_parens(range_argument(call)).node);
  auto inner = HF_TRY(ev.eval_subquery(subquery, steps));
  if (inner.value.series.empty()) return Value{};
  HF_TRY(check_arguments(plan));
  plan.range = inner.range;
  plan.ends = std::move(inner.ends);
  auto times = std::make_shared<std::vector<Timestamp>>();
  for (std::size_t i = 0; i < inner.inner.count; ++i) times->push_back(inner.inner.time(i));
  SampleTally tally;
  if (ev.counts_steps()) tally.per_step.resize(steps.count);
  WindowWorker worker(plan, ev.annotate(), &tally);
  Value result;
  for (auto& s : inner.value.series) {
    HF_TRY(ev.check());
    auto data = samples_of(s, inner.inner, times);
    StepSeries out(Labels{}, steps.count);
    if (worker.run({s.labels.metric_name(), s.labels.get("__type__")}, data, out) == 0) continue;
    out.labels = std::move(s.labels);
    out.drop_name = s.drop_name || !entry.keeps_name;
    HF_TRY(ev.hold(steps.count));
    result.series.push_back(std::move(out));
  }
  ev.tally(tally);
  return result;
}

Result<Value> eval_window(Evaluator& ev, const Call& call, const WindowEntry& entry,
                          const Steps& steps) {
  const auto& range = range_argument(call);
  if (std::holds_alternative<Subquery>(without_parens(range).node))
    return eval_window_of_subquery(ev, call, entry, steps);
  auto scan = HF_TRY(scan_window(ev, call, entry, steps));
  return scan.collect();
}

Result<Value> absent_where(const std::vector<bool>& present, Labels labels) {
  Value result;
  StepSeries out(std::move(labels), present.size());
  for (std::size_t i = 0; i < present.size(); ++i) {
    if (!present[i]) out.set_float(i, 1);
  }
  if (out.any()) result.series.push_back(std::move(out));
  return result;
}

Result<Value> eval_absent(Evaluator& ev, const Call& call, const Steps& steps) {
  const auto value = HF_TRY(ev.eval(*call.args[0], steps));
  std::vector<bool> present(steps.count);
  for (const auto& s : value.series) {
    for (std::size_t i = 0; i < s.size(); ++i) present[i] = present[i] || s.has(i);
  }
  return absent_where(present, labels_of_absence(without_parens(*call.args[0])));
}

Result<Value> eval_absent_over_time(Evaluator& ev, const Call& call, const Steps& steps) {
  const auto value =
      HF_TRY(eval_window(ev, call, *find_window_function("present_over_time"), steps));
  std::vector<bool> present(steps.count);
  for (const auto& s : value.series) {
    for (std::size_t i = 0; i < s.size(); ++i) present[i] = present[i] || s.has(i);
  }
  return absent_where(present, labels_of_absence(without_parens(*call.args[0])));
}

Result<Value> eval_scalar_function(Evaluator& ev, const Call& call, const Steps& steps) {
  const auto value = HF_TRY(ev.eval(*call.args[0], steps));
  Value result{ValueType::kScalar, {}, std::vector<double>(steps.count, kNan), {}};
  std::vector<std::uint8_t> found(steps.count);
  for (const auto& s : value.series) {
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (s.kinds[i] != Kind::kFloat) continue;
      result.scalars[i] = found[i]++ == 0 ? s.values[i] : kNan;
      found[i] = std::min<std::uint8_t>(found[i], 2);
    }
  }
  return result;
}

Result<Value> eval_vector_function(Evaluator& ev, const Call& call, const Steps& steps) {
  const auto scalars = HF_TRY(ev.eval_scalar(*call.args[0], steps));
  Value result;
  StepSeries out(Labels{}, steps.count);
  for (std::size_t i = 0; i < steps.count; ++i) out.set_float(i, scalars[i]);
  result.series.push_back(std::move(out));
  return result;
}

}  // namespace

const WindowEntry* find_window_function(std::string_view name) {
  for (const auto table : {rate_functions(), over_time_functions()}) {
    for (const auto& entry : table) {
      if (entry.name == name) return &entry;
    }
  }
  return nullptr;
}

Labels labels_of_absence(const Expr& expr) {
  const std::vector<model::Matcher>* matchers = nullptr;
  if (const auto* selector = std::get_if<VectorSelector>(&expr.node))
    matchers = &selector->matchers;
  if (const auto* matrix = std::get_if<MatrixSelector>(&expr.node)) {
    matchers = &std::get<VectorSelector>(without_parens(*matrix->selector).node).matchers;
  }
  Labels labels;
  if (matchers == nullptr) return labels;
  std::set<std::string_view> seen;
  for (const auto& m : *matchers) {
    if (m.name() == model::kMetricName) continue;
    // A label that two matchers name has no one value to report.
    const bool pins = m.op() == model::MatchOp::kEqual && seen.insert(m.name()).second;
    labels = labels.with(m.name(), pins ? m.value() : "");
  }
  return labels;
}

Result<Value> eval_call(Evaluator& ev, const Expr& expr, const Call& call, const Steps& steps) {
  const auto name = call.function->name;
  if (const auto* entry = find_window_function(name)) return eval_window(ev, call, *entry, steps);
  if (const auto* entry = find_special_function(name)) return entry->run(ev, expr, call, steps);
  if (name == "absent") return eval_absent(ev, call, steps);
  if (name == "absent_over_time") return eval_absent_over_time(ev, call, steps);
  if (name == "scalar") return eval_scalar_function(ev, call, steps);
  if (name == "vector") return eval_vector_function(ev, call, steps);
  return Error(Code::kUnsupported, "function " + std::string(name) + " is known and not provided");
}

}  // namespace holdfast::query::promql
