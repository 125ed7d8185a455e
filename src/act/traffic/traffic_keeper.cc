#include "act/traffic/traffic_keeper.h"

#include <utility>

#include "act/traffic/share.h"
#include "base/log.h"

namespace holdfast::act {

TrafficKeeper::TrafficKeeper(Env& env, std::string service, TrafficRouter& router, Plan plan,
                             std::function<void()> changed)
    : env_(env),
      service_(std::move(service)),
      router_(router),
      plan_(std::move(plan)),
      changed_(std::move(changed)) {}

void TrafficKeeper::start() {
  running_ = true;
  apply();
}

void TrafficKeeper::stop() {
  running_ = false;
  env_.executor.cancel(timer_);
}

void TrafficKeeper::sync() {
  if (running_ && !in_line()) apply();
}

void TrafficKeeper::set_hurry(bool hurry) {
  if (std::exchange(hurry_, hurry) == hurry || !hurry || !running_ || observing_) return;
  observe_in(kHurried);
}

bool TrafficKeeper::in_line() const {
  return observed_ && !stale_ && !applying_ && error_.empty() && matches_plan(plan_(), servers_);
}

void TrafficKeeper::apply() {
  if (applying_) {
    apply_again_ = true;
    return;
  }
  applying_ = true;
  apply_again_ = false;
  stale_ = true;
  router_.apply(plan_(), [weak = weak_from_this()](Result<void> done) {
    const auto self = weak.lock();
    if (!self || !self->running_) return;
    self->applying_ = false;
    if (self->apply_again_) return self->apply();
    if (done) return self->observe();
    if (self->error_ != done.error().message()) {
      log_warn("traffic could not be set",
               {{"service", self->service_}, {"error", done.error().message()}});
    }
    self->error_ = done.error().message();
    self->changed_();
    self->observe_in(kEager);
  });
}

void TrafficKeeper::observe() {
  if (observing_ || !running_) return;
  env_.executor.cancel(timer_);
  observing_ = true;
  if (!applying_) stale_ = false;
  router_.observe([weak = weak_from_this()](Result<std::vector<ServerView>> views) {
    const auto self = weak.lock();
    if (self && self->running_) self->took(std::move(views));
  });
}

void TrafficKeeper::took(Result<std::vector<ServerView>> views) {
  observing_ = false;
  if (views) {
    observed_ = true;
    servers_ = std::move(*views);
    error_.clear();
  } else {
    if (error_.empty())
      log_warn("the router cannot be observed",
               {{"service", service_}, {"error", views.error().message()}});
    error_ = views.error().message();
    observed_ = false;
  }
  changed_();
  if (stale_ && !applying_) return observe();  // what was seen is from before the last change
  if (in_line()) {
    tried_ = false;
    return observe_in(hurry_ ? kHurried : kCalm);
  }
  // Observed and different: restarted, or changed by somebody else. apply() observes after it. When
  // that did not help, the next try waits its turn.
  if (observed_ && !applying_ && !std::exchange(tried_, true)) return apply();
  tried_ = false;
  observe_in(hurry_ ? kHurried : kEager);
}

void TrafficKeeper::observe_in(Duration delay) {
  env_.executor.cancel(timer_);
  timer_ = env_.executor.post_after(Lane::kControl, delay, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->observe();
  });
}

}  // namespace holdfast::act
