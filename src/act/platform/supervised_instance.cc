#include "act/platform/supervised_instance.h"

#include <signal.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "act/platform/command_template.h"
#include "base/log.h"
#include "base/text.h"

namespace holdfast::act {

using model::InstanceState;

Result<InstanceRecord> parse_instance_record(std::string_view body) {
  InstanceRecord record;
  record.instance = HF_TRY(parse_json<model::Instance>(body));
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (const auto at = json.find("start_time"); at != json.end() && at->is_number_unsigned()) {
    record.start_time = at->get<std::uint64_t>();
  }
  if (const auto at = json.find("starts"); at != json.end() && at->is_number_unsigned()) {
    record.starts = at->get<int>();
  }
  return record;
}

std::string dump_instance_record(const InstanceRecord& record) {
  nlohmann::json json = record.instance;
  json["start_time"] = record.start_time;
  json["starts"] = static_cast<unsigned>(record.starts);
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string instance_id(const std::string& service, const std::string& version, int index) {
  return service + "/" + version + "/" + std::to_string(index);
}

SupervisedInstance::SupervisedInstance(InstanceParts parts, const model::Service& service,
                                       const model::ProcessVersion& version, int index,
                                       Platform::Changed changed)
    : parts_(std::move(parts)), service_(service), version_(version), changed_(std::move(changed)) {
  auto& i = record_.instance;
  i.id = instance_id(service.name, version.name, index);
  i.service = service.name;
  i.version = version.name;
  i.index = index;
  const auto at = [&](int base) {
    return base == 0 ? "" : "127.0.0.1:" + std::to_string(base + index);
  };
  i.address = at(version.base_port);
  i.admin_address = at(version.base_admin_port);
  i.state = InstanceState::kExited;
  i.since = parts_.env.clock.now();
}

// Unique to data directory and instance: two Holdfasts on one machine never take each other's.
std::string SupervisedInstance::tag() const {
  return parts_.data_directory + "#" + record_.instance.id;
}

ProcessSpec SupervisedInstance::spec() const {
  const auto values = template_values(record_.instance, version_, parts_.data_directory);
  ProcessSpec spec;
  for (const auto& word : version_.command) spec.command.push_back(fill_template(word, values));
  for (const auto& [name, value] : version_.env) spec.env[name] = fill_template(value, values);
  spec.tag = tag();
  spec.log_path = log_path(record_.instance, parts_.data_directory);
  return spec;
}

void SupervisedInstance::remember(const InstanceRecord& record) {
  record_.starts = record.starts;
  record_.instance.restarts = record.instance.restarts;
}

bool SupervisedInstance::adopt(const InstanceRecord& record) {
  remember(record);
  const auto live = parts_.processes.find(tag());
  // The recorded one first; then one started just before a crash, its pid never recorded.
  std::vector<ProcessRef> candidates{{record.instance.pid, record.start_time}};
  candidates.insert(candidates.end(), live.begin(), live.end());
  for (const auto& candidate : candidates) {
    if (process_ || candidate.start_time == 0) continue;
    const auto run = ++run_;
    const auto adopted =
        parts_.processes.adopt(candidate, [weak = weak_from_this(), run](ProcessExit exit) {
          if (const auto self = weak.lock(); self && self->run_ == run) self->ended(exit);
        });
    if (adopted) process_ = candidate;
  }
  for (const auto& stray : live) {
    if (stray != process_) kill_stray(stray);
  }
  if (process_) adopted_now(record);
  return process_.has_value();
}

void SupervisedInstance::adopted_now(const InstanceRecord& record) {
  auto& i = record_.instance;
  const auto& known = record.instance;
  const bool is_recorded = known.pid == process_->pid && known.state != InstanceState::kExited &&
                           known.state != InstanceState::kFailed;
  up_wanted_ = true;
  i.pid = process_->pid;
  record_.start_time = process_->start_time;
  log_info("adopted", {{"instance", i.id}, {"pid", std::to_string(i.pid)}});
  if (!is_recorded) {
    set_state(InstanceState::kStarting, "adopted");
    return run_began();
  }
  i.state = known.state;
  i.since = known.since;
  i.detail = known.detail;
  if (known.state != InstanceState::kStopping) {
    // It keeps its place in rotation; the first probe follows at once.
    changed_(i);
    return run_began();
  }
  stop(service_.platform.stop_grace, {});
  up_wanted_ = true;
}

void SupervisedInstance::kill_stray(const ProcessRef& stray) {
  log_warn("killed a stray process",
           {{"instance", record_.instance.id}, {"pid", std::to_string(stray.pid)}});
  if (const auto killed = parts_.processes.signal(stray, SIGKILL); !killed) {
    log_warn("a stray process could not be killed", {{"error", killed.error().message()}});
  }
}

void SupervisedInstance::start() {
  up_wanted_ = true;
  cancel(backoff_timer_);
  if (process_ || spawning_) return;  // one that is stopping starts again when it has ended
  spawning_ = true;
  record_.instance.pid = 0;
  record_.start_time = 0;
  set_state(InstanceState::kStarting, "", [this] { spawn(); });
}

void SupervisedInstance::spawn() {
  spawning_ = false;
  if (!up_wanted_) set_state(InstanceState::kExited, "stopped");
  tell_stopped();
  if (!up_wanted_) return;
  for (const auto& stray : parts_.processes.find(tag())) kill_stray(stray);
  const auto run = ++run_;
  const auto spawned =
      parts_.processes.spawn(spec(), [weak = weak_from_this(), run](ProcessExit exit) {
        if (const auto self = weak.lock(); self && self->run_ == run) self->ended(exit);
      });
  if (!spawned) {
    set_state(InstanceState::kFailed, spawned.error().message());
    if (restarts_itself()) restart_later();
    return;
  }
  process_ = *spawned;
  record_.instance.pid = spawned->pid;
  record_.instance.restarts = record_.starts++;
  record_.start_time = spawned->start_time;
  set_state(InstanceState::kStarting, "pid " + std::to_string(spawned->pid));
  run_began();
}

void SupervisedInstance::run_began() {
  phase_ = record_.instance.state == InstanceState::kStarting ? Phase::kStartup : Phase::kServing;
  run_began_ = parts_.env.clock.mono();
  ready_since_.reset();
  if (record_.instance.state == InstanceState::kReady) ready_since_ = run_began_;
  live_failures_ = ready_failures_ = 0;
  stopping_ = false;
  if (has_probes()) return probe_now();
  if (record_.instance.state != InstanceState::kReady)
    set_timer(probe_timer_, kSettleTime, &SupervisedInstance::probe_now);
}

void SupervisedInstance::stop(Duration grace, Platform::Stopped stopped) {
  up_wanted_ = false;
  if (stopped) waiting_for_stop_.push_back(std::move(stopped));
  cancel(backoff_timer_);
  if (spawning_) return;  // spawn() sees it
  if (!process_) {
    if (record_.instance.state != InstanceState::kExited)
      set_state(InstanceState::kExited, "stopped");
    return tell_stopped();
  }
  if (!stopping_) {
    stopping_ = true;
    cancel(probe_timer_);
    set_state(InstanceState::kStopping, "");
    if (const auto sent = parts_.processes.signal(*process_, SIGTERM);
        !sent && sent.error().code() != Code::kNotFound) {
      log_warn("could not ask an instance to stop",
               {{"instance", record_.instance.id}, {"error", sent.error().message()}});
    }
  }
  // A later caller with less patience shortens the grace.
  cancel(kill_timer_);
  kill_timer_ =
      parts_.env.executor.post_after(Lane::kControl, grace, [weak = weak_from_this(), run = run_] {
        const auto self = weak.lock();
        if (!self || self->run_ != run || !self->process_) return;
        self->record_.instance.detail = "killed after the grace period";
        [[maybe_unused]] const auto sent = self->parts_.processes.signal(*self->process_, SIGKILL);
      });
}

void SupervisedInstance::ended(const ProcessExit& exit) {
  const bool was_asked = std::exchange(stopping_, false);
  const bool comes_back = std::exchange(restarting_, false);
  process_.reset();
  ++run_;
  cancel_timers();
  record_.instance.pid = 0;
  record_.start_time = 0;
  if (was_asked) {
    const auto how =
        record_.instance.detail.empty() ? "stopped" : "stopped, " + record_.instance.detail;
    set_state(InstanceState::kExited, how);
    tell_stopped();
    if (comes_back && up_wanted_) return restart_later();
    if (up_wanted_) start();
    return;
  }
  log_warn("an instance ended", {{"instance", record_.instance.id}, {"how", exit.text()}});
  set_state(InstanceState::kExited, exit.text());
  if (up_wanted_ && restarts_itself()) restart_later();
}

void SupervisedInstance::restart_later() {
  const auto& platform = service_.platform;
  const bool was_stable =
      ready_since_ && parts_.env.clock.mono() - *ready_since_ >= platform.restart_backoff_max;
  ready_since_.reset();
  backoff_ = was_stable || backoff_ == Duration::zero()
                 ? platform.restart_backoff_min
                 : std::min(backoff_ * 2, platform.restart_backoff_max);
  set_timer(backoff_timer_, backoff_, &SupervisedInstance::start);
}

void SupervisedInstance::tell_stopped() {
  for (const auto& stopped : std::exchange(waiting_for_stop_, {})) stopped();
}

void SupervisedInstance::abandon() {
  cancel_timers();
  ++run_;
  if (process_) parts_.processes.forget(*process_);
}

void SupervisedInstance::set_state(InstanceState state, std::string detail,
                                   std::function<void()> durable) {
  auto& i = record_.instance;
  if (state != i.state) i.since = parts_.env.clock.now();
  i.state = state;
  i.detail = std::move(detail);
  state::Batch batch;
  const auto body = dump_instance_record(record_);
  batch.entry(model::kInstanceChanged, i.id, body).document("instance", i.id, body);
  parts_.journal.commit(std::move(batch), [weak = weak_from_this(),
                                           durable = std::move(durable)](Result<state::Seq> done) {
    const auto self = weak.lock();
    if (!self) return;
    if (!done) {
      log_warn("an instance's state could not be recorded",
               {{"instance", self->record_.instance.id}, {"error", done.error().message()}});
    }
    if (durable) durable();
  });
  changed_(i);
}

void SupervisedInstance::set_timer(TimerId& timer, Duration delay,
                                   void (SupervisedInstance::*task)()) {
  cancel(timer);
  timer = parts_.env.executor.post_after(Lane::kControl, delay,
                                         [weak = weak_from_this(), &timer, task] {
                                           const auto self = weak.lock();
                                           if (!self) return;
                                           timer = TimerId::kNone;
                                           ((*self).*task)();
                                         });
}

void SupervisedInstance::cancel(TimerId& timer) {
  if (timer != TimerId::kNone) parts_.env.executor.cancel(timer);
  timer = TimerId::kNone;
}

void SupervisedInstance::cancel_timers() {
  cancel(probe_timer_);
  cancel(kill_timer_);
  cancel(backoff_timer_);
}

}  // namespace holdfast::act
