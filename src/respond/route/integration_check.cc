#include "respond/route/integration_check.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "respond/route/go_text.h"

namespace holdfast::respond::route {
namespace {

using nlohmann::json;

const std::string& text(const json& settings, const char* key) {
  return settings.at(key).get_ref<const std::string&>();
}

bool has(const json& settings, const char* key) { return !text(settings, key).empty(); }

bool has_pair(const json& settings, const char* key) {
  return has(settings, key) || has(settings, (std::string(key) + "_file").c_str());
}

bool has_authorization(const json& settings) {
  const auto& http = settings.at("http_config");
  return !http.is_null() && !http.at("authorization").is_null();
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// As Go prints the structure.
std::string shown_responder(const json& responder) {
  return "{" + text(responder, "id") + " " + text(responder, "name") + " " +
         text(responder, "username") + " " + text(responder, "type") + "}";
}

// Robots say what they can send; the first is the default.
std::string check_message_type(const json& settings, std::string_view robot,
                               std::initializer_list<std::string_view> allowed) {
  const auto& type = text(settings, "message_type");
  if (is_one_of(type, allowed)) return {};
  std::vector<std::string> words(allowed.begin(), allowed.end());
  return "unknown message_type " + go_quote(type) + " on " + std::string(robot) +
         "_config, must be " + join(words, " or ");
}

}  // namespace

std::string check_email(json& settings) {
  if (!has(settings, "to")) return "missing to address in email config";
  auto headers = json::object();
  for (const auto& [name, value] : settings["headers"].items()) {
    const auto canonical = canonical_header(name);
    if (headers.contains(canonical))
      return "duplicate header " + go_quote(canonical) + " in email config";
    headers[canonical] = value;
  }
  const auto& threading = settings["threading"];
  if (threading.at("enabled").get<bool>()) {
    for (const char* name : {"References", "In-Reply-To"}) {
      if (headers.contains(name))
        return "conflicting configuration: threading.enabled conflicts with custom " +
               std::string(name) + " header";
    }
    if (!is_one_of(text(threading, "thread_by_date"), {"none", "daily"}))
      return "threading.thread_by_date must be either 'none' or 'daily'";
  }
  settings["headers"] = std::move(headers);
  return {};
}

std::string check_pagerduty(json& settings) {
  if (!has_pair(settings, "routing_key") && !has_pair(settings, "service_key"))
    return "missing service or routing key in PagerDuty config";
  for (const char* key : {"routing_key", "service_key"}) {
    const std::string name(key);
    if (has(settings, key) && has(settings, (name + "_file").c_str()))
      return "at most one of " + name + " & " + name + "_file must be configured";
  }
  if (!has(settings, "source")) settings["source"] = settings["client"];
  const std::pair<const char*, const char*> details[] = {
      {"firing", "{{ .Alerts.Firing | toJson }}"},
      {"resolved", "{{ .Alerts.Resolved | toJson }}"},
      {"num_firing", "{{ .Alerts.Firing | len }}"},
      {"num_resolved", "{{ .Alerts.Resolved | len }}"},
  };
  for (const auto& [name, value] : details) {
    if (!settings["details"].contains(name)) settings["details"][name] = value;
  }
  return {};
}

std::string check_opsgenie(json& settings) {
  constexpr std::string_view kTypes = "^(team|teams|user|escalation|schedule)$";
  for (auto& responder : settings["responders"]) {
    if (!has(responder, "id") && !has(responder, "username") && !has(responder, "name"))
      return "opsGenieConfig responder " + shown_responder(responder) +
             " has to have at least one of id, username or name specified";
    if (const auto& type = text(responder, "type"); type.find("{{") != std::string::npos) {
      if (type.find("}}", type.rfind("{{")) != std::string::npos) continue;
      return "opsGenieConfig responder " + shown_responder(responder) +
             " type contains invalid template syntax: template: :1: unclosed action";
    }
    responder["type"] = lower(text(responder, "type"));
    if (!is_one_of(text(responder, "type"), {"team", "teams", "user", "escalation", "schedule"}))
      return "opsGenieConfig responder " + shown_responder(responder) +
             " type does not match valid options " + std::string(kTypes);
  }
  return {};
}

std::string check_wechat(json& settings) {
  if (!has(settings, "message_type")) settings["message_type"] = "text";
  const auto& type = text(settings, "message_type");
  if (!is_one_of(type, {"text", "markdown"}))
    return "weChat message type " + go_quote(type) +
           " does not match valid options ^(text|markdown)$";
  return {};
}

std::string check_slack(json& settings) {
  if (has_pair(settings, "api_url") && has_pair(settings, "app_token"))
    return "at most one of api_url/api_url_file & app_token/app_token_file must be configured";
  return {};
}

std::string check_slack_field(json& field) {
  if (!has(field, "title")) return "missing title in Slack field configuration";
  if (!has(field, "value")) return "missing value in Slack field configuration";
  return {};
}

std::string check_slack_action(json& action) {
  if (!has(action, "type")) return "missing type in Slack action configuration";
  if (!has(action, "text")) return "missing text in Slack action configuration";
  if (has(action, "url")) {
    action["name"] = "";
    action["value"] = "";
    action["confirm"] = nullptr;
  } else if (!has(action, "name")) {
    return "missing name or url in Slack action configuration";
  }
  return {};
}

std::string check_slack_confirmation(json& confirmation) {
  if (!has(confirmation, "text")) return "missing text in Slack confirmation configuration";
  return {};
}

std::string check_victorops(json& settings) {
  if (!has(settings, "routing_key")) return "missing Routing key in VictorOps config";
  for (const char* reserved :
       {"routing_key", "message_type", "state_message", "entity_display_name", "monitoring_tool",
        "entity_id", "entity_state"}) {
    if (settings["custom_fields"].contains(reserved))
      return "victorOps config contains custom field " + std::string(reserved) +
             " which cannot be used as it conflicts with the fixed/static fields";
  }
  return {};
}

std::string check_pushover(json& settings) {
  if (settings.at("html").get<bool>() && settings.at("monospace").get<bool>())
    return "at most one of monospace & html must be configured";
  return {};
}

std::string check_sigv4(json& settings) {
  if (has(settings, "access_key") != has(settings, "secret_key"))
    return "must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the "
           "SigV4 config";
  return {};
}

std::string check_sns(json& settings) {
  // One of the three, or all: so it is written there.
  const int given =
      has(settings, "target_arn") + has(settings, "topic_arn") + has(settings, "phone_number");
  if (given != 1 && given != 3)
    return "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config";
  return {};
}

std::string check_telegram(json& settings) {
  const bool id = settings.at("chat_id").get<std::int64_t>() != 0;
  if (!id && !has(settings, "chat_id_file"))
    return "missing chat_id or chat_id_file on telegram_config";
  if (id && has(settings, "chat_id_file"))
    return "at most one of chat_id & chat_id_file must be configured";
  if (!is_one_of(text(settings, "parse_mode"), {"", "Markdown", "MarkdownV2", "HTML"}))
    return "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty "
           "string";
  return {};
}

std::string check_webex(json& settings) {
  if (!has(settings, "room_id")) return "missing room_id on webex_config";
  if (!has_authorization(settings)) return "missing webex_configs.http_config.authorization";
  return {};
}

std::string check_jira(json& settings) {
  if (!has(settings, "project")) return "missing project in jira_config";
  if (!has(settings, "issue_type")) return "missing issue_type in jira_config";
  if (!is_one_of(text(settings, "api_type"), {"auto", "cloud", "datacenter"}))
    return "unknown api_type on jira_config, must be auto, cloud or datacenter";
  return {};
}

std::string check_incidentio(json& settings) {
  const bool token = has_pair(settings, "alert_source_token");
  if (has_authorization(settings) && token)
    return "cannot specify alert_source_token or alert_source_token_file when using "
           "http_config.authorization";
  if (!settings.at("http_config").is_null() && !has_authorization(settings) && !token)
    return "at least one of alert_source_token, alert_source_token_file or "
           "http_config.authorization must be configured";
  return {};
}

std::string check_mattermost_field(json& field) {
  if (!has(field, "title")) return "missing title in Mattermost field configuration";
  if (!has(field, "value")) return "missing value in Mattermost field configuration";
  return {};
}

std::string check_wecom_robot(json& settings) {
  return check_message_type(settings, "wecom_robot", {"markdown", "text"});
}

std::string check_dingtalk_robot(json& settings) {
  const bool url = has_pair(settings, "webhook_url");
  const bool token = has_pair(settings, "access_token");
  if (!url && !token)
    return "one of webhook_url, webhook_url_file, access_token or access_token_file must be "
           "configured";
  if (url && token)
    return "at most one of webhook_url/webhook_url_file & access_token/access_token_file must be "
           "configured";
  return check_message_type(settings, "dingtalk_robot", {"markdown", "text"});
}

std::string check_feishu_robot(json& settings) {
  return check_message_type(settings, "feishu_robot", {"post", "text"});
}

}  // namespace holdfast::respond::route
