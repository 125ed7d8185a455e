#include "collect/receive/otlp_delta.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "collect/receive/histogram_proto.h"

namespace holdfast::collect {
namespace {

using Buckets = std::map<std::int32_t, double>;

void gather(const std::vector<model::BucketSpan>& spans, const std::vector<double>& counts,
            Buckets& out) {
  std::int32_t index = 0;
  std::size_t at = 0;
  for (const auto& span : spans) {
    index += span.offset;
    for (std::uint32_t i = 0; i < span.length && at < counts.size(); ++i, ++index)
      out[index] += counts[at++];
  }
}

// Buckets whose upper bound lies within the threshold go to the zero bucket.
double take_small(Buckets& buckets, std::int32_t schema, double threshold) {
  double taken = 0;
  while (!buckets.empty()) {
    const auto first = buckets.begin();
    if (std::exp2(std::ldexp(static_cast<double>(first->first), -schema)) > threshold) break;
    taken += first->second;
    buckets.erase(first);
  }
  return taken;
}

void put(const Buckets& from, std::vector<model::BucketSpan>& spans, std::vector<double>& counts) {
  set_buckets({from.begin(), from.end()}, spans, counts);
}

void add_exponential(model::Histogram& a, model::Histogram& b) {
  const auto schema = std::min(a.schema, b.schema);
  reduce_schema(a, schema);
  reduce_schema(b, schema);
  Buckets positive, negative;
  for (const auto* one : {&a, &b}) {
    gather(one->positive_spans, one->positive_buckets, positive);
    gather(one->negative_spans, one->negative_buckets, negative);
  }
  if (a.zero_threshold != b.zero_threshold) {
    a.zero_threshold = std::max(a.zero_threshold, b.zero_threshold);
    a.zero_count += take_small(positive, schema, a.zero_threshold) +
                    take_small(negative, schema, a.zero_threshold);
  }
  put(positive, a.positive_spans, a.positive_buckets);
  put(negative, a.negative_spans, a.negative_buckets);
}

}  // namespace

void add_histogram(model::Histogram& a, model::Histogram b) {
  a.count += b.count;
  a.sum += b.sum;
  a.zero_count += b.zero_count;
  add_exponential(a, b);
}

OtlpDelta::Round::~Round() {
  // Backwards: a series met twice gets its oldest state.
  for (auto before = undo_.rbegin(); before != undo_.rend(); ++before) {
    const auto found = all_.by_series_.find(before->series);
    if (found == all_.by_series_.end()) continue;
    if (before->state) {
      *found->second = std::move(*before->state);
    } else {
      all_.states_.erase(found->second);
      all_.by_series_.erase(found);
    }
  }
}

Result<const OtlpDelta::Total*> OtlpDelta::Round::add(const model::Labels& series,
                                                      std::uint64_t time_ns, Total delta) {
  const auto found = all_.by_series_.find(series);
  if (found == all_.by_series_.end()) {
    if (all_.states_.size() >= all_.series_max_) all_.expire(now_);
    if (all_.states_.size() >= all_.series_max_) {
      return Error(Code::kExhausted, "over " + std::to_string(all_.series_max_) +
                                         " series of delta temporality; " + series.text() +
                                         " was not added");
    }
    undo_.push_back({series, std::nullopt});
    all_.states_.push_back({series, time_ns, now_, std::move(delta)});
    all_.by_series_.emplace(series, std::prev(all_.states_.end()));
    return &all_.states_.back().total;
  }
  auto& state = *found->second;
  if (time_ns <= state.time_ns) {
    return Error(Code::kOutOfRange,
                 "a delta point of " + series.text() + " is not newer than the last of its series");
  }
  undo_.push_back({series, state});
  // What fell silent for long begins anew, as if it had been dropped.
  const bool same = state.total.shape == delta.shape && now_ - state.seen <= all_.expiry_ &&
                    state.total.values.size() == delta.values.size();
  if (!same) {
    state.total = std::move(delta);
  } else {
    for (std::size_t i = 0; i < delta.values.size(); ++i) state.total.values[i] += delta.values[i];
    if (state.total.histogram && delta.histogram)
      add_histogram(*state.total.histogram, std::move(*delta.histogram));
  }
  state.time_ns = time_ns;
  state.seen = now_;
  all_.states_.splice(all_.states_.end(), all_.states_, found->second);
  return &state.total;
}

void OtlpDelta::expire(MonoTime now) {
  while (!states_.empty() && now - states_.front().seen > expiry_) {
    by_series_.erase(states_.front().series);
    states_.pop_front();
  }
}

std::size_t OtlpDelta::series_count() const {
  const std::lock_guard lock(mutex_);
  return states_.size();
}

}  // namespace holdfast::collect
