#include "query/promql/histogram_math.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <tuple>

#include "query/promql/annotate.h"

namespace holdfast::query::promql {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

enum class Side { kPositive, kNegative };

Bucket bucket_at(const Histogram& h, Side side, IndexedCount at) {
  Bucket b;
  b.index = at.index;
  b.count = at.count;
  if (h.uses_custom_buckets()) {
    const auto i = static_cast<std::size_t>(at.index);
    b.lower = i == 0                        ? -kInfinity
              : i <= h.custom_values.size() ? h.custom_values[i - 1]
                                            : kInfinity;
    b.upper = i < h.custom_values.size() ? h.custom_values[i] : kInfinity;
    b.upper_inclusive = true;
    b.lower_inclusive = i == 0;
    return b;
  }
  const double near = exponential_bound(at.index - 1, h.schema);
  const double far = exponential_bound(at.index, h.schema);
  if (side == Side::kPositive) {
    b.lower = near;
    b.upper = far;
    b.upper_inclusive = true;
  } else {
    b.lower = -far;
    b.upper = -near;
    b.lower_inclusive = true;
  }
  return b;
}

using CountMap = std::map<std::int32_t, double>;

CountMap as_map(const std::vector<IndexedCount>& counts) {
  CountMap map;
  for (const auto& c : counts) map[c.index] += c.count;
  return map;
}

std::vector<IndexedCount> as_counts(const CountMap& map) {
  std::vector<IndexedCount> counts;
  counts.reserve(map.size());
  for (const auto& [index, count] : map) counts.push_back({index, count});
  return counts;
}

std::vector<IndexedCount> merged(const std::vector<IndexedCount>& a,
                                 const std::vector<IndexedCount>& b, double sign) {
  auto map = as_map(a);
  for (const auto& c : b) map[c.index] += sign * c.count;
  return as_counts(map);
}

// Buckets that the zero bucket has swallowed.
std::vector<IndexedCount> beyond_zero_bucket(std::vector<IndexedCount> counts, const Histogram& h,
                                             double threshold) {
  std::erase_if(counts, [&](const IndexedCount& c) {
    return exponential_bound(c.index, h.schema) <= threshold;
  });
  return counts;
}

struct Sides {
  std::vector<IndexedCount> positive, negative;
};

Sides sides_of(const Histogram& h) {
  return {indexed(h.positive_spans, h.positive_buckets),
          indexed(h.negative_spans, h.negative_buckets)};
}

void set_sides(Histogram& h, const Sides& sides) {
  to_spans(sides.positive, h.positive_spans, h.positive_buckets);
  to_spans(sides.negative, h.negative_spans, h.negative_buckets);
}

void combine_custom(Histogram& to, const Histogram& other, double sign, AddOutcome& outcome) {
  auto mine = indexed(to.positive_spans, to.positive_buckets);
  auto theirs = indexed(other.positive_spans, other.positive_buckets);
  if (to.custom_values != other.custom_values) {
    const auto bounds = common_bounds(to.custom_values, other.custom_values);
    mine = rebucket(mine, to.custom_values, bounds);
    theirs = rebucket(theirs, other.custom_values, bounds);
    to.custom_values = bounds;
    outcome.bounds_reconciled = true;
  }
  to_spans(merged(mine, theirs, sign), to.positive_spans, to.positive_buckets);
}

void combine_exponential(Histogram& to, const Histogram& other, double sign) {
  double other_zero = other.zero_count;
  double other_threshold = other.zero_threshold;
  while (other_threshold != to.zero_threshold) {
    if (to.zero_threshold > other_threshold) {
      std::tie(other_zero, other_threshold) = zero_bucket_up_to(other, to.zero_threshold);
    }
    if (other_threshold > to.zero_threshold) widen_zero_bucket(to, other_threshold);
    if (std::isnan(other_threshold) || std::isnan(to.zero_threshold)) break;
  }
  to.zero_count += sign * other_zero;
  auto mine = sides_of(to);
  auto theirs = sides_of(other);
  theirs.positive = beyond_zero_bucket(std::move(theirs.positive), other, to.zero_threshold);
  theirs.negative = beyond_zero_bucket(std::move(theirs.negative), other, to.zero_threshold);
  const auto schema = std::min(to.schema, other.schema);
  const auto reduce = [schema](std::vector<IndexedCount>& counts, std::int32_t from) {
    if (from != schema) counts = reduce_resolution(counts, from, schema);
  };
  reduce(mine.positive, to.schema);
  reduce(mine.negative, to.schema);
  reduce(theirs.positive, other.schema);
  reduce(theirs.negative, other.schema);
  to.schema = schema;
  set_sides(to, {merged(mine.positive, theirs.positive, sign),
                 merged(mine.negative, theirs.negative, sign)});
}

AddOutcome combine(Histogram& to, const Histogram& other, double sign) {
  AddOutcome outcome;
  if (to.uses_custom_buckets() != other.uses_custom_buckets()) {
    outcome.compatible = false;
    return outcome;
  }
  std::tie(to.counter_reset, outcome.reset_collision) =
      combined_reset(to.counter_reset, other.counter_reset);
  to.count += sign * other.count;
  to.sum += sign * other.sum;
  if (to.uses_custom_buckets()) {
    combine_custom(to, other, sign, outcome);
  } else {
    combine_exponential(to, other, sign);
  }
  return outcome;
}

bool any_decrease(const std::vector<IndexedCount>& current,
                  const std::vector<IndexedCount>& previous) {
  const auto now = as_map(current);
  for (const auto& [index, count] : as_map(previous)) {
    if (count == 0) continue;
    const auto it = now.find(index);
    if (it == now.end() || it->second < count) return true;
  }
  return false;
}

bool custom_reset(const Histogram& current, const Histogram& previous) {
  if (!previous.uses_custom_buckets()) return true;
  auto now = indexed(current.positive_spans, current.positive_buckets);
  auto before = indexed(previous.positive_spans, previous.positive_buckets);
  if (current.custom_values != previous.custom_values) {
    const auto bounds = common_bounds(current.custom_values, previous.custom_values);
    now = rebucket(now, current.custom_values, bounds);
    before = rebucket(before, previous.custom_values, bounds);
  }
  return any_decrease(now, before);
}

}  // namespace

