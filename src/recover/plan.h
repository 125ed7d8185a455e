// recover/plan.h: what is wrong, which remedy answers it, and whether it may act now; pure.
//
// Purpose     fault_of() reads a fault from an alert or an instance, rule_for() finds the remedy,
//             plan() weighs the bounds. Healer (healer.h) observes, journals the decisions and has
//             them carried out.
// Bounds      In the order they are asked: an act of this fault is under way or being verified; a
//             person has it; the instance is in motion; no rule; attempts_max; the global stop; the
//             remedy's own (replicas_max, nothing to take back); another act on the service; the
//             cool-down of the target. A hold names the bound and, where time lifts it, the moment:
//             the same hold has the same text, so that it is told once.
// Exception   shift_traffic_to_stable does not wait for another act on the service: users are being
//             harmed by a release, Operations takes the traffic off it at once and queues the rest
//             by itself.
// Threads     Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "act/operations.h"
#include "model/alert.h"
#include "model/operations.h"
#include "model/service.h"

namespace holdfast::recover {

inline constexpr std::string_view kProcessExit = "process_exit";
inline constexpr std::string_view kHang = "hang";
inline constexpr std::string_view kRestart = "restart_service";
inline constexpr std::string_view kScaleOut = "scale_out";
inline constexpr std::string_view kShiftTraffic = "shift_traffic_to_stable";

// Whether the healer looks after it: it is run by Holdfast and has remedies. Others restart
// themselves.
bool is_guarded(const model::Service& service);

// ---- faults

// An instance as seen over time: one that was asked to stop is not faulty when it has ended.
struct SeenInstance {
  model::Instance instance;
  bool stops_on_purpose = false;

  void see(const model::Instance& now_seen);
};

// A process that ended by itself, or cannot be started: process_exit. A live probe that fails:
// hang. An instance that is alive and not ready may be waiting for another service; a restart would
// not help it, so it is no fault.
std::optional<model::Fault> fault_of(const SeenInstance& seen,
                                     const std::vector<SeenInstance>& all_of_service, WallTime now);
// Of a firing alert that a rule of the service answers.
std::optional<model::Fault> fault_of(const model::Alert& alert, const model::Service& service,
                                     WallTime now);
// Whether both are about the same thing: kind and resource.
bool is_same(const model::Fault& a, const model::Fault& b);
bool is_direct(const model::Fault& fault);  // seen at the instance, without an alert

// ---- remedies

// Labels the rules are matched with: those of the alert, and `fault`.
model::Labels match_labels(const model::Fault& fault, const model::Alert* alert);
const model::RemedyRule* rule_for(const model::Service& service,
                                  const model::Labels& labels);  // first match
// max(n + 2, floor(1.5 n)), at most replicas_max.
int scale_out_target(int replicas, int replicas_max);

bool is_under_way(const model::Remedy& remedy);  // planned or running
bool has_acted(const model::Remedy& remedy);     // counts as an attempt

// What plan() weighs beside the fault. Everything referred to outlives the call.
struct Situation {
  const model::Service& service;
  const model::RemedyRule* rule = nullptr;
  const model::Automation& automation;
  std::vector<const model::Remedy*> remedies;  // of the service, oldest first
  std::vector<act::WantedVersion> wanted;
  // The faulty instance is starting or stopping already, by whomever: what comes of it decides.
  bool is_in_motion = false;
};

enum class Verdict { kNothing, kAct, kHold, kEscalate };

struct Decision {
  Verdict verdict = Verdict::kNothing;
  std::string reason;
  std::string remedy;
  std::string target;   // instance or version; empty: the service
  std::string version;  // scale_out
  int replicas = 0;     // scale_out
  int attempt = 0;
};

Decision plan(const model::Fault& fault, const Situation& situation, WallTime now);

}  // namespace holdfast::recover
