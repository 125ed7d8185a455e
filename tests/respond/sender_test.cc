// The Sender in a simulated network: what goes out, what comes back, and what no outcome may show.
#include "respond/send/sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "net/http.h"
#include "respond/send/templates.h"
#include "state/sim_host.h"

namespace holdfast::respond::send {
namespace {

using Kind = Outcome::Kind;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

struct SenderHost {
  SenderHost()
      : there{host.clock, host.random, host.files, host.network.host("r"), host.executor},
        client(host.env),
        sender(host.env, client, "http://hf") {
    for (const char* method : {"GET", "POST", "PUT"}) {
      router.add(method, "/{path...}", [this](const net::Request& request, net::ResponderPtr to) {
        seen.push_back(request);
        if (hang) return held.push_back(std::move(to));
        to->send(answer);
      });
    }
    server = std::make_unique<net::Server>(there, router);
    EXPECT_TRUE(server->listen({"r", 80, ""}).has_value());
  }
  ~SenderHost() { host.executor.clear(); }

  static route::GroupNotification notification(bool resolved = false) {
    route::GroupNotification n;
    n.receiver = "team";
    n.group_key = "{}:{alertname=\"X\"}";
    n.reason = "first notification";
    n.group_labels = model::Labels{{"alertname", "X"}};
    route::RoutedAlert alert;
    alert.labels = model::Labels{{"alertname", "X"}, {"job", "api"}};
    if (resolved) alert.ends_at = WallTime{} + 1h;
    n.alerts = {alert};
    return n;
  }

  Outcome deliver(const std::string& kind, const json& settings, SendRequest request = {}) {
    route::Integration integration;
    integration.kind = kind;
    integration.settings = std::make_shared<const json>(settings);
    request.integration = &integration;
    if (request.notification.alerts.empty()) request.notification = notification();
    request.notification.kind = kind;
    int calls = 0;
    Outcome got;
    sender.deliver(request, [&](Outcome outcome) {
      ++calls;
      got = std::move(outcome);
      EXPECT_TRUE(host.executor.on_control());
    });
    host.executor.run_for(2min);
    EXPECT_EQ(calls, 1) << "answered once";
    return got;
  }

