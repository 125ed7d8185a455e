#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "query/promql/functions.h"

namespace holdfast::query::promql {
namespace {

constexpr double kDegreesPerRadian = 180 / std::numbers::pi;

double sign(double v) { return v > 0 ? 1 : v < 0 ? -1 : v; }
double to_degrees(double v) { return v * kDegreesPerRadian; }
double to_radians(double v) { return v / kDegreesPerRadian; }

using Map = double (*)(double);
template <Map map>
Result<Value> mapped(Evaluator& ev, const Expr&, const Call& call, const Steps& steps) {
  auto value = HF_TRY(ev.eval(*call.args[0], steps));
  map_floats(value, [](double v, std::size_t) { return map(v); });
  return value;
}

// Of two numbers as Go's math package has it: NaN wins.
double smaller(double a, double b) {
  return std::isnan(a) ? a : std::isnan(b) ? b : std::min(a, b);
}
double larger(double a, double b) { return std::isnan(a) ? a : std::isnan(b) ? b : std::max(a, b); }

Result<Value> clamp(Evaluator& ev, const Expr&, const Call& call, const Steps& steps) {
  auto value = HF_TRY(ev.eval(*call.args[0], steps));
  const auto low = HF_TRY(ev.eval_scalar(*call.args[1], steps));
  const auto high = HF_TRY(ev.eval_scalar(*call.args[2], steps));
  for (auto& s : value.series) {
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (high[i] < low[i]) s.clear(i);
    }
  }
  map_floats(value, [&](double v, std::size_t i) { return larger(low[i], smaller(high[i], v)); });
  return value;
}

Result<Value> clamp_min(Evaluator& ev, const Expr&, const Call& call, const Steps& steps) {
  auto value = HF_TRY(ev.eval(*call.args[0], steps));
  const auto low = HF_TRY(ev.eval_scalar(*call.args[1], steps));
  map_floats(value, [&](double v, std::size_t i) { return larger(low[i], v); });
  return value;
}

Result<Value> clamp_max(Evaluator& ev, const Expr&, const Call& call, const Steps& steps) {
  auto value = HF_TRY(ev.eval(*call.args[0], steps));
  const auto high = HF_TRY(ev.eval_scalar(*call.args[1], steps));
  map_floats(value, [&](double v, std::size_t i) { return smaller(high[i], v); });
  return value;
}

Result<Value> round(Evaluator& ev, const Expr&, const Call& call, const Steps& steps) {
  auto value = HF_TRY(ev.eval(*call.args[0], steps));
  std::vector<double> nearest(steps.count, 1);
  if (call.args.size() > 1) nearest = HF_TRY(ev.eval_scalar(*call.args[1], steps));
  // The inverse keeps 0.1 and its like exact enough: v * 10 rounds better than v / 0.1.
  map_floats(value, [&](double v, std::size_t i) {
    const double inverse = 1 / nearest[i];
    return std::floor(v * inverse + 0.5) / inverse;
  });
  return value;
}

Value constant(double v, const Steps& steps) {
  return {ValueType::kScalar, {}, std::vector<double>(steps.count, v), {}};
}

Result<Value> pi(Evaluator&, const Expr&, const Call&, const Steps& steps) {
  return constant(std::numbers::pi, steps);
}

Result<Value> time(Evaluator&, const Expr&, const Call&, const Steps& steps) {
  auto value = constant(0, steps);
  for (std::size_t i = 0; i < steps.count; ++i)
    value.scalars[i] = static_cast<double>(steps.time(i)) / 1000;
  return value;
}

// Of the whole query, also within its subqueries.
Result<Value> start(Evaluator& ev, const Expr&, const Call&, const Steps& steps) {
  return constant(static_cast<double>(ev.input().steps.start) / 1000, steps);
}

Result<Value> end(Evaluator& ev, const Expr&, const Call&, const Steps& steps) {
  return constant(static_cast<double>(ev.input().steps.last()) / 1000, steps);
}

Result<Value> range(Evaluator& ev, const Expr&, const Call&, const Steps& steps) {
  const auto& query = ev.input().steps;
  return constant(static_cast<double>(query.last() - query.start) / 1000, steps);
}

Result<Value> step(Evaluator& ev, const Expr&, const Call&, const Steps& steps) {
  return constant(ev.input().is_range ? static_cast<double>(ev.input().steps.step) / 1000 : 0,
                  steps);
}

Result<Value> of_two(Evaluator& ev, const Call& call, const Steps& steps,
                     double (*choose)(double, double)) {
  auto value = HF_TRY(ev.eval(*call.args[0], steps));
  const auto other = HF_TRY(ev.eval_scalar(*call.args[1], steps));
  for (std::size_t i = 0; i < value.scalars.size(); ++i)
    value.scalars[i] = choose(value.scalars[i], other[i]);
  return value;
}

Result<Value> min_of(Evaluator& ev, const Expr&, const Call& call, const Steps& steps) {
  return of_two(ev, call, steps, smaller);
}

Result<Value> max_of(Evaluator& ev, const Expr&, const Call& call, const Steps& steps) {
  return of_two(ev, call, steps, larger);
}

constexpr std::array<SpecialEntry, 35> kFunctions = {{
    {"abs", mapped<std::abs>},
    {"ceil", mapped<std::ceil>},
    {"floor", mapped<std::floor>},
    {"exp", mapped<std::exp>},
    {"sqrt", mapped<std::sqrt>},
    {"ln", mapped<std::log>},
    {"log2", mapped<std::log2>},
    {"log10", mapped<std::log10>},
    {"sin", mapped<std::sin>},
    {"cos", mapped<std::cos>},
    {"tan", mapped<std::tan>},
    {"asin", mapped<std::asin>},
    {"acos", mapped<std::acos>},
    {"atan", mapped<std::atan>},
    {"sinh", mapped<std::sinh>},
    {"cosh", mapped<std::cosh>},
    {"tanh", mapped<std::tanh>},
    {"asinh", mapped<std::asinh>},
    {"acosh", mapped<std::acosh>},
    {"atanh", mapped<std::atanh>},
    {"deg", mapped<to_degrees>},
    {"rad", mapped<to_radians>},
    {"sgn", mapped<sign>},
    {"clamp", clamp},
    {"clamp_min", clamp_min},
    {"clamp_max", clamp_max},
    {"round", round},
    {"pi", pi},
    {"time", time},
    {"start", start},
    {"end", end},
    {"range", range},
    {"step", step},
    {"min_of", min_of},
    {"max_of", max_of},
}};

}  // namespace

std::span<const SpecialEntry> math_functions() { return kFunctions; }

}  // namespace holdfast::query::promql