std::vector<IndexedCount> indexed(const std::vector<model::BucketSpan>& spans,
                                  const std::vector<double>& buckets) {
  std::vector<IndexedCount> counts;
  counts.reserve(buckets.size());
  std::int64_t index = 0;
  std::size_t at = 0;
  for (const auto& span : spans) {
    index += span.offset;
    for (std::uint32_t i = 0; i < span.length && at < buckets.size(); ++i, ++index, ++at) {
      counts.push_back({static_cast<std::int32_t>(index), buckets[at]});
    }
  }
  return counts;
}

void to_spans(const std::vector<IndexedCount>& counts, std::vector<model::BucketSpan>& spans,
              std::vector<double>& buckets) {
  spans.clear();
  buckets.clear();
  std::int32_t next = 0;
  for (const auto& c : counts) {
    if (c.count == 0) continue;
    if (spans.empty() || c.index != next) {
      spans.push_back({c.index - next, 1});
    } else {
      ++spans.back().length;
    }
    buckets.push_back(c.count);
    next = c.index + 1;
  }
}

std::vector<IndexedCount> reduce_resolution(const std::vector<IndexedCount>& counts,
                                            std::int32_t from_schema, std::int32_t to_schema) {
  CountMap map;
  const int shift = from_schema - to_schema;
  for (const auto& c : counts) map[((c.index - 1) >> shift) + 1] += c.count;
  return as_counts(map);
}

