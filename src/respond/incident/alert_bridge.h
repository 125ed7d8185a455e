// respond/incident/alert_bridge.h: between the router's alerts and incidents: what is hidden opens none, what others posted may.
//
// Purpose     An alert that is silenced or inhibited wakes nobody, so it opens and joins no incident; when the hiding ends
//             and it fires still, it does. Alerts that others posted (API v2) open incidents like those of our own rules
//             when they carry every label incidents are grouped by. Once a person acknowledged an incident, its alerts
//             are acknowledged in the routing as well: receivers are not told of them again.
// Wake-up     What is hidden is looked at again, kHiddenAtOnce of it each kHiddenEvery. Nothing of it is durable: at the
//             start it is found anew among the router's alerts.
// Threads     Control strand only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "respond/incident/incidents.h"
#include "respond/route/router.h"
#include "state/journal.h"

namespace holdfast::respond {

inline constexpr Duration kHiddenEvery = 1s;
inline constexpr std::size_t kHiddenAtOnce = 1000;

class AlertBridge {
 public:
  // All must outlive it.
  AlertBridge(Env& env, state::Journal& journal, route::Router& router, Incidents& incidents);
  ~AlertBridge();

  // Before Incidents::start(), with the router started: from now on incidents ask.
  void ask();
  // After Incidents::start(): listens, and catches up with alerts that came while nobody listened.
  void start(std::vector<std::string> group_by);
  void configure(std::vector<std::string> group_by);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::respond
