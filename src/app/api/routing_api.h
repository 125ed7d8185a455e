// app/api/routing_api.h: what the alert router knows beyond Alertmanager's API: why, what was, acknowledge, drill.
//
// Purpose     /api/holdfast/v1/routing: explain (who would be told of these labels at that time), history, held, groups with their
//             next flush, acknowledge and withdraw, silences/preview, drills.
// Errors      Holdfast's form, see holdfast_api.h.
// Threads     Everything is asked on the control strand.
#pragma once

#include "base/env.h"
#include "net/http.h"
#include "respond/route/router.h"

namespace holdfast::app {

// `alerts` must outlive the router's server.
void add_routing_routes(net::Router& router, Env& env, respond::route::Router& alerts);

}  // namespace holdfast::app
