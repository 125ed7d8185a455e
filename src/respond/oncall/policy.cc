#include "respond/oncall/policy.h"

#include <algorithm>

namespace holdfast::respond::oncall {
namespace {

// A window's day is the one it begins on, so that of Friday 22:00-06:00 holds on Saturday at 05:00.
bool open_at(const Window& window, const Zone& zone, WallTime now) {
  const auto civil = zone.civil(now);
  const int minute = civil.hour * 60 + civil.minute;
  const int today = weekday(civil);
  const auto named = [&](int day) {
    return window.weekdays.empty() ||
           std::find(window.weekdays.begin(), window.weekdays.end(), day) != window.weekdays.end();
  };
  if (window.begin_minute < window.end_minute)
    return named(today) && minute >= window.begin_minute && minute < window.end_minute;
  return (named(today) && minute >= window.begin_minute) ||
         (named((today + 6) % 7) && minute < window.end_minute);
}

}  // namespace

std::string target_text(const Target& target) {
  switch (target.kind) {
    case Target::Kind::kPerson:
      return target.name;
    case Target::Kind::kTeam:
      return "team " + target.name;
    case Target::Kind::kReceiver:
      return "receiver " + target.name;
    case Target::Kind::kSchedule:
      break;
  }
  return "schedule " + target.name + (target.role.empty() ? "" : ", " + target.role);
}

bool holds(const Condition& condition, const model::Incident& incident, WallTime now) {
  if (static_cast<int>(incident.rank) > condition.worst_rank_only) return false;
  if (!condition.between.empty() &&
      std::none_of(condition.between.begin(), condition.between.end(),
                   [&](const Window& window) { return open_at(window, condition.zone, now); }))
    return false;
  if (!condition.alerts_more_than) return true;
  const auto fired = std::count_if(
      incident.timeline.begin(), incident.timeline.end(), [&](const model::TimelineEntry& entry) {
        return entry.kind == "alert_fired" && entry.at + condition.alerts_within > now;
      });
  return fired > *condition.alerts_more_than;
}

const EscalationPolicy* choose_policy(const std::vector<EscalationPolicy>& policies,
                                      const model::Incident& incident) {
  const auto takes = [&](const EscalationPolicy& policy) {
    return static_cast<int>(incident.rank) <= policy.worst_rank_only;
  };
  for (const auto& policy : policies) {
    const auto& services = policy.services;
    if (takes(policy) &&
        std::find(services.begin(), services.end(), incident.service) != services.end())
      return &policy;
  }
  for (const auto& policy : policies) {
    if (takes(policy) && policy.services.empty()) return &policy;
  }
  return nullptr;
}

const EscalationPolicy* find_policy(const std::vector<EscalationPolicy>& policies,
                                    std::string_view name) {
  const auto found = std::find_if(policies.begin(), policies.end(),
                                  [&](const auto& policy) { return policy.name == name; });
  return found == policies.end() ? nullptr : &*found;
}

std::string urgency_of(const Step& step, model::Rank rank) {
  if (!step.urgency.empty()) return step.urgency;
  return rank <= model::Rank::kHigh ? "high" : "low";
}

}  // namespace holdfast::respond::oncall
