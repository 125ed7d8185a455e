// Types: what each node may hold. Checked as nodes are made, innermost first, with Prometheus' texts.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "query/promql/parser.h"

namespace holdfast::query::promql {
namespace {

bool is_scalar_or_vector(ValueType type) {
  return type == ValueType::kScalar || type == ValueType::kVector;
}

// Functions that know how to use the samples around a range.
constexpr std::array kAnchoredFunctions = {"changes", "delta", "increase", "rate", "resets"};
constexpr std::array kSmoothedFunctions = {"delta", "increase", "rate"};

template <typename List>
bool contains(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

template <typename List>
std::string joined(const List& list) {
  std::string text;
  for (const auto* word : list) text += (text.empty() ? "" : ", ") + std::string(word);
  return text;
}

}  // namespace

std::string_view value_type_name(ValueType type) {
  switch (type) {
    case ValueType::kScalar:
      return "scalar";
    case ValueType::kString:
      return "string";
    case ValueType::kVector:
      return "instant vector";
    case ValueType::kMatrix:
      return "range vector";
    case ValueType::kNone:
      return "nothing";
  }
  return "?";
}

std::string_view aggregate_op_text(AggregateOp op) {
  static constexpr std::string_view kTexts[] = {
      "sum",   "avg",          "min",  "max",     "group",    "stddev", "stdvar",
      "count", "count_values", "topk", "bottomk", "quantile", "limitk", "limit_ratio"};
  return kTexts[static_cast<std::size_t>(op)];
}

bool Parser::expect_type(const ExprPtr& expr, ValueType want, const std::string& context) {
  if (expr->type == want) return true;
  fail(expr->position, "expected type " + std::string(value_type_name(want)) + " in " + context +
                           ", got " + std::string(value_type_name(expr->type)));
  return false;
}

ExprPtr Parser::make_unary(UnaryOp op, ExprPtr expr, PositionRange position) {
  if (!is_scalar_or_vector(expr->type)) {
    return fail(
        position,
        "unary expression only allowed on expressions of type scalar or instant vector, got \"" +
            std::string(value_type_name(expr->type)) + "\"");
  }
  // A signed literal is a literal.
  if (const auto* literal = std::get_if<NumberLiteral>(&expr->node)) {
    return make(NumberLiteral{op == UnaryOp::kMinus ? -literal->value : literal->value,
                              literal->is_duration},
                ValueType::kScalar, position);
  }
  const auto type = expr->type;
  return make(UnaryExpr{op, std::move(expr)}, type, position);
}

ExprPtr Parser::make_binary(BinaryOp op, PositionRange op_position, ExprPtr left, ExprPtr right,
                            bool return_bool, VectorMatching matching) {
  const PositionRange position{left->position.begin, right->position.end};
  if (return_bool && !is_comparison(op))
    return fail(op_position, "bool modifier can only be used on comparison operators");
  if (is_comparison(op) && !return_bool && left->type == ValueType::kScalar &&
      right->type == ValueType::kScalar) {
    return fail(op_position, "comparisons between scalars must use BOOL modifier");
  }
  if (is_set_operator(op) && matching.card == MatchCard::kOneToOne)
    matching.card = MatchCard::kManyToMany;
  else if (is_set_operator(op))
    return fail(op_position,
                "no grouping allowed for \"" + std::string(binary_op_text(op)) + "\" operation");
  for (const auto& label : matching.labels) {
    if (!matching.on || std::find(matching.include.begin(), matching.include.end(), label) ==
                            matching.include.end())
      continue;
    return fail(op_position,
                "label " + model::quote(label) + " must not occur in ON and GROUP clause at once");
  }
  if (is_set_operator(op) && (matching.fill_left || matching.fill_right)) {
    return fail(op_position, "filling in missing series not allowed for set operators");
  }
  for (const auto* side : {&left, &right}) {
    if (!is_scalar_or_vector((*side)->type))
      return fail((*side)->position,
                  "binary expression must contain only scalar and instant vector types");
  }
  const bool both_vectors = left->type == ValueType::kVector && right->type == ValueType::kVector;
  if (!both_vectors) {
    if (matching.has_matching)
      return fail(op_position, "vector matching only allowed between instant vectors");
    if (matching.fill_left || matching.fill_right)
      return fail(op_position, "filling in missing series only allowed between instant vectors");
    if (is_set_operator(op))
      return fail(op_position, "set operator \"" + std::string(binary_op_text(op)) +
                                   "\" not allowed in binary scalar expression");
  }
  const bool any_vector = left->type == ValueType::kVector || right->type == ValueType::kVector;
  BinaryExpr node{op, std::move(left), std::move(right), return_bool, std::move(matching)};
  return make(std::move(node), any_vector ? ValueType::kVector : ValueType::kScalar, position);
}

ExprPtr Parser::make_aggregate(AggregateExpr node, PositionRange position) {
  if (!expect_type(node.expr, ValueType::kVector, "aggregation expression")) return nullptr;
  if (node.param) {
    const auto want =
        node.op == AggregateOp::kCountValues ? ValueType::kString : ValueType::kScalar;
    if (!expect_type(node.param, want, "aggregation parameter")) return nullptr;
  }
  const bool experimental = node.op == AggregateOp::kLimitk || node.op == AggregateOp::kLimitRatio;
  if (experimental && !options_.experimental)
    return fail(position,
                std::string(aggregate_op_text(node.op)) + "() is experimental and is not enabled");
  return make(std::move(node), ValueType::kVector, position);
}

ExprPtr Parser::make_call(const FunctionInfo& function, std::vector<ExprPtr> args,
                          PositionRange position) {
  const auto named = model::quote(function.name);
  const auto most = function.args.size();
  const auto count = [&](std::size_t n, const char* words) {
    return fail(position, "expected " + std::string(words) + std::to_string(n) +
                              " argument(s) in call to " + named + ", got " +
                              std::to_string(args.size()));
  };
  if (function.variadic == 0) {
    if (args.size() != most) return count(most, "");
  } else {
    const auto least =
        function.variadic > 0 ? most - static_cast<std::size_t>(function.variadic) : most - 1;
    if (args.size() < least) return count(least, "at least ");
    if (function.variadic > 0 && args.size() > most) return count(most, "at most ");
  }
  for (std::size_t i = 0; i < args.size(); ++i) {
    const auto want = function.args[std::min(i, most - 1)];
    if (!expect_type(args[i], want, "call to function " + named)) return nullptr;
  }
  if (function.name == "info" && args.size() > 1) {
    const auto* selector = std::get_if<VectorSelector>(&args[1]->node);
    if (selector == nullptr || !selector->name.empty())
      return fail(args[1]->position, "expected label selectors only");
  }
  check_range_mode(function, args);
  if (failed()) return nullptr;
  return make(Call{&function, std::move(args)}, function.returns, position);
}

void Parser::check_range_mode(const FunctionInfo& function, const std::vector<ExprPtr>& args) {
  for (const auto& arg : args) {
    const auto* matrix = std::get_if<MatrixSelector>(&without_parens(*arg).node);
    if (matrix == nullptr || matrix->mode == RangeMode::kPlain) continue;
    const bool anchored = matrix->mode == RangeMode::kAnchored;
    if (anchored ? contains(kAnchoredFunctions, function.name)
                 : contains(kSmoothedFunctions, function.name))
      continue;
    fail(arg->position, std::string(anchored ? "anchored" : "smoothed") +
                            " modifier can only be used with: " +
                            (anchored ? joined(kAnchoredFunctions) : joined(kSmoothedFunctions)) +
                            " - not with " + std::string(function.name));
  }
}

}  // namespace holdfast::query::promql
