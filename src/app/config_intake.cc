#include "app/config_intake.h"

#include <set>

#include "base/transport.h"

namespace holdfast::app {
namespace {

namespace intake = respond::intake;

constexpr Duration kLong = 365 * 24h;
constexpr std::size_t kRoutingKeySize = 32;
constexpr std::size_t kKeySizeMin = 16;

void take_name(YamlMap& map, std::string& name, std::set<std::string>& names) {
  name = map.required_text("name");
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_' && c != '.')
      return map.report("name", "'" + name + "' stands in addresses; allowed: letters, digits, '-', '_', '.'");
  }
  if (!name.empty() && !names.insert(name).second) map.report("name", "'" + name + "' stands twice");
}

void take_key(YamlMap& map, std::string& key) {
  key = map.required_text("key");
  if (!key.empty() && key.size() < kKeySizeMin)
    map.report("key", "'key' has " + std::to_string(key.size()) + " characters; at least 16, so that it cannot be guessed");
}

intake::Mapping read_mapping(const YamlContext& context, const YamlNode& node) {
  intake::Mapping mapping;
  YamlMap map(context, node, "mapping");
  mapping.each = map.text("each");
  mapping.key = map.text("key");
  mapping.name = map.text("name");
  mapping.summary = map.text("summary");
  mapping.severity = map.text("severity");
  mapping.at = map.text("at");
  mapping.url = map.text("url");
  mapping.by = map.text("by");
  mapping.labels = map.text_map("labels");
  mapping.annotations = map.text_map("annotations");
  mapping.status = map.text("status");
  mapping.firing = map.texts("firing");
  mapping.acknowledged = map.texts("acknowledged");
  mapping.resolved = map.texts("resolved");
  map.finish();
  return mapping;
}

intake::Integration read_integration(const YamlContext& context, const YamlNode& node,
                                     std::set<std::string>& names) {
  YamlMap map(context, node, "integration");
  intake::Integration one;
  take_name(map, one.name, names);
  one.kind = map.word("kind", "", {"pagerduty", "alertmanager", "json", "email", "github", "gitlab"});
  if (!map.has("kind")) map.report("kind", "'kind' is missing; allowed: pagerduty, alertmanager, json, email, github, gitlab");
  one.service = map.text("service");
  one.severity = map.text("severity", one.severity);
  one.labels = map.text_map("labels");
  one.auto_resolve = map.duration("auto_resolve", 0s, 0s, kLong);
  if (one.kind == "email") {
    one.address = map.required_text("address");
  } else {
    take_key(map, one.key);
    if (one.kind == "pagerduty" && !one.key.empty() && one.key.size() != kRoutingKeySize)
      map.report("key", "'key' is PagerDuty's routing key; it has exactly 32 characters");
  }
  if (const auto* inner = map.member("mapping")) {
    one.mapping = read_mapping(context, *inner);
    // Mail has its status by its subject.
    auto checked = one.mapping;
    if (one.kind == "email") checked.status = "status";
    if (auto good = intake::check_mapping(checked); !good) map.report("mapping", good.error().message());
    if (one.kind != "json" && one.kind != "email")
      map.report("mapping", "'mapping' is for kinds json and email; " + one.kind + " has a form of its own");
  } else if (one.kind == "json") {
    map.report("mapping", "'mapping' is missing; it says where in the body an event's parts are");
  }
  map.finish();
  return one;
}

intake::Heartbeat read_heartbeat(const YamlContext& context, const YamlNode& node,
                                 std::set<std::string>& names) {
  YamlMap map(context, node, "heartbeat");
  intake::Heartbeat one;
  take_name(map, one.name, names);
  take_key(map, one.key);
  one.service = map.text("service");
  one.severity = map.text("severity", one.severity);
  one.interval = map.duration("interval", one.interval, 1s, kLong);
  one.grace = map.duration("grace", one.grace, 0s, kLong);
  one.labels = map.text_map("labels");
  map.finish();
  return one;
}

}  // namespace

IntakeConfig read_intake(const YamlContext& context, const YamlNode& node) {
  IntakeConfig config;
  YamlMap map(context, node, "intake");
  std::set<std::string> integrations, heartbeats;
  for (const auto* item : map.list("integrations"))
    config.options.integrations.push_back(read_integration(context, *item, integrations));
  for (const auto* item : map.list("heartbeats"))
    config.options.heartbeats.push_back(read_heartbeat(context, *item, heartbeats));
  config.mail_listen = map.text("mail_listen");
  if (!config.mail_listen.empty()) {
    if (auto at = parse_endpoint(config.mail_listen); !at) map.report("mail_listen", at.error().message());
  }
  map.finish();
  return config;
}

}  // namespace holdfast::app
