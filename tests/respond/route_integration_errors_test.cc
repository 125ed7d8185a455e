// What is said of wrong integrations, kind by kind.
#include <gtest/gtest.h>

#include "respond/route/config.h"
#include "respond/route/integration_table.h"

namespace holdfast::respond::route {
namespace {

struct Case {
  const char* kind;
  std::string settings;
  const char* want;
};

std::string file(const std::string& kind, const std::string& settings,
                 const std::string& global = "{}") {
  return "global: " + global + "\nroute: {receiver: a}\nreceivers:\n- name: a\n  " + kind +
         "_configs: [" + settings + "]\n";
}

std::string error_of(const std::string& yaml) {
  const auto config = parse(yaml, {});
  return config ? "good" : config.error().message();
}

TEST(IntegrationErrors, AreAlertmanagers) {
  const std::string u = "webhook_url: 'http://u', ";
  const std::vector<Case> cases = {
      {"webhook", "{}", "one of url or url_file must be configured"},
      {"webhook", "{url: 'http://u', url_file: f}",
       "at most one of url & url_file must be configured"},
      {"webhook", "{url: '::'}", "parse \"::\": missing protocol scheme"},
      {"webhook", "{url: 'http://a b'}",
       "parse \"http://a b\": invalid character \" \" in host name"},
      {"webhook", "{url: u}", "unsupported scheme \"\" for URL"},
      {"webhook", "null", "missing webhook config"},
      {"email", "{from: f, smarthost: 'h:25'}", "missing to address in email config"},
      {"email", "{to: t, from: f}", "no global SMTP smarthost set"},
      {"email", "{to: t, smarthost: 'h:25'}", "no global SMTP from set"},
      {"email", "{to: t, headers: {Subject: a, subject: b}}",
       "duplicate header \"Subject\" in email config"},
      {"email",
       "{to: t, headers: {references: a}, threading: {enabled: true, thread_by_date: daily}}",
       "conflicting configuration: threading.enabled conflicts with custom References header"},
      {"email", "{to: t, threading: {enabled: true}}",
       "threading.thread_by_date must be either 'none' or 'daily'"},
      {"email", "null", "missing email config"},
      {"slack", "{}", "no Slack API URL nor App token set either inline or in a file"},
      {"slack", "null", "no Slack API URL nor App token set either inline or in a file"},
      {"slack", "{api_url: 'http://u', api_url_file: f}",
       "at most one of api_url & api_url_file must be configured"},
      {"slack", "{app_token: t, app_token_file: f}",
       "at most one of app_token & app_token_file must be configured"},
      {"slack", "{api_url: 'http://u', app_token: t}",
       "at most one of api_url/api_url_file & app_token/app_token_file must be configured"},
      {"slack", "{app_token: t, http_config: {authorization: {credentials: c}}}",
       "http authorization can't be set when using Slack App tokens"},
      {"slack", "{api_url: 'http://u', update_message: true}",
       "update_message can only be used with bot tokens. api_url must be set to "
       "https://slack.com/api/chat.postMessage"},
      {"slack", "{api_url: 'http://u', fields: [{value: v}]}",
       "missing title in Slack field configuration"},
      {"slack", "{api_url: 'http://u', fields: [{title: t}]}",
       "missing value in Slack field configuration"},
      {"slack", "{api_url: 'http://u', actions: [{text: t}]}",
       "missing type in Slack action configuration"},
      {"slack", "{api_url: 'http://u', actions: [{type: t}]}",
       "missing text in Slack action configuration"},
      {"slack", "{api_url: 'http://u', actions: [{type: t, text: x}]}",
       "missing name or url in Slack action configuration"},
      {"slack",
       "{api_url: 'http://u', actions: [{type: t, text: x, name: n, confirm: {title: t}}]}",
       "missing text in Slack confirmation configuration"},
      {"pagerduty", "{}", "missing service or routing key in PagerDuty config"},
      {"pagerduty", "{routing_key: a, routing_key_file: f}",
       "at most one of routing_key & routing_key_file must be configured"},
      {"pagerduty", "{service_key: a, service_key_file: f}",
       "at most one of service_key & service_key_file must be configured"},
      {"opsgenie", "{}", "no global OpsGenie API Key set either inline or in a file"},
      {"opsgenie", "{api_key: k, api_key_file: f}",
       "at most one of api_key & api_key_file must be configured"},
      {"opsgenie", "{api_key: k, responders: [{type: team}]}",
       "opsGenieConfig responder {   team} has to have at least one of id, username or name "
       "specified"},
      {"opsgenie", "{api_key: k, responders: [{id: i, type: wrong}]}",
       "opsGenieConfig responder {i   wrong} type does not match valid options "
       "^(team|teams|user|escalation|schedule)$"},
      {"wechat", "{}", "no global Wechat Api Secret set either inline or in a file"},
      {"wechat", "{api_secret: s}", "no global Wechat CorpID set"},
      {"wechat", "{api_secret: s, api_secret_file: f}",
       "at most one of api_secret & api_secret_file must be configured"},
      {"wechat", "{api_secret: s, message_type: html}",
       "weChat message type \"html\" does not match valid options ^(text|markdown)$"},
      {"victorops", "{api_key: k}", "missing Routing key in VictorOps config"},
      {"victorops", "{routing_key: r}", "no global VictorOps API Key set"},
      {"victorops", "{routing_key: r, custom_fields: {entity_id: x}}",
       "victorOps config contains custom field entity_id which cannot be used as it conflicts with "
       "the fixed/static fields"},
      {"pushover", "{token: t}", "one of user_key or user_key_file must be configured"},
      {"pushover", "{user_key: u}", "one of token or token_file must be configured"},
      {"pushover", "{user_key: u, user_key_file: f, token: t}",
       "at most one of user_key & user_key_file must be configured"},
      {"pushover", "{user_key: u, token: t, html: true, monospace: true}",
       "at most one of monospace & html must be configured"},
      {"pushover", "{user_key: u, token: t, retry: 1x}",
       "time: unknown unit \"x\" in duration \"1x\""},
      {"sns", "{sigv4: {access_key: a, secret_key: s}}",
       "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config"},
      {"sns", "{topic_arn: t, sigv4: {access_key: a}}",
       "must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the "
       "SigV4 config"},
      {"telegram", "{chat_id: 1}", "missing bot_token or bot_token_file on telegram_config"},
      {"telegram", "{bot_token: t}", "missing chat_id or chat_id_file on telegram_config"},
      {"telegram", "{bot_token: t, chat_id: 1, chat_id_file: f}",
       "at most one of chat_id & chat_id_file must be configured"},
      {"telegram", "{bot_token: t, chat_id: 1, parse_mode: x}",
       "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string"},
      {"discord", "{}", "one of webhook_url or webhook_url_file must be configured"},
      {"msteams", "{" + u + "webhook_url_file: f}",
       "at most one of webhook_url & webhook_url_file must be configured"},
      {"msteamsv2", "{}", "one of webhook_url or webhook_url_file must be configured"},
      {"webex", "{http_config: {authorization: {credentials: c}}}",
       "missing room_id on webex_config"},
      {"webex", "{room_id: r}", "missing webex_configs.http_config.authorization"},
      {"jira", "{issue_type: Bug}", "missing project in jira_config"},
      {"jira", "{project: P}", "missing issue_type in jira_config"},
      {"jira", "{project: P, issue_type: Bug}", "no global Jira Cloud URL set"},
      {"jira", "{project: P, issue_type: Bug, api_type: x}",
       "unknown api_type on jira_config, must be auto, cloud or datacenter"},
      {"rocketchat", "{token: t}", "no global Rocketchat TokenID set either inline or in a file"},
      {"rocketchat", "{token_id: i}", "no global Rocketchat Token set either inline or in a file"},
      {"rocketchat", "{token: t, token_file: f}",
       "at most one of token & token_file must be configured"},
      {"mattermost", "{}", "missing webhook_url or webhook_url_file on mattermost_config"},
      {"mattermost", "{" + u + "fields: [{title: t}]}",
       "missing value in Mattermost field configuration"},
      {"incidentio", "{}", "one of url or url_file must be configured"},
      {"incidentio",
       "{url: 'http://u', alert_source_token: t, http_config: {authorization: {credentials: c}}}",
       "cannot specify alert_source_token or alert_source_token_file when using "
       "http_config.authorization"},
      {"incidentio", "{url: 'http://u', http_config: {}}",
       "at least one of alert_source_token, alert_source_token_file or http_config.authorization "
       "must be configured"},
      {"wecom_robot", "{}", "one of webhook_url or webhook_url_file must be configured"},
      {"wecom_robot", "{" + u + "message_type: x}",
       "unknown message_type \"x\" on wecom_robot_config, must be markdown or text"},
      {"dingtalk_robot", "{secret: s}",
       "one of webhook_url, webhook_url_file, access_token or access_token_file must be "
       "configured"},
      {"dingtalk_robot", "{" + u + "access_token: t}",
       "at most one of webhook_url/webhook_url_file & access_token/access_token_file must be "
       "configured"},
      {"feishu_robot", "{" + u + "secret: s, secret_file: f}",
       "at most one of secret & secret_file must be configured"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(error_of(file(c.kind, c.settings)), c.want) << c.kind << " " << c.settings;
}

TEST(IntegrationErrors, OfHttpClientsAreAlertmanagers) {
  const std::pair<std::string, const char*> cases[] = {
      {"bearer_token: a, bearer_token_file: b",
       "at most one of bearer_token & bearer_token_file must be configured"},
      {"bearer_token: a, basic_auth: {}",
       "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured"},
      {"basic_auth: {username: a, username_file: b}",
       "at most one of basic_auth username, username_file & username_ref must be configured"},
      {"basic_auth: {password: a, password_file: b}",
       "at most one of basic_auth password, password_file & password_ref must be configured"},
      {"authorization: {credentials: a, credentials_file: b}",
       "at most one of authorization credentials & credentials_file must be configured"},
      {"authorization: {type: Basic}",
       "authorization type cannot be set to \"basic\", use \"basic_auth\" instead"},
      {"authorization: {credentials: a}, basic_auth: {}",
       "at most one of basic_auth, oauth2 & authorization must be configured"},
      {"authorization: {credentials: a}, bearer_token: b",
       "authorization is not compatible with bearer_token & bearer_token_file"},
      {"oauth2: {}", "oauth2 client_id must be configured"},
      {"oauth2: {client_id: a}", "oauth2 token_url must be configured"},
      {"oauth2: {client_id: a, token_url: b, client_secret: c, client_secret_file: d}",
       "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be "
       "configured"},
      {"proxy_from_environment: true, proxy_url: 'http://p'",
       "if proxy_from_environment is configured, proxy_url must not be configured"},
      {"proxy_from_environment: true, no_proxy: x",
       "if proxy_from_environment is configured, no_proxy must not be configured"},
      {"no_proxy: x", "if no_proxy is configured, proxy_url must also be configured"},
      {"proxy_connect_header: {a: [b]}",
       "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be "
       "configured"},
      {"http_headers: {authorization: {values: [a]}}",
       "setting header \"Authorization\" is not allowed"},
      {"tls_config: {ca: a, ca_file: b}", "at most one of ca, ca_file & ca_ref must be configured"},
      {"tls_config: {cert: a}",
       "exactly one of key or key_file must be configured when a client certificate is configured"},
      {"tls_config: {key: a}",
       "exactly one of cert or cert_file must be configured when a client key is configured"},
      {"tls_config: {min_version: TLS9}", "unknown TLS version: TLS9"},
  };
  for (const auto& [http, want] : cases)
    EXPECT_EQ(error_of(file("webhook", "{url: 'http://u', http_config: {" + http + "}}")), want)
        << http;
}

TEST(IntegrationErrors, AnEmptyEntryIsRefusedOrTakenWithWhatGlobalGives) {
  for (const auto& kind : integration_kinds()) {
    const std::string name(kind.kind);
    const bool may =
        name == "slack" || name == "opsgenie" || name == "wechat" || name == "rocketchat";
    if (may) continue;
    EXPECT_EQ(error_of(file(name, "null")), "missing " + name + " config");
  }
  EXPECT_EQ(error_of(file("slack", "null", "{slack_api_url: 'http://u'}")), "good");
}

TEST(IntegrationErrors, HoldfastsOwnKeysAreRefusedWhereAlertmanagerMustAgree) {
  ParseOptions strict;
  strict.own_settings = false;
  const std::pair<const char*, const char*> members[] = {{"fallback_receiver", "a"},
                                                         {"always_resolve", "true"},
                                                         {"wecom_robot_configs", "[]"},
                                                         {"dingtalk_robot_configs", "[]"},
                                                         {"feishu_robot_configs", "[]"}};
  for (const auto& [key, value] : members) {
    const auto yaml =
        "route: {receiver: a}\nreceivers:\n- name: a\n  " + std::string(key) + ": " + value + "\n";
    const auto config = parse(yaml, strict);
    ASSERT_FALSE(config) << key;
    EXPECT_EQ(config.error().message(), "yaml: unmarshal errors:\n  line 4: field " +
                                            std::string(key) + " not found in type config.plain");
  }
}

TEST(IntegrationErrors, AFallbackMustExistAndNotLeadBack) {
  const auto two = [](const std::string& a, const std::string& b) {
    return error_of("route: {receiver: a}\nreceivers: [{name: a, fallback_receiver: " + a +
                    "}, {name: b, fallback_receiver: " + b + "}]\n");
  };
  EXPECT_EQ(two("b", "''"), "good");
  EXPECT_EQ(two("x", "''"), "undefined receiver \"x\" used as fallback_receiver");
  EXPECT_EQ(two("b", "a"), "fallback_receiver of \"a\" leads back to itself");
  EXPECT_EQ(two("a", "''"), "fallback_receiver of \"a\" leads back to itself");
}

}  // namespace
}  // namespace holdfast::respond::route
