#include "respond/send/kinds.h"

#include <array>
#include <utility>

namespace holdfast::respond::send {
namespace {

constexpr std::array<std::pair<std::string_view, Builder>, 20> kBuilders = {{
    {"dingtalk_robot", build_dingtalk_robot},
    {"discord", build_discord},
    {"feishu_robot", build_feishu_robot},
    {"incidentio", build_incidentio},
    {"jira", build_jira},
    {"mattermost", build_mattermost},
    {"msteams", build_msteams},
    {"msteamsv2", build_msteamsv2},
    {"opsgenie", build_opsgenie},
    {"pagerduty", build_pagerduty},
    {"pushover", build_pushover},
    {"rocketchat", build_rocketchat},
    {"slack", build_slack},
    {"sns", build_sns},
    {"telegram", build_telegram},
    {"victorops", build_victorops},
    {"webex", build_webex},
    {"webhook", build_webhook},
    {"wechat", build_wechat},
    {"wecom_robot", build_wecom_robot},
}};

}  // namespace

Builder builder_of(std::string_view kind) {
  for (const auto& [name, builder] : kBuilders) {
    if (name == kind) return builder;
  }
  return nullptr;
}

bool is_robot(std::string_view kind) {
  return kind == "wecom_robot" || kind == "dingtalk_robot" || kind == "feishu_robot";
}

}  // namespace holdfast::respond::send
