#include "act/platform/process_platform.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "base/log.h"

namespace holdfast::act {
namespace {

const model::ProcessVersion* version_of(const model::Service& service, const std::string& name) {
  const auto at = std::ranges::find(service.platform.versions, name, &model::ProcessVersion::name);
  return at == service.platform.versions.end() ? nullptr : &*at;
}

}  // namespace

ProcessPlatform::ProcessPlatform(InstanceParts parts, std::vector<model::Service> services)
    : parts_(std::move(parts)), services_(std::move(services)) {}

ProcessPlatform::~ProcessPlatform() {
  for (auto& [id, slot] : slots_) slot.instance->abandon();
}

const model::Service* ProcessPlatform::service_of(const std::string& name) const {
  const auto at = std::ranges::find(services_, name, &model::Service::name);
  return at == services_.end() || at->platform.kind != "process" ? nullptr : &*at;
}

Result<void> ProcessPlatform::start() {
  const auto documents = HF_TRY(parts_.journal.documents("instance").context("read instances"));
  for (const auto& document : documents) {
    auto record = parse_instance_record(document.body);
    if (!record) {
      log_warn("an instance document cannot be read",
               {{"id", document.id}, {"error", record.error().message()}});
      continue;
    }
    take_up(*record);
  }
  // Wanted versions come from want(), which the caller says right after; what it leaves out goes.
  parts_.env.executor.post(Lane::kControl, [this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    std::set<std::string> untold;
    for (const auto& [id, slot] : slots_) {
      const auto& service = slot.instance->instance().service;
      if (!told_.contains(service)) untold.insert(service);
    }
    for (const auto& service : untold) stop_unwanted(service);
    state::Batch batch;
    for (const auto& [id, record] : remembered_) batch.document("instance", id, "");
    if (!batch.empty()) parts_.journal.commit(std::move(batch));
    remembered_.clear();
  });
  return {};
}

void ProcessPlatform::take_up(const InstanceRecord& record) {
  const auto& known = record.instance;
  // A service or version that the catalogue has no more still has to be stopped.
  model::Service gone;
  gone.name = known.service;
  gone.platform.kind = "process";
  model::ProcessVersion gone_version;
  gone_version.name = known.version;
  const auto* service = service_of(known.service);
  const auto* version = service == nullptr ? nullptr : version_of(*service, known.version);
  auto& slot = add(service == nullptr ? gone : *service,
                   version == nullptr ? gone_version : *version, known.index);
  const auto id = known.id;
  if (slot.instance->adopt(record)) return;
  remembered_[id] = record;  // a want() of the same turn goes on counting; else its document goes
  slots_.erase(id);
}

ProcessPlatform::Slot& ProcessPlatform::add(const model::Service& service,
                                            const model::ProcessVersion& version, int index) {
  const auto id = instance_id(service.name, version.name, index);
  auto instance = std::make_shared<SupervisedInstance>(parts_, service, version, index,
                                                       [this](const model::Instance& i) {
                                                         if (changed_) changed_(i);
                                                       });
  return slots_[id] = Slot{std::move(instance)};
}

void ProcessPlatform::want(const std::string& name, const std::vector<WantedVersion>& wanted) {
  const auto* service = service_of(name);
  if (service == nullptr || shutting_down_) return;
  told_.insert(name);
  for (auto& [id, slot] : slots_) {
    if (slot.instance->instance().service == name) slot.is_wanted = false;
  }
  std::vector<std::string> to_start;
  for (const auto& want : wanted) {
    const auto* version = version_of(*service, want.version);
    if (version == nullptr) {
      log_error("a version is wanted that the catalogue does not have",
                {{"service", name}, {"version", want.version}});
      continue;
    }
    for (int index = 0; index < want.replicas; ++index) {
      const auto id = instance_id(name, version->name, index);
      const auto at = slots_.find(id);
      if (at != slots_.end()) {
        at->second.is_wanted = true;
        // On its way out since an earlier want(): comes back when it has ended.
        if (std::exchange(at->second.leaving, false)) to_start.push_back(id);
        continue;
      }
      auto& slot = add(*service, *version, index);
      slot.is_wanted = true;
      if (const auto known = remembered_.find(id); known != remembered_.end())
        slot.instance->remember(known->second);
      remembered_.erase(id);
      to_start.push_back(id);
    }
  }
  for (const auto& id : to_start) start_instance(id);
  stop_unwanted(name);
}

// Highest index first, so that what remains is 0..n-1 at every moment.
void ProcessPlatform::stop_unwanted(const std::string& service) {
  std::vector<std::pair<int, std::string>> leaving;
  for (auto& [id, slot] : slots_) {
    const auto& instance = slot.instance->instance();
    if (instance.service != service || slot.is_wanted || slot.leaving) continue;
    slot.leaving = true;
    leaving.emplace_back(instance.index, id);
  }
  std::ranges::sort(leaving, std::greater{});
  for (const auto& [index, id] : leaving) {
    const auto instance = slots_.at(id).instance;
    instance->stop(instance->stop_grace(), [this, id = id, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) remove(id);
    });
  }
}

