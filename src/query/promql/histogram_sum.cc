#include "query/promql/histogram_sum.h"

#include <algorithm>
#include <cmath>

namespace holdfast::query::promql {
namespace {

using KahanMap = std::map<std::int32_t, Kahan>;

void add_all(KahanMap& to, const std::vector<IndexedCount>& counts, double factor) {
  for (const auto& c : counts) to[c.index].add(c.count * factor);
}

std::vector<IndexedCount> totals(const KahanMap& map) {
  std::vector<IndexedCount> counts;
  counts.reserve(map.size());
  for (const auto& [index, k] : map) counts.push_back({index, k.total()});
  return counts;
}

bool overflowed(const Histogram& h) {
  const auto infinite = [](double v) { return std::isinf(v); };
  return infinite(h.count) || infinite(h.sum) || infinite(h.zero_count) ||
         std::any_of(h.positive_buckets.begin(), h.positive_buckets.end(), infinite) ||
         std::any_of(h.negative_buckets.begin(), h.negative_buckets.end(), infinite);
}

}  // namespace

bool HistogramSum::add(const Histogram& h) {
  if (terms_.empty()) {
    schema_ = h.schema;
    custom_ = h.uses_custom_buckets();
    zero_threshold_ = h.zero_threshold;
    bounds_ = h.custom_values;
    hint_ = h.counter_reset;
  } else {
    if (h.uses_custom_buckets() != custom_) return false;
    hint_ = combined_reset(hint_, h.counter_reset).first;
    if (custom_ && bounds_ != h.custom_values) {
      bounds_ = common_bounds(bounds_, h.custom_values);
      bounds_reconciled_ = true;
    }
    schema_ = std::min(schema_, h.schema);
    zero_threshold_ = std::max(zero_threshold_, h.zero_threshold);
  }
  seen_reset_ = seen_reset_ || h.counter_reset == CounterReset::kReset;
  seen_no_reset_ = seen_no_reset_ || h.counter_reset == CounterReset::kNotReset;
  terms_.push_back(&h);
  return true;
}

Histogram HistogramSum::sum() const { return total(1); }

Histogram HistogramSum::mean() const {
  const auto n = static_cast<double>(terms_.size());
  auto mean = total(1);
  if (!overflowed(mean)) {
    divide(mean, n);
    return mean;
  }
  return total(1 / n);
}

Histogram HistogramSum::total(double factor) const {
  Histogram result;
  result.schema = schema_;
  result.custom_values = bounds_;
  result.counter_reset = hint_;
  // A wider zero bucket may have to widen further until it ends between populated buckets of every
  // term.
  double threshold = zero_threshold_;
  for (bool again = !custom_; again;) {
    again = false;
    for (const auto* h : terms_) {
      if (h->zero_threshold == threshold) continue;
      const double reached = zero_bucket_up_to(*h, threshold).second;
      again = again || reached > threshold;
      threshold = std::max(threshold, reached);
    }
  }
  result.zero_threshold = threshold;
  Kahan count, sum, zero;
  KahanMap positive, negative;
  for (const auto* h : terms_) {
    count.add(h->count * factor);
    sum.add(h->sum * factor);
    if (custom_) {
      const auto buckets = indexed(h->positive_spans, h->positive_buckets);
      add_all(positive,
              h->custom_values == bounds_ ? buckets : rebucket(buckets, h->custom_values, bounds_),
              factor);
      continue;
    }
    Histogram widened = *h;
    if (widened.zero_threshold != threshold) widen_zero_bucket(widened, threshold);
    zero.add(widened.zero_count * factor);
    add_all(positive,
            reduce_resolution(indexed(widened.positive_spans, widened.positive_buckets), h->schema,
                              schema_),
            factor);
    add_all(negative,
            reduce_resolution(indexed(widened.negative_spans, widened.negative_buckets), h->schema,
                              schema_),
            factor);
  }
  result.count = count.total();
  result.sum = sum.total();
  result.zero_count = zero.total();
  to_spans(totals(positive), result.positive_spans, result.positive_buckets);
  to_spans(totals(negative), result.negative_spans, result.negative_buckets);
  return result;
}

}  // namespace holdfast::query::promql
