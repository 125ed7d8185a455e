// query/promql/functions.h: how functions of the language are evaluated, by name.
//
// Purpose     Three families share a frame each: window functions see the samples of a range, value
//             functions map a float to a float, special functions see the whole call. A name is in
//             exactly one table.
// Invariants  Argument counts and types were checked by the parser.
// Threads     Tables are constant; the functions are pure but for annotations.
// Source      Prometheus' functions, version 3, experimental ones included.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "query/promql/evaluator.h"

namespace holdfast::query::promql {

struct WindowCall {
  Annotator& notes;
  std::string_view function;
  std::string_view metric;        // of the series, for annotations
  std::string_view type;          // its __type__, "" when unknown
  const PositionRange& position;  // of the range vector argument
  Timestamp time = 0;             // of the step
  std::span<const double> args;   // the scalar arguments at the step
};

using WindowFunction = Cell (*)(const Window&, const WindowCall&);
struct WindowEntry {
  std::string_view name;
  WindowFunction run;
  bool keeps_name = false;
};
std::span<const WindowEntry> rate_functions();                   // functions_rate.cc
std::span<const WindowEntry> over_time_functions();              // functions_over_time.cc
const WindowEntry* find_window_function(std::string_view name);  // null: is none

using SpecialFunction = Result<Value> (*)(Evaluator&, const Expr&, const Call&, const Steps&);
struct SpecialEntry {
  std::string_view name;
  SpecialFunction run;
};
std::span<const SpecialEntry> math_functions();       // functions_math.cc
std::span<const SpecialEntry> time_functions();       // functions_time.cc
std::span<const SpecialEntry> label_functions();      // functions_labels.cc
std::span<const SpecialEntry> histogram_functions();  // functions_histogram.cc
std::span<const SpecialEntry> info_functions();       // functions_info.cc

// The labels an absence is reported with: what the selector pins to one value.
Labels labels_of_absence(const Expr& expr);
// Maps the floats of a vector, drops its histograms and its names.
template <typename F>
void map_floats(Value& value, F&& f) {
  for (auto& s : value.series) {
    s.drop_name = true;
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (s.kinds[i] == Kind::kFloat) {
        s.values[i] = f(s.values[i], i);
      } else {
        s.clear(i);
      }
    }
    s.histograms.clear();
  }
  drop_empty(value.series);
}

}  // namespace holdfast::query::promql
