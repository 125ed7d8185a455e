// The protobuf form. Every message has one function that walks its fields; a nested message that cannot be
// read makes the whole request invalid, as protobuf parsers do.
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/text.h"
#include "base/wire.h"
#include "collect/receive/otlp_model.h"

namespace holdfast::collect {
namespace {

using nlohmann::json;

constexpr WireType kBytes = WireType::kBytes;
constexpr WireType kVarint = WireType::kVarint;
constexpr WireType kFixed64 = WireType::kFixed64;

// Clears *good when the reader met bad bytes.
void finish(const WireReader& reader, bool& good) { good = good && !reader.failed(); }

json any_json(std::string_view message, int depth, bool& good);

std::pair<std::string, json> key_value_json(std::string_view message, int depth, bool& good) {
  std::pair<std::string, json> out;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(1, kBytes)) out.first = reader.bytes();
    if (reader.is(2, kBytes)) out.second = any_json(reader.bytes(), depth, good);
  }
  finish(reader, good);
  return out;
}

// A list's or map's members; `is_map` tells which.
json members_json(std::string_view message, bool is_map, int depth, bool& good) {
  json out = is_map ? json::object() : json::array();
  WireReader reader(message);
  while (reader.next()) {
    if (!reader.is(1, kBytes)) continue;
    if (is_map) {
      auto [key, value] = key_value_json(reader.bytes(), depth, good);
      out[key] = std::move(value);
    } else {
      out.push_back(any_json(reader.bytes(), depth, good));
    }
  }
  finish(reader, good);
  return out;
}

json any_json(std::string_view message, int depth, bool& good) {
  json out;
  if (depth > kOtlpDepthMax) {
    good = false;
    return out;
  }
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(1, kBytes)) out = std::string(reader.bytes());
    if (reader.is(2, kVarint)) out = reader.number() != 0;
    if (reader.is(3, kVarint)) out = reader.int64();
    if (reader.is(4, kFixed64)) out = reader.fixed_double();
    if (reader.is(5, kBytes)) out = members_json(reader.bytes(), false, depth + 1, good);
    if (reader.is(6, kBytes)) out = members_json(reader.bytes(), true, depth + 1, good);
    if (reader.is(7, kBytes)) out = base64_encode(reader.bytes());
  }
  finish(reader, good);
  return out;
}

std::string any_text(std::string_view message, bool& good) {
  std::string out;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(1, kBytes)) out = reader.bytes();
    if (reader.is(2, kVarint)) out = reader.number() != 0 ? "true" : "false";
    if (reader.is(3, kVarint)) out = std::to_string(reader.int64());
    if (reader.is(4, kFixed64)) out = otlp_number(reader.fixed_double());
    if (reader.is(5, kBytes) || reader.is(6, kBytes)) {
      out = members_json(reader.bytes(), reader.field() == 6, 1, good)
                .dump(-1, ' ', false, json::error_handler_t::replace);
    }
    if (reader.is(7, kBytes)) out = base64_encode(reader.bytes());
  }
  finish(reader, good);
  return out;
}

model::Label read_attribute(std::string_view message, bool& good) {
  model::Label out;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(1, kBytes)) out.name = reader.bytes();
    if (reader.is(2, kBytes)) out.value = any_text(reader.bytes(), good);
  }
  finish(reader, good);
  return out;
}

OtlpExemplar read_exemplar(std::string_view message, bool& good) {
  OtlpExemplar out;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(2, kFixed64)) out.time_ns = reader.number();
    if (reader.is(3, kFixed64)) out.value = reader.fixed_double();
    if (reader.is(4, kBytes)) out.span_id = to_hex(reader.bytes());
    if (reader.is(5, kBytes)) out.trace_id = to_hex(reader.bytes());
    if (reader.is(6, kFixed64)) out.value = static_cast<double>(reader.int64());
    if (reader.is(7, kBytes)) out.attributes.push_back(read_attribute(reader.bytes(), good));
  }
  finish(reader, good);
  return out;
}