  state::SimHost host{1};
  Env there;
  net::Router router;
  std::unique_ptr<net::Server> server;
  net::Response answer = net::Response::json(200, R"({"errcode":0,"errmsg":"ok","access_token":"AT","expires_in":60})");
  std::vector<net::Request> seen;
  std::vector<net::ResponderPtr> held;
  bool hang = false;
  net::Client client;
  Sender sender;
};

TEST(SenderTest, SendsTheBodyAndItsKey) {
  SenderHost host;
  EXPECT_EQ(host.deliver("webhook", {{"url", "http://r/hook"}}).kind, Kind::kDelivered);
  ASSERT_EQ(host.seen.size(), 1U);
  EXPECT_EQ(json::parse(host.seen[0].body)["externalURL"], "http://hf");
  EXPECT_THAT(std::string(host.seen[0].headers.get("user-agent")), HasSubstr("Alertmanager/"));
  const auto key = std::string(host.seen[0].headers.get("idempotency-key"));
  EXPECT_EQ(key.size(), 64U);
  host.deliver("webhook", {{"url", "http://r/hook"}});
  EXPECT_EQ(host.seen[1].headers.get("idempotency-key"), key) << "another attempt at the same telling";
  SendRequest next;
  next.notification = SenderHost::notification();
  next.notification.transition = 2;
  host.deliver("webhook", {{"url", "http://r/hook"}}, next);
  EXPECT_NE(host.seen[2].headers.get("idempotency-key"), key);
}

TEST(SenderTest, AnswersForEveryWayItCanFail) {
  SenderHost host;
  const json hook = {{"url", "http://r/hook"}};
  host.answer.status = 503;
  EXPECT_EQ(host.deliver("webhook", hook).kind, Kind::kRetry);
  host.answer.status = 400;
  EXPECT_EQ(host.deliver("webhook", hook).kind, Kind::kFailed);
  host.hang = true;
  const auto late = host.deliver("webhook", hook);
  EXPECT_EQ(late.kind, Kind::kRetry);
  EXPECT_EQ(late.reason, "contextDeadlineExceeded");
  host.hang = false;
  host.host.network.partition("here", "r");
  EXPECT_EQ(host.deliver("webhook", hook).kind, Kind::kRetry);
  EXPECT_EQ(host.deliver("webhook", {{"url", "no url"}}).kind, Kind::kFailed);
  EXPECT_EQ(host.deliver("smoke_signal", hook).kind, Kind::kFailed);
  EXPECT_EQ(host.deliver("webhook", {{"url_file", "/nowhere"}}).kind, Kind::kFailed);
}

TEST(SenderTest, ABrokenTemplateIsSaidAndPlainWordsGoOut) {
  SenderHost host;
  const json settings = {{"webhook_url", "http://r/t"}, {"title", "{{ .Broken"}, {"text", "{{ nope }}"}};
  const auto outcome = host.deliver("msteams", settings);
  EXPECT_EQ(outcome.kind, Kind::kTemplate);
  EXPECT_TRUE(host.seen.empty());
  SendRequest plain;
  plain.plain = true;
  EXPECT_EQ(host.deliver("msteams", settings, plain).kind, Kind::kDelivered);
  EXPECT_EQ(json::parse(host.seen.at(0).body)["title"], "[FIRING:1] X");
}

TEST(SenderTest, DrillsAreMarkedInEveryTitle) {
  SenderHost host;
  SendRequest drill;
  drill.notification = SenderHost::notification();
  drill.notification.drill = true;
  host.deliver("msteams", {{"webhook_url", "http://r/t"}, {"title", "t"}}, drill);
  EXPECT_EQ(json::parse(host.seen.at(0).body)["title"], "[DRILL] t");
}

TEST(SenderTest, SecretsAreReadAtEachAttempt) {
  SenderHost host;
  auto write = [&](const std::string& text) {
    ASSERT_TRUE(host.host.files.create_directories("/run").has_value());
    ASSERT_TRUE(host.host.files.write_file_atomic("/run/url", text).has_value());
  };
  write("http://r/first\n");
  host.deliver("webhook", {{"url_file", "/run/url"}});
  write("http://r/second\n");
  host.deliver("webhook", {{"url_file", "/run/url"}});
  ASSERT_EQ(host.seen.size(), 2U);
  EXPECT_EQ(host.seen[0].path, "/first");
  EXPECT_EQ(host.seen[1].path, "/second");
}

TEST(SenderTest, NoOutcomeShowsASecret) {
  SenderHost host;
  const json http = {{"authorization", {{"type", "Bearer"}, {"credentials", "bearer-secret"}}}};
  const std::string echo = "robot-key token-secret bearer-secret /hooks/path-secret user-secret";
  host.answer = net::Response::text(400, echo);
  const std::vector<std::pair<std::string, json>> cases = {
      {"wecom_robot", {{"webhook_url", "http://r/send?key=robot-key"}, {"http_config", http}}},
      {"slack", {{"app_url", "http://r/api"}, {"app_token", "token-secret"}, {"http_config", http}}},
      {"webhook", {{"url", "http://r/hooks/path-secret"}, {"http_config", http}}},
  };
  for (const auto& [kind, settings] : cases) {
    const auto outcome = host.deliver(kind, settings);
    EXPECT_EQ(outcome.kind, Kind::kFailed) << kind;
    EXPECT_THAT(outcome.detail, HasSubstr("<secret>")) << kind;
    EXPECT_THAT(outcome.detail, Not(HasSubstr("bearer-secret"))) << kind;
  }
  host.host.network.partition("here", "r");
  const auto away = host.deliver("webhook", {{"url", "http://r/hooks/path-secret?token=robot-key"}});
  EXPECT_THAT(away.detail, Not(HasSubstr("path-secret")));
  EXPECT_THAT(away.detail, Not(HasSubstr("robot-key")));
}

TEST(SenderTest, HttpConfigDressesTheRequest) {
  SenderHost host;
  const json http = {{"basic_auth", {{"username", "u"}, {"password", "p"}}},
                     {"http_headers", {{"X-Team", {{"values", {"a"}}, {"secrets", {"b"}}, {"files", json::array()}}}}}};
  host.deliver("webhook", {{"url", "http://r/h"}, {"http_config", http}});
  EXPECT_EQ(host.seen.at(0).headers.get("authorization"), "Basic dTpw");
  EXPECT_EQ(host.seen[0].headers.get("x-team"), "a");
  const json oauth = {{"oauth2", {{"client_id", "c"}, {"client_secret", "s"}, {"token_url", "http://r/token"}}}};
  host.deliver("webhook", {{"url", "http://r/h"}, {"http_config", oauth}});
  ASSERT_EQ(host.seen.size(), 3U);
  EXPECT_EQ(host.seen[1].path, "/token");
  EXPECT_EQ(host.seen[2].headers.get("authorization"), "Bearer AT");
}

TEST(SenderTest, RobotsAreToldTwentyTimesAMinuteAndResolvesFindRoom) {
  SenderHost host;
  const json settings = {{"webhook_url", "http://r/send?key=k1"}, {"message_type", "text"}, {"message", "m"}};
  route::Integration integration;
  integration.kind = "wecom_robot";
  integration.settings = std::make_shared<const json>(settings);
  std::vector<Outcome> got;
  auto burst = [&](int count, bool resolved) {
    got.clear();
    for (int i = 0; i < count; ++i) {
      SendRequest request;
      request.integration = &integration;
      request.notification = SenderHost::notification(resolved);
      host.sender.deliver(request, [&](Outcome outcome) { got.push_back(std::move(outcome)); });
    }
    host.host.executor.run_for(5s);
    return std::count_if(got.begin(), got.end(), [](const auto& o) { return o.kind == Kind::kDelivered; });
  };
  EXPECT_EQ(burst(30, false), 19);
  const auto refused = std::find_if(got.begin(), got.end(), [](const auto& o) { return o.kind == Kind::kRetry; });
  ASSERT_NE(refused, got.end());
  EXPECT_EQ(refused->reason, "rateLimited");
  EXPECT_GT(refused->retry_after, Duration(50s));
  EXPECT_EQ(burst(3, true), 1) << "the last place";
  EXPECT_EQ(host.seen.size(), 20U) << "what was refused was never sent";
  host.host.executor.run_for(60s);
  EXPECT_EQ(burst(30, false), 19);
}

TEST(SenderTest, WechatTokensOutliveAnAttempt) {
  SenderHost host;
  const json settings = {{"api_url", "http://r/"}, {"api_secret", "secret"}, {"corp_id", "corp"}};
  EXPECT_EQ(host.deliver("wechat", settings).kind, Kind::kDelivered);
  ASSERT_EQ(host.seen.size(), 2U);
  EXPECT_EQ(host.seen[0].path, "/gettoken");
  EXPECT_EQ(host.seen[1].path, "/message/send");
}

TEST(SenderTest, TimeLeftBoundsARequest) {
  SenderHost host;
  host.hang = true;
  route::Integration integration;
  integration.kind = "webhook";
  integration.settings = std::make_shared<const json>(json{{"url", "http://r/h"}});
  SendRequest request;
  request.integration = &integration;
  request.notification = SenderHost::notification();
  request.notification.deadline = host.host.clock.now() + 3s;
  bool done = false;
  host.sender.deliver(request, [&](const Outcome& outcome) { done = outcome.kind == Kind::kRetry; });
  host.host.executor.run_for(4s);
  EXPECT_TRUE(done) << "not the thirty seconds a request may have else";
}

}  // namespace
}  // namespace holdfast::respond::send
