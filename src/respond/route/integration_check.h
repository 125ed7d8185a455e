// respond/route/integration_check.h: the rules of single integrations that a table of keys cannot say.
//
// Purpose     One function a kind, called by its table when all its keys were read: empty when all is well, otherwise
//             Alertmanager's text. They may also put values in order (header names, defaults that depend on others).
// Threads     Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace holdfast::respond::route {

std::string check_email(nlohmann::json& settings);
std::string check_pagerduty(nlohmann::json& settings);
std::string check_opsgenie(nlohmann::json& settings);
std::string check_wechat(nlohmann::json& settings);
std::string check_slack(nlohmann::json& settings);
std::string check_slack_field(nlohmann::json& settings);
std::string check_slack_action(nlohmann::json& settings);
std::string check_slack_confirmation(nlohmann::json& settings);
std::string check_victorops(nlohmann::json& settings);
std::string check_pushover(nlohmann::json& settings);
std::string check_sigv4(nlohmann::json& settings);
std::string check_sns(nlohmann::json& settings);
std::string check_telegram(nlohmann::json& settings);
std::string check_webex(nlohmann::json& settings);
std::string check_jira(nlohmann::json& settings);
std::string check_incidentio(nlohmann::json& settings);
std::string check_mattermost_field(nlohmann::json& settings);
std::string check_wecom_robot(nlohmann::json& settings);
std::string check_dingtalk_robot(nlohmann::json& settings);
std::string check_feishu_robot(nlohmann::json& settings);

}  // namespace holdfast::respond::route
