#include "respond/incident/response.h"

#include <algorithm>

#include "base/text.h"
#include "respond/incident/timeline.h"

namespace holdfast::respond {

using model::Incident;
using model::IncidentClock;
using model::IncidentTask;

namespace {

std::chrono::milliseconds ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d);
}

struct ChecklistItem {
  std::string_view key, title;
};
// The first five minutes of the worst level (M13-12), in this order.
constexpr ChecklistItem kChecklist[] = {
    {"confirm_level", "Confirm the severity"},         {"open_war_room", "Open the war room"},
    {"inform_team", "Inform commander and core team"}, {"start_diagnosis", "Start the diagnosis"},
    {"prepare_rollback", "Prepare the rollback"},
};

const WorkingCalendar& calendar_of(const ResponseRules& rules, const std::string& service) {
  const auto found = rules.service_calendars.find(service);
  return found == rules.service_calendars.end() ? rules.calendar : found->second;
}

// Keeps what was met or told when the severity changes.
void set_clock(Incident& incident, std::string_view kind, std::optional<WallTime> due) {
  const auto found = std::find_if(incident.clocks.begin(), incident.clocks.end(),
                                  [&](const auto& clock) { return clock.kind == kind; });
  if (!due) {
    if (found != incident.clocks.end()) incident.clocks.erase(found);
  } else if (found != incident.clocks.end()) {
    // A promise that became later is open again; one that was kept stays kept.
    if (*due > found->due_at) found->breached_at.reset();
    found->due_at = *due;
  } else {
    incident.clocks.push_back({std::string(kind), *due, std::nullopt, std::nullopt});
  }
}

void set_clocks(Incident& incident, const ResponseRules& rules) {
  const auto& level = level_of(rules, incident);
  const auto after = [&](const std::optional<Duration>& within) -> std::optional<WallTime> {
    if (!within) return std::nullopt;
    return incident.opened_at + ms(*within);
  };
  set_clock(incident, "response",
            level.respond_within
                ? after(level.respond_within)
                : calendar_of(rules, incident.service).end_of_next_working_day(incident.opened_at));
  set_clock(incident, "recovery_begins", after(level.recovery_begins_within));
  set_clock(incident, "resolution", after(level.resolve_within));
}

bool is_about(const Incident& incident, const std::string& word) {
  if (word.empty()) return true;
  const auto wanted = lower(word);
  if (lower(incident.title).find(wanted) != std::string::npos) return true;
  for (const auto& alert : incident.alerts) {
    for (const auto& label : alert.labels) {
      if (lower(label.value).find(wanted) != std::string::npos) return true;
    }
  }
  return false;
}

// Whose of a role it is: the service's own duty before the one of all.
const Duty* duty_of(const ResponseRules& rules, const Incident& incident, const std::string& role) {
  const Duty* best = nullptr;
  for (const auto& duty : rules.duties) {
    if (duty.role != role || !is_about(incident, duty.when_about)) continue;
    if (duty.service == incident.service) return &duty;
    if (duty.service.empty() && best == nullptr) best = &duty;
  }
  return best;
}

bool assign_duties(Incident& incident, const ResponseRules& rules, WallTime now) {
  bool assigned = false;
  for (const auto& one : rules.duties) {
    if (incident.role(one.role) != nullptr) continue;
    const auto* duty = duty_of(rules, incident, one.role);
    if (duty == nullptr || duty->person.empty()) continue;
    model::IncidentRole role{duty->role, duty->person, duty->backup, now, std::string(kHoldfast)};
    if (!duty->backup.empty()) role.answer_by = now + ms(rules.answer_within);
    incident.roles.push_back(role);
    record(incident, now, "role_assigned",
           duty->role + ": " + duty->person +
               (duty->backup.empty() ? "" : " (backup " + duty->backup + ")"));
    assigned = true;
  }
  return assigned;
}

