// respond/oncall/policy.h: whom an incident reaches, in which order, and when the next one.
//
// Purpose     Plain values of `escalation_policies`. What they mean: escalation_step.h.
// Choice      The first policy that names the incident's service and takes its rank; else the first that names no
//             service.
// Threads     Values.
// Source      ../shared/reference/alerting.md sections 1.7 and 2.18.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "base/zones.h"
#include "model/incident.h"
#include "respond/oncall/schedule.h"

namespace holdfast::respond::oncall {

// Shorter waits would be over before a person has read the message.
inline constexpr Duration kStepWaitMin = 5s;
inline constexpr int kRepeatMax = 9;

struct Target {
  enum class Kind { kPerson, kSchedule, kTeam, kReceiver };
  Kind kind = Kind::kPerson;
  std::string name;
  std::string role;  // kSchedule: only this one of its roles; empty: all who are on call
};
std::string target_text(const Target& target);  // "schedule ops, primary"

// All that is given must hold; otherwise the step is passed over without waiting.
struct Condition {
  int worst_rank_only = 4;              // ranks up to this number
  std::vector<Window> between;          // any of them; empty: always
  Zone zone;                            // of `between`
  std::optional<int> alerts_more_than;  // fired within `alerts_within`
  Duration alerts_within = 10min;
};
bool holds(const Condition& condition, const model::Incident& incident, WallTime now);

struct Step {
  std::vector<Target> targets;  // none: only waits
  Duration wait = 5min;         // until the next step
  std::string urgency;       // high, low: which rules of a person; empty: by rank, 1 and 2 are high
  bool round_robin = false;  // one person of the targets, each time the next
  Condition when;
};

struct EscalationPolicy {
  std::string name;
  std::string title;
  std::vector<std::string> services;  // empty: for all that no other policy names
  int worst_rank_only = 4;
  std::vector<Step> steps;
  int repeat = 0;                // further rounds through all steps
  Duration ack_timeout = 30min;  // without news from who acknowledged, it begins anew; zero: never
  Duration repair_timeout = 5min;  // the same when it was Holdfast that took charge
};

const EscalationPolicy* choose_policy(const std::vector<EscalationPolicy>& policies,
                                      const model::Incident& incident);
const EscalationPolicy* find_policy(const std::vector<EscalationPolicy>& policies,
                                    std::string_view name);
std::string urgency_of(const Step& step, model::Rank rank);

}  // namespace holdfast::respond::oncall
