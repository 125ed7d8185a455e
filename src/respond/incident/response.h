// respond/incident/response.h: what the rules of response make of an incident: promises with clocks, the first five
// minutes, who is in which role, when people outside want to hear again.
//
// Purpose     begin_response() once the severity is known and again when it changes; refresh() after every change: ticks
//             what events prove; watch() when time passes: what is overdue is said, once. next_due() says when to look.
// Clocks      response (met by acknowledgement), recovery_begins (the first act that could repair it; C02), resolution.
//             "At once" is due at the opening and told as breached after `at_once_grace`. An empty respond_within is the
//             next working day.
// Durable     Everything with a due time is a member of the incident, so a restart forgets none.
// Threads     Pure.
// Source      Mission C01, C02, C35; M13-02..M13-16, M13-26, M13-39; M14-08.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/incident.h"
#include "respond/incident/step.h"
#include "respond/incident/working_days.h"

namespace holdfast::respond {

// Who takes a role when an incident begins.
struct Duty {
  std::string role;
  std::string person;
  std::string backup;
  std::string service;  // empty: of every service that has no duty of its own for this role
  // Only for incidents whose title or labels hold this word ("database"); empty: for all.
  std::string when_about;
};

struct ResponseRules {
  std::map<std::string, model::SeverityScheme> schemes;  // configured ones, beside A and B
  WorkingCalendar calendar;
  std::map<std::string, WorkingCalendar> service_calendars;
  std::vector<Duty> duties;
  Duration answer_within = 5min;  // of a role's holder, before the backup is told
  Duration at_once_grace = 5min;  // "at once", as a person can do it
  Duration first_minutes = 5min;  // due time of the checklist
  bool war_room = false;          // a channel is made for incidents that start the process at once
};

const model::SeverityScheme& scheme_of(const ResponseRules& rules, std::string_view name);
const model::SeverityLevel& level_of(const ResponseRules& rules, const model::Incident& incident);

// Notices: role_assigned when people were put in roles.
Notices begin_response(model::Incident& incident, const ResponseRules& rules, WallTime now);
void refresh(model::Incident& incident, const ResponseRules& rules, WallTime now);
// Notices: response_overdue, recovery_overdue, resolution_overdue, backup_told, update_due.
Notices watch(model::Incident& incident, const ResponseRules& rules, WallTime now);
std::optional<WallTime> next_due(const model::Incident& incident, const ResponseRules& rules);

// "#incident-20240115-002": the day of opening and the count of that day, as in the incident's id.
std::string war_room_name(const model::IncidentId& id);

}  // namespace holdfast::respond
