#include "query/promql/level_windows.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "query/promql/rate_math.h"

namespace holdfast::query::promql {
namespace {

using metrics::LevelBucket;

// As in float_windows.cc: below it a sum is mostly what rounding left.
constexpr double kCancelled = 1e-6;

constexpr std::array<std::pair<std::string_view, LevelFunction>, 13> kFunctions = {{
    {"count_over_time", LevelFunction::kCount},
    {"sum_over_time", LevelFunction::kSum},
    {"avg_over_time", LevelFunction::kAvg},
    {"min_over_time", LevelFunction::kMin},
    {"max_over_time", LevelFunction::kMax},
    {"first_over_time", LevelFunction::kFirst},
    {"last_over_time", LevelFunction::kLast},
    {"ts_of_first_over_time", LevelFunction::kFirstTime},
    {"ts_of_last_over_time", LevelFunction::kLastTime},
    {"present_over_time", LevelFunction::kPresent},
    {"rate", LevelFunction::kRate},
    {"increase", LevelFunction::kIncrease},
    {"delta", LevelFunction::kDelta},
}};

double add_exactly(double a, double b, double& lost) {
  const double sum = a + b;
  const double part = sum - a;
  lost += (a - (sum - part)) + (b - part);
  return sum;
}

struct Sum {
  double value = 0;
  bool certain = true;  // as good as the sum of the samples
};

Sum sum_of(std::span<const LevelBucket> buckets) {
  double sum = 0, lost = 0, largest = 0;
  for (const LevelBucket& b : buckets) {
    if (b.count == 0) continue;
    sum = add_exactly(sum, b.sum, lost);
    largest = std::max({largest, std::abs(b.min), std::abs(b.max)});
  }
  if (std::isnan(sum)) return {sum, true};
  if (std::isinf(sum)) return {sum, std::isinf(largest)};  // else an overflow, which order decides
  const double total = sum + lost;
  return {total, largest == 0 || std::abs(total) > largest * kCancelled};
}

template <bool want_max>
double extreme_of(std::span<const LevelBucket> buckets) {
  double best = std::nan("");
  for (const LevelBucket& b : buckets) {
    if (b.count == 0) continue;
    const double v = want_max ? b.max : b.min;
    if ((want_max ? v > best : v < best) || std::isnan(best)) best = v;
  }
  return best;
}

double seconds(Timestamp t) { return static_cast<double>(t) / 1000; }

Timestamp rounded(Timestamp t, std::int64_t resolution) {
  return metrics::bucket_end(t + resolution / 2, resolution) - resolution;
}

}  // namespace

std::optional<LevelFunction> find_level_function(std::string_view name) {
  for (const auto& [text, function] : kFunctions) {
    if (text == name) return function;
  }
  return std::nullopt;
}

bool is_instant(LevelFunction function) {
  return function == LevelFunction::kInstant || function == LevelFunction::kInstantTime;
}

unsigned fields_of(LevelFunction function) {
  switch (function) {
    case LevelFunction::kInstant:
    case LevelFunction::kLast:
      return metrics::kBucketLast;
    case LevelFunction::kFirst:
      return metrics::kBucketFirst;
    case LevelFunction::kSum:
    case LevelFunction::kAvg:
      return metrics::kBucketSum | metrics::kBucketMin | metrics::kBucketMax;
    case LevelFunction::kMin:
      return metrics::kBucketMin;
    case LevelFunction::kMax:
      return metrics::kBucketMax;
    case LevelFunction::kRate:
    case LevelFunction::kIncrease:
      return metrics::kBucketFirst | metrics::kBucketLast | metrics::kBucketDrops;
    case LevelFunction::kDelta:
      return metrics::kBucketFirst | metrics::kBucketLast;
    case LevelFunction::kInstantTime:
    case LevelFunction::kCount:
    case LevelFunction::kFirstTime:
    case LevelFunction::kLastTime:
    case LevelFunction::kPresent:
      return 0;
  }
  return metrics::kBucketAll;
}

std::optional<double> LevelWindowWorker::extrapolated(const std::vector<LevelBucket>& buckets,
                                                      const Window& w) const {
  double count = 0, lost = 0;
  const LevelBucket* before = nullptr;
  const LevelBucket* first = nullptr;
  const bool is_counter = plan_.function != LevelFunction::kDelta;
  for (std::size_t i = w.first; i < w.last; ++i) {
    const LevelBucket& b = buckets[i];
    if (b.count == 0) continue;
    if (first == nullptr) first = &b;
    if (before != nullptr && b.first < before->last) lost += before->last;
    lost += b.drops;
    count += b.count;
    before = &b;
  }
  if (count < 2) return std::nullopt;
  const double increase = before->last - first->first + (is_counter ? lost : 0);
  const WindowEdges edges{seconds(before->last_time - first->first_time),
                          seconds(first->first_time - w.from), seconds(w.to - before->last_time)};
  const double per = plan_.function == LevelFunction::kRate ? seconds(w.to - w.from) : 1;
  const auto gaps = static_cast<std::size_t>(count) - 1;
  return increase * (extrapolation(edges, gaps, first->first, increase, is_counter) / per);
}

std::optional<double> LevelWindowWorker::answer(const std::vector<LevelBucket>& buckets,
                                                const Window& w) const {
  const auto window = std::span(buckets).subspan(w.first, w.last - w.first);
  double count = 0;
  const LevelBucket *first = nullptr, *last = nullptr;
  for (const LevelBucket& b : window) {
    if (b.count == 0) continue;
    if (first == nullptr) first = &b;
    last = &b;
    count += b.count;
  }
  if (count == 0) return std::nullopt;
  switch (plan_.function) {
    case LevelFunction::kCount:
      return count;
    case LevelFunction::kPresent:
      return 1;
    case LevelFunction::kFirst:
      return first->first;
    case LevelFunction::kLast:
      return last->last;
    case LevelFunction::kFirstTime:
      return seconds(first->first_time);
    case LevelFunction::kLastTime:
      return seconds(last->last_time);
    case LevelFunction::kMin:
      return extreme_of<false>(window);
    case LevelFunction::kMax:
      return extreme_of<true>(window);
    case LevelFunction::kSum:
      return sum_of(window).value;
    case LevelFunction::kAvg:
      return sum_of(window).value / count;
    default:
      return extrapolated(buckets, w);
  }
}

std::optional<double> LevelWindowWorker::newest(const std::vector<LevelBucket>& buckets,
                                                std::size_t end, Timestamp at,
                                                std::int64_t lookback) const {
  if (end == 0) return std::nullopt;
  const LevelBucket& b = buckets[end - 1];
  if (b.ends_stale || b.count == 0 || b.last_time <= at - lookback) return std::nullopt;
  return plan_.function == LevelFunction::kInstantTime ? seconds(b.last_time) : b.last;
}

template <typename F>
void LevelWindowWorker::each_window(const std::vector<LevelBucket>& buckets, F&& visit) const {
  std::size_t first = 0, last = 0;
  for (std::size_t i = 0; i < plan_.ends.size(); ++i) {
    const Timestamp to = plan_.ends[i], from = to - plan_.range;
    while (last < buckets.size() && buckets[last].end <= to) ++last;
    while (first < last && buckets[first].end <= from) ++first;
    visit(i, Window{first, last, from, to});
  }
}

bool LevelWindowWorker::certain(const std::vector<LevelBucket>& buckets) const {
  const bool mean = plan_.function == LevelFunction::kAvg;
  if (!mean && plan_.function != LevelFunction::kSum) return true;
  bool certain = true;
  each_window(buckets, [&](std::size_t, const Window& w) {
    if (!certain) return;
    const auto sum = sum_of(std::span(buckets).subspan(w.first, w.last - w.first));
    certain = sum.certain && !(mean && std::isinf(sum.value));
  });
  return certain;
}

std::size_t LevelWindowWorker::run(const std::vector<LevelBucket>& buckets, StepSeries& row,
                                   SampleTally* tally) const {
  std::size_t count = 0;
  const bool instant = is_instant(plan_.function);
  each_window(buckets, [&](std::size_t i, const Window& w) {
    const auto value = instant ? newest(buckets, w.last, w.to, plan_.range) : answer(buckets, w);
    if (tally != nullptr) {
      double samples = value ? 1 : 0;
      if (!instant) {
        samples = 0;
        for (auto k = w.first; k < w.last; ++k) samples += buckets[k].count;
      }
      tally->add(i, static_cast<std::uint64_t>(samples));
    }
    if (!value) return;
    row.set_float(i, *value);
    ++count;
  });
  return count;
}

std::optional<double> LevelWindowWorker::near(const metrics::Buckets& all, std::size_t step) const {
  const auto& buckets = all.buckets;
  const auto resolution = all.resolution;
  const Timestamp at = plan_.ends[step];
  const auto behind = [&](Timestamp t) {  // the first bucket that ends after t
    return static_cast<std::size_t>(
        std::upper_bound(buckets.begin(), buckets.end(), t,
                         [](Timestamp a, const LevelBucket& b) { return a < b.end; }) -
        buckets.begin());
  };
  if (is_instant(plan_.function)) {
    auto end = behind(at);
    // Within a bucket its last sample may be yet to come, its first may be there.
    if (end < buckets.size() && buckets[end].count > 0 && buckets[end].first_time <= at) {
      const LevelBucket& b = buckets[end];
      if (b.last_time <= at && !b.ends_stale) ++end;
      if (b.last_time > at) {
        const bool time = plan_.function == LevelFunction::kInstantTime;
        return time ? seconds(b.first_time) : b.first;
      }
    }
    return newest(buckets, end, at, std::max(plan_.range, resolution));
  }
  const Timestamp to = rounded(at, resolution);
  const auto range = std::max(rounded(plan_.range, resolution), resolution);
  auto value = answer(buckets, {behind(to - range), behind(to), to - range, to});
  const bool adds =
      plan_.function == LevelFunction::kCount || plan_.function == LevelFunction::kSum ||
      plan_.function == LevelFunction::kIncrease || plan_.function == LevelFunction::kDelta;
  if (value && adds) *value *= static_cast<double>(plan_.range) / static_cast<double>(range);
  return value;
}

}  // namespace holdfast::query::promql
