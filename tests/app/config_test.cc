// What a good holdfast.yaml becomes.
#include <gtest/gtest.h>

#include "app/config.h"
#include "base/sim.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

constexpr const char* kEverything = R"yaml(
external_url: https://ops.example.com/holdfast/
external_labels: { site: "${SITE:-home}" }
evaluation_interval: 5s
host: { metrics: false, interval: 10s }
notify:
  language: zh
  give_up_after: 2h
  receivers:
    - { name: console }
    - { name: pager, kind: webhook, url: "http://127.0.0.1:9/page", ranks_up_to: 1, language: en }
    - { name: team, kind: slack, url: "https://hooks.example.com/a", channel: "#ops" }
    - name: mail
      kind: email
      smtp: "mail.example.com:587"
      username: u
      password: "${PASSWORD}"
      require_tls: true
      from: h@example.com
      to: [a@example.com, b@example.com]
incidents: { group_by: [service, region], ignore_severities: none, resolve_after: 10s, relapse_within: 1h }
services:
  - name: shop
    owner: shop-team
    tier: critical
    severity_scheme: B
    depends_on: bank
    platform:
      stable: "2"
      replicas: 3
      replicas_max: 9
      stop_grace: 7s
      restart_backoff_min: 200ms
      restart_backoff_max: 1m
      ready_timeout: 30s
      versions:
        - { name: "1", command: [shop, --port, "{port}"], base_port: 7000 }
        - { name: "2", command: shop, env: { MODE: fast }, base_port: 7020, base_admin_port: 7040 }
    health: { live: /l, ready: /r, startup: /s, interval: 500ms, timeout: 250ms, failures: 5 }
    metrics: { paths: [/metrics, /metrics/more], interval: 2s }
    traffic: { socket: /run/haproxy.sock, backend: shop, url: "http://127.0.0.1:80" }
    signals: { requests: up }
    remedies:
      - match: { fault: hang, service: shop }
        remedy: restart_service
        cooldown: 5s
        attempts_max: 2
        verify_within: 20s
        verify: "up == 0"
  - { name: bank, tier: best_effort, supervised_only: true }
scrape:
  - job: node
    targets: ["a:9100", "[::1]:9100"]
    path: /m
    scheme: https
    interval: 30s
    timeout: 5s
    honor_labels: true
    labels: { team: ops }
probes:
  - { name: door, kind: tcp, target: "a:22", interval: 3s, timeout: 2s, labels: { service: shop } }
  - { name: page, target: "http://a/", statuses: [200, 301], body_contains: welcome }
rules: [rules.yml, /abs/rules.yml]
)yaml";
constexpr const char* kRules = "groups:\n- name: g\n  rules:\n  - {record: a, expr: b}\n";

std::optional<std::string> variables(const std::string& name) {
  return name == "PASSWORD" ? std::optional<std::string>("secret") : std::nullopt;
}

class ConfigFile : public testing::Test {
 protected:
  ConfigFile() {
    for (const char* folder : {"/etc", "/abs"}) {
      EXPECT_TRUE(files.create_directories(folder));
      EXPECT_TRUE(files.write_file_atomic(std::string(folder) + "/rules.yml", kRules));
    }
  }
  Config read(std::string_view yaml) {
    auto result = parse_config(files, "/etc/h.yaml", yaml, variables);
    for (const auto& finding : result.findings) ADD_FAILURE() << finding.text();
    return std::move(result.config);
  }
  SeededRandom random{1};
  SimFileSystem files{random};
};

TEST_F(ConfigFile, GivesEveryMemberOfTheTop) {
  const auto config = read(kEverything);
  EXPECT_EQ(config.file, "/etc/h.yaml");
  EXPECT_EQ(config.external_url, "https://ops.example.com/holdfast");  // links add their own slash
  EXPECT_EQ(config.notify.external_url, config.external_url);
  EXPECT_EQ(config.external_labels, (model::Labels{{"site", "home"}}));
  EXPECT_EQ(config.evaluation_interval, 5s);
  EXPECT_FALSE(config.host_metrics);
  EXPECT_EQ(config.host_interval, 10s);
  EXPECT_EQ(config.incidents.group_by, (std::vector<std::string>{"service", "region"}));
  EXPECT_EQ(config.incidents.ignore_severities, std::vector<std::string>{"none"});
  EXPECT_EQ(config.incidents.resolve_after, 10s);
  EXPECT_EQ(config.incidents.relapse_within, 1h);
  ASSERT_EQ(config.rule_groups.size(), 2U);
  EXPECT_EQ(config.rule_groups[0].file, "/etc/rules.yml");
  EXPECT_EQ(config.rule_groups[1].file, "/abs/rules.yml");
  EXPECT_EQ(config.rule_groups[0].interval, 5s);  // it names none of its own
}

