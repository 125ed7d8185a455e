// rate and its kin over anchored and smoothed ranges; smoothed instants.
//
// A plain range knows only its own samples, so increase() extrapolates to its edges. An anchored
// range takes the value at its left edge from the last sample before it, a smoothed one
// interpolates both edges between their neighbours. The result is exact at the edges, needs no
// extrapolation, and the increases of adjoining ranges add up.
#include <algorithm>
#include <cmath>

#include "query/promql/extended.h"
#include "query/promql/functions.h"

namespace holdfast::query::promql {
namespace {

double share_of(Timestamp a, Timestamp b, Timestamp t) {
  return static_cast<double>(t - a) / static_cast<double>(b - a);
}

enum class Edge { kLeft, kRight };

// Between two samples of a counter that restarted, the restart is taken to be right behind the
// first.
double interpolate(const FloatPoint& a, const FloatPoint& b, Timestamp t, bool is_counter,
                   Edge edge) {
  double from = a.value, to = b.value;
  if (is_counter && to < from) {
    if (edge == Edge::kLeft) {
      from = 0;
    } else {
      to += from;
    }
  }
  return from + (to - from) * share_of(a.t, b.t, t);
}

// Which samples of the reach take part: from the last at or before the left edge to the last
// within, or the first behind the right edge when smoothed.
struct Reach {
  std::size_t first = 0, last = 0;
};

template <typename Points>
std::optional<Reach> reach_of(const Points& points, const Window& window) {
  if (points.empty() || points.front().t > window.to) return std::nullopt;
  Reach reach;
  while (reach.first + 1 < points.size() && points[reach.first + 1].t <= window.from) ++reach.first;
  reach.last = points.size() - 1;
  if (window.mode == RangeMode::kSmoothed) {
    reach.last = 0;
    while (reach.last + 1 < points.size() && points[reach.last].t < window.to) ++reach.last;
  }
  // Nothing within the range and nothing behind it to lead there.
  if (points[reach.last].t <= window.from) return std::nullopt;
  return reach;
}

Cell extended_float_rate(const Window& window, bool is_counter, double per) {
  const auto points = window.floats;
  const auto reach = reach_of(points, window);
  if (!reach) return {};
  auto [first, last] = *reach;
  const bool smoothed = window.mode == RangeMode::kSmoothed;
  double left = points[first].value, right = points[last].value;
  if (smoothed && points[first].t < window.from && first + 1 < points.size()) {
    left = interpolate(points[first], points[first + 1], window.from, is_counter, Edge::kLeft);
  }
  if (smoothed && last > 0 && points[last].t > window.to) {
    right = interpolate(points[last - 1], points[last], window.to, is_counter, Edge::kRight);
  }
  double increase = right - left;
  if (is_counter) {
    double previous = left;
    for (std::size_t i = first; i <= last; ++i) {
      if (points[i].t <= window.from || points[i].t >= window.to) continue;
      if (points[i].value < previous) increase += previous;
      previous = points[i].value;
    }
    if (right < previous) increase += previous;
  }
  return float_cell(increase / per);
}

// The histogram at t between two samples; a fall of the counter counts from zero.
Histogram interpolate(const Histogram& a, const Histogram& b, double share, bool restarted) {
  Histogram part = b;
  if (!restarted) subtract_from(part, a);
  scale(part, share);
  if (!restarted) add_to(part, a);
  return part;
}

HistogramPoint interpolated_point(const HistogramPoint& a, const HistogramPoint& b, Timestamp t,
                                  bool restarted) {
  auto value = interpolate(*a.value, *b.value, share_of(a.t, b.t, t), restarted);
  value.counter_reset = a.value->counter_reset == CounterReset::kGauge ? CounterReset::kGauge
                                                                       : CounterReset::kUnknown;
  return {t, std::make_shared<const Histogram>(std::move(value))};
}

// The samples of a range with its edges put in.
std::vector<HistogramPoint> edged(const Window& window, const Reach& reach, bool is_counter) {
  const auto points = window.histograms;
  std::vector<HistogramPoint> out;
  const bool smoothed = window.mode == RangeMode::kSmoothed;
  for (std::size_t i = reach.first; i <= reach.last; ++i) {
    const auto& point = points[i];
    const auto restarted = [&](std::size_t k) {
      return is_counter && detect_reset(*points[k].value, *points[k - 1].value);
    };
    if (smoothed && point.t < window.from && i + 1 < points.size()) {
      const auto& next = points[i + 1];
      // Where the counter restarted the left edge counts from zero, so the next sample is no
      // restart any more.
      out.push_back(
          interpolated_point(point, next, std::min(window.from, next.t), restarted(i + 1)));
      continue;
    }
    if (smoothed && point.t > window.to && i > 0) {
      auto edge = interpolated_point(points[i - 1], point, window.to, restarted(i));
      if (restarted(i)) {
        Histogram added = *edge.value;
        add_to(added, *points[i - 1].value);
        edge.value = std::make_shared<const Histogram>(std::move(added));
      }
      out.push_back(std::move(edge));
      continue;
    }
    out.push_back(point);
  }
  return out;
}

// The edges are not stored samples: hints of the neighbours tell nothing about them.
void forget_edge_hints(std::vector<HistogramPoint>& points, const Window& window) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool behind_left_edge = i == 1 && window.mode == RangeMode::kSmoothed;
    if (!behind_left_edge || points[i].value->counter_reset == CounterReset::kGauge) continue;
    Histogram copy = *points[i].value;
    copy.counter_reset = CounterReset::kUnknown;
    points[i].value = std::make_shared<const Histogram>(std::move(copy));
  }
}

