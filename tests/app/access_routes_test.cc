// Every route that is served has its row: what it is, for whom, and what it is called in the audit log.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "app/access/route_table.h"
#include "app/app_host.h"
#include "base/text.h"
#include "collect/business/business.h"
#include "collect/receive/receive_routes.h"

namespace holdfast::app {
namespace {

constexpr std::string_view kBase = "/api/holdfast/v1";

// As the daemon adds them; health and /metrics are its own.
std::set<std::string> served_routes(AppHost& host) {
  net::Router router;
  auto receivers = collect::add_receive_routes(router, host.env, {}, *host.plane->store);
  EXPECT_TRUE(receivers);
  collect::BusinessMetrics business(host.env, *host.plane->store, {});
  business.add_routes(router);
  std::set<std::string> served = {"GET /-/healthy",     "GET /-/ready",       "GET /health/live",
                                  "GET /health/ready",  "GET /health/startup", "GET /metrics"};
  for (const auto& routes : {host.router.routes(), router.routes()}) {
    for (const auto& [method, pattern] : routes) served.insert(method + " " + pattern);
  }
  return served;
}

TEST(RouteTable, HasEveryRouteThatIsServed) {
  AppHost host;
  for (const auto& route : served_routes(host)) {
    const auto space = route.find(' ');
    EXPECT_TRUE(is_listed(route.substr(0, space), route.substr(space + 1)))
        << route << " has no row in app/access/route_table.cc: only administrators may call it";
  }
}

TEST(RouteTable, HasEveryPathOfTheDescription) {
  AppHost host;
  const auto document = host.get("/api/holdfast/v1/openapi.json");
  for (const auto& [path, methods] : document["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      std::string upper;
      for (const char c : method) upper += static_cast<char>(std::toupper(c));
      EXPECT_TRUE(is_listed(upper, std::string(kBase) + path)) << upper << " " << path;
    }
  }
}

TEST(RouteTable, HasNoRowTwiceAndEachChangeItsName) {
  std::set<std::string> seen;
  for (const auto& rule : route_rules()) {
    EXPECT_NE(rule.action, ActionClass::kUnlisted) << rule.pattern;
    for (const auto method : split(rule.methods, ' ')) {
      EXPECT_TRUE(seen.insert(std::string(method) + " " + std::string(rule.pattern)).second)
          << method << " " << rule.pattern;
      // What nobody is asked for is no act of anybody.
      const bool changes = method != "GET" && rule.action != ActionClass::kRead &&
                           rule.action != ActionClass::kSend && rule.action != ActionClass::kOpen;
      if (changes) {
        EXPECT_NE(rule.name, "") << method << " " << rule.pattern;
      }
    }
    if (rule.target != Target::kNone) {
      EXPECT_NE(rule.pattern.find(rule.target == Target::kService ? "{name}" : "{id}"),
                std::string_view::npos)
          << rule.pattern;
    }
  }
}

TEST(RouteTable, ARouteWithoutARowIsForAdministratorsAlone) {
  EXPECT_EQ(route_rule("GET", "/nowhere/{at...}").action, ActionClass::kUnlisted);
  EXPECT_EQ(route_rule("DELETE", "/api/holdfast/v1/overview").action, ActionClass::kUnlisted);
}

TEST(RouteTable, WhoeverSendsWithoutSigningInIsSlowedDown) {
  for (const auto& rule : route_rules()) {
    const bool takes_bodies = rule.methods.find("POST") != std::string_view::npos;
    const bool is_gone = rule.pattern.starts_with("/api/v1/");  // answered 410 from memory
    if (rule.action == ActionClass::kOpen && takes_bodies && !is_gone) {
      EXPECT_NE(rule.limit, Limit::kNone) << rule.methods << " " << rule.pattern;
    }
  }
}

TEST(RouteTable, WhatNobodyIsAskedForIsFew) {
  std::vector<std::string> open;
  for (const auto& rule : route_rules()) {
    if (rule.action == ActionClass::kOpen)
      open.push_back(std::string(rule.methods) + " " + std::string(rule.pattern));
  }
  EXPECT_EQ(open, (std::vector<std::string>{
                      "GET /-/healthy", "GET /-/ready", "GET /health/live", "GET /health/ready",
                      "GET /health/startup", "GET /", "GET /{path...}",
                      "GET /api/holdfast/v1/session", "POST /api/holdfast/v1/session",
                      "DELETE /api/holdfast/v1/session", "GET /api/holdfast/v1/session/oidc",
                      "GET /api/holdfast/v1/session/oidc/callback",
                      // On Alertmanager's own listener, all answered 410.
                      "GET POST DELETE /api/v1/status", "GET POST DELETE /api/v1/receivers",
                      "POST DELETE /api/v1/alerts", "GET POST DELETE /api/v1/alerts/groups",
                      "GET POST DELETE /api/v1/silences", "GET POST DELETE /api/v1/silence/{id}",
                      // Senders show the key of their integration, and are slowed down.
                      "POST /v2/enqueue", "POST /v2/change/enqueue",
                      "POST /api/holdfast/v1/intake/{name}",
                      "POST /api/holdfast/v1/heartbeats/{name}", "GET /ping"}));
}

}  // namespace
}  // namespace holdfast::app
