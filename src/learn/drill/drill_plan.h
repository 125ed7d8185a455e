// learn/drill/drill_plan.h: what a drill will break and how that is undone, decided before anything
// is; pure.
//
// Purpose     plan_drill() chooses the target among what runs and says what is sent to which admin
//             port.
// Record      A drill with its undo is one document: what a later Holdfast needs to put everything
//             back.
// Errors      kNotFound for a kind that does not exist; kConflict when the service cannot be
//             drilled now, saying why.
// Threads     Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "act/operations.h"
#include "base/result.h"
#include "learn/drill/drills.h"
#include "model/operations.h"
#include "model/service.h"

namespace holdfast::learn {

struct Undo {
  std::vector<std::string> admin;  // addresses to clear of faults
  bool stop_canary = false;
  std::string version;  // stable, when the drill began
  int replicas = 0;     // of it
};

struct DrillRecord {
  model::Drill drill;
  Undo undo;
};
std::string dump_record(const DrillRecord& record);
Result<DrillRecord> parse_record(std::string_view body);

struct DrillPlan {
  std::string target;                  // instances or the version, for people
  std::vector<std::string> addresses;  // admin ports; of a canary they are known when it runs
  std::string order;                   // the body of POST /fault
  std::string canary;                  // version to start; empty: none
  int canary_replicas = 0;
  double canary_percent = 0;
  bool ends_process = false;  // the order may go unanswered
  Undo undo;
};

Result<DrillPlan> plan_drill(const std::string& kind, const model::Service& service,
                             const std::vector<model::Instance>& instances,
                             const std::vector<act::WantedVersion>& wanted,
                             const DrillOptions& options);

// The service a drill may break: run by Holdfast and guarded. Empty: the first of them.
Result<const model::Service*> find_drillable(const std::vector<model::Service>& services,
                                             const std::string& name);

bool has_ended(const model::Drill& drill);  // passed, failed or aborted
// Sets state passed or failed, and the verdict. `trouble`: what went wrong beyond what the times
// tell.
void judge_drill(model::Drill& drill, const std::string& trouble, Duration deadline);

}  // namespace holdfast::learn
