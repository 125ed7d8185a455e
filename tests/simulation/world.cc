#include "simulation/world.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "act/traffic/share.h"
#include "base/check.h"
#include "base/text.h"
#include "simulation/scene.h"

namespace holdfast::simulation {
namespace {

constexpr Duration kStep = 250ms;  // checkers run at least this often; news is checked as it comes
constexpr Duration kStartAgain = 1s;

app::ControlPlaneOptions options() {
  app::ControlPlaneOptions options;
  options.data = "/data";
  return options;
}

std::string moment(Duration d) { return format_duration(d); }

}  // namespace

Matcher notified(const std::string& event) {
  return {"a page '" + event + "'",
          [event](const Happening& h) { return h.kind == "page" && h.what == event; }};
}
Matcher incident_opened(const std::string& service) {
  return {"an incident of " + service + " opens", [service](const Happening& h) {
            return h.kind == "incident" && h.what == "opened" && h.subject == service;
          }};
}
Matcher incident_resolved(const std::string& service) {
  return {"the incident of " + service + " is resolved", [service](const Happening& h) {
            return h.kind == "incident" && h.what == "resolved" && h.subject == service;
          }};
}
Matcher fault_found() {
  return {"a fault is found",
          [](const Happening& h) { return h.kind == "fault" && h.what == "open"; }};
}
Matcher remedy(const std::string& name, const std::string& state) {
  return {"remedy " + name + " is " + state, [name, state](const Happening& h) {
            return h.kind == "remedy" && h.what == state && h.subject == name;
          }};
}
Matcher instance(const std::string& id, const std::string& state) {
  return {"instance " + id + " is " + state, [id, state](const Happening& h) {
            return h.kind == "instance" && h.what == state && h.subject == id;
          }};
}
Matcher alert(const std::string& name, const std::string& state) {
  return {"alert " + name + " is " + state, [name, state](const Happening& h) {
            return h.kind == "alert" && h.what == state && h.subject == name;
          }};
}

World::World(std::uint64_t seed, Scene scene)
    : random(seed),
      pager(env_of("pager")),
      processes(env_of("holdfast")),
      checkers([this] { return now(); }),
      scene_(std::move(scene)) {
  pager.on_shown = [this](const Page& page) { checkers.shown(page); };
  if (scene_.balancer) {
    balancer = std::make_unique<SimBalancer>(env_of("holdfast"), kBalancerSocket, kService,
                                             [this](int port) { return processes.answers(port); });
  }
  write_configuration();
  start();
  users_come();
}

World::~World() {
  if (boot_ != nullptr) boot_->die();
  processes.power_off();
}

Env World::env_of(const std::string& host) {
  return {clock, random, files, network.host(host), executor};
}

void World::write_configuration() {
  HF_CHECK(files.create_directories("/etc/holdfast").has_value(),
           "no folder for the configuration");
  HF_CHECK(files.create_directories("/data").has_value(), "no folder for the data");
  HF_CHECK(files.write_file_atomic(kConfigFile, holdfast_yaml(scene_)).has_value(),
           "configuration");
  HF_CHECK(files.write_file_atomic(kRuleFile, rules_yaml(scene_)).has_value(), "rules");
  auto loaded = app::load_config(files, kConfigFile, Variables{});
  for (const auto& finding : loaded.findings) checkers.fail(finding.text());
  config_ = std::move(loaded.config);
}

// ---- life and death of Holdfast

void World::start() {
  boots_.push_back(
      std::make_unique<Boot>(clock, random, files, network.host("holdfast"), executor));
  auto& boot = *boots_.back();
  processes.set_watcher(&boot.executor);
  auto plane = app::ControlPlane::open(boot.env, *config_, options(), processes);
  if (!plane) {
    HF_PROBE("world: Holdfast could not start and was started again");
    boot.die();
    processes.set_watcher(nullptr);
    if (plane.error().code() == Code::kDataLoss)
      checkers.fail("data loss: " + plane.error().message());
    restart_after(kStartAgain);
    return;
  }
  boot.plane = std::move(*plane);
  boot_ = &boot;
  if (boots_.size() > 1 && boot.plane->outbox->pending() > 0)
    HF_PROBE("world: a start found intents of an earlier run");
  checkers.read_back(*boot.plane->journal);
  boot.subscription =
      boot.plane->journal->subscribe("", [this](const state::Entry& entry) { hear(entry); });
}

void World::hear(const state::Entry& entry) {
  checkers.told(entry);
  if (!doom_ || entry.seq < doom_->seq) return;
  // Not here: this is the journal's own callback.
  executor.post_after(Lane::kControl, between(0s, SlowPool::kDelayMax), [this, doom = *doom_] {
    crash(doom.how);
    restart_after(doom.pause);
  });
  doom_.reset();
}

void World::crash_after_entries(std::int64_t count, Crash how, Duration pause) {
  doom_ = Doom{checkers.last_seq() + count, how, pause};
}

void World::try_start() {
  if (boot_ == nullptr) start();
}

void World::crash(Crash how) {
  if (boot_ == nullptr) return;
  for (const auto& [service, ids] : checkers.active_incidents()) {
    if (!ids.empty()) HF_PROBE("world: Holdfast died with an incident open");
  }
  if (!checkers.acts_under_way().empty())
    HF_PROBE("world: Holdfast died while a remedy was under way");
  if (boot_->plane->outbox->pending() > 0) HF_PROBE("world: Holdfast died with intents pending");
  processes.set_watcher(nullptr);
  boot_->die();
  boot_ = nullptr;
  waiting_for_yes_.clear();
  if (how == Crash::kKill) return;
  HF_PROBE("world: the machine lost power");
  files.crash();
  processes.power_off();
  if (!balancer) return;
  balancer->stop();
  balancer->start();
}

void World::restart_after(Duration pause) {
  executor.post_after(Lane::kControl, pause, [this] { try_start(); });
}

void World::acknowledge(const std::string& by) {
  if (boot_ == nullptr) return;
  for (const auto& incident : boot_->plane->incidents->active()) {
    const auto id = incident.id.value;
    waiting_for_yes_.insert(id);
    boot_->plane->incidents->acknowledge(incident.id, by,
                                         [this, id, by](const Result<model::Incident>& answer) {
                                           if (waiting_for_yes_.erase(id) > 0 && answer)
                                             acknowledged_[id] = by;
                                         });
  }
}

// ---- time

void World::at(Duration when, std::function<void()> act) {
  executor.post_after(Lane::kControl, std::max<Duration>(when - now(), Duration::zero()),
                      std::move(act));
}

Duration World::between(Duration min, Duration max) {
  return min + Duration(random.below(static_cast<std::uint64_t>((max - min).count()) + 1));
}

void World::run_until(Duration when) {
  while (now() < when) {
    executor.run_until(clock.mono() + std::min<Duration>(kStep, when - now()));
    check_step();
  }
}

bool World::run_until(const std::function<bool()>& holds, Duration limit) {
  while (!holds() && now() < limit) run_until(std::min<Duration>(now() + kStep, limit));
  return holds();
}

void World::check_step() {
  for (; process_violations_seen_ < processes.violations.size(); ++process_violations_seen_) {
    checkers.fail(processes.violations[process_violations_seen_]);
  }
}

// ---- expectations

std::string World::Expectation::text() const {
  if (never) return "never " + matcher.name;
  return matcher.name + (once ? " once" : "") + " between " + moment(from) + " and " + moment(to);
}

void World::expect_between(Duration from, Duration to, Matcher matcher) {
  expectations_.push_back({from, to, std::move(matcher)});
}
void World::expect_once_between(Duration from, Duration to, Matcher matcher) {
  expectations_.push_back({from, to, std::move(matcher), true, false});
}
void World::expect_never(Matcher matcher) {
  expectations_.push_back({{}, {}, std::move(matcher), false, true});
}

void World::expect(bool holds, const std::string& what) {
  if (!holds) checkers.fail("expected: " + what);
}

std::size_t World::count(const Matcher& matcher) const {
  return static_cast<std::size_t>(std::ranges::count_if(checkers.happenings(), matcher.matches));
}

std::optional<Duration> World::first(const Matcher& matcher) const {
  const auto at = std::ranges::find_if(checkers.happenings(), matcher.matches);
  return at == checkers.happenings().end() ? std::nullopt : std::optional(at->at);
}

std::string World::traffic_not_as_wanted() const {
  if (!balancer) return "";
  const auto view = boot_->plane->conductor->traffic(kService);
  if (!view.reachable) return "the balancer is not observed: " + view.error;
  const auto wanted = view.wanted_percent.find("canary");
  const double canary = wanted == view.wanted_percent.end() ? 0 : wanted->second;
  if (std::abs(balancer->canary_percent() - canary) > act::kShareErrorMax) {
    return "the canary has " + format_double(balancer->canary_percent()) +
           " % of the traffic, wanted are " + format_double(canary);
  }
  return "";
}

std::string World::not_converged() const {
  if (boot_ == nullptr) return "Holdfast is down";
  auto& plane = *boot_->plane;
  const auto instances = plane.conductor->instances(kService);
  std::size_t wanted_count = 0;
  for (const auto& wanted : plane.conductor->wanted(kService)) {
    wanted_count += static_cast<std::size_t>(wanted.replicas);
    const auto ready = std::ranges::count_if(instances, [&](const model::Instance& i) {
      return i.version == wanted.version && i.state == model::InstanceState::kReady;
    });
    if (ready != wanted.replicas) {
      return std::to_string(ready) + " instances of " + wanted.version + " are ready, wanted are " +
             std::to_string(wanted.replicas);
    }
  }
  if (instances.size() != wanted_count) return "there are instances that nobody wants";
  if (processes.living().size() != wanted_count)
    return std::to_string(processes.living().size()) + " processes run, wanted are " +
           std::to_string(wanted_count);
  // What is broken and not seen yet will be an incident in a moment.
  for (const auto& [pid, process] : processes.living()) {
    const auto behaviour = process->behaviour();
    if (behaviour.hangs || behaviour.error_share > 0) return process->id + " is still broken";
  }
  for (const auto& [service, ids] : checkers.active_incidents()) {
    if (!ids.empty()) return "incident " + *ids.begin() + " is active";
  }
  for (const auto& fault : plane.healer->faults()) {
    if (fault.open) return "fault " + fault.id + " is open";
  }
  if (plane.journal->stats().pending_intents > 0) return "intents are pending";
  return traffic_not_as_wanted();
}

void World::expect_converged() {
  const auto why = not_converged();
  if (!why.empty()) checkers.fail("not converged: " + why);
}

std::vector<std::string> World::finish() {
  check_step();
  for (const auto& e : expectations_) {
    std::size_t inside = 0, outside = 0;
    std::string moments;
    for (const auto& h : checkers.happenings()) {
      if (!e.matcher.matches(h)) continue;
      ++(h.at >= e.from && h.at <= e.to ? inside : outside);
      moments += " " + moment(h.at);
    }
    const bool met = e.never ? moments.empty() : e.once ? inside == 1 && outside == 0 : inside >= 1;
    if (!met)
      checkers.fail("expected " + e.text() + "; seen at:" + (moments.empty() ? " never" : moments));
  }
  if (boot_ == nullptr) {
    checkers.fail("Holdfast is down at the end of the story");
    return checkers.violations();
  }
  boot_->subscription.reset();
  boot_->plane->journal->drain();
  checkers.read_back(*boot_->plane->journal);
  for (const auto& [id, by] : acknowledged_) {
    const auto incident = boot_->plane->incidents->find(model::IncidentId(id));
    if (!incident || incident->acknowledged_by != by)
      checkers.fail("the acknowledgement of " + id + " by " + by + " is lost");
  }
  return checkers.violations();
}

std::vector<state::Entry> World::history() {
  std::vector<state::Entry> all;
  for (;;) {
    state::EntryQuery query;
    query.after = all.empty() ? 0 : all.back().seq;
    auto page = boot_->plane->journal->read(query);
    if (!page || page->empty()) return all;
    std::move(page->begin(), page->end(), std::back_inserter(all));
  }
}

}  // namespace holdfast::simulation
