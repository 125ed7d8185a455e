#include "query/promql/float_windows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "query/promql/kahan.h"
#include "query/promql/quantile.h"
#include "query/promql/rate_math.h"

namespace holdfast::query::promql {
namespace {

// Windows that together hold this many times the samples there are overlap enough for a shared
// pass to pay.
constexpr std::uint64_t kSharedPassPays = 2;
// A prefix sum holds about 106 bits. A window whose sum is smaller than the largest prefix by more
// than this has too few of them left.
constexpr double kPrefixReach = 1e-16;
// A sum this small beside its largest term is mostly what rounding left of it. It is added up again
// term for term, since that is the number Prometheus shows.
constexpr double kCancelled = 1e-6;
constexpr std::size_t kBlock = 32;  // samples that share a known minimum or maximum

// a + b with what rounding lost, added to `lost`.
inline double add_exactly(double a, double b, double& lost) {
  const double sum = a + b;
  const double part = sum - a;
  lost += (a - (sum - part)) + (b - part);
  return sum;
}

template <typename F>
std::size_t each_window(const FloatWindows& w, StepSeries& row, std::size_t least, F&& answer) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < w.ends.size(); ++i) {
    const std::size_t first = w.bounds.first[i], last = w.bounds.last[i];
    if (last < first + least) continue;
    row.values[i] = answer(i, first, last);
    row.kinds[i] = Kind::kFloat;
    ++count;
  }
  return count;
}

bool overlap_much(const FloatWindows& w) {
  return w.bounds.total > kSharedPassPays * w.values.size();
}

// ---- rate and its kin ----

// The positions where a counter fell below the sample before it, within all windows.
void find_resets(const FloatWindows& w, std::vector<std::uint32_t>& at) {
  at.clear();
  if (w.never_falls) return;
  const auto* v = w.values.data();
  const std::size_t begin = w.bounds.first.front(), end = w.bounds.last.back();
  for (std::size_t base = begin + 1; base < end; base += kBlock) {
    const auto stop = std::min(base + kBlock, end);
    unsigned fell = 0;
    for (std::size_t k = base; k < stop; ++k) fell |= static_cast<unsigned>(v[k] < v[k - 1]);
    if (fell == 0) continue;
    for (std::size_t k = base; k < stop; ++k) {
      if (v[k] < v[k - 1]) at.push_back(static_cast<std::uint32_t>(k));
    }
  }
}

WindowEdges edges_of(std::span<const Timestamp> times, std::size_t first, std::size_t last,
                     Timestamp end, std::int64_t range) {
  return {static_cast<double>(times[last - 1] - times[first]) / 1000,
          static_cast<double>(times[first] - (end - range)) / 1000,
          static_cast<double>(end - times[last - 1]) / 1000};
}

template <bool is_counter, bool is_rate>
std::size_t extrapolated(const FloatWindows& w, FloatScratch& scratch, StepSeries& row) {
  auto& resets = scratch.counts;
  resets.clear();
  if (is_counter) find_resets(w, resets);
  const double per = is_rate ? static_cast<double>(w.range) / 1000 : 1;
  std::size_t reset = 0;  // the first behind the window's first sample
  return each_window(w, row, 2, [&](std::size_t i, std::size_t first, std::size_t last) {
    const double from = w.values[first];
    double increase = w.values[last - 1] - from;
    while (reset < resets.size() && resets[reset] <= first) ++reset;
    for (auto k = reset; k < resets.size() && resets[k] < last; ++k)
      increase += w.values[resets[k] - 1];
    const auto& growth = w.bounds.growths[i];
    // A counter that would have been below zero at the start of its window is not drawn out so far.
    if (is_counter && increase > 0 && from >= 0 && from < increase * growth.before_first) {
      const auto edges = edges_of(w.times, first, last, w.ends[i], w.range);
      return increase * (extrapolation(edges, last - first - 1, from, increase, true) / per);
    }
    return increase * growth.factor;
  });
}

template <bool is_rate>
std::size_t instant_change(const FloatWindows& w, FloatScratch&, StepSeries& row) {
  return each_window(w, row, 2, [&](std::size_t, std::size_t, std::size_t last) {
    const double a = w.values[last - 2], b = w.values[last - 1];
    double change = b;
    if (!is_rate || !(b < a)) change -= a;
    if (!is_rate) return change;
    return change / (static_cast<double>(w.times[last - 1] - w.times[last - 2]) / 1000);
  });
}

