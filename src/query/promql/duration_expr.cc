// Durations that are arithmetic: worked out in seconds once the query's step and range are known.
#include <cmath>

#include "base/text.h"
#include "query/promql/ast.h"

namespace holdfast::query::promql {
namespace {

Result<double> seconds_of(const DurationExpr& expr, double step, double range) {
  using Op = DurationExpr::Op;
  switch (expr.op) {
    case Op::kNumber:
      return expr.seconds;
    case Op::kStep:
      return step;
    case Op::kRange:
      return range;
    case Op::kNeg:
      return -HF_TRY(seconds_of(*expr.left, step, range));
    default:
      break;
  }
  const double left = HF_TRY(seconds_of(*expr.left, step, range));
  const double right = HF_TRY(seconds_of(*expr.right, step, range));
  switch (expr.op) {
    case Op::kAdd:
      return left + right;
    case Op::kSub:
      return left - right;
    case Op::kMul:
      return left * right;
    case Op::kDiv:
      if (right == 0) return invalid("division by zero in duration expression");
      return left / right;
    case Op::kMod:
      if (right == 0) return invalid("modulo by zero in duration expression");
      return std::fmod(left, right);
    case Op::kPow:
      return std::pow(left, right);
    case Op::kMin:
      return std::min(left, right);
    case Op::kMax:
      return std::max(left, right);
    default:
      return internal("unknown duration operator");
  }
}

}  // namespace

Result<std::int64_t> eval_duration(const DurationValue& value, std::int64_t step_ms,
                                   std::int64_t range_ms) {
  if (!value.expr) return value.ms;
  const double seconds = HF_TRY(seconds_of(*value.expr, static_cast<double>(step_ms) / 1000,
                                           static_cast<double>(range_ms) / 1000));
  if (!std::isfinite(seconds) || std::abs(seconds) > 9.2e12)
    return invalid("duration out of range");
  return static_cast<std::int64_t>(std::llround(seconds * 1000));
}

}  // namespace holdfast::query::promql
