// collect/discovery/http_discovery.h: targets from an HTTP server (http_sd_configs).
//
// Purpose     Asks the URL at the refresh interval; the answer is the JSON of file_sd. Each target carries
//             __meta_url.
// Errors      Any status but 200, another content type than JSON and a list that does not parse keep the
//             targets of before.
// Threads     As Discovery.
#pragma once

#include "collect/discovery/discovery_config.h"
#include "collect/discovery/target_group.h"

namespace holdfast::collect {

std::unique_ptr<Discovery> discover_http(Env& env, net::Client& client, HttpSd config,
                                         Discovery::Handler handler);

}  // namespace holdfast::collect
