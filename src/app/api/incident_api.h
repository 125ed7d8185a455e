// app/api/incident_api.h: the part of Holdfast's API about incidents beyond their life: declaring, handling, words,
// postmortems, KPIs.
//
// Purpose     Beside holdfast_api.h's list, show, ack, mitigate, resolve, note and severity. api/openapi.json describes every
//             route; access/route_table.cc says who may call it.
// Errors      {"error":{"code","message"}} with the status of base/result.h's table.
// Threads     Everything is asked on the control strand; PDFs are made on the pool.
#pragma once

#include "app/control_plane.h"
#include "net/http.h"

namespace holdfast::app {

// The control plane must outlive the router's server.
void add_incident_routes(net::Router& router, ControlPlane& plane);

}  // namespace holdfast::app
