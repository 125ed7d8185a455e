// The integrations of Alertmanager and Holdfast's own: keys, types and defaults. Flat tables, in its order.
#include "respond/route/integration_table.h"

#include <algorithm>

#include "respond/route/integration_check.h"
#include "respond/route/messenger_table.h"

namespace holdfast::respond::route {
namespace {

using enum FieldType;

#define HF_SEND_RESOLVED(value) \
  { "send_resolved", kBool, value }
#define HF_HTTP_CONFIG \
  { "http_config", kOptionalObject, {}, &http_table() }

// ---- webhook

const Field kWebhookFields[] = {
    HF_SEND_RESOLVED("true"), HF_HTTP_CONFIG,        {"url", kSecretTemplate},
    {"url_file", kFile},      {"max_alerts", kUint}, {"timeout", kGoDuration},
    {"payload", kAny},
};
constexpr PairRule kWebhookPairs[] = {{"url", Pair::kRequired}};

// ---- email

constexpr Field kThreadingFields[] = {{"enabled", kBool}, {"thread_by_date"}};
constexpr ObjectTable kThreading{"config.ThreadingConfig", kThreadingFields};

const Field kEmailFields[] = {
    HF_SEND_RESOLVED("false"),
    {"to", kTemplate},
    {"from", kTemplate},
    {"hello"},
    {"smarthost", kHostPort},
    {"auth_username"},
    {"auth_password", kSecret},
    {"auth_password_file", kFile},
    {"auth_secret", kSecret},
    {"auth_secret_file", kFile},
    {"auth_identity"},
    {"headers", kTemplateMap},
    {"html", kTemplate, R"({{ template "email.default.html" . }})"},
    {"text", kTemplate},
    {"require_tls", kOptionalBool},
    {"tls_config", kOptionalObject, {}, &tls_table()},
    {"force_implicit_tls", kOptionalBool},
    {"threading", kObject, {}, &kThreading},
};
constexpr Inherited kEmailInherited[] = {
    {"tls_config", "smtp_tls_config"},
    {"smarthost", "smtp_smarthost", false, "no global SMTP smarthost set"},
    {"from", "smtp_from", false, "no global SMTP from set"},
    {"hello", "smtp_hello"},
    {"auth_username", "smtp_auth_username"},
    {"auth_password", "smtp_auth_password", true},
    {"auth_secret", "smtp_auth_secret", true},
    {"auth_identity", "smtp_auth_identity"},
    {"require_tls", "smtp_require_tls"},
    {"force_implicit_tls", "smtp_force_implicit_tls"},
};

// ---- pagerduty

constexpr Field kPagerdutyImageFields[] = {
    {"src", kTemplate}, {"alt", kTemplate}, {"href", kTemplate}};
constexpr ObjectTable kPagerdutyImage{"config.PagerdutyImage", kPagerdutyImageFields};
constexpr Field kPagerdutyLinkFields[] = {{"href", kTemplate}, {"text", kTemplate}};
constexpr ObjectTable kPagerdutyLink{"config.PagerdutyLink", kPagerdutyLinkFields};

const Field kPagerdutyFields[] = {
    HF_SEND_RESOLVED("true"),
    HF_HTTP_CONFIG,
    {"service_key", kSecret},
    {"service_key_file", kFile},
    {"routing_key", kSecret},
    {"routing_key_file", kFile},
    {"url", kUrl},
    {"client", kTemplate, R"({{ template "pagerduty.default.client" . }})"},
    {"client_url", kTemplate, R"({{ template "pagerduty.default.clientURL" . }})"},
    {"description", kTemplate, R"({{ template "pagerduty.default.description" .}})"},
    {"details", kTree},
    {"images", kObjects, {}, &kPagerdutyImage},
    {"links", kObjects, {}, &kPagerdutyLink},
    {"source", kTemplate},
    {"severity", kTemplate},
    {"class", kTemplate},
    {"component", kTemplate},
    {"group", kTemplate},
    {"timeout", kGoDuration},
};
constexpr Inherited kPagerdutyInherited[] = {
    {"url", "pagerduty_url", false, "no global PagerDuty URL set"}};

// ---- opsgenie

constexpr Field kResponderFields[] = {
    {"id", kTemplate}, {"name", kTemplate}, {"username", kTemplate}, {"type", kTemplate}};
constexpr ObjectTable kResponder{"config.OpsGenieConfigResponder", kResponderFields};

const Field kOpsgenieFields[] = {
    HF_SEND_RESOLVED("true"),
    HF_HTTP_CONFIG,
    {"api_key", kSecret},
    {"api_key_file", kFile},
    {"api_url", kUrl},
    {"message", kTemplate, R"({{ template "opsgenie.default.message" . }})"},
    {"description", kTemplate, R"({{ template "opsgenie.default.description" . }})"},
    {"source", kTemplate, R"({{ template "opsgenie.default.source" . }})"},
    {"details", kTemplateMap},
    {"entity", kTemplate},
    {"responders", kObjects, {}, &kResponder},
    {"actions", kTemplate},
    {"tags", kTemplate},
    {"note", kTemplate},
    {"priority", kTemplate},
    {"update_alerts", kBool},
};
constexpr PairRule kApiKeyPair[] = {{"api_key"}};
constexpr Inherited kOpsgenieInherited[] = {
    {"api_url", "opsgenie_api_url", false, "no global OpsGenie URL set"},
    {"api_key", "opsgenie_api_key", true,
     "no global OpsGenie API Key set either inline or in a file"},
};

// ---- wechat

const Field kWechatFields[] = {
    HF_SEND_RESOLVED("false"),
    HF_HTTP_CONFIG,
    {"api_secret", kSecret},
    {"api_secret_file", kFile},
    {"corp_id"},
    {"message", kTemplate, R"({{ template "wechat.default.message" . }})"},
    {"api_url", kUrl},
    {"to_user", kTemplate, R"({{ template "wechat.default.to_user" . }})"},
    {"to_party", kTemplate, R"({{ template "wechat.default.to_party" . }})"},
    {"to_tag", kTemplate, R"({{ template "wechat.default.to_tag" . }})"},
    {"agent_id", kTemplate, R"({{ template "wechat.default.agent_id" . }})"},
    {"message_type"},
};
constexpr PairRule kWechatPairs[] = {{"api_secret"}};
constexpr Inherited kWechatInherited[] = {
    {"api_url", "wechat_api_url", false, "no global Wechat URL set"},
    {"api_secret", "wechat_api_secret", true,
     "no global Wechat Api Secret set either inline or in a file"},
    {"corp_id", "wechat_api_corp_id", false, "no global Wechat CorpID set"},
};

// ---- victorops

const Field kVictoropsFields[] = {
    HF_SEND_RESOLVED("true"),
    HF_HTTP_CONFIG,
    {"api_key", kSecret},
    {"api_key_file", kFile},
    {"api_url", kUrl},
    {"routing_key", kTemplate},
    {"message_type", kTemplate, "CRITICAL"},
    {"state_message", kTemplate, R"({{ template "victorops.default.state_message" . }})"},
    {"entity_display_name", kTemplate,
     R"({{ template "victorops.default.entity_display_name" . }})"},
    {"monitoring_tool", kTemplate, R"({{ template "victorops.default.monitoring_tool" . }})"},
    {"custom_fields", kTemplateMap},
};
constexpr Inherited kVictoropsInherited[] = {
    {"api_url", "victorops_api_url", false, "no global VictorOps URL set"},
    {"api_key", "victorops_api_key", true, "no global VictorOps API Key set"},
};

// ---- pushover

const Field kPushoverFields[] = {
    HF_SEND_RESOLVED("true"),
    HF_HTTP_CONFIG,
    {"user_key", kSecret},
    {"user_key_file", kFile},
    {"token", kSecret},
    {"token_file", kFile},
    {"title", kTemplate, R"({{ template "pushover.default.title" . }})"},
    {"message", kTemplate, R"({{ template "pushover.default.message" . }})"},
    {"url", kTemplate, R"({{ template "pushover.default.url" . }})"},
    {"url_title", kTemplate},
    {"device", kTemplate},
    {"sound", kTemplate},
    {"priority", kTemplate, R"({{ if eq .Status "firing" }}2{{ else }}0{{ end }})"},
    {"retry", kTextDuration, "1m"},
    {"expire", kTextDuration, "1h"},
    {"ttl", kTextDuration},
    {"html", kBool},
    {"monospace", kBool},
};
constexpr PairRule kPushoverPairs[] = {{"user_key", Pair::kRequired}, {"token", Pair::kRequired}};

// ---- sns

constexpr Field kSigv4Fields[] = {
    {"region"},   {"access_key"}, {"secret_key", kSecret}, {"profile"},
    {"role_arn"}, {"service"},    {"external_id"},         {"use_fips_sts_endpoint", kBool},
};
constexpr ObjectTable kSigv4{"sigv4.plain", kSigv4Fields, {}, check_sigv4};

const Field kSnsFields[] = {
    HF_SEND_RESOLVED("true"),
    HF_HTTP_CONFIG,
    {"api_url", kTemplate},
    {"sigv4", kObject, {}, &kSigv4},
    {"topic_arn", kTemplate},
    {"phone_number", kTemplate},
    {"target_arn", kTemplate},
    {"subject", kTemplate, R"({{ template "sns.default.subject" . }})"},
    {"message", kTemplate, R"({{ template "sns.default.message" . }})"},
    {"attributes", kTemplateMap},
    {"use_aws_http_client", kBool},
};

// ---- telegram

const Field kTelegramFields[] = {
    HF_SEND_RESOLVED("true"),
    HF_HTTP_CONFIG,
    {"api_url", kUrl},
    {"bot_token", kSecret},
    {"bot_token_file", kFile},
    {"chat_id", kInt64},
    {"chat_id_file", kFile},
    {"message_thread_id", kInt},
    {"message", kTemplate, R"({{ template "telegram.default.message" . }})"},
    {"disable_notifications", kBool},
    {"parse_mode", kString, "HTML"},
    {"timeout", kGoDuration},
};
constexpr PairRule kTelegramPairs[] = {{"bot_token"}};
constexpr Inherited kTelegramInherited[] = {
    {"api_url", "telegram_api_url"},
    {"bot_token", "telegram_bot_token", true,
     "missing bot_token or bot_token_file on telegram_config"},
};

// ---- discord, webex, msteams, msteamsv2

const Field kDiscordFields[] = {
    HF_SEND_RESOLVED("true"),
    HF_HTTP_CONFIG,
    {"webhook_url", kSecretUrl},
    {"webhook_url_file", kFile},
    {"content", kTemplate},
    {"title", kTemplate, R"({{ template "discord.default.title" . }})"},
    {"message", kTemplate, R"({{ template "discord.default.message" . }})"},
    {"username", kTemplate},
    {"avatar_url", kTemplate},
};
constexpr PairRule kWebhookUrlNeeded[] = {{"webhook_url", Pair::kRequired}};

const Field kWebexFields[] = {
    HF_SEND_RESOLVED("true"), HF_HTTP_CONFIG,
    {"api_url", kUrl},        {"message", kTemplate, R"({{ template "webex.default.message" . }})"},
    {"room_id", kTemplate},
};
constexpr Inherited kWebexInherited[] = {
    {"api_url", "webex_api_url", false, "no global Webex URL set"}};

const Field kMsteamsFields[] = {
    HF_SEND_RESOLVED("true"),
    HF_HTTP_CONFIG,
    {"webhook_url", kSecretUrl},
    {"webhook_url_file", kFile},
    {"title", kTemplate, R"({{ template "msteams.default.title" . }})"},
    {"summary", kTemplate, R"({{ template "msteams.default.summary" . }})"},
    {"text", kTemplate, R"({{ template "msteams.default.text" . }})"},
};

const Field kMsteamsv2Fields[] = {
    HF_SEND_RESOLVED("true"),
    HF_HTTP_CONFIG,
    {"webhook_url", kSecretUrl},
    {"webhook_url_file", kFile},
    {"title", kTemplate, R"({{ template "msteamsv2.default.title" . }})"},
    {"text", kTemplate, R"({{ template "msteamsv2.default.text" . }})"},
};

// ---- jira

const Field kJiraFields[] = {
    HF_SEND_RESOLVED("true"),
    HF_HTTP_CONFIG,
    {"api_url", kUrl},
    {"api_type", kString, "auto"},
    {"project", kTemplate},
    {"summary", kJiraField, R"({{ template "jira.default.summary" . }})"},
    {"description", kJiraField, R"({{ template "jira.default.description" . }})"},
    {"labels", kJiraLabels},
    {"priority", kTemplate, R"({{ template "jira.default.priority" . }})"},
    {"issue_type", kTemplate},
    {"reopen_transition"},
    {"resolve_transition"},
    {"wont_fix_resolution"},
    {"reopen_duration", kModelDuration},
    {"fields", kTree},
};
constexpr Inherited kJiraInherited[] = {
    {"api_url", "jira_api_url", false, "no global Jira Cloud URL set"}};

// ---- incidentio

const Field kIncidentioFields[] = {
    HF_SEND_RESOLVED("true"),
    HF_HTTP_CONFIG,
    {"url", kUrl},
    {"url_file", kFile},
    {"alert_source_token", kSecret},
    {"alert_source_token_file", kFile},
    {"max_alerts", kUint},
    {"timeout", kGoDuration},
};
constexpr PairRule kIncidentioPairs[] = {{"url", Pair::kRequired}, {"alert_source_token"}};

// ---- messengers: their tables stand in messenger_table.cc

// Its URL and token depend on each other; config_inherit.cc does them.
constexpr Inherited kSlackInherited[] = {
    {"app_url", "slack_app_url", false, "no global Slack App URL set"}};
constexpr Inherited kRocketchatInherited[] = {
    {"api_url", "rocketchat_api_url"},
    {"token_id", "rocketchat_token_id", true,
     "no global Rocketchat TokenID set either inline or in a file"},
    {"token", "rocketchat_token", true,
     "no global Rocketchat Token set either inline or in a file"},
};
constexpr Inherited kMattermostInherited[] = {
    {"webhook_url", "mattermost_webhook_url", true,
     "missing webhook_url or webhook_url_file on mattermost_config"}};

#undef HF_SEND_RESOLVED
#undef HF_HTTP_CONFIG

constexpr std::string_view kPlain = "config.plain";

}  // namespace

const Field* ObjectTable::find(std::string_view key) const {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.key == key; });
  return found == fields.end() ? nullptr : &*found;
}