// fixed64 or double, packed or one a field.
template <typename T, typename Make>
void read_fixed(const WireReader& reader, std::vector<T>& out, bool& good, Make make) {
  if (reader.type() == kFixed64) return out.push_back(make(reader.number()));
  auto packed = reader.bytes();
  if (reader.type() != kBytes || packed.size() % 8 != 0) {
    good = false;
    return;
  }
  for (double v = 0; WireReader::unpack_double(packed, v);)
    out.push_back(make(std::bit_cast<std::uint64_t>(v)));
}

void read_counts(const WireReader& reader, std::vector<std::uint64_t>& out, bool& good) {
  if (reader.type() == kVarint) return out.push_back(reader.number());
  auto packed = reader.bytes();
  for (std::uint64_t v = 0; WireReader::unpack_varint(packed, v);) out.push_back(v);
  good = good && reader.type() == kBytes && packed.empty();
}

OtlpBuckets read_buckets(std::string_view message, bool& good) {
  OtlpBuckets out;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(1, kVarint)) out.offset = static_cast<std::int32_t>(reader.zigzag());
    if (reader.field() == 2) read_counts(reader, out.counts, good);
  }
  finish(reader, good);
  return out;
}

// Where a kind keeps what every kind has.
struct PointFields {
  std::uint32_t attributes, exemplars, flags;
};

void read_common(const WireReader& reader, const PointFields& at, OtlpPoint& out, bool& good) {
  if (reader.is(at.attributes, kBytes))
    out.attributes.push_back(read_attribute(reader.bytes(), good));
  if (reader.is(2, kFixed64)) out.start_ns = reader.number();
  if (reader.is(3, kFixed64)) out.time_ns = reader.number();
  if (at.exemplars != 0 && reader.is(at.exemplars, kBytes))
    out.exemplars.push_back(read_exemplar(reader.bytes(), good));
  if (reader.is(at.flags, kVarint)) out.flags = static_cast<std::uint32_t>(reader.number());
}

void read_number(const WireReader& reader, OtlpPoint& out, bool& good) {
  read_common(reader, {7, 5, 8}, out, good);
  if (reader.is(4, kFixed64)) out.value = reader.fixed_double();
  if (reader.is(6, kFixed64)) out.value = static_cast<double>(reader.int64());
}

void read_explicit(const WireReader& reader, OtlpPoint& out, bool& good) {
  read_common(reader, {9, 8, 10}, out, good);
  if (reader.is(4, kFixed64)) out.count = reader.number();
  if (reader.is(5, kFixed64)) out.sum = reader.fixed_double();
  if (reader.field() == 6) read_fixed(reader, out.counts, good, [](std::uint64_t v) { return v; });
  if (reader.field() == 7)
    read_fixed(reader, out.bounds, good, [](std::uint64_t v) { return std::bit_cast<double>(v); });
}

void read_exponential(const WireReader& reader, OtlpPoint& out, bool& good) {
  read_common(reader, {1, 11, 10}, out, good);
  if (reader.is(4, kFixed64)) out.count = reader.number();
  if (reader.is(5, kFixed64)) out.sum = reader.fixed_double();
  if (reader.is(6, kVarint)) out.scale = static_cast<std::int32_t>(reader.zigzag());
  if (reader.is(7, kFixed64)) out.zero_count = reader.number();
  if (reader.is(8, kBytes)) out.positive = read_buckets(reader.bytes(), good);
  if (reader.is(9, kBytes)) out.negative = read_buckets(reader.bytes(), good);
  if (reader.is(14, kFixed64)) out.zero_threshold = reader.fixed_double();
}

void read_summary(const WireReader& reader, OtlpPoint& out, bool& good) {
  read_common(reader, {7, 0, 8}, out, good);
  if (reader.is(4, kFixed64)) out.count = reader.number();
  if (reader.is(5, kFixed64)) out.sum = reader.fixed_double();
  if (!reader.is(6, kBytes)) return;
  auto& [quantile, value] = out.quantiles.emplace_back();
  WireReader pair(reader.bytes());
  while (pair.next()) {
    if (pair.is(1, kFixed64)) quantile = pair.fixed_double();
    if (pair.is(2, kFixed64)) value = pair.fixed_double();
  }
  finish(pair, good);
}