void add_checklist(Incident& incident, const ResponseRules& rules, WallTime now) {
  for (const auto& item : kChecklist) {
    const auto known = std::any_of(incident.tasks.begin(), incident.tasks.end(),
                                   [&](const auto& task) { return task.key == item.key; });
    if (known) continue;
    IncidentTask task;
    task.id = "t" + std::to_string(++incident.tasks_made);
    task.kind = "checklist";
    task.key = item.key;
    task.title = item.title;
    task.due_at = now + ms(rules.first_minutes);
    task.created_at = now;
    task.created_by = kHoldfast;
    incident.tasks.push_back(std::move(task));
  }
}

// What in the timeline proves an item of the checklist; empty: nothing yet.
std::string proof_of(const Incident& incident, const std::string& key) {
  const auto line = [&](std::string_view kind) -> std::string {
    const auto* entry = first_of(incident, kind);
    return entry == nullptr ? std::string() : entry->text;
  };
  if (key == "confirm_level")
    return incident.confirmed_at ? "confirmed by " + incident.confirmed_by : "";
  if (key == "open_war_room")
    return incident.war_room.state == "open" ? incident.war_room.name + " is open" : "";
  if (key == "inform_team") return line("notified");
  if (key == "start_diagnosis") {
    for (const char* kind : {"remedy_planned", "act", "handling"}) {
      if (auto text = line(kind); !text.empty()) return text;
    }
    return "";
  }
  if (key == "prepare_rollback") {
    for (const auto& act : incident.handling.acts) {
      if (act.axis == "rollback") return act.text;
    }
  }
  return "";
}

void tick_checklist(Incident& incident, WallTime now) {
  for (auto& task : incident.tasks) {
    if (task.kind != "checklist" || task.state != "open") continue;
    auto proof = proof_of(incident, task.key);
    if (proof.empty()) continue;
    task.state = "done";
    task.done_at = now;
    task.done_by = kHoldfast;
    task.note = std::move(proof);
  }
}

WallTime limit_of(const IncidentClock& clock, const Incident& incident,
                  const ResponseRules& rules) {
  const bool at_once = clock.kind == "response" && clock.due_at <= incident.opened_at;
  return at_once ? clock.due_at + ms(rules.at_once_grace) : clock.due_at;
}

void meet_clocks(Incident& incident, const ResponseRules& rules) {
  for (auto& clock : incident.clocks) {
    auto met = clock.kind == "response"          ? incident.acknowledged_at
               : clock.kind == "recovery_begins" ? incident.recovery_started_at
                                                 : incident.resolved_at;
    if (clock.kind != "resolution" && !met) met = incident.resolved_at;
    clock.met_at = met;
    // Met too late while nobody looked (Holdfast was down): still a breach.
    const auto limit = limit_of(clock, incident, rules);
    if (met && *met > limit && !clock.breached_at) clock.breached_at = limit;
  }
}

// The machine's own check of recovery: every signal is good (M13-28). It is taken back when one turns bad again.
void check_metrics(Incident& incident, WallTime now) {
  const auto mine = [](const model::RecoveryCheck& check) {
    return check.name == "metrics_confirmed" && check.by == kHoldfast;
  };
  const bool known = std::any_of(incident.checks.begin(), incident.checks.end(),
                                 [](const auto& c) { return c.name == "metrics_confirmed"; });
  const bool good = !incident.alerts.empty() && !any_firing(incident);
  if (good && !known)
    incident.checks.push_back(
        {"metrics_confirmed", now, std::string(kHoldfast), "every signal is good"});
  if (!good) std::erase_if(incident.checks, mine);
}

}  // namespace

const model::SeverityScheme& scheme_of(const ResponseRules& rules, std::string_view name) {
  const auto found = rules.schemes.find(std::string(name));
  if (found != rules.schemes.end()) return found->second;
  return equals_ignoring_case(name, "B") ? model::scheme_b() : model::scheme_a();
}

