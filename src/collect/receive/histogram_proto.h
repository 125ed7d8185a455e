// collect/receive/histogram_proto.h: native histograms and exemplars as remote write spells them.
//
// Purpose     prometheus.Histogram (1.0) and io.prometheus.write.v2.Histogram have the same fields, so
//             both receivers read them here; the checks serve OTLP too.
// Units       Milliseconds since the Unix epoch.
// Threads     Pure functions.
// Errors      kInvalid, naming what does not fit: spans and buckets of different length, a negative
//             count, buckets that hold more than `count`, a schema outside -4..52 and -53, bounds that
//             do not rise. Schemas 9..52 are reduced to 8, as Prometheus does.
// Source      prompb/types.proto and prompb/io/prometheus/write/v2/types.proto of Prometheus; the
//             checks are those of its Histogram.Validate.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "metrics/store.h"
#include "model/sample.h"

namespace holdfast::collect {

// One run of buckets holds at most this many; Prometheus' own scrape limit is far below.
inline constexpr std::size_t kHistogramBucketsMax = 100'000;

// The histogram of a message with its time. One whose sum is the staleness marker is a stale float.
Result<model::Sample> read_histogram(std::string_view message);
// prometheus.Exemplar of remote write 1.0: labels spelled out.
Result<metrics::Exemplar> read_exemplar(std::string_view message);

// What every stored histogram keeps: see Errors.
Result<void> check_histogram(const model::Histogram& histogram);
// Merges buckets until the schema is at most `schema_max`. Exponential histograms only.
void reduce_schema(model::Histogram& histogram, std::int32_t schema_max);
// Spans and counts from (bucket index, count), indices rising; gaps of up to two are filled with
// zeros, which take less room than a span.
void set_buckets(const std::vector<std::pair<std::int32_t, double>>& from,
                 std::vector<model::BucketSpan>& spans, std::vector<double>& buckets);

}  // namespace holdfast::collect
