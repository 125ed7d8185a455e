// query/promql/quantile.h: quantiles and fractions of values, classic buckets and native
// histograms.
//
// Purpose     The estimates of quantile(), histogram_quantile() and histogram_fraction(), with
//             Prometheus' interpolation: linear in classic, custom and zero buckets, exponential in
//             exponential ones.
// Threads     Pure functions of their arguments.
// Source      Prometheus' promql package; the exponential interpolation is that of version 3.
#pragma once

#include <vector>

#include "query/promql/histogram_math.h"

namespace holdfast::query::promql {

// Reorders the values. NaN for none.
double quantile_of(double q, std::vector<double>& values);

struct ClassicBucket {
  double upper = 0;
  double count = 0;  // cumulative
};
struct ClassicQuantile {
  double value = 0;
  bool forced_monotonic = false;
};
// Both sort and repair the buckets.
ClassicQuantile classic_quantile(double q, std::vector<ClassicBucket>& buckets);
double classic_fraction(double lower, double upper, std::vector<ClassicBucket>& buckets);

enum class NanObservations { kNone, kResultIsNan, kSkewedHigher, kExcluded };
struct NativeEstimate {
  double value = 0;
  NanObservations nans = NanObservations::kNone;
};
NativeEstimate native_quantile(double q, const Histogram& h);
NativeEstimate native_fraction(double lower, double upper, const Histogram& h);
double native_variance(const Histogram& h);

}  // namespace holdfast::query::promql
