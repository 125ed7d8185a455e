// app/api/intake_api.h: where other systems deliver: PagerDuty's events, webhooks, deploy hooks, heartbeats, changes.
//
// Purpose     POST /v2/enqueue and /v2/change/enqueue as PagerDuty answers them; POST /api/holdfast/v1/intake/{name} for webhooks (kinds
//             alertmanager, json, github, gitlab); /api/holdfast/v1/heartbeats/{name} for beats; lists for people.
// Secrets     Senders show their integration's key: PagerDuty in the body; GitHub and GitLab by signature or token; others as a bearer
//             token, as X-Api-Key, or as the parameter `key`. A wrong key and an unknown name are answered alike.
// Limits      120 events a minute and key, then 429 with Retry-After.
// Threads     Bodies are read on the connection's thread, Intake is asked on the control strand.
#pragma once

#include "base/env.h"
#include "net/http.h"
#include "respond/intake/intake.h"

namespace holdfast::app {

// `intake` must outlive the router's server.
void add_intake_routes(net::Router& router, Env& env, respond::intake::Intake& intake);

}  // namespace holdfast::app
