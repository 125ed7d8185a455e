#include "respond/incident/step.h"

#include <algorithm>

#include "base/text.h"
#include "respond/incident/timeline.h"

namespace holdfast::respond {

using model::Incident;
using model::IncidentState;
using model::RemedyState;
using model::TimelineEntry;

namespace {

model::IncidentAlert* find_cause(Incident& incident, const std::string& fingerprint) {
  const auto found = std::find_if(incident.alerts.begin(), incident.alerts.end(),
                                  [&](const auto& a) { return a.fingerprint == fingerprint; });
  return found == incident.alerts.end() ? nullptr : &*found;
}

Error conflict(const Incident& incident, std::string_view what) {
  return {Code::kConflict, "incident " + incident.id.value + " is " +
                               std::string(incident_state_name(incident.state)) +
                               ": it cannot be " + std::string(what)};
}

std::string remedy_text(const model::Remedy& remedy) {
  return remedy.name + (remedy.target.empty() ? " of " + remedy.service : " of " + remedy.target);
}

// The three axes of handling: restart, rollback, scale out (M13-27).
std::string_view axis_of(const std::string& remedy) {
  if (remedy == "restart_service") return "restart";
  if (remedy == "scale_out") return "scale_out";
  if (remedy == "shift_traffic_to_stable" || remedy == "rollback") return "rollback";
  return "";
}

// A further signal that turned bad earlier: the impact began then. The line says so and keeps what it said before.
void infer_start(Incident& incident, const Cause& cause) {
  for (auto& entry : incident.timeline) {
    if (entry.kind != "impact_started") continue;
    entry.revisions.push_back({cause.changed, std::string(kHoldfast),
                               "an earlier signal joined: " + cause.title, entry.at, entry.text});
    entry.at = cause.since;
    break;
  }
  incident.started_at = cause.since;
  std::stable_sort(incident.timeline.begin(), incident.timeline.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
}

}  // namespace

Cause cause_of(const model::Alert& alert) {
  Cause cause;
  cause.fingerprint = alert.fingerprint();
  cause.labels = alert.labels;
  const auto summary = alert.annotations.get("summary");
  cause.title = summary.empty() ? std::string(alert.name()) : std::string(summary);
  cause.rank = model::rank_of_word(alert.labels.get("severity"));
  cause.firing = alert.state == model::AlertState::kFiring;
  cause.since = alert.active_at;
  cause.changed = cause.firing ? alert.fired_at.value_or(alert.active_at)
                               : alert.resolved_at.value_or(alert.active_at);
  cause.evidence = alert.evidence;
  return cause;
}

Cause cause_of(const model::Fault& fault) {
  Cause cause;
  cause.fingerprint = "fault/" + fault.id;
  cause.labels = model::Labels{{"service", fault.service},
                               {"fault", fault.kind},
                               {"resource", fault.resource},
                               {"severity", std::string(model::word_of_rank(fault.rank))}};
  cause.title =
      fault.resource + ": " + (fault.evidence.value.empty() ? fault.kind : fault.evidence.value);
  cause.rank = fault.rank;
  cause.firing = fault.open;
  cause.since = fault.detected_at;
  cause.changed = fault.open ? fault.detected_at : fault.closed_at.value_or(fault.detected_at);
  cause.evidence = fault.evidence;
  return cause;
}

model::Labels group_of(const model::Labels& labels, const std::vector<std::string>& names) {
  return labels.keep(names);
}

Incident open_incident(model::IncidentId id, const Cause& cause,
                       const std::vector<std::string>& group_by, const std::string& scheme,
                       bool drill, std::string previous, WallTime now) {
  Incident incident;
  incident.id = std::move(id);
  incident.title = cause.title;
  incident.service = std::string(cause.labels.get("service"));
  incident.group = group_of(cause.labels, group_by);
  incident.rank = cause.rank;
  incident.scheme = scheme;
  incident.drill = drill;
  incident.started_at = std::min(cause.since, now);
  incident.opened_at = now;
  incident.previous = std::move(previous);
  const bool declared = cause.fingerprint.starts_with("declared/");
  record(incident, incident.started_at, "impact_started",
         (declared ? "It began: " : "The condition became true: ") + cause.title, kHoldfast,
         cause.evidence);
  std::string text = "Opened as " + level_name(incident, incident.rank);
  if (drill) text += " (drill)";
  if (!incident.previous.empty()) text += ", a relapse of " + incident.previous;
  record(incident, now, "opened", std::move(text));
  return incident;
}

Notices apply_cause(Incident& incident, const Cause& cause, WallTime now) {
  auto* known = find_cause(incident, cause.fingerprint);
  const auto state = cause.firing ? model::AlertState::kFiring : model::AlertState::kResolved;
  if (known != nullptr && known->state == state) return {};
  if (known == nullptr && !cause.firing) return {};
  if (known == nullptr)
    incident.alerts.push_back({cause.fingerprint, cause.labels, state});
  else
    known->state = state;
  Notices notices;
  if (cause.firing) {
    if (cause.since < incident.started_at && incident.started_source == "signal")
      infer_start(incident, cause);
    record(incident, std::max(cause.changed, incident.started_at), "alert_fired", cause.title,
           kHoldfast, cause.evidence);
    if (cause.rank < incident.rank) {
      record(incident, now, "severity_changed",
             level_name(incident, incident.rank) + " to " + level_name(incident, cause.rank) +
                 ": " + cause.title);
      incident.rank = cause.rank;
      notices.push_back("severity_changed");
    }
    if (incident.state == IncidentState::kMitigated) {
      incident.state =
          incident.acknowledged_at ? IncidentState::kAcknowledged : IncidentState::kOpen;
      incident.mitigated_at.reset();
    }
    return notices;
  }
  record(incident, cause.changed, "alert_resolved", cause.title, kHoldfast, cause.evidence);
  if (any_firing(incident) || incident.state == IncidentState::kMitigated ||
      incident.state == IncidentState::kResolved)
    return notices;
  incident.state = IncidentState::kMitigated;
  incident.mitigated_at = now;
  record(incident, now, "mitigated", "Every signal is good again");
  notices.push_back("mitigated");
  return notices;
}

Notices apply_remedy(Incident& incident, const model::Remedy& remedy, std::int64_t seq,
                     WallTime now) {
  const auto what = remedy_text(remedy);
  switch (remedy.state) {
    case RemedyState::kPlanned: {
      // Recovery hears of a fault a moment before the incident about it is open; for the incident it begins then.
      const auto at = std::max(remedy.planned_at, incident.opened_at);
      record(incident, at, "remedy_planned",
             what + ", attempt " + std::to_string(remedy.attempt) + ": " + remedy.reason, kHoldfast,
             remedy.evidence, seq);
      if (incident.state == IncidentState::kOpen) {
        incident.state = IncidentState::kAcknowledged;
        incident.acknowledged_at = at;
        incident.acknowledged_by = kHoldfast;
        record(incident, at, "acknowledged", "Holdfast took charge: " + what);
      }
      break;
    }
    case RemedyState::kRunning:
      record(incident, now, "remedy_started", what, kHoldfast, {}, seq);
      if (const auto axis = axis_of(remedy.name); !axis.empty())
        incident.handling.acts.push_back({std::string(axis), now, std::string(kHoldfast), what});
      break;
    case RemedyState::kDone:
      record(incident, remedy.finished_at.value_or(now), "remedy_finished",
             what + " is done; watching whether it helps", kHoldfast, {}, seq);
      break;
    case RemedyState::kVerified:
      record(incident, remedy.verified_at.value_or(now), "remedy_verified", what + " helped",
             kHoldfast, remedy.evidence, seq);
      break;
    case RemedyState::kNotHelped:
      record(incident, remedy.verified_at.value_or(now), "remedy_not_helped",
             what + " did not help: " + remedy.reason, kHoldfast, remedy.evidence, seq);
      break;
    case RemedyState::kFailed:
      record(incident, remedy.finished_at.value_or(now), "remedy_finished",
             what + " failed: " + remedy.reason, kHoldfast, remedy.evidence, seq);
      break;
    case RemedyState::kRefused:
      record(incident, now, "remedy_finished", what + " is held back: " + remedy.reason, kHoldfast,
             remedy.evidence, seq);
      break;
    case RemedyState::kEscalated:
      record(incident, now, "escalated", "A person is needed: " + remedy.reason, kHoldfast,
             remedy.evidence, seq);
      if (incident.state == IncidentState::kAcknowledged && incident.acknowledged_by == kHoldfast)
        incident.state = IncidentState::kOpen;
      return {"escalated"};
  }
  return {};
}

void apply_instance(Incident& incident, const model::Instance& instance, std::int64_t seq,
                    WallTime now) {
  std::string text = instance.id + " is " + std::string(instance_state_name(instance.state));
  if (!instance.detail.empty()) text += ": " + instance.detail;
  record(incident, instance.since == WallTime{} ? now : instance.since, "instance", std::move(text),
         kHoldfast, {}, seq);
}

void apply_notification(Incident& incident, const model::Notification& notification,
                        std::int64_t seq, WallTime now) {
  const auto what =
      notification.event + " to " + notification.receiver + " (" + notification.kind + ")";
  if (notification.state == model::NotificationState::kDelivered) {
    record(incident, notification.delivered_at.value_or(now), "notified", what, kHoldfast, {}, seq);
  } else if (notification.state == model::NotificationState::kFailed) {
    record(incident, now, "notify_failed", what + ": " + notification.detail, kHoldfast, {}, seq);
  }
}

Notices settle(Incident& incident, Duration resolve_after, WallTime now) {
  if (incident.state != IncidentState::kMitigated || any_firing(incident) || !incident.mitigated_at)
    return {};
  if (now - *incident.mitigated_at < resolve_after) return {};
  incident.state = IncidentState::kResolved;
  incident.resolved_at = now;
  incident.resolved_by = kHoldfast;
  record(incident, now, "resolved", "Quiet for " + format_duration(resolve_after));
  return {"resolved"};
}

Result<Notices> acknowledge(Incident& incident, const std::string& by, WallTime now) {
  if (incident.state == IncidentState::kMitigated || incident.state == IncidentState::kResolved)
    return conflict(incident, "acknowledged");
  if (incident.state == IncidentState::kAcknowledged && incident.acknowledged_by == by)
    return Notices{};
  // A person takes over what Holdfast acknowledged; the first moment stays.
  if (!incident.acknowledged_at) incident.acknowledged_at = now;
  incident.state = IncidentState::kAcknowledged;
  incident.acknowledged_by = by;
  record(incident, now, "acknowledged", by + " takes charge", by);
  return Notices{};
}

Result<Notices> mitigate(Incident& incident, const std::string& by, WallTime now) {
  if (incident.state == IncidentState::kMitigated || incident.state == IncidentState::kResolved)
    return conflict(incident, "mitigated");
  if (!incident.acknowledged_at) {
    incident.acknowledged_at = now;
    incident.acknowledged_by = by;
  }
  incident.state = IncidentState::kMitigated;
  incident.mitigated_at = now;
  record(incident, now, "mitigated", "Declared mitigated", by);
  return Notices{"mitigated"};
}

Result<Notices> resolve(Incident& incident, const std::string& by, const std::string& text,
                        WallTime now) {
  if (incident.state == IncidentState::kResolved) return conflict(incident, "resolved");
  if (!incident.acknowledged_at) {
    incident.acknowledged_at = now;
    incident.acknowledged_by = by;
  }
  if (!incident.mitigated_at) incident.mitigated_at = now;
  incident.state = IncidentState::kResolved;
  incident.resolved_at = now;
  incident.resolved_by = by;
  record(incident, now, "resolved", text.empty() ? "Declared resolved" : text, by);
  return Notices{"resolved"};
}

Result<Notices> add_note(Incident& incident, const std::string& by, const std::string& text,
                         WallTime now) {
  record(incident, now, "note", text, by);
  return Notices{};
}

Result<Notices> set_rank(Incident& incident, model::Rank rank, const std::string& by,
                         WallTime now) {
  if (incident.state == IncidentState::kResolved)
    return conflict(incident, "given another severity");
  if (incident.rank == rank) return Notices{};
  record(incident, now, "severity_changed",
         level_name(incident, incident.rank) + " to " + level_name(incident, rank), by);
  incident.rank = rank;
  return Notices{"severity_changed"};
}

}  // namespace holdfast::respond
