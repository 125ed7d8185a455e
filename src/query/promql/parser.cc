// Precedence, weakest first: or; and unless; comparisons; + -; * / % atan2; unary; ^ (to the right). A level is one
// turn of binary(); offset, @ and [..] bind tighter than all of them (parser_selector.cc).
#include "query/promql/parser.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace holdfast::query::promql {
namespace {

constexpr int kDepthMax = 200;
constexpr int kPowerLevel = 5;

struct OperatorRow {
  BinaryOp op;
  std::string_view text;
  int level;
};
constexpr OperatorRow kOperators[] = {
    {BinaryOp::kOr, "or", 0},           {BinaryOp::kAnd, "and", 1},
    {BinaryOp::kUnless, "unless", 1},   {BinaryOp::kEqual, "==", 2},
    {BinaryOp::kNotEqual, "!=", 2},     {BinaryOp::kLess, "<", 2},
    {BinaryOp::kLessEqual, "<=", 2},    {BinaryOp::kGreater, ">", 2},
    {BinaryOp::kGreaterEqual, ">=", 2}, {BinaryOp::kTrimUpper, "</", 2},
    {BinaryOp::kTrimLower, ">/", 2},    {BinaryOp::kAdd, "+", 3},
    {BinaryOp::kSub, "-", 3},           {BinaryOp::kMul, "*", 4},
    {BinaryOp::kDiv, "/", 4},           {BinaryOp::kMod, "%", 4},
    {BinaryOp::kAtan2, "atan2", 4},     {BinaryOp::kPow, "^", kPowerLevel},
};

const OperatorRow* operator_of(const Token& token) {
  const bool symbol = token.kind >= TokenKind::kEqual;
  if (!symbol && token.kind != TokenKind::kIdentifier) return nullptr;
  const auto text = lower(token.text);
  for (const auto& row : kOperators) {
    if (row.text == text) return &row;
  }
  return nullptr;
}

}  // namespace

struct Parser::Deeper {
  explicit Deeper(Parser& parser) : parser(parser) { ++parser.depth_; }
  ~Deeper() { --parser.depth_; }
  bool too_deep() const {
    if (parser.depth_ <= kDepthMax) return false;
    parser.fail(parser.here().position, "expression is nested deeper than 200 levels");
    return true;
  }
  Parser& parser;
};

const Expr& without_parens(const Expr& expr) {
  const Expr* inner = &expr;
  while (const auto* paren = std::get_if<ParenExpr>(&inner->node)) inner = paren->expr.get();
  return *inner;
}

std::string_view binary_op_text(BinaryOp op) {
  for (const auto& row : kOperators) {
    if (row.op == op) return row.text;
  }
  return "?";
}
bool is_comparison(BinaryOp op) { return op >= BinaryOp::kEqual && op <= BinaryOp::kGreaterEqual; }
bool is_set_operator(BinaryOp op) { return op >= BinaryOp::kAnd && op <= BinaryOp::kUnless; }

// ---- the state ----

ExprPtr Parser::make(decltype(Expr::node) node, ValueType type, PositionRange position) const {
  return std::make_shared<const Expr>(Expr{std::move(node), type, position});
}

ExprPtr Parser::fail(PositionRange position, std::string message) {
  if (error_) return nullptr;
  std::size_t line = 1, column = 1;
  for (std::size_t i = 0; i < std::min(position.begin, text_.size()); ++i) {
    column = text_[i] == '\n' ? 1 : column + 1;
    line += text_[i] == '\n' ? 1 : 0;
  }
  error_ =
      invalid(std::to_string(line) + ":" + std::to_string(column) + ": parse error: " + message);
  return nullptr;
}

ExprPtr Parser::unexpected(const char* context, const char* expected) {
  if (is(TokenKind::kError)) return fail(here().position, here().value);
  std::string message = "unexpected " + describe(here());
  if (*context != '\0') message += std::string(" in ") + context;
  if (*expected != '\0') message += std::string(", expected ") + expected;
  return fail(here().position, std::move(message));
}

bool Parser::take_if(TokenKind kind) {
  if (!is(kind)) return false;
  take();
  return true;
}

