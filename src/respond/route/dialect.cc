#include "respond/route/dialect.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "respond/route/integration_table.h"
#include "respond/route/strict_yaml.h"

namespace holdfast::respond::route {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 6> kSeverities{"emergency", "critical", "warning",
                                                      "high",      "medium",   "low"};

bool is_sequence(const YamlNode* node) {
  return node != nullptr && node->kind == YamlNode::Kind::kSequence;
}

// A list of mappings with a name and an integration: logs have a "routing", too, and other lists have receivers.
bool are_receivers(const YamlNode* node) {
  return is_sequence(node) &&
         std::any_of(node->items.begin(), node->items.end(), [](const auto& item) {
           return item.find("name") != nullptr &&
                  std::any_of(item.members.begin(), item.members.end(), [](const auto& member) {
                    return member.first.scalar.ends_with("_configs");
                  });
         });
}

bool are_alert_rules(const YamlNode* node) {
  return is_sequence(node) &&
         std::any_of(node->items.begin(), node->items.end(), [](const auto& item) {
           return item.find("alert") != nullptr && item.find("expr") != nullptr;
         });
}

// The first mapping, outermost first, for which `wanted` holds.
template <typename Wanted>
const YamlNode* search(const YamlNode& node, Wanted wanted) {
  if (node.kind == YamlNode::Kind::kMap && wanted(node)) return &node;
  for (const auto& [key, value] : node.members) {
    if (const auto* found = search(value, wanted)) return found;
  }
  for (const auto& item : node.items) {
    if (const auto* found = search(item, wanted)) return found;
  }
  return nullptr;
}

const YamlNode* find_routing(const YamlNode& root) {
  return search(root, [](const YamlNode& map) {
    return are_receivers(map.find("receivers")) && map.find("route") == nullptr;
  });
}

const YamlNode* find_rules(const YamlNode& root) {
  const auto* map =
      search(root, [](const YamlNode& node) { return are_alert_rules(node.find("alert_rules")); });
  return map == nullptr ? nullptr : map->find("alert_rules");
}

// subject and body of a mail, under the names Alertmanager has for them.
void translate_mail(json& mail) {
  if (!mail.is_object()) return;
  if (const auto subject = mail.find("subject"); subject != mail.end()) {
    mail["headers"]["Subject"] = *subject;
    mail.erase("subject");
  }
  if (const auto body = mail.find("body"); body != mail.end()) {
    mail["text"] = *body;
    if (!mail.contains("html"))
      mail["html"] = "";  // otherwise readers would show the default's HTML
    mail.erase("body");
  }
}

void translate_receivers(json& receivers) {
  for (auto& receiver : receivers) {
    if (!receiver.is_object() || !receiver.contains("email_configs")) continue;
    for (auto& mail : receiver["email_configs"]) translate_mail(mail);
  }
}

bool has_mail(const json& receivers) {
  return std::any_of(receivers.begin(), receivers.end(),
                     [](const json& r) { return r.is_object() && r.contains("email_configs"); });
}

std::string name_of(const json& receiver) {
  if (!receiver.is_object() || !receiver.contains("name") || !receiver["name"].is_string())
    return {};
  return receiver["name"].get<std::string>();
}

json route_of_names(const json& receivers) {
  json route{{"receiver", name_of(receivers.at(0))}};
  for (const auto& receiver : receivers) {
    const auto name = name_of(receiver);
    for (const auto severity : kSeverities) {
      if (name != std::string(severity) + "-alerts") continue;
      route["routes"].push_back(
          {{"receiver", name}, {"match", {{"severity", std::string(severity)}}}});
    }
  }
  return route;
}

void fill_global(json& global, const DialectOptions& options, bool mail, Dialect& out) {
  if (!global.is_object()) global = json::object();
  for (const auto& [key, value] : options.global) {
    if (!global.contains(key)) global[key] = value;
  }
  if (!mail || global.contains("smtp_smarthost")) return;
  global["smtp_smarthost"] = "localhost:25";
  global["smtp_require_tls"] = false;
  if (!global.contains("smtp_from")) global["smtp_from"] = "holdfast@localhost";
  out.warnings.push_back(
      "the file says not how mail is sent; localhost:25 is used as holdfast@localhost");
}

void translate_routing(StrictYaml& yaml, const YamlNode& map, const DialectOptions& options,
                       Dialect& out) {
  auto from = yaml.tree(map);
  json to{{"receivers", from["receivers"]}};
  translate_receivers(to["receivers"]);
  if (from.contains("routing")) {
    to["route"] = from["routing"];
  } else {
    to["route"] = route_of_names(to["receivers"]);
    out.warnings.push_back("the file has receivers but no routes; " +
                           name_of(to["receivers"].at(0)) + " takes every alert");
  }
  for (const char* same : {"templates", "inhibit_rules", "time_intervals", "mute_time_intervals"}) {
    if (from.contains(same)) to[same] = from[same];
  }
  auto global = from.contains("global") ? from["global"] : json::object();
  fill_global(global, options, has_mail(to["receivers"]), out);
  if (!global.empty()) to["global"] = std::move(global);
  if (from.contains("enabled") && from["enabled"].is_boolean()) out.enabled = from["enabled"];
  if (from.contains("port") && from["port"].is_number_integer()) {
    const auto port = from["port"].get<std::int64_t>();
    if (port > 0 && port < 65536) out.port = static_cast<int>(port);
  }
  out.alertmanager_yml = to.dump(2) + "\n";
}

}  // namespace

bool is_dialect(const YamlNode& root) {
  return find_routing(root) != nullptr || find_rules(root) != nullptr;
}

Result<Dialect> translate_dialect(std::string_view text, const DialectOptions& options) {
  const auto root = HF_TRY(parse_yaml(text));
  const auto* routing = find_routing(root);
  const auto* rules = find_rules(root);
  if (routing == nullptr && rules == nullptr)
    return invalid("neither receivers without a route nor alert_rules stand in the file");
  Dialect out;
  StrictYaml yaml;
  if (routing != nullptr) translate_routing(yaml, *routing, options, out);
  if (rules != nullptr) {
    const json group{{"name", "alert_rules"}, {"rules", yaml.tree(*rules)}};
    out.rules_yml = json{{"groups", json::array({group})}}.dump(2) + "\n";
  }
  return out;
}

}  // namespace holdfast::respond::route