// Counts the pairs of neighbours for which `counts` holds: at each sample how many up to it.
template <typename F>
std::size_t count_pairs(const FloatWindows& w, FloatScratch& scratch, StepSeries& row, F&& counts) {
  auto& until = scratch.counts;
  until.resize(w.values.size());
  std::uint32_t count = 0;
  const auto* v = w.values.data();
  if (!until.empty()) until[0] = 0;
  for (std::size_t k = 1; k < until.size(); ++k) {
    count += counts(v[k - 1], v[k]) ? 1U : 0U;
    until[k] = count;
  }
  return each_window(w, row, 1, [&](std::size_t, std::size_t first, std::size_t last) {
    return static_cast<double>(until[last - 1] - until[first]);
  });
}

std::size_t changes(const FloatWindows& w, FloatScratch& scratch, StepSeries& row) {
  return count_pairs(w, scratch, row, [](double a, double b) {
    return a != b && !(std::isnan(a) && std::isnan(b));
  });
}

std::size_t resets(const FloatWindows& w, FloatScratch& scratch, StepSeries& row) {
  return count_pairs(w, scratch, row, [](double a, double b) { return b < a; });
}

// ---- sums ----

double kahan_sum(std::span<const double> values) {
  Kahan sum;
  for (const double v : values) sum.add(v);
  return std::isinf(sum.sum) ? sum.sum : sum.total();
}

// Prefix sums as high and low parts, prefix k of the first k samples. The least magnitude of a
// window's sum for which they hold.
double prefix_sums(std::span<const double> values, FloatScratch& scratch) {
  scratch.high.resize(values.size() + 1);
  scratch.low.resize(values.size() + 1);
  double high = 0, low = 0, largest = 0, largest_term = 0;
  scratch.high[0] = scratch.low[0] = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    high = add_exactly(high, values[k], low);
    largest = std::max(largest, std::abs(high));
    largest_term = std::max(largest_term, std::abs(values[k]));
    scratch.high[k + 1] = high;
    scratch.low[k + 1] = low;
  }
  if (!std::isfinite(high) || !std::isfinite(low)) return std::numeric_limits<double>::infinity();
  return std::max(largest * kPrefixReach, largest_term * kCancelled);
}

std::span<const double> window_values(const FloatWindows& w, std::size_t first, std::size_t last) {
  return w.values.subspan(first, last - first);
}

template <typename F>
std::size_t summed(const FloatWindows& w, FloatScratch& scratch, StepSeries& row, F&& answer) {
  if (!overlap_much(w) || w.has_nan) {
    return each_window(w, row, 1, [&](std::size_t, std::size_t first, std::size_t last) {
      return answer(exact_sum(window_values(w, first, last)), first, last);
    });
  }
  const double least = prefix_sums(w.values, scratch);
  return each_window(w, row, 1, [&](std::size_t, std::size_t first, std::size_t last) {
    const double sum =
        (scratch.high[last] - scratch.high[first]) + (scratch.low[last] - scratch.low[first]);
    if (!(std::abs(sum) > least)) {
      return answer(exact_sum(window_values(w, first, last)), first, last);
    }
    return answer(sum, first, last);
  });
}

std::size_t sum_over_time(const FloatWindows& w, FloatScratch& scratch, StepSeries& row) {
  return summed(w, scratch, row, [](double sum, std::size_t, std::size_t) { return sum; });
}

std::size_t avg_over_time(const FloatWindows& w, FloatScratch& scratch, StepSeries& row) {
  return summed(w, scratch, row, [&](double sum, std::size_t first, std::size_t last) {
    if (std::isfinite(sum)) return sum / static_cast<double>(last - first);
    KahanMean mean;
    for (const double v : window_values(w, first, last)) mean.add(v);
    return mean.value();
  });
}

// Deviations from the first sample, so that equal samples have none at all.
double variance(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  const double zero = values.front();
  double sum = 0, lost = 0;
  for (const double v : values) sum = add_exactly(sum, v - zero, lost);
  const double mean = (sum + lost) / n;
  double squares = 0, squares_lost = 0;
  for (const double v : values) {
    const double delta = (v - zero) - mean;
    squares = add_exactly(squares, delta * delta, squares_lost);
  }
  const double total = squares + squares_lost;
  return (std::isfinite(total) ? total : squares) / n;
}

double kahan_variance(std::span<const double> values) {
  double count = 0;
  Kahan mean, squares;
  for (const double v : values) {
    count += 1;
    const double delta = v - mean.total();
    mean.add(delta / count);
    squares.add(delta * (v - mean.total()));
  }
  return squares.total() / count;
}

double any_variance(std::span<const double> values) {
  const double fast = variance(values);
  return std::isfinite(fast) ? fast : kahan_variance(values);
}

std::size_t stdvar_over_time(const FloatWindows& w, FloatScratch&, StepSeries& row) {
  return each_window(w, row, 1, [&](std::size_t, std::size_t first, std::size_t last) {
    return any_variance(window_values(w, first, last));
  });
}

