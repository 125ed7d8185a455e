// An expression as Prometheus prints it: one line, canonical spacing, durations in their shortest form.
#include <cmath>

#include "base/text.h"
#include "base/time.h"
#include "model/labels.h"
#include "query/promql/ast.h"

namespace holdfast::query::promql {
namespace {

std::string duration_text(std::int64_t ms) {
  const auto text = format_duration(std::chrono::milliseconds(std::abs(ms)));
  return ms < 0 ? "-" + text : text;
}

std::string seconds_text(const DurationExpr& expr) {
  if (expr.is_duration)
    return duration_text(static_cast<std::int64_t>(std::llround(expr.seconds * 1000)));
  return format_double(expr.seconds);
}

std::string expr_text(const DurationExpr& expr) {
  using Op = DurationExpr::Op;
  const auto infix = [&](const char* op) {
    return expr_text(*expr.left) + " " + op + " " + expr_text(*expr.right);
  };
  std::string text;
  switch (expr.op) {
    case Op::kNumber:
      text = seconds_text(expr);
      break;
    case Op::kStep:
      text = "step()";
      break;
    case Op::kRange:
      text = "range()";
      break;
    case Op::kNeg:
      text = "-" + expr_text(*expr.left);
      break;
    case Op::kAdd:
      text = infix("+");
      break;
    case Op::kSub:
      text = infix("-");
      break;
    case Op::kMul:
      text = infix("*");
      break;
    case Op::kDiv:
      text = infix("/");
      break;
    case Op::kMod:
      text = infix("%");
      break;
    case Op::kPow:
      text = infix("^");
      break;
    case Op::kMin:
      text = "min_of(" + expr_text(*expr.left) + ", " + expr_text(*expr.right) + ")";
      break;
    case Op::kMax:
      text = "max_of(" + expr_text(*expr.left) + ", " + expr_text(*expr.right) + ")";
      break;
  }
  return expr.parenthesised ? "(" + text + ")" : text;
}

std::string value_text(const DurationValue& value) {
  return value.expr ? expr_text(*value.expr) : duration_text(value.ms);
}

std::string shift_text(const TimeShift& shift) {
  std::string text;
  if (shift.at) {
    const auto ms = *shift.at;
    const auto whole = std::to_string(std::abs(ms) / 1000);
    auto part = std::to_string(1000 + std::abs(ms) % 1000).substr(1);
    text += std::string(" @ ") + (ms < 0 ? "-" : "") + whole + "." + part;
  }
  if (shift.anchor == TimeShift::Anchor::kStart) text += " @ start()";
  if (shift.anchor == TimeShift::Anchor::kEnd) text += " @ end()";
  if (shift.has_offset) text += " offset " + value_text(shift.offset);
  return text;
}

std::string label_name(const std::string& name) {
  return model::is_label_name(name) ? name : model::quote(name);
}

std::string label_names(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + label_name(name);
  return "(" + text + ")";
}

std::string selector_text(const VectorSelector& node) {
  const bool plain_name = model::is_metric_name(node.name);
  std::string inside;
  if (!node.name.empty() && !plain_name) inside = model::quote(node.name);
  for (const auto& matcher : node.matchers) {
    if (!node.name.empty() && matcher.name() == model::kMetricName &&
        matcher.op() == model::MatchOp::kEqual)
      continue;
    static constexpr std::string_view kOps[] = {"=", "!=", "=~", "!~"};
    inside += (inside.empty() ? "" : ",") + label_name(matcher.name()) +
              std::string(kOps[static_cast<int>(matcher.op())]) + model::quote(matcher.value());
  }
  std::string text = plain_name ? node.name : "";
  if (!inside.empty()) text += "{" + inside + "}";
  return text;
}

std::string matching_text(const VectorMatching& matching) {
  std::string text;
  if (matching.has_matching && (matching.on || !matching.labels.empty())) {
    text += std::string(matching.on ? " on " : " ignoring ") + label_names(matching.labels);
  } else if (matching.has_matching && matching.card != MatchCard::kOneToOne &&
             matching.card != MatchCard::kManyToMany) {
    text += " ignoring ()";
  }
  if (matching.card == MatchCard::kManyToOne || matching.card == MatchCard::kOneToMany) {
    text += matching.card == MatchCard::kManyToOne ? " group_left " : " group_right ";
    text += label_names(matching.include);
  }
  const auto same = matching.fill_left && matching.fill_right &&
                    (*matching.fill_left == *matching.fill_right ||
                     (std::isnan(*matching.fill_left) && std::isnan(*matching.fill_right)));
  if (same) return text + " fill (" + format_double(*matching.fill_left) + ")";
  if (matching.fill_left) text += " fill_left (" + format_double(*matching.fill_left) + ")";
  if (matching.fill_right) text += " fill_right (" + format_double(*matching.fill_right) + ")";
  return text;
}

const char* mode_text(RangeMode mode) {
  return mode == RangeMode::kAnchored   ? " anchored"
         : mode == RangeMode::kSmoothed ? " smoothed"
                                        : "";
}

struct Formatter {
  std::string operator()(const NumberLiteral& node) const {
    if (node.is_duration)
      return duration_text(static_cast<std::int64_t>(std::llround(node.value * 1000)));
    return format_double(node.value);
  }
  std::string operator()(const StringLiteral& node) const { return model::quote(node.value); }
  std::string operator()(const VectorSelector& node) const {
    return selector_text(node) + shift_text(node.shift) + mode_text(node.mode);
  }
  std::string operator()(const MatrixSelector& node) const {
    const auto& selector = std::get<VectorSelector>(node.selector->node);
    return selector_text(selector) + "[" + value_text(node.range) + "]" +
           shift_text(selector.shift) + mode_text(node.mode);
  }
  std::string operator()(const Subquery& node) const {
    return format_expr(*node.expr) + "[" + value_text(node.range) + ":" +
           (node.step ? value_text(*node.step) : "") + "]" + shift_text(node.shift);
  }
  std::string operator()(const ParenExpr& node) const {
    return "(" + format_expr(*node.expr) + ")";
  }
  std::string operator()(const UnaryExpr& node) const {
    return (node.op == UnaryOp::kMinus ? "-" : "+") + format_expr(*node.expr);
  }
  std::string operator()(const BinaryExpr& node) const {
    return format_expr(*node.left) + " " + std::string(binary_op_text(node.op)) +
           (node.return_bool ? " bool" : "") + matching_text(node.matching) + " " +
           format_expr(*node.right);
  }
  std::string operator()(const AggregateExpr& node) const {
    std::string text(aggregate_op_text(node.op));
    if (node.without)
      text += " without " + label_names(node.grouping) + " ";
    else if (!node.grouping.empty())
      text += " by " + label_names(node.grouping) + " ";
    return text + "(" + (node.param ? format_expr(*node.param) + ", " : "") +
           format_expr(*node.expr) + ")";
  }
  std::string operator()(const Call& node) const {
    std::string args;
    for (const auto& arg : node.args) args += (args.empty() ? "" : ", ") + format_expr(*arg);
    return std::string(node.function->name) + "(" + args + ")";
  }
};

}  // namespace

std::string format_expr(const Expr& expr) { return std::visit(Formatter{}, expr.node); }

}  // namespace holdfast::query::promql
