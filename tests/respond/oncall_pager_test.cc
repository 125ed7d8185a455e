#include "respond/oncall/pager.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "net/http.h"
#include "state/sim_host.h"

namespace holdfast::respond::oncall {
namespace {

using nlohmann::json;

struct PagerWorld {
  PagerWorld() {
    const auto answer_all = [this](const net::Request& request, net::ResponderPtr to) {
      requests.push_back(request);
      to->send(net::Response::text(status, body));
    };
    router.add("POST", "/{path...}", answer_all);
    router.add("GET", "/{path...}", answer_all);
    server = std::make_unique<net::Server>(env, router);
    EXPECT_TRUE(server->listen({"gateway", 80, ""}).has_value());
    EXPECT_TRUE(host.files.create_directories("/etc/h").has_value());
  }
  ~PagerWorld() { host.executor.clear(); }

  Result<std::string> deliver(const std::string& kind, const std::string& target,
                              PageMessage message = words()) {
    auto pager = make_pager(host.env, client, options);
    std::optional<Result<std::string>> answer;
    pager->deliver({kind, kind, target, std::nullopt}, message, "INC-1/e1",
                   [&](Result<std::string> r) { answer = r; });
    host.executor.run_until([&] { return answer.has_value(); }, 1min);
    return answer ? *answer : Result<std::string>(internal("no answer"));
  }
  static PageMessage words() {
    return {"[P1] errors", "[P1] errors\n\"quoted\" & 中文", "http://h/1", "INC-1", "page", "high",
            "li"};
  }

  state::SimHost host;
  Env env{host.clock, host.random, host.files, host.network.host("gateway"), host.executor};
  net::Router router;
  std::unique_ptr<net::Server> server;
  net::Client client{host.env};
  PagerOptions options;
  int status = 200;
  std::string body = "ok";
  std::vector<net::Request> requests;
};

TEST(Pager, AGatewayGetsItsOwnRequestWithEverythingEscaped) {
  PagerWorld w;
  Gateway sms;
  sms.kind = "sms";
  sms.url = "http://gateway:80/send?to={to}";
  sms.body = R"({"to":"{to}","text":"{text}","key":"{key}","list":{"a":1}})";
  sms.headers = {{"x-account", "7"}};
  w.options.gateways["sms"] = sms;
  ASSERT_TRUE(w.deliver("sms", "+86 138").has_value());
  ASSERT_EQ(w.requests.size(), 1U);
  EXPECT_EQ(w.requests[0].target, "/send?to=%2B86%20138");
  EXPECT_EQ(w.requests[0].headers.get("idempotency-key"), "INC-1/e1");
  EXPECT_EQ(w.requests[0].headers.get("x-account"), "7");
  const auto body = json::parse(w.requests[0].body);
  EXPECT_EQ(body["text"], PagerWorld::words().text);
  EXPECT_EQ(body["list"]["a"], 1);
}

struct Judged {
  const char* kind;
  int status;
  const char* body;
  const char* want;  // ok, refused (never again), later
};

TEST(Pager, TheChannelsOwnWordIsTakenNotTheStatusAlone) {
  const Judged cases[] = {
      {"webhook", 200, "", "ok"},
      {"webhook", 204, "", "ok"},
      {"webhook", 404, "gone", "refused"},
      {"webhook", 429, "slow down", "later"},
      {"webhook", 500, "oops", "later"},
      {"wecom_robot", 200, R"({"errcode":0,"errmsg":"ok"})", "ok"},
      {"wecom_robot", 200, R"({"errcode":93000,"errmsg":"invalid webhook url"})", "refused"},
      {"wecom_robot", 200, R"({"errcode":45009,"errmsg":"api freq out of limit"})", "later"},
      {"wecom_robot", 200, "a proxy's page", "later"},
      {"dingtalk_robot", 200, R"({"errcode":310000,"errmsg":"sign not match"})", "refused"},
      {"feishu_robot", 200, R"({"code":0,"msg":"success"})", "ok"},
      {"feishu_robot", 200, R"({"code":19024,"msg":"Key Words Not Found"})", "refused"},
      {"feishu_robot", 200, R"({"code":9499,"msg":"too many request"})", "later"},
  };
  for (const auto& c : cases) {
    PagerWorld w;
    w.status = c.status;
    w.body = c.body;
    const auto answer = w.deliver(c.kind, "http://gateway:80/robot");
    const std::string got = answer                                    ? "ok"
                            : answer.error().code() == Code::kInvalid ? "refused"
                                                                      : "later";
    EXPECT_EQ(got, c.want) << c.kind << " " << c.body;
  }
}

TEST(Pager, ARobotsTextIsCutAtTheByteAndNotWithinACharacter) {
  PagerWorld w;
  w.body = R"({"errcode":0})";
  auto words = PagerWorld::words();
  words.text.clear();
  for (int i = 0; i < 1000; ++i) words.text += "长";
  ASSERT_TRUE(w.deliver("wecom_robot", "http://gateway:80/robot", words).has_value());
  const auto text = json::parse(w.requests[0].body)["text"]["content"].get<std::string>();
  EXPECT_LE(text.size(), 2048U);
  EXPECT_GT(text.size(), 2040U);
  EXPECT_EQ((text.size()) % 3, 0U);
}

TEST(Pager, WhatIsMissingIsSaidWithoutATry) {
  PagerWorld w;
  const std::pair<model::ContactMethod, std::string> cases[] = {
      {{"m", "sms", "1", {}}, "no gateway is configured for 'sms'"},
      {{"m", "email", "a@b", {}}, "no mail server is configured"},
      {{"m", "slack", "@li", {}}, "Slack needs a webhook URL or a token file"},
      {{"m", "wecom_robot", "robot", {}}, "the target of a wecom_robot is a URL"},
      {{"m", "webhook", "", {}}, "method 'm' has no target"},
      {{"m", "receiver", "ops", {}}, "no routing is configured"},
      {{"m", "webhook", "http://x", {}}, ""},
  };
  for (const auto& [method, want] : cases) EXPECT_EQ(missing_for(method, w.options), want);
  EXPECT_EQ(w.deliver("sms", "1").error().code(), Code::kInvalid);
}

TEST(Pager, NoAnswerIsAnErrorThatMayPass) {
  PagerWorld w;
  w.host.network.partition("here", "gateway");
  const auto answer = w.deliver("webhook", "http://gateway:80/x");
  ASSERT_FALSE(answer.has_value());
  EXPECT_NE(answer.error().code(), Code::kInvalid);
}

}  // namespace
}  // namespace holdfast::respond::oncall
