// collect/discovery/docker_discovery.h: running containers as targets (docker_sd_configs).
//
// Purpose     Lists containers and networks of a Docker Engine API at the refresh interval. One target for each
//             TCP port of each network of a container; a container without one gives its address with the
//             configured port.
// Errors      An engine that does not answer keeps the targets of before.
// Threads     As Discovery.
// Source      Docker Engine API 1.24 and later: GET /containers/json, GET /networks; labels as Prometheus.
#pragma once

#include "collect/discovery/discovery_config.h"
#include "collect/discovery/target_group.h"

namespace holdfast::collect {

std::unique_ptr<Discovery> discover_docker(Env& env, net::Client& client, DockerSd config,
                                           Discovery::Handler handler);

// The targets of both answers.
Result<TargetGroup> docker_targets(const DockerSd& config, std::string_view containers,
                                   std::string_view networks);

}  // namespace holdfast::collect