bool Parser::expect(TokenKind kind, const char* context, const char* expected) {
  if (take_if(kind)) return true;
  unexpected(context, expected);
  return false;
}

Result<ExprPtr> Parser::parse() {
  if (is(TokenKind::kEnd)) {
    fail(here().position, "no expression found in input");
    return std::move(*error_);
  }
  // A lexer's error is reported where the parser meets it, unless it never gets there.
  auto expr = binary(0);
  if (!failed() && !is(TokenKind::kEnd)) unexpected("", "");
  if (error_) return std::move(*error_);
  return expr;
}

// ---- operators ----

ExprPtr Parser::binary(int level) {
  if (level == kPowerLevel) return unary();
  auto left = binary(level + 1);
  while (!failed()) {
    const auto* row = operator_of(here());
    if (row == nullptr || row->level != level) break;
    const auto op_position = take().position;
    bool return_bool = false;
    VectorMatching matching;
    if (!modifiers(return_bool, matching)) return nullptr;
    auto right = binary(level + 1);
    if (failed()) return nullptr;
    left = make_binary(row->op, op_position, std::move(left), std::move(right), return_bool,
                       std::move(matching));
  }
  return left;
}

// Every way down passes here, so here depth is counted.
ExprPtr Parser::unary() {
  const Deeper deeper(*this);
  if (deeper.too_deep()) return nullptr;
  if (!is(TokenKind::kAdd) && !is(TokenKind::kSub)) return power();
  const auto sign = take();
  auto expr = unary();
  if (failed()) return nullptr;
  return make_unary(sign.kind == TokenKind::kSub ? UnaryOp::kMinus : UnaryOp::kPlus,
                    std::move(expr),
                    {sign.position.begin, tokens_[index_ == 0 ? 0 : index_ - 1].position.end});
}

ExprPtr Parser::power() {
  auto base = postfix();
  if (failed() || !is(TokenKind::kPow)) return base;
  const auto op_position = take().position;
  bool return_bool = false;
  VectorMatching matching;
  if (!modifiers(return_bool, matching)) return nullptr;
  auto exponent = unary();  // to the right: 2 ^ 3 ^ 2, and 2 ^ -1
  if (failed()) return nullptr;
  return make_binary(BinaryOp::kPow, op_position, std::move(base), std::move(exponent), return_bool,
                     std::move(matching));
}

// bool, on/ignoring, group_left/group_right, fill, after a binary operator.
bool Parser::modifiers(bool& return_bool, VectorMatching& matching) {
  if (here().is_word("bool")) {
    take();
    return_bool = true;
  }
  if ((here().is_word("on") || here().is_word("ignoring")) &&
      ahead().kind == TokenKind::kLeftParen) {
    matching.on = here().is_word("on");
    matching.has_matching = true;
    take();
    if (!label_list("grouping opts", matching.labels)) return false;
  }
  if (matching.has_matching && (here().is_word("group_left") || here().is_word("group_right"))) {
    matching.card = here().is_word("group_left") ? MatchCard::kManyToOne : MatchCard::kOneToMany;
    take();
    if (is(TokenKind::kLeftParen) && !label_list("grouping opts", matching.include)) return false;
  }
  while (is(TokenKind::kIdentifier) && ahead().kind == TokenKind::kLeftParen) {
    const bool both = here().is_word("fill"), left = here().is_word("fill_left"),
               right = here().is_word("fill_right");
    if (!both && !left && !right) break;
    take();
    std::optional<double> value;
    if (!fill_value(value)) return false;
    if (both || left) matching.fill_left = value;
    if (both || right) matching.fill_right = value;
  }
  return true;
}

bool Parser::fill_value(std::optional<double>& into) {
  if (!expect(TokenKind::kLeftParen, "fill modifier", "\"(\"")) return false;
  double sign = 1;
  while (is(TokenKind::kSub) || is(TokenKind::kAdd))
    sign *= take().kind == TokenKind::kSub ? -1 : 1;
  double value = 0;
  if (!take_number(value)) {
    unexpected("fill modifier", "number");
    return false;
  }
  into = sign * value;
  return expect(TokenKind::kRightParen, "fill modifier", "\")\"");
}

