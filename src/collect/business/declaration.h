// collect/business/declaration.h: business metrics as configuration declares them.
//
// Purpose     A metric is a name, a type, help in English and Chinese, labels with the values they may have, and buckets;
//             around them stand the ways values arrive: StatsD, log lines, spans. Nothing of it is compiled in.
// Spellings   name, type, help or metric_name, metric_type, description; labels as names or as mappings.
// Errors      All mistakes at once, each with file:line:column.
// Threads     Pure functions; values.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/yaml.h"
#include "model/labels.h"

namespace holdfast::collect {

// kDistinct counts different ids (users, sessions) within a window; it is exposed as a gauge.
enum class BusinessType { kCounter, kGauge, kHistogram, kDistinct };
std::string_view business_type_name(BusinessType type);

struct LabelDeclaration {
  std::string name;
  std::vector<std::string> values;      // empty: any, as far as series_max allows
  std::optional<std::string> fallback;  // when an event does not say; else the label is required
  bool operator==(const LabelDeclaration&) const = default;
};

struct MetricDeclaration {
  std::string name;
  BusinessType type = BusinessType::kCounter;
  std::string help;
  std::string help_zh;
  std::vector<LabelDeclaration> labels;
  std::vector<double> buckets;    // ascending upper bounds without +Inf; histograms only
  std::size_t series_max = 1000;  // label sets
  Duration window = 5min;         // kDistinct
  std::size_t exact_max = 4096;   // ids counted exactly in a window; above it HyperLogLog estimates
  SourcePlace place;
  bool operator==(const MetricDeclaration&) const = default;
};

// "api.*.requests" -> a metric; $1 is what the first * stood for.
struct StatsdMapping {
  std::string match;
  std::string metric;
  std::map<std::string, std::string> labels;
};
struct StatsdOptions {
  std::string listen;  // "host:port"; empty: none
  std::string prefix;  // taken from names
  std::vector<StatsdMapping> mappings;
};

// A line of a followed file that the pattern finds is an event. Named groups may be used as $name.
struct LogPattern {
  std::string path;
  std::string pattern;  // RE2
  std::string metric;
  std::string value = "1";
  std::string id;  // kDistinct
  std::map<std::string, std::string> labels;
  bool from_start = false;  // what stood in the file before the start counts too
};

struct SpanMapping {
  std::string service;                            // empty: any
  std::string name;                               // RE2, whole; empty: any
  std::map<std::string, std::string> attributes;  // must have; RE2, whole
  std::string metric;
  std::string value = "1";  // a number, "duration" (seconds), or an attribute as $name
  std::string id;           // kDistinct
  std::map<std::string, std::string> labels;  // $service, $name, $status or an attribute as $name
};

struct BusinessOptions {
  std::string listen;       // "host:port" of a /metrics of its own; empty: only the common one
  Duration interval = 15s;  // how often they are stored
  std::vector<MetricDeclaration> metrics;
  StatsdOptions statsd;
  std::vector<LogPattern> logs;
  std::vector<SpanMapping> spans;
};

// The members `business_metrics` and `business` of a root mapping.
BusinessOptions read_business(const YamlContext& context, YamlMap& root);

struct BusinessFile {
  BusinessOptions options;
  std::vector<Finding> findings;  // not empty: the file is refused
};
// A file of its own; `custom_exporters: { claude_business_metrics: {...} }` is understood too.
BusinessFile parse_business(const std::string& file_name, std::string_view yaml);

// Text with $name and ${name} replaced; an unknown name is nothing.
std::string expand_references(std::string_view text,
                              const std::function<std::string(std::string_view)>& value_of);

}  // namespace holdfast::collect
