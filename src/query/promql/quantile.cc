#include "query/promql/quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "query/promql/kahan.h"

namespace holdfast::query::promql {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
// Differences this small between neighbouring buckets come from floating point, not from
// observations.
constexpr double kSmallDelta = 1e-12;

bool nearly_equal(double a, double b, double tolerance) {
  if (a == b) return true;
  const double sum = std::abs(a) + std::abs(b);
  const double difference = std::abs(a - b);
  constexpr double kSmallest = std::numeric_limits<double>::min();
  if (a == 0 || b == 0 || sum < kSmallest) return difference < tolerance * kSmallest;
  return difference / std::min(sum, std::numeric_limits<double>::max()) < tolerance;
}

// Sorted, equal bounds merged, counts never falling. Whether a real fall had to be repaired.
bool repair(std::vector<ClassicBucket>& buckets) {
  std::size_t kept = 0;
  for (std::size_t i = 1; i < buckets.size(); ++i) {
    if (buckets[i].upper == buckets[kept].upper) {
      buckets[kept].count += buckets[i].count;
    } else {
      buckets[++kept] = buckets[i];
    }
  }
  buckets.resize(kept + 1);
  bool forced = false;
  double previous = buckets.front().count;
  for (std::size_t i = 1; i < buckets.size(); ++i) {
    const double current = buckets[i].count;
    if (current == previous) continue;
    if (nearly_equal(previous, current, kSmallDelta)) {
      buckets[i].count = previous;
    } else if (current < previous) {
      buckets[i].count = previous;
      forced = true;
    } else {
      previous = current;
    }
  }
  return forced;
}

bool sort_and_check(std::vector<ClassicBucket>& buckets) {
  const auto before = [](const ClassicBucket& a, const ClassicBucket& b) {
    return a.upper < b.upper;
  };
  if (!std::is_sorted(buckets.begin(), buckets.end(), before))
    std::sort(buckets.begin(), buckets.end(), before);
  return !buckets.empty() && buckets.back().upper == kInfinity;
}

// An exponential histogram with observations on one side only has its zero bucket on that side too.
void narrow_zero_bucket(const Histogram& h, Bucket& b) {
  if (h.negative_buckets.empty() && !h.positive_buckets.empty()) b.lower = 0;
  if (h.positive_buckets.empty() && !h.negative_buckets.empty()) b.upper = 0;
}

bool is_zero_bucket(const Histogram& h, const Bucket& b) {
  return !h.uses_custom_buckets() && b.lower <= 0 && b.upper >= 0;
}

double share_below(const Histogram& h, const Bucket& b, double v) {
  if (h.uses_custom_buckets() || is_zero_bucket(h, b)) {
    if (std::isinf(b.lower)) return 1;
    if (std::isinf(b.upper)) return 0;
    return (v - b.lower) / (b.upper - b.lower);
  }
  const double low = std::log2(std::abs(b.lower)), high = std::log2(std::abs(b.upper));
  const double at = std::log2(std::abs(v));
  return v > 0 ? (at - low) / (high - low) : 1 - (at - high) / (low - high);
}

}  // namespace

double quantile_of(double q, std::vector<double>& values) {
  if (values.empty() || std::isnan(q)) return kNan;
  if (q < 0) return -kInfinity;
  if (q > 1) return kInfinity;
  const auto before = [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; };
  const auto n = static_cast<double>(values.size());
  const double rank = q * (n - 1);
  const double lower = std::max(0.0, std::floor(rank));
  const double upper = std::min(n - 1, lower + 1);
  const double weight = rank - std::floor(rank);
  // Two neighbours are all that is needed of the order.
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(lower);
  std::nth_element(values.begin(), at, values.end(), before);
  const double low = *at;
  const double high = upper > lower ? *std::min_element(at + 1, values.end(), before) : low;
  return low * (1 - weight) + high * weight;
}

ClassicQuantile classic_quantile(double q, std::vector<ClassicBucket>& buckets) {
  if (std::isnan(q)) return {kNan};
  if (q < 0) return {-kInfinity};
  if (q > 1) return {kInfinity};
  if (!sort_and_check(buckets)) return {kNan};
  const bool forced = repair(buckets);
  if (buckets.size() < 2) return {kNan, forced};
  const double observations = buckets.back().count;
  if (observations == 0) return {kNan, forced};
  double rank = q * observations;
  std::size_t b = 0;
  while (b < buckets.size() - 1 && !(buckets[b].count >= rank)) ++b;
  if (b == buckets.size() - 1) return {buckets[b - 1].upper, forced};
  if (b == 0 && buckets[0].upper <= 0) return {buckets[0].upper, forced};
  double start = 0;
  double count = buckets[b].count;
  if (b > 0) {
    start = buckets[b - 1].upper;
    count -= buckets[b - 1].count;
    rank -= buckets[b - 1].count;
  }
  return {start + (buckets[b].upper - start) * (rank / count), forced};
}

