// collect/discovery/kubernetes_discovery.h: nodes, services, Pods and their ports as targets
// (kubernetes_sd_configs).
//
// Purpose     Watches the objects of a role, and those it refers to (services and Pods of endpoints, nodes when
//             attached), in all or some namespaces; a changed object is a changed group.
// Errors      An API server that does not answer keeps the targets of before; problem() names it.
// Threads     As Discovery.
#pragma once

#include "collect/discovery/discovery_config.h"
#include "collect/discovery/target_group.h"

namespace holdfast::collect {

std::unique_ptr<Discovery> discover_kubernetes(Env& env, net::Client& client, KubernetesSd config,
                                               const Variables& variables,
                                               Discovery::Handler handler);

}  // namespace holdfast::collect
