// app/targets.h: which addresses are scraped: the configured ones, and every instance that runs.
//
// Purpose     Instances come and go; each contributes one target per metrics path, labelled job, service, instance, version,
//             instance_id and group, so that rules can tell stable from canary.
// Threads     Pure.
#pragma once

#include <vector>

#include "act/operations.h"
#include "app/config.h"

namespace holdfast::app {

std::vector<model::Target> scrape_targets(const Config& config, const act::Operations& operations);

}  // namespace holdfast::app
