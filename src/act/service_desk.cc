#include "act/service_desk.h"

#include <algorithm>
#include <utility>

#include "act/traffic/share.h"

namespace holdfast::act {

ServiceDesk::ServiceDesk(Env& env, state::Journal& journal, Platform& platform, model::Service spec,
                         TrafficRouter* router)
    : env_(env), journal_(journal), platform_(platform), spec_(std::move(spec)) {
  if (router == nullptr) return;
  keeper_ = std::make_shared<TrafficKeeper>(
      env, spec_.name, *router, [this] { return plan(); }, [this] { look_again(); });
}

void ServiceDesk::change_wanted(const std::function<void(Wanted&)>& change,
                                std::function<void(Result<void>)> then) {
  change(latest_);
  ++changes_in_flight_;
  const auto body = dump_wanted(latest_);
  state::Batch batch;
  batch.entry(kWantedChanged, spec_.name, body).document("wanted", spec_.name, body);
  journal_.commit(std::move(batch), [weak = weak_from_this(), next = latest_,
                                     then = std::move(then)](Result<state::Seq> done) {
    const auto self = weak.lock();
    if (!self) return;
    --self->changes_in_flight_;
    if (!done) {
      if (self->changes_in_flight_ == 0) self->latest_ = self->wanted_;
      return then(std::move(done).error().context("record what is wanted"));
    }
    self->wanted_ = next;
    self->sync_traffic();
    then({});
  });
}

std::optional<model::Instance> ServiceDesk::instance(const std::string& id) const {
  for (auto& instance : instances()) {
    if (instance.id == id) return instance;
  }
  return std::nullopt;
}

bool ServiceDesk::is_ready(const std::string& id) const {
  const auto found = instance(id);
  return found && found->state == model::InstanceState::kReady;
}

int ServiceDesk::other_capacity(const std::string& id) const {
  return static_cast<int>(std::ranges::count_if(instances(), [&](const model::Instance& other) {
    return other.id != id && other.state == model::InstanceState::kReady &&
           !draining_.contains(other.id);
  }));
}

void ServiceDesk::begin_traffic() {
  if (keeper_) keeper_->start();
}

void ServiceDesk::end() {
  if (keeper_) keeper_->stop();
  for (const auto& wait : waits_) env_.executor.cancel(wait->timer);
  waits_.clear();
}

std::vector<WantedServer> ServiceDesk::plan() const {
  return plan_servers({wanted_.stable, wanted_.canary, wanted_.canary_percent, draining_},
                      instances());
}

bool ServiceDesk::serves(const ServerView& server, const model::Instance& instance) const {
  const auto* group = instance.version == wanted_.stable ? "stable" : "canary";
  return server.name == group + std::to_string(instance.index + 1) &&
         server.address == instance.address;
}

TrafficView ServiceDesk::traffic() const {
  TrafficView view;
  const double canary = wanted_.canary.empty() ? 0 : wanted_.canary_percent;
  view.wanted_percent = {{"stable", 100 - canary}, {"canary", canary}};
  if (!keeper_) {
    view.error = "the service has no traffic router";
    return view;
  }
  view.reachable = keeper_->reachable();
  view.error = keeper_->error();
  view.servers = keeper_->servers();
  const auto running = instances();
  for (auto& server : view.servers) {
    if (server.status == "maint") continue;
    const auto at = std::ranges::find_if(
        running, [&](const auto& instance) { return serves(server, instance); });
    if (at != running.end()) server.instance = at->id;
  }
  view.effective_percent = effective_percent(view.servers);
  return view;
}

void ServiceDesk::sync_traffic() {
  if (keeper_) keeper_->sync();
}

void ServiceDesk::drain(const std::set<std::string>& ids) {
  draining_.insert(ids.begin(), ids.end());
  if (!keeper_) return;
  keeper_->set_hurry(true);
  keeper_->sync();
}

void ServiceDesk::undrain(const std::set<std::string>& ids) {
  for (const auto& id : ids) draining_.erase(id);
  if (!keeper_) return;
  if (draining_.empty()) keeper_->set_hurry(false);
  keeper_->sync();
}

std::optional<std::int64_t> ServiceDesk::sessions_on(const std::set<std::string>& ids) const {
  if (!keeper_ || !keeper_->in_line()) return std::nullopt;
  std::int64_t sessions = 0;
  for (const auto& instance : instances()) {
    if (!ids.contains(instance.id)) continue;
    for (const auto& server : keeper_->servers()) {
      if (serves(server, instance)) sessions += server.sessions;
    }
  }
  return sessions;
}

void ServiceDesk::wait_for(Duration limit, Look look, std::function<Result<std::string>()> too_late,
                           StepDone done) {
  auto wait = std::make_shared<Wait>(Wait{std::move(look), std::move(too_late), std::move(done)});
  wait->timer =
      env_.executor.post_after(Lane::kControl, limit, [weak = weak_from_this(), at = wait.get()] {
        if (const auto self = weak.lock()) self->expire(at);
      });
  waits_.push_back(std::move(wait));
  look_again();
}

void ServiceDesk::expire(const Wait* wait) {
  const auto at = std::ranges::find_if(waits_, [&](const auto& w) { return w.get() == wait; });
  if (at == waits_.end()) return;
  const auto expired = *at;
  waits_.erase(at);
  expired->done(expired->too_late());
}

void ServiceDesk::instance_changed() {
  sync_traffic();
  look_again();
}

// A turn later: a change is told from the middle of the platform's or the router's own work, and
// what a wait's end starts would call back into it.
void ServiceDesk::look_again() {
  if (std::exchange(look_posted_, true)) return;
  env_.executor.post(Lane::kControl, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->look_at_all();
  });
}

void ServiceDesk::look_at_all() {
  look_posted_ = false;
  // What ends here may begin and end others; those begun now are looked at in the turn they asked
  // for.
  const std::vector<std::shared_ptr<Wait>> waits(waits_.begin(), waits_.end());
  for (const auto& wait : waits) {
    if (std::ranges::find(waits_, wait) == waits_.end()) continue;
    auto outcome = wait->look();
    if (!outcome) continue;
    waits_.remove(wait);
    env_.executor.cancel(wait->timer);
    wait->done(std::move(*outcome));
  }
}

}  // namespace holdfast::act