double exponential_bound(std::int32_t index, std::int32_t schema) {
  double bound = 0;
  if (schema < 0) {
    const auto exponent = static_cast<std::int64_t>(index) << -schema;
    if (exponent > 1024) return kInfinity;
    bound = exponent == 1024
                ? kInfinity
                : std::ldexp(1.0, static_cast<int>(std::max<std::int64_t>(exponent, -1100)));
  } else {
    const std::int32_t mask = (1 << schema) - 1;
    const double fraction =
        std::exp2(static_cast<double>(index & mask) / static_cast<double>(1 << schema));
    bound = std::ldexp(fraction, index >> schema);
  }
  // The last regular bucket ends at the largest double, so that only the overflow bucket reaches
  // infinity.
  if (std::isinf(bound)) {
    const std::int32_t last = schema < 0 ? 1024 >> -schema : 1024 << schema;
    if (index <= last) return std::numeric_limits<double>::max();
  }
  return bound;
}

std::vector<Bucket> all_buckets(const Histogram& h) {
  std::vector<Bucket> buckets;
  auto negative = indexed(h.negative_spans, h.negative_buckets);
  for (auto it = negative.rbegin(); it != negative.rend(); ++it)
    buckets.push_back(bucket_at(h, Side::kNegative, *it));
  if (h.zero_count != 0 && !h.uses_custom_buckets()) {
    buckets.push_back({-h.zero_threshold, h.zero_threshold, true, true, h.zero_count, 0});
  }
  for (const auto& c : indexed(h.positive_spans, h.positive_buckets)) {
    buckets.push_back(bucket_at(h, Side::kPositive, c));
  }
  return buckets;
}

std::pair<CounterReset, bool> combined_reset(CounterReset a, CounterReset b) {
  if (a == b) return {a, false};
  if (a == CounterReset::kGauge || b == CounterReset::kGauge) return {CounterReset::kGauge, false};
  if (a == CounterReset::kUnknown || b == CounterReset::kUnknown)
    return {CounterReset::kUnknown, false};
  return {CounterReset::kUnknown, true};
}

std::vector<double> common_bounds(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> bounds;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(bounds));
  return bounds;
}

std::vector<IndexedCount> rebucket(const std::vector<IndexedCount>& counts,
                                   const std::vector<double>& from, const std::vector<double>& to) {
  CountMap map;
  for (const auto& c : counts) {
    const auto i = static_cast<std::size_t>(c.index);
    const auto target = i < from.size()
                            ? std::lower_bound(to.begin(), to.end(), from[i]) - to.begin()
                            : static_cast<std::ptrdiff_t>(to.size());
    map[static_cast<std::int32_t>(target)] += c.count;
  }
  return as_counts(map);
}

std::pair<double, double> zero_bucket_up_to(const Histogram& h, double threshold) {
  const auto sides = sides_of(h);
  for (bool again = true; again;) {
    again = false;
    double count = h.zero_count;
    for (const auto& c : sides.positive) {
      const auto b = bucket_at(h, Side::kPositive, c);
      if (b.lower >= threshold) break;
      count += b.count;
      if (b.upper > threshold) {
        if (b.count != 0) threshold = b.upper;
        break;
      }
    }
    for (const auto& c : sides.negative) {
      const auto b = bucket_at(h, Side::kNegative, c);
      if (b.upper <= -threshold) break;
      count += b.count;
      if (b.lower < -threshold) {
        // The wider threshold may now reach into a positive bucket: count afresh.
        if (b.count != 0) {
          threshold = -b.lower;
          again = true;
        }
        break;
      }
    }
    if (!again) return {count, threshold};
  }
  return {h.zero_count, h.zero_threshold};
}

void widen_zero_bucket(Histogram& h, double threshold) {
  std::tie(h.zero_count, h.zero_threshold) = zero_bucket_up_to(h, threshold);
  auto sides = sides_of(h);
  sides.positive = beyond_zero_bucket(std::move(sides.positive), h, h.zero_threshold);
  sides.negative = beyond_zero_bucket(std::move(sides.negative), h, h.zero_threshold);
  set_sides(h, sides);
}

AddOutcome add_to(Histogram& to, const Histogram& other) { return combine(to, other, 1); }
AddOutcome subtract_from(Histogram& from, const Histogram& other) {
  return combine(from, other, -1);
}

