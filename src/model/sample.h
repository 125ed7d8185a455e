// model/sample.h: a value at a moment; native histograms; the staleness marker.
//
// Units       Timestamp is milliseconds since the Unix epoch, UTC. Values are IEEE doubles.
// Source      Staleness marker and native histograms: Prometheus' value package and exposition format;
//             the marker is a NaN of one bit pattern, distinct from the NaN of arithmetic.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace holdfast::model {

using Timestamp = std::int64_t;
inline constexpr Timestamp kTimestampMin = std::numeric_limits<Timestamp>::min() / 4;
inline constexpr Timestamp kTimestampMax = std::numeric_limits<Timestamp>::max() / 4;

inline constexpr std::uint64_t kStaleBits = 0x7ff0000000000002ULL;
inline constexpr std::uint64_t kNormalNanBits = 0x7ff8000000000001ULL;
inline double stale_marker() { return std::bit_cast<double>(kStaleBits); }
inline bool is_stale(double v) { return std::bit_cast<std::uint64_t>(v) == kStaleBits; }

// A run of consecutive buckets: the first starts `offset` after the end of the span before it.
struct BucketSpan {
  std::int32_t offset = 0;
  std::uint32_t length = 0;
  bool operator==(const BucketSpan&) const = default;
};

enum class CounterReset : std::uint8_t { kUnknown, kReset, kNotReset, kGauge };

// A native histogram with float counts (integer histograms are converted at the edge; their counts are
// exact up to 2^53). schema -4..8: exponential, growth 2^(2^-schema). schema -53: custom upper bounds.
struct Histogram {
  static constexpr std::int32_t kCustomBuckets = -53;

  std::int32_t schema = 0;
  CounterReset counter_reset = CounterReset::kUnknown;
  double zero_threshold = 0;
  double zero_count = 0;
  double count = 0;
  double sum = 0;
  std::vector<BucketSpan> positive_spans;
  std::vector<BucketSpan> negative_spans;
  std::vector<double> positive_buckets;  // absolute counts, one per bucket of the spans
  std::vector<double> negative_buckets;
  std::vector<double> custom_values;     // upper bounds without +Inf, with kCustomBuckets only

  bool uses_custom_buckets() const { return schema == kCustomBuckets; }
  bool operator==(const Histogram&) const = default;  // bit-wise on NaN-free values
};
using HistogramPtr = std::shared_ptr<const Histogram>;

// A float, or a histogram when `histogram` is set (then `value` is 0; a stale histogram is a stale float).
struct Sample {
  Timestamp t = 0;
  double value = 0;
  HistogramPtr histogram;
};

}  // namespace holdfast::model
