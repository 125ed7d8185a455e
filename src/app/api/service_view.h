// app/api/service_view.h: a service as the overview shows it: what runs, where traffic goes, whether it is well.
//
// Purpose     health: down = none of the wanted instances is ready; degraded = fewer ready than wanted, the traffic router
//             does not answer, or an incident is active; healthy; unknown = nothing is watched. `reasons` says why.
// Threads     build_service_view() on the control strand; signal values are filled in afterwards from the pool.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "app/control_plane.h"

namespace holdfast::app {

struct ServiceHealth {
  std::string state;  // healthy, degraded, down, unknown
  std::vector<std::string> reasons;
};

ServiceHealth judge_health(const model::Service& service,
                           const std::vector<model::Instance>& instances, int wanted,
                           const act::TrafficView& traffic, int active_incidents);

// Everything but the values of `signals`, which are null.
nlohmann::json build_service_view(const ControlPlane& plane, const model::Service& service);

// Evaluates the signals of all views and writes their values; blocks, call on Lane::kPool.
void fill_signals(const query::promql::Engine& engine, WallTime now,
                  std::vector<nlohmann::json*> views);

}  // namespace holdfast::app
