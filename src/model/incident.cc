#include "model/incident.h"

#include "model/json_members.h"

namespace holdfast::model {
namespace {

using json_members::put;
using json_members::take;
using json_members::take_enum;
using nlohmann::json;

constexpr std::string_view kAlertStates[] = {"pending", "firing", "resolved"};
constexpr std::string_view kIncidentStates[] = {"open", "acknowledged", "mitigated", "resolved"};
constexpr std::string_view kNotificationStates[] = {"pending", "delivered", "failed"};

bool has_handling(const IncidentHandling& v) {
  return !v.root_cause.empty() || !v.temporary_fix.empty() || !v.permanent_fix.empty() ||
         !v.acts.empty();
}

}  // namespace

std::string_view Incident::phase() const {
  if (closed_at) return "closed";
  if (state == IncidentState::kResolved) return "resolved";
  if (state == IncidentState::kMitigated) return "recovering";
  if (confirmed_at) return "handling";
  return "confirming";
}

const IncidentClock* Incident::clock(std::string_view kind) const {
  for (const auto& one : clocks) {
    if (one.kind == kind) return &one;
  }
  return nullptr;
}

const IncidentRole* Incident::role(std::string_view name) const {
  for (const auto& one : roles) {
    if (one.role == name) return &one;
  }
  return nullptr;
}

std::string_view incident_state_name(IncidentState state) {
  return kIncidentStates[static_cast<std::size_t>(state)];
}

std::optional<IncidentState> incident_state_of(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kIncidentStates); ++i) {
    if (kIncidentStates[i] == name) return static_cast<IncidentState>(i);
  }
  return std::nullopt;
}

std::string_view notification_state_name(NotificationState state) {
  return kNotificationStates[static_cast<std::size_t>(state)];
}

void to_json(json& j, const TimelineEntry& v) {
  j = json::object();
  put(j, "at", v.at);
  put(j, "kind", v.kind);
  put(j, "text", v.text);
  put(j, "actor", v.actor);
  put(j, "evidence", v.evidence);
  put(j, "source_seq", v.source_seq);
  if (!v.id.empty()) put(j, "id", v.id);
  if (v.pinned) put(j, "pinned", v.pinned);
  if (!v.revisions.empty()) put(j, "revisions", v.revisions);
}

void from_json(const json& j, TimelineEntry& v) {
  json_members::must_be_object(j);
  take(j, "at", v.at);
  take(j, "kind", v.kind);
  take(j, "text", v.text);
  take(j, "actor", v.actor);
  take(j, "evidence", v.evidence);
  take(j, "source_seq", v.source_seq);
  take(j, "id", v.id);
  take(j, "pinned", v.pinned);
  take(j, "revisions", v.revisions);
}

void to_json(json& j, const IncidentAlert& v) {
  j = json::object();
  put(j, "fingerprint", v.fingerprint);
  put(j, "labels", v.labels);
  put(j, "state", alert_state_name(v.state));
}

void from_json(const json& j, IncidentAlert& v) {
  json_members::must_be_object(j);
  take(j, "fingerprint", v.fingerprint);
  take(j, "labels", v.labels);
  take_enum(j, "state", v.state, kAlertStates);
}

