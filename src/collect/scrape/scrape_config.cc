#include "collect/scrape/scrape_config.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"

namespace holdfast::collect {
namespace {

struct Protocol {
  std::string_view name;
  std::string_view type;
  bool escapes;  // whether the type takes an escaping parameter
};
constexpr std::array<Protocol, 5> kProtocols = {{
    {"PrometheusProto",
     "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
     false},
    {"PrometheusText0.0.4", "text/plain;version=0.0.4", false},
    {"PrometheusText1.0.0", "text/plain;version=1.0.0", true},
    {"OpenMetricsText0.0.1", "application/openmetrics-text;version=0.0.1", false},
    {"OpenMetricsText1.0.0", "application/openmetrics-text;version=1.0.0", true},
}};

const std::vector<std::string>& protocol_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const auto& protocol : kProtocols) names.emplace_back(protocol.name);
    return names;
  }();
  return kNames;
}

constexpr std::int64_t kLimitMax = std::numeric_limits<std::int64_t>::max();

std::uint64_t limit(YamlMap& map, std::string_view name, std::uint64_t usual) {
  return static_cast<std::uint64_t>(
      map.integer(name, static_cast<std::int64_t>(usual), 0, kLimitMax));
}

void read_protocols(YamlMap& map, ScrapeDefaults& out) {
  if (!map.has("scrape_protocols")) return;
  out.protocols.clear();
  out.protocols_set = true;
  for (const auto& name : map.texts("scrape_protocols")) {
    const auto& names = protocol_names();
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) {
      map.report("scrape_protocols", "unknown scrape protocol '" + printable(name) +
                                         "'; allowed: " + join(names, ", "));
      continue;
    }
    const auto protocol = static_cast<ScrapeProtocol>(at - names.begin());
    if (std::find(out.protocols.begin(), out.protocols.end(), protocol) != out.protocols.end()) {
      map.report("scrape_protocols", "duplicated protocol '" + name + "' in scrape_protocols");
    }
    out.protocols.push_back(protocol);
  }
}

// The members that `global` and a scrape config share.
void read_shared(YamlMap& map, ScrapeDefaults& out) {
  read_protocols(map, out);
  if (map.has("body_size_limit")) {
    auto size = parse_size(map.text("body_size_limit"));
    if (size)
      out.body_size_limit = *size;
    else
      map.report("body_size_limit", "'body_size_limit': " + size.error().message());
  }
  out.sample_limit = limit(map, "sample_limit", out.sample_limit);
  out.target_limit = limit(map, "target_limit", out.target_limit);
  out.label_limit = limit(map, "label_limit", out.label_limit);
  out.label_name_length_limit = limit(map, "label_name_length_limit", out.label_name_length_limit);
  out.label_value_length_limit =
      limit(map, "label_value_length_limit", out.label_value_length_limit);
  out.keep_dropped_targets = limit(map, "keep_dropped_targets", out.keep_dropped_targets);
  out.native_histograms = map.boolean("scrape_native_histograms", out.native_histograms);
  out.classic_histograms_too =
      map.boolean("always_scrape_classic_histograms", out.classic_histograms_too);
  out.classic_to_custom_buckets =
      map.boolean("convert_classic_histograms_to_nhcb", out.classic_to_custom_buckets);
  out.legacy_names = map.word("metric_name_validation_scheme", out.legacy_names ? "legacy" : "utf8",
                              {"utf8", "legacy"}) == "legacy";
  out.escaping = map.word("metric_name_escaping_scheme", out.escaping,
                          {"", "allow-utf-8", "underscores", "dots", "values"});
  out.extra_metrics = map.boolean("extra_scrape_metrics", out.extra_metrics);
  // Asked for by name: then the one format that carries them comes first.
  if (map.has("scrape_native_histograms") && out.native_histograms && !out.protocols_set &&
      out.protocols.front() != ScrapeProtocol::kProto) {
    out.protocols.insert(out.protocols.begin(), ScrapeProtocol::kProto);
  }
}

void read_times(YamlMap& map, ScrapeDefaults& out, const std::string& what) {
  const auto usual_timeout = out.timeout;
  out.interval = map.duration("scrape_interval", out.interval, 1ms);
  out.timeout = map.duration("scrape_timeout", std::min(usual_timeout, out.interval), 1ms);
  if (out.timeout > out.interval) {
    map.report("scrape_timeout", what);
    out.timeout = out.interval;
  }
}

std::string text_of(const YamlNode& node) {
  std::string out = std::to_string(static_cast<int>(node.kind)) + node.scalar + "\x1f";
  for (const auto& item : node.items) out += text_of(item);
  for (const auto& [key, value] : node.members) out += key.scalar + "\x1e" + text_of(value);
  return out + "\x1d";
}

std::string text_of(const ScrapeDefaults& d) {
  std::string out = format_duration(d.interval) + "," + format_duration(d.timeout);
  for (const auto protocol : d.protocols) out += "," + std::string(protocol_name(protocol));
  for (const auto value :
       {d.body_size_limit, d.sample_limit, d.target_limit, d.label_limit, d.label_name_length_limit,
        d.label_value_length_limit, d.keep_dropped_targets}) {
    out += "," + std::to_string(value);
  }
  for (const bool value : {d.native_histograms, d.classic_histograms_too,
                           d.classic_to_custom_buckets, d.legacy_names, d.extra_metrics}) {
    out += value ? '1' : '0';
  }
  return out + d.escaping;
}