TEST_F(ConfigFile, SaysWhatTheMetricsEngineKeeps) {
  const auto config = read(
      "storage: { retention: 30d, retention_5m: 180d, retention_1h: 2y, retention_bytes: 1000000,"
      " out_of_order_window: 30m }\n"
      "rule_query_offset: 1m\n");
  EXPECT_EQ(config.storage.retention, 30 * 24h);
  EXPECT_EQ(config.storage.retention_5m, 180 * 24h);
  EXPECT_EQ(config.storage.retention_1h, 2 * 365 * 24h);
  EXPECT_EQ(config.storage.retention_bytes, 1'000'000U);
  EXPECT_EQ(config.storage.out_of_order_window, 30min);
  EXPECT_EQ(config.rule_query_offset, 1min);
}

TEST_F(ConfigFile, SaysWhichBucketBlocksGoTo) {
  const auto objects =
      read(
          "storage:\n"
          "  objects: { endpoint: https://s3.amazonaws.com, bucket: longterm, prefix: a/b/,\n"
          "    access_key: me, secret_key_file: secret, local_retention: 15d, ca_file: /ca.pem,\n"
          "    region: eu-central-1, timeout: 1m, cache_bytes: 2000000 }\n")
          .storage.objects;
  EXPECT_TRUE(objects.configured());
  EXPECT_EQ(objects.s3.endpoint, "https://s3.amazonaws.com");
  EXPECT_EQ(objects.s3.bucket, "longterm");
  EXPECT_EQ(objects.prefix, "a/b/");
  EXPECT_EQ(objects.s3.access_key, "me");
  EXPECT_TRUE(objects.secret_key_file.ends_with("/secret"));
  EXPECT_TRUE(objects.s3.virtual_host);
  EXPECT_EQ(objects.s3.tls.ca_file, "/ca.pem");
  EXPECT_EQ(objects.s3.region, "eu-central-1");
  EXPECT_EQ(objects.s3.timeout, 1min);
  EXPECT_EQ(objects.local_retention, 15 * 24h);
  EXPECT_EQ(objects.cache_bytes, 2'000'000U);
  EXPECT_FALSE(read("storage: { objects: { endpoint: http://x:9000, bucket: b } }")
                   .storage.objects.s3.virtual_host);
  EXPECT_EQ(read("storage: { objects: { folder: /mnt/cold } }").storage.objects.folder,
            "/mnt/cold");
  EXPECT_FALSE(read("storage: {}").storage.objects.configured());
}

TEST_F(ConfigFile, GivesEveryMemberOfAReceiver) {
  const auto notify = read(kEverything).notify;
  EXPECT_EQ(notify.language, "zh");
  EXPECT_EQ(notify.give_up_after, 2h);
  ASSERT_EQ(notify.receivers.size(), 4U);
  EXPECT_EQ(notify.receivers[0].kind, "log");
  EXPECT_EQ(notify.receivers[0].language, "");
  EXPECT_EQ(notify.receivers[0].worst_rank_only, 4);
  EXPECT_EQ(notify.receivers[1].url, "http://127.0.0.1:9/page");
  EXPECT_EQ(notify.receivers[1].worst_rank_only, 1);
  EXPECT_EQ(notify.receivers[1].language, "en");
  EXPECT_EQ(notify.receivers[2].channel, "#ops");
  const auto& mail = notify.receivers[3];
  EXPECT_EQ(mail.smtp.host, "mail.example.com");
  EXPECT_EQ(mail.smtp.port, 587);
  EXPECT_EQ(mail.smtp.username, "u");
  EXPECT_EQ(mail.smtp.password, "secret");
  EXPECT_TRUE(mail.smtp.require_tls);
  EXPECT_EQ(mail.from, "h@example.com");
  EXPECT_EQ(mail.to, (std::vector<std::string>{"a@example.com", "b@example.com"}));
}