void to_json(json& j, const Incident& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "title", v.title);
  put(j, "service", v.service);
  put(j, "group", v.group);
  put(j, "rank", v.rank);
  put(j, "scheme", v.scheme);
  put(j, "state", incident_state_name(v.state));
  put(j, "drill", v.drill);
  put(j, "started_at", v.started_at);
  put(j, "opened_at", v.opened_at);
  put(j, "acknowledged_at", v.acknowledged_at);
  put(j, "acknowledged_by", v.acknowledged_by);
  put(j, "mitigated_at", v.mitigated_at);
  put(j, "resolved_at", v.resolved_at);
  put(j, "resolved_by", v.resolved_by);
  put(j, "alerts", v.alerts);
  put(j, "timeline", v.timeline);
  put(j, "previous", v.previous);
  put(j, "phase", v.phase());
  put(j, "source", v.source);
  put(j, "started_source", v.started_source);
  if (!v.extent.empty()) put(j, "extent", v.extent);
  if (!v.user_impact.empty()) put(j, "user_impact", v.user_impact);
  if (!v.ticket.empty()) put(j, "ticket", v.ticket);
  if (!v.confirmed_by.empty()) put(j, "confirmed_by", v.confirmed_by);
  if (!v.merged_into.empty()) put(j, "merged_into", v.merged_into);
  if (!v.closed_by.empty()) put(j, "closed_by", v.closed_by);
  put(j, "confirmed_at", v.confirmed_at);
  put(j, "recovery_started_at", v.recovery_started_at);
  put(j, "expected_recovery_at", v.expected_recovery_at);
  put(j, "next_update_at", v.next_update_at);
  put(j, "closed_at", v.closed_at);
  if (!v.level_names.empty()) put(j, "level_names", v.level_names);
  if (!v.clocks.empty()) put(j, "clocks", v.clocks);
  if (!v.roles.empty()) put(j, "roles", v.roles);
  if (!v.tasks.empty()) put(j, "tasks", v.tasks);
  if (!v.checks.empty()) put(j, "checks", v.checks);
  if (!v.links.empty()) put(j, "links", v.links);
  if (!v.also_groups.empty()) put(j, "also_groups", v.also_groups);
  if (has_handling(v.handling)) put(j, "handling", v.handling);
  if (!v.war_room.name.empty()) put(j, "war_room", v.war_room);
  put(j, "entries_made", v.entries_made);
  put(j, "tasks_made", v.tasks_made);
}

void from_json(const json& j, Incident& v) {
  json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "title", v.title);
  take(j, "service", v.service);
  take(j, "group", v.group);
  take(j, "rank", v.rank);
  take(j, "scheme", v.scheme);
  take_enum(j, "state", v.state, kIncidentStates);
  take(j, "drill", v.drill);
  take(j, "started_at", v.started_at);
  take(j, "opened_at", v.opened_at);
  take(j, "acknowledged_at", v.acknowledged_at);
  take(j, "acknowledged_by", v.acknowledged_by);
  take(j, "mitigated_at", v.mitigated_at);
  take(j, "resolved_at", v.resolved_at);
  take(j, "resolved_by", v.resolved_by);
  take(j, "alerts", v.alerts);
  take(j, "timeline", v.timeline);
  take(j, "previous", v.previous);
  take(j, "source", v.source);
  take(j, "started_source", v.started_source);
  take(j, "extent", v.extent);
  take(j, "user_impact", v.user_impact);
  take(j, "ticket", v.ticket);
  take(j, "confirmed_by", v.confirmed_by);
  take(j, "merged_into", v.merged_into);
  take(j, "closed_by", v.closed_by);
  take(j, "confirmed_at", v.confirmed_at);
  take(j, "recovery_started_at", v.recovery_started_at);
  take(j, "expected_recovery_at", v.expected_recovery_at);
  take(j, "next_update_at", v.next_update_at);
  take(j, "closed_at", v.closed_at);
  take(j, "level_names", v.level_names);
  take(j, "clocks", v.clocks);
  take(j, "roles", v.roles);
  take(j, "tasks", v.tasks);
  take(j, "checks", v.checks);
  take(j, "links", v.links);
  take(j, "also_groups", v.also_groups);
  take(j, "handling", v.handling);
  take(j, "war_room", v.war_room);
  take(j, "entries_made", v.entries_made);
  take(j, "tasks_made", v.tasks_made);
}

void to_json(json& j, const Notification& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "incident", v.incident);
  put(j, "receiver", v.receiver);
  put(j, "kind", v.kind);
  put(j, "event", v.event);
  put(j, "state", notification_state_name(v.state));
  put(j, "attempts", v.attempts);
  put(j, "detail", v.detail);
  put(j, "created_at", v.created_at);
  put(j, "delivered_at", v.delivered_at);
}

void from_json(const json& j, Notification& v) {
  json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "incident", v.incident);
  take(j, "receiver", v.receiver);
  take(j, "kind", v.kind);
  take(j, "event", v.event);
  take_enum(j, "state", v.state, kNotificationStates);
  take(j, "attempts", v.attempts);
  take(j, "detail", v.detail);
  take(j, "created_at", v.created_at);
  take(j, "delivered_at", v.delivered_at);
}

}  // namespace holdfast::model

HF_MODEL_JSON(holdfast::model::TimelineEntry);
HF_MODEL_JSON(holdfast::model::IncidentAlert);
HF_MODEL_JSON(holdfast::model::Incident);
HF_MODEL_JSON(holdfast::model::Notification);
