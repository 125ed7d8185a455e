#include "simulation/scene.h"

#include "base/text.h"

namespace holdfast::simulation {
namespace {

constexpr const char* kHoldfast = R"(rules: [rules.yml]
notify:
  receivers:
    - { name: pager, kind: webhook, url: "http://pager:80/page" }
services:
  - name: enhancer
    tier: critical
    platform:
      kind: process
      stable: "5.0"
      replicas: @replicas@
      replicas_max: @replicas_max@
      stop_grace: 2s
      ready_timeout: 10s
      versions:
        - { name: "5.0", command: [enhancer, "5.0", "{port}", "{admin_port}"], base_port: 18100, base_admin_port: 18200 }
        - { name: "5.1", command: [enhancer, "5.1", "{port}", "{admin_port}"], base_port: 18150, base_admin_port: 18250 }
    health: { interval: @health@, timeout: 500ms, failures: 3 }
@traffic@    remedies:
@remedies@
)";

constexpr const char* kTraffic =
    "    traffic: { kind: haproxy, socket: /run/haproxy.sock, backend: enhancer, url: "
    "\"http://127.0.0.1:18080\" }\n";
constexpr const char* kRemedies =
    R"(      - { match: { fault: process_exit }, remedy: restart_service, cooldown: 2s, attempts_max: 5, verify_within: 15s }
      - { match: { fault: hang }, remedy: restart_service, cooldown: 5s, attempts_max: 3, verify_within: 15s }
      - { match: { alertname: InstanceErrors }, remedy: restart_service, cooldown: 5s, attempts_max: 3, verify_within: 15s }
      - { match: { alertname: LatencyHigh }, remedy: scale_out, cooldown: 5s, attempts_max: 2, verify_within: 15s }
)";
constexpr const char* kTrafficRemedy =
    "      - { match: { alertname: CanaryErrors }, remedy: shift_traffic_to_stable, cooldown: 5s, "
    "attempts_max: 3, verify_within: 20s }\n";

constexpr const char* kRules = R"(groups:
  - name: enhancer
    interval: @every@
    rules:
      - alert: CanaryErrors
        expr: |
          (
            sum by (service, version) (rate(http_requests_total{service="enhancer", group="canary", status=~"5.."}[3s]))
              /
            sum by (service, version) (rate(http_requests_total{service="enhancer", group="canary"}[3s]))
          ) > 0.05
          and
          sum by (service, version) (increase(http_requests_total{service="enhancer", group="canary"}[3s])) >= 5
        labels: { severity: critical, service: enhancer, fault: bad_release }
        annotations: { summary: "Version {{ $labels.version }} fails {{ $value | humanizePercentage }} of its requests" }
      - alert: InstanceErrors
        expr: |
          (
            sum by (service, instance, instance_id, version) (rate(http_requests_total{service="enhancer", group="stable", status=~"5.."}[@window@]))
              /
            sum by (service, instance, instance_id, version) (rate(http_requests_total{service="enhancer", group="stable"}[@window@]))
          ) > 0.2
        labels: { severity: high, service: enhancer, fault: high_errors }
        annotations: { summary: "{{ $labels.instance_id }} fails {{ $value | humanizePercentage }} of its requests" }
      - alert: LatencyHigh
        expr: |
          sum by (service) (rate(http_request_duration_seconds_sum{service="enhancer"}[@window@]))
            /
          sum by (service) (rate(http_request_duration_seconds_count{service="enhancer"}[@window@])) > 0.3
        for: @for@
        labels: { severity: high, service: enhancer, fault: api_slow }
        annotations: { summary: "Requests take {{ $value | humanizeDuration }}" }
)";

std::string filled(std::string text, const std::string& name, const std::string& value) {
  for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += value.size())
    text.replace(at, name.size(), value);
  return text;
}

}  // namespace

std::string holdfast_yaml(const Scene& scene) {
  auto text = filled(kHoldfast, "@replicas@", std::to_string(scene.replicas));
  text = filled(text, "@replicas_max@", std::to_string(scene.replicas_max));
  text = filled(text, "@health@", format_duration(scene.health_every));
  text = filled(text, "@traffic@", scene.balancer ? kTraffic : "");
  const auto usual = std::string(kRemedies) + (scene.balancer ? kTrafficRemedy : "");
  return filled(text, "@remedies@", scene.remedies.empty() ? usual : scene.remedies);
}

std::string rules_yaml(const Scene& scene) {
  auto text = filled(kRules, "@every@", format_duration(scene.evaluate_every));
  text = filled(text, "@for@", format_duration(2 * scene.evaluate_every));
  return filled(text, "@window@", format_duration(scene.window));
}

}  // namespace holdfast::simulation
