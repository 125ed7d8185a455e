// query/promql/ast.h: a parsed expression.
//
// Purpose     What the parser makes, the formatter prints and the evaluator walks. Immutable once parsed; types
//             are checked by the parser, so the evaluator trusts them.
// Units       Durations and offsets are milliseconds. Positions are byte offsets into the query's text.
// Threads     Values behind shared_ptr<const>; share freely.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/matcher.h"
#include "query/promql/engine.h"

namespace holdfast::query::promql {

enum class ValueType { kNone, kScalar, kString, kVector, kMatrix };
std::string_view value_type_name(ValueType type);  // "scalar", "string", "instant vector", "range vector"

struct PositionRange {
  std::size_t begin = 0, end = 0;  // end is exclusive
};

// A duration in the text: a constant, or an arithmetic expression of durations, numbers, step() and range() that is
// evaluated when the query's step and range are known. An absent expression means `ms` holds.
struct DurationExpr;
struct DurationValue {
  std::int64_t ms = 0;
  std::shared_ptr<const DurationExpr> expr;
};
struct DurationExpr {
  enum class Op { kNumber, kStep, kRange, kAdd, kSub, kMul, kDiv, kMod, kPow, kNeg, kMin, kMax };
  Op op = Op::kNumber;
  double seconds = 0;         // kNumber
  bool is_duration = false;   // kNumber written as 5m rather than 300
  bool parenthesised = false;
  std::shared_ptr<const DurationExpr> left, right;
};

// offset and @, of a selector or a subquery.
struct TimeShift {
  DurationValue offset;                  // positive looks back
  bool has_offset = false;
  std::optional<Timestamp> at;           // @ 123.456
  enum class Anchor { kNone, kStart, kEnd } anchor = Anchor::kNone;  // @ start(), @ end()
};

struct NumberLiteral {
  double value = 0;
  bool is_duration = false;  // written as 5m
};
struct StringLiteral { std::string value; };

enum class RangeMode { kPlain, kAnchored, kSmoothed };
struct VectorSelector {
  std::string name;                      // as written before {}; also in matchers as __name__
  std::vector<model::Matcher> matchers;
  TimeShift shift;
  RangeMode mode = RangeMode::kPlain;    // `metric smoothed`; of a range selector the mode is on MatrixSelector
};

struct MatrixSelector {
  ExprPtr selector;                      // a VectorSelector, which carries the shift
  DurationValue range;
  RangeMode mode = RangeMode::kPlain;
};

struct Subquery {
  ExprPtr expr;
  DurationValue range;
  std::optional<DurationValue> step;     // empty: the default interval (1 minute)
  TimeShift shift;
};

struct ParenExpr { ExprPtr expr; };

enum class UnaryOp { kPlus, kMinus };
struct UnaryExpr {
  UnaryOp op = UnaryOp::kMinus;
  ExprPtr expr;
};

enum class BinaryOp { kAdd, kSub, kMul, kDiv, kMod, kPow, kAtan2, kEqual, kNotEqual, kLess, kLessEqual, kGreater,
                      kGreaterEqual, kAnd, kOr, kUnless, kTrimUpper, kTrimLower };  // kTrim*: </ and >/ on histograms
std::string_view binary_op_text(BinaryOp op);
bool is_comparison(BinaryOp op);
bool is_set_operator(BinaryOp op);

enum class MatchCard { kOneToOne, kManyToOne, kOneToMany, kManyToMany };  // kManyToOne: group_left
struct VectorMatching {
  MatchCard card = MatchCard::kOneToOne;
  bool on = false;                       // else ignoring
  bool has_matching = false;             // on or ignoring was written
  std::vector<std::string> labels;
  std::vector<std::string> include;      // of group_left / group_right
  std::optional<double> fill_left, fill_right;  // fill modifiers
};
struct BinaryExpr {
  BinaryOp op = BinaryOp::kAdd;
  ExprPtr left, right;
  bool return_bool = false;
  VectorMatching matching;               // both sides vectors only
};

enum class AggregateOp { kSum, kAvg, kMin, kMax, kGroup, kStddev, kStdvar, kCount, kCountValues, kTopk, kBottomk,
                         kQuantile, kLimitk, kLimitRatio };
std::string_view aggregate_op_text(AggregateOp op);
struct AggregateExpr {
  AggregateOp op = AggregateOp::kSum;
  ExprPtr expr;
  ExprPtr param;                         // of topk, quantile, count_values, ...
  bool without = false;
  bool has_grouping = false;
  std::vector<std::string> grouping;
};

struct FunctionInfo {
  std::string_view name;
  std::vector<ValueType> args;           // the types, in order
  int variadic = 0;                      // 0: exactly args; n > 0: the last n may be left out; -1: the last repeats
  ValueType returns = ValueType::kVector;
  bool experimental = false;
};
const FunctionInfo* find_function(std::string_view name);  // functions_table.cc; null when unknown
std::vector<std::string> function_names();
struct Call {
  const FunctionInfo* function = nullptr;
  std::vector<ExprPtr> args;
};

struct Expr {
  std::variant<NumberLiteral, StringLiteral, VectorSelector, MatrixSelector, Subquery, ParenExpr, UnaryExpr, BinaryExpr,
               AggregateExpr, Call>
      node;
  ValueType type = ValueType::kNone;
  PositionRange position;
};

// The expression inside parentheses, however many.
const Expr& without_parens(const Expr& expr);

// Evaluated with the query's step and range; kInvalid when the result is not allowed (negative range, zero step).
Result<std::int64_t> eval_duration(const DurationValue& value, std::int64_t step_ms, std::int64_t range_ms);

}  // namespace holdfast::query::promql
