#include "metrics/levels/buckets.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace holdfast::metrics {

namespace {

// a + b with what rounding lost, added to `lost`.
double add_exactly(double a, double b, double& lost) {
  const double sum = a + b;
  const double part = sum - a;
  lost += (a - (sum - part)) + (b - part);
  return sum;
}

// A NaN gives way to any number.
double least(double a, double b) { return b < a || std::isnan(a) ? b : a; }
double most(double a, double b) { return b > a || std::isnan(a) ? b : a; }

}  // namespace

void BucketBuilder::close() {
  if (!any_) return;
  if (std::isfinite(open_.sum)) open_.sum += lost_;
  done_.push_back(open_);
  lost_ = 0;
  any_ = false;
}

bool BucketBuilder::add(const LevelBucket& bucket) {
  const LevelBucket* before = any_ ? &open_ : done_.empty() ? nullptr : &done_.back();
  if (before != nullptr && bucket.first_time <= before->last_time) return false;
  const Timestamp end = bucket_end(bucket.end, resolution_);
  if (any_ && open_.end != end) close();
  if (!any_ || (open_.count == 0 && bucket.count > 0)) {
    open_ = bucket;
    open_.end = end;
    any_ = true;
    return true;
  }
  open_.ends_stale = bucket.ends_stale;
  if (bucket.count == 0) return true;
  if (bucket.first < open_.last) open_.drops += open_.last;
  open_.drops += bucket.drops;
  open_.count += bucket.count;
  open_.sum = add_exactly(open_.sum, bucket.sum, lost_);
  open_.min = least(open_.min, bucket.min);
  open_.max = most(open_.max, bucket.max);
  open_.last = bucket.last;
  open_.last_time = bucket.last_time;
  return true;
}

bool BucketBuilder::add(const std::vector<LevelBucket>& buckets) {
  for (const LevelBucket& bucket : buckets) {
    if (!add(bucket)) return false;
  }
  return true;
}

void BucketBuilder::add_overlapping(const std::vector<LevelBucket>& buckets) {
  for (const LevelBucket& bucket : buckets) {
    const Timestamp end = bucket_end(bucket.end, resolution_);
    if (any_ && open_.end != end) close();
    if (!any_ || bucket.count == 0 || open_.count == 0) {
      if (any_ && bucket.count == 0) continue;
      open_ = bucket;
      open_.end = end;
      any_ = true;
      continue;
    }
    open_.count += bucket.count;
    open_.sum = add_exactly(open_.sum, bucket.sum, lost_);
    open_.min = least(open_.min, bucket.min);
    open_.max = most(open_.max, bucket.max);
    open_.drops += bucket.drops;
    if (bucket.first_time < open_.first_time) {
      open_.first_time = bucket.first_time;
      open_.first = bucket.first;
    }
    if (bucket.last_time <= open_.last_time) continue;
    open_.last_time = bucket.last_time;
    open_.last = bucket.last;
    open_.ends_stale = bucket.ends_stale;
  }
}

void BucketBuilder::add(Timestamp t, double value) {
  if (any_ && t > open_.end) close();
  const bool stale = model::is_stale(value);
  if (!any_ || (open_.count == 0 && !stale)) {
    const Timestamp end = any_ ? open_.end : bucket_end(t, resolution_);
    open_ = {end, t, t, stale ? 0.0 : 1.0, 0, 0, 0, 0, 0, 0, stale};
    if (!stale) open_.sum = open_.min = open_.max = open_.first = open_.last = value;
    any_ = true;
    return;
  }
  open_.ends_stale = stale;
  if (stale) return;
  if (value < open_.last) open_.drops += open_.last;
  open_.count += 1;
  open_.sum = add_exactly(open_.sum, value, lost_);
  open_.min = least(open_.min, value);
  open_.max = most(open_.max, value);
  open_.last = value;
  open_.last_time = t;
}

namespace {

// The loops below have no branch that depends on the values, or four sums side by side, so that the
// processor need not wait for one addition before the next.
constexpr std::size_t kLanes = 4;

bool has_nan(std::span<const double> v) {
  unsigned found = 0;
  for (const double x : v) found |= static_cast<unsigned>(x != x);
  return found != 0;
}

double drops_of(std::span<const double> v) {
  unsigned fell = 0;
  for (std::size_t i = 1; i < v.size(); ++i) fell |= static_cast<unsigned>(v[i] < v[i - 1]);
  double drops = 0;
  for (std::size_t i = 1; fell != 0 && i < v.size(); ++i) {
    if (v[i] < v[i - 1]) drops += v[i - 1];
  }
  return drops;
}

double sum_of(std::span<const double> v) {
  std::array<double, kLanes> sum{}, lost{};
  std::size_t i = 0;
  for (; i + kLanes <= v.size(); i += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) sum[k] = add_exactly(sum[k], v[i + k], lost[k]);
  }
  for (; i < v.size(); ++i) sum[0] = add_exactly(sum[0], v[i], lost[0]);
  double total = sum[0], rest = lost[0] + lost[1] + lost[2] + lost[3];
  for (std::size_t k = 1; k < kLanes; ++k) total = add_exactly(total, sum[k], rest);
  if (std::isfinite(total) && std::isfinite(rest)) return total + rest;
  double plain = 0;  // infinities, overflows: as they come
  for (const double x : v) plain += x;
  return plain;
}

template <typename F>
double extreme_of(std::span<const double> v, F&& better) {
  std::array<double, kLanes> best;
  best.fill(v[0]);
  std::size_t i = 0;
  for (; i + kLanes <= v.size(); i += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) best[k] = better(v[i + k], best[k]);
  }
  for (; i < v.size(); ++i) best[0] = better(v[i], best[0]);
  return better(better(best[0], best[1]), better(best[2], best[3]));
}

}  // namespace

bool BucketBuilder::add(const SeriesData& floats, unsigned fields) {
  if (floats.size() == 0) return true;
  const std::span<const Timestamp> times = *floats.times;
  const std::span<const double> values = floats.values;
  const LevelBucket* before = any_ ? &open_ : done_.empty() ? nullptr : &done_.back();
  if (before != nullptr && times.front() <= before->last_time) return false;
  for (std::size_t first = 0, last = 0; first < times.size(); first = last) {
    LevelBucket b;
    b.end = bucket_end(times[first], resolution_);
    last = static_cast<std::size_t>(
        std::upper_bound(times.begin() + static_cast<std::ptrdiff_t>(first), times.end(), b.end) -
        times.begin());
    const auto v = values.subspan(first, last - first);
    if (has_nan(v)) {  // markers among them, perhaps
      for (std::size_t i = first; i < last; ++i) add(times[i], values[i]);
      continue;
    }
    b.first_time = times[first];
    b.last_time = times[last - 1];
    b.count = static_cast<double>(v.size());
    b.first = v.front();
    b.last = v.back();
    if ((fields & kBucketSum) != 0) b.sum = sum_of(v);
    if ((fields & kBucketMin) != 0)
      b.min = extreme_of(v, [](double x, double y) { return x < y ? x : y; });
    if ((fields & kBucketMax) != 0)
      b.max = extreme_of(v, [](double x, double y) { return x > y ? x : y; });
    if ((fields & kBucketDrops) != 0) b.drops = drops_of(v);
    (void)add(b);  // it lies behind all others
  }
  return true;
}

void BucketBuilder::take(std::vector<LevelBucket>& out) {
  close();
  out.swap(done_);
  done_.clear();
}

}  // namespace holdfast::metrics
