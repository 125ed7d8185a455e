// respond/incident/incidents.h: alerts become incidents; incidents live, are told, and end.
//
// Purpose     Subscribes to kAlertChanged, kFaultChanged, kInstanceChanged, kRemedyChanged, kDrillChanged. Groups
//             firing alerts and open faults by the configured labels (default: service) into incidents, keeps the
//             timeline, and asks for notifications (respond/notify) in the same commit.
// Decisions   step(Incident, event, now) -> {Incident, effects} is pure (incident/step.h) and tested alone.
// Pages       What on-call tells of pages and escalations (topics page.changed, escalation.changed) stands there, too.
// Crowds      An incident lists kIncidentAlertsMax alerts; of more it says once that there are more.
// Life        A firing alert or an open fault without an active incident of its group opens one; rank from the
//             severity label and the worst of its alerts. All alerts resolved and faults closed -> mitigated when a
//             remedy was verified or the signal is good; after `resolve_after` of quiet -> resolved by holdfast.
//             Relapse within `relapse_within` opens a new incident that names the previous one.
// Durable     Every change is committed with the incident as document of kind "incident" before a notification goes
//             out or an API call is answered. Counters of ids are documents too.
// Notices     Events: opened, escalated, severity_changed, mitigated, resolved. Key: incident/event[/n]/receiver.
// Response    Clocks, roles and reminders are members of the incident with due times (incident/response.h); one timer looks
//             at the earliest of all. Drills and merged incidents are told apart by members of theirs.
// Changes     A change of a service (an audit record service.* that did not fail, a recorded change) stands on the timeline of
//             its active incidents.
// Threads     Control strand only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/env.h"
#include "model/incident.h"
#include "model/operations.h"
#include "model/service.h"
#include "respond/incident/handling.h"
#include "respond/incident/response.h"
#include "respond/incident/war_room.h"
#include "respond/notify/notifier.h"
#include "state/journal.h"
#include "state/outbox.h"

namespace holdfast::respond {

struct IncidentOptions {
  std::vector<std::string> group_by = {"service"};
  Duration resolve_after = 2s;     // quiet after mitigation until it counts as resolved
  Duration relapse_within = 15min;
  // Alerts of these severity words open no incident; they are shown only.
  std::vector<std::string> ignore_severities = {"info", "none"};
  ResponseRules response{};
};

inline constexpr std::size_t kIncidentAlertsMax = 500;

// Words about an incident went out (respond/words): {"incident","text","by","audience"}.
inline constexpr std::string_view kWordsSent = "words.sent";

class Incidents {
 public:
  using Done = std::function<void(Result<model::Incident>)>;

  Incidents(Env& env, state::Journal& journal, state::Outbox& outbox, Notifier& notifier, IncidentOptions options);
  ~Incidents();

  // Before start(): who makes war rooms. It must outlive this.
  void make_rooms_with(const WarRooms& rooms);
  // Before start(): whether nobody is to be told of this firing alert (a silence, an inhibition). It opens and joins no
  // incident then; who says so hands it to consider() when that has ended.
  using HeldBack = std::function<bool(const model::Alert&)>;
  void ask_before(HeldBack held_back);
  // News of an alert that is not of our own rules, or no longer held back.
  void consider(const model::Alert& alert);
  // Restores incidents from the journal and subscribes. Once.
  Result<void> start(const std::vector<model::Service>& services);
  void configure(IncidentOptions options, const std::vector<model::Service>& services);  // on reload

  std::vector<model::Incident> active() const;                       // newest first, with timelines
  std::optional<model::Incident> find(const model::IncidentId& id) const;  // active ones from memory, others from the journal
  Result<std::vector<model::Incident>> list(std::string_view state, std::string_view service, std::size_t limit) const;

  // By a person; answered after it is durable. kNotFound, or kConflict when the life does not allow it
  // (the message names the present state).
  void acknowledge(const model::IncidentId& id, const std::string& by, Done done);
  void mitigate(const model::IncidentId& id, const std::string& by, Done done);
  void resolve(const model::IncidentId& id, const std::string& by, const std::string& text, Done done);
  void note(const model::IncidentId& id, const std::string& by, const std::string& text, Done done);
  void set_rank(const model::IncidentId& id, model::Rank rank, const std::string& by, Done done);
  // By hand: title, service, rank; source, extent, user_impact and started_at when given.
  void declare(model::Incident incident, const std::string& by, Done done);

  // Any act of incident/handling.h, on an incident of any state; answered and refused as those above.
  using Act = std::function<Result<Notices>(model::Incident&, const Who&)>;
  void change(const model::IncidentId& id, const std::string& by, Act act, Done done);
  // Both are changed in one commit. merge answers `into`, split the new incident.
  void merge(const model::IncidentId& from, const model::IncidentId& into, const std::string& by, Done done);
  void split(const model::IncidentId& from, std::vector<std::string> fingerprints, const std::string& title,
             const std::string& by, Done done);
  void link(const model::IncidentId& id, const std::string& kind, const model::IncidentId& other,
            const std::string& by, Done done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::respond
