#include "collect/business/declaration.h"

#include <re2/re2.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "base/text.h"
#include "base/transport.h"

namespace holdfast::collect {
namespace {

// The exporter's own bounds when a histogram names none: 5 ms to 10 s, as Prometheus' clients.
const std::vector<double> kBucketsDefault = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                             0.5,   1,    2.5,   5,    10};

class Reader {
 public:
  Reader(const YamlContext& context, BusinessOptions& out) : context_(context), out_(out) {}

  void read_metrics(YamlMap& root) {
    for (const auto* node : root.list("business_metrics")) read_metric(*node);
  }

  void read_feeds(const YamlNode& node) {
    YamlMap map(context_, node, "business");
    out_.listen = endpoint(map, "listen");
    out_.interval = map.duration("interval", 15s, 1s, 1h);
    if (const auto* statsd = map.member("statsd")) read_statsd(*statsd);
    for (const auto* one : map.list("logs")) read_log(*one);
    for (const auto* one : map.list("spans")) read_span(*one);
    map.finish();
  }

  // custom_exporters: { name: { enabled, port, business_metrics } }
  void read_exporter(const YamlNode& node) {
    YamlMap map(context_, node, "exporter");
    const bool enabled = map.boolean("enabled", true);
    const auto port = map.integer("port", 0, 1, 65535);
    if (port != 0) out_.listen = "127.0.0.1:" + std::to_string(port);
    read_metrics(map);
    map.finish();
    if (!enabled) out_ = {};
  }

 private:
  void read_metric(const YamlNode& node) {
    YamlMap map(context_, node, "business metric");
    MetricDeclaration metric;
    metric.place = {context_.file, node.line, node.column};
    const char* name_member = map.has("metric_name") ? "metric_name" : "name";
    metric.name = map.required_text(name_member);
    if (!metric.name.empty() && !model::is_metric_name(metric.name))
      map.report(name_member, "'" + printable(metric.name) + "' is no metric name");
    if (!metric.name.empty() && !names_.insert(metric.name).second)
      map.report(name_member, "metric " + metric.name + " is declared twice");
    const char* type_member = map.has("metric_type") ? "metric_type" : "type";
    metric.type =
        type_of(map.word(type_member, "counter", {"counter", "gauge", "histogram", "distinct"}));
    metric.help = map.text(map.has("description") ? "description" : "help");
    metric.help_zh = map.text("help_zh");
    for (const auto* label : map.list("labels")) read_label(*label, metric);
    metric.buckets = buckets(map, metric.type);
    metric.series_max = static_cast<std::size_t>(map.integer("series_max", 1000, 1, 1'000'000));
    metric.window = map.duration("window", 5min, 10s, 24h);
    metric.exact_max = static_cast<std::size_t>(map.integer("exact_max", 4096, 16, 1'000'000));
    for (const char* member : {"window", "exact_max"}) {
      if (map.has(member) && metric.type != BusinessType::kDistinct)
        map.report(member, "'" + std::string(member) + "' is for type distinct only");
    }
    map.finish();
    if (map.valid()) out_.metrics.push_back(std::move(metric));
  }

  static BusinessType type_of(const std::string& word) {
    if (word == "gauge") return BusinessType::kGauge;
    if (word == "histogram") return BusinessType::kHistogram;
    return word == "distinct" ? BusinessType::kDistinct : BusinessType::kCounter;
  }

  void read_label(const YamlNode& node, MetricDeclaration& metric) {
    LabelDeclaration label;
    if (node.kind == YamlNode::Kind::kScalar) {
      label.name = node.scalar;
    } else {
      YamlMap map(context_, node, "label");
      label.name = map.required_text("name");
      label.values = map.texts("values");
      if (map.has("default")) label.fallback = map.text("default");
      const bool known = label.values.empty() || !label.fallback ||
                         std::find(label.values.begin(), label.values.end(), *label.fallback) !=
                             label.values.end();
      if (!known)
        map.report("default",
                   "the default '" + printable(*label.fallback) + "' is not among the values");
      map.finish();
    }
    const bool taken = std::any_of(metric.labels.begin(), metric.labels.end(),
                                   [&](const auto& l) { return l.name == label.name; });
    if (taken) context_.report(node, "label '" + printable(label.name) + "' stands twice");
    if (!model::is_label_name(label.name) || label.name.starts_with("__") || label.name == "le") {
      context_.report(
          node,
          "'" + printable(label.name) +
              "' cannot be a label's name; allowed: [a-zA-Z_][a-zA-Z0-9_]*, not le, not __...");
    }
    metric.labels.push_back(std::move(label));
  }

  std::vector<double> buckets(YamlMap& map, BusinessType type) {
    std::vector<double> bounds;
    if (type != BusinessType::kHistogram) {
      if (map.has("buckets")) map.report("buckets", "'buckets' are for type histogram only");
      return bounds;
    }
    for (const auto& text : map.texts("buckets")) {
      const auto bound = parse_double(text);
      if (bound && std::isinf(*bound) && *bound > 0) continue;  // +Inf is always there
      if (!bound || !std::isfinite(*bound)) {
        map.report("buckets", "bucket '" + printable(text) + "' is no number");
      } else if (!bounds.empty() && *bound <= bounds.back()) {
        map.report("buckets", "buckets must ascend: " + printable(text) + " does not");
      } else {
        bounds.push_back(*bound);
      }
    }
    return bounds.empty() ? kBucketsDefault : bounds;
  }