Cell extended_histogram_rate(const Window& window, const WindowCall& call, bool is_counter,
                             double per) {
  const auto reach = reach_of(window.histograms, window);
  if (!reach) return {};
  for (std::size_t i = reach->first + 1; i <= reach->last; ++i) {
    if (window.histograms[i].value->uses_custom_buckets() ==
        window.histograms[i - 1].value->uses_custom_buckets()) {
      continue;
    }
    call.notes.mixed_schemas(call.metric, call.position);
    return {};
  }
  auto points = edged(window, *reach, is_counter);
  forget_edge_hints(points, window);
  if (points.size() < 2) {
    Histogram none = *points.front().value;
    subtract_from(none, *points.front().value);
    none.counter_reset = CounterReset::kGauge;
    return histogram_cell(std::move(none));
  }
  auto increase = histogram_increase(points, is_counter, call);
  if (!increase) return {};
  scale(*increase, 1 / per);
  return histogram_cell(std::move(*increase));
}

}  // namespace

Cell extended_rate(const Window& window, const WindowCall& call, bool is_counter, bool is_rate) {
  const double per = is_rate ? static_cast<double>(window.range) / 1000 : 1;
  const bool floats = reach_of(window.floats, window).has_value();
  const bool histograms = reach_of(window.histograms, window).has_value();
  if (floats && histograms) {
    call.notes.mixed_floats_histograms(call.metric, call.position);
    return {};
  }
  if (floats) return extended_float_rate(window, is_counter, per);
  return histograms ? extended_histogram_rate(window, call, is_counter, per) : Cell{};
}

Window anchored_window(const Window& window) {
  Window out = window;
  const auto before = [&](const auto& points) {
    return static_cast<std::size_t>(std::count_if(
        points.begin(), points.end(), [&](const auto& p) { return p.t <= window.from; }));
  };
  auto floats = before(window.floats), histograms = before(window.histograms);
  if (floats == window.floats.size() && histograms == window.histograms.size()) {
    out.floats = {};
    out.histograms = {};
    return out;
  }
  // Of what lies before, the latest stays: a float or a histogram.
  if (floats > 0 &&
      (histograms == 0 || window.floats[floats - 1].t > window.histograms[histograms - 1].t)) {
    --floats;
  } else if (histograms > 0) {
    --histograms;
  }
  out.floats = window.floats.subspan(floats);
  out.histograms = window.histograms.subspan(histograms);
  return out;
}

std::optional<Cell> smoothed_cell(const metrics::SeriesData& data, std::size_t next, Timestamp t,
                                  std::int64_t lookback) {
  const auto& times = *data.times;
  const auto histogram_at = [&](std::size_t i) {
    return data.histograms.empty() ? nullptr : data.histograms[i].get();
  };
  const auto stale = [&](std::size_t i) {
    return histogram_at(i) != nullptr ? model::is_stale(histogram_at(i)->sum)
                                      : model::is_stale(data.values[i]);
  };
  if (next == 0 || times[next - 1] <= t - lookback || stale(next - 1)) return std::nullopt;
  const auto at = next - 1;
  const bool alone =
      times[at] == t || next == times.size() || times[next] > t + lookback || stale(next);
  const auto* a = histogram_at(at);
  if (alone) {
    if (a == nullptr) return float_cell(data.values[at]);
    return Cell{Kind::kHistogram, 0, data.histograms[at]};
  }
  const auto* b = histogram_at(next);
  if ((a == nullptr) != (b == nullptr)) return std::nullopt;
  const double share = share_of(times[at], times[next], t);
  if (a == nullptr)
    return float_cell(data.values[at] + (data.values[next] - data.values[at]) * share);
  if (a->uses_custom_buckets() != b->uses_custom_buckets()) return std::nullopt;
  return histogram_cell(interpolate(*a, *b, share, detect_reset(*b, *a)));
}

void note_smoothed_mix(Annotator& notes, const metrics::SeriesData& data, std::string_view metric,
                       const PositionRange& at) {
  if (data.histograms.empty()) return;
  const auto count = std::count_if(data.histograms.begin(), data.histograms.end(),
                                   [](const HistogramPtr& h) { return h != nullptr; });
  if (count != 0 && static_cast<std::size_t>(count) != data.size()) {
    notes.mixed_floats_histograms(metric, at);
  }
}

}  // namespace holdfast::query::promql
