#include "detect/rules/alert_state.h"

namespace holdfast::detect {
namespace {

using model::AlertState;

Duration between(WallTime from, WallTime to) {
  return std::chrono::duration_cast<Duration>(to - from);
}

class Step {
 public:
  Step(AlertStates states, const AlertPolicy& policy, WallTime at) : policy_(policy), at_(at) {
    step_.next = std::move(states);
  }

  AlertStep run(std::vector<SeenAlert> seen) {
    std::map<model::Labels, SeenAlert> by_labels;
    for (auto& one : seen) {
      auto labels = one.labels;
      by_labels.insert_or_assign(std::move(labels), std::move(one));
    }
    for (auto it = step_.next.begin(); it != step_.next.end();) {
      const auto found = by_labels.find(it->first);
      const bool kept =
          found != by_labels.end() ? still_there(it->second, found->second) : gone(it->second);
      if (found != by_labels.end()) by_labels.erase(found);
      it = kept ? std::next(it) : forget(it);
    }
    for (auto& [labels, one] : by_labels) appear(std::move(one));
    return std::move(step_);
  }

  AlertStep resolve() {
    for (auto it = step_.next.begin(); it != step_.next.end();)
      it = end(it->second) ? std::next(it) : forget(it);
    return std::move(step_);
  }

 private:
  static void refresh(model::Alert& alert, SeenAlert& seen) {
    alert.annotations = std::move(seen.annotations);
    alert.value = seen.value;
    alert.evidence = std::move(seen.evidence);
  }

  void appear(SeenAlert seen) {
    ActiveAlert active;
    active.alert.labels = seen.labels;
    active.alert.active_at = seen.active_since.value_or(at_);
    refresh(active.alert, seen);
    begin(active);
    step_.next.insert_or_assign(std::move(seen.labels), std::move(active));
  }

  // A new life, pending or firing at once.
  void begin(ActiveAlert& active) {
    ++step_.active_count;
    active.alert.state = AlertState::kPending;
    if (!fires(active.alert)) step_.changed.push_back(active.alert);
  }

  // Whether it has just begun to fire.
  bool fires(model::Alert& alert) {
    if (alert.state != AlertState::kPending || between(alert.active_at, at_) < policy_.hold)
      return false;
    alert.state = AlertState::kFiring;
    alert.fired_at = at_;
    step_.changed.push_back(alert);
    return true;
  }

  bool still_there(ActiveAlert& active, SeenAlert& seen) {
    refresh(active.alert, seen);
    active.keep_firing_since.reset();
    active.gone_not_before = {};
    if (active.alert.state == AlertState::kResolved) {
      active.alert.active_at = at_;
      active.alert.fired_at.reset();
      active.alert.resolved_at.reset();
      begin(active);
      return true;
    }
    ++step_.active_count;
    fires(active.alert);
    return true;
  }

  // Whether to keep it in the state.
  bool gone(ActiveAlert& active) {
    if (active.alert.state == AlertState::kResolved) {
      return !active.alert.resolved_at || between(*active.alert.resolved_at, at_) <= kResolvedKept;
    }
    if (at_ < active.gone_not_before || keeps_firing(active)) {
      ++step_.active_count;
      return true;
    }
    return end(active);
  }

  bool keeps_firing(ActiveAlert& active) const {
    if (active.alert.state != AlertState::kFiring || policy_.keep_firing_for <= Duration::zero())
      return false;
    if (!active.keep_firing_since) active.keep_firing_since = at_;
    return between(*active.keep_firing_since, at_) < policy_.keep_firing_for;
  }

  bool end(ActiveAlert& active) {
    if (active.alert.state == AlertState::kResolved) return true;
    active.alert.state = AlertState::kResolved;
    active.alert.resolved_at = at_;
    active.keep_firing_since.reset();
    step_.changed.push_back(active.alert);
    return active.alert.fired_at.has_value();
  }

  AlertStates::iterator forget(AlertStates::iterator it) {
    step_.forgotten.push_back(it->first);
    return step_.next.erase(it);
  }

  const AlertPolicy& policy_;
  const WallTime at_;
  AlertStep step_;
};

}  // namespace

AlertStep step_alerts(AlertStates states, std::vector<SeenAlert> seen, const AlertPolicy& policy,
                      WallTime at) {
  return Step(std::move(states), policy, at).run(std::move(seen));
}

AlertStep resolve_all(AlertStates states, WallTime at) {
  return Step(std::move(states), {}, at).resolve();
}

}  // namespace holdfast::detect
