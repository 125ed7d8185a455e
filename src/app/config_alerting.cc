#include "app/config_alerting.h"

#include "base/transport.h"
#include "respond/route/dialect.h"

namespace holdfast::app {
namespace {

namespace route = respond::route;

constexpr std::int64_t kCountMax = 1'000'000'000;
constexpr Duration kLong = 10 * 365 * 24h;
constexpr std::string_view kTellsNobody =
    "route: { receiver: nobody }\n"
    "receivers: [ { name: nobody } ]\n";

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

route::MatcherMode mode_of(const std::string& word) {
  if (word == "utf8") return route::MatcherMode::kUtf8Strict;
  if (word == "classic") return route::MatcherMode::kClassic;
  return route::MatcherMode::kFallback;
}

route::SilencePolicy read_policy(const YamlContext& context, const YamlNode& node) {
  route::SilencePolicy policy;
  YamlMap map(context, node, "silence_policy");
  policy.duration_max = map.duration("duration_max", 0s, 0s, kLong);
  policy.matchers_min = static_cast<int>(map.integer("matchers_min", 0, 0, 64));
  policy.equality_required = map.boolean("equality_required", false);
  policy.hidden_alerts_max = static_cast<int>(map.integer("hidden_alerts_max", 0, 0, 1'000'000));
  policy.comment_required = map.boolean("comment_required", false);
  map.finish();
  return policy;
}

route::DampingOptions read_damping(const YamlContext& context, const YamlNode& node) {
  route::DampingOptions damping;
  YamlMap map(context, node, "damping");
  damping.flap_changes = static_cast<int>(map.integer("flap_changes", 0, 0, 10'000));
  damping.flap_window = map.duration("flap_window", damping.flap_window, 1s, kLong);
  damping.flap_calm = map.duration("flap_calm", damping.flap_calm, 1s, kLong);
  damping.storm_groups = static_cast<int>(map.integer("storm_groups", 0, 0, 1'000'000));
  damping.storm_window = map.duration("storm_window", damping.storm_window, 1s, kLong);
  map.finish();
  return damping;
}

route::RouterOptions read_options(const YamlContext& context, YamlMap& map) {
  route::RouterOptions options;
  const auto count = [&](const char* name) {
    return static_cast<std::size_t>(map.integer(name, 0, 0, kCountMax));
  };
  options.retention = map.duration("retention", options.retention, 1min, kLong);
  options.start_delay = map.duration("start_delay", 0s, 0s, 1h);
  options.alerts_gc = map.duration("alerts_gc", options.alerts_gc, 1s, 24h);
  options.per_alertname_limit = count("per_alertname_limit");
  options.silences_max = count("silences_max");
  options.silence_size_max_bytes = count("silence_size_max_bytes");
  options.always_resolve = map.boolean("always_resolve", false);
  options.fallback_receiver = map.text("fallback_receiver");
  options.drill_acknowledge_within =
      map.duration("drill_acknowledge_within", options.drill_acknowledge_within, 10s, 24h);
  if (const auto* inner = map.member("silence_policy"))
    options.silence_policy = read_policy(context, *inner);
  if (const auto* inner = map.member("damping")) options.damping = read_damping(context, *inner);
  return options;
}

}  // namespace

AlertingConfig default_alerting() {
  AlertingConfig alerting;
  auto routes = route::parse(kTellsNobody, {});
  HF_CHECK(routes, "the built-in routes are good");
  alerting.routes = std::move(*routes);
  return alerting;
}

route::Config read_alertmanager_file(FileSystem& files, const std::string& path,
                                     const Variables& variables, route::MatcherMode matchers,
                                     std::vector<Finding>& findings) {
  int line = 0;
  const auto report = [&](const std::string& message) {
    findings.push_back({{path, line, line == 0 ? 0 : 1}, message});
    return default_alerting().routes;
  };
  const auto text = files.read_file(path);
  if (!text) return report(text.error().message());
  auto native = *text;
  const auto root = parse_yaml(*text);
  const bool dialect = root && route::is_dialect(*root);
  if (dialect) {
    auto translated = route::translate_dialect(*text, {});
    if (!translated) return report(translated.error().message());
    native = std::move(translated->alertmanager_yml);
    if (native.empty()) return report("it holds rules and no receivers");
  }
  auto routes = route::parse(native, {folder_of(path), matchers, true, variables}, &line);
  if (dialect) line = 0;  // lines of a translation are none of the file's
  if (!routes) return report(routes.error().message());
  routes->original = *text;  // shown with its variables, never with their values
  return std::move(*routes);
}

AlertingConfig read_alerting(const YamlContext& context, const YamlNode& node, FileSystem& files,
                             const std::string& base_folder) {
  auto alerting = default_alerting();
  YamlMap map(context, node, "alerting");
  alerting.options = read_options(context, map);
  alerting.listen = map.text("listen");
  if (!alerting.listen.empty()) {
    if (auto at = parse_endpoint(alerting.listen); !at) map.report("listen", at.error().message());
  }
  const auto mode = mode_of(map.word("matchers", "fallback", {"fallback", "utf8", "classic"}));
  alerting.file = map.text("config");
  if (!alerting.file.empty()) {
    if (alerting.file.front() != '/') alerting.file = base_folder + "/" + alerting.file;
    alerting.routes =
        read_alertmanager_file(files, alerting.file, context.variables, mode, *context.findings);
  }
  const auto& fallback = alerting.options.fallback_receiver;
  if (!fallback.empty() && alerting.routes.receiver(fallback) == nullptr)
    map.report("fallback_receiver", "no receiver '" + fallback + "' in " + alerting.file);
  map.finish();
  return alerting;
}

}  // namespace holdfast::app
