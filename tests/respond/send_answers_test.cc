// How the answer of each kind of receiver is judged.
#include <gtest/gtest.h>

#include "respond/send_cases.h"

namespace holdfast::respond::send {
namespace {

using Kind = Outcome::Kind;
using nlohmann::json;

route::GroupNotification firing() {
  route::GroupNotification n;
  n.receiver = "team";
  n.group_key = "{}:{alertname=\"X\"}";
  n.group_labels = model::Labels{{"alertname", "X"}};
  route::RoutedAlert alert;
  alert.labels = model::Labels{{"alertname", "X"}};
  n.alerts = {alert};
  return n;
}

const json& settings_of(const std::string& kind) {
  static const std::map<std::string, json> kSettings = {
      {"webhook", {{"url", "http://r/hook"}}},
      {"incidentio", {{"url", "http://r/in"}, {"alert_source_token", "tokentoken"}}},
      {"slack", {{"api_url", "http://r/slack"}}},
      {"slack app", {{"app_url", "http://r/api/chat.postMessage"}, {"app_token", "xoxb-1"}, {"update_message", true}}},
      {"pagerduty", {{"url", "http://r/pd"}, {"routing_key", "rrrr"}}},
      {"pagerduty v1", {{"service_key", "ssss"}}},
      {"opsgenie", {{"api_url", "http://r/"}, {"api_key", "kkkk"}}},
      {"wechat", {{"api_url", "http://r/"}, {"api_secret", "ssss"}, {"corp_id", "corp"}}},
      {"victorops", {{"api_url", "http://r/"}, {"api_key", "kkkk"}, {"routing_key", "x"}}},
      {"pushover", {{"token", "tttt"}, {"user_key", "uuuu"}}},
      {"telegram", {{"api_url", "http://r"}, {"bot_token", "tttt"}, {"chat_id", -5}}},
      {"discord", {{"webhook_url", "http://r/d"}}},
      {"webex", {{"api_url", "http://r/w"}, {"room_id", "room"}}},
      {"msteams", {{"webhook_url", "http://r/t"}}},
      {"msteamsv2", {{"webhook_url", "http://r/t"}}},
      {"mattermost", {{"webhook_url", "http://r/m"}}},
      {"rocketchat", {{"api_url", "http://r"}}},
      {"jira", {{"api_url", "http://r/rest/api/2"}, {"project", "OPS"}}},
      {"sns", {{"sigv4", {{"region", "eu-west-1"}, {"access_key", "AKIA"}, {"secret_key", "shhh"}}}, {"topic_arn", "arn:t"}}},
      {"wecom_robot", {{"webhook_url", "http://r/wc?key=k"}}},
      {"dingtalk_robot", {{"webhook_url", "http://r/dt?access_token=k"}}},
      {"feishu_robot", {{"webhook_url", "http://r/fs/k"}}},
  };
  return kSettings.at(kind);
}

Step judged(const std::string& name, const Answer& answer) {
  Built built(firing(), settings_of(name));
  auto exchange = built.build(name.substr(0, name.find(' ')));
  EXPECT_TRUE(exchange) << name << (exchange ? "" : exchange.error().message());
  return exchange->judge(answer);
}

struct Case {
  const char* kind;
  int status;
  const char* body;
  Kind want;
  const char* reason;
};

TEST(Answers, AreJudgedByTheReceiversOwnRules) {
  const Case cases[] = {
      {"webhook", 200, "", Kind::kDelivered, ""},
      {"webhook", 299, "", Kind::kDelivered, ""},
      {"webhook", 302, "", Kind::kFailed, "other"},
      {"webhook", 400, "bad", Kind::kFailed, "clientError"},
      {"webhook", 401, "", Kind::kFailed, "authError"},
      {"webhook", 403, "", Kind::kFailed, "authError"},
      {"webhook", 404, "", Kind::kFailed, "clientError"},
      {"webhook", 429, "", Kind::kFailed, "rateLimited"},
      {"webhook", 500, "", Kind::kRetry, "serverError"},
      {"webhook", 503, "", Kind::kRetry, "serverError"},
      {"incidentio", 429, "", Kind::kRetry, "rateLimited"},
      {"incidentio", 422, "", Kind::kFailed, "clientError"},
      {"pagerduty", 202, R"({"status":"success"})", Kind::kDelivered, ""},
      {"pagerduty", 400, R"({"message":"Event object is invalid","errors":["a","b"]})", Kind::kFailed, "clientError"},
      {"pagerduty", 403, "", Kind::kFailed, "authError"},
      {"pagerduty", 429, "", Kind::kRetry, "rateLimited"},
      {"pagerduty v1", 403, "", Kind::kRetry, "authError"},
      {"pagerduty v1", 429, "", Kind::kFailed, "rateLimited"},
      {"opsgenie", 202, "", Kind::kDelivered, ""},
      {"opsgenie", 429, "", Kind::kRetry, "rateLimited"},
      {"opsgenie", 422, "", Kind::kFailed, "clientError"},
      {"victorops", 200, "", Kind::kDelivered, ""},
      {"victorops", 500, "", Kind::kRetry, "serverError"},
      {"pushover", 400, "", Kind::kFailed, "clientError"},
      {"discord", 204, "", Kind::kDelivered, ""},
      {"discord", 404, "", Kind::kFailed, "clientError"},
      {"webex", 502, "", Kind::kRetry, "serverError"},
      {"msteams", 200, "1", Kind::kDelivered, ""},
      {"msteamsv2", 202, "", Kind::kDelivered, ""},
      {"mattermost", 200, "ok", Kind::kDelivered, ""},
      {"mattermost", 400, "", Kind::kFailed, "clientError"},
      {"rocketchat", 200, R"({"success":true})", Kind::kDelivered, ""},
      {"rocketchat", 200, R"({"success":false,"error":"no room"})", Kind::kFailed, "clientError"},
      {"rocketchat", 200, "<html>", Kind::kRetry, "clientError"},
      {"telegram", 200, R"({"ok":true})", Kind::kDelivered, ""},
      {"telegram", 400, R"({"ok":false,"error_code":400,"description":"chat not found"})", Kind::kFailed, "clientError"},
      {"telegram", 429, R"({"ok":false,"error_code":429,"parameters":{"retry_after":7}})", Kind::kRetry, "rateLimited"},
      {"telegram", 500, "oops", Kind::kRetry, "serverError"},
      {"telegram", 200, "oops", Kind::kRetry, "other"},
      {"slack app", 200, R"({"ok":true,"ts":"1.2","channel":"C1"})", Kind::kDelivered, ""},
      {"slack app", 200, R"({"ok":false,"error":"channel_is_archived"})", Kind::kFailed, "clientError"},
      {"slack app", 200, R"({"ok":false,"error":"ratelimited"})", Kind::kRetry, "rateLimited"},
      {"slack app", 200, "{", Kind::kRetry, "clientError"},
      {"slack app", 500, "", Kind::kRetry, "serverError"},
      {"jira", 200, R"({"issues":"no"})", Kind::kFailed, "other"},
      {"jira", 429, "", Kind::kRetry, "rateLimited"},
      {"jira", 400, "", Kind::kFailed, "clientError"},
      {"sns", 200, "<PublishResponse/>", Kind::kDelivered, ""},
      {"sns", 400, "<E><Code>InvalidParameter</Code><Message>x</Message></E>", Kind::kFailed, "clientError"},
      {"sns", 400, "<E><Code>Throttling</Code></E>", Kind::kRetry, "rateLimited"},
      {"sns", 403, "<E><Code>SignatureDoesNotMatch</Code></E>", Kind::kFailed, "authError"},
      {"sns", 500, "", Kind::kRetry, "serverError"},
      {"wechat", 200, R"({"errcode":40001,"errmsg":"no"})", Kind::kFailed, "authError"},
      {"wechat", 500, "", Kind::kRetry, "serverError"},
      {"wecom_robot", 200, R"({"errcode":0,"errmsg":"ok"})", Kind::kDelivered, ""},
      {"wecom_robot", 200, R"({"errcode":93000,"errmsg":"invalid webhook url"})", Kind::kFailed, "authError"},
      {"wecom_robot", 200, R"({"errcode":45009,"errmsg":"api freq out of limit"})", Kind::kRetry, "rateLimited"},
      {"wecom_robot", 200, R"({"errcode":40058,"errmsg":"too long"})", Kind::kFailed, "clientError"},
      {"wecom_robot", 200, R"({"errcode":-1})", Kind::kRetry, "serverError"},
      {"wecom_robot", 200, "", Kind::kRetry, "other"},
      {"wecom_robot", 200, "[]", Kind::kRetry, "other"},
      {"wecom_robot", 503, "", Kind::kRetry, "serverError"},
      {"dingtalk_robot", 200, R"({"errcode":0})", Kind::kDelivered, ""},
      {"dingtalk_robot", 200, R"({"errcode":310000,"errmsg":"sign not match"})", Kind::kFailed, "authError"},
      {"dingtalk_robot", 200, R"({"errcode":130101,"errmsg":"send too fast"})", Kind::kRetry, "rateLimited"},
      {"feishu_robot", 200, R"({"code":0,"msg":"success"})", Kind::kDelivered, ""},
      {"feishu_robot", 200, R"({"StatusCode":0,"StatusMessage":"success"})", Kind::kDelivered, ""},
      {"feishu_robot", 200, R"({"code":19021,"msg":"sign match fail"})", Kind::kFailed, "authError"},
      {"feishu_robot", 200, R"({"code":11232,"msg":"frequency limited"})", Kind::kRetry, "rateLimited"},
      {"feishu_robot", 200, R"({"code":10002,"msg":"bad"})", Kind::kFailed, "clientError"},
  };
  for (const auto& c : cases) {
    const auto step = judged(c.kind, answer_of(c.status, c.body));
    ASSERT_EQ(step.next, nullptr) << c.kind << " " << c.status << " " << c.body;
    EXPECT_EQ(step.outcome.kind, c.want) << c.kind << " " << c.status << " " << c.body;
    EXPECT_EQ(step.outcome.reason, c.reason) << c.kind << " " << c.status << " " << c.body;
  }
}

TEST(Answers, OfSlacksWebhooksAreTheWordOk) {
  const auto ok = judged("slack", answer_of(200, "ok", "text/plain"));
  EXPECT_EQ(ok.outcome.kind, Kind::kDelivered);
  const auto no = judged("slack", answer_of(200, "no_text", "text/plain"));
  EXPECT_EQ(no.outcome.kind, Kind::kFailed);
  EXPECT_EQ(no.outcome.reason, "clientError");
  EXPECT_NE(no.outcome.detail.find("no_text"), std::string::npos);
}

TEST(Answers, SayWhenToComeBack) {
  struct When {
    const char* value;
    const char* date;
    Duration want;
  };
  const When cases[] = {{"7", "", 7s},
                        {"0", "", 0s},
                        {"-3", "", 0s},
                        {"99999999", "", 1h},
                        {"soon", "", 0s},
                        {"Fri, 15 Jan 2027 08:00:30 GMT", "Fri, 15 Jan 2027 08:00:00 GMT", 30s},
                        {"Fri, 15 Jan 2027 08:00:30 GMT", "", 0s},
                        {"Fri, 15 Jan 2027 07:00:00 GMT", "Fri, 15 Jan 2027 08:00:00 GMT", 0s}};
  for (const auto& c : cases) {
    auto answer = answer_of(503, "");
    answer.headers.set("Retry-After", c.value);
    if (*c.date != '\0') answer.headers.set("Date", c.date);
    EXPECT_EQ(judged("webhook", answer).outcome.retry_after, c.want) << c.value;
  }
  auto limited = answer_of(429, "");
  limited.headers.set("Retry-After", "5");
  const auto outcome = judged("webhook", limited).outcome;
  EXPECT_EQ(outcome.kind, Kind::kRetry) << "a 429 that says when is tried again, whatever the kind";
  EXPECT_EQ(outcome.retry_after, Duration(5s));
}

TEST(Answers, OfPagerDutyNameItsComplaints) {
  const auto step = judged("pagerduty", answer_of(400, R"({"message":"invalid","errors":["Length of 'routing_key'"]})"));
  EXPECT_EQ(step.outcome.detail, "unexpected status code 400: invalid: Length of 'routing_key'");
}

TEST(Slack, UpdatesInPlaceAndPostsAnewWhenTheMessageIsGone) {
  Built built(firing(), settings_of("slack app"));
  auto post = built.build("slack");
  EXPECT_EQ(post->request.url, "http://r/api/chat.postMessage");
  EXPECT_EQ(post->request.headers.get("Authorization"), "Bearer xoxb-1");
  const auto sent = post->judge(answer_of(200, R"({"ok":true,"ts":"17.5","channel":"C1"})"));
  built.remembered = sent.outcome.remember;
  auto update = built.build("slack");
  EXPECT_EQ(update->request.url, "http://r/api/chat.update");
  const auto body = json::parse(update->request.body);
  EXPECT_EQ(body["ts"], "17.5");
  EXPECT_EQ(body["channel"], "C1");
  const auto lost = update->judge(answer_of(200, R"({"ok":false,"error":"message_not_found"})"));
  ASSERT_NE(lost.next, nullptr);
  EXPECT_EQ(lost.next->request.url, "http://r/api/chat.postMessage");
}

TEST(Wechat, KeepsItsTokenAndAsksAgainWhenItHasEnded) {
  Built built(firing(), settings_of("wechat"));
  auto ask = built.build("wechat");
  EXPECT_EQ(ask->request.url, "http://r/gettoken?corpid=corp&corpsecret=ssss");
  auto send = ask->judge(answer_of(200, R"({"access_token":"T1","expires_in":7200})"));
  ASSERT_NE(send.next, nullptr);
  EXPECT_EQ(send.next->request.url, "http://r/message/send?access_token=T1");
  EXPECT_EQ(send.next->judge(answer_of(200, R"({"errcode":0})")).outcome.kind, Kind::kDelivered);
  auto again = built.build("wechat");
  EXPECT_EQ(again->request.url, "http://r/message/send?access_token=T1");
  const auto ended = again->judge(answer_of(200, R"({"errcode":42001,"errmsg":"expired"})"));
  ASSERT_NE(ended.next, nullptr);
  EXPECT_EQ(ended.next->request.method, "GET");
  built.now += 3h;
  EXPECT_EQ(built.build("wechat")->request.method, "GET");
}

TEST(Jira, FindsUpdatesAndMovesItsIssue) {
  auto settings = settings_of("jira");
  settings.update({{"resolve_transition", "Close"}, {"reopen_transition", "Reopen"}, {"reopen_duration", 3'600'000},
                   {"summary", "s"}, {"summary_enable_update", false}, {"description", "d"}});
  auto n = firing();
  Built open(n, settings);
  auto search = open.build("jira");
  EXPECT_EQ(search->request.url, "http://r/rest/api/2/search");
  EXPECT_EQ(json::parse(search->request.body)["jql"],
            "(resolutiondate is EMPTY OR resolutiondate >= -60m) and project=\"OPS\" and labels=\"ALERT{" +
                route::hashed_key(n.group_key) + "}\" order by status ASC,resolutiondate DESC");
  auto create = search->judge(answer_of(200, R"({"issues":[]})"));
  ASSERT_NE(create.next, nullptr);
  EXPECT_EQ(create.next->request.method, "POST");
  EXPECT_EQ(create.next->request.url, "http://r/rest/api/2/issue");

  n.alerts[0].ends_at = from_ms(1767323045678);
  Built done(n, settings);
  auto look = done.build("jira");
  EXPECT_EQ(look->judge(answer_of(200, R"({"issues":[]})")).outcome.kind, Kind::kDelivered) << "nothing to resolve";
  auto update = look->judge(answer_of(
      200, R"({"issues":[{"key":"OPS-7","fields":{"status":{"statusCategory":{"key":"new"}}}}]})"));
  ASSERT_NE(update.next, nullptr);
  EXPECT_EQ(update.next->request.method, "PUT");
  EXPECT_EQ(update.next->request.url, "http://r/rest/api/2/issue/OPS-7");
  EXPECT_FALSE(json::parse(update.next->request.body)["fields"].contains("summary")) << "people may have rewritten it";
  auto list = update.next->judge(answer_of(204, ""));
  ASSERT_NE(list.next, nullptr);
  EXPECT_EQ(list.next->request.method, "GET");
  EXPECT_EQ(list.next->request.body, "");
  auto move = list.next->judge(answer_of(200, R"({"transitions":[{"id":"1","name":"Other"},{"id":"31","name":"Close"}]})"));
  ASSERT_NE(move.next, nullptr);
  EXPECT_EQ(move.next->request.url, "http://r/rest/api/2/issue/OPS-7/transitions");
  EXPECT_EQ(move.next->request.body, "{\"transition\":{\"id\":\"31\"}}\n");
  EXPECT_EQ(move.next->judge(answer_of(204, "")).outcome.kind, Kind::kDelivered);
  EXPECT_EQ(list.next->judge(answer_of(200, "{}")).outcome.kind, Kind::kFailed);
}

TEST(Jira, TakesNoKeyThatLeavesItsPath) {
  Built built(firing(), settings_of("jira"));
  const auto step = built.build("jira")->judge(answer_of(200, R"({"issues":[{"key":"../admin"}]})"));
  EXPECT_EQ(step.next, nullptr);
  EXPECT_EQ(step.outcome.kind, Kind::kFailed);
}

TEST(Opsgenie, StopsAtTheCallThatFails) {
  auto settings = settings_of("opsgenie");
  settings["update_alerts"] = true;
  settings["message"] = "m";
  Built built(firing(), settings);
  auto create = built.build("opsgenie");
  auto second = create->judge(answer_of(202, ""));
  ASSERT_NE(second.next, nullptr);
  EXPECT_EQ(second.next->request.method, "PUT");
  EXPECT_EQ(second.next->judge(answer_of(500, "")).outcome.kind, Kind::kRetry);
  EXPECT_NE(second.next->judge(answer_of(202, "")).next, nullptr);
}

TEST(Sns, AsksForTheKeysOfItsRoleFirst) {
  auto settings = settings_of("sns");
  settings["sigv4"]["role_arn"] = "arn:role";
  Built built(firing(), settings);
  auto assume = built.build("sns");
  EXPECT_EQ(assume->request.url, "https://sts.eu-west-1.amazonaws.com/");
  auto publish = assume->judge(answer_of(
      200, "<A><AccessKeyId>AK2</AccessKeyId><SecretAccessKey>S2</SecretAccessKey><SessionToken>T2</SessionToken></A>"));
  ASSERT_NE(publish.next, nullptr);
  EXPECT_EQ(publish.next->request.url, "https://sns.eu-west-1.amazonaws.com/");
  EXPECT_EQ(publish.next->request.headers.get("X-Amz-Security-Token"), "T2");
  EXPECT_NE(publish.next->request.headers.get("Authorization").find("Credential=AK2/"), std::string_view::npos);
  EXPECT_EQ(assume->judge(answer_of(200, "<A/>")).outcome.kind, Kind::kRetry);
}

}  // namespace
}  // namespace holdfast::respond::send
