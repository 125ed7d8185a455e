// app/access/audited_router.h: the routes a server serves, with the outcome of each audited call told.
//
// Purpose     Handlers stay as they are: each route of `routes` is put into `served`, behind a responder that writes the audit record
//             (audit.h) before the answer leaves. Routes that are not audited (route_table.h) are put there unchanged.
//
//               add_..._routes ──▶ routes ──▶ add_audited_routes ──▶ served ──▶ net::Server
//
// Threads     Before the server serves.
#pragma once

#include <string_view>

#include "app/access/audit.h"
#include "app/access/route_table.h"
#include "net/http.h"

namespace holdfast::app {

// What a call concerned, when its path does not say: a handler sets this field of its answer; it goes into the record alone.
inline constexpr std::string_view kAuditResource = "x-holdfast-audit-resource";

// `routes` must outlive the server. Filters are not taken over.
void add_audited_routes(net::Router& served, const net::Router& routes,
                        std::shared_ptr<AuditLog> log);

// What is known of a call before it is answered: who, from where, what. `rule` is its route's.
AuditRecord audit_record(const net::Request& request, const RouteRule& rule);
// ok, accepted, denied or failed, with the message of the answer.
std::string audit_result(const net::Response& response);

}  // namespace holdfast::app
