#include "query/promql/evaluator.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "query/promql/shared_exprs.h"

namespace holdfast::query::promql {
namespace {

// Their value depends on the step even when their argument does not.
constexpr std::array<std::string_view, 12> kUsesEvaluationTime = {
    "time",         "timestamp",   "predict_linear", "minute",        "hour", "month",
    "day_of_month", "day_of_week", "day_of_year",    "days_in_month", "year", "start_timestamp"};

bool is_anchored(const TimeShift& shift) {
  return shift.at.has_value() || shift.anchor != TimeShift::Anchor::kNone;
}

bool call_is_invariant(const Call& call) {
  const auto name = call.function->name;
  if (std::find(kUsesEvaluationTime.begin(), kUsesEvaluationTime.end(), name) !=
      kUsesEvaluationTime.end()) {
    return false;
  }
  // The second argument of info() only selects labels; its times are those of the first.
  if (name == "info") return is_step_invariant(*call.args[0]);
  return std::all_of(call.args.begin(), call.args.end(),
                     [](const ExprPtr& arg) { return is_step_invariant(*arg); });
}

std::uint64_t cells_of(const Value& value, std::size_t steps) {
  return value.series.size() * steps + value.scalars.size();
}

}  // namespace

Cell histogram_cell(Histogram h) {
  return {Kind::kHistogram, 0, std::make_shared<const Histogram>(std::move(h))};
}

void StepSeries::set(std::size_t i, Cell cell) {
  kinds[i] = cell.kind;
  values[i] = cell.value;
  if (cell.kind == Kind::kHistogram) {
    if (histograms.empty()) histograms.resize(kinds.size());
    histograms[i] = std::move(cell.histogram);
  }
}

bool StepSeries::any() const {
  return std::any_of(kinds.begin(), kinds.end(), [](Kind k) { return k != Kind::kNone; });
}

bool is_step_invariant(const Expr& expr) {
  struct Visitor {
    bool operator()(const NumberLiteral&) const { return true; }
    bool operator()(const StringLiteral&) const { return true; }
    bool operator()(const VectorSelector& s) const { return is_anchored(s.shift); }
    bool operator()(const MatrixSelector& m) const { return is_step_invariant(*m.selector); }
    bool operator()(const Subquery& s) const { return is_anchored(s.shift); }
    bool operator()(const ParenExpr& p) const { return is_step_invariant(*p.expr); }
    bool operator()(const UnaryExpr& u) const { return is_step_invariant(*u.expr); }
    bool operator()(const BinaryExpr& b) const {
      return is_step_invariant(*b.left) && is_step_invariant(*b.right);
    }
    bool operator()(const AggregateExpr& a) const {
      return is_step_invariant(*a.expr) && (!a.param || is_step_invariant(*a.param));
    }
    bool operator()(const Call& c) const { return call_is_invariant(c); }
  };
  return std::visit(Visitor{}, expr.node);
}

bool is_reserved(std::string_view name) {
  return name == model::kMetricName || name == "__type__" || name == "__unit__";
}

Labels drop_reserved(const Labels& labels) {
  std::vector<model::Label> kept;
  kept.reserve(labels.size());
  for (const auto& label : labels) {
    if (!is_reserved(label.name)) kept.push_back(label);
  }
  return Labels(std::move(kept));
}

void drop_empty(std::vector<StepSeries>& series) {
  std::erase_if(series, [](const StepSeries& s) { return !s.any(); });
}

Result<void> merge_same_labels(std::vector<StepSeries>& series) {
  // Series mostly come in the order of their labels, and then each is told from the next at once.
  const auto not_before = [](const StepSeries& a, const StepSeries& b) {
    return !(a.labels < b.labels);
  };
  if (std::adjacent_find(series.begin(), series.end(), not_before) == series.end()) return {};
  std::unordered_multimap<std::uint64_t, std::size_t> seen;
  seen.reserve(series.size());
  std::vector<StepSeries> merged;
  merged.reserve(series.size());
  for (auto& s : series) {
    const auto hash = s.labels.hash();
    StepSeries* same = nullptr;
    for (auto [it, end] = seen.equal_range(hash); it != end; ++it) {
      if (merged[it->second].labels == s.labels) same = &merged[it->second];
    }
    if (same == nullptr) {
      seen.emplace(hash, merged.size());
      merged.push_back(std::move(s));
      continue;
    }
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (!s.has(i)) continue;
      if (same->has(i)) return invalid("vector cannot contain metrics with the same labelset");
      same->set(i, s.at(i));
    }
    same->drop_name = same->drop_name && s.drop_name;
  }
  series = std::move(merged);
  return {};
}

