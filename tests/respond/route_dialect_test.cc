// The documents' way to write alerting takes the same path as alertmanager.yml.
#include "respond/route/dialect.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "respond/route/config.h"

namespace holdfast::respond::route {
namespace {

using nlohmann::json;

constexpr const char* kDocument = R"(
real_time_dashboard:
  logs:
    routing: [{match: "x.**", type: copy}]
  alerting:
    alertmanager:
      enabled: true
      port: 9093
      routing:
        group_by: ["alertname", "cluster", "service"]
        group_wait: "10s"
        group_interval: "10s"
        repeat_interval: "1h"
        receiver: "default"
        routes:
        - match: {severity: "critical"}
          receiver: "critical-alerts"
          group_wait: "5s"
          repeat_interval: "5m"
        - match: {severity: "warning"}
          receiver: "warning-alerts"
          repeat_interval: "30m"
      receivers:
      - name: "default"
        slack_configs: [{api_url: "${HOOK}", channel: "#m", title: "T", text: "{{ range .Alerts }}x{{ end }}"}]
      - name: "critical-alerts"
        pagerduty_configs: [{routing_key: "${KEY}", description: "D"}]
      - name: "warning-alerts"
        email_configs: [{to: "ops@x", subject: "S", body: "B"}]
    alert_rules:
    - alert: "High"
      expr: "x > 2.0"
      for: "2m"
      labels: {severity: "warning"}
)";

constexpr const char* kNative = R"(
global: {smtp_smarthost: 'localhost:25', smtp_from: holdfast@localhost, smtp_require_tls: false}
route:
  group_by: [alertname, cluster, service]
  group_wait: 10s
  group_interval: 10s
  repeat_interval: 1h
  receiver: default
  routes:
  - {match: {severity: critical}, receiver: critical-alerts, group_wait: 5s, repeat_interval: 5m}
  - {match: {severity: warning}, receiver: warning-alerts, repeat_interval: 30m}
receivers:
- name: default
  slack_configs: [{api_url: "${HOOK}", channel: "#m", title: "T", text: "{{ range .Alerts }}x{{ end }}"}]
- name: critical-alerts
  pagerduty_configs: [{routing_key: "${KEY}", description: "D"}]
- name: warning-alerts
  email_configs: [{to: ops@x, headers: {Subject: S}, text: B, html: ''}]
)";

ParseOptions with_variables() {
  ParseOptions options;
  options.variables = [](const std::string& name) -> std::optional<std::string> {
    return name == "HOOK" ? "http://hook" : "key";
  };
  return options;
}

void expect_same(const Route& a, const Route& b) {
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.receiver, b.receiver);
  EXPECT_EQ(a.group_by, b.group_by);
  EXPECT_EQ(a.group_wait, b.group_wait);
  EXPECT_EQ(a.group_interval, b.group_interval);
  EXPECT_EQ(a.repeat_interval, b.repeat_interval);
  ASSERT_EQ(a.routes.size(), b.routes.size());
  for (std::size_t i = 0; i < a.routes.size(); ++i) expect_same(a.routes[i], b.routes[i]);
}

TEST(Dialect, TakesTheSamePathAsTheNativeFile) {
  const auto translated = translate_dialect(kDocument, {});
  ASSERT_TRUE(translated) << translated.error().message();
  EXPECT_TRUE(translated->enabled);
  EXPECT_EQ(translated->port, 9093);
  const auto ours = parse(translated->alertmanager_yml, with_variables());
  const auto native = parse(kNative, with_variables());
  ASSERT_TRUE(ours) << ours.error().message();
  ASSERT_TRUE(native) << native.error().message();
  expect_same(ours->route, native->route);
  for (const auto& want : native->receivers) {
    const auto* got = ours->receiver(want.name);
    ASSERT_NE(got, nullptr) << want.name;
    ASSERT_EQ(got->integrations.size(), want.integrations.size());
    for (std::size_t i = 0; i < want.integrations.size(); ++i) {
      EXPECT_EQ(got->integrations[i].kind, want.integrations[i].kind);
      EXPECT_EQ(*got->integrations[i].settings, *want.integrations[i].settings) << want.name;
    }
  }
}

TEST(Dialect, AlertRulesBecomeARuleFile) {
  const auto translated = translate_dialect(kDocument, {});
  ASSERT_TRUE(translated);
  const auto rules = json::parse(translated->rules_yml);
  EXPECT_EQ(rules["groups"][0]["name"], "alert_rules");
  EXPECT_EQ(rules["groups"][0]["rules"][0]["expr"], "x > 2.0");
  EXPECT_EQ(rules["groups"][0]["rules"][0]["for"], "2m");
}

TEST(Dialect, MailGoesWhereTheOptionsSay) {
  EXPECT_EQ(translate_dialect(kDocument, {})->warnings.size(), 1U);
  const auto translated =
      translate_dialect(kDocument, {{{"smtp_smarthost", "mail:587"}, {"smtp_from", "a@b"}}});
  ASSERT_TRUE(translated);
  EXPECT_TRUE(translated->warnings.empty());
  const auto config = parse(translated->alertmanager_yml, with_variables());
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->receiver("warning-alerts")->integrations[0].settings->at("smarthost"),
            "mail:587");
}

TEST(Dialect, ReceiversWithoutRoutesAreRoutedByTheirNames) {
  const auto translated = translate_dialect(R"(
alerting: {alertmanagers: [{static_configs: [{targets: ["alertmanager:9093"]}]}]}
receivers:
- name: 'emergency-alerts'
  slack_configs: [{api_url: 'http://u', channel: '#emergency-alerts', title: T}]
)",
                                            {});
  ASSERT_TRUE(translated) << translated.error().message();
  const auto config = parse(translated->alertmanager_yml, {});
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->route.receiver, "emergency-alerts");
  ASSERT_EQ(config->route.routes.size(), 1U);
  EXPECT_EQ(config->route.routes[0].key, "{}/{severity=\"emergency\"}");
}

TEST(Dialect, OtherFilesAreNotTakenForIt) {
  EXPECT_FALSE(
      is_dialect(*parse_yaml("route: {receiver: a}\nreceivers: [{name: a, slack_configs: []}]\n")));
  EXPECT_FALSE(is_dialect(*parse_yaml("logs: {routing: [{match: x}]}\n")));
  EXPECT_TRUE(is_dialect(*parse_yaml(kDocument)));
  EXPECT_FALSE(translate_dialect("a: 1\n", {}));
}

}  // namespace
}  // namespace holdfast::respond::route
