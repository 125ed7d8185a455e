// query/promql/histogram_math.h: arithmetic on native histograms.
//
// Purpose     Buckets as intervals; add, subtract, scale, compare, trim, interpolate; counter
//             resets. What differs in resolution, zero bucket or custom bounds is first brought to
//             what both can express.
// Invariants  A result keeps no empty buckets, except that copies are copies.
// Units       Counts are doubles; bucket i of an exponential schema covers (base^(i-1), base^i].
// Errors      Exponential and custom buckets do not mix: the functions that could meet both answer
//             false.
// Threads     Pure functions of their arguments.
// Source      Prometheus' native histograms: the resolution of the coarser, the wider zero bucket,
//             the common bounds.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model/sample.h"

namespace holdfast::query::promql {

using model::CounterReset;
using model::Histogram;
using model::HistogramPtr;

struct Bucket {
  double lower = 0, upper = 0;
  bool lower_inclusive = false, upper_inclusive = false;
  double count = 0;
  std::int32_t index = 0;
};

struct IndexedCount {
  std::int32_t index = 0;
  double count = 0;
};

// Spans and buckets as index=count pairs and back; to_spans drops empty buckets.
std::vector<IndexedCount> indexed(const std::vector<model::BucketSpan>& spans,
                                  const std::vector<double>& buckets);
void to_spans(const std::vector<IndexedCount>& counts, std::vector<model::BucketSpan>& spans,
              std::vector<double>& buckets);
// The same observations at a coarser schema.
std::vector<IndexedCount> reduce_resolution(const std::vector<IndexedCount>& counts,
                                            std::int32_t from_schema, std::int32_t to_schema);
double exponential_bound(std::int32_t index, std::int32_t schema);  // the upper bound of a bucket

// From the lowest to the highest value, the zero bucket in its place when it holds anything.
std::vector<Bucket> all_buckets(const Histogram& h);

struct AddOutcome {
  bool compatible = true;          // false: exponential met custom, nothing was done
  bool reset_collision = false;    // counter resets of the two contradict each other
  bool bounds_reconciled = false;  // custom bounds differed
};
AddOutcome add_to(Histogram& to, const Histogram& other);
AddOutcome subtract_from(Histogram& from, const Histogram& other);
void scale(Histogram& h, double factor);    // a negative factor makes it a gauge
void divide(Histogram& h, double divisor);  // by zero: no buckets remain
void compact(Histogram& h);
Histogram copy_to_schema(const Histogram& h, std::int32_t schema);

// Equal in what they count; representation and reset hints do not matter.
bool equal_histograms(const Histogram& a, const Histogram& b);
// Whether the counter behind the histograms restarted between them.
bool detect_reset(const Histogram& current, const Histogram& previous);
// The part of the observations below (keep_below) or above a value, interpolated within a bucket.
Histogram trim_buckets(const Histogram& h, double at, bool keep_below);

// The hint of a sum of two, and whether they contradict.
std::pair<CounterReset, bool> combined_reset(CounterReset a, CounterReset b);
std::vector<double> common_bounds(const std::vector<double>& a, const std::vector<double>& b);
// Counts by bounds brought to fewer bounds, each of which is one of the former.
std::vector<IndexedCount> rebucket(const std::vector<IndexedCount>& counts,
                                   const std::vector<double>& from, const std::vector<double>& to);
// The zero bucket of h if it reached to `threshold`, and the threshold really reached: a populated
// bucket is not cut.
std::pair<double, double> zero_bucket_up_to(const Histogram& h, double threshold);
void widen_zero_bucket(Histogram& h, double threshold);

// {count:20, sum:10, [-2,-1):2, (0.5,1]:1}
std::string histogram_text(const Histogram& h);

}  // namespace holdfast::query::promql
