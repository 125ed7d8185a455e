// The health half of SupervisedInstance: when it counts as ready, when as hung.
//
//   starting:  startup probe until it passes ──▶ ready probe until it passes ──▶ kReady
//   serving:   each interval: live probe, then ready probe. `failures` in a row of either:
//              kUnready; both pass again: kReady. The interval counts from the beginning of the
//              round, so that an instance which lets every probe run into its timeout is found as
//              fast as one that refuses.

#include <algorithm>

#include "act/platform/supervised_instance.h"
#include "base/log.h"

namespace holdfast::act {

using model::InstanceState;

namespace {

// While an instance starts it is asked often: users wait for it.
constexpr Duration kStartupProbeInterval = 100ms;

}  // namespace

bool SupervisedInstance::has_probes() const {
  const auto& health = service_.health;
  return !record_.instance.address.empty() &&
         !(health.live.empty() && health.ready.empty() && health.startup.empty());
}

std::function<void(Result<void>)> SupervisedInstance::for_this_run(
    std::function<void(Result<void>)> handler) {
  return [weak = weak_from_this(), run = run_, handler = std::move(handler)](Result<void> outcome) {
    const auto self = weak.lock();
    if (self && self->run_ == run && self->process_ && !self->stopping_)
      handler(std::move(outcome));
  };
}

void SupervisedInstance::probe_now() {
  if (!process_ || stopping_) return;
  const auto began = parts_.env.clock.mono();
  if (!has_probes()) {
    ready_since_ = began;
    return set_state(InstanceState::kReady, "");
  }
  if (phase_ == Phase::kServing) return probe_live(began);
  if (service_.health.startup.empty()) {
    phase_ = Phase::kServing;
    return probe_ready(began);
  }
  parts_.prober.probe(record_.instance.address, service_.health.startup, service_.health.timeout,
                      for_this_run([this, began](Result<void> outcome) {
                        if (!outcome)
                          return startup_failed(std::move(outcome).error().context("startup probe"),
                                                began);
                        phase_ = Phase::kServing;
                        probe_ready(began);
                      }));
}

void SupervisedInstance::probe_live(MonoTime began) {
  // Before it was ready once, only the time it may take counts.
  if (service_.health.live.empty() || !ready_since_) return probe_ready(began);
  parts_.prober.probe(record_.instance.address, service_.health.live, service_.health.timeout,
                      for_this_run([this, began](Result<void> outcome) {
                        if (!outcome)
                          return serving_failed("live", live_failures_, outcome.error(), began);
                        live_failures_ = 0;
                        probe_ready(began);
                      }));
}

void SupervisedInstance::probe_ready(MonoTime began) {
  const auto passed = [this, began] {
    ready_failures_ = 0;
    if (record_.instance.state != InstanceState::kReady) {
      ready_since_ = parts_.env.clock.mono();
      set_state(InstanceState::kReady, "");
    }
    probe_next(began);
  };
  if (service_.health.ready.empty()) return passed();
  parts_.prober.probe(record_.instance.address, service_.health.ready, service_.health.timeout,
                      for_this_run([this, began, passed](Result<void> outcome) {
                        if (outcome) return passed();
                        if (!ready_since_)
                          return startup_failed(std::move(outcome).error().context("ready probe"),
                                                began);
                        serving_failed("ready", ready_failures_, outcome.error(), began);
                      }));
}

void SupervisedInstance::probe_next(MonoTime began) {
  const bool is_starting = record_.instance.state == InstanceState::kStarting;
  const auto interval = is_starting ? std::min(kStartupProbeInterval, service_.health.interval)
                                    : service_.health.interval;
  const auto passed = parts_.env.clock.mono() - began;
  // Never without a pause: a probe that fails at once must not become a busy loop.
  set_timer(probe_timer_, std::max<Duration>(interval - passed, 1ms),
            &SupervisedInstance::probe_now);
}

void SupervisedInstance::startup_failed(const Error& why, MonoTime began) {
  const auto limit = service_.platform.ready_timeout;
  const bool is_late = parts_.env.clock.mono() - run_began_ >= limit;
  if (is_late && record_.instance.state == InstanceState::kStarting) {
    set_state(InstanceState::kUnready,
              "not ready within " + format_duration(limit) + ": " + why.message());
    if (restarts_itself()) return give_up_run();
  }
  probe_next(began);
}

void SupervisedInstance::serving_failed(const char* probe, int& failures, const Error& why,
                                        MonoTime began) {
  ++failures;
  if (failures >= service_.health.failures && record_.instance.state == InstanceState::kReady) {
    set_state(InstanceState::kUnready, std::string(probe) + " probe failed " +
                                           std::to_string(failures) + " times: " + why.message());
    // One that is alive and not ready may be waiting for another service: a restart would not help
    // it.
    if (restarts_itself() && &failures == &live_failures_) return give_up_run();
  }
  probe_next(began);
}

void SupervisedInstance::give_up_run() {
  log_warn("an instance is restarted",
           {{"instance", record_.instance.id}, {"why", record_.instance.detail}});
  restarting_ = true;
  stop(service_.platform.stop_grace, {});
  up_wanted_ = true;
}

void SupervisedInstance::check(Platform::Checked checked) {
  const auto& id = record_.instance.id;
  if (!process_) return checked(unavailable(id + " does not run"));
  const auto& path = service_.health.ready.empty() ? service_.health.live : service_.health.ready;
  if (!has_probes() || path.empty()) return checked({});
  parts_.prober.probe(record_.instance.address, path, service_.health.timeout,
                      [id, checked = std::move(checked)](Result<void> outcome) {
                        checked(std::move(outcome).context(id));
                      });
}

}  // namespace holdfast::act
