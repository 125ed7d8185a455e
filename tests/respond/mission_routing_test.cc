// examples/alerting/alertmanager.yml end to end: the real router, the real sender, receivers of a simulated network.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "net/http.h"
#include "respond/route/router.h"
#include "respond/send/mail.h"
#include "respond/send_cases.h"
#include "state/sim_host.h"

namespace holdfast::respond {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

using Environment = std::map<std::string, std::string>;

Result<route::Config> read_example(const Environment& environment, int* line = nullptr) {
  std::ifstream in(HOLDFAST_SOURCE_DIR "/examples/alerting/alertmanager.yml");
  std::ostringstream text;
  text << in.rdbuf();
  route::ParseOptions options;
  options.variables = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  };
  return route::parse(text.str(), options, line);
}

route::Config example() {
  auto config = read_example({{"SLACK_WEBHOOK_URL", "http://r/slack"},
                              {"PAGERDUTY_EVENTS_URL", "http://r/pagerduty"},
                              {"PAGERDUTY_INTEGRATION_KEY", "0123456789abcdef0123456789abcdef"}});
  EXPECT_TRUE(config) << config.error().message();
  return *config;
}

// What arrived where, and how long after the alert was posted.
struct Arrival {
  Duration after{};
  std::string path;  // slack, pagerduty; mails have none
  json body;
};

class MissionRouting : public testing::Test {
 protected:
  MissionRouting()
      : there{host.clock, host.random, host.files, host.network.host("r"), host.executor},
        client(host.env),
        sender(host.env, client, "http://hf"),
        outbox(host.env, *host.journal) {
    routes.add("POST", "/{path...}", [this](const net::Request& request, net::ResponderPtr to) {
      arrived.push_back({since(), request.path.substr(1), json::parse(request.body)});
      const bool slack = request.path == "/slack";
      to->send(slack ? net::Response::text(200, "ok") : net::Response::json(202, R"({"status":"success"})"));
    });
    server = std::make_unique<net::Server>(there, routes);
    EXPECT_TRUE(server->listen({"r", 80, ""}));
    router = std::make_unique<route::Router>(
        host.env, *host.journal, outbox,
        [this](const send::SendRequest& request, const send::Sender::Done& done) {
          if (request.integration->kind == "email") return mail(request, done);
          sender.deliver(request, done);
        },
        route::RouterOptions{});
    EXPECT_TRUE(router->start(example()));
    EXPECT_TRUE(outbox.start());
  }
  ~MissionRouting() override { host.executor.clear(); }

  // Mail needs a real socket: what would be sent is kept instead (send_mail_test.cc sends it).
  void mail(const send::SendRequest& request, const send::Sender::Done& done) {
    send::Built built(request.notification, *request.integration->settings);
    const auto job = send::build_email(built.message(), request.notification.key());
    EXPECT_TRUE(job) << job.error().message();
    arrived.push_back({since(), "mail", job->mail.raw});
    host.executor.post(Lane::kControl, [done] { done({}); });
  }
  Duration since() const { return Duration(host.clock.now() - posted); }

  static route::PostedAlert alert(const std::string& severity, const std::string& instance) {
    route::PostedAlert one;
    one.labels = model::Labels{{"alertname", "Slow"}, {"cluster", "c"}, {"instance", instance}, {"service", "s"},
                               {"severity", severity}};
    one.annotations = model::Labels{{"description", "P95 of " + instance}, {"summary", instance + " is slow; "}};
    return one;
  }
  void post(std::vector<route::PostedAlert> alerts, Duration lasts) {
    posted = host.clock.now();
    for (auto& one : alerts) {
      one.starts_at = posted;
      one.ends_at = posted + std::chrono::duration_cast<std::chrono::milliseconds>(lasts);
    }
    bool taken = false;
    router->post(std::move(alerts), [&](Result<route::PostResult> result) { taken = result && result->errors.empty(); });
    host.executor.run_until([&] { return taken; }, 1min);
    ASSERT_TRUE(taken);
  }
  // Whole seconds after the alert. A repeat comes with the first flush after its interval is over, as in Alertmanager.
  std::vector<int> seconds(const std::string& path) const {
    std::vector<int> out;
    for (const auto& one : arrived)
      if (one.path == path) out.push_back(static_cast<int>(to_seconds(one.after)));
    return out;
  }
  json first(const std::string& path) const {
    for (const auto& one : arrived)
      if (one.path == path) return one.body;
    return nullptr;
  }

  state::SimHost host{1};
  Env there;
  net::Router routes;
  std::unique_ptr<net::Server> server;
  net::Client client;
  send::Sender sender;
  state::Outbox outbox;
  std::unique_ptr<route::Router> router;
  WallTime posted{};
  std::vector<Arrival> arrived;
};

