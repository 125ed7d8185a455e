// app/access/route_table.h: what each route is, for authorisation, rate limits and the audit log.
//
// Purpose     One row a route: method and pattern exactly as the router has them, its action class, what it concerns, the name of
//             the action in the audit log. A test holds it against every route that is served; at run time a route without a row is
//             ActionClass::kUnlisted, which only admins may call.
// New routes  Add the row in the same commit as the route.
// Threads     Immutable.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "app/access/roles.h"

namespace holdfast::app {

// What a route concerns, read from the parameters of its path.
enum class Target {
  kNone,
  kService,   // {name} is the service
  kIncident,  // {id} is the incident, whose service decides
};

// Who may call it without credentials is limited by address.
enum class Limit { kNone, kSignIn, kCallback, kIntake };

struct RouteRule {
  std::string_view methods;  // "GET", "GET POST"
  std::string_view pattern;
  ActionClass action = ActionClass::kUnlisted;
  Target target = Target::kNone;
  std::string_view name{};  // in the audit log: "incident.ack"; empty: "METHOD pattern"
  Limit limit = Limit::kNone;
};

std::span<const RouteRule> route_rules();
// The row of a route, or the row of those that have none.
const RouteRule& route_rule(std::string_view method, std::string_view pattern);
bool is_listed(std::string_view method, std::string_view pattern);

// Whether its calls are written to the audit log with their outcome: changes, but for telemetry handed in, and reads whose row
// has a name. Sign-in and sign-out write their own records: only they know who it was.
bool is_audited(const RouteRule& rule, std::string_view method);

}  // namespace holdfast::app