std::size_t stddev_over_time(const FloatWindows& w, FloatScratch&, StepSeries& row) {
  return each_window(w, row, 1, [&](std::size_t, std::size_t first, std::size_t last) {
    return std::sqrt(any_variance(window_values(w, first, last)));
  });
}

// ---- what is picked ----

std::size_t count_over_time(const FloatWindows& w, FloatScratch&, StepSeries& row) {
  return each_window(w, row, 1, [](std::size_t, std::size_t first, std::size_t last) {
    return static_cast<double>(last - first);
  });
}

std::size_t present_over_time(const FloatWindows& w, FloatScratch&, StepSeries& row) {
  return each_window(w, row, 1, [](std::size_t, std::size_t, std::size_t) { return 1.0; });
}

std::size_t last_over_time(const FloatWindows& w, FloatScratch&, StepSeries& row) {
  return each_window(
      w, row, 1, [&](std::size_t, std::size_t, std::size_t last) { return w.values[last - 1]; });
}

std::size_t first_over_time(const FloatWindows& w, FloatScratch&, StepSeries& row) {
  return each_window(w, row, 1,
                     [&](std::size_t, std::size_t first, std::size_t) { return w.values[first]; });
}

template <bool want_max>
double better(double a, double b) {
  return want_max ? (a > b ? a : b) : (a < b ? a : b);
}

// Four at a time, for the processor to compare side by side. Not for NaN.
template <bool want_max>
double extreme_of(const double* v, std::size_t first, std::size_t last) {
  double best[4] = {v[first], v[first], v[first], v[first]};
  for (; first + 4 <= last; first += 4) {
    for (std::size_t k = 0; k < 4; ++k) best[k] = better<want_max>(v[first + k], best[k]);
  }
  for (; first < last; ++first) best[0] = better<want_max>(v[first], best[0]);
  return better<want_max>(better<want_max>(best[0], best[1]), better<want_max>(best[2], best[3]));
}

// NaN gives way to any number.
template <bool want_max>
double extreme_with_nans(std::span<const double> values) {
  double best = values.front();
  for (const double v : values) {
    if ((want_max ? v > best : v < best) || std::isnan(best)) best = v;
  }
  return best;
}

template <bool want_max>
std::size_t extreme_over_time(const FloatWindows& w, FloatScratch& scratch, StepSeries& row) {
  if (w.has_nan) {
    return each_window(w, row, 1, [&](std::size_t, std::size_t first, std::size_t last) {
      return extreme_with_nans<want_max>(window_values(w, first, last));
    });
  }
  const auto* v = w.values.data();
  auto& blocks = scratch.high;
  blocks.clear();
  if (overlap_much(w)) {
    for (std::size_t k = 0; k + kBlock <= w.values.size(); k += kBlock)
      blocks.push_back(extreme_of<want_max>(v, k, k + kBlock));
  }
  return each_window(w, row, 1, [&](std::size_t, std::size_t first, std::size_t last) {
    const auto from = (first + kBlock - 1) / kBlock, to = std::min(last / kBlock, blocks.size());
    if (from >= to) return extreme_of<want_max>(v, first, last);
    double best = extreme_of<want_max>(blocks.data(), from, to);
    if (first < from * kBlock)
      best = better<want_max>(extreme_of<want_max>(v, first, from * kBlock), best);
    if (to * kBlock < last)
      best = better<want_max>(extreme_of<want_max>(v, to * kBlock, last), best);
    return best;
  });
}

std::size_t quantile_over_time(const FloatWindows& w, FloatScratch& scratch, StepSeries& row) {
  return each_window(w, row, 1, [&](std::size_t i, std::size_t first, std::size_t last) {
    const auto values = window_values(w, first, last);
    scratch.values.assign(values.begin(), values.end());
    return quantile_of(w.args[0][i], scratch.values);
  });
}

// ---- regressions ----

struct Line {
  double slope = 0;
  double intercept = 0;
};

struct Sums {
  double x = 0, y = 0, xy = 0, xx = 0;
  double x_lost = 0, y_lost = 0, xy_lost = 0, xx_lost = 0;
};

Line regression(const FloatWindows& w, std::size_t first, std::size_t last, Timestamp zero) {
  const double level = w.values[first];
  bool constant = true;
  Sums sums;
  for (auto k = first; k < last; ++k) {
    const double y = w.values[k];
    const double x = static_cast<double>(w.times[k] - zero) / 1000;
    constant &= y == level;
    sums.x = add_exactly(sums.x, x, sums.x_lost);
    sums.y = add_exactly(sums.y, y, sums.y_lost);
    sums.xy = add_exactly(sums.xy, x * y, sums.xy_lost);
    sums.xx = add_exactly(sums.xx, x * x, sums.xx_lost);
  }
  if (constant) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    return std::isinf(level) ? Line{kNan, kNan} : Line{0, level};
  }
  const auto n = static_cast<double>(last - first);
  const double x = sums.x + sums.x_lost, y = sums.y + sums.y_lost;
  const double slope = (sums.xy + sums.xy_lost - x * y / n) / (sums.xx + sums.xx_lost - x * x / n);
  return {slope, y / n - slope * x / n};
}

