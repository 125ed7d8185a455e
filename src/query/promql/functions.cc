#include "query/promql/functions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "query/promql/extended.h"

namespace holdfast::query::promql {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

const WindowEntry* find_window_function(std::string_view name) {
  for (const auto table : {rate_functions(), over_time_functions()}) {
    for (const auto& entry : table) {
      if (entry.name == name) return &entry;
    }
  }
  return nullptr;
}

const SpecialEntry* find_special_function(std::string_view name) {
  for (const auto table : {math_functions(), time_functions(), label_functions(),
                           histogram_functions(), info_functions()}) {
    for (const auto& entry : table) {
      if (entry.name == name) return &entry;
    }
  }
  return nullptr;
}

// Slides over the samples of one series; ends never go back.
class WindowSlide {
 public:
  WindowSlide(const SampleSeries& series, const RangeVector& range)
      : series_(series), range_(range) {}

  Window at(std::size_t step) {
    const auto end = range_.ends[step];
    const auto after = end - range_.range - range_.reach_back;
    const auto until = end + range_.reach_ahead;
    advance(series_.floats, float_begin_, float_end_, after, until);
    advance(series_.histograms, histogram_begin_, histogram_end_, after, until);
    Window window;
    window.floats = std::span(series_.floats).subspan(float_begin_, float_end_ - float_begin_);
    window.histograms =
        std::span(series_.histograms).subspan(histogram_begin_, histogram_end_ - histogram_begin_);
    window.from = end - range_.range;
    window.to = end;
    window.range = range_.range;
    window.mode = range_.mode;
    return window;
  }

 private:
  template <typename Points>
  static void advance(const Points& points, std::size_t& begin, std::size_t& end, Timestamp after,
                      Timestamp until) {
    while (end < points.size() && points[end].t <= until) ++end;
    while (begin < end && points[begin].t <= after) ++begin;
  }

  const SampleSeries& series_;
  const RangeVector& range_;
  std::size_t float_begin_ = 0, float_end_ = 0, histogram_begin_ = 0, histogram_end_ = 0;
};

struct WindowArguments {
  const Expr* range = nullptr;
  std::vector<std::vector<double>> scalars;  // one column per scalar argument
};

Result<WindowArguments> window_arguments(Evaluator& ev, const Call& call, const Steps& steps) {
  WindowArguments arguments;
  for (const auto& arg : call.args) {
    if (arg->type == ValueType::kMatrix) {
      arguments.range = arg.get();
    } else {
      arguments.scalars.push_back(HF_TRY(ev.eval_scalar(*arg, steps)));
    }
  }
  return arguments;
}

Result<void> check_smoothing_factors(const WindowArguments& arguments) {
  static constexpr std::array<std::string_view, 2> kNames = {"smoothing", "trend"};
  static constexpr std::array<std::string_view, 2> kShort = {"sf", "tf"};
  for (std::size_t k = 0; k < arguments.scalars.size() && k < 2; ++k) {
    for (const double factor : arguments.scalars[k]) {
      if (factor > 0 && factor < 1) continue;
      return invalid("invalid " + std::string(kNames[k]) + " factor. Expected: 0 < " +
                     std::string(kShort[k]) + " < 1, got: " + format_general(factor));
    }
  }
  return {};
}

void note_quantile(Evaluator& ev, const Call& call, const WindowArguments& arguments) {
  for (const double q : arguments.scalars[0]) {
    if (std::isnan(q) || q < 0 || q > 1) ev.annotate().invalid_quantile(q, call.args[0]->position);
  }
}

Result<Value> eval_window(Evaluator& ev, const Call& call, const WindowEntry& entry,
                          const Steps& steps) {
  auto arguments = HF_TRY(window_arguments(ev, call, steps));
  if (entry.name == "quantile_over_time") note_quantile(ev, call, arguments);
  const auto range = HF_TRY(ev.eval_matrix(*arguments.range, steps));
  if (entry.name == "double_exponential_smoothing" && !range.series.empty()) {
    HF_TRY(check_smoothing_factors(arguments));
  }
  Value result;
  std::vector<double> args(arguments.scalars.size());
  for (const auto& series : range.series) {
    HF_TRY(ev.check());
    StepSeries out(series.labels, steps.count);
    out.drop_name = series.drop_name || !entry.keeps_name;
    WindowSlide slide(series, range);
    bool any = false;
    for (std::size_t i = 0; i < steps.count; ++i) {
      const auto window = slide.at(i);
      if (window.floats.empty() && window.histograms.empty()) continue;
      for (std::size_t k = 0; k < args.size(); ++k) args[k] = arguments.scalars[k][i];
      const WindowCall context{ev,
                               entry.name,
                               series.labels.metric_name(),
                               series.labels.get("__type__"),
                               arguments.range->position,
                               steps.time(i),
                               args};
      auto cell = entry.run(window, context);
      if (cell.kind == Kind::kNone) continue;
      out.set(i, std::move(cell));
      any = true;
    }
    if (any) result.series.push_back(std::move(out));
  }
  return result;
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
  const auto range = HF_TRY(ev.eval_matrix(*call.args[0], steps));
  std::vector<bool> present(steps.count);
  for (const auto& series : range.series) {
    HF_TRY(ev.check());
    WindowSlide slide(series, range);
    for (std::size_t i = 0; i < steps.count; ++i) {
      const auto window = slide.at(i);
      present[i] = present[i] || !window.floats.empty() || !window.histograms.empty();
    }
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
