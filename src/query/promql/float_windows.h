// query/promql/float_windows.h: window functions over all steps of a series of floats at once.
//
// Purpose     The common case, fast: plain arrays, windows known as index ranges, work shared by
//             windows that overlap. Histograms, mixed series and the modes of a range keep to the
//             functions of functions.h, which see one window at a time; both answer alike.
// How         What is exact by nature is counted once and looked up (changes, resets, maxima of
//             blocks). Sums are prefix sums of doubled precision, so that a window's sum is the
//             difference of two of them and still good to the last digits; where magnitudes would
//             eat it up, the window is summed by itself.
// Invariants  Windows are ranges [first, last) of samples; neither end ever goes back.
// Threads     Pure functions of their arguments; Scratch belongs to one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "query/promql/evaluator.h"

namespace holdfast::query::promql {

struct WindowBounds {
  std::vector<std::uint32_t> first, last;  // one of each per step
  std::uint64_t total = 0;                 // samples in all windows together

  // Of rate and its kin, which depends on times alone but for counters near zero: by how much an
  // increase grows to the edges of its window, and the share of it that lies before the first sample.
  struct Growth {
    double factor = 0;
    double before_first = 0;
  };
  std::vector<Growth> growths;

  void find(std::span<const Timestamp> times, std::span<const Timestamp> ends, std::int64_t range);
  // `per` divides the increase: seconds for a rate.
  void find_growths(std::span<const Timestamp> times, std::span<const Timestamp> ends,
                    std::int64_t range, double per);
};

struct FloatWindows {
  std::span<const Timestamp> times;
  std::span<const double> values;  // no staleness markers
  const WindowBounds& bounds;
  std::span<const Timestamp> ends;  // of the windows, one per step
  std::int64_t range = 0;
  bool has_nan = false;
  bool never_falls = false;  // known to be so; false says nothing
  const Steps& steps;
  std::span<const std::vector<double>> args;  // scalar arguments, each with one value per step
};

struct FloatScratch {
  std::vector<double> values, high, low;
  std::vector<std::uint32_t> counts;
};

// Writes the cells that have an answer into `row`, whose cells are none before; how many it wrote.
using FloatFunction = std::size_t (*)(const FloatWindows&, FloatScratch&, StepSeries& row);
// Null for functions that are left to the general path.
FloatFunction find_float_function(std::string_view name);
bool is_extrapolated(std::string_view name);  // rate, increase, delta: these look at growths

// Sums without losing small terms, equal to Kahan's for all but the order of rounding.
double exact_sum(std::span<const double> values);

}  // namespace holdfast::query::promql
