// app/api/alertmanager_api.h: Alertmanager's HTTP API v2: Prometheus posts alerts here, amtool and others ask.
//
// Purpose     /api/v2/status, receivers, alerts, alerts/groups, silences, silence/{id} as Alertmanager answers them. With `whole`
//             also what else stands at the root of a real one: /-/healthy, /-/ready, /-/reload, and 410 for /api/v1.
// Errors      Texts as JSON strings, as Alertmanager's. More GET requests at once than max(cores, 8) are answered 503.
// Threads     Bodies are parsed on the connection's thread, the router is asked on the control strand, lists are written on
//             the pool.
// Source      ../shared/reference/alerting.md section 2.11.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/env.h"
#include "net/http.h"
#include "respond/route/router.h"

namespace holdfast::app {

struct AlertmanagerSources {
  respond::route::Router& router;
  WallTime started{};
  std::string version;
  // Reads the configuration anew; the findings when it was refused. Control strand.
  std::function<std::vector<std::string>()> reload;
  bool whole = false;
};

// The router of alerts must outlive the HTTP router's server.
void add_alertmanager_routes(net::Router& http, Env& env, AlertmanagerSources sources);

}  // namespace holdfast::app
