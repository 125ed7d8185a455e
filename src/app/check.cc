// What `holdfast check` says of a file that is not holdfast.yaml. A file is recognised by its top members, because
// people name these files as they like.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/config.h"
#include "base/text.h"
#include "query/promql/engine.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

bool has_any(const YamlNode& root, std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    if (root.find(name) != nullptr) return true;
  }
  return false;
}

// alertmanager.yml: the tree must name receivers that exist.
void check_route(const YamlContext& context, const YamlNode& node,
                 const std::vector<std::string>& receivers, bool root) {
  YamlMap route(context, node, "route");
  const auto receiver = route.text("receiver");
  if (root && receiver.empty())
    route.report("receiver", "root route must specify a default receiver");
  if (!receiver.empty() &&
      std::find(receivers.begin(), receivers.end(), receiver) == receivers.end()) {
    route.report("receiver", "undefined receiver \"" + receiver + "\" used in route");
  }
  for (const char* interval : {"group_wait", "group_interval", "repeat_interval"})
    route.duration(interval, 1s);
  for (const auto* child : route.list("routes")) check_route(context, *child, receivers, false);
}

void check_alertmanager(const YamlContext& context, const YamlNode& root) {
  YamlMap map(context, root, "the Alertmanager configuration");
  std::vector<std::string> names;
  for (const auto* node : map.list("receivers")) {
    YamlMap receiver(context, *node, "receiver");
    const auto name = receiver.required_text("name");
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      receiver.report("name", "notification config name \"" + name + "\" is not unique");
    }
    names.push_back(name);
  }
  if (const auto* route = map.member("route"))
    check_route(context, *route, names, true);
  else
    context.report(root, "no route provided in config");
  for (const char* known :
       {"global", "templates", "inhibit_rules", "mute_time_intervals", "time_intervals", "tracing"})
    map.member(known);
  map.finish();
}

// A Grafana dashboard: every PromQL target must parse, variables aside.
void check_dashboard(const std::string& path, const json& root, std::vector<Finding>& findings) {
  const auto panels =
      root.contains("panels") ? root["panels"] : root["dashboard"].value("panels", json::array());
  if (!panels.is_array()) {
    findings.push_back({{path, 0, 0}, "'panels' must be a list"});
    return;
  }
  for (const auto& panel : panels) {
    if (!panel.is_object() || !panel.contains("targets") || !panel["targets"].is_array()) continue;
    for (const auto& target : panel["targets"]) {
      if (!target.is_object() || !target.contains("expr") || !target["expr"].is_string()) continue;
      const auto expr = target["expr"].get<std::string>();
      if (expr.find('$') != std::string::npos || expr.find("[[") != std::string::npos)
        continue;  // filled in by the viewer
      if (auto parsed = query::promql::parse_expr(expr); !parsed) {
        const auto title = panel.contains("title") && panel["title"].is_string()
                               ? panel["title"].get<std::string>()
                               : "untitled";
        findings.push_back({{path, 0, 0}, "panel '" + title + "': " + parsed.error().message()});
      }
    }
  }
}

bool is_dashboard(const json& root) {
  if (!root.is_object()) return false;
  return root.contains("panels") || (root.contains("dashboard") && root["dashboard"].is_object());
}

FileKind kind_of(const YamlNode& root) {
  if (has_any(root, {"groups"})) return FileKind::kPrometheusRules;
  // First what only holdfast.yaml has: it shares `remote_write` and `remote_read` with prometheus.yml.
  if (has_any(root, {"services", "scrape", "probes", "notify", "incidents", "rules", "host",
                     "external_url", "external_labels", "evaluation_interval", "prometheus",
                     "limits", "receive"}))
    return FileKind::kHoldfast;
  const bool routes = has_any(root, {"route", "receivers", "inhibit_rules"});
  if (!routes && has_any(root, {"scrape_configs", "scrape_config_files", "global", "rule_files",
                                "alerting", "remote_write", "remote_read"}))
    return FileKind::kPrometheusConfig;
  return routes ? FileKind::kAlertmanagerConfig : FileKind::kUnknown;
}

}  // namespace

FileKind recognise(std::string_view text) {
  const auto start = text.find_first_not_of(" \t\r\n");
  if (start != std::string_view::npos && text[start] == '{') {
    const auto root = json::parse(text, nullptr, false);
    if (is_dashboard(root)) return FileKind::kDashboard;
  }
  auto root = parse_yaml(text);
  return root ? kind_of(*root) : FileKind::kUnknown;
}

std::string_view file_kind_name(FileKind kind) {
  switch (kind) {
    case FileKind::kHoldfast:
      return "Holdfast configuration";
    case FileKind::kPrometheusRules:
      return "Prometheus rules";
    case FileKind::kPrometheusConfig:
      return "Prometheus configuration";
    case FileKind::kAlertmanagerConfig:
      return "Alertmanager configuration";
    case FileKind::kDashboard:
      return "Grafana dashboard";
    case FileKind::kUnknown:
      return "unknown file";
  }
  return "?";
}

std::vector<Finding> check_file(FileSystem& files, const std::string& path,
                                const Variables& variables) {
  std::vector<Finding> findings;
  auto text = files.read_file(path);
  if (!text) {
    findings.push_back({{path, 0, 0}, text.error().message()});
    return findings;
  }
  const auto kind = recognise(*text);
  if (kind == FileKind::kDashboard) {
    check_dashboard(path, json::parse(*text, nullptr, false), findings);
    return findings;
  }
  if (kind == FileKind::kHoldfast || kind == FileKind::kPrometheusConfig)
    return parse_config(files, path, *text, variables).findings;
  if (kind == FileKind::kPrometheusRules) return detect::parse_rule_file(path, *text).findings;
  auto root = parse_yaml(path, *text, findings);
  if (!root) return findings;
  const YamlContext context{path, &findings, {}};
  if (kind == FileKind::kAlertmanagerConfig)
    check_alertmanager(context, *root);
  else
    context.report(
        *root,
        "this is no file Holdfast knows; allowed: holdfast.yaml (services, scrape, probes, rules, "
        "...), Prometheus rules (groups) or configuration (scrape_configs), alertmanager.yml "
        "(route, receivers), a Grafana dashboard (panels)");
  return findings;
}

}  // namespace holdfast::app
