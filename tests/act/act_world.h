// tests/act/act_world.h: a conductor over processes, probes, a router and a journal that exist in
// memory and
// run in virtual time. The outside (processes, router, journal) survives crash(), as it would.
#pragma once

#include <signal.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "act/conductor.h"
#include "act/platform/process_platform.h"
#include "act/traffic/share.h"
#include "base/sim.h"

namespace holdfast::act {

class FakeProcesses final : public Processes {
 public:
  struct Child {
    ProcessRef ref;
    std::string tag;
    std::string address;  // the second word of its command
    OnExit on_exit;       // empty: nobody watches
    MonoTime started{};
  };

  explicit FakeProcesses(SimExecutor& executor) : executor_(executor) {}

  Result<ProcessRef> spawn(const ProcessSpec& spec, OnExit on_exit) override {
    if (refuse) return not_found("start " + spec.command[0] + ": no such file");
    const ProcessRef ref{++last_pid_, 1000 + static_cast<std::uint64_t>(last_pid_)};
    children[ref.pid] = {ref, spec.tag, "127.0.0.1:" + spec.command[1], std::move(on_exit),
                         executor_.clock().mono()};
    spawn_times.push_back(executor_.clock().mono());
    return ref;
  }
  Result<void> adopt(const ProcessRef& process, OnExit on_exit) override {
    auto* child = living(process);
    if (child == nullptr) return not_found("gone");
    child->on_exit = std::move(on_exit);
    return {};
  }
  Result<void> signal(const ProcessRef& process, int signal) override {
    auto* child = living(process);
    if (child == nullptr) return not_found("gone");
    if (on_signal) on_signal(*child, signal);
    if (signal == SIGKILL) end(process, {-1, SIGKILL});
    if (signal != SIGTERM || stubborn) return {};
    executor_.post_after(Lane::kControl, stop_takes, [this, process] { end(process, {0, 0}); });
    return {};
  }
  std::vector<ProcessRef> find(const std::string& tag) override {
    std::vector<ProcessRef> out;
    for (const auto& [pid, child] : children) {
      if (child.tag == tag) out.push_back(child.ref);
    }
    return out;
  }
  void forget(const ProcessRef& process) override {
    if (auto* child = living(process)) child->on_exit = {};
  }

  void end(const ProcessRef& process, ProcessExit exit) {
    auto* child = living(process);
    if (child == nullptr) return;
    auto on_exit = std::move(child->on_exit);
    children.erase(process.pid);
    if (on_exit) executor_.post(Lane::kControl, [on_exit, exit] { on_exit(exit); });
  }
  const Child* at_address(const std::string& address) const {
    for (const auto& [pid, child] : children) {
      if (child.address == address) return &child;
    }
    return nullptr;
  }
  Child* living(const ProcessRef& process) {
    const auto at = children.find(process.pid);
    return at == children.end() || at->second.ref != process ? nullptr : &at->second;
  }

  std::map<std::int64_t, Child> children;
  std::vector<MonoTime> spawn_times;
  std::function<void(const Child&, int)> on_signal;
  Duration stop_takes = 50ms;
  bool refuse = false;
  bool stubborn = false;  // SIGTERM does nothing

 private:
  SimExecutor& executor_;
  std::int64_t last_pid_ = 100;
};

class FakeProber final : public HealthProber {
 public:
  FakeProber(SimExecutor& executor, FakeProcesses& processes)
      : executor_(executor), processes_(processes) {}
  void probe(const std::string& address, const std::string& path, Duration timeout,
             Handler handler) override {
    const auto* child = processes_.at_address(address);
    const auto now = executor_.clock().mono();
    if (child != nullptr && hung.contains(address)) {
      executor_.post_after(Lane::kControl, timeout, [handler, timeout] {
        handler(Error(Code::kTimeout, "timeout after " + format_duration(timeout)));
      });
      return;
    }
    Result<void> outcome;
    if (child == nullptr || now - child->started < startup_takes)
      outcome = unavailable("connection refused");
    if (sick.contains(address) && path == "/health/ready") outcome = unavailable("status 503");
    executor_.post_after(Lane::kControl, 1ms, [handler, outcome] { handler(outcome); });
  }

  Duration startup_takes = 300ms;
  std::set<std::string> hung, sick;

