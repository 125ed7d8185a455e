#include "act/restart_steps.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "act/platform/supervised_instance.h"

namespace holdfast::act {

using model::InstanceState;

namespace {

constexpr Duration kExitPatience =
    5s;  // after the grace period: SIGKILL works and the exit is seen
constexpr Duration kTrafficPatience = 5s;  // until the router has it in rotation again

std::string state_text(const std::optional<model::Instance>& instance, const std::string& id) {
  if (!instance) return id + " is not there";
  return id + " is " + std::string(instance_state_name(instance->state)) +
         (instance->detail.empty() ? "" : ": " + instance->detail);
}

// One instance's way through the six steps.
class InstanceRestart : public std::enable_shared_from_this<InstanceRestart> {
 public:
  InstanceRestart(ActPtr act, std::string id)
      : act_(std::move(act)), desk_(act_->desk), id_(std::move(id)) {}

  void append_steps(std::deque<Step>& steps) {
    const auto self = shared_from_this();
    const auto step = [&](const char* name, void (InstanceRestart::*run)(const StepDone&),
                          bool next_on_failure = false) {
      steps.push_back(
          {name, [self, run](const StepDone& done) { ((*self).*run)(done); }, next_on_failure});
    };
    // One that a crash interrupted between stop and start goes on from there.
    if (act_->record.stopped != id_) {
      step("check_service_status", &InstanceRestart::check_status);
      step("graceful_shutdown", &InstanceRestart::shut_down);
      step("wait_for_shutdown", &InstanceRestart::wait_for_shutdown);
    }
    step("restart_service", &InstanceRestart::start);
    step("wait_for_ready", &InstanceRestart::wait_for_ready, true);
    step("health_check", &InstanceRestart::check_health);
  }

 private:
  const model::PlatformSpec& platform_spec() const { return desk_->spec().platform; }

  void check_status(const StepDone& done) { done(state_text(desk_->instance(id_), id_)); }

  // Users are led away first, when there is somewhere to lead them. One that is not ready serves
  // nobody any more; waiting for its sessions would only keep it broken for longer.
  void shut_down(const StepDone& done) {
    if (!desk_->has_router() || !desk_->is_ready(id_)) return ask_to_stop("", done);
    if (desk_->other_capacity(id_) == 0)
      return ask_to_stop("not drained, as no other instance is ready; ", done);
    act_->draining.insert(id_);
    desk_->drain({id_});
    const auto is_free = [this] {
      const auto sessions = desk_->sessions_on({id_});
      return sessions && *sessions == 0;
    };
    desk_->wait_for(
        platform_spec().stop_grace,
        [self = shared_from_this(), is_free]() -> std::optional<Result<std::string>> {
          if (is_free() || !self->desk_->is_ready(self->id_))
            return Result<std::string>("drained; ");
          return std::nullopt;
        },
        [] { return Result<std::string>("sessions are still open; "); },
        [self = shared_from_this(), done](const Result<std::string>& drained) {
          self->ask_to_stop(*drained, done);
        });
  }

  void ask_to_stop(const std::string& drained, const StepDone& done) {
    const auto before = desk_->instance(id_);
    const bool runs = before && before->pid != 0;
    desk_->platform().stop_instance(id_, [self = shared_from_this()] {
      self->is_down_ = true;
      self->desk_->look_again();
    });
    done(drained + (runs ? id_ + " asked to stop" : id_ + " does not run"));
  }

  void wait_for_shutdown(const StepDone& done) {
    const auto limit = platform_spec().stop_grace + kExitPatience;
    desk_->wait_for(
        limit,
        [self = shared_from_this()]() -> std::optional<Result<std::string>> {
          if (!self->is_down_) return std::nullopt;
          return Result<std::string>(state_text(self->desk_->instance(self->id_), self->id_));
        },
        [id = id_, limit] {
          return Error(Code::kTimeout, id + " has not ended within " + format_duration(limit));
        },
        done);
  }

  void start(const StepDone& done) {
    act_->record.stopped = id_;
    act_->save([self = shared_from_this(), done] {
      self->desk_->platform().start_instance(self->id_);
      done(self->id_ + " started");
    });
  }

  void wait_for_ready(const StepDone& done) {
    const auto limit = platform_spec().ready_timeout + 1s;
    desk_->wait_for(
        limit, [self = shared_from_this()] { return self->ready_or_lost(); },
        [self = shared_from_this(), limit] {
          return Error(Code::kTimeout, "not ready within " + format_duration(limit) + ": " +
                                           state_text(self->desk_->instance(self->id_), self->id_));
        },
        done);
  }

  // Without remedies the platform tries again by itself, so an exit is not the end of it.
  std::optional<Result<std::string>> ready_or_lost() const {
    const auto instance = desk_->instance(id_);
    if (!instance) return Error(Code::kNotFound, id_ + " is wanted no more");
    if (instance->state == InstanceState::kReady)
      return Result<std::string>(state_text(instance, id_));
    const bool is_over = instance->state == InstanceState::kExited ||
                         instance->state == InstanceState::kFailed ||
                         instance->state == InstanceState::kUnready;
    if (is_over && !desk_->spec().remedies.empty())
      return Error(Code::kUnavailable, state_text(instance, id_));
    return std::nullopt;
  }

  void check_health(const StepDone& done) {
    const auto failed = Error(
        Code::kUnavailable, "Service " + desk_->spec().name + " failed health check after restart");
    desk_->platform().check(id_,
                            [self = shared_from_this(), failed, done](const Result<void>& healthy) {
                              if (!healthy || !self->desk_->is_ready(self->id_))
                                return done(failed);
                              self->back_in_rotation(done);
                            });
  }

  void back_in_rotation(const StepDone& done) {
    act_->draining.erase(id_);
    desk_->undrain({id_});
    act_->record.stopped.clear();
    act_->record.restarted.push_back(id_);
    const auto saved = [self = shared_from_this(), done] {
      if (!self->desk_->has_router()) return done(self->id_ + " is healthy");
      // The next instance is not taken out before this one serves again.
      self->desk_->wait_for(
          kTrafficPatience,
          [self]() -> std::optional<Result<std::string>> {
            if (!self->desk_->keeper().in_line()) return std::nullopt;
            return Result<std::string>(self->id_ + " is healthy and in rotation");
          },
          [self] {
            return Result<std::string>(self->id_ +
                                       " is healthy; its traffic: " + self->desk_->traffic().error);
          },
          done);
    };
    act_->save(saved);
  }

  const ActPtr act_;
  const std::shared_ptr<ServiceDesk> desk_;
  const std::string id_;
  bool is_down_ = false;
};

}  // namespace

std::vector<std::string> restart_targets(const std::string& target, const Wanted& wanted) {
  auto ids = wanted.instance_ids();
  if (target.empty()) return ids;
  std::erase_if(ids, [&](const auto& id) {
    return id != target && !id.starts_with(wanted.service + "/" + target + "/");
  });
  return ids;
}

std::deque<Step> restart_steps(const ActPtr& act) {
  auto& record = act->record;
  if (record.targets.empty()) record.targets = restart_targets(record.target, act->desk->wanted());
  std::deque<Step> steps;
  for (const auto& id : record.targets) {
    if (std::ranges::find(record.restarted, id) != record.restarted.end()) continue;
    std::make_shared<InstanceRestart>(act, id)->append_steps(steps);
  }
  return steps;
}

}  // namespace holdfast::act
