// act/traffic/share.h: which server slot serves what, with which weight. Pure.
//
// Purpose     plan_servers() turns a service's instances and the canary's percentage into what a
//             router is asked to do. In rotation are ready instances only; a draining, stopping or
//             unready one takes nothing new and may finish; one that has exited or not yet begun is
//             out.
// Slots       Instance i of the stable version is stable<i+1>, of the canary canary<i+1>.
// Weights     0..256. The groups' totals are scaled as high as both allow and shared out evenly, so
//             the canary's share is met within kShareErrorMax percentage points for up to 64
//             servers a group.
// Fallback    Without a ready canary all goes to stable. Without a ready stable all goes to the
//             canary, unless its percentage is 0: better a trial version than nobody.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "act/operations.h"
#include "act/traffic/router.h"
#include "model/operations.h"

namespace holdfast::act {

inline constexpr int kWeightMax = 256;
inline constexpr double kShareErrorMax = 1.0;  // percentage points

struct ShareWeights {
  std::vector<int> stable;  // one a server
  std::vector<int> canary;
};
ShareWeights share_weights(std::size_t stable_count, std::size_t canary_count,
                           double canary_percent);

struct SharePlan {
  std::string stable_version;
  std::string canary_version;  // empty: none
  double canary_percent = 0;
  std::set<std::string> draining;  // instance ids
};
std::vector<WantedServer> plan_servers(const SharePlan& plan,
                                       const std::vector<model::Instance>& instances);

// By the weights of servers that are up; empty when none is.
std::map<std::string, double> effective_percent(const std::vector<ServerView>& servers);
// Whether the router stands as planned. A server that the router itself found down is no
// difference.
bool matches_plan(const std::vector<WantedServer>& wanted, const std::vector<ServerView>& servers);

}  // namespace holdfast::act
