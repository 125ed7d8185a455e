// app/control_plane.h: the deciding half of Holdfast, wired together over an Env and drivers.
//
// Purpose     Owns journal, outbox, store, query engine, rules, notifier, incidents, conductor, healer, drills.
//             The daemon runs it on the machine; tests/simulation runs it in a World: the same object.
// Life        open() restores everything from disk and begins; the destructor is a crash as far as the world can
//             tell (nothing more is written, children live on); stop() is the orderly end.
// Reload      Services' platform and traffic are fixed for a run, and so is whether there is remote write at all;
//             everything else follows a reload.
// Threads     Construct, reconfigure, stop and destroy on the control strand, or before it runs.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "act/conductor.h"
#include "act/platform/health_prober.h"
#include "act/platform/platform.h"
#include "act/processes.h"
#include "app/alert_desk.h"
#include "app/config.h"
#include "app/oncall_desk.h"
#include "app/incident_desk.h"
#include "base/env.h"
#include "collect/forward/forwarder.h"
#include "collect/remote_read/remote_reader.h"
#include "detect/rules/manager.h"
#include "learn/drill/drills.h"
#include "metrics/store.h"
#include "net/http.h"
#include "query/promql/engine.h"
#include "query/promql/tracker.h"
#include "recover/healer.h"
#include "respond/incident/alert_bridge.h"
#include "respond/incident/incidents.h"
#include "respond/notify/notifier.h"
#include "state/journal.h"
#include "state/outbox.h"

namespace holdfast::app {

struct ControlPlaneOptions {
  std::string data;  // directory; journal/ and metrics/ beneath it
  Duration retention = 15 * 24h;
  std::size_t query_threads = 1;  // of one large query; more than one borrow the pool's
  std::uint64_t memory = 1 << 30;  // bytes the process may use; a part of it goes to caches
};

// Parts are public: the API and the simulation ask them directly; there is nothing to hide between them.
class ControlPlane {
 public:
  static Result<std::unique_ptr<ControlPlane>> open(Env& env, const Config& config,
                                                    const ControlPlaneOptions& options,
                                                    act::Processes& processes);
  ~ControlPlane();

  // Hands the new configuration to every part. Cannot fail: the configuration was checked.
  void reconfigure(const Config& config);
  // Stops children gracefully, lets the outbox hand over what is in flight, drains the journal.
  void stop(std::function<void()> done);

  Env& env;
  Config config;

 private:
  std::unique_ptr<ObjectStore> objects_;  // here, because the store refers to it

 public:
  std::unique_ptr<collect::Forwarder> forwarder;  // null without remote_write at the start
  std::unique_ptr<metrics::Store> store;
  std::unique_ptr<state::Journal> journal;
  std::unique_ptr<query::promql::QueryTracker> tracker;  // of what people and pages ask
  std::unique_ptr<net::Client> client;
  std::unique_ptr<collect::RemoteReader> reader;  // the store, and the peers of remote_read
  std::unique_ptr<query::promql::Engine> engine;  // asks `reader`
  std::atomic<std::int64_t> subquery_step{60'000};  // ms, of subqueries that name none; follows reloads
  std::unique_ptr<state::Outbox> outbox;

 private:
  std::unique_ptr<act::HealthProber> prober_;
  std::unique_ptr<act::Platform> platform_;  // here, because the conductor refers to it

 public:
  std::unique_ptr<act::Conductor> conductor;
  std::unique_ptr<respond::Notifier> notifier;
  std::unique_ptr<IncidentDesk> desk;  // war rooms, words, postmortems
  std::unique_ptr<respond::Incidents> incidents;
  std::unique_ptr<AlertDesk> alert_desk;  // routing, sending, what comes in, the status page
  std::unique_ptr<respond::AlertBridge> bridge;  // from routed alerts to incidents
  std::unique_ptr<OnCallDesk> oncall;            // who is on call, and escalations
  std::unique_ptr<detect::RuleManager> rules;
  std::unique_ptr<recover::Healer> healer;
  std::unique_ptr<learn::Drills> drills;

 private:
  explicit ControlPlane(Env& env) : env(env) {}
  OnCallConfig oncall_config() const;  // with the way to receivers of the routing
  OnCallDesk::Surroundings around_oncall() const;
  void schedule_maintenance();

  TimerId maintenance_ = TimerId::kNone;
};

}  // namespace holdfast::app