std::size_t deriv(const FloatWindows& w, FloatScratch&, StepSeries& row) {
  return each_window(w, row, 2, [&](std::size_t, std::size_t first, std::size_t last) {
    return regression(w, first, last, w.times[first]).slope;
  });
}

std::size_t predict_linear(const FloatWindows& w, FloatScratch&, StepSeries& row) {
  return each_window(w, row, 2, [&](std::size_t i, std::size_t first, std::size_t last) {
    const auto line = regression(w, first, last, w.steps.time(i));
    return line.slope * w.args[0][i] + line.intercept;
  });
}

struct Entry {
  std::string_view name;
  FloatFunction run;
};

constexpr std::array<Entry, 20> kFunctions = {{
    {"rate", extrapolated<true, true>},
    {"increase", extrapolated<true, false>},
    {"delta", extrapolated<false, false>},
    {"irate", instant_change<true>},
    {"idelta", instant_change<false>},
    {"changes", changes},
    {"resets", resets},
    {"sum_over_time", sum_over_time},
    {"avg_over_time", avg_over_time},
    {"count_over_time", count_over_time},
    {"present_over_time", present_over_time},
    {"last_over_time", last_over_time},
    {"first_over_time", first_over_time},
    {"min_over_time", extreme_over_time<false>},
    {"max_over_time", extreme_over_time<true>},
    {"stddev_over_time", stddev_over_time},
    {"stdvar_over_time", stdvar_over_time},
    {"quantile_over_time", quantile_over_time},
    {"deriv", deriv},
    {"predict_linear", predict_linear},
}};

}  // namespace

void WindowBounds::find(std::span<const Timestamp> times, std::span<const Timestamp> ends,
                        std::int64_t range) {
  first.resize(ends.size());
  last.resize(ends.size());
  total = 0;
  // Few windows among many samples are searched for, else the samples are walked along.
  const bool search = ends.size() * 16 < times.size();
  const auto advance = [&](std::size_t at, Timestamp t) {
    if (search) {
      return static_cast<std::size_t>(
          std::upper_bound(times.begin() + static_cast<std::ptrdiff_t>(at), times.end(), t) -
          times.begin());
    }
    while (at < times.size() && times[at] <= t) ++at;
    return at;
  };
  std::size_t begin = 0, end = 0;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    begin = advance(begin, ends[i] - range);
    end = advance(std::max(begin, end), ends[i]);
    first[i] = static_cast<std::uint32_t>(begin);
    last[i] = static_cast<std::uint32_t>(end);
    total += end - begin;
  }
}

void WindowBounds::find_growths(std::span<const Timestamp> times, std::span<const Timestamp> ends,
                                std::int64_t range, double per) {
  growths.assign(ends.size(), {});
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (last[i] < first[i] + 2) continue;
    const auto edges = edges_of(times, first[i], last[i], ends[i], range);
    const auto gaps = last[i] - first[i] - 1;
    growths[i].factor = extrapolation(edges, gaps, 0, 0, false) / per;
    growths[i].before_first = edges.to_start / edges.sampled;
  }
}

bool is_extrapolated(std::string_view name) {
  return name == "rate" || name == "increase" || name == "delta";
}

FloatFunction find_float_function(std::string_view name) {
  for (const auto& entry : kFunctions) {
    if (entry.name == name) return entry.run;
  }
  return nullptr;
}

double exact_sum(std::span<const double> values) {
  if (values.size() < 8) return kahan_sum(values);
  std::array<double, 4> sum{}, lost{}, largest{};
  std::size_t k = 0;
  for (; k + 4 <= values.size(); k += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      sum[lane] = add_exactly(sum[lane], values[k + lane], lost[lane]);
      largest[lane] = std::max(largest[lane], std::abs(values[k + lane]));
    }
  }
  for (; k < values.size(); ++k) sum[0] = add_exactly(sum[0], values[k], lost[0]);
  double rest = lost[0] + lost[1] + lost[2] + lost[3];
  double total = add_exactly(sum[0], sum[1], rest);
  total = add_exactly(total, sum[2], rest);
  total = add_exactly(total, sum[3], rest) + rest;
  const double term = std::max({largest[0], largest[1], largest[2], largest[3]});
  // Infinities, overflows and cancellation: as they come, one after another.
  if (!std::isfinite(total) || !(std::abs(total) > term * kCancelled)) return kahan_sum(values);
  return total;
}

}  // namespace holdfast::query::promql
