#include "simulation/sim_processes.h"

#include <signal.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace holdfast::simulation {
namespace {

constexpr Duration kStartupMin = 80ms;
constexpr Duration kStartupSpread = 500ms;
constexpr Duration kStopSpread = 300ms;

int number(const std::vector<std::string>& words, std::size_t index) {
  return words.size() > index ? static_cast<int>(parse_int(words[index]).value_or(0)) : 0;
}

Duration up_to(Random& random, Duration span) {
  return Duration(random.below(static_cast<std::uint64_t>(span.count()) + 1));
}

}  // namespace

SimProcess::SimProcess(Env env_in, act::ProcessRef ref_in, const act::ProcessSpec& spec,
                       Duration startup)
    : env(env_in), ref(ref_in), tag(spec.tag), started_at(env_in.clock.mono() + startup) {
  id = tag.substr(tag.find('#') + 1);
  version = spec.command.size() > 1 ? spec.command[1] : "";
  port = number(spec.command, 2);
  admin_port = number(spec.command, 3);
  for (const auto* path : {"/health/live", "/health/ready", "/health/startup"}) add_health(path);
  for (const auto* method : {"GET", "POST", "DELETE"}) {
    admin_routes_.add(method, "/fault", [this](const net::Request& request, net::ResponderPtr r) {
      take_fault(request, r);
    });
  }
}

void SimProcess::add_health(const std::string& path) {
  routes_.add("GET", path, [this](const net::Request&, net::ResponderPtr r) {
    send(behaviour(), std::move(r), started() ? 200 : 503);
  });
}

bool SimProcess::started() const { return env.clock.mono() >= started_at; }

Result<void> SimProcess::listen() {
  const auto serve = [this](net::Router& routes, int at,
                            std::unique_ptr<net::Server>& server) -> Result<void> {
    if (at == 0) return {};
    server = std::make_unique<net::Server>(env, routes);
    HF_TRY(server->listen({"127.0.0.1", static_cast<std::uint16_t>(at), ""}));
    return {};
  };
  HF_TRY(serve(routes_, port, server_));
  return serve(admin_routes_, admin_port, admin_);
}

void SimProcess::send(const Behaviour& as, net::ResponderPtr responder, int status) {
  if (as.hangs) {
    never_answered_.push_back(std::move(responder));
    return;
  }
  if (as.latency == Duration::zero()) return responder->send(net::Response::text(status, "ok"));
  env.executor.post_after(Lane::kControl, as.latency, [responder, status] {
    responder->send(net::Response::text(status, "late"));
  });
}

void SimProcess::take_fault(const net::Request& request, const net::ResponderPtr& responder) {
  if (request.method == "DELETE") own = {};
  if (request.method == "POST") {
    const auto json = nlohmann::json::parse(request.body, nullptr, false);
    if (!json.is_object() || !json.contains("kind"))
      return responder->send(net::Response::text(400, "kind is missing"));
    const auto kind = json["kind"].get<std::string>();
    if (kind == "errors") own.error_share = json.value("share", 1.0);
    if (kind == "latency") own.latency = std::chrono::milliseconds(json.value("latency_ms", 1000));
    if (kind == "hang") own.hangs = true;
    if (kind == "crash") crash();
    own_until = env.clock.mono() + std::chrono::seconds(json.value("ttl_s", 60));
  }
  responder->send(net::Response::json(200, R"({"faults":[]})"));
}

Result<act::ProcessRef> SimProcesses::spawn(const act::ProcessSpec& spec, OnExit on_exit) {
  if (spec.command.empty() || spec.command[0] == "missing") return not_found("start: no such file");
  if (!find(spec.tag).empty())
    violations.push_back("a second process of " + spec.tag + " was started beside the first");
  const act::ProcessRef ref{++last_pid_, 1000 + static_cast<std::uint64_t>(last_pid_)};
  auto process = std::make_unique<SimProcess>(env_, ref, spec,
                                              kStartupMin + up_to(env_.random, kStartupSpread));
  process->on_exit = std::move(on_exit);
  process->watcher = watcher_;
  process->behaviour = [this, p = process.get()] { return behaviour_of(*p); };
  // A moment later: the order is answered first.
  process->crash = [this, pid = ref.pid] {
    env_.executor.post_after(Lane::kControl, 5ms, [this, pid] { end(pid, {-1, SIGABRT}); });
  };
  const auto listening = process->listen();
  ++spawns[process->id];
  living_[ref.pid] = std::move(process);
  // What a server does that finds its port taken.
  if (!listening) env_.executor.post(Lane::kControl, [this, pid = ref.pid] { end(pid, {1, 0}); });
  return ref;
}

