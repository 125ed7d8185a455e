// collect/discovery/dns_discovery.h: targets behind DNS names (dns_sd_configs).
//
// Purpose     Asks for the records of each name at the refresh interval: SRV gives host and port, A, AAAA, MX
//             and NS a host for the configured port. Labels: __meta_dns_name, and of SRV, MX and NS the
//             record's target.
// Errors      A name whose servers fail keeps the targets it gave before.
// Threads     As Discovery; the resolver is asked on Lane::kPool and outlives the discovery.
#pragma once

#include "collect/discovery/discovery_config.h"
#include "collect/discovery/target_group.h"
#include "net/dns.h"

namespace holdfast::collect {

std::unique_ptr<Discovery> discover_dns(Env& env, std::shared_ptr<net::DnsResolver> resolver,
                                        DnsSd config, Discovery::Handler handler);

}  // namespace holdfast::collect
