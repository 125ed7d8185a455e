// act/platform/supervised_instance.h: one instance of a service as a process, kept as it should be.
//
// Purpose     The state machine of a slot: start, probe, stop, restart. For ProcessPlatform.
//
//              start()            startup and ready probes pass       a probe fails for good
//     kExited ───────▶ kStarting ──────────────────────────▶ kReady ◀───────────────▶ kUnready
//        ▲                 │ cannot be executed                   it passes again        │
//        │                 ▼                                                             │
//        │              kFailed                                                          │
//        └─── process ended ◀─── SIGTERM, grace, SIGKILL ◀─── kStopping ◀─── stop() ─────┘
//
// Durability  Each change of state is an entry and a document in one commit. "Starting" is durable
//             before the process is spawned, its pid and start time right after. When the journal
//             refuses, the instance runs all the same: a full disk must not take a service down,
//             and HOLDFAST_INSTANCE in its environment finds it again.
// Restarts    A service with remedies leaves an ended instance in kExited or kFailed to the healer.
//             Without remedies it comes back by itself: after backoff_min, doubled each time up to
//             backoff_max, from the beginning again once it was ready for as long as backoff_max.
//             The same then holds for one that is not ready in time or hangs.
// Health      A service without a port, or without probes, is ready when it has lived kSettleTime.
// Threads     Control strand only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "act/platform/health_prober.h"
#include "act/platform/platform.h"
#include "act/processes.h"
#include "base/env.h"
#include "model/service.h"
#include "state/journal.h"

namespace holdfast::act {

struct InstanceParts {
  Env& env;
  state::Journal& journal;
  Processes& processes;
  HealthProber& prober;
  std::string data_directory;
};

// What its document holds.
struct InstanceRecord {
  model::Instance instance;
  std::uint64_t start_time = 0;  // of the process; 0: none
  int starts = 0;                // processes spawned for it so far
};
Result<InstanceRecord> parse_instance_record(std::string_view body);
std::string dump_instance_record(const InstanceRecord& record);

std::string instance_id(const std::string& service, const std::string& version, int index);

class SupervisedInstance : public std::enable_shared_from_this<SupervisedInstance> {
 public:
  static constexpr Duration kSettleTime = 200ms;

  SupervisedInstance(InstanceParts parts, const model::Service& service,
                     const model::ProcessVersion& version, int index, Platform::Changed changed);

  // Goes on counting where an earlier Holdfast stopped.
  void remember(const InstanceRecord& record);
  // Takes up the process of an earlier Holdfast, and kills strays beside it. True when it lives.
  bool adopt(const InstanceRecord& record);
  void start();  // at once; nothing when it runs
  // Stays down. Every caller is told once the process has ended.
  void stop(Duration grace, Platform::Stopped stopped);
  void check(Platform::Checked checked);
  // No timers and callbacks any more; the process is left as it is.
  void abandon();

  const model::Instance& instance() const { return record_.instance; }
  Duration stop_grace() const { return service_.platform.stop_grace; }
  bool is_down() const { return !process_ && !spawning_; }

 private:
  enum class Phase { kStartup, kServing };

  void spawn();
  void run_began();
  void ended(const ProcessExit& exit);
  void restart_later();
  void adopted_now(const InstanceRecord& record);
  void kill_stray(const ProcessRef& stray);

  bool has_probes() const;
  void probe_now();
  void probe_live(MonoTime began);
  void probe_ready(MonoTime began);
  void probe_next(MonoTime began);
  void startup_failed(const Error& why, MonoTime began);
  void serving_failed(const char* probe, int& failures, const Error& why, MonoTime began);
  void give_up_run();
  std::function<void(Result<void>)> for_this_run(std::function<void(Result<void>)> handler);

  void set_state(model::InstanceState state, std::string detail,
                 std::function<void()> durable = {});
  void set_timer(TimerId& timer, Duration delay, void (SupervisedInstance::*task)());
  void cancel(TimerId& timer);
  void cancel_timers();
  void tell_stopped();
  std::string tag() const;
  ProcessSpec spec() const;
  bool restarts_itself() const { return service_.remedies.empty(); }

  InstanceParts parts_;
  const model::Service service_;
  const model::ProcessVersion version_;
  Platform::Changed changed_;
  InstanceRecord record_;

  std::optional<ProcessRef> process_;
  bool up_wanted_ = false;
  bool spawning_ = false;    // "starting" is on its way to the disk
  bool stopping_ = false;    // SIGTERM was sent
  bool restarting_ = false;  // stopped by ourselves, to come back
  std::uint64_t run_ = 0;    // answers to probes of an earlier run are not for this one
  Phase phase_ = Phase::kStartup;
  MonoTime run_began_{};
  std::optional<MonoTime> ready_since_;
  int live_failures_ = 0;
  int ready_failures_ = 0;
  Duration backoff_{};
  TimerId probe_timer_ = TimerId::kNone;
  TimerId kill_timer_ = TimerId::kNone;
  TimerId backoff_timer_ = TimerId::kNone;
  std::vector<Platform::Stopped> waiting_for_stop_;
};

}  // namespace holdfast::act
