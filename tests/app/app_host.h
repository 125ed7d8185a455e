// tests/app/app_host.h: a whole Holdfast behind its HTTP server, on a simulated machine, in virtual time.
//
// Purpose     The control plane, the authorisation, every route as the daemon adds them; the services' processes are
//             simulation::SimProcesses. A request goes over the simulated network and comes back as a browser sees it.
//
//   AppHost ── ask("GET", "/api/...") ──▶ SimNetwork ──▶ net::Server ──▶ Auth ──▶ routes ──▶ ControlPlane
//                                                                                              │
//                                                          SimProcesses: shop/1/0, shop/1/1 ◀──┘
// Threads     One.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "app/access/oidc.h"
#include "app/api/auth.h"
#include "app/api/event_hub.h"
#include "app/control_plane.h"
#include "base/sim.h"
#include "model/person.h"
#include "collect/scrape/scraper.h"
#include "simulation/sim_processes.h"

namespace holdfast::app {

// `shop` is run here in two versions, `bank` is only watched.
inline constexpr const char* kHostConfig = R"yaml(
rules: [rules.yml]
notify: { receivers: [ { name: console, kind: log } ] }
services:
  - name: shop
    owner: shop-team
    tier: critical
    depends_on: [bank]
    platform:
      replicas: 2
      replicas_max: 4
      versions:
        - { name: "1", command: [shop, "1", "{port}", "{admin_port}"], base_port: 7000, base_admin_port: 7100 }
        - { name: "2", command: [shop, "2", "{port}", "{admin_port}"], base_port: 7200, base_admin_port: 7300 }
    health: { interval: 200ms, timeout: 200ms }
    metrics: { path: /metrics, interval: 5s }
    signals: { requests: "sum(requests)", broken: "requests + on () requests", none: "absent_metric" }
    remedies:
      - { match: { fault: process_exit }, remedy: restart_service, cooldown: 1s }
  - name: bank
scrape:
  - { job: load, targets: ["127.0.0.1:7500"] }
)yaml";
inline constexpr const char* kHostRules = R"yaml(
groups:
  - name: shop
    interval: 1s
    rules:
      - { record: "shop:requests", expr: "sum(requests)" }
      - alert: TooMany
        expr: "sum(requests) > 100"
        labels: { service: shop, severity: critical }
        annotations: { summary: "{{ $value }}" }
)yaml";

class AppHost {
 public:
  static constexpr const char* kConfigPath = "/etc/holdfast.yaml";
  static constexpr const char* kOrigin = "http://127.0.0.1:8040";
  using Fields = std::vector<std::pair<std::string, std::string>>;

  enum class Access { kOpen, kGuarded };
  explicit AppHost(Access access = Access::kOpen, const std::string& config = kHostConfig,
                   std::vector<model::Person> people = {});
  ~AppHost();

  // Runs until it is answered; status 0 and the error's text when it never was.
  net::ClientResponse ask(const std::string& method, const std::string& target,
                          const std::string& body = {}, const Fields& fields = {});
  nlohmann::json get(const std::string& target);  // expects 200
  nlohmann::json post(const std::string& target, const nlohmann::json& body, int status);
  // "400 {...}": the status and the body.
  std::string answer(const std::string& method, const std::string& target,
                     const std::string& body = {}, const Fields& fields = {});

  void write(const std::string& path, const std::string& text);
  void append(const std::string& metric, double value, const model::Labels& labels = {});
  model::Incident declare(const std::string& title, const std::string& service = "shop");
  bool run_until(const std::function<bool()>& holds, Duration limit = 30s) {
    return executor.run_until(holds, limit);
  }
  bool run_until_ready();  // both instances of shop
  std::string token();     // of the data directory
  std::vector<std::string> journal_topics();

  SeededRandom random{7};
  SimClock clock;
  SimExecutor executor{clock};
  SimFileSystem files{random, &clock};
  SimNetwork network{executor, random};
  Env env{clock, random, files, network.host("here"), executor};
  simulation::SimProcesses processes{env};
  std::unique_ptr<ControlPlane> plane;
  std::unique_ptr<Auth> auth;
  std::shared_ptr<OidcSignIn> oidc;
  std::unique_ptr<collect::Scraper> scraper;
  net::Router router;  // as the parts add them
  net::Router served;  // the same routes, audited
  std::vector<model::Person> people;
  std::unique_ptr<EventHub> events;
  std::unique_ptr<net::Server> server;
  std::unique_ptr<net::Client> client;

 private:
  std::vector<Finding> reload();
};

}  // namespace holdfast::app