Result<void> SimProcesses::adopt(const act::ProcessRef& process, OnExit on_exit) {
  const auto at = living_.find(process.pid);
  if (at == living_.end() || at->second->ref != process) return not_found("gone");
  HF_PROBE("world: a process was adopted");
  // Not our child: how it ends is not told.
  at->second->on_exit = [on_exit = std::move(on_exit)](act::ProcessExit) { on_exit({-1, 0}); };
  at->second->watcher = watcher_;
  return {};
}

Result<void> SimProcesses::signal(const act::ProcessRef& process, int signal) {
  const auto at = living_.find(process.pid);
  if (at == living_.end() || at->second->ref != process) return not_found("gone");
  if (signal == SIGKILL)
    env_.executor.post(Lane::kControl, [this, pid = process.pid] { end(pid, {-1, SIGKILL}); });
  if (signal == SIGTERM && !at->second->behaviour().hangs) {
    env_.executor.post_after(Lane::kControl, up_to(env_.random, kStopSpread),
                             [this, pid = process.pid] {
                               end(pid, {0, 0});
                             });
  }
  return {};
}

std::vector<act::ProcessRef> SimProcesses::find(const std::string& tag) {
  std::vector<act::ProcessRef> found;
  for (const auto& [pid, process] : living_) {
    if (process->tag == tag) found.push_back(process->ref);
  }
  return found;
}

void SimProcesses::forget(const act::ProcessRef& process) {
  const auto at = living_.find(process.pid);
  if (at != living_.end() && at->second->ref == process) at->second->on_exit = {};
}

void SimProcesses::set_watcher(Executor* executor) {
  watcher_ = executor;
  for (auto& [pid, process] : living_) {
    process->on_exit = {};
    process->watcher = nullptr;
  }
}

void SimProcesses::power_off() {
  set_watcher(nullptr);
  living_.clear();
}

SimProcess* SimProcesses::by_id(const std::string& id) {
  const auto at =
      std::ranges::find_if(living_, [&](const auto& item) { return item.second->id == id; });
  return at == living_.end() ? nullptr : at->second.get();
}

SimProcess* SimProcesses::by_port(int port) {
  const auto at =
      std::ranges::find_if(living_, [&](const auto& item) { return item.second->port == port; });
  return at == living_.end() ? nullptr : at->second.get();
}

bool SimProcesses::answers(int port) {
  const auto* process = by_port(port);
  return process != nullptr && process->started() && !process->behaviour().hangs;
}

void SimProcesses::crash(const std::string& id, int signal) {
  const auto* process = by_id(id);
  if (process != nullptr)
    env_.executor.post(Lane::kControl, [this, pid = process->ref.pid, signal] {
      end(pid, {-1, signal});
    });
}

Behaviour SimProcesses::behaviour_of(const SimProcess& process) const {
  Behaviour worst = process.env.clock.mono() < process.own_until ? process.own : Behaviour{};
  const auto add = [&](const std::map<std::string, Behaviour>& layer, const std::string& key) {
    const auto at = layer.find(key);
    if (at == layer.end()) return;
    worst.error_share = std::max(worst.error_share, at->second.error_share);
    worst.latency = std::max(worst.latency, at->second.latency);
    worst.hangs = worst.hangs || at->second.hangs;
  };
  add(by_version, process.version);
  add(by_instance, process.id);
  return worst;
}

void SimProcesses::end(std::int64_t pid, act::ProcessExit exit) {
  const auto at = living_.find(pid);
  if (at == living_.end()) return;
  const auto process = std::move(at->second);
  living_.erase(at);
  if (process->on_exit && process->watcher != nullptr) {
    process->watcher->post(Lane::kControl, [on_exit = process->on_exit, exit] { on_exit(exit); });
  }
}

}  // namespace holdfast::simulation
