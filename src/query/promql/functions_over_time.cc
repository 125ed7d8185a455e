// The *_over_time functions, and regressions over a window.
//
// Floats and histograms do not add. Where a function knows floats only, histograms beside them are
// ignored and noted; a window of histograms alone has no result.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "query/promql/functions.h"
#include "query/promql/histogram_sum.h"
#include "query/promql/kahan.h"
#include "query/promql/quantile.h"

namespace holdfast::query::promql {
namespace {

// Whether there are floats to work on; notes histograms among them.
bool has_floats(const Window& window, const WindowCall& call) {
  if (window.floats.empty()) return false;
  if (!window.histograms.empty())
    call.notes.histograms_ignored_in_range(call.metric, call.position);
  return true;
}

Cell histogram_total(const Window& window, const WindowCall& call, bool mean) {
  HistogramSum sum;
  for (const auto& point : window.histograms) {
    if (sum.add(*point.value)) continue;
    call.notes.mixed_schemas(call.metric, call.position);
    return {};
  }
  if (sum.reset_collision()) call.notes.reset_collision("aggregation", call.position);
  if (sum.bounds_reconciled()) call.notes.bounds_reconciled("aggregation", call.position);
  return histogram_cell(mean ? sum.mean() : sum.sum());
}

bool mixes(const Window& window, const WindowCall& call) {
  if (window.floats.empty() || window.histograms.empty()) return false;
  call.notes.mixed_floats_histograms(call.metric, call.position);
  return true;
}

Cell sum_over_time(const Window& window, const WindowCall& call) {
  if (mixes(window, call)) return {};
  if (window.floats.empty()) return histogram_total(window, call, false);
  Kahan sum;
  for (const auto& point : window.floats) sum.add(point.value);
  return float_cell(std::isinf(sum.sum) ? sum.sum : sum.total());
}

Cell avg_over_time(const Window& window, const WindowCall& call) {
  if (mixes(window, call)) return {};
  if (window.floats.empty()) return histogram_total(window, call, true);
  KahanMean mean;
  for (const auto& point : window.floats) mean.add(point.value);
  return float_cell(mean.value());
}

Cell count_over_time(const Window& window, const WindowCall&) {
  return float_cell(static_cast<double>(window.floats.size() + window.histograms.size()));
}

Cell present_over_time(const Window&, const WindowCall&) { return float_cell(1); }

// NaN gives way to any number.
const FloatPoint& extreme(const Window& window, bool want_max, bool last_of_equals) {
  const auto* best = &window.floats.front();
  for (const auto& point : window.floats) {
    const bool beyond = want_max ? point.value > best->value : point.value < best->value;
    if (beyond || std::isnan(best->value) || (last_of_equals && point.value == best->value))
      best = &point;
  }
  return *best;
}

Cell min_over_time(const Window& window, const WindowCall& call) {
  return has_floats(window, call) ? float_cell(extreme(window, false, false).value) : Cell{};
}

Cell max_over_time(const Window& window, const WindowCall& call) {
  return has_floats(window, call) ? float_cell(extreme(window, true, false).value) : Cell{};
}

double seconds(Timestamp t) { return static_cast<double>(t) / 1000; }

Cell ts_of_min_over_time(const Window& window, const WindowCall& call) {
  return has_floats(window, call) ? float_cell(seconds(extreme(window, false, true).t)) : Cell{};
}

Cell ts_of_max_over_time(const Window& window, const WindowCall& call) {
  return has_floats(window, call) ? float_cell(seconds(extreme(window, true, true).t)) : Cell{};
}

bool last_is_float(const Window& w) {
  return w.histograms.empty() || (!w.floats.empty() && w.floats.back().t > w.histograms.back().t);
}

bool first_is_float(const Window& w) {
  return w.histograms.empty() || (!w.floats.empty() && w.floats.front().t < w.histograms.front().t);
}

Cell last_over_time(const Window& w, const WindowCall&) {
  if (last_is_float(w)) return float_cell(w.floats.back().value);
  return {Kind::kHistogram, 0, w.histograms.back().value};
}

Cell first_over_time(const Window& w, const WindowCall&) {
  if (first_is_float(w)) return float_cell(w.floats.front().value);
  return {Kind::kHistogram, 0, w.histograms.front().value};
}

Cell ts_of_last_over_time(const Window& w, const WindowCall&) {
  return float_cell(seconds(last_is_float(w) ? w.floats.back().t : w.histograms.back().t));
}

Cell ts_of_first_over_time(const Window& w, const WindowCall&) {
  return float_cell(seconds(first_is_float(w) ? w.floats.front().t : w.histograms.front().t));
}

double variance(const Window& window) {
  double count = 0;
  Kahan mean, squares;
  for (const auto& point : window.floats) {
    count += 1;
    const double delta = point.value - mean.total();
    mean.add(delta / count);
    squares.add(delta * (point.value - mean.total()));
  }
  return squares.total() / count;
}

Cell stdvar_over_time(const Window& window, const WindowCall& call) {
  return has_floats(window, call) ? float_cell(variance(window)) : Cell{};
}

Cell stddev_over_time(const Window& window, const WindowCall& call) {
  return has_floats(window, call) ? float_cell(std::sqrt(variance(window))) : Cell{};
}

std::vector<double> values_of(const Window& window) {
  std::vector<double> values;
  values.reserve(window.floats.size());
  for (const auto& point : window.floats) values.push_back(point.value);
  return values;
}

Cell quantile_over_time(const Window& window, const WindowCall& call) {
  if (!has_floats(window, call)) return {};
  auto values = values_of(window);
  return float_cell(quantile_of(call.args[0], values));
}

Cell mad_over_time(const Window& window, const WindowCall& call) {
  if (!has_floats(window, call)) return {};
  auto values = values_of(window);
  const double median = quantile_of(0.5, values);
  for (auto& v : values) v = std::abs(v - median);
  return float_cell(quantile_of(0.5, values));
}

struct Line {
  double slope = 0;
  double intercept = 0;
};

Line regression(std::span<const FloatPoint> points, Timestamp zero) {
  const double first = points.front().value;
  bool constant = true;
  Kahan x_sum, y_sum, xy_sum, xx_sum;
  for (const auto& point : points) {
    constant = constant && point.value == first;
    const double x = static_cast<double>(point.t - zero) / 1000;
    x_sum.add(x);
    y_sum.add(point.value);
    xy_sum.add(x * point.value);
    xx_sum.add(x * x);
  }
  if (constant) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    return std::isinf(first) ? Line{kNan, kNan} : Line{0, first};
  }
  const auto n = static_cast<double>(points.size());
  const double x = x_sum.total(), y = y_sum.total();
  const double slope = (xy_sum.total() - x * y / n) / (xx_sum.total() - x * x / n);
  return {slope, y / n - slope * x / n};
}

bool has_two_floats(const Window& window, const WindowCall& call) {
  return has_floats(window, call) && window.floats.size() >= 2;
}

Cell deriv(const Window& window, const WindowCall& call) {
  if (!has_two_floats(window, call)) return {};
  // Seen from the first sample rather than from the epoch: large x would cost digits.
  return float_cell(regression(window.floats, window.floats.front().t).slope);
}

Cell predict_linear(const Window& window, const WindowCall& call) {
  if (!has_two_floats(window, call)) return {};
  const auto line = regression(window.floats, call.time);
  return float_cell(line.slope * call.args[0] + line.intercept);
}

Cell double_exponential_smoothing(const Window& window, const WindowCall& call) {
  if (!has_two_floats(window, call)) return {};
  const double level_factor = call.args[0], trend_factor = call.args[1];
  double before = 0, level = window.floats[0].value;
  double trend = window.floats[1].value - window.floats[0].value;
  for (std::size_t i = 1; i < window.floats.size(); ++i) {
    if (i > 1) trend = trend_factor * (level - before) + (1 - trend_factor) * trend;
    before = level;
    level = level_factor * window.floats[i].value + (1 - level_factor) * (level + trend);
  }
  return float_cell(level);
}

constexpr std::array<WindowEntry, 19> kFunctions = {{
    {"sum_over_time", sum_over_time},
    {"avg_over_time", avg_over_time},
    {"count_over_time", count_over_time},
    {"min_over_time", min_over_time},
    {"max_over_time", max_over_time},
    {"present_over_time", present_over_time},
    {"last_over_time", last_over_time, true},
    {"first_over_time", first_over_time, true},
    {"ts_of_min_over_time", ts_of_min_over_time},
    {"ts_of_max_over_time", ts_of_max_over_time},
    {"ts_of_last_over_time", ts_of_last_over_time},
    {"ts_of_first_over_time", ts_of_first_over_time},
    {"stddev_over_time", stddev_over_time},
    {"stdvar_over_time", stdvar_over_time},
    {"quantile_over_time", quantile_over_time},
    {"mad_over_time", mad_over_time},
    {"deriv", deriv},
    {"predict_linear", predict_linear},
    {"double_exponential_smoothing", double_exponential_smoothing},
}};

}  // namespace

std::span<const WindowEntry> over_time_functions() { return kFunctions; }

}  // namespace holdfast::query::promql