TEST_F(ConfigFile, GivesEveryMemberOfAService) {
  const auto services = read(kEverything).services;
  ASSERT_EQ(services.size(), 2U);
  const auto& shop = services[0];
  EXPECT_EQ(shop.owner, "shop-team");
  EXPECT_EQ(shop.tier, "critical");
  EXPECT_EQ(shop.severity_scheme, "B");
  EXPECT_EQ(shop.depends_on, std::vector<std::string>{"bank"});
  EXPECT_EQ(shop.platform.kind, "process");
  EXPECT_EQ(shop.platform.stable, "2");
  EXPECT_EQ(shop.platform.replicas, 3);
  EXPECT_EQ(shop.platform.replicas_max, 9);
  EXPECT_EQ(shop.platform.stop_grace, 7s);
  EXPECT_EQ(shop.platform.restart_backoff_min, 200ms);
  EXPECT_EQ(shop.platform.restart_backoff_max, 1min);
  EXPECT_EQ(shop.platform.ready_timeout, 30s);
  ASSERT_EQ(shop.platform.versions.size(), 2U);
  EXPECT_EQ(shop.platform.versions[0].command,
            (std::vector<std::string>{"shop", "--port", "{port}"}));
  EXPECT_EQ(shop.platform.versions[1].command, std::vector<std::string>{"shop"});
  EXPECT_EQ(shop.platform.versions[1].env.at("MODE"), "fast");
  EXPECT_EQ(shop.platform.versions[1].base_admin_port, 7040);
  EXPECT_EQ(shop.health.startup, "/s");
  EXPECT_EQ(shop.health.interval, 500ms);
  EXPECT_EQ(shop.health.timeout, 250ms);
  EXPECT_EQ(shop.health.failures, 5);
  EXPECT_EQ(shop.metrics.paths, (std::vector<std::string>{"/metrics", "/metrics/more"}));
  EXPECT_EQ(shop.metrics.interval, 2s);
  EXPECT_EQ(shop.traffic.kind, "haproxy");
  EXPECT_EQ(shop.traffic.socket, "/run/haproxy.sock");
  EXPECT_EQ(shop.traffic.backend, "shop");
  EXPECT_EQ(shop.traffic.url, "http://127.0.0.1:80");
  EXPECT_EQ(shop.signals.at("requests"), "up");
  ASSERT_EQ(shop.remedies.size(), 1U);
  EXPECT_EQ(shop.remedies[0].match, (model::Labels{{"fault", "hang"}, {"service", "shop"}}));
  EXPECT_EQ(shop.remedies[0].cooldown, 5s);
  EXPECT_EQ(shop.remedies[0].attempts_max, 2);
  EXPECT_EQ(shop.remedies[0].verify_within, 20s);
  EXPECT_EQ(shop.remedies[0].verify, "up == 0");
  EXPECT_EQ(services[1].platform.kind, "none");
  EXPECT_EQ(services[1].tier, "best_effort");
  EXPECT_TRUE(services[1].supervised_only);
}

TEST_F(ConfigFile, GivesTargetsAndProbes) {
  const auto config = read(kEverything);
  ASSERT_EQ(config.targets.size(), 2U);
  EXPECT_EQ(config.targets[0].address, "a:9100");
  const auto& target = config.targets[1];
  EXPECT_EQ(target.address, "[::1]:9100");
  EXPECT_EQ(target.job, "node");
  EXPECT_EQ(target.path, "/m");
  EXPECT_EQ(target.scheme, "https");
  EXPECT_EQ(target.interval, 30s);
  EXPECT_EQ(target.timeout, 5s);
  EXPECT_TRUE(target.honor_labels);
  EXPECT_EQ(target.labels, (model::Labels{{"team", "ops"}}));
  ASSERT_EQ(config.probes.size(), 2U);
  EXPECT_EQ(config.probes[0].kind, "tcp");
  EXPECT_EQ(config.probes[0].timeout, 2s);
  EXPECT_EQ(config.probes[1].kind, "http");
  EXPECT_EQ(config.probes[1].statuses, (std::vector<int>{200, 301}));
  EXPECT_EQ(config.probes[1].body_contains, "welcome");
}

