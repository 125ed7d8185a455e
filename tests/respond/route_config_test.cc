// What a good alertmanager.yml becomes: defaults, what is inherited, keys, what is shown of it.
#include "respond/route/config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/text.h"
#include "respond/route/integration_table.h"
#include "respond/route/matcher_text.h"

namespace holdfast::respond::route {
namespace {

using nlohmann::json;

Config good(const std::string& yaml, const ParseOptions& options = {}) {
  auto config = parse(yaml, options);
  EXPECT_TRUE(config) << config.error().message() << "\n" << yaml;
  return config ? *std::move(config) : Config();
}

// The settings of the only integration of receiver "a".
json settings(const std::string& kind, const std::string& members, const std::string& global = "{}",
              const ParseOptions& options = {}) {
  const auto config =
      good("global: " + global + "\nroute: {receiver: a}\nreceivers:\n- name: a\n  " + kind +
               "_configs: [{" + members + "}]\n",
           options);
  const auto* receiver = config.receiver("a");
  if (receiver == nullptr || receiver->integrations.size() != 1) return json::object();
  EXPECT_EQ(receiver->integrations[0].kind, kind);
  return *receiver->integrations[0].settings;
}

constexpr const char* kTree = R"(
route:
  receiver: a
  group_by: [cluster, alertname]
  labels: {team: ops, tier: one}
  routes:
  - match: {service: foo}
    match_re: {svc: x|y}
    matchers: [zone=eu, 'a!="b"']
    group_wait: 1d12h
    group_by: ['...']
    continue: true
    mute_time_intervals: [nights]
    labels: {tier: two}
    routes:
    - receiver: b
      group_by: []
    - active_time_intervals: [nights]
  - {}
receivers: [{name: a}, {name: b, labels: {desk: two}}]
time_intervals: [{name: nights, time_intervals: [{times: [{start_time: "22:00", end_time: "24:00"}]}]}]
)";

TEST(AlertmanagerConfig, RoutesInheritWhatAlertmanagerInheritsAndNothingElse) {
  const auto config = good(kTree);
  const auto& root = config.route;
  EXPECT_EQ(root.group_by, (std::vector<std::string>{"alertname", "cluster"}));
  EXPECT_EQ(root.group_wait, 30s);
  EXPECT_EQ(root.group_interval, 5min);
  EXPECT_EQ(root.repeat_interval, 4h);
  ASSERT_EQ(root.routes.size(), 2U);
  const auto& first = root.routes[0];
  EXPECT_EQ(first.receiver, "a");
  EXPECT_TRUE(first.group_by_all);
  EXPECT_EQ(first.group_wait, 36h);
  EXPECT_TRUE(first.keep_going);
  EXPECT_EQ(first.mute_time_intervals, std::vector<std::string>{"nights"});
  EXPECT_EQ(first.labels, (decltype(first.labels){{"team", "ops"}, {"tier", "two"}}));
  ASSERT_EQ(first.routes.size(), 2U);
  EXPECT_EQ(first.routes[0].receiver, "b");
  EXPECT_TRUE(first.routes[0].group_by_all) << "an empty group_by says nothing, to Alertmanager too";
  EXPECT_EQ(first.routes[0].group_by, root.group_by);
  EXPECT_FALSE(first.routes[0].keep_going);
  EXPECT_TRUE(first.routes[0].mute_time_intervals.empty());
  EXPECT_TRUE(first.routes[1].group_by_all);
  EXPECT_EQ(first.routes[1].group_wait, 36h);
  EXPECT_EQ(first.routes[1].active_time_intervals, std::vector<std::string>{"nights"});
  EXPECT_FALSE(root.routes[1].group_by_all);
  EXPECT_EQ(root.routes[1].group_by, root.group_by);
}

TEST(AlertmanagerConfig, KeysOfRoutesAreAlertmanagers) {
  const auto config = good(kTree);
  const std::string first = R"({}/{a!="b",service="foo",svc=~"^(?:x|y)$",zone="eu"})";
  EXPECT_EQ(config.route.key, "{}");
  EXPECT_EQ(config.route.routes[0].key, first);
  EXPECT_EQ(config.route.routes[0].routes[0].key, first + "/{}");
  EXPECT_EQ(config.route.routes[1].key, "{}/{}");
}

TEST(AlertmanagerConfig, ReceiversCarryTheirNameAsALabel) {
  const auto config = good(kTree);
  EXPECT_EQ(config.receiver("a")->labels, (std::map<std::string, std::string>{{"name", "a"}}));
  EXPECT_EQ(config.receiver("b")->labels,
            (std::map<std::string, std::string>{{"desk", "two"}, {"name", "b"}}));
  EXPECT_EQ(config.receiver("c"), nullptr);
  EXPECT_TRUE(config.receiver("a")->integrations.empty());
}

TEST(AlertmanagerConfig, IntegrationsStandInAlertmanagersOrderWithTheirIndex) {
  const auto config = good(R"(
route: {receiver: a}
receivers:
- name: a
  telegram_configs: [{bot_token: t, chat_id: 1}]
  webhook_configs: [{url: 'http://1'}, {url: 'http://2', send_resolved: false}]
  pagerduty_configs: [{routing_key: k}]
)");
  std::vector<std::string> got;
  for (const auto& one : config.receiver("a")->integrations)
    got.push_back(one.kind + "/" + std::to_string(one.index) + (one.send_resolved ? "+" : "-"));
  EXPECT_EQ(got,
            (std::vector<std::string>{"webhook/0+", "webhook/1-", "pagerduty/0+", "telegram/0+"}));
}

TEST(AlertmanagerConfig, EveryKindHasAlertmanagersDefaults) {
  struct Case {
    const char* kind;
    const char* given;
    const char* want;  // members the settings must hold
  };
  const Case cases[] = {
      {"webhook", "url: 'http://u'",
       R"({"send_resolved":true,"max_alerts":0,"timeout":0,"url_file":"","payload":null})"},
      {"email", "to: t, from: f, smarthost: 'h:25'",
       R"x({"send_resolved":false,"hello":"localhost","html":"{{ template \"email.default.html\" . }}","text":"",
          "require_tls":true,"force_implicit_tls":null,"headers":{}})x"},
      {"slack", "api_url: 'http://u'",
       R"x({"send_resolved":false,"title":"{{ template \"slack.default.title\" . }}","app_token":"",
          "title_link":"{{ template \"slack.default.titlelink\" . }}","color":"{{ template \"slack.default.color\" . }}",
          "app_url":"https://slack.com/api/chat.postMessage","fields":[],"link_names":false})x"},
      {"pagerduty", "routing_key: k",
       R"x({"send_resolved":true,"url":"https://events.pagerduty.com/v2/enqueue",
          "source":"{{ template \"pagerduty.default.client\" . }}",
          "details":{"firing":"{{ .Alerts.Firing | toJson }}","num_firing":"{{ .Alerts.Firing | len }}",
          "num_resolved":"{{ .Alerts.Resolved | len }}","resolved":"{{ .Alerts.Resolved | toJson }}"}})x"},
      {"opsgenie", "api_key: k",
       R"({"send_resolved":true,"api_url":"https://api.opsgenie.com/","responders":[]})"},
      {"wechat", "api_secret: s, corp_id: c, api_url: 'http://w/x'",
       R"({"send_resolved":false,"message_type":"text","api_url":"http://w/x/"})"},
      {"victorops", "api_key: k, routing_key: r",
       R"({"send_resolved":true,"message_type":"CRITICAL"})"},
      {"pushover", "user_key: u, token: t",
       R"({"retry":60000,"expire":3600000,"ttl":0,"html":false})"},
      {"sns", "topic_arn: t",
       R"({"send_resolved":true,"subject":"{{ template \"sns.default.subject\" . }}"})"},
      {"telegram", "bot_token: t, chat_id: -100200300400",
       R"({"api_url":"https://api.telegram.org","chat_id":-100200300400,"parse_mode":"HTML"})"},
      {"discord", "webhook_url: 'http://u'",
       R"({"title":"{{ template \"discord.default.title\" . }}"})"},
      {"webex", "room_id: r, http_config: {authorization: {credentials: c}}",
       R"({"api_url":"https://webexapis.com/v1/messages"})"},
      {"msteams", "webhook_url_file: /f",
       R"({"summary":"{{ template \"msteams.default.summary\" . }}"})"},
      {"msteamsv2", "webhook_url: 'http://u'",
       R"({"text":"{{ template \"msteamsv2.default.text\" . }}"})"},
      {"jira",
       "api_url: 'http://u', project: P, issue_type: Bug, labels: {values: [x], enable_update: "
       "false}",
       R"({"api_type":"auto","summary":"{{ template \"jira.default.summary\" . }}","summary_enable_update":true,
          "labels":["x"],"labels_enable_update":false,"reopen_duration":0,"fields":{}})"},
      {"rocketchat", "token: t, token_id: i",
       R"({"send_resolved":false,"api_url":"https://open.rocket.chat/",
          "color":"{{ if eq .Status \"firing\" }}red{{ else }}green{{ end }}"})"},
      {"mattermost", "webhook_url: 'http://u'",
       R"({"send_resolved":true,"props":null,"priority":null})"},
      {"incidentio", "url: 'http://u'", R"({"send_resolved":true,"max_alerts":0})"},
      {"wecom_robot", "webhook_url: 'http://u'",
       R"({"message_type":"markdown","mentioned_users":[]})"},
      {"dingtalk_robot", "access_token: t, secret: s",
       R"({"message_type":"markdown","mention_all":false})"},
      {"feishu_robot", "webhook_url: 'http://u'", R"({"message_type":"post"})"},
  };
  std::size_t count = 0;
  for (const auto& c : cases) {
    const auto got = settings(c.kind, c.given);
    const auto want = json::parse(c.want);
    for (const auto& [key, value] : want.items())
      EXPECT_EQ(got.at(key), value) << c.kind << "." << key;
    const auto* kind = integration_kind(c.kind);
    ASSERT_NE(kind, nullptr);
    for (const auto& field : kind->table.fields)
      EXPECT_TRUE(got.contains(std::string(field.key))) << field.key;
    ++count;
  }
  EXPECT_EQ(count, integration_kinds().size());
}

TEST(AlertmanagerConfig, GlobalsFillInWhatAnIntegrationDoesNotSay) {
  const auto mail = settings(
      "email", "to: t, auth_password: mine",
      "{smtp_smarthost: 'h:25', smtp_from: f, smtp_auth_username: u, smtp_auth_password_file: /p, "
      "smtp_require_tls: false, smtp_tls_config: {server_name: s}}");
  EXPECT_EQ(mail["smarthost"], "h:25");
  EXPECT_EQ(mail["auth_username"], "u");
  EXPECT_EQ(mail["auth_password"], "mine");
  EXPECT_EQ(mail["auth_password_file"], "");
  EXPECT_EQ(mail["require_tls"], false);
  EXPECT_EQ(mail["tls_config"]["server_name"], "s");
  EXPECT_EQ(settings("email", "to: t, require_tls: false",
                     "{smtp_smarthost: 'h:25', smtp_from: f}")["require_tls"],
            false);

  const auto hook =
      settings("webhook", "url: 'http://u'", "{http_config: {proxy_url: 'http://p'}}");
  EXPECT_EQ(hook["http_config"]["proxy_url"], "http://p");
  EXPECT_EQ(hook["http_config"]["follow_redirects"], true);
  const auto own = settings("webhook", "url: 'http://u', http_config: {}",
                            "{http_config: {proxy_url: 'http://p'}}");
  EXPECT_EQ(own["http_config"]["proxy_url"], "");

  EXPECT_EQ(settings("opsgenie", "api_key_file: /mine", "{opsgenie_api_key: k}")["api_key"], "");
  EXPECT_EQ(settings("opsgenie", "", "{opsgenie_api_key_file: /k}")["api_key_file"], "/k");
}

TEST(AlertmanagerConfig, SlackSpeaksByTokenOrByWebhook) {
  const auto token = settings("slack", "channel: x", "{slack_app_token: t}");
  EXPECT_EQ(token["api_url"], "https://slack.com/api/chat.postMessage");
  EXPECT_EQ(token["http_config"]["authorization"]["credentials"], "t");
  EXPECT_EQ(token["http_config"]["authorization"]["type"], "Bearer");
  const std::string both =
      "{slack_app_token: t, slack_api_url: 'https://slack.com/api/chat.postMessage'}";
  EXPECT_EQ(settings("slack", "api_url: 'http://u'", both)["app_token"], "");
  const auto bot = settings("slack", "http_config: {authorization: {credentials: b}}", both);
  EXPECT_EQ(bot["http_config"]["authorization"]["credentials"], "b");
  EXPECT_EQ(bot["api_url"], "https://slack.com/api/chat.postMessage");
  EXPECT_EQ(settings("slack", "app_token: t, update_message: true")["update_message"], true);
}

TEST(AlertmanagerConfig, RelativePathsBeginAtTheFile) {
  ParseOptions options;
  options.directory = "/etc/am";
  const auto hook = settings("webhook",
                             "url_file: u, http_config: {tls_config: {ca_file: ca}, "
                             "basic_auth: {password_file: /abs}, http_headers: {X: {files: [h]}}}",
                             "{}", options);
  EXPECT_EQ(hook["url_file"], "/etc/am/u");
  EXPECT_EQ(hook["http_config"]["tls_config"]["ca_file"], "/etc/am/ca");
  EXPECT_EQ(hook["http_config"]["basic_auth"]["password_file"], "/abs");
  EXPECT_EQ(hook["http_config"]["http_headers"]["X"]["files"][0], "/etc/am/h");
  const auto config = good(
      "route: {receiver: a}\nreceivers: [{name: a}]\ntemplates: ['t/*.tmpl', /x.tmpl]\n", options);
  EXPECT_EQ(config.templates, (std::vector<std::string>{"/etc/am/t/*.tmpl", "/x.tmpl"}));
}

TEST(AlertmanagerConfig, ScalarsAreTakenAsYaml11TakesThem) {
  EXPECT_EQ(settings("webhook", "url: 'http://u', send_resolved: no")["send_resolved"], false);
  EXPECT_EQ(settings("webhook", "url: 'http://u', max_alerts: 0x10")["max_alerts"], 16);
  EXPECT_EQ(settings("pagerduty", "routing_key: 123")["routing_key"], "123");
  EXPECT_EQ(settings("webhook", "url: 'http://u', timeout: 5000000")["timeout"], 5);
  const auto hook =
      settings("webhook", "url: 'http://u', payload: {a: [1, two, true, null, 1.5, '7']}");
  EXPECT_EQ(hook["payload"], json::parse(R"({"a":[1,"two",true,null,1.5,"7"]})"));
}

TEST(AlertmanagerConfig, InhibitionRulesTakeOldAndNewMatchersAndMayBeEmpty) {
  const auto config = good(
      "route: {receiver: a}\nreceivers: [{name: a}]\ninhibit_rules:\n- null\n"
      "- {name: n, source_match: {a: b}, source_match_re: {c: d}, target_matchers: ['e=f'], equal: "
      "[g]}\n");
  ASSERT_EQ(config.inhibit_rules.size(), 2U);
  EXPECT_TRUE(config.inhibit_rules[0].source_matchers.empty());
  const auto& rule = config.inhibit_rules[1];
  EXPECT_EQ(rule.name, "n");
  EXPECT_EQ(print_matchers(rule.source_matchers), R"({a="b",c=~"^(?:d)$"})");
  EXPECT_EQ(print_matchers(rule.target_matchers), R"({e="f"})");
  EXPECT_EQ(rule.equal, std::vector<std::string>{"g"});
}

constexpr const char* kSecrets = R"(
global: {slack_api_url: http://s1, smtp_auth_password: s2, opsgenie_api_key: s3,
  http_config: {bearer_token: s4, proxy_url: "http://user:s5@proxy"}, smtp_smarthost: 'h:25', smtp_from: f}
route: {receiver: a, routes: [{matchers: ['a=~"x|y"'], continue: true}]}
receivers:
- name: a
  webhook_configs: [{url: http://s6, http_config: {basic_auth: {username: u, password: s7}}}]
  pagerduty_configs: [{routing_key: s8, description: "shown: \"yes\""}]
  sns_configs: [{topic_arn: t, sigv4: {access_key: k, secret_key: s9}}]
  email_configs: [{to: t, text: "two\nlines", auth_secret: s10}]
  dingtalk_robot_configs: [{webhook_url: http://s11, secret: s12}]
  discord_configs: [{webhook_url: http://d, http_config: {http_headers: {X: {secrets: [s13], values: [v]}}}}]
)";

TEST(AlertmanagerConfig, ShowsNoSecretAndTheShownFileCanBeRead) {
  const auto config = good(kSecrets);
  const auto shown = config.masked();
  for (int i = 1; i <= 13; ++i) {
    const auto secret = "s" + std::to_string(i);
    for (const auto* around : {" ", "/", ":"})
      EXPECT_EQ(shown.find(around + secret + "\n"), std::string::npos) << secret << "\n" << shown;
  }
  EXPECT_EQ(shown.find("s5@"), std::string::npos) << shown;
  for (const auto* visible :
       {"user:xxxxx@proxy", "url: <secret>", "secret_key: <secret>", "access_key: k",
        "\"shown: \\\"yes\\\"\"", "\"two\\nlines\"", "\"a=~\\\"x|y\\\"\""})
    EXPECT_NE(shown.find(visible), std::string::npos) << visible << "\n" << shown;
  const auto again = good(shown);
  EXPECT_EQ(again.masked(), shown);
  EXPECT_EQ(again.route.routes[0].key, config.route.routes[0].key);
}

TEST(AlertmanagerConfig, VariablesAreExpandedOnlyWhereTheyAreNamed) {
  ParseOptions options;
  options.variables = [](const std::string& name) -> std::optional<std::string> {
    if (name == "HOOK") return "http://from-env";
    return std::nullopt;
  };
  const auto hook = settings(
      "slack", R"(api_url: "${HOOK}/x", channel: "${ROOM:-ops}", text: "{{ $x }} $1 $$ $${HOOK}")",
      "{}", options);
  EXPECT_EQ(hook["api_url"], "http://from-env/x");
  EXPECT_EQ(hook["channel"], "ops");
  EXPECT_EQ(hook["text"], "{{ $x }} $1 $$ ${HOOK}");
  int line = 0;
  const auto missing =
      parse("route:\n  receiver: a\nreceivers:\n- name: ${NAME}\n", options, &line);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message().find("environment variable 'NAME' is not set"),
            std::string::npos);
  EXPECT_EQ(line, 4);
  EXPECT_EQ(settings("slack", R"(api_url: "http://u", channel: "${ROOM}")")["channel"], "${ROOM}");
}

TEST(AlertmanagerConfig, HoldfastsOwnMembersOfAReceiver) {
  const auto config = good(
      "route: {receiver: a}\nreceivers: [{name: a, fallback_receiver: b, always_resolve: true}, "
      "{name: b}]\n");
  EXPECT_EQ(config.receiver("a")->fallback, "b");
  EXPECT_TRUE(config.receiver("a")->always_resolve);
  EXPECT_FALSE(config.receiver("b")->always_resolve);
}

// Alertmanager's own files, when they are at hand: each gets its verdict, and its text where that is known.
TEST(AlertmanagerConfig, AgreesWithAlertmanagersOwnFiles) {
  const auto* folder = std::getenv("HOLDFAST_CONFORMANCE");
  const std::filesystem::path base =
      folder != nullptr ? folder : HOLDFAST_SOURCE_DIR "/../shared/conformance";
  const auto files = base / "alertmanager" / "config";
  if (!std::filesystem::exists(files / "verdicts.tsv"))
    GTEST_SKIP() << "no " << files << "; set HOLDFAST_CONFORMANCE";
  std::ifstream verdicts(files / "verdicts.tsv");
  ParseOptions options;
  options.directory = files.string();
  options.own_settings = false;
  std::string row;
  int count = 0;
  while (std::getline(verdicts, row)) {
    const auto fields = split(row, '\t');
    ASSERT_GE(fields.size(), 2U) << row;
    std::ifstream in(files / fields[0]);
    ASSERT_TRUE(in.good()) << fields[0];
    std::stringstream text;
    text << in.rdbuf();
    const auto config = parse(text.str(), options);
    EXPECT_EQ(config.has_value(), fields[1] == "good")
        << fields[0] << (config ? "" : ": " + config.error().message());
    if (!config && fields.size() > 2 && !fields[2].empty()) {
      EXPECT_EQ(config.error().message(), fields[2]) << fields[0];
    }
    if (config) {
      EXPECT_TRUE(parse(config->masked(), {})) << fields[0] << "\n" << config->masked();
    }
    ++count;
  }
  EXPECT_GE(count, 26);
}

}  // namespace
}  // namespace holdfast::respond::route
