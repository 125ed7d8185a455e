// collect/receive/otlp_model.h: OTLP metrics as plain values, and the two ways they arrive.
//
// Purpose     decode_otlp_proto() and decode_otlp_json() read an ExportMetricsServiceRequest into the same
//             values, so that everything behind them is said once.
// Units       *_ns: nanoseconds since the Unix epoch, as OTLP writes them.
// Threads     Values; pure functions.
// Limits      Attribute values nest at most kOtlpDepthMax deep.
// Errors      kInvalid: bytes that are no such message; the JSON reader names the member.
// Source      opentelemetry-proto 1.3: collector/metrics/v1, metrics/v1, common/v1; OTLP 1.3, "JSON
//             Protobuf Encoding" (ids in hex, 64-bit integers as text or number).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/labels.h"

namespace holdfast::collect {

inline constexpr int kOtlpDepthMax = 32;

// Attributes with their values as text: numbers and booleans as JSON writes them, bytes in base64,
// lists and maps as JSON.
using OtlpAttributes = std::vector<model::Label>;

struct OtlpExemplar {
  OtlpAttributes attributes;
  std::uint64_t time_ns = 0;
  double value = 0;
  std::string trace_id;  // hex; empty: none
  std::string span_id;
};

struct OtlpBuckets {
  std::int32_t offset = 0;
  std::vector<std::uint64_t> counts;
};

// A data point of any kind; a kind fills what it has.
struct OtlpPoint {
  static constexpr std::uint32_t kNoRecordedValue = 1;

  OtlpAttributes attributes;
  std::uint64_t start_ns = 0;
  std::uint64_t time_ns = 0;
  std::uint32_t flags = 0;
  std::vector<OtlpExemplar> exemplars;
  double value = 0;                                  // gauge, sum
  std::uint64_t count = 0;                           // histograms, summary
  std::optional<double> sum;                         // histograms, summary
  std::vector<std::uint64_t> counts;                 // explicit: one more than bounds, or none
  std::vector<double> bounds;                        // explicit
  std::int32_t scale = 0;                            // exponential
  std::uint64_t zero_count = 0;                      // exponential
  double zero_threshold = 0;                         // exponential
  OtlpBuckets positive, negative;                    // exponential
  std::vector<std::pair<double, double>> quantiles;  // summary: quantile, value
  bool no_value() const { return (flags & kNoRecordedValue) != 0; }
};

enum class OtlpKind { kNone, kGauge, kSum, kHistogram, kExponential, kSummary };
enum class OtlpTemporality { kUnspecified, kDelta, kCumulative };

struct OtlpMetric {
  std::string name, description, unit;
  OtlpKind kind = OtlpKind::kNone;
  OtlpTemporality temporality = OtlpTemporality::kUnspecified;
  bool monotonic = false;
  std::vector<OtlpPoint> points;
};

struct OtlpScope {
  std::string name, version, schema_url;
  OtlpAttributes attributes;
  std::vector<OtlpMetric> metrics;
};

struct OtlpResource {
  OtlpAttributes attributes;
  std::vector<OtlpScope> scopes;
};

struct OtlpRequest {
  std::vector<OtlpResource> resources;
};

Result<OtlpRequest> decode_otlp_proto(std::string_view message);
Result<OtlpRequest> decode_otlp_json(std::string_view text);
// A number as an attribute's text, as JSON writes it: 1e+21 and beyond with an exponent.
std::string otlp_number(double value);

}  // namespace holdfast::collect