std::span<const IntegrationKind> integration_kinds() {
  // Made at the first call: the messengers' tables are made in another file.
  static const IntegrationKind kKinds[] = {
      {"webhook", "[]*config.WebhookConfig", {kPlain, kWebhookFields, kWebhookPairs}},
      {"email", "[]*config.EmailConfig", {kPlain, kEmailFields, {}, check_email}, kEmailInherited},
      {"pagerduty",
       "[]*config.PagerdutyConfig",
       {kPlain, kPagerdutyFields, {}, check_pagerduty},
       kPagerdutyInherited},
      {"opsgenie",
       "[]*config.OpsGenieConfig",
       {kPlain, kOpsgenieFields, kApiKeyPair, check_opsgenie},
       kOpsgenieInherited,
       true},
      {"wechat",
       "[]*config.WechatConfig",
       {kPlain, kWechatFields, kWechatPairs, check_wechat},
       kWechatInherited,
       true},
      {"slack", "[]*config.SlackConfig", slack_table(), kSlackInherited},
      {"victorops",
       "[]*config.VictorOpsConfig",
       {kPlain, kVictoropsFields, kApiKeyPair, check_victorops},
       kVictoropsInherited,
       true},
      {"pushover",
       "[]*config.PushoverConfig",
       {kPlain, kPushoverFields, kPushoverPairs, check_pushover}},
      {"sns", "[]*config.SNSConfig", {kPlain, kSnsFields, {}, check_sns}},
      {"telegram",
       "[]*config.TelegramConfig",
       {kPlain, kTelegramFields, kTelegramPairs, check_telegram},
       kTelegramInherited},
      {"discord", "[]*config.DiscordConfig", {kPlain, kDiscordFields, kWebhookUrlNeeded}},
      {"webex", "[]*config.WebexConfig", {kPlain, kWebexFields, {}, check_webex}, kWebexInherited},
      {"msteams", "[]*config.MSTeamsConfig", {kPlain, kMsteamsFields, kWebhookUrlNeeded}},
      {"msteamsv2", "[]*config.MSTeamsV2Config", {kPlain, kMsteamsv2Fields, kWebhookUrlNeeded}},
      {"jira", "[]*config.JiraConfig", {kPlain, kJiraFields, {}, check_jira}, kJiraInherited},
      {"rocketchat", "[]*config.RocketchatConfig", rocketchat_table(), kRocketchatInherited},
      {"mattermost", "[]*config.MattermostConfig", mattermost_table(), kMattermostInherited},
      {"incidentio",
       "[]*config.IncidentioConfig",
       {kPlain, kIncidentioFields, kIncidentioPairs, check_incidentio}},
      {"wecom_robot", "[]*config.WecomRobotConfig", wecom_robot_table(), {}, false, true},
      {"dingtalk_robot", "[]*config.DingtalkRobotConfig", dingtalk_robot_table(), {}, false, true},
      {"feishu_robot", "[]*config.FeishuRobotConfig", feishu_robot_table(), {}, false, true},
  };
  return kKinds;
}

const IntegrationKind* integration_kind(std::string_view kind) {
  const auto kinds = integration_kinds();
  const auto found = std::find_if(kinds.begin(), kinds.end(),
                                  [&](const IntegrationKind& k) { return k.kind == kind; });
  return found == kinds.end() ? nullptr : &*found;
}

bool is_secret(const Field& field) {
  return field.secret || field.type == kSecret || field.type == kSecretTemplate ||
         field.type == kSecretUrl;
}

}  // namespace holdfast::respond::route
