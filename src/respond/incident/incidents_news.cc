// What others tell through the journal, as work for the queue.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "respond/incident/incidents_impl.h"
#include "respond/incident/timeline.h"

namespace holdfast::respond {
namespace {

// Topics of model/change.h and model/page.h.
constexpr std::string_view kChangeRecorded = "change.recorded";
constexpr std::string_view kPageChanged = "page.changed";
constexpr std::string_view kEscalationChanged = "escalation.changed";

std::string text_of(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string day_of(WallTime at) {
  const auto text = format_time(at);  // 2026-11-21T...
  return text.substr(0, 4) + text.substr(5, 2) + text.substr(8, 2);
}

}  // namespace

void Incidents::Impl::on_cause(const Cause& cause) {
  add_news(
      [this, cause](State& state, Touched& touched) { apply_to_group(state, touched, cause); });
}

void Incidents::Impl::apply_to_group(State& state, Touched& touched, const Cause& cause) {
  const auto now = env.clock.now();
  const auto group = group_of(cause.labels, options.group_by);
  if (auto* incident = home_of(state, cause, group); incident != nullptr) {
    const auto before = incident->timeline.size();
    if (crowded_out(*incident, cause)) {
      if (incident->timeline.size() != before) touch(touched, incident->id, {});
      return;
    }
    const auto notices = apply_cause(*incident, cause, now);
    if (incident->timeline.size() != before) touch(touched, incident->id, notices);
    return;
  }
  if (!cause.firing) return;
  const auto service = std::string(cause.labels.get("service"));
  auto id = new_id(state, now);
  auto incident = open_incident(id, cause, options.group_by, scheme_of_service(service),
                                drills.count(service) > 0, previous_of(group, now), now);
  apply_cause(incident, cause, now);
  state.active.emplace(id, std::move(incident));
  touch(touched, id, {"opened"});
}

// One storm must not make a document of megabytes: the alerts' page has them all.
bool Incidents::Impl::crowded_out(Incident& incident, const Cause& cause) const {
  if (incident.alerts.size() < kIncidentAlertsMax) return false;
  for (const auto& alert : incident.alerts)
    if (alert.fingerprint == cause.fingerprint) return false;
  const bool told = std::any_of(incident.timeline.begin(), incident.timeline.end(),
                                [](const auto& line) { return line.kind == "more_alerts"; });
  if (!told && cause.firing)
    record(incident, env.clock.now(), "more_alerts",
           "more than " + std::to_string(kIncidentAlertsMax) +
               " alerts; those after these are not listed here",
           kHoldfast, {}, 0);
  return true;
}

Incident* Incidents::Impl::home_of(State& state, const Cause& cause, const model::Labels& group) {
  Incident* home = nullptr;
  for (auto& [id, incident] : state.active) {
    if (!incident.active()) continue;
    for (const auto& alert : incident.alerts) {
      if (alert.fingerprint == cause.fingerprint) return &incident;
    }
    const bool mine = incident.group == group ||
                      std::find(incident.also_groups.begin(), incident.also_groups.end(), group) !=
                          incident.also_groups.end();
    if (mine && home == nullptr) home = &incident;
  }
  return home;
}

IncidentId Incidents::Impl::new_id(State& state, WallTime now) const {
  const auto day = day_of(now);
  const auto number = std::to_string(++state.counts[day]);
  return IncidentId("INC-" + day + "-" +
                    std::string(number.size() < 3 ? 3 - number.size() : 0, '0') + number);
}

std::string Incidents::Impl::scheme_of_service(const std::string& service) const {
  const auto found = schemes.find(service);
  return found == schemes.end() ? "A" : found->second;
}

std::string Incidents::Impl::previous_of(const model::Labels& group, WallTime now) const {
  std::string previous;
  for (const auto& [id, ended] : ended_lately) {
    if (ended.first == group && now - ended.second <= options.relapse_within) previous = id;
  }
  return previous;
}

void Incidents::Impl::remember_end(const Incident& incident) {
  if (incident.active()) return;
  ended_lately[incident.id.value] = {incident.group,
                                     incident.resolved_at.value_or(incident.opened_at)};
  const auto oldest = env.clock.now() - options.relapse_within;
  std::erase_if(ended_lately, [&](const auto& item) { return item.second.second < oldest; });
}

void Incidents::Impl::on_service_news(const std::string& service,
                                      std::function<Notices(Incident&)> apply) {
  add_news([service, apply](State& state, Touched& touched) {
    for (auto& [id, incident] : state.active) {
      if (incident.service == service && incident.active()) {
        touch(touched, id, apply(incident));
        return;
      }
    }
  });
}

void Incidents::Impl::on_entry(const state::Entry& entry) {
  if (entry.topic == model::kAlertChanged) {
    if (auto alert = parse_json<model::Alert>(entry.body)) on_alert(*alert);
  } else if (entry.topic == model::kFaultChanged) {
    if (auto fault = parse_json<model::Fault>(entry.body); fault && fault->fingerprint.empty())
      on_cause(cause_of(*fault));
  } else if (entry.topic == model::kRemedyChanged) {
    if (auto remedy = parse_json<model::Remedy>(entry.body)) {
      on_service_news(remedy->service, [this, remedy = *remedy, seq = entry.seq](Incident& i) {
        return apply_remedy(i, remedy, seq, env.clock.now());
      });
    }
  } else if (entry.topic == model::kInstanceChanged) {
    if (auto instance = parse_json<model::Instance>(entry.body)) {
      on_service_news(instance->service,
                      [this, instance = *instance, seq = entry.seq](Incident& i) {
                        apply_instance(i, instance, seq, env.clock.now());
                        return Notices{};
                      });
    }
  } else if (entry.topic == model::kNotificationChanged) {
    if (auto notification = parse_json<model::Notification>(entry.body))
      on_notification(*notification, entry.seq);
  } else if (entry.topic == kWarRoomChanged) {
    if (auto room = parse_json<model::WarRoom>(entry.body))
      on_war_room(IncidentId(entry.key), *room, entry.seq);
  } else if (entry.topic == model::kAudit) {
    if (auto audit = parse_json<model::Audit>(entry.body);
        audit && audit->action.starts_with("service.") && !audit->result.starts_with("failed"))
      on_change(audit->resource, audit->action.substr(8) + ": " + audit->result, audit->actor,
                audit->at, entry.seq);
  } else if (entry.topic == kWordsSent) {
    on_words_sent(entry);
  } else if (entry.topic == kChangeRecorded) {
    on_change_recorded(entry);
  } else if (entry.topic == kPageChanged || entry.topic == kEscalationChanged) {
    on_told(entry);
  } else if (entry.topic == model::kDrillChanged) {
    if (auto drill = parse_json<model::Drill>(entry.body)) on_drill(*drill);
  } else if (entry.topic == model::kIncidentChanged) {
    if (auto incident = parse_json<Incident>(entry.body)) remember_end(*incident);
  }
}

void Incidents::Impl::on_alert(const model::Alert& alert) {
  if (alert.state == model::AlertState::kPending) return;
  const auto word = lower(alert.labels.get("severity"));
  if (std::find(options.ignore_severities.begin(), options.ignore_severities.end(), word) !=
      options.ignore_severities.end())
    return;
  if (alert.state == model::AlertState::kFiring && held_back && held_back(alert)) return;
  on_cause(cause_of(alert));
}

void Incidents::Impl::on_notification(const model::Notification& notification, state::Seq seq) {
  if (notification.state == model::NotificationState::kPending) return;
  add_news([this, notification, seq](State& state, Touched& touched) {
    const auto found = state.active.find(IncidentId(notification.incident));
    if (found == state.active.end())
      return;  // told after its end: the notification's own record has it
    apply_notification(found->second, notification, seq, env.clock.now());
    touch(touched, found->first, {});
  });
}

void Incidents::Impl::on_war_room(const IncidentId& id, const model::WarRoom& room,
                                  state::Seq seq) {
  add_news([this, id, room, seq](State& state, Touched& touched) {
    const auto found = state.active.find(id);
    if (found == state.active.end() || found->second.war_room.state != "wanted") return;
    found->second.war_room = room;
    record(found->second, env.clock.now(), "war_room",
           room.state == "open" ? room.name + " is open"
                                : room.name + " could not be made: " + room.detail,
           kHoldfast, {}, seq);
    touch(touched, id, {});
  });
}

void Incidents::Impl::on_change(const std::string& service, const std::string& text,
                                const std::string& by, WallTime at, state::Seq seq) {
  add_news([this, service, text, by, at, seq](State& state, Touched& touched) {
    for (auto& [id, incident] : state.active) {
      if (incident.service != service || !incident.active()) continue;
      record(incident, at == WallTime{} ? env.clock.now() : at, "change", text, by, {}, seq);
      touch(touched, id, {});
    }
  });
}

void Incidents::Impl::on_words_sent(const state::Entry& entry) {
  const auto body = nlohmann::json::parse(entry.body, nullptr, false);
  const auto text = text_of(body, "text"), by = text_of(body, "by");
  const auto audience = text_of(body, "audience");
  const IncidentId id(text_of(body, "incident"));
  add_news([this, id, text, by, audience, seq = entry.seq, at = entry.at](State& state,
                                                                          Touched& touched) {
    auto incident = load(state, id);
    if (!incident) return;
    record(**incident, at, "words_sent", audience + ": " + text, by, {}, seq);
    // Users who were written to are informed (M13-28).
    if (audience.starts_with("users_") && !(*incident)->active() && !(*incident)->closed_at) {
      if (auto checked = add_check(**incident, "users_informed", text, {by, at}); !checked) return;
    }
    touch(touched, id, {});
  });
}

void Incidents::Impl::on_change_recorded(const state::Entry& entry) {
  const auto body = nlohmann::json::parse(entry.body, nullptr, false);
  if (text_of(body, "service").empty()) return;
  std::string text = text_of(body, "summary");
  for (const char* more : {"version", "state", "url"}) {
    const auto value = text_of(body, more);
    if (!value.empty()) text += (text.empty() ? "" : " ") + value;
  }
  auto at = parse_time(text_of(body, "at"));
  on_change(text_of(body, "service"), text, text_of(body, "actor"), at ? *at : entry.at, entry.seq);
}

void Incidents::Impl::on_told(const state::Entry& entry) {
  const auto body = nlohmann::json::parse(entry.body, nullptr, false);
  const bool page = entry.topic == kPageChanged;
  const auto page_state = text_of(body, "state");
  // Of a page its end is told: the way there is the page's own record.
  if (page && page_state != "handed_over" && page_state != "failed") return;
  std::string text = text_of(body, "text"), actor = text_of(body, "actor");
  if (page) {
    const auto method = body.find("method");
    text = (method == body.end() ? std::string() : text_of(*method, "kind")) + " to " +
           text_of(body, "person") + " (" + text_of(body, "why") + "): " + page_state;
    if (const auto detail = text_of(body, "detail"); !detail.empty()) text += ", " + detail;
  }
  if (actor.empty()) actor = kHoldfast;
  add_news([id = IncidentId(text_of(body, "incident")), text, actor, page, at = entry.at,
            seq = entry.seq](State& state, Touched& touched) {
    const auto found = state.active.find(id);
    if (found == state.active.end() || !found->second.active()) return;
    record(found->second, at, page ? "page" : "escalation", text, actor, {}, seq);
    touch(touched, id, {});
  });
}

void Incidents::Impl::on_drill(const model::Drill& drill) {
  if (drill.state == "passed" || drill.state == "failed" || drill.state == "aborted")
    drills.erase(drill.service);
  else
    drills.insert(drill.service);
}

}  // namespace holdfast::respond
