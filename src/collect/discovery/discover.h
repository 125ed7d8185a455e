// collect/discovery/discover.h: starts the search that a configuration describes.
//
// Threads     As Discovery. Env and client outlive it.
#pragma once

#include "collect/discovery/discovery_config.h"
#include "collect/discovery/target_group.h"

namespace holdfast::collect {

std::unique_ptr<Discovery> discover(Env& env, net::Client& client, const DiscoveryConfig& config,
                                    Discovery::Handler handler);

}  // namespace holdfast::collect
