// app/api/oncall_api.h: who is on call, when, what is escalating; /api/holdfast/v1/oncall.
//
// Purpose     now, schedules, shifts, overrides, swaps, reachability, escalations, calendars to subscribe to.
//             api/openapi.json describes every route; access/route_table.cc says who may call it.
// Errors      {"error":{"code","message"}} with the status of base/result.h's table.
// Threads     Everything is asked on the control strand.
#pragma once

#include "app/oncall_desk.h"
#include "net/http.h"

namespace holdfast::app {

// Both must outlive the router's server.
void add_oncall_routes(net::Router& router, Env& env, OnCallDesk& desk);

}  // namespace holdfast::app
