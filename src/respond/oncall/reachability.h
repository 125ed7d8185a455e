// respond/oncall/reachability.h: the pre-flight: who could not be reached, before it matters.
//
// Purpose     Goes through schedules, policies and people as a page would and lists what would fail: people on a
//             schedule without a way that works, ways never or not lately proven, policy steps that reach nobody
//             (with the minute at which they would come), schedules with holes in the time to come. A schedule is
//             green only without findings.
// Severity    broken: a page would reach nobody, or a hole. weak: it would arrive, but nothing proves it.
// Threads     Pure; values.
// Source      ../shared/reference/alerting.md N15; traps 15 to 17.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "model/person.h"
#include "respond/oncall/policy.h"
#include "respond/oncall/schedule.h"

namespace holdfast::respond::oncall {

struct ReachFinding {
  std::string severity;              // broken, weak
  std::string what;                  // schedule, policy, person
  std::string name;                  // of it
  std::string text;                  // English, one line
  std::string person;                // whom it concerns; may be empty
  int step = 0;                      // policy: from 1
  int minute = -1;                   // policy: after the beginning
  std::optional<WallTime> from, to;  // a hole
};

struct ReachInput {
  const std::vector<Schedule>& schedules;
  const Changes& changes;
  const std::vector<EscalationPolicy>& policies;
  const std::map<std::string, model::Person>& people;
  // Why a method cannot work at all; empty: it can.
  std::function<std::string(const model::ContactMethod&)> missing;
  std::function<std::optional<WallTime>(const std::string& person, const model::ContactMethod&)>
      proven_at;
  WallTime now{};
  Duration ahead = 30 * 24h;          // holes are looked for
  Duration proof_age_max = 90 * 24h;  // older proofs count as weak
};

std::vector<ReachFinding> check_reachability(const ReachInput& input);

void to_json(nlohmann::json& j, const ReachFinding& v);

}  // namespace holdfast::respond::oncall