OtlpPoint read_point(std::string_view message, OtlpKind kind, bool& good) {
  OtlpPoint out;
  if (kind == OtlpKind::kSummary) out.sum = 0;  // not optional there
  WireReader reader(message);
  while (reader.next()) {
    switch (kind) {
      case OtlpKind::kHistogram:
        read_explicit(reader, out, good);
        break;
      case OtlpKind::kExponential:
        read_exponential(reader, out, good);
        break;
      case OtlpKind::kSummary:
        read_summary(reader, out, good);
        break;
      default:
        read_number(reader, out, good);
    }
  }
  finish(reader, good);
  return out;
}

void read_data(std::string_view message, OtlpMetric& out, bool& good) {
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(1, kBytes)) out.points.push_back(read_point(reader.bytes(), out.kind, good));
    if (reader.is(2, kVarint) && reader.number() <= 2)
      out.temporality = static_cast<OtlpTemporality>(reader.number());
    if (reader.is(3, kVarint)) out.monotonic = reader.number() != 0;
  }
  finish(reader, good);
}

OtlpMetric read_metric(std::string_view message, bool& good) {
  OtlpMetric out;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.type() != kBytes) continue;
    const auto data = [&](OtlpKind kind) {
      out.kind = kind;
      read_data(reader.bytes(), out, good);
    };
    switch (reader.field()) {
      case 1:
        out.name = reader.bytes();
        break;
      case 2:
        out.description = reader.bytes();
        break;
      case 3:
        out.unit = reader.bytes();
        break;
      case 5:
        data(OtlpKind::kGauge);
        break;
      case 7:
        data(OtlpKind::kSum);
        break;
      case 9:
        data(OtlpKind::kHistogram);
        break;
      case 10:
        data(OtlpKind::kExponential);
        break;
      case 11:
        data(OtlpKind::kSummary);
        break;
      default:
        break;
    }
  }
  finish(reader, good);
  return out;
}

OtlpScope read_scope(std::string_view message, bool& good) {
  OtlpScope out;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(2, kBytes)) out.metrics.push_back(read_metric(reader.bytes(), good));
    if (reader.is(3, kBytes)) out.schema_url = reader.bytes();
    if (!reader.is(1, kBytes)) continue;
    WireReader scope(reader.bytes());
    while (scope.next()) {
      if (scope.is(1, kBytes)) out.name = scope.bytes();
      if (scope.is(2, kBytes)) out.version = scope.bytes();
      if (scope.is(3, kBytes)) out.attributes.push_back(read_attribute(scope.bytes(), good));
    }
    finish(scope, good);
  }
  finish(reader, good);
  return out;
}

OtlpResource read_resource(std::string_view message, bool& good) {
  OtlpResource out;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(2, kBytes)) out.scopes.push_back(read_scope(reader.bytes(), good));
    if (!reader.is(1, kBytes)) continue;
    WireReader resource(reader.bytes());
    while (resource.next()) {
      if (resource.is(1, kBytes)) out.attributes.push_back(read_attribute(resource.bytes(), good));
    }
    finish(resource, good);
  }
  finish(reader, good);
  return out;
}

}  // namespace

std::string otlp_number(double value) {
  const double size = std::abs(value);
  if (size == 0 || !std::isfinite(value) || (size >= 1e-6 && size < 1e21))
    return format_double(value);
  return json(value).dump();
}

Result<OtlpRequest> decode_otlp_proto(std::string_view message) {
  OtlpRequest out;
  bool good = true;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(1, kBytes)) out.resources.push_back(read_resource(reader.bytes(), good));
  }
  finish(reader, good);
  if (!good) return invalid("the body is no ExportMetricsServiceRequest");
  return out;
}

}  // namespace holdfast::collect