double classic_fraction(double lower, double upper, std::vector<ClassicBucket>& buckets) {
  if (!sort_and_check(buckets)) return kNan;
  repair(buckets);
  const double total = buckets.back().count;
  if (buckets.size() < 2 || total == 0 || std::isnan(lower) || std::isnan(upper)) return kNan;
  if (lower >= upper) return 0;
  const auto rank_of = [&](double v) {
    double rank = 0;
    for (std::size_t i = 0; i < buckets.size(); ++i) {
      const auto& b = buckets[i];
      const double start = i > 0 ? buckets[i - 1].upper : (b.upper > 0 ? 0 : -kInfinity);
      if (start >= v) return rank;
      if (b.upper > v) {
        if (std::isinf(start)) return b.count;
        if (std::isinf(b.upper)) return rank;
        return rank + (b.count - rank) * (v - start) / (b.upper - start);
      }
      rank = b.count;
    }
    return total;
  };
  return (std::min(rank_of(upper), total) - std::min(rank_of(lower), total)) / total;
}

NativeEstimate native_quantile(double q, const Histogram& h) {
  if (q < 0) return {-kInfinity};
  if (q > 1) return {kInfinity};
  if (h.count == 0 || std::isnan(q)) return {kNan};
  // Observations of NaN are in no bucket but count above all others, so only counting from below
  // finds the rank.
  const bool has_nans = std::isnan(h.sum);
  const bool from_below = has_nans || q < 0.5;
  auto buckets = all_buckets(h);
  if (!from_below) std::reverse(buckets.begin(), buckets.end());
  double rank = from_below ? q * h.count : (1 - q) * h.count;
  double count = 0;
  Bucket bucket;
  for (const auto& b : buckets) {
    if (b.count == 0) continue;
    bucket = b;
    count += b.count;
    if (count >= rank) break;
  }
  if (is_zero_bucket(h, bucket)) narrow_zero_bucket(h, bucket);
  if (has_nans && count < rank) return {kNan, NanObservations::kResultIsNan};
  const auto nans = has_nans ? NanObservations::kSkewedHigher : NanObservations::kNone;
  if (h.uses_custom_buckets()) {
    if (std::isinf(bucket.lower)) {
      if (bucket.upper <= 0 || std::isinf(bucket.upper)) return {bucket.upper, nans};
      bucket.lower = 0;
    } else if (std::isinf(bucket.upper)) {
      return {bucket.lower, nans};
    }
  }
  count = std::min(count, h.count);
  if (count < rank) return {from_below ? bucket.upper : bucket.lower, nans};
  rank = from_below ? rank - (count - bucket.count) : count - rank;
  const double fraction = rank / bucket.count;
  if (h.uses_custom_buckets() || is_zero_bucket(h, bucket)) {
    return {bucket.lower + (bucket.upper - bucket.lower) * fraction, nans};
  }
  const double low = std::log2(std::abs(bucket.lower)), high = std::log2(std::abs(bucket.upper));
  if (bucket.lower > 0) return {std::exp2(low + (high - low) * fraction), nans};
  return {-std::exp2(high + (low - high) * (1 - fraction)), nans};
}

NativeEstimate native_fraction(double lower, double upper, const Histogram& h) {
  if (h.count == 0 || std::isnan(lower) || std::isnan(upper)) return {kNan};
  const auto nans = std::isnan(h.sum) ? NanObservations::kExcluded : NanObservations::kNone;
  if (lower >= upper) return {0, nans};
  const auto buckets = all_buckets(h);
  double total = h.count;
  if (nans != NanObservations::kNone) {
    total = 0;
    for (const auto& b : buckets) total += b.count;
  }
  const auto rank_of = [&](double v) {
    double rank = 0;
    for (auto b : buckets) {
      if (is_zero_bucket(h, b)) narrow_zero_bucket(h, b);
      if (h.uses_custom_buckets() && std::isinf(b.lower) && b.upper > 0 && std::isfinite(b.upper))
        b.lower = 0;
      if (b.lower >= v) return rank;
      if (b.upper > v) return rank + b.count * share_below(h, b, v);
      rank += b.count;
    }
    return total;
  };
  return {(std::min(rank_of(upper), total) - std::min(rank_of(lower), total)) / h.count, nans};
}

double native_variance(const Histogram& h) {
  const double mean = h.sum / h.count;
  Kahan variance;
  for (const auto& b : all_buckets(h)) {
    if (b.count == 0) continue;
    double value = 0;
    if (h.uses_custom_buckets()) {
      value = (b.upper + b.lower) / 2;
    } else if (!is_zero_bucket(h, b)) {
      value = std::sqrt(b.upper * b.lower);
      if (b.upper < 0) value = -value;
    }
    const double delta = value - mean;
    variance.add(b.count * delta * delta);
  }
  return variance.total() / h.count;
}

}  // namespace holdfast::query::promql
