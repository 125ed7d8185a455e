// query/promql/histogram_sum.h: sums and means of many native histograms, with compensated
// additions.
//
// Purpose     What sum(), avg(), sum_over_time() and avg_over_time() need: layouts reconciled as
//             they come, every bucket, count and sum added without losing small terms.
// Invariants  Histograms with exponential and custom buckets do not mix: the first decides, add()
//             refuses the other.
// Threads     A value.
// Source      Prometheus' aggregation of native histograms.
#pragma once

#include <map>
#include <vector>

#include "query/promql/histogram_math.h"
#include "query/promql/kahan.h"

namespace holdfast::query::promql {

class HistogramSum {
 public:
  bool add(const Histogram& h);  // false: does not mix with what came before
  std::size_t count() const { return terms_.size(); }
  Histogram sum() const;
  Histogram mean() const;  // also where the sum would overflow
  bool bounds_reconciled() const { return bounds_reconciled_; }
  bool reset_collision() const { return seen_reset_ && seen_no_reset_; }

 private:
  Histogram total(double factor) const;

  std::vector<const Histogram*> terms_;  // outlived by the samples they belong to
  std::int32_t schema_ = 0;
  bool custom_ = false;
  double zero_threshold_ = 0;
  std::vector<double> bounds_;
  CounterReset hint_ = CounterReset::kUnknown;
  bool bounds_reconciled_ = false;
  bool seen_reset_ = false, seen_no_reset_ = false;
};

}  // namespace holdfast::query::promql
