// learn/drill/drills.h: breaks a service on purpose, watches it being healed, puts everything back.
//
// Purpose     Kinds: process_crash, hang, error_burst, latency, memory_leak, failed_release. One at
//             a time. Faults go in through the demonstration service's admin port (POST /fault with
//             a time to live); for failed_release the other version is started as a canary first,
//             with a 20 % share of the traffic.
// Safety      What was broken and how to undo it is committed (document kind "drill") before it is
//             done. After a crash of Holdfast the next start restores first, then marks the drill
//             aborted. Every injected fault also ends by itself after its time to live. Incidents
//             of the service in this time are marked as drill.
// Measures    detected: incident opened; acknowledged: first remedy planned or a person; repaired:
//             remedy verified; closed: incident resolved; requests and requests lost from
//             load_requests_total over the drill.
// Verdict     passed when detected, repaired, closed and restored within `deadline`.
// Threads     Control strand only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "act/operations.h"
#include "act/processes.h"
#include "base/env.h"
#include "model/incident.h"
#include "model/operations.h"
#include "model/service.h"
#include "net/http.h"
#include "query/promql/engine.h"
#include "state/journal.h"

namespace holdfast::learn {

struct DrillKind {
  std::string name;
  std::string title;
  std::string what;    // what it breaks
  std::string expect;  // what should be seen
};
const std::vector<DrillKind>& drill_kinds();

struct DrillOptions {
  Duration deadline = 90s;
  Duration fault_ttl = 60s;
};

class Drills {
 public:
  using Done = std::function<void(Result<model::Drill>)>;

  Drills(Env& env, state::Journal& journal, act::Operations& operations, net::Client& client,
         const query::promql::Engine& engine, DrillOptions options = {});
  ~Drills();

  Result<void> start(
      std::vector<model::Service> services);  // restores what a crashed drill broke; once
  void configure(std::vector<model::Service> services);
  // Answered as soon as the drill is durable and begun; kConflict while another runs.
  void run(const std::string& kind, const std::string& service, const std::string& by, Done done);
  void abort(const std::string& id, const std::string& by, Done done);
  std::vector<model::Drill> runs() const;  // newest first, at most 200
  const model::Drill* active() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::learn
