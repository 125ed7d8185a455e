// respond/status/history.h: how each component was on each of the last ninety days.
//
// Purpose     Worked out from what was published: from one update of a post to the next its components had the status it said. Where
//             posts overlap the worse counts. Maintenance is no downtime.
// Units       Days of UTC. Downtime is whole seconds of partial_outage (three tenths count) and major_outage (all of it), as
//             Statuspage weighs them; uptime is of the seconds of the day that are over.
// Threads     Pure.
#pragma once

#include <vector>

#include "respond/status/page.h"

namespace holdfast::respond::status {

struct ComponentDay {
  WallTime day{};  // its midnight
  ComponentStatus worst = ComponentStatus::kOperational;
  std::int64_t partial_seconds = 0;
  std::int64_t major_seconds = 0;
  std::vector<std::string> posts;  // ids of those that concerned it, without repeats
};

// Oldest first; the last is today. Posts that are drafts do not count.
std::vector<ComponentDay> component_days(const std::string& component, const std::vector<Post>& posts, WallTime now,
                                         int count);
double uptime_percent(const std::vector<ComponentDay>& days, WallTime now);
// As it is now.
ComponentStatus component_status(const std::string& component, const std::vector<Post>& posts);

}  // namespace holdfast::respond::status
