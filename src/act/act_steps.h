// act/act_steps.h: the acts, as lists of named steps over a ServiceDesk.
//
// Purpose     What is done in which order for a restart, a change of scale and the life of a
//             canary. The conductor runs the steps one after another and keeps the record. For
//             Conductor.
// Names       As the mission has them, M11-21: check_service_status, graceful_shutdown,
//             wait_for_shutdown, restart_service, wait_for_ready, health_check (once for each
//             instance); M11-22: get_current_scale, scale_up (scale_down), wait_for_new_instances,
//             verify_load_distribution.
// Threads     Control strand only.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "act/act_record.h"
#include "act/service_desk.h"

namespace holdfast::act {

struct Act {
  ActRecord record;
  std::shared_ptr<ServiceDesk> desk;
  std::vector<Done> waiters;
  std::string overtaken;           // why it must not go on; empty: it may
  std::set<std::string> draining;  // given back when it ends
  // Writes the record; the act goes on whether or not that worked.
  std::function<void(std::function<void()>)> save;
};
using ActPtr = std::shared_ptr<Act>;

struct Step {
  std::string name;
  std::function<void(StepDone)> run;
  bool runs_next_on_failure = false;  // the next step gives the verdict
};

// Why this cannot be done at all; checked before anything is recorded.
Result<void> check_act(const ActRecord& record, const ServiceDesk& desk);
// May settle members of the record (restart: its targets).
std::deque<Step> steps_of(const ActPtr& act);

}  // namespace holdfast::act
