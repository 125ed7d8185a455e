// A simulated Holdfast of journal, outbox and healer over operations and metrics that the test
// holds.
#pragma once

#include "fake_operations.h"
#include "recover/healer.h"
#include "state/sim_host.h"
#include "table_reader.h"

namespace holdfast::recover {

using model::InstanceState;
using model::RemedyState;

inline model::Service shop() {
  model::Service service;
  service.name = "shop";
  service.platform.kind = "process";
  service.platform.stable = "1";
  service.platform.replicas = 3;
  service.platform.replicas_max = 6;
  model::ProcessVersion version;
  version.name = "1";
  service.platform.versions.push_back(version);
  version.name = "2";
  service.platform.versions.push_back(version);
  const auto rule = [&](model::Labels match, std::string remedy, Duration cooldown, int attempts,
                        Duration within) {
    service.remedies.push_back(
        {std::move(match), std::move(remedy), cooldown, attempts, within, ""});
  };
  rule({{"fault", "process_exit"}}, "restart_service", 2s, 3, 10s);
  rule({{"fault", "hang"}}, "restart_service", 5s, 3, 10s);
  rule({{"alertname", "CanaryErrors"}}, "shift_traffic_to_stable", 5s, 3, 10s);
  rule({{"alertname", "InstanceErrors"}}, "restart_service", 5s, 2, 10s);
  rule({{"alertname", "LatencyHigh"}}, "scale_out", 20s, 2, 10s);
  return service;
}

inline model::Alert alert(const std::string& name, model::Labels more = {}) {
  model::Alert alert;
  auto labels = more.with("alertname", name).with("service", "shop").with("severity", "high");
  alert.labels = labels;
  alert.state = model::AlertState::kFiring;
  alert.active_at = from_ms(1'800'000'000'000);
  alert.value = 0.5;
  alert.evidence.query = "errors";
  alert.evidence.value = "0.5";
  return alert;
}

struct HealerHost : state::SimHost {
  explicit HealerHost(std::uint64_t seed = 1) : SimHost(seed) {
    services = {shop()};
    operations.want("1", "stable", 3);
    for (int i = 0; i < 3; ++i)
      operations.set("shop/1/" + std::to_string(i), InstanceState::kReady);
  }
  ~HealerHost() { stop(); }

  // Together as app does it.
  void begin() {
    operations.attach(journal.get());
    outbox = std::make_unique<state::Outbox>(env, *journal);
    healer = std::make_unique<Healer>(env, *journal, *outbox, operations, engine);
    auto started = healer->start(services);
    ASSERT_TRUE(started.has_value()) << started.error().message();
    started = outbox->start();
    ASSERT_TRUE(started.has_value()) << started.error().message();
  }
  void stop() {
    operations.attach(nullptr);
    healer.reset();
    outbox.reset();
  }
  // Holdfast dies and comes back; the services live on.
  void crash_and_begin() {
    stop();
    operations.forget_callers();
    crash_and_reopen();
    begin();
  }

  void fire(model::Alert alert) {
    alert.state = model::AlertState::kFiring;
    tell(alert);
  }
  void resolve(model::Alert alert) {
    alert.state = model::AlertState::kResolved;
    tell(alert);
  }
  void tell(const model::Alert& alert) {
    state::Batch batch;
    const auto body = dump_json(alert);
    batch.entry(model::kAlertChanged, alert.fingerprint(), body)
        .document("alert", alert.fingerprint(), body);
    journal->commit(std::move(batch));
    executor.run_ready();
  }

  void kill(const std::string& id) {
    operations.set(id, InstanceState::kExited, "exit by signal 9 (SIGKILL)");
    executor.run_ready();
  }
  void bring_back(const std::string& id, const std::string& key) {
    operations.set(id, InstanceState::kReady);
    end(key);
  }
  void end(const std::string& key, bool ok = true, const std::string& error = "") {
    operations.end(key, ok, error);
    executor.run_ready();
  }
  void automation(bool stopped, const std::string& why = "maintenance") {
    std::optional<Result<model::Automation>> answer;
    healer->set_automation(stopped, "ann", why, [&](auto result) { answer = std::move(result); });
    executor.run_until([&] { return answer.has_value(); }, 1min);
    ASSERT_TRUE(answer && answer->has_value());
    executor.run_ready();
  }

  // "restart shop/1/0": each key once.
  std::vector<std::string> acts() const {
    std::vector<std::string> out;
    std::vector<std::string> known;
    for (const auto& asked : operations.asked()) {
      if (std::ranges::find(known, asked.key) != known.end()) continue;
      known.push_back(asked.key);
      out.push_back(asked.kind + (asked.target.empty() ? "" : " " + asked.target));
    }
    return out;
  }
  std::string last_key() const { return operations.asked().back().key; }
  std::vector<std::string> open_faults() const {
    std::vector<std::string> out;
    for (const auto& fault : healer->faults()) {
      if (fault.open) out.push_back(fault.kind + " " + fault.resource);
    }
    std::ranges::sort(out);
    return out;
  }
  // The remedies' states in the order the journal tells them.
  std::vector<std::string> story() {
    std::vector<std::string> out;
    const auto entries = journal->read({.topic = std::string(model::kRemedyChanged)});
    for (const auto& entry : *entries) {
      const auto remedy = parse_json<model::Remedy>(entry.body);
      out.push_back(remedy->name + " " + std::to_string(remedy->attempt) + " " +
                    std::string(remedy_state_name(remedy->state)));
    }
    return out;
  }

  std::vector<model::Service> services;
  act::FakeOperations operations;
  metrics::TableReader reader;
  query::promql::Engine engine{reader, clock};
  std::unique_ptr<state::Outbox> outbox;
  std::unique_ptr<Healer> healer;
};

}  // namespace holdfast::recover