void ProcessPlatform::remove(const std::string& id) {
  const auto at = slots_.find(id);
  if (at == slots_.end() || at->second.is_wanted || !at->second.instance->is_down()) return;
  // This runs inside the instance's own callback, so it is destroyed a turn later.
  parts_.env.executor.post(Lane::kControl, [gone = std::move(at->second.instance)] {});
  slots_.erase(at);
  state::Batch batch;
  batch.document("instance", id, "");
  parts_.journal.commit(std::move(batch));
}

std::vector<model::Instance> ProcessPlatform::instances(const std::string& service) const {
  std::vector<model::Instance> out;
  for (const auto& [id, slot] : slots_) {
    if (slot.instance->instance().service == service) out.push_back(slot.instance->instance());
  }
  return out;
}

void ProcessPlatform::stop_instance(const std::string& id, Stopped stopped) {
  const auto at = slots_.find(id);
  if (at == slots_.end()) return stopped();
  const auto instance = at->second.instance;
  instance->stop(instance->stop_grace(), std::move(stopped));
}

void ProcessPlatform::start_instance(const std::string& id) {
  const auto at = slots_.find(id);
  if (at != slots_.end() && at->second.is_wanted && !shutting_down_) at->second.instance->start();
}

void ProcessPlatform::check(const std::string& id, Checked checked) {
  const auto at = slots_.find(id);
  if (at == slots_.end()) return checked(not_found("there is no instance " + id));
  at->second.instance->check(std::move(checked));
}

void ProcessPlatform::stop_all(Duration grace, Stopped stopped) {
  shutting_down_ = true;
  stop_level(parts_.env.clock.mono() + grace, std::make_shared<Stopped>(std::move(stopped)));
}

void ProcessPlatform::stop_level(MonoTime deadline, const std::shared_ptr<Stopped>& stopped) {
  std::set<std::string> running, needed;
  for (const auto& [id, slot] : slots_) {
    if (!slot.instance->is_down()) running.insert(slot.instance->instance().service);
  }
  if (running.empty()) return (*stopped)();
  for (const auto& name : running) {
    const auto* service = service_of(name);
    if (service != nullptr) needed.insert(service->depends_on.begin(), service->depends_on.end());
  }
  std::set<std::string> level;
  std::ranges::set_difference(running, needed, std::inserter(level, level.end()));
  if (level.empty()) level = running;  // they depend on each other in a circle
  auto left = std::make_shared<std::size_t>(1);
  const auto one_less = [this, left, deadline, stopped, alive = std::weak_ptr(alive_)] {
    if (--*left > 0 || alive.expired()) return;
    // A turn later: the callbacks of this level are still on the stack.
    parts_.env.executor.post(Lane::kControl, [this, deadline, stopped, alive] {
      if (!alive.expired()) stop_level(deadline, stopped);
    });
  };
  std::vector<std::shared_ptr<SupervisedInstance>> leaving;
  for (const auto& [id, slot] : slots_) {
    if (level.contains(slot.instance->instance().service)) leaving.push_back(slot.instance);
  }
  const auto patience = std::max<Duration>(deadline - parts_.env.clock.mono(), Duration::zero());
  for (const auto& instance : leaving) {
    ++*left;
    instance->stop(std::min(instance->stop_grace(), patience), one_less);
  }
  one_less();
}

}  // namespace holdfast::act