std::vector<const YamlNode*> rules_of(YamlMap& map, std::string_view name) {
  return map.list(name);
}

void read_request(const YamlContext& context, YamlMap& map, ScrapeConfig& out) {
  out.metrics_path = map.text("metrics_path", out.metrics_path);
  if (out.metrics_path.empty()) out.metrics_path = "/metrics";
  out.scheme = lower(map.word("scheme", out.scheme, {"http", "https"}));
  out.compression = map.boolean("enable_compression", true);
  if (const auto* node = map.member("params")) {
    YamlMap params(context, *node, "params");
    for (const auto& [key, value] : node->members) {
      out.params.emplace_back(key.scalar, params.texts(key.scalar));
    }
  }
  const auto fallback = map.text("fallback_scrape_protocol");
  if (fallback.empty()) return;
  const auto& names = protocol_names();
  const auto at = std::find(names.begin(), names.end(), fallback);
  if (at == names.end()) {
    map.report("fallback_scrape_protocol", "unknown scrape protocol '" + printable(fallback) +
                                               "'; allowed: " + join(names, ", "));
  } else {
    out.fallback_type = kProtocols[static_cast<std::size_t>(at - names.begin())].type;
  }
}

ScrapeConfig read_one(const YamlContext& context, const YamlNode& node,
                      const ScrapeDefaults& defaults, const std::string& folder,
                      std::vector<std::string>& names) {
  ScrapeConfig out;
  static_cast<ScrapeDefaults&>(out) = defaults;
  YamlMap map(context, node, "scrape config");
  out.job_name = map.required_text("job_name");
  if (!out.job_name.empty()) {
    if (std::find(names.begin(), names.end(), out.job_name) != names.end()) {
      map.report("job_name",
                 "found multiple scrape configs with job name \"" + printable(out.job_name) + "\"");
    }
    names.push_back(out.job_name);
  }
  read_times(map, out,
             "scrape timeout greater than scrape interval for scrape config with job name \"" +
                 printable(out.job_name) + "\"");
  read_shared(map, out);
  if (map.has("scrape_classic_histograms")) {  // its name before Prometheus 3
    out.classic_histograms_too = map.boolean("scrape_classic_histograms", false);
  }
  out.native_histogram_bucket_limit = limit(map, "native_histogram_bucket_limit", 0);
  out.native_histogram_min_bucket_factor =
      map.number("native_histogram_min_bucket_factor", 0, 0, 1e9);
  out.honor_labels = map.boolean("honor_labels", false);
  out.honor_timestamps = map.boolean("honor_timestamps", true);
  out.track_timestamps_staleness = map.boolean("track_timestamps_staleness", false);
  map.text("scrape_failure_log_file");  // accepted; failures are in Holdfast's own log
  read_request(context, map, out);
  out.http = read_http_settings(context, map, folder);
  out.relabel = model::read_relabel_rules(context, rules_of(map, "relabel_configs"));
  out.metric_relabel = model::read_relabel_rules(context, rules_of(map, "metric_relabel_configs"));
  out.discoveries = read_discoveries(context, map, folder);
  map.finish();
  out.fingerprint = text_of(defaults) + "|" + folder + "|" + text_of(node);
  return out;
}

}  // namespace

std::string_view protocol_name(ScrapeProtocol protocol) {
  return kProtocols[static_cast<std::size_t>(protocol)].name;
}

ScrapeDefaults read_scrape_defaults(YamlMap& global) {
  ScrapeDefaults out;
  read_times(global, out, "global scrape timeout greater than scrape interval");
  read_shared(global, out);
  return out;
}

std::vector<ScrapeConfig> read_scrape_configs(const YamlContext& context,
                                              const std::vector<const YamlNode*>& list,
                                              const ScrapeDefaults& defaults,
                                              const std::string& folder,
                                              std::vector<std::string>& names) {
  std::vector<ScrapeConfig> out;
  for (const auto* node : list) out.push_back(read_one(context, *node, defaults, folder, names));
  return out;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(),
                                    [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  const auto number = parse_double(text.substr(0, static_cast<std::size_t>(end - text.begin())));
  auto unit = std::string(end, text.end());
  if (unit.size() == 3 && unit.ends_with("iB")) unit = {unit[0], 'B'};
  const std::string_view letters = "KMGTPE";
  double factor = 0;
  if (unit.empty() || unit == "B") factor = 1;
  if (unit.size() == 2 && unit[1] == 'B' && letters.find(unit[0]) != std::string_view::npos) {
    factor = std::pow(1024.0, static_cast<double>(letters.find(unit[0]) + 1));
  }
  if (!number || factor == 0 || *number * factor > 9e18) {
    return invalid("\"" + printable(text) +
                   "\" is no size; allowed: a number with B, KB, MB, GB, TB, PB, EB");
  }
  return static_cast<std::uint64_t>(*number * factor);
}

std::string accept_header(const ScrapeConfig& config) {
  const auto escaping = !config.escaping.empty() ? config.escaping
                        : config.legacy_names    ? std::string("underscores")
                                                 : std::string("allow-utf-8");
  std::string out;
  auto weight = static_cast<int>(kProtocols.size()) + 1;
  for (const auto protocol : config.protocols) {
    const auto& known = kProtocols[static_cast<std::size_t>(protocol)];
    out += known.type;
    if (known.escapes) out += ";escaping=" + escaping;
    out += ";q=0." + std::to_string(weight--) + ",";
  }
  return out + "*/*;q=0." + std::to_string(weight);
}

}  // namespace holdfast::collect
