#include "respond/incident/handling.h"

#include <algorithm>

#include "base/text.h"
#include "respond/incident/timeline.h"

namespace holdfast::respond {

using model::Incident;
using model::IncidentState;
using model::IncidentTask;

namespace {

constexpr std::size_t kTasksMax = 500;
constexpr std::size_t kTextSizeMax = 10'000;

Error conflict(const Incident& incident, std::string_view what) {
  return {Code::kConflict, "incident " + incident.id.value + " is " +
                               std::string(incident.phase()) + ": it cannot be " +
                               std::string(what)};
}

Result<void> one_of(std::string_view name, const std::string& value,
                    const std::vector<std::string>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return {};
  return invalid("'" + std::string(name) + "' is '" + printable(value) +
                 "'; allowed: " + join(allowed, ", "));
}

Result<void> needs(std::string_view name, const std::string& value) {
  if (trim(value).empty()) return invalid("'" + std::string(name) + "' is missing");
  if (value.size() > kTextSizeMax)
    return Error(Code::kTooLarge, "'" + std::string(name) + "' has more than 10000 bytes");
  return {};
}

std::string* field_of(Incident& incident, const std::string& name) {
  if (name == "title") return &incident.title;
  if (name == "extent") return &incident.extent;
  if (name == "user_impact") return &incident.user_impact;
  if (name == "ticket") return &incident.ticket;
  if (name == "source") return &incident.source;
  if (name == "root_cause") return &incident.handling.root_cause;
  if (name == "temporary_fix") return &incident.handling.temporary_fix;
  if (name == "permanent_fix") return &incident.handling.permanent_fix;
  return nullptr;
}

Result<void> set_expected_recovery(Incident& incident, const std::string& value, const Who& who) {
  if (value.empty()) {
    incident.expected_recovery_at.reset();
    return {};
  }
  incident.expected_recovery_at = HF_TRY(parse_time(value).context("'expected_recovery_at'"));
  record(incident, who.now, "handling",
         "Recovery is expected at " + format_time(*incident.expected_recovery_at), who.by);
  return {};
}

IncidentTask* find_task(Incident& incident, const std::string& id) {
  const auto found = std::find_if(incident.tasks.begin(), incident.tasks.end(),
                                  [&](const auto& task) { return task.id == id; });
  return found == incident.tasks.end() ? nullptr : &*found;
}

void add_summary_task(Incident& incident, const char* key, const char* title, const Who& who) {
  IncidentTask task;
  task.id = "t" + std::to_string(++incident.tasks_made);
  task.kind = "summary";
  task.key = key;
  task.title = title;
  task.created_at = who.now;
  task.created_by = who.by;
  // As the postmortem: within 48 hours of the end.
  task.due_at = incident.resolved_at.value_or(who.now) + std::chrono::hours(48);
  incident.tasks.push_back(std::move(task));
}

void sort_timeline(Incident& incident) {
  std::stable_sort(incident.timeline.begin(), incident.timeline.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
}

}  // namespace

Result<Notices> set_fields(Incident& incident, const Fields& fields, const Who& who) {
  if (incident.closed_at) return conflict(incident, "edited");
  for (const auto& [name, value] : fields) {
    if (name == "expected_recovery_at") {
      HF_TRY(set_expected_recovery(incident, value, who));
      continue;
    }
    auto* field = field_of(incident, name);
    if (field == nullptr)
      return invalid("no field '" + printable(name) +
                     "'; allowed: title, extent, user_impact, ticket, source, root_cause, "
                     "temporary_fix, permanent_fix, expected_recovery_at");
    if (name == "source") HF_TRY(one_of(name, value, {"automatic", "user_report", "proactive"}));
    if (name == "title") HF_TRY(needs(name, value));
    if (value.size() > kTextSizeMax)
      return Error(Code::kTooLarge, "'" + name + "' has more than 10000 bytes");
    if (*field == value) continue;
    *field = value;
    record(incident, who.now, "handling", name + ": " + value, who.by);
  }
  return Notices{};
}

Result<Notices> confirm(Incident& incident, const Fields& fields, const Who& who) {
  auto copy = incident;
  HF_TRY(set_fields(copy, fields, who));
  if (copy.ticket.empty()) copy.ticket = copy.id.value;
  // The severity is always there: rated by the worst of its causes, or by who declared it.
  if (trim(copy.extent).empty())
    return invalid("confirming needs 'extent': which functions and users are affected");
  if (!copy.confirmed_at) {
    copy.confirmed_at = who.now;
    copy.confirmed_by = who.by;
    record(copy, who.now, "confirmed",
           "Confirmed as " + level_name(copy, copy.rank) + ", extent: " + copy.extent +
               ", ticket " + copy.ticket,
           who.by);
  }
  incident = std::move(copy);
  return Notices{};
}

Result<Notices> assign_role(Incident& incident, const std::string& role, const std::string& person,
                            const std::string& backup, const Who& who) {
  if (incident.closed_at) return conflict(incident, "given a role");
  HF_TRY(needs("role", role));
  HF_TRY(needs("person", person));
  const auto found = std::find_if(incident.roles.begin(), incident.roles.end(),
                                  [&](const auto& one) { return one.role == role; });
  if (found != incident.roles.end()) {
    if (found->person == person && found->backup == backup) return Notices{};
    const auto before = found->person;
    *found = {role, person, backup.empty() ? found->backup : backup, who.now, who.by};
    record(incident, who.now, "role_assigned",
           role + ": " + person + (before == person ? "" : ", before " + before), who.by);
    return Notices{};
  }
  incident.roles.push_back({role, person, backup, who.now, who.by});
  record(incident, who.now, "role_assigned",
         role + ": " + person + (backup.empty() ? "" : " (backup " + backup + ")"), who.by);
  return Notices{};
}

Result<Notices> hand_over(Incident& incident, const std::string& role, const std::string& person,
                          const std::string& note, const Who& who) {
  if (incident.closed_at) return conflict(incident, "handed over");
  HF_TRY(needs("person", person));
  const auto found = std::find_if(incident.roles.begin(), incident.roles.end(),
                                  [&](const auto& one) { return one.role == role; });
  if (found == incident.roles.end())
    return not_found("nobody holds the role '" + printable(role) + "': assign it first");
  if (found->person == person)
    return invalid("'" + printable(person) + "' holds the role '" + role + "' already");
  record(incident, who.now, "role_handed_over",
         role + ": " + found->person + " to " + person + (note.empty() ? "" : ": " + note), who.by);
  found->person = person;
  found->since = who.now;
  found->by = who.by;
  found->answer_by.reset();
  return Notices{};
}

Result<Notices> set_task(Incident& incident, const TaskEdit& edit, const Who& who) {
  IncidentTask fresh;
  auto* task = &fresh;
  if (edit.id.empty()) {
    if (incident.tasks.size() >= kTasksMax)
      return Error(Code::kExhausted, "an incident has at most 500 tasks");
    HF_TRY(needs("title", edit.title.value_or("")));
    fresh.created_at = who.now;
    fresh.created_by = who.by;
  } else {
    task = find_task(incident, edit.id);
    if (task == nullptr) return not_found("no task '" + printable(edit.id) + "'");
    fresh = *task;
    task = &fresh;
  }
  if (edit.kind) task->kind = *edit.kind;
  HF_TRY(one_of("kind", task->kind, {"task", "checklist", "summary", "knowledge", "improvement"}));
  if (edit.title) task->title = *edit.title;
  HF_TRY(needs("title", task->title));
  if (edit.category) task->category = *edit.category;
  if (task->kind == "improvement")
    HF_TRY(one_of("category", task->category, {"technical", "process", "monitoring", "training"}));
  if (task->kind == "knowledge")
    HF_TRY(
        one_of("category", task->category, {"session", "documents", "best_practice", "lessons"}));
  if (edit.owner) task->owner = *edit.owner;
  if (edit.due_at) task->due_at = edit.due_at;
  if (edit.note) task->note = *edit.note;
  if (task->kind == "improvement" && (task->owner.empty() || !task->due_at))
    return invalid("an improvement needs 'owner' and 'due_at'");
  if (edit.state) {
    HF_TRY(one_of("state", *edit.state, {"open", "done", "dropped"}));
    if (*edit.state == "dropped" && trim(task->note).empty())
      return invalid("dropping a task needs 'note': why");
    task->done_at.reset();
    task->done_by.clear();
    if (*edit.state != "open") {
      task->done_at = who.now;
      task->done_by = who.by;
    }
    task->state = *edit.state;
  }
  if (edit.id.empty()) {
    fresh.id = "t" + std::to_string(++incident.tasks_made);
    incident.tasks.push_back(fresh);
  } else {
    *find_task(incident, edit.id) = fresh;
  }
  record(incident, who.now, "task",
         fresh.id + " " + fresh.title + ": " + fresh.state +
             (fresh.owner.empty() ? "" : ", " + fresh.owner),
         who.by);
  return Notices{};
}

Result<Notices> add_act(Incident& incident, const std::string& axis, const std::string& text,
                        const Who& who) {
  if (incident.closed_at) return conflict(incident, "acted on");
  HF_TRY(one_of("axis", axis, {"restart", "rollback", "scale_out"}));
  incident.handling.acts.push_back({axis, who.now, who.by, text.empty() ? axis : text});
  record(incident, who.now, "act", axis + (text.empty() ? "" : ": " + text), who.by);
  return Notices{};
}

Result<Notices> add_check(Incident& incident, const std::string& name, const std::string& note,
                          const Who& who) {
  if (incident.closed_at) return conflict(incident, "checked");
  HF_TRY(one_of("check", name, {"function_verified", "metrics_confirmed", "users_informed"}));
  if (name == "metrics_confirmed" && any_firing(incident))
    return Error(Code::kConflict, "a signal of the incident is still bad");
  std::erase_if(incident.checks, [&](const auto& check) { return check.name == name; });
  incident.checks.push_back({name, who.now, who.by, note});
  record(incident, who.now, "check", name + (note.empty() ? "" : ": " + note), who.by);
  return Notices{};
}

Result<Notices> add_status_update(Incident& incident, const std::string& text,
                                  std::optional<WallTime> next_at, const Who& who) {
  if (incident.closed_at) return conflict(incident, "updated");
  HF_TRY(needs("text", text));
  if (next_at && *next_at <= who.now) return invalid("'next_at' is not in the future");
  record(incident, who.now, "status_update", text, who.by);
  if (incident.active()) incident.next_update_at = next_at;
  return Notices{"status_update"};
}

Result<Notices> add_chat(Incident& incident, const std::string& text, std::optional<WallTime> at,
                         const std::string& where, const Who& who) {
  HF_TRY(needs("text", text));
  if (at && *at > who.now + std::chrono::minutes(5)) return invalid("'at' is in the future");
  record(incident, at.value_or(who.now), "chat", where.empty() ? text : where + ": " + text,
         who.by);
  return Notices{};
}

Result<Notices> move_impact_start(Incident& incident, WallTime at, const std::string& why,
                                  const Who& who) {
  if (at > incident.opened_at)
    return invalid("the impact cannot start after it was detected, at " +
                   format_time(incident.opened_at));
  HF_TRY(needs("why", why));
  const auto* entry = first_of(incident, "impact_started");
  if (entry == nullptr) {
    record(incident, incident.started_at, "impact_started", "Opened by hand", kHoldfast);
    entry = first_of(incident, "impact_started");
  }
  const auto id = entry->id;
  HF_TRY(correct_entry(incident, id, at, std::nullopt, why, who));
  incident.started_at = at;
  incident.started_source = who.by;
  record(incident, who.now, "impact_moved", "The impact began at " + format_time(at) + ": " + why,
         who.by);
  return Notices{};
}

Result<Notices> correct_entry(Incident& incident, const std::string& id, std::optional<WallTime> at,
                              std::optional<std::string> text, const std::string& why,
                              const Who& who) {
  auto* entry = find_entry(incident, id);
  if (entry == nullptr) return not_found("no line '" + printable(id) + "' on the timeline");
  HF_TRY(needs("why", why));
  if (!at && !text) return invalid("a correction needs 'at' or 'text'");
  if (text) HF_TRY(needs("text", *text));
  entry->revisions.push_back({who.now, who.by, why, entry->at, entry->text});
  if (at) entry->at = *at;
  if (text) entry->text = *text;
  sort_timeline(incident);
  return Notices{};
}

Result<Notices> pin_entry(Incident& incident, const std::string& id, bool pinned, const Who&) {
  auto* entry = find_entry(incident, id);
  if (entry == nullptr) return not_found("no line '" + printable(id) + "' on the timeline");
  entry->pinned = pinned;
  return Notices{};
}

Result<Notices> link(Incident& incident, const std::string& kind, const std::string& other,
                     const Who& who) {
  HF_TRY(one_of("kind", kind, {"related", "duplicate", "caused_by"}));
  if (other == incident.id.value) return invalid("an incident is not linked to itself");
  for (const auto& known : incident.links) {
    if (known.kind == kind && known.incident == other) return Notices{};
  }
  incident.links.push_back({kind, other, who.now, who.by});
  record(incident, who.now, "linked", kind + " " + other, who.by);
  return Notices{};
}

Result<Notices> merge(Incident& into, Incident& from, const Who& who) {
  if (into.id == from.id) return invalid("an incident is not merged into itself");
  if (!into.active()) return conflict(into, "merged into");
  if (!from.active()) return conflict(from, "merged");
  for (auto& alert : from.alerts) {
    const auto known = std::any_of(into.alerts.begin(), into.alerts.end(), [&](const auto& other) {
      return other.fingerprint == alert.fingerprint;
    });
    if (!known) into.alerts.push_back(alert);
  }
  into.also_groups.push_back(from.group);
  into.also_groups.insert(into.also_groups.end(), from.also_groups.begin(), from.also_groups.end());
  Notices notices;
  for (auto entry : from.timeline) {
    entry.id.clear();
    entry.text = from.id.value + ": " + entry.text;
    record(into, std::move(entry));
  }
  if (from.started_at < into.started_at && into.started_source == "signal")
    into.started_at = from.started_at;
  if (from.rank < into.rank) {
    record(into, who.now, "severity_changed",
           level_name(into, into.rank) + " to " + level_name(into, from.rank) + ": " +
               from.id.value + " was merged",
           who.by);
    into.rank = from.rank;
    notices.push_back("severity_changed");
  }
  if (into.state == IncidentState::kMitigated && any_firing(into)) {
    into.state = into.acknowledged_at ? IncidentState::kAcknowledged : IncidentState::kOpen;
    into.mitigated_at.reset();
  }
  into.links.push_back({"merged_from", from.id.value, who.now, who.by});
  record(into, who.now, "merged", from.id.value + " " + from.title + " is part of this", who.by);
  from.links.push_back({"merged_into", into.id.value, who.now, who.by});
  from.merged_into = into.id.value;
  from.alerts.clear();  // they live on in the other
  from.state = IncidentState::kResolved;
  from.resolved_at = who.now;
  from.resolved_by = who.by;
  record(from, who.now, "merged", "Part of " + into.id.value + " " + into.title, who.by);
  return notices;
}

Result<Incident> split(Incident& from, const std::vector<std::string>& fingerprints,
                       model::IncidentId id, const std::string& title, const Who& who) {
  if (!from.active()) return conflict(from, "split");
  if (fingerprints.empty()) return invalid("'alerts' names no alert to take out");
  Incident part;
  part.id = std::move(id);
  part.title = title;
  part.service = from.service;
  part.group = from.group;
  part.rank = from.rank;
  part.scheme = from.scheme;
  part.drill = from.drill;
  part.source = from.source;
  part.started_at = from.started_at;
  part.opened_at = who.now;
  for (const auto& wanted : fingerprints) {
    const auto found = std::find_if(from.alerts.begin(), from.alerts.end(),
                                    [&](const auto& a) { return a.fingerprint == wanted; });
    if (found == from.alerts.end())
      return not_found("no alert '" + printable(wanted) + "' in incident " + from.id.value);
    part.alerts.push_back(*found);
  }
  if (part.alerts.size() == from.alerts.size())
    return invalid("at least one alert stays with " + from.id.value);
  std::erase_if(from.alerts, [&](const auto& alert) {
    return std::find(fingerprints.begin(), fingerprints.end(), alert.fingerprint) !=
           fingerprints.end();
  });
  if (part.title.empty()) part.title = std::string(part.alerts.front().labels.get("alertname"));
  if (part.title.empty()) part.title = from.title;
  record(part, part.started_at, "impact_started", "As of " + from.id.value);
  record(part, who.now, "opened",
         "Split from " + from.id.value + " as " + level_name(part, part.rank), who.by);
  part.links.push_back({"split_from", from.id.value, who.now, who.by});
  from.links.push_back({"split_to", part.id.value, who.now, who.by});
  record(from, who.now, "split", part.id.value + " " + part.title + " goes its own way", who.by);
  return part;
}

Result<Notices> close(Incident& incident, const Who& who) {
  if (incident.closed_at || incident.active()) return conflict(incident, "closed");
  std::vector<std::string> missing;
  if (!incident.confirmed_at) missing.emplace_back("confirmation (extent, severity, ticket)");
  for (const char* name : {"function_verified", "metrics_confirmed", "users_informed"}) {
    const auto there = std::any_of(incident.checks.begin(), incident.checks.end(),
                                   [&](const auto& check) { return check.name == name; });
    if (!there) missing.emplace_back(name);
  }
  if (!missing.empty() && incident.merged_into.empty())
    return Error(Code::kConflict, "incident " + incident.id.value +
                                      " cannot be closed yet; missing: " + join(missing, ", "));
  incident.closed_at = who.now;
  incident.closed_by = who.by;
  record(incident, who.now, "closed", "Closed", who.by);
  if (incident.merged_into.empty()) {
    add_summary_task(incident, "report", "Write the incident report", who);
    add_summary_task(incident, "improvements", "Name the improvements", who);
    add_summary_task(incident, "knowledge", "Share what was learnt", who);
  }
  return Notices{};
}

}  // namespace holdfast::respond
