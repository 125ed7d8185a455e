// respond/send/kinds.h: one builder for each receiver kind that is told by HTTP.
//
// Purpose     Each stands in a file of its own name and knows three things: the request, the limits of its texts, and how
//             an answer is judged. email is no HTTP and has mail.h.
// Robots      wecom_robot, dingtalk_robot and feishu_robot are Holdfast's own: 20 messages a minute, texts cut by bytes,
//             DingTalk's address and Feishu's body signed, an errcode in each 200.
// Errors      As exchange.h says. No request holds what the settings did not render.
// Threads     Pure.
// Source      ../shared/reference/alerting.md sections 2.1, 2.5, 2.14 to 2.16; the receivers' own documents.
#pragma once

#include "respond/send/exchange.h"

namespace holdfast::respond::send {

using Builder = Result<Exchange> (*)(const Message& message);
Builder builder_of(std::string_view kind);  // null: email, or no kind at all

Result<Exchange> build_dingtalk_robot(const Message& message);
Result<Exchange> build_discord(const Message& message);
Result<Exchange> build_feishu_robot(const Message& message);
Result<Exchange> build_incidentio(const Message& message);
Result<Exchange> build_jira(const Message& message);
Result<Exchange> build_mattermost(const Message& message);
Result<Exchange> build_msteams(const Message& message);
Result<Exchange> build_msteamsv2(const Message& message);
Result<Exchange> build_opsgenie(const Message& message);
Result<Exchange> build_pagerduty(const Message& message);
Result<Exchange> build_pushover(const Message& message);
Result<Exchange> build_rocketchat(const Message& message);
Result<Exchange> build_slack(const Message& message);
Result<Exchange> build_sns(const Message& message);
Result<Exchange> build_telegram(const Message& message);
Result<Exchange> build_victorops(const Message& message);
Result<Exchange> build_webex(const Message& message);
Result<Exchange> build_webhook(const Message& message);
Result<Exchange> build_wechat(const Message& message);
Result<Exchange> build_wecom_robot(const Message& message);

// Receivers that take 20 messages a minute and no more.
bool is_robot(std::string_view kind);

}  // namespace holdfast::respond::send