 private:
  SimExecutor& executor_;
  FakeProcesses& processes_;
};

// What a HAProxy process knows.
struct FakeBalancer {
  struct Slot {
    std::string address = "127.0.0.1:9";
    int weight = 1;
    std::string status = "maint";
    std::int64_t sessions = 0;
  };
  FakeBalancer() { forget(); }
  void forget() {
    slots.clear();
    for (int i = 1; i <= 8; ++i) {
      slots["stable" + std::to_string(i)];
      slots["canary" + std::to_string(i)];
    }
  }
  double canary_percent() const {
    double canary = 0, all = 0;
    for (const auto& [name, slot] : slots) {
      if (slot.status != "up") continue;
      all += slot.weight;
      if (name.starts_with("canary")) canary += slot.weight;
    }
    return all == 0 ? 0 : canary / all * 100;
  }
  std::map<std::string, Slot> slots;
  bool reachable = true;
  int changes = 0;
};

class FakeRouter final : public TrafficRouter {
 public:
  FakeRouter(SimExecutor& executor, FakeBalancer& balancer)
      : executor_(executor), balancer_(balancer) {}
  void apply(std::vector<WantedServer> servers, Applied applied) override {
    executor_.post_after(
        Lane::kControl, 1ms, [&balancer = balancer_, servers = std::move(servers), applied] {
          if (!balancer.reachable) return applied(unavailable("haproxy unix:/sock: refused"));
          auto before = balancer.slots;
          for (auto& [name, slot] : balancer.slots) {
            const auto at = std::ranges::find(servers, name, &WantedServer::name);
            if (at == servers.end() || at->address.empty()) {
              slot.status = "maint";
              continue;
            }
            slot = {at->address, at->weight, at->drain ? "drain" : "up", slot.sessions};
          }
          for (const auto& [name, slot] : balancer.slots) {
            const auto& old = before[name];
            if (old.status != slot.status || old.weight != slot.weight ||
                old.address != slot.address)
              ++balancer.changes;
          }
          applied({});
        });
  }
  void observe(Observed observed) override {
    executor_.post_after(Lane::kControl, 1ms, [&balancer = balancer_, observed] {
      if (!balancer.reachable) return observed(unavailable("haproxy unix:/sock: refused"));
      std::vector<ServerView> views;
      for (const auto& [name, slot] : balancer.slots) {
        ServerView view;
        view.name = name;
        view.group = name.substr(0, 6);
        view.address = slot.address;
        view.status = slot.status;
        view.weight = slot.weight;
        view.sessions = slot.sessions;
        views.push_back(view);
      }
      observed(std::move(views));
    });
  }

 private:
  SimExecutor& executor_;
  FakeBalancer& balancer_;
};

// Durable one millisecond after commit(), in order; a crash before that loses it.
class FakeJournal final : public state::Journal {
 public:
  explicit FakeJournal(SimExecutor& executor) : executor_(executor) {}
  void commit(state::Batch batch, Done done) override {
    executor_.post_after(Lane::kControl, 1ms,
                         [this, batch = std::move(batch), done = std::move(done)] {
                           if (is_full) {
                             if (done) done(Error(Code::kExhausted, "the disk is full"));
                             return;
                           }
                           for (const auto& entry : batch.entries) entries.push_back(entry);
                           for (const auto& document : batch.documents) {
                             if (document.body.empty()) {
                               stored.erase({document.kind, document.id});
                             } else {
                               stored[{document.kind, document.id}] = document.body;
                             }
                           }
                           if (done) done(static_cast<state::Seq>(entries.size()));
                         });
  }
  void commit_telling(state::Batch batch,
                      std::function<void(Result<state::Journal::Committed>)> done) override {
    commit(std::move(batch), [done = std::move(done)](Result<state::Seq> seq) {
      if (!seq) return done(seq.error());
      done(state::Journal::Committed{});
    });
  }
  std::unique_ptr<state::Subscription> subscribe(std::string, Subscriber) override {
    return nullptr;
  }
  Result<std::vector<state::Entry>> read(const state::EntryQuery&) override { return entries; }
  Result<std::optional<state::Document>> document(std::string_view kind,
                                                  std::string_view id) override {
    const auto at = stored.find({std::string(kind), std::string(id)});
    if (at == stored.end()) return std::optional<state::Document>();
    return std::optional(state::Document{std::string(kind), std::string(id), at->second, 0});
  }
  Result<std::vector<state::Document>> documents(std::string_view kind) override {
    std::vector<state::Document> out;
    for (const auto& [key, body] : stored) {
      if (key.first == kind) out.push_back({key.first, key.second, body, 0});
    }
    return out;
  }
  Result<std::vector<state::Intent>> pending_intents() override {
    return std::vector<state::Intent>();
  }
  state::JournalStats stats() override { return {}; }
  void drain() override {}

