// What an integration takes from `global` when it does not say it itself.
#include <nlohmann/json.hpp>

#include "respond/route/config_reader.h"
#include "respond/route/go_text.h"
#include "respond/route/object_reader.h"

namespace holdfast::respond::route {
namespace {

using nlohmann::json;

constexpr std::string_view kSlackPostUrl = "https://slack.com/api/chat.postMessage";

bool has(const json& settings, const std::string& key) { return !is_zero(settings.at(key)); }

bool has_pair(const json& settings, const std::string& key) {
  return has(settings, key) || has(settings, key + "_file");
}

void copy_pair(json& settings, const std::string& key, const json& global,
               const std::string& from) {
  settings[key] = global.at(from);
  settings[key + "_file"] = global.at(from + "_file");
}

// false is a word of its own, unlike an empty text.
bool is_set(const json& value) { return value.is_boolean() || !is_zero(value); }

// Empty, or what is needed and set nowhere.
std::string_view fill(json& settings, const Inherited& rule, const json& global) {
  const std::string key(rule.key);
  const std::string from(rule.global);
  if (rule.file) {
    if (!has_pair(settings, key)) copy_pair(settings, key, global, from);
    return has_pair(settings, key) ? std::string_view() : rule.needed;
  }
  if (!is_set(settings.at(key))) settings[key] = global.at(from);
  return is_set(settings.at(key)) ? std::string_view() : rule.needed;
}

// A token speaks to slack.com's API, a URL to a webhook; what is given here decides which global is taken.
std::string inherit_slack(json& slack, const json& global) {
  const auto& http = slack["http_config"];
  const bool authorized = http.is_object() && !http.at("authorization").is_null();
  if (!has_pair(slack, "app_token") && !authorized && !has_pair(slack, "api_url"))
    copy_pair(slack, "app_token", global, "slack_app_token");
  if (!has_pair(slack, "api_url")) copy_pair(slack, "api_url", global, "slack_api_url");
  const bool token = has_pair(slack, "app_token");
  if (!has_pair(slack, "api_url") && !token)
    return "no Slack API URL nor App token set either inline or in a file";
  if (token && authorized) return "http authorization can't be set when using Slack App tokens";
  if (token) {
    slack["api_url"] = slack["app_url"];
    slack["api_url_file"] = "";
  }
  if (slack["update_message"].get<bool>() && !token && slack["api_url"] != kSlackPostUrl)
    return "update_message can only be used with bot tokens. api_url must be set to " +
           std::string(kSlackPostUrl);
  return {};
}

void authorize_slack(json& slack) {
  if (!has_pair(slack, "app_token")) return;
  auto& http = slack["http_config"];
  http["authorization"] = {{"type", "Bearer"},
                           {"credentials", slack["app_token"]},
                           {"credentials_file", slack["app_token_file"]},
                           {"credentials_ref", ""}};
}

bool may_be_empty(std::string_view kind) {
  return kind == "slack" || kind == "opsgenie" || kind == "wechat" || kind == "rocketchat";
}

}  // namespace

void inherit(StrictYaml& yaml, IntegrationDraft& integration, const json& global) {
  const auto& kind = *integration.kind;
  auto& settings = integration.settings;
  const auto refuse = [&](std::string_view why) {
    yaml.refuse(integration.line, std::string(why));
  };
  if (integration.empty && !may_be_empty(kind.kind))
    return refuse("missing " + std::string(kind.kind) + " config");
  for (const auto& rule : kind.inherited) {
    if (const auto missing = fill(settings, rule, global); !missing.empty()) return refuse(missing);
  }
  const bool slack = kind.kind == "slack";
  if (slack) {
    if (const auto wrong = inherit_slack(settings, global); !wrong.empty()) return refuse(wrong);
  }
  if (settings.contains("http_config") && settings["http_config"].is_null()) {
    settings["http_config"] = global.at("http_config");
    if (settings["http_config"].is_null()) settings["http_config"] = default_settings(http_table());
  }
  if (settings.contains("tls_config") && settings["tls_config"].is_null())
    settings["tls_config"] = default_settings(tls_table());
  if (slack) authorize_slack(settings);
  if (kind.slash)
    settings["api_url"] = with_slash_after_path(settings["api_url"].get_ref<const std::string&>());
}

}  // namespace holdfast::respond::route