TEST_F(ConfigFile, AnEmptyFileIsTheDefaults) {
  for (const char* text : {"", "# nothing\n", "~\n", "{}\n", "services:\n", "services: []\n"}) {
    const auto config = read(text);
    EXPECT_TRUE(config.host_metrics) << text;
    EXPECT_EQ(config.evaluation_interval, 15s) << text;
    EXPECT_EQ(config.external_url, "http://127.0.0.1:8040") << text;
    EXPECT_TRUE(config.services.empty()) << text;
  }
}

TEST_F(ConfigFile, ASingleVersionIsStableAndATimeoutNeverBeatsItsInterval) {
  const auto config = read(R"yaml(
services: [ { name: a, platform: { versions: [ { name: "1", command: a } ] } } ]
scrape: [ { job: j, targets: "a:1", interval: 1s } ]
probes: [ { name: p, target: "http://a", interval: 2s } ]
)yaml");
  EXPECT_EQ(config.services[0].platform.stable, "1");
  EXPECT_EQ(config.services[0].platform.replicas_max, 1);
  EXPECT_EQ(config.targets[0].timeout, 1s);
  EXPECT_EQ(config.probes[0].timeout, 2s);
}

// An unknown member far from any other is answered with all that are allowed: the manual must know each.
TEST_F(ConfigFile, TheManualDescribesEveryMember) {
  PosixFileSystem disk;
  const auto manual = disk.read_file(std::string(HOLDFAST_SOURCE_DIR) + "/docs/configuration.md");
  ASSERT_TRUE(manual) << manual.error().message();
  int members = 0;
  for (const char* yaml : {
           "zzzzzzzzzzzzzzz: 1",
           "host: { zzzzzzzzzzzzzzz: 1 }",
           "notify: { zzzzzzzzzzzzzzz: 1 }",
           "notify: { receivers: [ { name: a, kind: slack, url: http://a, zzzzzzzzzzzzzzz: 1 } ] }",
           "notify: { receivers: [ { name: a, kind: email, smtp: 'a:1', from: a, to: a, "
           "zzzzzzzzzzzzzzz: 1 } ] }",
           "incidents: { zzzzzzzzzzzzzzz: 1 }",
           "limits: { zzzzzzzzzzzzzzz: 1 }",
           "receive: { zzzzzzzzzzzzzzz: 1 }",
           "receive: { otlp: { zzzzzzzzzzzzzzz: 1 } }",
           "receive: { graphite: { zzzzzzzzzzzzzzz: 1 } }",
           "receive: { pushgateway: { zzzzzzzzzzzzzzz: 1 } }",
           "services: [ { name: a, zzzzzzzzzzzzzzz: 1 } ]",
           "services: [ { name: a, platform: { kind: none, zzzzzzzzzzzzzzz: 1 } } ]",
           "services: [ { name: a, platform: { versions: [ { name: a, command: a, zzzzzzzzzzzzzzz: "
           "1 } ] } } ]",
           "services: [ { name: a, health: { zzzzzzzzzzzzzzz: 1 } } ]",
           "services: [ { name: a, metrics: { zzzzzzzzzzzzzzz: 1 } } ]",
           "services: [ { name: a, traffic: { kind: none, zzzzzzzzzzzzzzz: 1 } } ]",
           "services: [ { name: a, platform: { versions: [ { name: a, command: a } ] },"
           " remedies: [ { match: { a: b }, remedy: scale_out, zzzzzzzzzzzzzzz: 1 } ] } ]",
           "scrape: [ { job: a, targets: 'a:1', zzzzzzzzzzzzzzz: 1 } ]",
           "probes: [ { name: a, target: http://a, zzzzzzzzzzzzzzz: 1 } ]",
       }) {
    const auto findings = parse_config(files, "h.yaml", yaml, variables).findings;
    ASSERT_EQ(findings.size(), 1U) << yaml << ": " << findings.size();
    const auto& message = findings[0].message;
    const auto at = message.find("; allowed: ");
    ASSERT_NE(at, std::string::npos) << message;
    std::string list = message.substr(at + 11);
    for (const auto name : split(list, ',')) {
      ++members;
      EXPECT_NE(manual->find("`" + std::string(trim(name)) + "`"), std::string::npos)
          << "docs/configuration.md does not describe '" << trim(name) << "' of: " << yaml;
    }
  }
  EXPECT_GT(members, 80);
}

}  // namespace
}  // namespace holdfast::app
