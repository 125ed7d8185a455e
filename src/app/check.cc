// What `holdfast check` says of a file that is not holdfast.yaml. A file is recognised by its top members, because
// people name these files as they like.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/config.h"
#include "base/text.h"
#include "detect/slo/open_slo.h"
#include "query/promql/engine.h"
#include "respond/route/config.h"
#include "respond/route/dialect.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

bool has_any(const YamlNode& root, std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    if (root.find(name) != nullptr) return true;
  }
  return false;
}

// alertmanager.yml, or the dialect routing / receivers / alert_rules, which is translated first.
void check_alertmanager(const YamlContext& context, const YamlNode& root, std::string_view text) {
  using namespace respond::route;
  const auto report = [&](int line, std::string message) {
    context.findings->push_back({{context.file, line, line == 0 ? 0 : 1}, std::move(message)});
  };
  ParseOptions options;
  options.directory = std::filesystem::path(context.file).parent_path().string();
  options.variables = context.variables;
  const bool dialect = is_dialect(root);
  std::string native(text);
  if (dialect) {
    auto translated = translate_dialect(text, {});
    if (!translated) return report(0, translated.error().message());
    if (!translated->rules_yml.empty()) {
      const auto rules = detect::parse_rule_file(context.file, translated->rules_yml).findings;
      for (const auto& finding : rules) report(0, "alert_rules: " + finding.message);
    }
    native = translated->alertmanager_yml;
    if (native.empty()) return;
  }
  int line = 0;
  const auto config = parse(native, options, &line);
  if (config) return;
  // Lines of a translation are none of the file's. Mistakes of type come many at once, each with its own.
  constexpr std::string_view kMany = "yaml: unmarshal errors:\n  ";
  const std::string_view message = config.error().message();
  if (dialect || !message.starts_with(kMany))
    return report(dialect ? 0 : line, std::string(message));
  for (auto mistake : split(message.substr(kMany.size()), '\n')) {
    mistake = trim(mistake);
    const auto colon = mistake.find(": ");
    const auto number = parse_int(mistake.substr(5, colon - 5));  // "line 3: what"
    report(static_cast<int>(number.value_or(0)), std::string(mistake.substr(colon + 2)));
  }
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
                     "limits", "receive", "access", "slos", "slo_files", "intake", "status_page",
                     "people", "schedules", "escalation_policies", "business_metrics"}))
    return FileKind::kHoldfast;
  // Prometheus' `alerting` says whom to send to, Holdfast's how to tell people.
  if (const auto* alerting = root.find("alerting");
      alerting != nullptr && has_any(*alerting, {"config", "listen", "silence_policy", "damping"}))
    return FileKind::kHoldfast;
  const bool routes = has_any(root, {"route", "receivers", "inhibit_rules"});
  if (!routes && has_any(root, {"scrape_configs", "scrape_config_files", "global", "rule_files",
                                "alerting", "remote_write", "remote_read"}))
    return FileKind::kPrometheusConfig;
  return routes || respond::route::is_dialect(root) ? FileKind::kAlertmanagerConfig
                                                    : FileKind::kUnknown;
}

}  // namespace

FileKind recognise(std::string_view text) {
  const auto start = text.find_first_not_of(" \t\r\n");
  if (start != std::string_view::npos && text[start] == '{') {
    const auto root = json::parse(text, nullptr, false);
    if (is_dashboard(root)) return FileKind::kDashboard;
  }
  if (detect::slo::is_open_slo(text)) return FileKind::kOpenSlo;  // of several documents
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
    case FileKind::kOpenSlo:
      return "OpenSLO documents";
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
  if (kind == FileKind::kOpenSlo) return detect::slo::parse_open_slo({{path, *text}}).findings;
  auto root = parse_yaml(path, *text, findings);
  if (!root) return findings;
  const YamlContext context{path, &findings, variables};
  if (kind == FileKind::kAlertmanagerConfig)
    check_alertmanager(context, *root, *text);
  else
    context.report(
        *root,
        "this is no file Holdfast knows; allowed: holdfast.yaml (services, scrape, probes, rules, "
        "...), Prometheus rules (groups) or configuration (scrape_configs), alertmanager.yml "
        "(route, receivers), OpenSLO documents (apiVersion: openslo/v1), a Grafana dashboard "
        "(panels)");
  return findings;
}

}  // namespace holdfast::app
