// Whether a service is well, and what the overview says of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "app/api/service_view.h"
#include "app/app_host.h"

namespace holdfast::app {
namespace {

using model::InstanceState;

struct HealthCase {
  const char* what;
  std::vector<InstanceState> instances;
  int wanted;
  bool platform, router, router_answers;
  int incidents;
  const char* state;
  std::vector<std::string> reasons;
};

TEST(ServiceHealth, IsTheWorstOfWhatIsSeenAndSaysWhy) {
  constexpr auto kReady = InstanceState::kReady;
  constexpr auto kExited = InstanceState::kExited;
  const HealthCase cases[] = {
      {"all ready", {kReady, kReady}, 2, true, false, false, 0, "healthy", {}},
      {"more than wanted", {kReady, kReady, kReady}, 2, true, false, false, 0, "healthy", {}},
      {"one is gone",
       {kReady, kExited},
       2,
       true,
       false,
       false,
       0,
       "degraded",
       {"1 of 2 instances are ready", "shop/1/1: exited, why"}},
      {"all are gone",
       {kExited, kExited},
       2,
       true,
       false,
       false,
       0,
       "down",
       {"no instance is ready", "shop/1/0: exited, why", "shop/1/1: exited, why"}},
      {"none has begun", {}, 2, true, false, false, 0, "down", {"no instance is ready"}},
      {"none is wanted", {}, 0, true, false, false, 0, "healthy", {}},
      {"only watched", {}, 0, false, false, false, 0, "unknown", {}},
      {"only watched, with an incident",
       {},
       0,
       false,
       false,
       false,
       1,
       "degraded",
       {"an incident is active"}},
      {"the router answers", {kReady}, 1, true, true, true, 0, "healthy", {}},
      {"the router is away",
       {kReady},
       1,
       true,
       true,
       false,
       0,
       "degraded",
       {"the traffic router does not answer: refused"}},
      {"down stays down without a router",
       {},
       1,
       true,
       true,
       false,
       0,
       "down",
       {"no instance is ready", "the traffic router does not answer: refused"}},
      {"incidents", {kReady}, 1, true, false, false, 2, "degraded", {"2 incidents are active"}},
      {"down stays down with incidents",
       {},
       1,
       true,
       false,
       false,
       1,
       "down",
       {"no instance is ready", "an incident is active"}},
  };
  for (const auto& c : cases) {
    model::Service service;
    service.platform.kind = c.platform ? "process" : "none";
    service.traffic.kind = c.router ? "haproxy" : "none";
    std::vector<model::Instance> instances;
    for (std::size_t i = 0; i < c.instances.size(); ++i) {
      model::Instance instance;
      instance.id = "shop/1/" + std::to_string(i);
      instance.state = c.instances[i];
      instance.detail = c.instances[i] == kReady ? "" : "why";
      instances.push_back(instance);
    }
    act::TrafficView traffic;
    traffic.reachable = c.router_answers;
    traffic.error = c.router_answers ? "" : "refused";
    const auto health = judge_health(service, instances, c.wanted, traffic, c.incidents);
    EXPECT_EQ(health.state, c.state) << c.what;
    EXPECT_EQ(health.reasons, c.reasons) << c.what;
  }
}

TEST(ServiceView, FollowsAServiceFromItsStartThroughADeathAndAnIncident) {
  AppHost host;
  EXPECT_EQ(host.get("/api/holdfast/v1/services/shop")["health"], "down");
  ASSERT_TRUE(host.run_until_ready());
  auto view = host.get("/api/holdfast/v1/services/shop");
  EXPECT_EQ(view["health"], "healthy");
  EXPECT_EQ(view["reasons"], nlohmann::json::array());
  ASSERT_EQ(view["instances"].size(), 2U);
  EXPECT_EQ(view["instances"][0]["id"], "shop/1/0");
  EXPECT_EQ(view["instances"][0]["address"], "127.0.0.1:7000");
  EXPECT_EQ(view["replicas_wanted"], 2);
  EXPECT_EQ(view["stable"], "1");
  EXPECT_EQ(view["versions"], (nlohmann::json{"1", "2"}));
  EXPECT_EQ(view["depends_on"], nlohmann::json{"bank"});
  EXPECT_EQ(view["remedies"][0]["match"], (nlohmann::json{{"fault", "process_exit"}}));
  EXPECT_EQ(host.get("/api/holdfast/v1/services/bank")["health"], "unknown");

  const auto incident = host.declare("Checkout is slow");
  view = host.get("/api/holdfast/v1/services/shop");
  EXPECT_EQ(view["health"], "degraded");
  EXPECT_EQ(view["reasons"], nlohmann::json{"an incident is active"});
  EXPECT_EQ(view["incidents"], nlohmann::json{incident.id.value});
}

TEST(ServiceView, ASignalIsItsNumberOrNullAndABrokenOneSaysWhy) {
  AppHost host;
  host.append("requests", 12.5, model::Labels{{"service", "shop"}});
  const auto signals = host.get("/api/holdfast/v1/services/shop")["signals"];
  EXPECT_EQ(signals["requests"]["value"], 12.5);
  EXPECT_EQ(signals["requests"]["query"], "sum(requests)");
  EXPECT_TRUE(signals["none"]["value"].is_null());
  EXPECT_FALSE(signals["none"].contains("error"));
  host.append("requests", std::nan(""), model::Labels{{"service", "other"}});
  const auto later = host.get("/api/holdfast/v1/services/shop")["signals"];
  EXPECT_TRUE(later["requests"]["value"].is_null()) << "JSON has no NaN";
  EXPECT_TRUE(later["broken"]["value"].is_null());
  EXPECT_NE(later["broken"]["error"].get<std::string>().find("duplicate series"), std::string::npos)
      << later["broken"];
}

TEST(ServiceView, CountsTheAlertsThatFire) {
  AppHost host;
  host.append("requests", 500);
  ASSERT_TRUE(host.run_until(
      [&] { return host.get("/api/holdfast/v1/services/shop")["alerts_firing"] == 1; }, 20s));
  const auto alerts = host.get("/api/holdfast/v1/alerts")["alerts"];
  ASSERT_EQ(alerts.size(), 1U);
  EXPECT_EQ(alerts[0]["labels"]["alertname"], "TooMany");
  EXPECT_EQ(alerts[0]["state"], "firing");
  EXPECT_EQ(host.get("/api/v1/alerts")["data"]["alerts"][0]["annotations"]["summary"], "500");
}

}  // namespace
}  // namespace holdfast::app
