#include "metrics/levels/buckets.h"

#include <cmath>

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

bool BucketBuilder::add(const SeriesData& floats) {
  if (floats.size() == 0) return true;
  const std::vector<Timestamp>& times = *floats.times;
  const LevelBucket* before = any_ ? &open_ : done_.empty() ? nullptr : &done_.back();
  if (before != nullptr && times.front() <= before->last_time) return false;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const Timestamp t = times[i];
    const double value = floats.values[i];
    if (any_ && t > open_.end) close();
    const bool stale = model::is_stale(value);
    if (!any_ || (open_.count == 0 && !stale)) {
      const Timestamp end = any_ ? open_.end : bucket_end(t, resolution_);
      open_ = {end, t, t, stale ? 0.0 : 1.0, 0, 0, 0, 0, 0, 0, stale};
      if (!stale) open_.sum = open_.min = open_.max = open_.first = open_.last = value;
      any_ = true;
      continue;
    }
    open_.ends_stale = stale;
    if (stale) continue;
    if (value < open_.last) open_.drops += open_.last;
    open_.count += 1;
    open_.sum = add_exactly(open_.sum, value, lost_);
    open_.min = least(open_.min, value);
    open_.max = most(open_.max, value);
    open_.last = value;
    open_.last_time = t;
  }
  return true;
}

void BucketBuilder::take(std::vector<LevelBucket>& out) {
  close();
  out.swap(done_);
  done_.clear();
}

}  // namespace holdfast::metrics