  std::string endpoint(YamlMap& map, std::string_view member) {
    auto text = map.text(member);
    if (text.empty()) return text;
    if (auto parsed = parse_endpoint(text); !parsed) map.report(member, parsed.error().message());
    return text;
  }

  void read_statsd(const YamlNode& node) {
    YamlMap map(context_, node, "statsd");
    out_.statsd.listen = endpoint(map, "listen");
    if (out_.statsd.listen.empty()) map.report("listen", "statsd needs 'listen', host:port");
    out_.statsd.prefix = map.text("prefix");
    for (const auto* one : map.list("mappings")) {
      YamlMap mapping(context_, *one, "statsd mapping");
      StatsdMapping read{mapping.required_text("match"), metric(mapping),
                         mapping.text_map("labels")};
      mapping.finish();
      out_.statsd.mappings.push_back(std::move(read));
    }
    map.finish();
  }

  void read_log(const YamlNode& node) {
    YamlMap map(context_, node, "log pattern");
    LogPattern log;
    log.path = map.required_text("path");
    log.pattern = map.required_text("pattern");
    check_regex(map, "pattern", log.pattern);
    log.metric = metric(map);
    log.value = map.text("value", "1");
    log.id = map.text("id");
    log.labels = map.text_map("labels");
    log.from_start = map.boolean("from_start", false);
    map.finish();
    out_.logs.push_back(std::move(log));
  }

  void read_span(const YamlNode& node) {
    YamlMap map(context_, node, "span mapping");
    SpanMapping span;
    span.service = map.text("service");
    span.name = map.text("name");
    check_regex(map, "name", span.name);
    span.attributes = map.text_map("attributes");
    for (const auto& [name, pattern] : span.attributes) check_regex(map, "attributes", pattern);
    span.metric = metric(map);
    span.value = map.text("value", "1");
    span.id = map.text("id");
    span.labels = map.text_map("labels");
    map.finish();
    out_.spans.push_back(std::move(span));
  }

  void check_regex(YamlMap& map, std::string_view member, const std::string& pattern) {
    const RE2 re(pattern, RE2::Quiet);
    if (!re.ok())
      map.report(member,
                 "the expression '" + printable(pattern) + "' cannot be used: " + re.error());
  }

  // The name of a declared metric.
  std::string metric(YamlMap& map) {
    auto name = map.required_text("metric");
    if (!name.empty() && names_.count(name) == 0) {
      const auto near = nearest(name, {names_.begin(), names_.end()});
      map.report("metric", "'" + printable(name) + "' is not declared in business_metrics" +
                               (near.empty() ? "" : "; did you mean " + near + "?"));
    }
    return name;
  }

  const YamlContext& context_;
  BusinessOptions& out_;
  std::set<std::string> names_;
};

}  // namespace

std::string_view business_type_name(BusinessType type) {
  switch (type) {
    case BusinessType::kCounter:
      return "counter";
    case BusinessType::kGauge:
      return "gauge";
    case BusinessType::kHistogram:
      return "histogram";
    case BusinessType::kDistinct:
      return "distinct";
  }
  return "unknown";
}

BusinessOptions read_business(const YamlContext& context, YamlMap& root) {
  BusinessOptions options;
  Reader reader(context, options);
  reader.read_metrics(root);
  if (const auto* feeds = root.member("business")) reader.read_feeds(*feeds);
  return options;
}

BusinessFile parse_business(const std::string& file_name, std::string_view yaml) {
  BusinessFile file;
  auto root = parse_yaml(file_name, yaml, file.findings);
  if (!root || root->kind == YamlNode::Kind::kNull) return file;
  const YamlContext context{file_name, &file.findings, {}};
  YamlMap map(context, *root, "the business metrics file");
  file.options = read_business(context, map);
  if (const auto* exporters = map.member("custom_exporters")) {
    YamlMap names(context, *exporters, "custom_exporters");
    if (const auto* exporter = names.member("claude_business_metrics"))
      Reader(context, file.options).read_exporter(*exporter);
    names.finish();
  }
  map.finish();
  return file;
}

std::string expand_references(std::string_view text,
                              const std::function<std::string(std::string_view)>& value_of) {
  std::string out;
  const auto word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
  };
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i++];
      continue;
    }
    const bool braced = text[i + 1] == '{';
    const auto begin = i + (braced ? 2 : 1);
    auto end = begin;
    while (end < text.size() && (braced ? text[end] != '}' : word(text[end]))) ++end;
    if (end == begin || (braced && end == text.size())) {
      out += text[i++];
      continue;
    }
    out += value_of(text.substr(begin, end - begin));
    i = end + (braced ? 1 : 0);
  }
  return out;
}

}  // namespace holdfast::collect
