// app/api/holdfast_api.h: Holdfast's own API, /api/holdfast/v1.
//
// Purpose     What the console and the command line ask for. api/openapi.json describes every route; a test holds
//             it against the router.
// Errors      {"error":{"code","message"}} with the status of base/result.h's table.
// Audit       access/audited_router.h writes every call that changes something; an act on a service leaves one more when it ended.
// Threads     Everything is asked on the control strand; service signals are PromQL on Lane::kPool.
#pragma once

#include <functional>

#include "app/control_plane.h"
#include "net/http.h"

namespace holdfast::app {

struct HoldfastApiHooks {
  // Reads the configuration again; the findings when it was refused. Control strand.
  std::function<std::vector<Finding>()> reload;
};

// The control plane must outlive the router's server.
void add_holdfast_routes(net::Router& router, ControlPlane& plane, HoldfastApiHooks hooks);

}  // namespace holdfast::app
