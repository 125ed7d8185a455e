#include "query/promql/windows.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace holdfast::query::promql {
namespace {

// Slides over the samples of one series; ends never go back.
class WindowSlide {
 public:
  WindowSlide(const SampleSeries& series, const WindowPlan& plan) : series_(series), plan_(plan) {}

  Window at(std::size_t step) {
    const auto end = plan_.ends[step];
    const auto after = end - plan_.range - plan_.reach_back;
    const auto until = end + plan_.reach_ahead;
    advance(series_.floats, float_begin_, float_end_, after, until);
    advance(series_.histograms, histogram_begin_, histogram_end_, after, until);
    Window window;
    window.floats = std::span(series_.floats).subspan(float_begin_, float_end_ - float_begin_);
    window.histograms =
        std::span(series_.histograms).subspan(histogram_begin_, histogram_end_ - histogram_begin_);
    window.from = end - plan_.range;
    window.to = end;
    window.range = plan_.range;
    window.mode = plan_.mode;
    return window;
  }

 private:
  template <typename Points>
  static void advance(const Points& points, std::size_t& begin, std::size_t& end, Timestamp after,
                      Timestamp until) {
    while (end < points.size() && points[end].t <= until) ++end;
    while (begin < end && points[begin].t <= after) ++begin;
  }

  const SampleSeries& series_;
  const WindowPlan& plan_;
  std::size_t float_begin_ = 0, float_end_ = 0, histogram_begin_ = 0, histogram_end_ = 0;
};

bool has_nan(const std::vector<double>& values) {
  unsigned found = 0;
  for (const double v : values) found |= static_cast<unsigned>(v != v);
  return found != 0;
}

bool has_stale(const std::vector<double>& values) {
  return std::any_of(values.begin(), values.end(), model::is_stale);
}

void remove_stale(metrics::SeriesData& data) {
  auto times = std::make_shared<std::vector<Timestamp>>();
  times->reserve(data.values.size());
  std::size_t kept = 0;
  for (std::size_t k = 0; k < data.values.size(); ++k) {
    if (model::is_stale(data.values[k])) continue;
    times->push_back((*data.times)[k]);
    data.values[kept++] = data.values[k];
  }
  data.values.resize(kept);
  data.times = std::move(times);
}

}  // namespace

void split_samples(const metrics::SeriesData& data, SampleSeries& series) {
  series.floats.clear();
  series.histograms.clear();
  const auto& times = *data.times;
  for (std::size_t k = 0; k < times.size(); ++k) {
    if (!data.histograms.empty() && data.histograms[k] != nullptr) {
      if (!model::is_stale(data.histograms[k]->sum))
        series.histograms.push_back({times[k], data.histograms[k]});
    } else if (!model::is_stale(data.values[k])) {
      series.floats.push_back({times[k], data.values[k]});
    }
  }
}

void SampleTally::add(const SampleTally& other) {
  read += other.read;
  queryable += other.queryable;
  for (std::size_t i = 0; i < per_step.size() && i < other.per_step.size(); ++i)
    per_step[i] += other.per_step[i];
}

std::uint64_t sample_size(const Histogram& h) {
  constexpr std::uint64_t kFixed = 168, kPoint = 16;  // bytes, as Prometheus counts them
  const auto parts = h.positive_spans.size() + h.negative_spans.size() + h.positive_buckets.size() +
                     h.negative_buckets.size() + h.custom_values.size();
  return (kFixed + 8 * parts + 8) / kPoint;
}

Result<void> check_arguments(const WindowPlan& plan) {
  if (plan.entry->name != "double_exponential_smoothing") return {};
  static constexpr std::array<std::string_view, 2> kNames = {"smoothing", "trend"};
  static constexpr std::array<std::string_view, 2> kShort = {"sf", "tf"};
  for (std::size_t k = 0; k < plan.args.size() && k < 2; ++k) {
    for (const double factor : plan.args[k]) {
      if (factor > 0 && factor < 1) continue;
      return invalid("invalid " + std::string(kNames[k]) + " factor. Expected: 0 < " +
                     std::string(kShort[k]) + " < 1, got: " + format_general(factor));
    }
  }
  return {};
}

bool looks_like_counter(const SeriesName& name) {
  if (name.type == "counter" || name.type == "histogram" || name.metric.empty()) return true;
  for (const std::string_view suffix : {"_total", "_sum", "_count", "_bucket"}) {
    if (name.metric.ends_with(suffix)) return true;
  }
  return false;
}

std::size_t WindowWorker::run(const SeriesName& name, metrics::SeriesData& data, StepSeries& row) {
  if (data.size() == 0) return 0;
  const bool plain = data.histograms.empty() && plan_.mode == RangeMode::kPlain;
  if (!plain || plan_.floats == nullptr) return run_any(name, data, row);
  const bool nan = !data.no_nan && has_nan(data.values);
  if (nan && has_stale(data.values)) {
    remove_stale(data);
    if (data.size() == 0) return 0;
  }
  return run_floats(name, data, nan, row);
}

std::size_t WindowWorker::run_floats(const SeriesName& name, const metrics::SeriesData& data,
                                     bool nan, StepSeries& row) {
  const auto& bounds = bounds_.get(data.times, [&](const auto& times, WindowBounds& out) {
    out.find(times, plan_.ends, plan_.range);
    if (!plan_.extrapolates) return;
    const bool is_rate = plan_.entry->name == "rate";
    out.find_growths(times, plan_.ends, plan_.range,
                     is_rate ? static_cast<double>(plan_.range) / 1000 : 1);
  });
  count_samples(bounds);
  const FloatWindows windows{*data.times, data.values, bounds,      plan_.ends,
                             plan_.range, nan, data.never_falls, plan_.steps, plan_.args};
  const auto count = plan_.floats(windows, scratch_, row);
  if (count > 0 && plan_.expects_counter && name.metric != noted_ && !looks_like_counter(name)) {
    notes_.maybe_not_a_counter(name.metric, plan_.position);
    noted_ = name.metric;
  }
  return count;
}

void WindowWorker::count_samples(const WindowBounds& bounds) {
  if (tally_ == nullptr) return;
  tally_->queryable += bounds.total;
  for (std::size_t i = 0; i < tally_->per_step.size(); ++i)
    tally_->per_step[i] += bounds.last[i] - bounds.first[i];
}

std::size_t WindowWorker::run_any(const SeriesName& name, const metrics::SeriesData& data,
                                  StepSeries& row) {
  split_samples(data, points_);
  WindowSlide slide(points_, plan_);
  std::vector<double> args(plan_.args.size());
  std::size_t count = 0;
  for (std::size_t i = 0; i < plan_.ends.size(); ++i) {
    const auto window = slide.at(i);
    if (window.floats.empty() && window.histograms.empty()) continue;
    if (tally_ != nullptr) {
      std::uint64_t size = window.floats.size();
      for (const auto& point : window.histograms) size += sample_size(*point.value);
      tally_->add(i, size);
    }
    for (std::size_t k = 0; k < args.size(); ++k) args[k] = plan_.args[k][i];
    const WindowCall context{notes_,         plan_.entry->name,   name.metric, name.type,
                             plan_.position, plan_.steps.time(i), args};
    auto cell = plan_.entry->run(window, context);
    if (cell.kind == Kind::kNone) continue;
    row.set(i, std::move(cell));
    ++count;
  }
  return count;
}

}  // namespace holdfast::query::promql
