// Selectors and what may follow them: {matchers}, [range], [range:step], offset, @.
#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "query/promql/parser.h"

namespace holdfast::query::promql {

using Kind = TokenKind;

// ---- matchers ----

ExprPtr Parser::selector(std::string name, PositionRange begin) {
  VectorSelector node;
  auto end = begin.end;
  if (!name.empty())
    node.matchers.push_back(model::Matcher::equal(std::string(model::kMetricName), name));
  node.name = std::move(name);
  if (is(Kind::kLeftBrace)) {
    take();
    if (!matchers(node.name, node.matchers)) return nullptr;
    end = tokens_[index_ - 1].position.end;
  }
  const bool all_empty = std::all_of(node.matchers.begin(), node.matchers.end(),
                                     [](const auto& m) { return m.matches_empty(); });
  const PositionRange position{begin.begin, end};
  if (all_empty && !empty_selector_allowed_)
    return fail(position, "vector selector must contain at least one non-empty matcher");
  return make(std::move(node), ValueType::kVector, position);
}

// After "{" to behind "}".
bool Parser::matchers(std::string& name, std::vector<model::Matcher>& into) {
  while (!is(Kind::kRightBrace)) {
    if (!one_matcher(name, into)) return false;
    if (is(Kind::kRightBrace)) break;
    if (!expect(Kind::kComma, "label matching", "\",\" or \"}\"")) return false;
  }
  take();
  return true;
}

// label op "value", "quoted label" op "value", or "metric name" alone.
bool Parser::one_matcher(std::string& name, std::vector<model::Matcher>& into) {
  const bool quoted = is(Kind::kString);
  if (!quoted && !is(Kind::kIdentifier)) {
    unexpected("label matching", "identifier or \"}\"");
    return false;
  }
  auto label = take();
  const auto text = quoted ? label.value : std::string(label.text);
  model::MatchOp op{};
  switch (here().kind) {
    case Kind::kAssign:
      op = model::MatchOp::kEqual;
      break;
    case Kind::kNotEqual:
      op = model::MatchOp::kNotEqual;
      break;
    case Kind::kRegex:
      op = model::MatchOp::kRegex;
      break;
    case Kind::kNotRegex:
      op = model::MatchOp::kNotRegex;
      break;
    default:
      if (quoted && (is(Kind::kComma) || is(Kind::kRightBrace))) {
        if (!name.empty()) {
          fail(label.position, "metric name must not be set twice: " + model::quote(name) + " or " +
                                   model::quote(text));
          return false;
        }
        name = text;
        into.push_back(model::Matcher::equal(std::string(model::kMetricName), text));
        return true;
      }
      unexpected("label matching", "label matching operator");
      return false;
  }
  take();
  if (!is(Kind::kString)) {
    unexpected("label matching", "string");
    return false;
  }
  if (text == model::kMetricName && !name.empty() && op == model::MatchOp::kEqual) {
    fail(label.position, "metric name must not be set twice: " + model::quote(name) + " or " +
                             model::quote(here().value));
    return false;
  }
  auto value = take();
  auto matcher = model::Matcher::make(op, text, value.value);
  if (!matcher) {
    fail({label.position.begin, value.position.end}, matcher.error().message());
    return false;
  }
  into.push_back(std::move(*matcher));
  return true;
}

Result<std::vector<model::Matcher>> Parser::parse_only_selector() {
  if (is(Kind::kEnd)) {
    fail(here().position, "no expression found in input");
    return std::move(*error_);
  }
  ExprPtr expr;
  if (is(Kind::kLeftBrace)) {
    expr = selector({}, here().position);
  } else if (is(Kind::kIdentifier) || is(Kind::kMetricIdentifier)) {
    const auto token = take();
    expr = selector(std::string(token.text), token.position);
  } else {
    unexpected("", "");
  }
  if (!failed() && !is(Kind::kEnd)) unexpected("", "");
  if (error_) return std::move(*error_);
  return std::get<VectorSelector>(expr->node).matchers;
}

// ---- ranges ----

ExprPtr Parser::range(ExprPtr expr) {
  const auto bracket = take().position;
  DurationValue span;
  if (!duration(span, true, "range selector")) return nullptr;
  if (is(Kind::kColon)) {
    take();
    Subquery node;
    node.range = std::move(span);
    if (!is(Kind::kRightBracket)) {
      DurationValue step;
      if (!duration(step, true, "subquery selector")) return nullptr;
      node.step = std::move(step);
    }
    const auto end = here().position.end;
    if (!expect(Kind::kRightBracket, "subquery selector", "\"]\"")) return nullptr;
    const PositionRange position{expr->position.begin, end};
    if (expr->type != ValueType::kVector && expr->type != ValueType::kScalar) {
      return fail(position, "subquery is only allowed on instant vector, got " +
                                std::string(value_type_name(expr->type)) + " instead");
    }
    node.expr = std::move(expr);
    return make(std::move(node), ValueType::kMatrix, position);
  }
  MatrixSelector node;
  node.range = std::move(span);
  const auto end = here().position.end;
  if (!expect(Kind::kRightBracket, "range selector", "\"]\"")) return nullptr;
  const auto* vector = std::get_if<VectorSelector>(&expr->node);
  if (vector == nullptr) return fail(bracket, "ranges only allowed for vector selectors");
  if (vector->shift.has_offset) return fail(bracket, "no offset modifiers allowed before range");
  if (vector->shift.at || vector->shift.anchor != TimeShift::Anchor::kNone)
    return fail(bracket, "no @ modifiers allowed before range");
  const PositionRange position{expr->position.begin, end};
  node.selector = std::move(expr);
  return make(std::move(node), ValueType::kMatrix, position);
}

// A copy of `expr` with its TimeShift changed by `change`; null when it has none to change.
namespace {

template <typename Change>
std::optional<Expr> with_shift(const Expr& expr, Change change) {
  Expr copy = expr;
  if (auto* vector = std::get_if<VectorSelector>(&copy.node)) {
    change(vector->shift);
  } else if (auto* matrix = std::get_if<MatrixSelector>(&copy.node)) {
    Expr selector = *matrix->selector;
    change(std::get<VectorSelector>(selector.node).shift);
    matrix->selector = std::make_shared<const Expr>(std::move(selector));
  } else if (auto* subquery = std::get_if<Subquery>(&copy.node)) {
    change(subquery->shift);
  } else {
    return std::nullopt;
  }
  return copy;
}

}  // namespace

ExprPtr Parser::offset(ExprPtr expr) {
  const auto word = take();
  DurationValue value;
  if (!duration(value, false, "offset")) return nullptr;
  bool twice = false;
  auto changed = with_shift(*expr, [&](TimeShift& shift) {
    twice = shift.has_offset;
    shift.offset = value;
    shift.has_offset = true;
  });
  if (!changed) {
    return fail(expr->position,
                "offset modifier must be preceded by an instant vector selector or range vector "
                "selector or a subquery");
  }
  if (twice) return fail(word.position, "offset may not be set multiple times");
  changed->position.end = tokens_[index_ - 1].position.end;
  return std::make_shared<const Expr>(std::move(*changed));
}

ExprPtr Parser::at(ExprPtr expr) {
  const auto sign_place = take().position;
  std::optional<Timestamp> at;
  auto anchor = TimeShift::Anchor::kNone;
  if ((here().is_word("start") || here().is_word("end")) && ahead().kind == Kind::kLeftParen) {
    anchor = take().is_word("start") ? TimeShift::Anchor::kStart : TimeShift::Anchor::kEnd;
    take();
    if (!expect(Kind::kRightParen, "@", "\")\"")) return nullptr;
  } else {
    double sign = 1;
    while (is(Kind::kSub) || is(Kind::kAdd)) sign *= take().kind == Kind::kSub ? -1 : 1;
    double value = 0;
    if (!take_number(value)) return unexpected("@", "timestamp");
    value *= sign * 1000;
    if (!std::isfinite(value) || std::abs(value) >= 9.2e18) {
      return fail(sign_place,
                  "timestamp out of bounds for @ modifier: " + format_double(value / 1000));
    }
    at = static_cast<Timestamp>(std::llround(value));
  }
  bool twice = false;
  auto changed = with_shift(*expr, [&](TimeShift& shift) {
    twice = shift.at.has_value() || shift.anchor != TimeShift::Anchor::kNone;
    shift.at = at;
    shift.anchor = anchor;
  });
  if (!changed) {
    return fail(expr->position,
                "@ modifier must be preceded by an instant vector selector or range vector "
                "selector or a subquery");
  }
  if (twice) return fail(sign_place, "@ <timestamp> may not be set multiple times");
  changed->position.end = tokens_[index_ - 1].position.end;
  return std::make_shared<const Expr>(std::move(*changed));
}

// anchored or smoothed, behind a selector.
ExprPtr Parser::range_mode(ExprPtr expr) {
  const auto word = take();
  if (!options_.experimental)
    return fail(word.position, std::string(word.text) + " modifier is not enabled");
  const auto mode = word.is_word("anchored") ? RangeMode::kAnchored : RangeMode::kSmoothed;
  Expr copy = *expr;
  RangeMode* into = nullptr;
  if (auto* matrix = std::get_if<MatrixSelector>(&copy.node)) into = &matrix->mode;
  if (auto* vector = std::get_if<VectorSelector>(&copy.node);
      vector != nullptr && mode == RangeMode::kSmoothed) {
    into = &vector->mode;
  }
  if (into == nullptr) {
    return fail(expr->position, std::string(word.text) +
                                    (mode == RangeMode::kAnchored
                                         ? " modifier must be preceded by a range vector selector"
                                         : " modifier must be preceded by an instant vector "
                                           "selector or range vector selector"));
  }
  if (*into != RangeMode::kPlain)
    return fail(word.position, "anchored or smoothed may not be set multiple times");
  *into = mode;
  copy.position.end = word.position.end;
  return std::make_shared<const Expr>(std::move(copy));
}

// ---- durations ----

// Inside brackets (`positive`) a whole arithmetic expression; after offset a sign and one primary.
bool Parser::duration(DurationValue& into, bool positive, const char* context) {
  const auto begin = here().position;
  auto expr = positive ? duration_sum(0) : duration_unary();
  if (failed()) return false;
  if (!expr) {
    unexpected(context, positive ? "number, duration, step(), or range()"
                                 : "number, duration, step(), or range()");
    return false;
  }
  const bool constant = expr->op == DurationExpr::Op::kNumber;
  if (!constant && !options_.experimental) {
    fail(begin, "duration expressions are not enabled");
    return false;
  }
  into.expr = constant ? nullptr : expr;
  if (!constant) return true;
  if (positive && expr->seconds <= 0) {
    fail(begin, "duration must be greater than 0");
    return false;
  }
  if (!std::isfinite(expr->seconds) || std::abs(expr->seconds) > 9.2e12) {
    fail(begin, "duration out of range");
    return false;
  }
  into.ms = static_cast<std::int64_t>(std::llround(expr->seconds * 1000));
  return true;
}

std::shared_ptr<const DurationExpr> Parser::duration_sum(int level) {
  // Levels: + - ; * / % ; ^ (to the right).
  if (++depth_ > 200) {
    fail(here().position, "expression is nested deeper than 200 levels");
    return nullptr;
  }
  auto left = level == 2 ? duration_unary() : duration_sum(level + 1);
  while (left && !failed()) {
    using Op = DurationExpr::Op;
    std::optional<Op> op;
    if (level == 0 && is(Kind::kAdd)) op = Op::kAdd;
    if (level == 0 && is(Kind::kSub)) op = Op::kSub;
    if (level == 1 && is(Kind::kMul)) op = Op::kMul;
    if (level == 1 && is(Kind::kDiv)) op = Op::kDiv;
    if (level == 1 && is(Kind::kMod)) op = Op::kMod;
    if (level == 2 && is(Kind::kPow)) op = Op::kPow;
    if (!op) break;
    take();
    auto right = level == 2 ? duration_sum(2) : duration_sum(level + 1);
    if (!right) {
      if (!failed()) unexpected("duration expression", "number, duration, step(), or range()");
      break;
    }
    auto node = std::make_shared<DurationExpr>();
    node->op = *op;
    node->left = std::move(left);
    node->right = std::move(right);
    left = std::move(node);
  }
  --depth_;
  return failed() ? nullptr : left;
}

std::shared_ptr<const DurationExpr> Parser::duration_unary() {
  if (!is(Kind::kAdd) && !is(Kind::kSub)) return duration_primary();
  const bool negative = take().kind == Kind::kSub;
  auto inner = duration_primary();
  if (!inner || !negative) return inner;
  auto node = std::make_shared<DurationExpr>();
  if (inner->op == DurationExpr::Op::kNumber) {
    *node = *inner;
    node->seconds = -inner->seconds;
  } else {
    node->op = DurationExpr::Op::kNeg;
    node->left = std::move(inner);
  }
  return node;
}

std::shared_ptr<const DurationExpr> Parser::duration_primary() {
  auto node = std::make_shared<DurationExpr>();
  using Op = DurationExpr::Op;
  if (is(Kind::kLeftParen)) {
    take();
    auto inner = duration_sum(0);
    if (!inner || !expect(Kind::kRightParen, "duration expression", "\")\"")) return nullptr;
    *node = *inner;
    node->parenthesised = true;
    return node;
  }
  if (is(Kind::kNumber) || is(Kind::kDuration)) {
    node->is_duration = is(Kind::kDuration);
    return take_number(node->seconds) ? node : nullptr;
  }
  const bool step = here().is_word("step"), span = here().is_word("range");
  const bool min = here().is_word("min_of"), max = here().is_word("max_of");
  if ((!step && !span && !min && !max) || ahead().kind != Kind::kLeftParen) return nullptr;
  take();
  take();
  node->op = step ? Op::kStep : span ? Op::kRange : min ? Op::kMin : Op::kMax;
  if (min || max) {
    node->left = duration_sum(0);
    if (!node->left || !expect(Kind::kComma, "duration expression", "\",\"")) return nullptr;
    node->right = duration_sum(0);
    if (!node->right) return nullptr;
  }
  return expect(Kind::kRightParen, "duration expression", "\")\"") ? node : nullptr;
}

}  // namespace holdfast::query::promql