void scale(Histogram& h, double factor) {
  h.count *= factor;
  h.sum *= factor;
  h.zero_count *= factor;
  for (auto& b : h.positive_buckets) b *= factor;
  for (auto& b : h.negative_buckets) b *= factor;
  if (factor < 0) h.counter_reset = CounterReset::kGauge;
}

void divide(Histogram& h, double divisor) {
  h.count /= divisor;
  h.sum /= divisor;
  h.zero_count /= divisor;
  if (divisor == 0) {
    // Every bucket would be infinite or NaN, which says nothing: the totals say it.
    h.positive_spans.clear();
    h.positive_buckets.clear();
    h.negative_spans.clear();
    h.negative_buckets.clear();
    return;
  }
  for (auto& b : h.positive_buckets) b /= divisor;
  for (auto& b : h.negative_buckets) b /= divisor;
  if (divisor < 0) h.counter_reset = CounterReset::kGauge;
}

void compact(Histogram& h) { set_sides(h, sides_of(h)); }

Histogram copy_to_schema(const Histogram& h, std::int32_t schema) {
  Histogram copy = h;
  if (h.uses_custom_buckets() || schema >= h.schema) return copy;
  const auto sides = sides_of(h);
  copy.schema = schema;
  set_sides(copy, {reduce_resolution(sides.positive, h.schema, schema),
                   reduce_resolution(sides.negative, h.schema, schema)});
  return copy;
}

bool equal_histograms(const Histogram& a, const Histogram& b) {
  const auto same = [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  if (a.schema != b.schema || !same(a.count, b.count) || !same(a.sum, b.sum)) return false;
  if (a.uses_custom_buckets() && a.custom_values != b.custom_values) return false;
  if (a.zero_threshold != b.zero_threshold || !same(a.zero_count, b.zero_count)) return false;
  Histogram left = a, right = b;
  compact(left);
  compact(right);
  return left.positive_spans == right.positive_spans &&
         left.negative_spans == right.negative_spans &&
         std::equal(left.positive_buckets.begin(), left.positive_buckets.end(),
                    right.positive_buckets.begin(), right.positive_buckets.end(), same) &&
         std::equal(left.negative_buckets.begin(), left.negative_buckets.end(),
                    right.negative_buckets.begin(), right.negative_buckets.end(), same);
}

bool detect_reset(const Histogram& current, const Histogram& previous) {
  if (current.counter_reset == CounterReset::kReset) return true;
  if (current.counter_reset == CounterReset::kNotReset) return false;
  if (current.count < previous.count) return true;
  if (current.uses_custom_buckets()) return custom_reset(current, previous);
  if (previous.uses_custom_buckets() || current.schema > previous.schema) return true;
  if (current.zero_threshold < previous.zero_threshold) return true;
  const auto [zero, threshold] = zero_bucket_up_to(previous, current.zero_threshold);
  // A populated bucket of the former straddles the new zero bucket: it was not the same counter.
  if (threshold != current.zero_threshold) return true;
  if (current.zero_count < zero) return true;
  auto before = sides_of(previous);
  before.positive = beyond_zero_bucket(std::move(before.positive), previous, threshold);
  before.negative = beyond_zero_bucket(std::move(before.negative), previous, threshold);
  const auto now = sides_of(current);
  return any_decrease(now.positive,
                      reduce_resolution(before.positive, previous.schema, current.schema)) ||
         any_decrease(now.negative,
                      reduce_resolution(before.negative, previous.schema, current.schema));
}

std::string histogram_text(const Histogram& h) {
  std::string text = "{count:" + format_general(h.count) + ", sum:" + format_general(h.sum);
  for (const auto& b : all_buckets(h)) {
    if (b.count == 0) continue;
    text += b.lower_inclusive ? ", [" : ", (";
    text += format_general(b.lower) + "," + format_general(b.upper) +
            (b.upper_inclusive ? "]:" : "):") + format_general(b.count);
  }
  return text + "}";
}

}  // namespace holdfast::query::promql
