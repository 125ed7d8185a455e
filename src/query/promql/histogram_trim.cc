// The operators </ and >/: the observations of a histogram below or above a value.
//
// Count and sum are estimated anew from the buckets that remain, since which observations fell away
// is not known: a bucket stands at its geometric mean when exponential and at its middle when
// custom or zero. A bucket that is cut is shared out as quantiles would: linearly, or on a
// logarithmic scale. When nothing falls away, nothing is estimated.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "query/promql/histogram_math.h"

namespace holdfast::query::promql {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Kept {
  double count = 0;
  double mean = 0;
};

double middle(double lower, double upper) { return lower + (upper - lower) / 2; }

// A bucket of finite bounds within which values are spread evenly.
Kept keep_linear(double lower, double upper, double count, double at, bool below) {
  if (below ? upper <= at : lower >= at) return {count, middle(lower, upper)};
  if (below ? lower >= at : upper <= at) return {0, 0};
  const double share = (at - lower) / (upper - lower);
  if (below) return {count * share, middle(lower, at)};
  return {count * (1 - share), middle(at, upper)};
}

Kept keep_exponential(const Bucket& b, double at, bool below) {
  const auto mean = [](double x, double y) {
    return std::copysign(std::sqrt(std::abs(x) * std::abs(y)), x + y);
  };
  if (below ? b.upper <= at : b.lower >= at) return {b.count, mean(b.lower, b.upper)};
  if (below ? b.lower >= at : b.upper <= at) return {0, 0};
  const double low = std::log2(std::abs(b.lower)), high = std::log2(std::abs(b.upper));
  const double share = (std::log2(std::abs(at)) - low) / (high - low);
  if (below) return {b.count * share, mean(b.lower, at)};
  return {b.count * (1 - share), mean(at, b.upper)};
}

Kept keep_custom(const Bucket& b, double at, bool below) {
  if (std::isinf(b.upper)) {
    // How far the last bucket reaches is not known: all of it lies above any value, none of it
    // below.
    if (below ? at < kInfinity : at == kInfinity) return {0, 0};
    const double lower = std::isinf(b.lower) ? 0 : b.lower;
    return {b.count, below ? lower : std::max(lower, std::isinf(at) ? lower : at)};
  }
  if (std::isinf(b.lower) && b.upper <= 0) {
    if (below) return at == -kInfinity ? Kept{} : Kept{b.count, std::min(at, b.upper)};
    return at == -kInfinity ? Kept{b.count, b.upper} : Kept{};
  }
  return keep_linear(std::isinf(b.lower) ? 0 : b.lower, b.upper, b.count, at, below);
}

Kept keep_zero(const Histogram& h, double at, bool below) {
  double lower = -h.zero_threshold, upper = h.zero_threshold;
  if (h.negative_buckets.empty() && !h.positive_buckets.empty()) lower = 0;
  if (h.positive_buckets.empty() && !h.negative_buckets.empty()) upper = 0;
  if (lower == upper) return (below ? upper <= at : lower >= at) ? Kept{h.zero_count, 0} : Kept{};
  return keep_linear(lower, upper, h.zero_count, at, below);
}

Bucket bounds_of(const Histogram& h, IndexedCount c, bool negative) {
  Bucket b;
  b.count = c.count;
  if (h.uses_custom_buckets()) {
    const auto i = static_cast<std::size_t>(c.index);
    b.lower = i == 0                        ? -kInfinity
              : i <= h.custom_values.size() ? h.custom_values[i - 1]
                                            : kInfinity;
    b.upper = i < h.custom_values.size() ? h.custom_values[i] : kInfinity;
    return b;
  }
  const double near = exponential_bound(c.index - 1, h.schema),
               far = exponential_bound(c.index, h.schema);
  b.lower = negative ? -far : near;
  b.upper = negative ? -near : far;
  return b;
}

}  // namespace

Histogram trim_buckets(const Histogram& h, double at, bool keep_below) {
  Histogram out = h;
  bool changed = false;
  out.count = out.sum = 0;
  const auto take = [&](Kept kept, double before) {
    changed = changed || kept.count != before;
    out.count += kept.count;
    out.sum += kept.count == 0 ? 0 : kept.count * kept.mean;
    return kept.count;
  };
  if (std::isnan(at)) at = keep_below ? -kInfinity : kInfinity;
  auto positive = indexed(h.positive_spans, h.positive_buckets);
  auto negative = indexed(h.negative_spans, h.negative_buckets);
  for (auto* side : {&negative, &positive}) {
    for (auto& c : *side) {
      const auto b = bounds_of(h, c, side == &negative);
      c.count = take(h.uses_custom_buckets() ? keep_custom(b, at, keep_below)
                                             : keep_exponential(b, at, keep_below),
                     c.count);
    }
  }
  if (!h.uses_custom_buckets()) out.zero_count = take(keep_zero(h, at, keep_below), h.zero_count);
  if (!changed) return h;
  to_spans(positive, out.positive_spans, out.positive_buckets);
  to_spans(negative, out.negative_spans, out.negative_buckets);
  return out;
}

}  // namespace holdfast::query::promql
