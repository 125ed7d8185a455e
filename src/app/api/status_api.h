// app/api/status_api.h: the status page: for the public on a listener of its own, for those who publish in Holdfast's API.
//
// Purpose     add_public_status_routes(): the page's files, and subscribing. Nothing else of Holdfast answers there.
//             add_status_routes(): /api/holdfast/v1/status-page: posts, publishing, subscribers.
// Limits      Ten attempts to subscribe a minute and address, then 429 with Retry-After.
// Threads     Files are answered on the connection's thread, the rest asks on the control strand.
#pragma once

#include "base/env.h"
#include "net/http.h"
#include "respond/status/status_page.h"

namespace holdfast::app {

// The page must outlive the routers' servers.
void add_public_status_routes(net::Router& router, Env& env, respond::status::StatusPage& page);
void add_status_routes(net::Router& router, Env& env, respond::status::StatusPage& page);

}  // namespace holdfast::app
