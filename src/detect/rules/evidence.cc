#include "detect/rules/evidence.h"

#include <algorithm>

#include "base/text.h"
#include "query/promql/ast.h"

namespace holdfast::detect {
namespace {

using namespace query::promql;  // NOLINT: the whole file is about its nodes

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

void add_window(const DurationValue& value, std::vector<Duration>& windows) {
  const auto ms = eval_duration(value, 0, 0);
  if (ms && *ms > 0) windows.push_back(std::chrono::milliseconds(*ms));
}

void collect_windows(const ExprPtr& expr, std::vector<Duration>& windows) {
  if (expr == nullptr) return;
  std::visit(Overloaded{
                 [&](const MatrixSelector& node) { add_window(node.range, windows); },
                 [&](const Subquery& node) {
                   add_window(node.range, windows);
                   collect_windows(node.expr, windows);
                 },
                 [&](const ParenExpr& node) { collect_windows(node.expr, windows); },
                 [&](const UnaryExpr& node) { collect_windows(node.expr, windows); },
                 [&](const BinaryExpr& node) {
                   collect_windows(node.left, windows);
                   collect_windows(node.right, windows);
                 },
                 [&](const AggregateExpr& node) {
                   collect_windows(node.expr, windows);
                   collect_windows(node.param, windows);
                 },
                 [&](const Call& node) {
                   for (const auto& arg : node.args) collect_windows(arg, windows);
                 },
                 [](const auto&) {},
             },
             expr->node);
}

// A comparison as seen from the side whose value the alert carries.
struct Comparison {
  BinaryOp op;
  const Expr* limit;
};

BinaryOp mirrored(BinaryOp op) {
  switch (op) {
    case BinaryOp::kLess: return BinaryOp::kGreater;
    case BinaryOp::kLessEqual: return BinaryOp::kGreaterEqual;
    case BinaryOp::kGreater: return BinaryOp::kLess;
    case BinaryOp::kGreaterEqual: return BinaryOp::kLessEqual;
    default: return op;
  }
}

std::optional<Comparison> comparison_of(const BinaryExpr& binary) {
  if (!is_comparison(binary.op) || binary.return_bool) return std::nullopt;
  // `0.05 < x` keeps x, as `x > 0.05` does.
  if (binary.left->type == ValueType::kScalar) return Comparison{mirrored(binary.op), binary.left.get()};
  return Comparison{binary.op, binary.right.get()};
}

std::string fine_when(const Comparison& comparison) {
  const auto limit = format_expr(without_parens(*comparison.limit));
  switch (comparison.op) {
    case BinaryOp::kGreater: return "<= " + limit;
    case BinaryOp::kGreaterEqual: return "< " + limit;
    case BinaryOp::kLess: return ">= " + limit;
    case BinaryOp::kLessEqual: return "> " + limit;
    case BinaryOp::kEqual: return "!= " + limit;
    default: return "== " + limit;
  }
}

std::string in_words(const Comparison& comparison) {
  const auto limit = format_expr(without_parens(*comparison.limit));
  switch (comparison.op) {
    case BinaryOp::kGreater: return "at or below " + limit;
    case BinaryOp::kGreaterEqual: return "below " + limit;
    case BinaryOp::kLess: return "at or above " + limit;
    case BinaryOp::kLessEqual: return "above " + limit;
    case BinaryOp::kEqual: return "at any value but " + limit;
    default: return "at " + limit;
  }
}

// The threshold and the words of what would have been fine, of an expression and the set operators at its top.
struct Reading {
  std::string threshold = "no result";
  std::string otherwise = "if the expression had no result";
};

Reading read_top(const Expr& expr) {
  Reading reading;
  const auto& top = without_parens(expr);
  const auto* binary = std::get_if<BinaryExpr>(&top.node);
  if (binary == nullptr) return reading;
  if (const auto comparison = comparison_of(*binary)) return {fine_when(*comparison), in_words(*comparison)};
  if (!is_set_operator(binary->op)) return reading;
  const auto left = read_top(*binary->left);
  const auto right = format_expr(without_parens(*binary->right));
  switch (binary->op) {
    case BinaryOp::kAnd: return {left.threshold, left.otherwise + ", or without a result of " + right};
    case BinaryOp::kUnless: return {left.threshold, left.otherwise + ", or with a result of " + right};
    default: break;
  }
  const auto other = read_top(*binary->right);
  return {left.threshold + " or " + other.threshold, left.otherwise + ", and " + other.otherwise};
}

}  // namespace

std::vector<Duration> windows_of(const Expr& expr) {
  std::vector<Duration> windows;
  // A root that is not shared: looked at, not kept.
  collect_windows(ExprPtr(ExprPtr(), &expr), windows);
  std::sort(windows.begin(), windows.end());
  windows.erase(std::unique(windows.begin(), windows.end()), windows.end());
  return windows;
}

model::Evidence evidence_of(const AlertingRule& rule) {
  model::Evidence evidence;
  evidence.query = std::string(trim(rule.query));
  evidence.source = rule.place.file + ":" + std::to_string(rule.place.line);
  std::vector<std::string> windows;
  Reading reading;
  if (rule.expr != nullptr) {
    for (const auto window : windows_of(*rule.expr)) windows.push_back(format_duration(window));
    reading = read_top(*rule.expr);
  }
  const auto held = format_duration(rule.hold);
  if (rule.hold > Duration::zero()) windows.push_back("held for " + held);
  evidence.window = windows.empty() ? "at one instant" : join(windows, ", ");
  evidence.threshold = reading.threshold;
  evidence.otherwise = "would not fire " + reading.otherwise;
  if (rule.hold > Duration::zero()) evidence.otherwise += ", or if it had not held for " + held;
  return evidence;
}

}  // namespace holdfast::detect