bool Parser::label_list(const char* context, std::vector<std::string>& into) {
  if (!expect(TokenKind::kLeftParen, context, "\"(\"")) return false;
  while (!is(TokenKind::kRightParen)) {
    if (is(TokenKind::kIdentifier) || is(TokenKind::kString)) {
      auto token = take();
      into.push_back(token.kind == TokenKind::kString ? token.value : std::string(token.text));
    } else {
      unexpected(context, "label");
      return false;
    }
    if (is(TokenKind::kRightParen)) break;
    if (!expect(TokenKind::kComma, context, "\",\" or \")\"")) return false;
  }
  take();
  return true;
}

// ---- primaries ----

bool Parser::take_number(double& value) {
  const auto& token = here();
  if (token.kind == TokenKind::kDuration) {
    auto ms = parse_duration_ms(token.text);
    if (!ms) {
      fail(token.position, ms.error().message());
      return false;
    }
    value = static_cast<double>(*ms) / 1000.0;
  } else if (token.kind == TokenKind::kNumber) {
    std::string digits(token.text);
    std::erase(digits, '_');
    if (digits.size() > 2 && (digits[1] == 'x' || digits[1] == 'X')) {
      value = 0;
      for (const char c : digits.substr(2))
        value = value * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    } else {
      value = parse_double(digits).value_or(std::numeric_limits<double>::infinity());
    }
  } else if (token.is_word("inf") || token.is_word("nan")) {
    value = token.is_word("inf") ? std::numeric_limits<double>::infinity()
                                 : std::numeric_limits<double>::quiet_NaN();
  } else {
    return false;
  }
  take();
  return true;
}

ExprPtr Parser::number() {
  const auto position = here().position;
  const bool is_duration = is(TokenKind::kDuration);
  double value = 0;
  if (!take_number(value)) return nullptr;
  return make(NumberLiteral{value, is_duration}, ValueType::kScalar, position);
}

ExprPtr Parser::postfix() {
  auto expr = primary();
  while (!failed()) {
    if (is(TokenKind::kLeftBracket))
      expr = range(std::move(expr));
    else if (here().is_word("offset"))
      expr = offset(std::move(expr));
    else if (is(TokenKind::kAt))
      expr = at(std::move(expr));
    else if (here().is_word("anchored") || here().is_word("smoothed"))
      expr = range_mode(std::move(expr));
    else
      break;
  }
  return expr;
}

ExprPtr Parser::primary() {
  switch (here().kind) {
    case TokenKind::kNumber:
    case TokenKind::kDuration:
      return number();
    case TokenKind::kString: {
      auto token = take();
      return make(StringLiteral{std::move(token.value)}, ValueType::kString, token.position);
    }
    case TokenKind::kLeftParen:
      return paren();
    case TokenKind::kLeftBrace:
      return selector({}, here().position);
    case TokenKind::kMetricIdentifier: {
      const auto token = take();
      return selector(std::string(token.text), token.position);
    }
    case TokenKind::kIdentifier:
      return word_expr();
    default:
      return unexpected("", "");
  }
}

ExprPtr Parser::paren() {
  const auto begin = take().position;
  auto expr = binary(0);
  if (failed()) return nullptr;
  const auto end = here().position;
  if (!expect(TokenKind::kRightParen, "", "")) return nullptr;
  const auto type = expr->type;
  return make(ParenExpr{std::move(expr)}, type, {begin.begin, end.end});
}

// A word alone may be a number, an aggregation, a function, or a metric.
ExprPtr Parser::word_expr() {
  const auto& word = here();
  const auto next = ahead().kind;
  if ((word.is_word("inf") || word.is_word("nan")) && next != TokenKind::kLeftBrace &&
      next != TokenKind::kLeftParen)
    return number();
  const bool grouping = ahead().is_word("by") || ahead().is_word("without");
  if (is_aggregate_word(word.text) && (next == TokenKind::kLeftParen || grouping))
    return aggregate();
  if (next == TokenKind::kLeftParen && operator_of(word) == nullptr) return call();
  if (operator_of(word) != nullptr) return unexpected("", "");
  const auto token = take();
  return selector(std::string(token.text), token.position);
}

