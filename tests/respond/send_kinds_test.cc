// Whole requests as files (send/golden/*.http; HOLDFAST_UPDATE_GOLDEN=1 writes them), and the limits of texts.
#include <gtest/gtest.h>

#include <cstdlib>

#include "respond/send/limits.h"
#include "respond/send/robots.h"
#include "respond/send_cases.h"

namespace holdfast::respond::send {
namespace {

using nlohmann::json;

route::GroupNotification group(bool resolved) {
  route::GroupNotification n;
  n.receiver = "all";
  n.group_key = "{}:{alertname=\"HighErrors\"}";
  n.reason = resolved ? "all alerts resolved" : "first notification";
  n.group_labels = model::Labels{{"alertname", "HighErrors"}};
  for (const char* job : {"api", "web"}) {
    route::RoutedAlert alert;
    alert.labels = model::Labels{
        {"alertname", "HighErrors"}, {"job", job}, {"severity", "critical"}, {"owner", "lisi"}};
    alert.annotations = model::Labels{{"summary", "错误率 <5%> & \"rising\""}};
    alert.starts_at = from_ms(1767323045678);
    if (resolved) alert.ends_at = from_ms(1767326645000);
    alert.generator_url = "http://p/graph?a=1&b=2";
    n.alerts.push_back(alert);
  }
  return n;
}

// The first request and, with answers that say yes, those after it.
std::string requests_of(Built& built, const std::string& kind) {
  auto exchange = built.build(kind);
  if (!exchange) return "error: " + exchange.error().message() + "\n";
  if (built.words.error()) return "template: " + built.words.error()->message() + "\n";
  std::string out;
  for (;;) {
    const auto& request = exchange->request;
    out += request.method + " " + request.url + "\n";
    for (const auto& [name, value] : request.headers) out += name + ": " + value + "\n";
    out += "\n" + request.body + (request.body.ends_with("\n") ? "" : "\n");
    const auto step = exchange->judge(answer_of(
        200, R"({"ok":true,"errcode":0,"code":0,"success":true,"access_token":"TOK","issues":[],"ts":"1.5","channel":"C1"})"));
    if (!step.next) break;
    exchange = *step.next;
  }
  return out;
}

TEST(Golden, EveryKindSendsThis) {
  const auto config = config_of("golden.yml");
  ASSERT_FALSE(config.receivers.empty());
  int count = 0;
  for (const auto& integration : config.receivers[0].integrations) {
    for (const bool resolved : {false, true}) {
      Built built(group(resolved), *integration.settings);
      const auto text = requests_of(built, integration.kind);
      const auto name = integration.kind + (integration.index > 0 ? "_" + std::to_string(integration.index) : "") +
                        (resolved ? ".resolved" : ".firing") + ".http";
      if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr) {
        const auto folder = std::string(HOLDFAST_SOURCE_DIR) + "/tests/respond/send/golden/";
        std::filesystem::create_directories(folder);
        std::ofstream(folder + name) << text;
      }
      EXPECT_EQ(text, read_test_file("golden/" + name)) << name;
      ++count;
    }
  }
  EXPECT_GE(count, 34);
}

// The settings of a kind of golden.yml, changed.
json settings_with(const std::string& kind, const json& changes) {
  const auto config = config_of("golden.yml");
  for (const auto& one : config.receivers[0].integrations) {
    if (one.kind != kind) continue;
    auto settings = *one.settings;
    settings.update(changes);
    return settings;
  }
  return changes;
}

json body_of(const std::string& kind, const json& settings) {
  Built built(group(false), settings);
  auto exchange = built.build(kind);
  EXPECT_TRUE(exchange) << kind;
  EXPECT_FALSE(built.words.error()) << built.words.error()->message();
  return json::parse(exchange->request.body);
}

TEST(Limits, AreKeptAtTheirBoundaries) {
  struct Case {
    const char* kind;
    const char* setting;
    const char* pointer;  // into the body
    std::size_t runes;    // 0: bytes
    std::size_t bytes;
  };
  const Case cases[] = {
      {"slack", "title", "/attachments/0/title", 1024, 0},
      {"pagerduty", "description", "/payload/summary", 1024, 0},
      {"discord", "title", "/embeds/0/title", 256, 0},
      {"discord", "message", "/embeds/0/description", 4096, 0},
      {"discord", "content", "/content", 2000, 0},
      {"mattermost", "text", "/text", 16383, 0},
      {"rocketchat", "title", "/attachments/0/title", 1024, 0},
      {"opsgenie", "message", "/message", 130, 0},
      {"victorops", "state_message", "/state_message", 20480, 0},
      {"telegram", "message", "/text", 4096, 0},
      {"webex", "message", "/markdown", 0, 7439},
  };
  for (const auto& c : cases) {
    auto settings = settings_with(
        c.kind, {{"api_url", "http://r/"}, {"webhook_url", "http://r/"}, {"bot_token", "t"}, {"service_key", ""},
                 {"routing_key", "k"}, {"app_url", "http://r/"}, {"url", "http://r/"}});
    if (std::string(c.kind) == "slack") settings["api_url"] = "";
    const auto unit = c.runes > 0 ? std::string("警") : std::string("w");
    const auto max = c.runes > 0 ? c.runes : c.bytes;
    std::string text;
    for (std::size_t i = 0; i < max; ++i) text += unit;
    settings[c.setting] = text;
    EXPECT_EQ(body_of(c.kind, settings)[json::json_pointer(c.pointer)], text) << c.kind << " at its limit";
    settings[c.setting] = text + unit;
    const auto cut = body_of(c.kind, settings)[json::json_pointer(c.pointer)].get<std::string>();
    EXPECT_TRUE(cut.ends_with("…")) << c.kind;
    EXPECT_EQ(c.runes > 0 ? rune_count(cut) : cut.size(), max) << c.kind << " beyond its limit";
  }
}

TEST(Limits, OfRobotsCountBytesAndKeepTheMentions) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "警";
  const auto markdown = body_of("wecom_robot", settings_with("wecom_robot", {{"message", text}}));
  const auto content = markdown["markdown"]["content"].get<std::string>();
  EXPECT_LE(content.size(), 4096U);
  EXPECT_GT(content.size(), 4090U);
  EXPECT_TRUE(content.ends_with("…\n<@zhangsan><@lisi>"));
  const auto plain = body_of("wecom_robot", settings_with("wecom_robot", {{"message", text}, {"message_type", "text"}}));
  EXPECT_LE(plain["text"]["content"].get<std::string>().size(), 2048U);
  EXPECT_EQ(plain["text"]["mentioned_list"], json({"zhangsan", "lisi"}));
  for (int i = 0; i < 12; ++i) text += text.substr(0, 6000);
  for (const char* kind : {"dingtalk_robot", "feishu_robot"}) {
    Built built(group(false), settings_with(kind, {{"message", text}}));
    EXPECT_LT(built.build(kind)->request.body.size(), 20'000U) << kind;
  }
  std::string lines;
  for (int i = 0; i < 7000; ++i) lines += "x\n";
  Built many(group(false), settings_with("feishu_robot", {{"message", lines}}));
  EXPECT_LT(many.build("feishu_robot")->request.body.size(), 20'000U) << "lines are no way around it";
  EXPECT_GT(many.build("feishu_robot")->request.body.size(), 15'000U);
  const std::string brackets(18'000, '<');  // "\\u003c"
  for (const char* kind : {"dingtalk_robot", "feishu_robot"}) {
    Built grown(group(false), settings_with(kind, {{"message", brackets}}));
    EXPECT_LT(grown.build(kind)->request.body.size(), 20'000U) << kind;
  }
}

TEST(Limits, WholeEventsThatAreTooLargeLoseTheirDetails) {
  std::string huge(600'000, 'x');
  const auto event = body_of("pagerduty", settings_with("pagerduty", {{"details", {{"log", huge}}}}));
  EXPECT_EQ(event["payload"]["custom_details"].size(), 1U);
  EXPECT_NE(event["payload"]["custom_details"]["error"].get<std::string>().find("512KB"), std::string::npos);
  auto n = group(false);
  n.alerts[0].annotations = model::Labels{{"log", huge}};
  Built incident(n, settings_with("incidentio", {{"max_alerts", 0}}));
  EXPECT_EQ(json::parse(incident.build("incidentio")->request.body)["alerts"].size(), 1U);
}

TEST(Telegram, SendsTextWhenItsMarkupIsTooLong) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "<b>&lt;x</b>";
  const auto body = body_of("telegram", settings_with("telegram", {{"parse_mode", "HTML"}, {"message", text}}));
  EXPECT_FALSE(body.contains("parse_mode"));
  EXPECT_TRUE(body["text"].get<std::string>().starts_with("<x<x<x"));
  EXPECT_EQ(rune_count(body["text"].get<std::string>()), 4096U);
}

TEST(Robots, SignAsTheirDocumentsSay) {
  // HMAC-SHA256 of "what do ya want for nothing?" under "Jefe": RFC 4231, test case 2.
  EXPECT_EQ(hmac_base64("Jefe", "what do ya want for nothing?"),
            "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
  Built ding(group(false), settings_with("dingtalk_robot", {{"webhook_url", "http://r/s?access_token=t"}}));
  const auto url = *net::parse_url(ding.build("dingtalk_robot")->request.url);
  const auto query = net::parse_query(url.target.substr(url.target.find('?') + 1));
  ASSERT_EQ(query.size(), 3U);
  EXPECT_EQ(query[1].second, "1767323045678");
  EXPECT_EQ(query[2].second, hmac_base64("SECding", "1767323045678\nSECding"));
  const auto feishu = body_of("feishu_robot", settings_with("feishu_robot", json::object()));
  EXPECT_EQ(feishu["timestamp"], "1767323045");
  EXPECT_EQ(feishu["sign"], hmac_base64("1767323045\nfeishu-secret", ""));
}

TEST(Drills, AndStandInsSaySo) {
  Built built(group(false), settings_with("webhook", json::object()));
  built.drill = true;
  built.in_place_of = "team-b";
  built.why = "timed out";
  const auto body = json::parse(built.build("webhook")->request.body);
  EXPECT_EQ(body["drill"], true);
  EXPECT_EQ(body["inPlaceOf"], "team-b");
  EXPECT_EQ(body["why"], "timed out");
}

TEST(Plain, WordsStandInForABrokenTemplate) {
  auto settings = settings_with("slack", {{"title", "{{ .Nope.x"}, {"text", "{{ template \"none\" . }}"}});
  Built broken(group(false), settings);
  ASSERT_TRUE(broken.build("slack"));
  EXPECT_TRUE(broken.words.error());
  Built plain(group(false), settings);
  plain.words.use_plain(plain_words(plain.data));
  const auto body = json::parse(plain.build("slack")->request.body);
  EXPECT_FALSE(plain.words.error());
  EXPECT_EQ(body["attachments"][0]["title"], "[FIRING:2] HighErrors");
  EXPECT_NE(body["attachments"][0]["text"].get<std::string>().find("job=api"), std::string::npos);
  EXPECT_EQ(body["channel"], "#ops") << "what is not broken stays";
}

}  // namespace
}  // namespace holdfast::respond::send
