// model/operations.h: what happens to services: instances come and go, faults are found, remedies run,
// drills rehearse. The words act, recover and learn publish to everyone.
//
// Topics      kInstanceChanged (key: instance id), kFaultChanged (key: fault id), kRemedyChanged (key:
//             remedy id), kDrillChanged (key: drill id), kAutomationChanged (the global stop), kAudit.
// Identity    A fault is kind + resource (mission W48): one open fault each, however often it is seen.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/alert.h"
#include "model/severity.h"

namespace holdfast::model {

inline constexpr std::string_view kInstanceChanged = "instance.changed";
inline constexpr std::string_view kFaultChanged = "fault.changed";
inline constexpr std::string_view kRemedyChanged = "remedy.changed";
inline constexpr std::string_view kDrillChanged = "drill.changed";
inline constexpr std::string_view kAutomationChanged = "automation.changed";
inline constexpr std::string_view kAudit = "audit";

enum class InstanceState { kStarting, kReady, kUnready, kStopping, kExited, kFailed };
std::string_view instance_state_name(InstanceState state);

struct Instance {
  std::string id;       // "enhancer/5.0/2": service, version, index
  std::string service;
  std::string version;
  int index = 0;        // 0-based slot
  std::string address;  // host:port it serves on; empty when it has none
  std::string admin_address;  // empty when it has none
  std::int64_t pid = 0;
  InstanceState state = InstanceState::kStarting;
  int restarts = 0;     // since it was first wanted
  std::string detail;   // "exit by signal 9", "ready probe: connection refused"
  WallTime since{};     // in this state
};

struct Fault {
  std::string id;    // "{kind}_{resource}_{epoch}" (mission M11-19)
  std::string kind;  // service_down, high_errors, api_slow, memory_high, hang, bad_release, or an alert's name
  std::string resource;  // the service, or service/version, or an instance id
  std::string service;
  Rank rank = Rank::kMedium;
  bool open = true;
  bool auto_recoverable = true;
  std::string strategy;     // the remedy chosen for it
  std::string fingerprint;  // of the alert it was found by; empty when seen directly
  WallTime detected_at{};
  std::optional<WallTime> closed_at;
  Evidence evidence;
};

enum class RemedyState { kPlanned, kRunning, kDone, kVerified, kNotHelped, kFailed, kRefused, kEscalated };
std::string_view remedy_state_name(RemedyState state);

struct RemedyStep {
  std::string name;  // check_service_status, graceful_shutdown, ...
  bool ok = true;
  std::string detail;
  WallTime at{};
};

struct Remedy {
  std::string id;  // the idempotency key of the act
  std::string fault_id;
  std::string service;
  std::string name;    // restart_service, scale_out, shift_traffic_to_stable
  std::string target;  // instance or version it acts on; empty: the service
  int attempt = 1;     // of this remedy for this fault
  RemedyState state = RemedyState::kPlanned;
  std::string reason;  // why chosen, why refused, why it failed
  std::vector<RemedyStep> steps;
  WallTime planned_at{};
  std::optional<WallTime> finished_at;  // the act ended
  std::optional<WallTime> verified_at;  // the signal was seen to be good (or not) again
  Evidence evidence;                    // the fault's at planning; the verification's at the end
};

struct Drill {
  std::string id;
  std::string name;     // process_crash, hang, error_burst, latency, memory_leak, failed_release
  std::string service;
  std::string state;    // injecting, waiting, restoring, passed, failed, aborted
  std::string target;
  std::string started_by;
  WallTime started_at{};
  std::optional<WallTime> injected_at;
  std::optional<WallTime> detected_at;      // an incident of the service opened
  std::optional<WallTime> acknowledged_at;  // Holdfast took charge (first remedy planned), or a person
  std::optional<WallTime> repaired_at;      // the signal was verified good again
  std::optional<WallTime> closed_at;        // the incident was resolved
  std::optional<WallTime> restored_at;      // everything the drill changed is back
  std::int64_t requests = 0;                // sent by the load generator during the drill
  std::int64_t requests_lost = 0;           // not answered, or answered 5xx
  std::string incident;
  std::string verdict;  // one sentence
};

struct Automation {
  bool stopped = false;  // the global stop: no remedy acts
  std::string by;
  std::string reason;
  WallTime at{};
};

struct Audit {
  std::string actor;
  std::string action;    // incident.ack, drill.run, automation.stop, config.reload, ...
  std::string resource;
  std::string result;    // ok, or the error
  std::string address;
  WallTime at{};
};

void to_json(nlohmann::json& j, const Instance& v);
void from_json(const nlohmann::json& j, Instance& v);
void to_json(nlohmann::json& j, const Fault& v);
void from_json(const nlohmann::json& j, Fault& v);
void to_json(nlohmann::json& j, const RemedyStep& v);
void from_json(const nlohmann::json& j, RemedyStep& v);
void to_json(nlohmann::json& j, const Remedy& v);
void from_json(const nlohmann::json& j, Remedy& v);
void to_json(nlohmann::json& j, const Drill& v);
void from_json(const nlohmann::json& j, Drill& v);
void to_json(nlohmann::json& j, const Automation& v);
void from_json(const nlohmann::json& j, Automation& v);
void to_json(nlohmann::json& j, const Audit& v);
void from_json(const nlohmann::json& j, Audit& v);

}  // namespace holdfast::model
