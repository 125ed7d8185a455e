// Alerts, faults and incidents for the tests of room respond.
#pragma once

#include "model/alert.h"
#include "model/incident.h"
#include "model/operations.h"
#include "respond/incident/step.h"

namespace holdfast::respond {

inline const WallTime kNoon = from_ms(1'767'268'800'000);  // 2026-01-01T12:00:00Z

inline model::Alert make_alert(const std::string& name, model::AlertState state, WallTime at,
                               const std::string& severity = "critical",
                               const std::string& service = "enhancer") {
  model::Alert alert;
  alert.labels = model::Labels{{"alertname", name}, {"service", service}, {"severity", severity}};
  alert.annotations = model::Labels{{"summary", name + " on " + service}};
  alert.state = state;
  alert.active_at = at;
  alert.fired_at = at;
  if (state == model::AlertState::kResolved) alert.resolved_at = at;
  alert.value = 0.5;
  alert.evidence = {
      "errors > 0.05", "0.5", "<= 0.05", "5s", "rules.yml:3", "would not fire at or below 0.05"};
  return alert;
}

inline model::Incident make_incident(WallTime at = kNoon) {
  const auto cause = cause_of(make_alert("HighErrors", model::AlertState::kFiring, at));
  auto incident =
      open_incident(model::IncidentId("INC-20260101-001"), cause, {"service"}, "A", false, "", at);
  apply_cause(incident, cause, at);
  return incident;
}

inline std::vector<std::string> kinds_of(const model::Incident& incident) {
  std::vector<std::string> kinds;
  for (const auto& entry : incident.timeline) kinds.push_back(entry.kind);
  return kinds;
}

}  // namespace holdfast::respond
