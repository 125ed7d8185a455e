// rate and its kin: how a counter or gauge moved over a window.
#include <algorithm>
#include <array>
#include <cmath>

#include "query/promql/extended.h"
#include "query/promql/functions.h"
#include "query/promql/rate_math.h"
#include "query/promql/windows.h"

namespace holdfast::query::promql {
namespace {

double float_increase(std::span<const FloatPoint> points, bool is_counter) {
  double increase = points.back().value - points.front().value;
  if (!is_counter) return increase;
  double previous = points.front().value;
  for (const auto& point : points.subspan(1)) {
    if (point.value < previous) increase += previous;
    previous = point.value;
  }
  return increase;
}

}  // namespace

std::optional<Histogram> histogram_increase(std::span<const HistogramPoint> points, bool is_counter,
                                            const WindowCall& call) {
  auto& notes = call.notes;
  const Histogram* previous = points.front().value.get();
  const Histogram& last = *points.back().value;
  if (is_counter && (previous->counter_reset == CounterReset::kGauge ||
                     last.counter_reset == CounterReset::kGauge)) {
    notes.not_a_counter(call.metric, call.position);
  }
  bool custom = previous->uses_custom_buckets();
  Histogram empty;
  // After a reset right behind the first sample, the first sample and its layout no longer matter.
  if (is_counter && detect_reset(*points[1].value, *previous)) {
    empty.schema = points[1].value->schema;
    empty.custom_values = points[1].value->custom_values;
    previous = &empty;
    custom = empty.uses_custom_buckets();
  }
  auto schema = std::min(previous->schema, last.schema);
  bool mixed = last.uses_custom_buckets() != custom;
  for (const auto& point : points.subspan(1, points.size() - 2)) {
    if (!is_counter) continue;
    if (point.value->counter_reset == CounterReset::kGauge)
      notes.not_a_counter(call.metric, call.position);
    schema = std::min(schema, point.value->schema);
    mixed = mixed || point.value->uses_custom_buckets() != custom;
  }
  if (mixed) {
    notes.mixed_schemas(call.metric, call.position);
    return std::nullopt;
  }
  Histogram increase = copy_to_schema(last, schema);
  if (subtract_from(increase, *previous).bounds_reconciled)
    notes.bounds_reconciled("subtraction", call.position);
  if (is_counter) {
    for (const auto& point : points.subspan(1)) {
      if (detect_reset(*point.value, *previous) && add_to(increase, *previous).bounds_reconciled) {
        notes.bounds_reconciled("addition", call.position);
      }
      previous = point.value.get();
    }
  } else if (points.front().value->counter_reset != CounterReset::kGauge ||
             last.counter_reset != CounterReset::kGauge) {
    notes.not_a_gauge(call.metric, call.position);
  }
  increase.counter_reset = CounterReset::kGauge;
  compact(increase);
  return increase;
}

namespace {

template <typename Points>
WindowEdges edges_of(const Points& points, const Window& window) {
  return {static_cast<double>(points.back().t - points.front().t) / 1000,
          static_cast<double>(points.front().t - window.from) / 1000,
          static_cast<double>(window.to - points.back().t) / 1000};
}

Cell extrapolated(const Window& window, const WindowCall& call, bool is_counter, bool is_rate) {
  if (window.mode != RangeMode::kPlain) return extended_rate(window, call, is_counter, is_rate);
  if (!window.floats.empty() && !window.histograms.empty()) {
    call.notes.mixed_floats_histograms(call.metric, call.position);
    return {};
  }
  const double per = is_rate ? static_cast<double>(window.range) / 1000 : 1;
  if (window.histograms.size() > 1) {
    auto increase = histogram_increase(window.histograms, is_counter, call);
    if (!increase) return {};
    const double first = window.histograms.front().value->count;
    scale(*increase,
          extrapolation(edges_of(window.histograms, window), window.histograms.size() - 1, first,
                        increase->count, is_counter) /
              per);
    return histogram_cell(std::move(*increase));
  }
  if (window.floats.size() < 2) return {};
  if (is_counter && !looks_like_counter({call.metric, call.type}))
    call.notes.maybe_not_a_counter(call.metric, call.position);
  const double increase = float_increase(window.floats, is_counter);
  const double factor = extrapolation(edges_of(window.floats, window), window.floats.size() - 1,
                                      window.floats.front().value, increase, is_counter);
  return float_cell(increase * (factor / per));
}

Cell rate(const Window& w, const WindowCall& c) { return extrapolated(w, c, true, true); }
Cell increase(const Window& w, const WindowCall& c) { return extrapolated(w, c, true, false); }
Cell delta(const Window& w, const WindowCall& c) { return extrapolated(w, c, false, false); }

struct LastPair {
  Timestamp t[2] = {0, 0};
  double value[2] = {0, 0};
  const Histogram* histogram[2] = {nullptr, nullptr};
};

// The last two samples of the window, floats or histograms.
std::optional<LastPair> last_pair(const Window& window) {
  LastPair pair;
  std::size_t f = window.floats.size(), h = window.histograms.size();
  if (f + h < 2) return std::nullopt;
  for (int k = 1; k >= 0; --k) {
    if (h == 0 || (f > 0 && window.floats[f - 1].t > window.histograms[h - 1].t)) {
      --f;
      pair.t[k] = window.floats[f].t;
      pair.value[k] = window.floats[f].value;
    } else {
      --h;
      pair.t[k] = window.histograms[h].t;
      pair.histogram[k] = window.histograms[h].value.get();
    }
  }
  return pair;
}

Cell instant_histogram(const LastPair& pair, const WindowCall& call, bool is_rate, double seconds) {
  auto& notes = call.notes;
  const auto &first = *pair.histogram[0], &last = *pair.histogram[1];
  const bool gauge[2] = {first.counter_reset == CounterReset::kGauge,
                         last.counter_reset == CounterReset::kGauge};
  if (is_rate && (gauge[0] || gauge[1])) notes.not_a_counter(call.metric, call.position);
  if (!is_rate && !(gauge[0] && gauge[1])) notes.not_a_gauge(call.metric, call.position);
  Histogram result = last;
  if (!is_rate || !detect_reset(last, first)) {
    const auto outcome = subtract_from(result, first);
    if (!outcome.compatible) {
      notes.mixed_schemas(call.metric, call.position);
      return {};
    }
    if (outcome.bounds_reconciled) notes.bounds_reconciled("subtraction", call.position);
  }
  result.counter_reset = CounterReset::kGauge;
  compact(result);
  if (is_rate) divide(result, seconds);
  return histogram_cell(std::move(result));
}

Cell instant_change(const Window& window, const WindowCall& call, bool is_rate) {
  const auto pair = last_pair(window);
  if (!pair || pair->t[0] == pair->t[1]) return {};
  const double seconds = static_cast<double>(pair->t[1] - pair->t[0]) / 1000;
  if ((pair->histogram[0] == nullptr) != (pair->histogram[1] == nullptr)) {
    call.notes.mixed_floats_histograms(call.metric, call.position);
    return {};
  }
  if (pair->histogram[0] != nullptr) return instant_histogram(*pair, call, is_rate, seconds);
  double change = pair->value[1];
  // After a reset the counter rose from zero to its last value.
  if (!is_rate || !(pair->value[1] < pair->value[0])) change -= pair->value[0];
  return float_cell(is_rate ? change / seconds : change);
}

Cell irate(const Window& w, const WindowCall& c) { return instant_change(w, c, true); }
Cell idelta(const Window& w, const WindowCall& c) { return instant_change(w, c, false); }

// Calls back for each pair of neighbours of a window in the order of time.
template <typename F>
double count_pairs(const Window& whole, F&& counts) {
  const auto window = whole.mode == RangeMode::kAnchored ? anchored_window(whole) : whole;
  std::size_t f = 0, h = 0;
  bool first = true;
  double previous = 0;
  const Histogram* previous_histogram = nullptr;
  double count = 0;
  while (f < window.floats.size() || h < window.histograms.size()) {
    const bool is_float = h == window.histograms.size() ||
                          (f < window.floats.size() && window.floats[f].t < window.histograms[h].t);
    const double value = is_float ? window.floats[f].value : 0;
    const Histogram* histogram = is_float ? nullptr : window.histograms[h].value.get();
    if (!first && counts(previous, previous_histogram, value, histogram)) ++count;
    first = false;
    previous = value;
    previous_histogram = histogram;
    is_float ? ++f : ++h;
  }
  return first ? -1 : count;
}

Cell changes(const Window& window, const WindowCall&) {
  const double count =
      count_pairs(window, [](double a, const Histogram* ha, double b, const Histogram* hb) {
        if ((ha == nullptr) != (hb == nullptr)) return true;
        if (ha != nullptr) return !equal_histograms(*ha, *hb);
        return a != b && !(std::isnan(a) && std::isnan(b));
      });
  return count < 0 ? Cell{} : float_cell(count);
}

Cell resets(const Window& window, const WindowCall&) {
  const double count =
      count_pairs(window, [](double a, const Histogram* ha, double b, const Histogram* hb) {
        if ((ha == nullptr) != (hb == nullptr)) return true;
        if (ha != nullptr) return detect_reset(*hb, *ha);
        return b < a;
      });
  return count < 0 ? Cell{} : float_cell(count);
}

constexpr std::array<WindowEntry, 7> kFunctions = {{{"rate", rate},
                                                    {"increase", increase},
                                                    {"delta", delta},
                                                    {"irate", irate},
                                                    {"idelta", idelta},
                                                    {"changes", changes},
                                                    {"resets", resets}}};

}  // namespace

std::span<const WindowEntry> rate_functions() { return kFunctions; }

}  // namespace holdfast::query::promql