Result<void> finish_names(std::vector<StepSeries>& series) {
  for (auto& s : series) {
    if (!s.drop_name) continue;
    s.labels = drop_reserved(s.labels);
    s.drop_name = false;
  }
  return merge_same_labels(series);
}

namespace {

void raise_to(std::atomic<std::uint64_t>& peak, std::uint64_t now) {
  auto before = peak.load(std::memory_order_relaxed);
  while (before < now && !peak.compare_exchange_weak(before, now, std::memory_order_relaxed)) {
  }
}

Error too_many_samples(std::size_t limit) {
  return {Code::kTooLarge,
          "query processing would load too many samples into memory in query execution: the limit "
          "is " +
              std::to_string(limit) + " samples at once"};
}

}  // namespace

Evaluator::Evaluator(const EvaluatorInput& input) : input_(input), annotator_(input.query) {
  if (!input.options.slow_paths && input.expr != nullptr) shared_ = shared_exprs(*input.expr);
  if (input.options.per_step_stats) tally_.per_step.resize(input.steps.count);
}

QueryStats Evaluator::stats() const {
  QueryStats stats;
  stats.samples_read = tally_.read;
  stats.samples_peak = peak_.load(std::memory_order_relaxed);
  stats.bytes_peak = peak_bytes_.load(std::memory_order_relaxed);
  stats.samples_queryable = tally_.queryable;
  stats.samples_per_step = tally_.per_step;
  return stats;
}

void Evaluator::tally(const SampleTally& part) {
  tally_.read += part.read;
  if (!counts_samples_) return;
  tally_.queryable += part.queryable;
  for (std::size_t i = 0; i < tally_.per_step.size() && i < part.per_step.size(); ++i)
    tally_.per_step[i] += part.per_step[i];
}

Result<void> Evaluator::check() const {
  if (input_.options.stop.stop_requested()) {
    return Error(Code::kCanceled, "query was canceled in expression evaluation");
  }
  if (input_.options.deadline && input_.clock.mono() > *input_.options.deadline) {
    return Error(Code::kTimeout, "query timed out in expression evaluation");
  }
  return {};
}

Result<void> Evaluator::hold(std::size_t more, std::size_t bytes) {
  const auto held = held_.fetch_add(more, std::memory_order_relaxed) + more;
  const auto held_bytes = held_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  raise_to(peak_, held);
  raise_to(peak_bytes_, held_bytes);
  if (held > input_.options.sample_count_max)
    return too_many_samples(input_.options.sample_count_max);
  if (held_bytes > input_.options.memory_bytes_max) {
    return Error(Code::kTooLarge, "query would take too much memory: the limit is " +
                                      std::to_string(input_.options.memory_bytes_max) +
                                      " bytes for its intermediate results");
  }
  return {};
}

Result<void> Evaluator::fits(std::size_t samples) const {
  if (held_.load(std::memory_order_relaxed) + samples > input_.options.sample_count_max)
    return too_many_samples(input_.options.sample_count_max);
  return {};
}

Result<Value> Evaluator::spread(Value once, std::size_t count) {
  HF_TRY(hold(cells_of(once, count)));
  for (auto& s : once.series) {
    if (!s.has(0)) {
      s.kinds.assign(count, Kind::kNone);
      s.values.assign(count, 0);
      continue;
    }
    s.kinds.assign(count, Kind(s.kinds[0]));
    s.values.assign(count, double(s.values[0]));
    if (!s.histograms.empty()) s.histograms.assign(count, HistogramPtr(s.histograms[0]));
  }
  if (!once.scalars.empty()) once.scalars.assign(count, double(once.scalars[0]));
  return once;
}