  std::map<std::pair<std::string, std::string>, std::string> stored;
  std::vector<state::Entry> entries;
  bool is_full = false;

 private:
  SimExecutor& executor_;
};

class ActWorld {
 public:
  ActWorld() {
    model::Service s;
    s.name = "s";
    s.platform.kind = "process";
    s.platform.stable = "1";
    s.platform.replicas = 3;
    s.platform.replicas_max = 6;
    s.platform.stop_grace = 2s;
    s.platform.ready_timeout = 10s;
    s.platform.versions = {{"1", {"server", "{port}"}, {}, 1000, 0},
                           {"2", {"server", "{port}"}, {}, 2000, 0}};
    s.health.interval = 500ms;
    s.health.timeout = 500ms;
    s.traffic.kind = "haproxy";
    s.remedies.resize(1);
    services.push_back(s);
  }
  ~ActWorld() { crash(); }

  model::Service& service() { return services[0]; }
  void start() {
    platform = std::make_unique<ProcessPlatform>(
        InstanceParts{env, journal, processes, prober, "/data"}, services);
    Routers routers;
    for (const auto& s : services) {
      if (s.traffic.kind == "haproxy")
        routers[s.name] = std::make_unique<FakeRouter>(executor, balancer);
    }
    conductor = std::make_unique<Conductor>(env, journal, *platform, std::move(routers), services);
    const auto started = conductor->start();
    HF_CHECK(started.has_value(), "conductor did not start");
  }
  // kill -9: callbacks, timers and commits on their way are gone.
  void crash() {
    conductor.reset();
    platform.reset();
    executor.clear();
    for (auto& [pid, child] : processes.children) child.on_exit = {};
  }
  void start_and_settle() {
    start();
    executor.run_for(3s);
  }
  bool all_ready(int count, const std::string& name = "s") const {
    const auto running = conductor->instances(name);
    return static_cast<int>(running.size()) == count &&
           std::ranges::all_of(
               running, [](const auto& i) { return i.state == model::InstanceState::kReady; });
  }
  model::Instance instance(const std::string& id) const {
    for (const auto& i : conductor->instances(id.substr(0, id.find('/')))) {
      if (i.id == id) return i;
    }
    return {};
  }
  void kill(const std::string& id) {
    const auto pid = instance(id).pid;
    processes.end(processes.children.at(pid).ref, {-1, SIGKILL});
  }
  // Runs until the act has answered; fails the test's expectations by an empty report otherwise.
  Report wait(const std::shared_ptr<std::optional<Report>>& box, Duration limit = 60s) {
    executor.run_until([&] { return box->has_value(); }, limit);
    return box->value_or(Report{false, "no answer", {}});
  }
  static std::pair<Done, std::shared_ptr<std::optional<Report>>> box() {
    auto box = std::make_shared<std::optional<Report>>();
    return {[box](Report report) { *box = std::move(report); }, box};
  }
  static std::vector<std::string> step_names(const Report& report) {
    std::vector<std::string> names;
    for (const auto& step : report.steps) names.push_back(step.name);
    return names;
  }

  SimClock clock;
  SimExecutor executor{clock};
  SeededRandom random{1};
  SimFileSystem files{random, &clock};
  SimNetwork network{executor, random};
  Env env{clock, random, files, network.host("holdfast"), executor};
  FakeJournal journal{executor};
  FakeProcesses processes{executor};
  FakeProber prober{executor, processes};
  FakeBalancer balancer;
  std::vector<model::Service> services;
  std::unique_ptr<ProcessPlatform> platform;
  std::unique_ptr<Conductor> conductor;
};

}  // namespace holdfast::act
