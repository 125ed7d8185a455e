#include "collect/receive/receive_config.h"

#include "base/text.h"
#include "collect/receive/graphite.h"

namespace holdfast::collect {
namespace {

// An address to listen on, or none.
std::string listen_at(YamlMap& map, const std::string& fallback, const char* name = "listen") {
  auto text = map.text(name, fallback);
  if (!text.empty() && !parse_endpoint(text)) {
    map.report(name,
               "'" + std::string(name) + "' is '" + printable(text) + "'; allowed: host:port");
    return {};
  }
  return text;
}

void read_otlp(const YamlContext& context, const YamlNode& node, OtlpOptions& out) {
  YamlMap map(context, node, "otlp");
  out.listen_required = map.has("listen");
  out.listen = listen_at(map, out.listen);
  out.http_listen_required = map.has("http_listen");
  out.http_listen = listen_at(map, out.http_listen, "http_listen");
  const auto word = map.word("translation", "UnderscoreEscapingWithSuffixes",
                             {"UnderscoreEscapingWithSuffixes", "UnderscoreEscapingWithoutSuffixes",
                              "NoUTF8EscapingWithSuffixes", "NoTranslation"});
  out.translation = name_translation(word).value_or(out.translation);
  out.promote_resource_attributes = map.texts("promote_resource_attributes");
  out.promote_all_resource_attributes = map.boolean("promote_all_resource_attributes", false);
  out.promote_scope_metadata = map.boolean("promote_scope_metadata", false);
  out.keep_identifying_resource_attributes =
      map.boolean("keep_identifying_resource_attributes", false);
  out.explicit_to_custom_buckets = map.boolean("explicit_to_custom_buckets", false);
  out.delta_series_max = static_cast<std::size_t>(map.integer(
      "delta_series_max", static_cast<std::int64_t>(out.delta_series_max), 0, 100'000'000));
  out.delta_expiry = map.duration("delta_expiry", out.delta_expiry, 1s, 24h * 30);
  map.finish();
}

void read_graphite(const YamlContext& context, const YamlNode& node, GraphiteOptions& out) {
  YamlMap map(context, node, "graphite");
  out.listen = listen_at(map, out.listen);
  out.separator = map.text("separator", out.separator);
  out.templates = map.texts("templates");
  for (const auto& text : out.templates) {
    if (const auto parsed = parse_graphite_template(text); !parsed)
      map.report("templates", "graphite template: " + parsed.error().message());
  }
  map.finish();
}

void read_push(const YamlContext& context, const YamlNode& node, PushOptions& out) {
  YamlMap map(context, node, "pushgateway");
  out.interval = map.duration("interval", out.interval, 100ms, 24h);
  out.group_count_max = static_cast<std::size_t>(map.integer(
      "group_count_max", static_cast<std::int64_t>(out.group_count_max), 1, 10'000'000));
  out.consistency_check = map.boolean("consistency_check", true);
  map.finish();
}

}  // namespace

void read_receive_config(const YamlContext& context, const YamlNode& node, ReceiveOptions& out) {
  constexpr std::int64_t kMegabyte = 1024 * 1024;
  YamlMap map(context, node, "receive");
  out.body_size_max = static_cast<std::size_t>(
      map.integer("body_megabytes_max", static_cast<std::int64_t>(out.body_size_max) / kMegabyte, 1,
                  1024) *
      kMegabyte);
  if (const auto* otlp = map.member("otlp")) read_otlp(context, *otlp, out.otlp);
  if (const auto* graphite = map.member("graphite"))
    read_graphite(context, *graphite, out.graphite);
  if (const auto* push = map.member("pushgateway")) read_push(context, *push, out.push);
  map.finish();
}

}  // namespace holdfast::collect
