// app/config_limits.h: the member `limits` of holdfast.yaml: how many series, and what their labels may look like.
//
// Errors      What is wrong is a finding at its member.
// Threads     Pure.
// Source      docs/configuration.md, "Limits".
#pragma once

#include "base/yaml.h"
#include "metrics/store.h"

namespace holdfast::app {

metrics::SeriesLimits read_limits(const YamlContext& context, const YamlNode& node);

}  // namespace holdfast::app
