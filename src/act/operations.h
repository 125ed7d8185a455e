// act/operations.h: what may be asked of a running service: restart, scale, versions, traffic.
//
// Purpose     The one interface by which remedies, drills and the API change the outside world.
//             Conductor (act/conductor.h) carries it out with a platform driver (act/platform) and
//             a traffic router (act/traffic) per service; the simulation drives the same Conductor
//             over simulated drivers.
// Wanted      What should run (service, version, replicas, traffic share) is a document in the
//             journal, written before anything is done; the drivers converge towards it and do so
//             again after a crash.
// Answers     Every request ends with a Report or an error that names the step which failed. The
//             steps done until then are in the report either way. Requests with a known `key` that
//             already ended are answered from the journal and not done twice.
// Threads     Control strand only; handlers run there too.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/operations.h"
#include "model/service.h"

namespace holdfast::act {

struct Report {
  bool ok = false;
  std::string error;                     // empty when ok
  std::vector<model::RemedyStep> steps;  // in order, also those before a failure
};
using Done = std::function<void(Report)>;

// Two groups of servers share a service's traffic: "stable" and "canary".
struct ServerView {
  std::string name;      // stable1
  std::string group;     // stable or canary
  std::string instance;  // instance id; empty when the slot is free
  std::string address;
  std::string status;  // up, down, drain, maint, no_check
  int weight = 0;
  std::int64_t sessions = 0;        // open now
  std::int64_t requests_total = 0;  // since the router started
  std::int64_t errors_total = 0;    // responses 5xx and failed connections
};

struct TrafficView {
  bool reachable = false;  // the router answered
  std::string error;
  std::map<std::string, double> wanted_percent;  // by group, sums to 100
  std::map<std::string, double>
      effective_percent;  // by the router's weights of servers that are up
  std::vector<ServerView> servers;
};

struct WantedVersion {
  std::string version;
  std::string group;  // stable or canary
  int replicas = 0;
};

class Operations {
 public:
  virtual ~Operations() = default;

  virtual std::vector<model::Instance> instances(const std::string& service) const = 0;
  virtual std::vector<WantedVersion> wanted(const std::string& service) const = 0;
  // As of the last observation, at most about a second old.
  virtual TrafficView traffic(const std::string& service) const = 0;

  // Drains (when there is other capacity), stops gracefully, starts, waits until ready, undrains.
  // target: an instance id, a version, or empty for all instances, one after another.
  virtual void restart(const std::string& key, const std::string& service,
                       const std::string& target, Done done) = 0;
  virtual void scale(const std::string& key, const std::string& service, const std::string& version,
                     int replicas, Done done) = 0;
  // Starts `version` beside the stable one and gives it `percent` of the traffic when it is ready.
  virtual void start_canary(const std::string& key, const std::string& service,
                            const std::string& version, int replicas, double percent,
                            Done done) = 0;
  // All traffic to stable first, then the canary's instances stop.
  virtual void stop_canary(const std::string& key, const std::string& service, Done done) = 0;
  // Share of the canary group; 0 sends everything to stable. Verified by observing the router.
  virtual void set_canary_percent(const std::string& key, const std::string& service,
                                  double percent, Done done) = 0;
};

}  // namespace holdfast::act
