// The JSON form. Members that are absent have protobuf's defaults, unknown ones are passed over, as the
// encoding's rules want; a member of the wrong type is told by its path.
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/text.h"
#include "collect/receive/otlp_model.h"

namespace holdfast::collect {
namespace {

using nlohmann::json;

class JsonReader {
 public:
  OtlpRequest request(const json& root) {
    OtlpRequest out;
    if (!root.is_object()) fail("the body", "an object");
    each(root, "resourceMetrics", [&](const json& one) { out.resources.push_back(resource(one)); });
    return out;
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  // ---- members ----

  void fail(const std::string& what, std::string_view allowed) {
    if (!error_) error_ = invalid(path_ + what + ": expected " + std::string(allowed));
  }
  static const json* member(const json& in, const char* name) {
    if (!in.is_object()) return nullptr;
    const auto found = in.find(name);
    return found == in.end() || found->is_null() ? nullptr : &*found;
  }
  template <typename F>
  void each(const json& in, const char* name, F take) {
    const auto* list = member(in, name);
    if (list == nullptr) return;
    if (!list->is_array()) return fail(name, "a list");
    const auto before = path_;
    std::size_t index = 0;
    for (const auto& item : *list) {
      path_ = before + name + "[" + std::to_string(index++) + "].";
      if (!item.is_object()) fail("", "an object");
      take(item);
    }
    path_ = before;
  }
  std::string text(const json& in, const char* name) {
    const auto* value = member(in, name);
    if (value == nullptr) return {};
    if (value->is_string()) return value->get<std::string>();
    fail(name, "a text");
    return {};
  }
  std::optional<double> number_of(const json& value) {
    if (value.is_number()) return value.get<double>();
    if (!value.is_string()) return std::nullopt;
    const auto& word = value.get_ref<const std::string&>();
    if (word == "Infinity") return std::numeric_limits<double>::infinity();
    if (word == "-Infinity") return -std::numeric_limits<double>::infinity();
    return parse_double(word);
  }
  std::optional<double> number(const json& in, const char* name) {
    const auto* value = member(in, name);
    if (value == nullptr) return std::nullopt;
    auto number = number_of(*value);
    if (!number) fail(name, "a number");
    return number;
  }
  // Up to 64 bits, signed or not, as a number or as text.
  static std::optional<std::int64_t> integer_of(const json& value) {
    if (value.is_number_unsigned()) return static_cast<std::int64_t>(value.get<std::uint64_t>());
    if (value.is_number_integer()) return value.get<std::int64_t>();
    if (value.is_number_float()) {
      const auto v = value.get<double>();
      if (v != std::trunc(v) || std::abs(v) >= 9.2e18) return std::nullopt;
      return static_cast<std::int64_t>(v);
    }
    if (!value.is_string()) return std::nullopt;
    const auto& word = value.get_ref<const std::string&>();
    if (const auto v = parse_int(word)) return v;
    std::uint64_t big = 0;  // above the signed range
    const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), big);
    if (failure != std::errc() || end != word.data() + word.size()) return std::nullopt;
    return static_cast<std::int64_t>(big);
  }
  std::int64_t integer(const json& in, const char* name) {
    const auto* value = member(in, name);
    if (value == nullptr) return 0;
    const auto number = integer_of(*value);
    if (!number) fail(name, "an integer");
    return number.value_or(0);
  }
  std::uint64_t whole(const json& in, const char* name) {
    return static_cast<std::uint64_t>(integer(in, name));
  }
  std::int32_t small(const json& in, const char* name) {
    const auto value = integer(in, name);
    if (value < std::numeric_limits<std::int32_t>::min() ||
        value > std::numeric_limits<std::int32_t>::max()) {
      fail(name, "an integer of 32 bits");
      return 0;
    }
    return static_cast<std::int32_t>(value);
  }
  std::vector<std::uint64_t> wholes(const json& in, const char* name) {
    std::vector<std::uint64_t> out;
    const auto* list = member(in, name);
    if (list == nullptr) return out;
    if (!list->is_array()) fail(name, "a list of integers");
    for (const auto& item : *list) {
      const auto value = integer_of(item);
      if (!value) fail(name, "a list of integers");
      out.push_back(static_cast<std::uint64_t>(value.value_or(0)));
    }
    return out;
  }
  std::vector<double> numbers(const json& in, const char* name) {
    std::vector<double> out;
    const auto* list = member(in, name);
    if (list == nullptr) return out;
    if (!list->is_array()) fail(name, "a list of numbers");
    for (const auto& item : *list) {
      const auto value = number_of(item);
      if (!value) fail(name, "a list of numbers");
      out.push_back(value.value_or(0));
    }
    return out;
  }

  // ---- attributes ----

