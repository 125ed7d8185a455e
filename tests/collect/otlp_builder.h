// tests/collect/otlp_builder.h: builds OTLP metrics requests field by field.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/wire.h"

namespace holdfast::collect {

using OtlpPairs = std::vector<std::pair<std::string, std::string>>;

inline std::string otlp_attribute(const std::string& key, const std::string& value) {
  WireWriter any, out;
  any.bytes(1, value);
  out.bytes(1, key);
  out.bytes(2, any.text());
  return out.take();
}

inline void otlp_attributes(WireWriter& out, std::uint32_t field, const OtlpPairs& pairs) {
  for (const auto& [key, value] : pairs) out.bytes(field, otlp_attribute(key, value));
}

struct OtlpTimes {
  std::int64_t start_ms = 0;
  std::int64_t ms = 0;
};

inline void otlp_times(WireWriter& out, OtlpTimes times) {
  out.fixed64(2, static_cast<std::uint64_t>(times.start_ms) * 1'000'000);
  out.fixed64(3, static_cast<std::uint64_t>(times.ms) * 1'000'000 + 999);  // below a millisecond
}

inline std::string otlp_number_point(OtlpTimes times, double value, const OtlpPairs& pairs = {},
                                     std::uint32_t flags = 0) {
  WireWriter out;
  otlp_attributes(out, 7, pairs);
  otlp_times(out, times);
  out.number(4, value);
  if (flags != 0) out.varint(8, flags);
  return out.take();
}

inline std::string otlp_explicit_point(OtlpTimes times, std::vector<double> bounds,
                                       std::vector<std::uint64_t> counts, double sum,
                                       const std::string& exemplar = {}) {
  WireWriter out, packed_counts, packed_bounds;
  otlp_times(out, times);
  std::uint64_t count = 0;
  for (const auto one : counts) {
    count += one;
    packed_counts.raw(&one, 8);
  }
  for (const auto bound : bounds) packed_bounds.raw(&bound, 8);
  out.fixed64(4, count);
  out.number(5, sum);
  out.bytes(6, packed_counts.text());
  out.bytes(7, packed_bounds.text());
  if (!exemplar.empty()) out.bytes(8, exemplar);
  return out.take();
}

inline std::string otlp_exponential_point(OtlpTimes times, std::int32_t scale,
                                          std::uint64_t zero_count, std::int32_t offset,
                                          std::vector<std::uint64_t> counts, double sum) {
  WireWriter out, buckets, packed;
  otlp_times(out, times);
  std::uint64_t count = zero_count;
  for (const auto one : counts) {
    count += one;
    packed.raw_varint(one);
  }
  buckets.zigzag(1, offset);
  buckets.bytes(2, packed.text());
  out.fixed64(4, count);
  out.number(5, sum);
  out.zigzag(6, scale);
  out.fixed64(7, zero_count);
  out.bytes(8, buckets.text());
  return out.take();
}

struct OtlpMetricSpec {
  std::string name, unit;
  std::uint32_t kind = 5;  // 5 gauge, 7 sum, 9 histogram, 10 exponential, 11 summary
  std::vector<std::string> points;
  int temporality = 2;  // 1 delta, 2 cumulative
  bool monotonic = true;
  std::string description{};
};

inline std::string otlp_metric(const OtlpMetricSpec& spec) {
  WireWriter data, out;
  for (const auto& point : spec.points) data.bytes(1, point);
  if (spec.kind != 5 && spec.kind != 11)
    data.varint(2, static_cast<std::uint64_t>(spec.temporality));
  if (spec.kind == 7) data.varint(3, spec.monotonic ? 1 : 0);
  out.bytes(1, spec.name);
  out.bytes(2, spec.description);
  out.bytes(3, spec.unit);
  out.bytes(spec.kind, data.text());
  return out.take();
}

inline std::string otlp_request(const OtlpPairs& resource,
                                const std::vector<OtlpMetricSpec>& metrics,
                                const std::string& scope_name = {}) {
  WireWriter attributes, scope, scope_metrics, resource_metrics, out;
  otlp_attributes(attributes, 1, resource);
  scope.bytes(1, scope_name);
  scope_metrics.bytes(1, scope.text());
  for (const auto& metric : metrics) scope_metrics.bytes(2, otlp_metric(metric));
  resource_metrics.bytes(1, attributes.text());
  resource_metrics.bytes(2, scope_metrics.text());
  out.bytes(1, resource_metrics.text());
  return out.take();
}

}  // namespace holdfast::collect