Result<Value> Evaluator::eval(const Expr& expr, const Steps& steps) {
  HF_TRY(check());
  const auto before = held_.load(std::memory_order_relaxed);
  const auto before_bytes = held_bytes_.load(std::memory_order_relaxed);
  HF_TRY(fits(steps.count));
  Value value;
  if (steps.count > 1 && is_step_invariant(expr)) {
    value = HF_TRY(eval_shared(expr, Steps{steps.start, steps.step, 1}));
    value = HF_TRY(spread(std::move(value), steps.count));
  } else {
    value = HF_TRY(eval_shared(expr, steps));
  }
  // What was held on the way is gone; the answer stays.
  held_.store(before, std::memory_order_relaxed);
  held_bytes_.store(before_bytes, std::memory_order_relaxed);
  HF_TRY(hold(cells_of(value, steps.count)));
  return value;
}

bool Evaluator::is_shared(const Expr& expr) const {
  if (input_.options.slow_paths) return true;
  const auto& inner = without_parens(expr);
  return !shared_.occurrences.empty() && worth_sharing(inner) &&
         shared_.occurrences.contains(format_expr(inner));
}

Result<Value> Evaluator::eval_shared(const Expr& expr, const Steps& steps) {
  if (shared_.occurrences.empty() || !worth_sharing(expr)) return eval_node(expr, steps);
  const auto text = format_expr(expr);
  const auto known = shared_.occurrences.find(text);
  if (known == shared_.occurrences.end()) return eval_node(expr, steps);
  // The reader's hints on histograms differ by what asks for them.
  auto& answers = shared_.answers[(stats_hints_ ? "hints " : "") + text];  // stays where it is
  for (const auto& answer : answers) {
    if (answer.steps == steps) return answer.value;
  }
  const auto notes = annotator_.count();
  auto value = HF_TRY(eval_node(expr, steps));
  // An annotation names its place: then each occurrence speaks for itself.
  if (annotator_.count() == notes) answers.push_back({steps, value});
  return value;
}

Result<Value> Evaluator::eval_node(const Expr& expr, const Steps& steps) {
  if (const auto* number = std::get_if<NumberLiteral>(&expr.node)) {
    return Value{ValueType::kScalar, {}, std::vector<double>(steps.count, number->value), {}};
  }
  if (const auto* text = std::get_if<StringLiteral>(&expr.node))
    return Value{ValueType::kString, {}, {}, text->value};
  if (std::holds_alternative<VectorSelector>(expr.node)) return eval_selector(expr, steps, false);
  if (const auto* paren = std::get_if<ParenExpr>(&expr.node)) return eval(*paren->expr, steps);
  if (const auto* unary = std::get_if<UnaryExpr>(&expr.node))
    return eval_unary(expr, *unary, steps);
  if (const auto* binary = std::get_if<BinaryExpr>(&expr.node))
    return eval_binary(*this, expr, *binary, steps);
  if (const auto* aggregate = std::get_if<AggregateExpr>(&expr.node)) {
    return eval_aggregate(*this, expr, *aggregate, steps);
  }
  if (const auto* call = std::get_if<Call>(&expr.node)) return eval_call(*this, expr, *call, steps);
  return invalid("expected an instant vector or a scalar, got a range vector");
}

Result<Value> Evaluator::eval_unary(const Expr&, const UnaryExpr& unary, const Steps& steps) {
  auto value = HF_TRY(eval(*unary.expr, steps));
  if (unary.op == UnaryOp::kPlus) return value;
  for (auto& v : value.scalars) v = -v;
  for (auto& s : value.series) {
    s.drop_name = true;
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (s.kinds[i] == Kind::kFloat) s.values[i] = -s.values[i];
      if (s.kinds[i] != Kind::kHistogram) continue;
      Histogram negated = *s.histograms[i];
      scale(negated, -1);
      s.histograms[i] = std::make_shared<const Histogram>(std::move(negated));
    }
  }
  return value;
}

Result<std::vector<double>> Evaluator::eval_scalar(const Expr& expr, const Steps& steps) {
  auto value = HF_TRY(eval(expr, steps));
  return std::move(value.scalars);
}

Result<std::string> Evaluator::eval_string(const Expr& expr) {
  auto value = HF_TRY(eval(expr, Steps{}));
  return std::move(value.text);
}

}  // namespace holdfast::query::promql
