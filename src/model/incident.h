// model/incident.h: an incident, its life, its timeline, and the notices about it.
//
// Life        open -> acknowledged -> mitigated -> resolved. Acknowledging may be skipped (a repair can be
//             faster than a person); a resolved incident never reopens: a relapse is a new one that links back.
// Topics      kIncidentChanged (key: incident id), kNotificationChanged (key: notification id).
// Units       All times are WallTime; `seconds` fields in JSON are decimal seconds.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "model/alert.h"
#include "model/incident_record.h"
#include "model/severity.h"

namespace holdfast::model {

inline constexpr std::string_view kIncidentChanged = "incident.changed";
inline constexpr std::string_view kNotificationChanged = "notification.changed";

using IncidentId = Id<struct IncidentTag>;  // "INC-20261121-001": day of opening, UTC, and a count

enum class IncidentState { kOpen, kAcknowledged, kMitigated, kResolved };
std::string_view incident_state_name(IncidentState state);
std::optional<IncidentState> incident_state_of(std::string_view name);

// One line of the timeline. `kind` is a stable word the console translates; `text` is English.
// Kinds: impact_started, alert_fired, alert_resolved, opened, severity_changed, acknowledged, notified,
// notify_failed, instance, remedy_planned, remedy_started, remedy_finished, remedy_verified,
// remedy_not_helped, escalated, mitigated, resolved, note, drill, page, escalation; by people: confirmed, impact_moved, role_assigned,
// role_handed_over, backup_told, task, handling, act, check, status_update, war_room, merged, split, linked, chat, change,
// words_sent, closed; by clocks: response_overdue, recovery_overdue, resolution_overdue, update_due.
struct TimelineEntry {
  WallTime at{};
  std::string kind;
  std::string text;
  std::string actor;  // "holdfast", or the person who did it
  std::optional<Evidence> evidence;
  std::int64_t source_seq = 0;  // the journal entry it stems from; 0 when it is its own
  std::string id{};             // "e7", unique within the incident
  bool pinned = false;
  std::vector<Revision> revisions{};  // oldest first; `at` and `text` are as last corrected
};

struct IncidentAlert {
  std::string fingerprint;
  Labels labels;
  AlertState state = AlertState::kFiring;
};

struct Incident {
  IncidentId id;
  std::string title;
  std::string service;
  Labels group;  // the labels alerts were joined by
  Rank rank = Rank::kMedium;
  std::string scheme = "A";
  IncidentState state = IncidentState::kOpen;
  bool drill = false;  // caused by a drill; notices say so
  WallTime started_at{};  // impact start: the earliest active_at of its alerts
  WallTime opened_at{};   // when Holdfast detected it
  std::optional<WallTime> acknowledged_at;
  std::string acknowledged_by;
  std::optional<WallTime> mitigated_at;
  std::optional<WallTime> resolved_at;
  std::string resolved_by;
  std::vector<IncidentAlert> alerts;
  std::vector<TimelineEntry> timeline;  // oldest first
  std::string previous;  // id of the incident this is a relapse of

  std::string source = "automatic";  // how it was found: automatic, user_report, proactive (M13-24)
  std::string started_source = "signal";  // who said when the impact started: signal, or a person
  std::vector<std::string> level_names{};  // of a configured scheme, rank 1 first; empty: schemes A and B
  std::string extent{};       // functions and users affected
  std::string user_impact{};
  std::string ticket{};
  std::optional<WallTime> confirmed_at{};  // extent, severity and ticket were there (M13-25)
  std::string confirmed_by{};
  std::optional<WallTime> recovery_started_at{};  // the first act that could repair it
  std::optional<WallTime> expected_recovery_at{};
  std::optional<WallTime> next_update_at{};  // when people outside want to hear again
  std::vector<IncidentClock> clocks{};
  std::vector<IncidentRole> roles{};
  std::vector<IncidentTask> tasks{};
  IncidentHandling handling{};
  std::vector<RecoveryCheck> checks{};
  std::vector<IncidentLink> links{};
  WarRoom war_room{};
  std::string merged_into{};            // resolved by being part of that one
  std::vector<Labels> also_groups{};    // of incidents merged into this one
  std::optional<WallTime> closed_at{};  // after recovery: checked, and the summary asked for
  std::string closed_by{};
  std::int64_t entries_made = 0;  // numbers lines of the timeline
  std::int64_t tasks_made = 0;

  bool active() const { return state != IncidentState::kResolved; }
  // confirming, handling, recovering, resolved, closed: where it stands in the process of the mission.
  std::string_view phase() const;
  const IncidentClock* clock(std::string_view kind) const;
  const IncidentRole* role(std::string_view name) const;
};

enum class NotificationState { kPending, kDelivered, kFailed };
std::string_view notification_state_name(NotificationState state);  // pending, delivered, failed

struct Notification {
  std::string id;         // the idempotency key: one per incident, event and receiver
  std::string incident;
  std::string receiver;   // configured name
  std::string kind;       // log, webhook, slack, email
  std::string event;      // opened, acknowledged, mitigated, resolved, escalated
  NotificationState state = NotificationState::kPending;
  int attempts = 0;
  std::string detail;     // the last error, or what the receiver answered
  WallTime created_at{};
  std::optional<WallTime> delivered_at;
};

void to_json(nlohmann::json& j, const TimelineEntry& v);
void from_json(const nlohmann::json& j, TimelineEntry& v);
void to_json(nlohmann::json& j, const IncidentAlert& v);
void from_json(const nlohmann::json& j, IncidentAlert& v);
void to_json(nlohmann::json& j, const Incident& v);
void from_json(const nlohmann::json& j, Incident& v);
void to_json(nlohmann::json& j, const Notification& v);
void from_json(const nlohmann::json& j, Notification& v);

}  // namespace holdfast::model
