// The expressions are made of the parsed tree, not of the text, so that strings and comments with brackets in them do no harm.
//
//   Occurrences       bad(w) of total(w), as the indicator counts them
//   Timeslices        sum of [slice is bad] over w, of the slices in w; slice is bad: bad(slice) > (1 - target) * total(slice)
//   RatioTimeslices   sum of bad(slice) / total(slice) over w, of the slices in w that had any
#include "detect/slo/indicator.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "query/promql/ast.h"

namespace holdfast::detect::slo {
namespace {

using namespace query::promql;  // NOLINT: half of the file is about its nodes

// What may be taken over a range without losing that two ranges add up.
constexpr std::array<std::string_view, 6> kAdditive = {
    "changes", "count_over_time", "increase", "rate", "resets", "sum_over_time"};
constexpr std::array<std::string_view, 4> kAnchorable = {"changes", "increase", "rate", "resets"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class Rewriter {
 public:
  Rewriter(Duration window, Counting counting) : window_(window), counting_(counting) {}

  ExprPtr rewrite(const ExprPtr& expr) {
    if (expr == nullptr) return nullptr;
    auto made = std::make_shared<Expr>(*expr);
    if (auto* paren = std::get_if<ParenExpr>(&made->node)) {
      paren->expr = rewrite(paren->expr);
    } else if (auto* unary = std::get_if<UnaryExpr>(&made->node)) {
      unary->expr = rewrite(unary->expr);
    } else if (auto* binary = std::get_if<BinaryExpr>(&made->node)) {
      binary->left = rewrite(binary->left);
      binary->right = rewrite(binary->right);
    } else if (auto* aggregate = std::get_if<AggregateExpr>(&made->node)) {
      if (aggregate->op != AggregateOp::kSum)
        wrong("'" + std::string(aggregate_op_text(aggregate->op)) +
              "' of a counter; counts may only be summed");
      aggregate->expr = rewrite(aggregate->expr);
    } else if (auto* call = std::get_if<Call>(&made->node)) {
      rewrite_call(*call);
    } else if (std::holds_alternative<VectorSelector>(made->node)) {
      return increase_of(expr);
    } else if (std::holds_alternative<Subquery>(made->node)) {
      wrong("a subquery; write the counter itself, the window is added");
    }
    return made;
  }
  const std::string& problem() const { return problem_; }

 private:
  void wrong(std::string what) {
    if (problem_.empty()) problem_ = std::move(what);
  }

  void rewrite_call(Call& call) {
    const auto name = call.function->name;
    for (auto& arg : call.args) {
      if (!std::holds_alternative<MatrixSelector>(arg->node)) {
        arg = rewrite(arg);
        continue;
      }
      if (!contains(kAdditive, name)) {
        return wrong("'" + std::string(name) +
                     "' cannot be counted over a window; allowed: the counter itself, or increase, "
                     "rate, sum_over_time, "
                     "count_over_time, changes or resets of it");
      }
      arg = ranged(std::get<MatrixSelector>(arg->node), contains(kAnchorable, name));
    }
    if (name == "rate") call.function = find_function("increase");
  }

  ExprPtr ranged(MatrixSelector selector, bool anchorable) {
    selector.range = {to_ms(window_), nullptr};
    selector.mode =
        anchorable && counting_ == Counting::kExact ? RangeMode::kAnchored : RangeMode::kPlain;
    const auto* vector = std::get_if<VectorSelector>(&selector.selector->node);
    if (vector != nullptr && (vector->shift.at || vector->shift.anchor != TimeShift::Anchor::kNone))
      wrong("'@' in a counter, whose time is the window's");
    auto made = std::make_shared<Expr>();
    made->node = std::move(selector);
    made->type = ValueType::kMatrix;
    return made;
  }

  ExprPtr increase_of(const ExprPtr& selector) {
    if (std::get<VectorSelector>(selector->node).mode != RangeMode::kPlain)
      wrong("'smoothed' of a counter; write the counter itself");
    auto made = std::make_shared<Expr>();
    made->node = Call{find_function("increase"), {ranged({selector, {}, RangeMode::kPlain}, true)}};
    made->type = ValueType::kVector;
    return made;
  }

  const Duration window_;
  const Counting counting_;
  std::string problem_;
};

// "{{.window}}", "{{ .window }}": Sloth's word for the window.
std::string with_window(std::string_view query, Duration window) {
  std::string text;
  for (std::size_t at = 0; at < query.size();) {
    const auto open = query.find("{{", at);
    const auto close = open == std::string_view::npos ? open : query.find("}}", open);
    if (close == std::string_view::npos ||
        trim(query.substr(open + 2, close - open - 2)) != ".window") {
      const auto next = open == std::string_view::npos ? query.size() : open + 2;
      text += query.substr(at, next - at);
      at = next;
      continue;
    }
    text += query.substr(at, open - at);
    text += format_duration(window);
    at = close + 2;
  }
  return text;
}

Result<ExprPtr> parse_vector(std::string_view query) {
  if (trim(query).empty()) return invalid("the query is empty");
  auto expr = HF_TRY(parse_expr(query));
  if (expr->type != ValueType::kVector) {
    return invalid("the query gives a " + std::string(value_type_name(expr->type)) +
                   "; allowed: an instant vector, such as requests_total{code=\"200\"}");
  }
  return expr;
}

// sum(...) of what the counter grew by.
Result<std::string> counted(std::string_view query, Duration window, Counting counting) {
  const auto expr = HF_TRY(parse_vector(with_window(query, window)));
  Rewriter rewriter(window, counting);
  const auto made = rewriter.rewrite(expr);
  if (!rewriter.problem().empty()) return invalid(rewriter.problem());
  const auto& outer = without_parens(*made);
  const auto* sum = std::get_if<AggregateExpr>(&outer.node);
  if (sum != nullptr && !sum->has_grouping) return format_expr(outer);
  return "sum(" + format_expr(*made) + ")";
}

Result<std::string> level_text(std::string_view query, Duration step) {
  const auto expr = HF_TRY(parse_vector(with_window(query, step)));
  return format_expr(*expr);
}

std::string over(std::string_view function, const std::string& inner, Duration window,
                 Duration step) {
  return std::string(function) + "((" + inner + ")[" + format_duration(window) + ":" +
         format_duration(step) + "])";
}

Limit opposite(Limit limit) {
  switch (limit) {
    case Limit::kLess:
      return Limit::kGreaterEqual;
    case Limit::kLessEqual:
      return Limit::kGreater;
    case Limit::kGreater:
      return Limit::kLessEqual;
    case Limit::kGreaterEqual:
      break;
  }
  return Limit::kLess;
}

// ---- events ----

// A ratio's part over the window: what a counter grew by, or a level summed over its steps.
Result<std::string> part(const Slo& slo, const std::string& query, Duration window,
                         Counting counting) {
  if (slo.indicator.counter) return counted(query, window, counting);
  return "sum(" + over("sum_over_time", HF_TRY(level_text(query, slo.step())), window, slo.step()) +
         ")";
}

Result<std::string> events(const Slo& slo, Duration window, Counting counting) {
  const auto& indicator = slo.indicator;
  if (indicator.kind == Indicator::Kind::kRatio)
    return part(slo, indicator.total, window, counting);
  // NaN is no value: a quantile of no requests is neither fast nor slow.
  const auto known = "(" + HF_TRY(level_text(indicator.value, slo.step()))
  +") > -Inf";
  return "sum(" + over("count_over_time", known, window, slo.step()) + ")";
}

Result<std::string> bad_events(const Slo& slo, Duration window, Counting counting) {
  const auto& indicator = slo.indicator;
  if (indicator.kind == Indicator::Kind::kRatio) {
    const auto total = HF_TRY(events(slo, window, counting));
    const bool by_bad = !indicator.bad.empty();
    const auto counts =
        HF_TRY(part(slo, by_bad ? indicator.bad : indicator.good, window, counting));
    const auto or_none =
        indicator.good_exists && !by_bad ? counts : "(" + counts + " or 0 * " + total + ")";
    // Extrapolation may make more good events than there were events.
    return by_bad ? or_none : "clamp_min(" + total + " - " + or_none + ", 0)";
  }
  const auto level = HF_TRY(level_text(indicator.value, slo.step()));
  if (indicator.kind == Indicator::Kind::kThreshold) {
    const auto is_bad = "(" + level + ") " + std::string(limit_text(opposite(indicator.limit))) +
                        " bool " + format_double(indicator.threshold);
    return "sum(" + over("sum_over_time", is_bad, window, slo.step()) + ")";
  }
  const auto share = (indicator.raw_is_failure ? "(" : "1 - (") + level + ")";
  const auto known = indicator.raw_is_failure ? share + " > -Inf" : "(" + share + ") > -Inf";
  return "sum(" + over("sum_over_time", known, window, slo.step()) + ")";
}

}  // namespace

Result<std::string> total_over(const Slo& slo, Duration window, Counting counting) {
  if (slo.budgeting == Budgeting::kOccurrences) return events(slo, window, counting);
  if (counting == Counting::kPlain) window = std::max(window, slo.slice);
  const auto slice = HF_TRY(events(slo, slo.slice, counting));
  const bool ratio = slo.budgeting == Budgeting::kRatioTimeslices;
  return over("count_over_time", ratio ? slice + " > 0" : slice, window, slo.slice);
}

Result<std::string> bad_over(const Slo& slo, Duration window, Counting counting) {
  if (slo.budgeting == Budgeting::kOccurrences) return bad_events(slo, window, counting);
  if (counting == Counting::kPlain) window = std::max(window, slo.slice);
  const auto total = HF_TRY(events(slo, slo.slice, counting));
  const auto bad = HF_TRY(bad_events(slo, slo.slice, counting));
  if (slo.budgeting == Budgeting::kRatioTimeslices)
    return over("sum_over_time", bad + " / (" + total + " > 0)", window, slo.slice);
  // A billionth of slack: 9 good of 10 are 90 %, whatever 1 - 0.9 is in a double. No traffic harms nobody.
  const auto allowed = format_double(tidy(1.0 - slo.slice_target) + 1e-9);
  return over("sum_over_time", bad + " > bool " + allowed + " * " + total, window, slo.slice);
}

Result<void> check_counter_query(std::string_view query) {
  HF_TRY(counted(query, 5min, Counting::kPlain));
  return {};
}

Result<void> check_level_query(std::string_view query) {
  HF_TRY(level_text(query, 1min));
  return {};
}

}  // namespace holdfast::detect::slo