  json plain(const json& value, int depth) {
    if (depth > kOtlpDepthMax) {
      fail("value", "at most " + std::to_string(kOtlpDepthMax) + " levels");
      return {};
    }
    if (const auto* list = member(value, "arrayValue")) {
      json out = json::array();
      if (const auto* items = member(*list, "values"); items != nullptr && items->is_array()) {
        for (const auto& item : *items) out.push_back(plain(item, depth + 1));
      }
      return out;
    }
    if (const auto* map = member(value, "kvlistValue")) {
      json out = json::object();
      if (const auto* items = member(*map, "values"); items != nullptr && items->is_array()) {
        for (const auto& item : *items) {
          const auto* inner = member(item, "value");
          out[text(item, "key")] = inner == nullptr ? json() : plain(*inner, depth + 1);
        }
      }
      return out;
    }
    if (member(value, "intValue") != nullptr) return integer(value, "intValue");
    if (member(value, "boolValue") != nullptr) return value.at("boolValue");
    if (member(value, "doubleValue") != nullptr) return number(value, "doubleValue").value_or(0);
    if (member(value, "bytesValue") != nullptr) return text(value, "bytesValue");
    if (member(value, "stringValue") != nullptr) return text(value, "stringValue");
    return {};
  }
  std::string any(const json& value) {
    const auto out = plain(value, 0);
    if (out.is_null()) return {};
    if (out.is_string()) return out.get<std::string>();
    if (out.is_number_float()) return otlp_number(out.get<double>());
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  OtlpAttributes attributes(const json& in, const char* name = "attributes") {
    OtlpAttributes out;
    each(in, name, [&](const json& one) {
      const auto* value = member(one, "value");
      out.push_back({text(one, "key"), value == nullptr ? std::string() : any(*value)});
    });
    return out;
  }

  // ---- points ----

  double point_value(const json& in) {
    if (member(in, "asInt") != nullptr) return static_cast<double>(integer(in, "asInt"));
    return number(in, "asDouble").value_or(0);
  }
  OtlpExemplar exemplar(const json& in) {
    return {attributes(in, "filteredAttributes"), whole(in, "timeUnixNano"), point_value(in),
            lower(text(in, "traceId")), lower(text(in, "spanId"))};
  }
  OtlpBuckets buckets(const json& in, const char* name) {
    const auto* value = member(in, name);
    if (value == nullptr) return {};
    return {small(*value, "offset"), wholes(*value, "bucketCounts")};
  }
  OtlpPoint point(const json& in, OtlpKind kind) {
    OtlpPoint out;
    out.attributes = attributes(in);
    out.start_ns = whole(in, "startTimeUnixNano");
    out.time_ns = whole(in, "timeUnixNano");
    out.flags = static_cast<std::uint32_t>(whole(in, "flags"));
    each(in, "exemplars", [&](const json& one) { out.exemplars.push_back(exemplar(one)); });
    if (kind == OtlpKind::kGauge || kind == OtlpKind::kSum) {
      out.value = point_value(in);
      return out;
    }
    out.count = whole(in, "count");
    out.sum = number(in, "sum");
    if (kind == OtlpKind::kHistogram) {
      out.counts = wholes(in, "bucketCounts");
      out.bounds = numbers(in, "explicitBounds");
    } else if (kind == OtlpKind::kExponential) {
      out.scale = small(in, "scale");
      out.zero_count = whole(in, "zeroCount");
      out.zero_threshold = number(in, "zeroThreshold").value_or(0);
      out.positive = buckets(in, "positive");
      out.negative = buckets(in, "negative");
    } else {
      if (!out.sum) out.sum = 0;
      each(in, "quantileValues", [&](const json& one) {
        out.quantiles.emplace_back(number(one, "quantile").value_or(0),
                                   number(one, "value").value_or(0));
      });
    }
    return out;
  }

  OtlpTemporality temporality(const json& in) {
    const auto* value = member(in, "aggregationTemporality");
    if (value == nullptr) return OtlpTemporality::kUnspecified;
    if (*value == 1 || *value == "AGGREGATION_TEMPORALITY_DELTA") return OtlpTemporality::kDelta;
    if (*value == 2 || *value == "AGGREGATION_TEMPORALITY_CUMULATIVE")
      return OtlpTemporality::kCumulative;
    return OtlpTemporality::kUnspecified;
  }

  OtlpMetric metric(const json& in) {
    constexpr std::pair<const char*, OtlpKind> kKinds[] = {
        {"gauge", OtlpKind::kGauge},
        {"sum", OtlpKind::kSum},
        {"histogram", OtlpKind::kHistogram},
        {"exponentialHistogram", OtlpKind::kExponential},
        {"summary", OtlpKind::kSummary}};
    OtlpMetric out;
    out.name = text(in, "name");
    out.description = text(in, "description");
    out.unit = text(in, "unit");
    for (const auto& entry : kKinds) {
      const char* name = entry.first;
      const auto kind = entry.second;  // bound by name, lambdas could not take it
      const auto* data = member(in, name);
      if (data == nullptr) continue;
      out.kind = kind;
      out.temporality = temporality(*data);
      const auto* monotonic = member(*data, "isMonotonic");
      out.monotonic = monotonic != nullptr && *monotonic == true;
      const auto before = path_;
      path_ += std::string(name) + ".";
      each(*data, "dataPoints", [&](const json& one) { out.points.push_back(point(one, kind)); });
      path_ = before;
    }
    return out;
  }

  OtlpScope scope(const json& in) {
    OtlpScope out;
    out.schema_url = text(in, "schemaUrl");
    if (const auto* scope = member(in, "scope")) {
      out.name = text(*scope, "name");
      out.version = text(*scope, "version");
      out.attributes = attributes(*scope);
    }
    each(in, "metrics", [&](const json& one) { out.metrics.push_back(metric(one)); });
    return out;
  }

  OtlpResource resource(const json& in) {
    OtlpResource out;
    if (const auto* resource = member(in, "resource")) out.attributes = attributes(*resource);
    each(in, "scopeMetrics", [&](const json& one) { out.scopes.push_back(scope(one)); });
    return out;
  }

  std::string path_;
  std::optional<Error> error_;
};

}  // namespace

Result<OtlpRequest> decode_otlp_json(std::string_view text) {
  const auto root = json::parse(text, nullptr, false);
  if (root.is_discarded()) return invalid("the body is not JSON");
  JsonReader reader;
  auto request = reader.request(root);
  if (reader.error()) return *reader.error();
  return request;
}

}  // namespace holdfast::collect
