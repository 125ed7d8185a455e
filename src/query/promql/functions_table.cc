// Every function's name and types. What it computes stands with the evaluator.
#include <algorithm>

#include "query/promql/ast.h"

namespace holdfast::query::promql {
namespace {

constexpr auto kS = ValueType::kScalar;
constexpr auto kT = ValueType::kString;
constexpr auto kV = ValueType::kVector;
constexpr auto kM = ValueType::kMatrix;

// Sorted by name.
const std::vector<FunctionInfo>& table() {
  static const std::vector<FunctionInfo> functions = [] {
    std::vector<FunctionInfo> list;
    for (const auto* name : {"abs",
                             "absent",
                             "acos",
                             "acosh",
                             "asin",
                             "asinh",
                             "atan",
                             "atanh",
                             "ceil",
                             "cos",
                             "cosh",
                             "deg",
                             "exp",
                             "floor",
                             "histogram_avg",
                             "histogram_count",
                             "histogram_stddev",
                             "histogram_stdvar",
                             "histogram_sum",
                             "ln",
                             "log10",
                             "log2",
                             "rad",
                             "sgn",
                             "sin",
                             "sinh",
                             "sort",
                             "sort_desc",
                             "sqrt",
                             "tan",
                             "tanh",
                             "timestamp"}) {
      list.push_back({name, {kV}, 0, kV, false});
    }
    for (const auto* name : {"absent_over_time", "avg_over_time", "changes", "count_over_time",
                             "delta", "deriv", "idelta", "increase", "irate", "last_over_time",
                             "max_over_time", "min_over_time", "present_over_time", "rate",
                             "resets", "stddev_over_time", "stdvar_over_time", "sum_over_time"}) {
      list.push_back({name, {kM}, 0, kV, false});
    }
    for (const auto* name :
         {"first_over_time", "mad_over_time", "ts_of_first_over_time", "ts_of_last_over_time",
          "ts_of_max_over_time", "ts_of_min_over_time"}) {
      list.push_back({name, {kM}, 0, kV, true});
    }
    for (const auto* name : {"day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour",
                             "minute", "month", "year"}) {
      list.push_back({name, {kV}, 1, kV, false});
    }
    list.insert(list.end(), {
                                {"clamp", {kV, kS, kS}, 0, kV, false},
                                {"clamp_max", {kV, kS}, 0, kV, false},
                                {"clamp_min", {kV, kS}, 0, kV, false},
                                {"double_exponential_smoothing", {kM, kS, kS}, 0, kV, true},
                                {"end", {}, 0, kS, true},
                                {"histogram_fraction", {kS, kS, kV}, 0, kV, false},
                                {"histogram_quantile", {kS, kV}, 0, kV, false},
                                {"histogram_quantiles", {kV, kT, kS, kS}, -1, kV, true},
                                {"info", {kV, kV}, 1, kV, true},
                                {"label_join", {kV, kT, kT, kT}, -1, kV, false},
                                {"label_replace", {kV, kT, kT, kT, kT}, 0, kV, false},
                                {"max_of", {kS, kS}, 0, kS, true},
                                {"min_of", {kS, kS}, 0, kS, true},
                                {"pi", {}, 0, kS, false},
                                {"predict_linear", {kM, kS}, 0, kV, false},
                                {"quantile_over_time", {kS, kM}, 0, kV, false},
                                {"range", {}, 0, kS, true},
                                {"round", {kV, kS}, 1, kV, false},
                                {"scalar", {kV}, 0, kS, false},
                                {"sort_by_label", {kV, kT}, -1, kV, true},
                                {"sort_by_label_desc", {kV, kT}, -1, kV, true},
                                {"start", {}, 0, kS, true},
                                {"step", {}, 0, kS, true},
                                {"time", {}, 0, kS, false},
                                {"vector", {kS}, 0, kV, false},
                            });
    std::sort(list.begin(), list.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return list;
  }();
  return functions;
}

}  // namespace

const FunctionInfo* find_function(std::string_view name) {
  const auto& list = table();
  const auto found =
      std::lower_bound(list.begin(), list.end(), name,
                       [](const auto& info, std::string_view n) { return info.name < n; });
  return found != list.end() && found->name == name ? &*found : nullptr;
}

std::vector<std::string> function_names() {
  std::vector<std::string> names;
  for (const auto& info : table()) names.emplace_back(info.name);
  return names;
}

}  // namespace holdfast::query::promql
