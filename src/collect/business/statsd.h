// collect/business/statsd.h: StatsD's lines as events of business metrics.
//
//   name:1|c|@0.1|#tag:value,other:value     counter, weighed by its rate; DogStatsD's tags are labels
//   name:-3|g   name:+3|g   name:3|g         gauge: down, up, set
//   name:320|ms  name:0.3|h  name:0.3|d      timer in milliseconds (stored as seconds), histogram, distribution
//   name:user-7|s                            set: counts different ids
//   name:1:2:3|h                             DogStatsD 1.1: several values
//
// Names       A mapping that matches decides metric and labels; else dots and dashes become underscores, after `prefix` is
//             taken away. The metric must be declared: an unknown one is refused, never made.
// Errors      kInvalid with what is wrong in the line. Service checks (_sc) and events (_e) are kUnsupported.
// Threads     Pure functions.
// Source      statsd's metric types; DogStatsD's datagram format 1.1.
#pragma once

#include <string_view>
#include <vector>

#include "collect/business/registry.h"

namespace holdfast::collect {

Result<std::vector<BusinessEvent>> parse_statsd_line(std::string_view line,
                                                     const StatsdOptions& options);

}  // namespace holdfast::collect