const model::SeverityLevel& level_of(const ResponseRules& rules, const Incident& incident) {
  return scheme_of(rules, incident.scheme).level(incident.rank);
}

std::string war_room_name(const model::IncidentId& id) {
  const auto dash = id.value.find('-');
  return "#incident-" + lower(dash == std::string::npos ? id.value : id.value.substr(dash + 1));
}

Notices begin_response(Incident& incident, const ResponseRules& rules, WallTime now) {
  const auto& scheme = scheme_of(rules, incident.scheme);
  if (rules.schemes.contains(incident.scheme)) {
    incident.level_names.clear();
    for (const auto& level : scheme.levels) incident.level_names.push_back(level.name);
  }
  set_clocks(incident, rules);
  const auto& level = scheme.level(incident.rank);
  if (!level.update_every)
    incident.next_update_at.reset();
  else if (!incident.next_update_at)
    incident.next_update_at = now + ms(*level.update_every);
  Notices notices;
  if (!level.immediate || incident.drill) return notices;
  add_checklist(incident, rules, incident.opened_at);
  if (assign_duties(incident, rules, now)) notices.push_back("role_assigned");
  if (rules.war_room && incident.war_room.name.empty()) {
    incident.war_room.name = war_room_name(incident.id);
    incident.war_room.state = "wanted";
  }
  return notices;
}

void refresh(Incident& incident, const ResponseRules& rules, WallTime now) {
  if (!incident.recovery_started_at) {
    std::optional<WallTime> first = incident.mitigated_at;
    for (const char* kind : {"remedy_started", "act"}) {
      const auto* entry = first_of(incident, kind);
      if (entry != nullptr && (!first || entry->at < *first)) first = entry->at;
    }
    incident.recovery_started_at = first;
  }
  check_metrics(incident, now);
  tick_checklist(incident, now);
  meet_clocks(incident, rules);
  if (incident.acknowledged_at && incident.acknowledged_by != kHoldfast) {
    for (auto& role : incident.roles) role.answer_by.reset();  // somebody is there
  }
  if (!incident.active()) incident.next_update_at.reset();
}

Notices watch(Incident& incident, const ResponseRules& rules, WallTime now) {
  Notices notices;
  if (!incident.active()) return notices;
  for (auto& clock : incident.clocks) {
    if (clock.met_at || clock.breached_at || limit_of(clock, incident, rules) > now) continue;
    clock.breached_at = now;
    const std::string kind = clock.kind == "recovery_begins" ? "recovery" : clock.kind;
    record(incident, now, kind + "_overdue",
           "The promise of " + level_name(incident, incident.rank) + " was due at " +
               format_time(clock.due_at));
    notices.push_back(kind + "_overdue");
  }
  bool told = false;
  for (auto& role : incident.roles) {
    if (!role.answer_by || *role.answer_by > now) continue;
    role.answer_by.reset();
    role.backup_told_at = now;
    record(incident, now, "backup_told",
           role.role + ": " + role.person + " is silent, " + role.backup + " is told");
    told = true;
  }
  if (told) notices.push_back("backup_told");
  if (incident.next_update_at && *incident.next_update_at <= now) {
    record(incident, now, "update_due", "People are waiting for a status update");
    const auto every = level_of(rules, incident).update_every;
    incident.next_update_at.reset();
    if (every) incident.next_update_at = now + ms(*every);
    notices.push_back("update_due");
  }
  return notices;
}

std::optional<WallTime> next_due(const Incident& incident, const ResponseRules& rules) {
  if (!incident.active()) return std::nullopt;
  std::optional<WallTime> next = incident.next_update_at;
  const auto take = [&](WallTime at) {
    if (!next || at < *next) next = at;
  };
  for (const auto& clock : incident.clocks) {
    if (!clock.met_at && !clock.breached_at) take(limit_of(clock, incident, rules));
  }
  for (const auto& role : incident.roles) {
    if (role.answer_by) take(*role.answer_by);
  }
  return next;
}

}  // namespace holdfast::respond