ExprPtr Parser::aggregate() {
  const auto word = take();
  AggregateExpr node;
  static constexpr std::pair<std::string_view, AggregateOp> kOps[] = {
      {"sum", AggregateOp::kSum},
      {"avg", AggregateOp::kAvg},
      {"min", AggregateOp::kMin},
      {"max", AggregateOp::kMax},
      {"group", AggregateOp::kGroup},
      {"stddev", AggregateOp::kStddev},
      {"stdvar", AggregateOp::kStdvar},
      {"count", AggregateOp::kCount},
      {"count_values", AggregateOp::kCountValues},
      {"topk", AggregateOp::kTopk},
      {"bottomk", AggregateOp::kBottomk},
      {"quantile", AggregateOp::kQuantile},
      {"limitk", AggregateOp::kLimitk},
      {"limit_ratio", AggregateOp::kLimitRatio}};
  const auto name = lower(word.text);
  for (const auto& [text, op] : kOps) {
    if (text == name) node.op = op;
  }
  const auto grouping = [&] {
    if (!here().is_word("by") && !here().is_word("without")) return true;
    node.without = here().is_word("without");
    node.has_grouping = true;
    take();
    return label_list("grouping opts", node.grouping);
  };
  if (!grouping()) return nullptr;
  if (!expect(TokenKind::kLeftParen, "aggregation", "\"(\"")) return nullptr;
  std::vector<ExprPtr> args;
  while (!is(TokenKind::kRightParen)) {
    args.push_back(binary(0));
    if (failed()) return nullptr;
    if (is(TokenKind::kRightParen)) break;
    if (!expect(TokenKind::kComma, "aggregation", "\",\" or \")\"")) return nullptr;
    if (is(TokenKind::kRightParen))
      return fail(here().position, "trailing commas not allowed in function call args");
  }
  auto end = take().position.end;
  if (!node.has_grouping) {
    if (!grouping()) return nullptr;
    if (node.has_grouping) end = tokens_[index_ - 1].position.end;
  }
  const PositionRange position{word.position.begin, end};
  const bool with_param = node.op == AggregateOp::kCountValues || node.op == AggregateOp::kTopk ||
                          node.op == AggregateOp::kBottomk || node.op == AggregateOp::kQuantile ||
                          node.op == AggregateOp::kLimitk || node.op == AggregateOp::kLimitRatio;
  const std::size_t want = with_param ? 2 : 1;
  if (args.empty()) return fail(position, "no arguments for aggregate expression provided");
  if (args.size() != want) {
    return fail(position, "wrong number of arguments for aggregate expression provided, expected " +
                              std::to_string(want) + ", got " + std::to_string(args.size()));
  }
  if (with_param) node.param = std::move(args[0]);
  node.expr = std::move(args.back());
  return make_aggregate(std::move(node), position);
}

ExprPtr Parser::call() {
  const auto word = take();
  const auto* function = find_function(word.text);
  if (function == nullptr)
    return fail(word.position, "unknown function with name " + model::quote(word.text));
  if (function->experimental && !options_.experimental) {
    return fail(word.position, "function " + model::quote(word.text) + " is not enabled");
  }
  take();  // the parenthesis that made it a call
  std::vector<ExprPtr> args;
  while (!is(TokenKind::kRightParen)) {
    // info() looks for labels with its second argument, not for series.
    empty_selector_allowed_ = function->name == "info" && args.size() == 1;
    args.push_back(binary(0));
    empty_selector_allowed_ = false;
    if (failed()) return nullptr;
    if (is(TokenKind::kRightParen)) break;
    if (!is(TokenKind::kComma)) return unexpected("function call", "\",\" or \")\"");
    const auto comma = take().position;
    if (is(TokenKind::kRightParen))
      return fail(comma, "trailing commas not allowed in function call args");
  }
  const auto end = take().position.end;
  return make_call(*function, std::move(args), {word.position.begin, end});
}

Result<ExprPtr> parse_expr(std::string_view text, const ParseOptions& options) {
  return Parser(text, options).parse();
}

Result<std::vector<model::Matcher>> parse_selector(std::string_view text) {
  const ParseOptions options;
  return Parser(text, options).parse_only_selector();
}

}  // namespace holdfast::query::promql
