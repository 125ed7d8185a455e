#include "app/api/service_view.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace holdfast::app {

using nlohmann::json;

ServiceHealth judge_health(const model::Service& service,
                           const std::vector<model::Instance>& instances, int wanted,
                           const act::TrafficView& traffic, int active_incidents) {
  ServiceHealth health{"unknown", {}};
  if (service.platform.kind != "none") {
    const auto ready = std::count_if(instances.begin(), instances.end(), [](const auto& i) {
      return i.state == model::InstanceState::kReady;
    });
    health.state = "healthy";
    if (wanted > 0 && ready == 0) {
      health.state = "down";
      health.reasons.push_back("no instance is ready");
    } else if (ready < wanted) {
      health.state = "degraded";
      health.reasons.push_back(std::to_string(ready) + " of " + std::to_string(wanted) +
                               " instances are ready");
    }
    for (const auto& instance : instances) {
      if (instance.state == model::InstanceState::kReady || instance.detail.empty()) continue;
      health.reasons.push_back(instance.id + ": " +
                               std::string(model::instance_state_name(instance.state)) + ", " +
                               instance.detail);
    }
  }
  if (service.traffic.kind != "none" && !traffic.reachable) {
    health.state = health.state == "down" ? "down" : "degraded";
    health.reasons.push_back("the traffic router does not answer" +
                             (traffic.error.empty() ? std::string() : ": " + traffic.error));
  }
  if (active_incidents > 0) {
    if (health.state != "down") health.state = "degraded";
    health.reasons.push_back(active_incidents == 1
                                 ? "an incident is active"
                                 : std::to_string(active_incidents) + " incidents are active");
  }
  return health;
}

namespace {

json traffic_json(const model::Service& service, const act::TrafficView& traffic) {
  json servers = json::array();
  for (const auto& server : traffic.servers) {
    if (server.instance.empty()) continue;
    servers.push_back({{"name", server.name},
                       {"group", server.group},
                       {"instance", server.instance},
                       {"address", server.address},
                       {"status", server.status},
                       {"weight", server.weight},
                       {"sessions", server.sessions},
                       {"requests_total", server.requests_total},
                       {"errors_total", server.errors_total}});
  }
  return {{"kind", service.traffic.kind},
          {"reachable", traffic.reachable},
          {"error", traffic.error},
          {"wanted_percent", traffic.wanted_percent},
          {"effective_percent", traffic.effective_percent},
          {"servers", servers},
          {"url", service.traffic.url}};
}

json remedies_json(const model::Service& service) {
  json list = json::array();
  for (const auto& rule : service.remedies) {
    json match = json::object();
    for (const auto& label : rule.match) match[label.name] = label.value;
    list.push_back({{"match", match},
                    {"remedy", rule.remedy},
                    {"cooldown", format_duration(rule.cooldown)},
                    {"attempts_max", rule.attempts_max},
                    {"verify_within", format_duration(rule.verify_within)},
                    {"verify", rule.verify}});
  }
  return list;
}

}  // namespace

json build_service_view(const ControlPlane& plane, const model::Service& service) {
  const auto instances = plane.conductor->instances(service.name);
  const auto traffic = plane.conductor->traffic(service.name);
  int wanted = 0;
  for (const auto& version : plane.conductor->wanted(service.name)) wanted += version.replicas;
  json incidents = json::array();
  for (const auto& incident : plane.incidents->active()) {
    if (incident.service == service.name) incidents.push_back(incident.id.value);
  }
  const auto firing = [&] {
    int count = 0;
    for (const auto& alert : plane.rules->alerts()) {
      count += alert.service() == service.name && alert.state == model::AlertState::kFiring ? 1 : 0;
    }
    return count;
  }();
  const auto health =
      judge_health(service, instances, wanted, traffic, static_cast<int>(incidents.size()));
  json versions = json::array();
  for (const auto& version : service.platform.versions) versions.push_back(version.name);
  json signals = json::object();
  for (const auto& [role, query] : service.signals)
    signals[role] = {{"value", nullptr}, {"query", query}};
  json instance_list = json::array();
  for (const auto& instance : instances) instance_list.push_back(instance);
  return {{"name", service.name},
          {"owner", service.owner},
          {"tier", service.tier},
          {"severity_scheme", service.severity_scheme},
          {"supervised_only", service.supervised_only},
          {"health", health.state},
          {"reasons", health.reasons},
          {"instances", instance_list},
          {"traffic", traffic_json(service, traffic)},
          {"signals", signals},
          {"incidents", incidents},
          {"alerts_firing", firing},
          {"replicas_wanted", wanted},
          {"stable", service.platform.stable},
          {"versions", versions},
          {"depends_on", service.depends_on},
          {"remedies", remedies_json(service)}};
}

void fill_signals(const query::promql::Engine& engine, WallTime now, std::vector<json*> views) {
  for (auto* view : views) {
    for (auto& [role, signal] : (*view)["signals"].items()) {
      auto result = engine.instant(signal["query"].get<std::string>(), to_ms(now));
      if (!result) {
        signal["error"] = result.error().message();
        continue;
      }
      double value = std::nan("");
      if (const auto* vector = std::get_if<query::promql::Vector>(&result->value);
          vector != nullptr && !vector->series.empty()) {
        value = vector->series[0].points[0].value;
      } else if (const auto* scalar = std::get_if<query::promql::Scalar>(&result->value)) {
        value = scalar->value;
      }
      if (std::isfinite(value)) signal["value"] = value;  // JSON has no NaN; null says "no value"
    }
  }
}

}  // namespace holdfast::app
