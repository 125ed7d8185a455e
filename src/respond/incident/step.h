// respond/incident/step.h: what an incident becomes when something happens; no clock, no disk, no network.
//
// Purpose     Each function changes the incident it is given, writes the timeline, and answers which notices the change calls
//             for. Incidents (incidents.h) journals the result. Replaying the same calls gives the same incident.
// Causes      An alert or a fault is a cause; an incident is active while any of its causes is firing, then mitigated, then
//             resolved. A cause that fires anew before that brings it back.
// Errors      kConflict when the life does not allow the act; the message names the present state.
// Threads     Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/incident.h"
#include "model/operations.h"

namespace holdfast::respond {

// What can make and keep an incident: an alert, or a fault that no alert stands for.
struct Cause {
  std::string fingerprint;  // of the alert; "fault/<id>" of a fault
  model::Labels labels;     // always with `service`
  std::string title;
  model::Rank rank = model::Rank::kMedium;
  bool firing = true;
  WallTime since{};         // the condition became true
  WallTime changed{};       // fired or resolved
  model::Evidence evidence;
};
Cause cause_of(const model::Alert& alert);
Cause cause_of(const model::Fault& fault);

using Notices = std::vector<std::string>;  // opened, escalated, severity_changed, mitigated, resolved

model::Incident open_incident(model::IncidentId id, const Cause& cause, const std::vector<std::string>& group_by,
                              const std::string& scheme, bool drill, std::string previous, WallTime now);
// Joins, updates or resolves the cause.
Notices apply_cause(model::Incident& incident, const Cause& cause, WallTime now);
Notices apply_remedy(model::Incident& incident, const model::Remedy& remedy, std::int64_t seq, WallTime now);
void apply_instance(model::Incident& incident, const model::Instance& instance, std::int64_t seq, WallTime now);
void apply_notification(model::Incident& incident, const model::Notification& notification, std::int64_t seq, WallTime now);
// Quiet for long enough after mitigation: resolved by holdfast. Nothing when it is not due.
Notices settle(model::Incident& incident, Duration resolve_after, WallTime now);

Result<Notices> acknowledge(model::Incident& incident, const std::string& by, WallTime now);
Result<Notices> mitigate(model::Incident& incident, const std::string& by, WallTime now);
Result<Notices> resolve(model::Incident& incident, const std::string& by, const std::string& text, WallTime now);
Result<Notices> add_note(model::Incident& incident, const std::string& by, const std::string& text, WallTime now);
Result<Notices> set_rank(model::Incident& incident, model::Rank rank, const std::string& by, WallTime now);

// Labels alerts are joined by: those of `names` the cause has.
model::Labels group_of(const model::Labels& labels, const std::vector<std::string>& names);

}  // namespace holdfast::respond
