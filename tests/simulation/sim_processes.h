// tests/simulation/sim_processes.h: the operating system's processes, as values that serve HTTP and break.
//
// Purpose     act::Processes in memory. A process is an instance of the simulated service: it listens on the
//             simulated network, answers /health/live, /health/ready and /health/startup, takes faults at its
//             admin port as the demonstration service does (POST, GET and DELETE /fault), and counts requests.
// Command     [NAME, VERSION, PORT, ADMIN_PORT]; the instance id is what follows '#' in the tag.
// Behaviour   What a process does is decided by three layers, the worst of which holds: its version's, its
//             instance id's (both outlive a restart: a bug, a bad machine) and its own (a restart cures it).
// Life        Processes outlive Holdfast; forget_watcher() is what its death means to them. power_off() ends all.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "act/processes.h"
#include "base/env.h"
#include "net/http.h"

namespace holdfast::simulation {

struct Behaviour {
  double error_share = 0;  // of its answers to users
  Duration latency{};      // of every answer
  bool hangs = false;      // nothing is answered, SIGTERM is not heard
};

class SimProcess {
 public:
  SimProcess(Env env, act::ProcessRef ref, const act::ProcessSpec& spec, Duration startup);

  Result<void> listen();
  bool started() const;  // past its startup
  void send(const Behaviour& behaviour, net::ResponderPtr responder, int status);
  void take_fault(const net::Request& request, const net::ResponderPtr& responder);

  Env env;
  act::ProcessRef ref;
  std::string tag, id, version;
  int port = 0, admin_port = 0;
  MonoTime started_at;
  Behaviour own;
  MonoTime own_until = MonoTime::max();
  std::function<void()> crash;     // what the fault of that name does
  act::Processes::OnExit on_exit;  // empty: nobody watches
  Executor* watcher = nullptr;     // where on_exit runs
  std::int64_t answers_good = 0, answers_bad = 0;
  double seconds_sum = 0;   // of all answers
  double error_credit = 0;  // towards the next bad answer
  std::function<Behaviour()> behaviour;

 private:
  void add_health(const std::string& path);
  net::Router routes_, admin_routes_;
  std::vector<net::ResponderPtr> never_answered_;
  std::unique_ptr<net::Server> server_, admin_;
};

class SimProcesses final : public act::Processes {
 public:
  explicit SimProcesses(Env machine) : env_(machine) {}

  Result<act::ProcessRef> spawn(const act::ProcessSpec& spec, OnExit on_exit) override;
  Result<void> adopt(const act::ProcessRef& process, OnExit on_exit) override;
  Result<void> signal(const act::ProcessRef& process, int signal) override;
  std::vector<act::ProcessRef> find(const std::string& tag) override;
  void forget(const act::ProcessRef& process) override;

  // Whose executor runs on_exit from now on; null after its death: exits go unheard.
  void set_watcher(Executor* executor);
  void power_off();

  std::map<std::int64_t, std::unique_ptr<SimProcess>>& living() { return living_; }
  const std::map<std::int64_t, std::unique_ptr<SimProcess>>& living() const { return living_; }
  SimProcess* by_id(const std::string& id);
  SimProcess* by_port(int port);
  bool answers(int port);
  void crash(const std::string& id, int signal);  // nothing when it does not run
  Behaviour behaviour_of(const SimProcess& process) const;

  std::map<std::string, Behaviour> by_version, by_instance;
  std::map<std::string, int> spawns;    // by instance id
  std::vector<std::string> violations;  // two processes of one instance

 private:
  void end(std::int64_t pid, act::ProcessExit exit);

  Env env_;
  Executor* watcher_ = nullptr;
  std::map<std::int64_t, std::unique_ptr<SimProcess>> living_;
  std::int64_t last_pid_ = 100;
};

}  // namespace holdfast::simulation
