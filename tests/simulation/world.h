// tests/simulation/world.h: Holdfast's real control plane in a machine, a network and a time of our own making.
//
// Purpose     A story says what happens when; the world runs it, checks every promise at each step, and says what
//             was broken. The same seed gives the same history, to the last byte of the journal.
//
//   ┌──────────── machine "holdfast" ────────────┐        network         ┌── "pager" ──┐
//   │ app::ControlPlane   SimProcesses           │  delays, resets,       │  SimPager   │
//   │   journal, rules,     enhancer/5.0/0..2    │  partitions            │             │
//   │   incidents, healer   enhancer/5.1/0       ├────────────────────────┤             │
//   │ SimFileSystem       SimBalancer            │                        └─────────────┘
//   └────────────────────────────────────────────┘
//
// Real        Everything in src/. Simulated: the processes, HAProxy, the pager, users and their scraping: each
//             Scene::sample_every the users' requests are shared out by the balancer's weights and counted, and the
//             counts are appended to the store as a scrape would.
// Time        Moments of a story count from the world's beginning.
// Crashes     kKill: the program is gone, the disk and the processes stay. kPower: the processes go too, and what was
//             not synced may. Both fall at any instant, also between a commit and its answer.
// Threads     One. Worlds do not know of each other, and may run beside each other.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/sim.h"
#include "simulation/boot.h"
#include "simulation/checkers.h"
#include "simulation/sim_balancer.h"
#include "simulation/sim_pager.h"
#include "simulation/sim_processes.h"

namespace holdfast::simulation {

// What stands on the machine when the story begins.
struct Scene {
  int replicas = 3;
  int replicas_max = 6;
  bool balancer = true;
  double users_per_second = 60;
  Duration sample_every = 1s;
  Duration evaluate_every = 1s;
  Duration window = 5s;  // of the rules that judge instances
  Duration health_every = 500ms;
  std::string remedies;  // YAML list; empty: the usual ones
};

enum class Crash { kKill, kPower };

// What a story expects to see.
struct Matcher {
  std::string name;
  std::function<bool(const Happening&)> matches;
};
Matcher notified(const std::string& event);  // a page is shown: opened, resolved, escalated
Matcher incident_opened(const std::string& service);
Matcher incident_resolved(const std::string& service);
Matcher fault_found();
Matcher remedy(const std::string& name, const std::string& state);
Matcher instance(const std::string& id, const std::string& state);
Matcher alert(const std::string& name, const std::string& state);

class World {
 public:
  static constexpr const char* kService = "enhancer";

  explicit World(std::uint64_t seed, Scene scene = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // ---- the story
  void at(Duration when, std::function<void()> act);
  void run_until(Duration when);
  // Until it holds, at most until `limit`; whether it held.
  bool run_until(const std::function<bool()>& holds, Duration limit);
  void crash(Crash how = Crash::kKill);  // no more Holdfast; nothing when it is down
  void restart_after(Duration pause);    // tried again each second while its disk refuses
  // Dies within a few milliseconds of the `count`-th journal entry from now, and comes back after the pause.
  void crash_after_entries(std::int64_t count, Crash how, Duration pause);
  Duration now() const { return clock.mono() - MonoTime{}; }
  Duration between(Duration min, Duration max);  // a moment by chance

  // ---- expectations, judged by finish()
  void expect_between(Duration from, Duration to, Matcher matcher);  // at least once in this time
  void expect_once_between(Duration from, Duration to, Matcher matcher);  // and never outside it
  void expect_never(Matcher matcher);
  void expect(bool holds, const std::string& what);  // now
  std::size_t count(const Matcher& matcher) const;
  std::optional<Duration> first(const Matcher& matcher) const;

  // What runs is what is wanted and well, traffic is shared as wanted, nothing is open and no act under way.
  std::string not_converged() const;  // empty: converged
  void expect_converged();
  // Reads the whole journal back, judges the expectations. Everything that was broken, in words.
  std::vector<std::string> finish();

  // A person takes every active incident; what was answered with yes must be true for ever.
  void acknowledge(const std::string& by);

  app::ControlPlane* holdfast() { return boot_ ? boot_->plane.get() : nullptr; }
  std::vector<state::Entry> history();  // of the journal; Holdfast must be up

  // ---- users
  std::int64_t requests = 0, requests_lost = 0;
  std::optional<Duration> first_bad_answer;

 private:
  struct Expectation {
    Duration from, to;
    Matcher matcher;
    bool once = false, never = false;
    std::string text() const;
  };
  void write_configuration();
  void start();
  void hear(const state::Entry& entry);
  void try_start();
  Env env_of(const std::string& host);
  void users_come();
  void serve_users(double count);
  void scrape();
  using Samples = std::vector<std::pair<model::Labels, double>>;
  static Samples samples_of(const model::Instance& instance,
                            const SimProcess* process);  // null: no answer
  void append(metrics::Store& store, const Samples& values);
  void check_step();
  std::string traffic_not_as_wanted() const;

 public:
  SimClock clock;
  SimExecutor executor{clock};
  SeededRandom random;
  SimFileSystem files{random, &clock};
  SimNetwork network{executor, random};
  SimPager pager;
  SimProcesses processes;
  Checkers checkers;
  std::unique_ptr<SimBalancer> balancer;

 private:
  const Scene scene_;
  std::optional<app::Config> config_;
  std::vector<std::unique_ptr<Boot>> boots_;
  Boot* boot_ = nullptr;  // the one that runs
  std::vector<Expectation> expectations_;
  struct Doom {
    state::Seq seq;
    Crash how;
    Duration pause;
  };
  std::optional<Doom> doom_;
  std::map<std::string, double> slot_credit_;  // towards a slot's next request
  std::size_t process_violations_seen_ = 0;
  std::map<std::string, std::string> acknowledged_;  // incident to person: answered with yes
  std::set<std::string> waiting_for_yes_;
};

}  // namespace holdfast::simulation