TEST_F(MissionRouting, ThreeAlertsOfAGroupAreOneMessageAfterTenSecondsAgainAfterAnHour) {
  post({alert("", "a"), alert("", "b"), alert("", "c")}, 3h);
  host.executor.run_for(70min);
  EXPECT_THAT(seconds("slack"), ElementsAre(10, 3620));
  const auto body = first("slack");
  EXPECT_EQ(body["channel"], "#claude-monitoring");
  EXPECT_EQ(body["attachments"][0]["title"], "Claude Code Alert");
  EXPECT_EQ(body["attachments"][0]["text"], "a is slow; b is slow; c is slow; ");
  EXPECT_EQ(arrived.size(), 2U);
}

TEST_F(MissionRouting, ACriticalAlertIsToldAfterFiveSecondsEveryFiveMinutesAndPagedOnceAndEnded) {
  post({alert("critical", "a")}, 6min);
  host.executor.run_for(7min);
  EXPECT_THAT(seconds("slack"), ElementsAre(5, 315, 365));
  EXPECT_EQ(first("slack")["channel"], "#claude-critical");
  EXPECT_EQ(first("slack")["attachments"][0]["title"], "🚨 Critical Alert: Claude Code");
  EXPECT_EQ(first("slack")["attachments"][0]["text"], "P95 of a");
  std::vector<std::string> actions;
  std::set<std::string> keys;
  for (const auto& one : arrived) {
    if (one.path != "pagerduty") continue;
    actions.push_back(one.body["event_action"]);
    keys.insert(one.body["dedup_key"].get<std::string>());
    EXPECT_EQ(one.body["routing_key"], "0123456789abcdef0123456789abcdef");
  }
  EXPECT_THAT(actions, ElementsAre("trigger", "trigger", "resolve"));
  EXPECT_EQ(keys.size(), 1U);
  EXPECT_EQ(first("pagerduty")["payload"]["summary"], "Claude Code Critical Alert");
}

TEST_F(MissionRouting, AWarningIsMailedAndAgainAfterHalfAnHour) {
  post({alert("warning", "a")}, 1h);
  host.executor.run_for(35min);
  EXPECT_THAT(seconds("mail"), ElementsAre(10, 1820));
  const auto mail = first("mail").get<std::string>();
  EXPECT_THAT(mail, HasSubstr("To: ops-team@company.com\r\n"));
  EXPECT_THAT(mail, HasSubstr("Subject: Claude Code Warning Alert\r\n"));
  EXPECT_THAT(mail, HasSubstr("P95 of a"));
  EXPECT_EQ(arrived.size(), 2U);
}

TEST_F(MissionRouting, AnEmergencyReachesItsChannel) {
  post({alert("emergency", "a")}, 1h);
  host.executor.run_for(1min);
  EXPECT_THAT(seconds("slack"), ElementsAre(5));
  EXPECT_EQ(first("slack")["channel"], "#emergency-alerts");
  EXPECT_EQ(first("slack")["attachments"][0]["title"], "🚨 Emergency Alert");
}

TEST_F(MissionRouting, NoSeverityFallsThroughSilently) {
  for (const auto& [severity, receiver] :
       {std::pair{"low", "warning-alerts"}, {"medium", "warning-alerts"}, {"warning", "warning-alerts"},
        {"high", "critical-alerts"}, {"critical", "critical-alerts"}, {"emergency", "emergency-alerts"},
        {"unheard-of", "default"}}) {
    const auto explained = router->explain(alert(severity, "a").labels, host.clock.now());
    ASSERT_EQ(explained.targets.size(), 1U) << severity;
    EXPECT_EQ(explained.targets[0].receiver, receiver) << severity;
    EXPECT_TRUE(explained.targets[0].told) << severity << ": " << explained.targets[0].why;
  }
}

TEST(MissionVariables, AMissingOneIsNamed) {
  int line = 0;
  const auto config = read_example({{"PAGERDUTY_KEY", "k"}}, &line);
  ASSERT_FALSE(config);
  EXPECT_EQ(line, 6);
  EXPECT_EQ(config.error().message(),
            "environment variable 'SLACK_WEBHOOK_URL' is not set; set it, or write ${SLACK_WEBHOOK_URL:-default}");
}

TEST(MissionVariables, EitherNameOfThePagersKeySuffices) {
  const auto key = [](Environment environment) {
    environment["SLACK_WEBHOOK_URL"] = "http://r/slack";
    const auto config = read_example(environment);
    if (!config) return config.error().message();
    for (const auto& one : config->receiver("critical-alerts")->integrations)
      if (one.kind == "pagerduty") return one.settings->at("routing_key").get<std::string>();
    return std::string("no such integration");
  };
  EXPECT_EQ(key({{"PAGERDUTY_KEY", "tools"}}), "tools");
  EXPECT_EQ(key({{"PAGERDUTY_INTEGRATION_KEY", "receiver"}}), "receiver");
  EXPECT_EQ(key({{"PAGERDUTY_INTEGRATION_KEY", "receiver"}, {"PAGERDUTY_KEY", "tools"}}), "receiver");
  EXPECT_EQ(key({}), "environment variable 'PAGERDUTY_KEY' is not set; set it, or write ${PAGERDUTY_KEY:-default}");
}

}  // namespace
}  // namespace holdfast::respond
