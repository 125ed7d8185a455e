// app/api/slo_api.h: objectives, their budgets, burn rates and alerts: /api/holdfast/v1/slos.
//
// Purpose     GET /slos answers every objective with its budget in both ways of counting, with maintenance and without; GET
//             /slos/{name} adds the burn-down, the stretches of maintenance and the generated rules.
// Burn rates  come from the recorded series, budgets from the indicator itself, so that they are whole from the first day on and do not
//             depend on the rules having run. A budget is asked for at most once in kBudgetFreshFor.
// Errors      {"error":{"code","message"}}. A budget that cannot be computed is an `error` of its objective.
// Threads     Configuration, maintenance and alerts are fetched on the control strand, budgets computed on Lane::kPool.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "app/config_slo.h"
#include "app/control_plane.h"
#include "model/alert.h"
#include "net/http.h"
#include "query/promql/engine.h"
#include "respond/status/page.h"

namespace holdfast::app {

struct SloSources {
  Env& env;
  const query::promql::Engine& engine;
  std::function<std::vector<detect::slo::Slo>()> slos;       // control strand
  std::function<std::vector<SloMaintenance>()> maintenance;  // control strand
  std::function<std::vector<model::Alert>()> alerts;         // control strand
};
inline constexpr Duration kBudgetFreshFor = 30s;

SloSources slo_sources(ControlPlane& plane);
// The sources must outlive the router's server.
void add_slo_routes(net::Router& router, const SloSources& sources);

// What was announced on the status page: from the announced beginning, but not before it was published, to the announced end, or
// earlier when it was declared completed. Only services of the components it names.
std::vector<SloMaintenance> announced_maintenance(
    std::span<const respond::status::Post> posts,
    std::span<const respond::status::Component> components);
// The times that hold for a service.
std::vector<detect::slo::Maintenance> maintenance_of(std::span<const SloMaintenance> all,
                                                     const std::string& service);

}  // namespace holdfast::app
