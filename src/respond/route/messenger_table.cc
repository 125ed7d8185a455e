// Slack, Rocket.Chat, Mattermost, and the group robots of the messengers used in China, which are Holdfast's own.
#include "respond/route/messenger_table.h"

#include "respond/route/integration_check.h"

namespace holdfast::respond::route {
namespace {

using enum FieldType;

constexpr std::string_view kPlain = "config.plain";
constexpr PairRule kWebhookUrlNeeded[] = {{"webhook_url", Pair::kRequired}};

#define HF_SEND_RESOLVED(value) \
  { "send_resolved", kBool, value }
#define HF_HTTP_CONFIG \
  { "http_config", kOptionalObject, {}, &http_table() }

// ---- slack

constexpr Field kSlackConfirmationFields[] = {
    {"text", kTemplate}, {"title", kTemplate}, {"ok_text", kTemplate}, {"dismiss_text", kTemplate}};
constexpr ObjectTable kSlackConfirmation{
    "config.plain", kSlackConfirmationFields, {}, check_slack_confirmation};
constexpr Field kSlackActionFields[] = {
    {"type", kTemplate},
    {"text", kTemplate},
    {"url", kTemplate},
    {"style", kTemplate},
    {"name", kTemplate},
    {"value", kTemplate},
    {"confirm", kOptionalObject, {}, &kSlackConfirmation},
};
constexpr ObjectTable kSlackAction{
    "config.plain", kSlackActionFields, {}, check_slack_action, "[]*config.SlackAction"};
constexpr Field kSlackFieldFields[] = {
    {"title", kTemplate}, {"value", kTemplate}, {"short", kOptionalBool}};
constexpr ObjectTable kSlackField{
    "config.plain", kSlackFieldFields, {}, check_slack_field, "[]*config.SlackField"};

const Field kSlackFields[] = {
    HF_SEND_RESOLVED("false"),
    HF_HTTP_CONFIG,
    {"api_url", kSecretUrl},
    {"api_url_file", kFile},
    {"app_token", kSecret},
    {"app_token_file", kFile},
    {"app_url", kUrl},
    {"channel", kTemplate},
    {"username", kTemplate, R"({{ template "slack.default.username" . }})"},
    {"color", kTemplate, R"({{ template "slack.default.color" . }})"},
    {"title", kTemplate, R"({{ template "slack.default.title" . }})"},
    {"title_link", kTemplate, R"({{ template "slack.default.titlelink" . }})"},
    {"pretext", kTemplate, R"({{ template "slack.default.pretext" . }})"},
    {"text", kTemplate, R"({{ template "slack.default.text" . }})"},
    {"message_text", kTemplate},
    {"fields", kObjects, {}, &kSlackField},
    {"short_fields", kBool},
    {"footer", kTemplate, R"({{ template "slack.default.footer" . }})"},
    {"fallback", kTemplate, R"({{ template "slack.default.fallback" . }})"},
    {"callback_id", kTemplate, R"({{ template "slack.default.callbackid" . }})"},
    {"icon_emoji", kTemplate, R"({{ template "slack.default.iconemoji" . }})"},
    {"icon_url", kTemplate, R"({{ template "slack.default.iconurl" . }})"},
    {"image_url", kTemplate},
    {"thumb_url", kTemplate},
    {"link_names", kBool},
    {"mrkdwn_in", kTexts},
    {"actions", kObjects, {}, &kSlackAction},
    {"update_message", kBool},
    {"timeout", kGoDuration},
};
constexpr PairRule kSlackPairs[] = {{"api_url"}, {"app_token"}};
// ---- rocketchat: fields and actions have no names of their own there, so Go's names in small letters are the keys

constexpr Field kRocketchatFieldFields[] = {
    {"short", kOptionalBool}, {"title", kTemplate}, {"value", kTemplate}};
constexpr ObjectTable kRocketchatField{"config.RocketchatAttachmentField",
                                       kRocketchatFieldFields,
                                       {},
                                       nullptr,
                                       "[]*config.RocketchatAttachmentField"};
constexpr Field kRocketchatActionFields[] = {
    {"type", kTemplate},     {"text", kTemplate},        {"url", kTemplate},
    {"imageurl", kTemplate}, {"iswebview", kBool},       {"webviewheightratio", kTemplate},
    {"msg", kTemplate},      {"msginchatwindow", kBool}, {"msgprocessingtype", kTemplate},
};
constexpr ObjectTable kRocketchatAction{"config.RocketchatAttachmentAction",
                                        kRocketchatActionFields,
                                        {},
                                        nullptr,
                                        "[]*config.RocketchatAttachmentAction"};

const Field kRocketchatFields[] = {
    HF_SEND_RESOLVED("false"),
    HF_HTTP_CONFIG,
    {"api_url", kUrl},
    {"token_id", kSecret},
    {"token_id_file", kFile},
    {"token", kSecret},
    {"token_file", kFile},
    {"channel", kTemplate},
    {"color", kTemplate, R"({{ if eq .Status "firing" }}red{{ else }}green{{ end }})"},
    {"title", kTemplate, R"({{ template "rocketchat.default.title" . }})"},
    {"title_link", kTemplate, R"({{ template "rocketchat.default.titlelink" . }})"},
    {"text", kTemplate, R"({{ template "rocketchat.default.text" . }})"},
    {"fields", kObjects, {}, &kRocketchatField},
    {"short_fields", kBool},
    {"emoji", kTemplate, R"({{ template "rocketchat.default.emoji" . }})"},
    {"icon_url", kTemplate, R"({{ template "rocketchat.default.iconurl" . }})"},
    {"image_url", kTemplate},
    {"thumb_url", kTemplate},
    {"link_names", kBool},
    {"actions", kObjects, {}, &kRocketchatAction},
};
constexpr PairRule kRocketchatPairs[] = {{"token"}, {"token_id"}};
// ---- mattermost

constexpr Field kMattermostFieldFields[] = {
    {"title", kTemplate}, {"value", kTemplate}, {"short", kOptionalBool}};
constexpr ObjectTable kMattermostField{"config.plain",
                                       kMattermostFieldFields,
                                       {},
                                       check_mattermost_field,
                                       "[]*config.MattermostField"};

#define HF_ATTACHMENT_TAIL                                                           \
  {"pretext", kTemplate}, {"author_name", kTemplate}, {"author_link", kTemplate},    \
      {"author_icon", kTemplate}, {"fields", kObjects, {}, &kMattermostField},       \
      {"thumb_url", kTemplate}, {"footer", kTemplate}, {"footer_icon", kTemplate}, { \
    "image_url", kTemplate                                                           \
  }
constexpr Field kMattermostAttachmentFields[] = {
    {"fallback", kTemplate}, {"color", kTemplate},      {"text", kTemplate},
    {"title", kTemplate},    {"title_link", kTemplate}, HF_ATTACHMENT_TAIL,
};
constexpr ObjectTable kMattermostAttachment{"config.MattermostAttachment",
                                            kMattermostAttachmentFields,
                                            {},
                                            nullptr,
                                            "[]*config.MattermostAttachment"};
constexpr Field kMattermostPropsFields[] = {{"card", kTemplate}};
constexpr ObjectTable kMattermostProps{"config.MattermostProps", kMattermostPropsFields};
constexpr Field kMattermostPriorityFields[] = {
    {"priority", kTemplate}, {"requested_ack", kBool}, {"persistent_notifications", kBool}};
constexpr ObjectTable kMattermostPriority{"config.MattermostPriority", kMattermostPriorityFields};

const Field kMattermostFields[] = {
    HF_SEND_RESOLVED("true"),
    HF_HTTP_CONFIG,
    {"webhook_url", kSecretUrl},
    {"webhook_url_file", kFile},
    {"channel", kTemplate},
    {"username", kTemplate, R"({{ template "mattermost.default.username" . }})"},
    {"text", kTemplate, R"({{ template "mattermost.default.text" . }})"},
    {"fallback", kTemplate, R"({{ template "mattermost.default.fallback" . }})"},
    {"color", kTemplate, R"({{ template "mattermost.default.color" . }})"},
    {"title", kTemplate, R"({{ template "mattermost.default.title" . }})"},
    {"title_link", kTemplate, R"({{ template "mattermost.default.titlelink" . }})"},
    HF_ATTACHMENT_TAIL,
    {"icon_url", kTemplate},
    {"icon_emoji", kTemplate},
    {"attachments", kObjects, {}, &kMattermostAttachment},
    {"type", kTemplate},
    {"props", kOptionalObject, {}, &kMattermostProps},
    {"priority", kOptionalObject, {}, &kMattermostPriority},
};
#undef HF_ATTACHMENT_TAIL
constexpr PairRule kMattermostPairs[] = {{"webhook_url"}};
// ---- Holdfast's own: group robots of the messengers used in China

const Field kWecomRobotFields[] = {
    HF_SEND_RESOLVED("true"),
    HF_HTTP_CONFIG,
    {"webhook_url", kSecretUrl},
    {"webhook_url_file", kFile},
    {"message_type", kString, "markdown"},
    {"message", kTemplate, R"({{ template "wecom_robot.default.message" . }})"},
    {"mentioned_users", kTemplates},
    {"mentioned_mobiles", kTemplates},
    {"timeout", kGoDuration},
};

const Field kDingtalkRobotFields[] = {
    HF_SEND_RESOLVED("true"),
    HF_HTTP_CONFIG,
    {"webhook_url", kSecretUrl},
    {"webhook_url_file", kFile},
    {"access_token", kSecret},
    {"access_token_file", kFile},
    {"secret", kSecret},
    {"secret_file", kFile},
    {"message_type", kString, "markdown"},
    {"title", kTemplate, R"({{ template "dingtalk_robot.default.title" . }})"},
    {"message", kTemplate, R"({{ template "dingtalk_robot.default.message" . }})"},
    {"mentioned_users", kTemplates},
    {"mentioned_mobiles", kTemplates},
    {"mention_all", kBool},
    {"timeout", kGoDuration},
};
constexpr PairRule kDingtalkRobotPairs[] = {{"webhook_url"}, {"access_token"}, {"secret"}};

const Field kFeishuRobotFields[] = {
    HF_SEND_RESOLVED("true"),
    HF_HTTP_CONFIG,
    {"webhook_url", kSecretUrl},
    {"webhook_url_file", kFile},
    {"secret", kSecret},
    {"secret_file", kFile},
    {"message_type", kString, "post"},
    {"title", kTemplate, R"({{ template "feishu_robot.default.title" . }})"},
    {"message", kTemplate, R"({{ template "feishu_robot.default.message" . }})"},
    {"mentioned_users", kTemplates},
    {"mention_all", kBool},
    {"timeout", kGoDuration},
};
constexpr PairRule kFeishuRobotPairs[] = {{"webhook_url", Pair::kRequired}, {"secret"}};

#undef HF_SEND_RESOLVED
#undef HF_HTTP_CONFIG

const ObjectTable kSlack{kPlain, kSlackFields, kSlackPairs, check_slack};
const ObjectTable kRocketchat{kPlain, kRocketchatFields, kRocketchatPairs};
const ObjectTable kMattermost{kPlain, kMattermostFields, kMattermostPairs};
const ObjectTable kWecomRobot{kPlain, kWecomRobotFields, kWebhookUrlNeeded, check_wecom_robot};
const ObjectTable kDingtalkRobot{kPlain, kDingtalkRobotFields, kDingtalkRobotPairs,
                                 check_dingtalk_robot};
const ObjectTable kFeishuRobot{kPlain, kFeishuRobotFields, kFeishuRobotPairs, check_feishu_robot};

}  // namespace

const ObjectTable& slack_table() { return kSlack; }
const ObjectTable& rocketchat_table() { return kRocketchat; }
const ObjectTable& mattermost_table() { return kMattermost; }
const ObjectTable& wecom_robot_table() { return kWecomRobot; }
const ObjectTable& dingtalk_robot_table() { return kDingtalkRobot; }
const ObjectTable& feishu_robot_table() { return kFeishuRobot; }

}  // namespace holdfast::respond::route
