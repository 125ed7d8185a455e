// collect/discovery/consul_discovery.h: services registered in Consul (consul_sd_configs).
//
// Purpose     Blocking queries: one watches the catalogue for services, one each service for its instances. A
//             change arrives as soon as Consul answers; two queries of one kind are at least the refresh
//             interval apart. Named services without tags are watched without the catalogue.
// Errors      A query that fails keeps what it gave before and is tried again after 15 seconds.
// Threads     As Discovery.
// Source      Consul HTTP API: /v1/catalog/services, /v1/health/service/:name, blocking queries with index
//             and wait; labels as Prometheus.
#pragma once

#include "collect/discovery/discovery_config.h"
#include "collect/discovery/target_group.h"

namespace holdfast::collect {

std::unique_ptr<Discovery> discover_consul(Env& env, net::Client& client, ConsulSd config,
                                           Discovery::Handler handler);

// The targets of an answer of /v1/health/service/:name.
Result<TargetGroup> consul_targets(const ConsulSd& config, const std::string& service,
                                   std::string_view body);

}  // namespace holdfast::collect
