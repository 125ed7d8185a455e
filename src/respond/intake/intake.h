// respond/intake/intake.h: events of other systems become alerts; heartbeats that stay away become alerts; changes are kept.
//
// Purpose     take() turns InboundEvents into model::Alert, published under kAlertChanged like those of our own rules: they
//             are routed, open incidents, and fire until they are said to be resolved. beat() is a dead-man's switch:
//             silence for longer than interval + grace fires. record() keeps a change.
// Identity    An open event is (integration, key). A trigger for it changes its words, never its labels; after a resolve the next
//             trigger is a new alert. An acknowledgement or a resolve of what is not open is accepted and dropped.
// Durable     Everything is in the journal before it is answered: documents "intake_event" (open ones), "heartbeat", "change". Due
//             times (auto_resolve, heartbeats) are in them, so a restart forgets none.
// Limits      10,000 open events an integration (more are refused with kExhausted); changes are kept 90 days.
// Threads     Control strand only; `done` runs there, once.
// Source      ../shared/reference/alerting.md sections 1.1 and 2.14.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/result.h"
#include "model/alert.h"
#include "model/change.h"
#include "respond/intake/inbound.h"
#include "respond/intake/webhook.h"
#include "state/journal.h"

namespace holdfast::respond::intake {

struct Integration {
  std::string name;      // unique
  std::string kind;      // pagerduty, alertmanager, json, email, github, gitlab
  std::string key;       // the sender's secret: PagerDuty's routing key, a webhook's token, a hook's secret
  std::string service;   // label `service` of its alerts, and of its changes
  std::string severity = "warning";  // of events that say none
  std::map<std::string, std::string> labels;  // added to each alert
  Mapping mapping;       // kind json
  std::string address;   // kind email: alerts+disk@example.com
  Duration auto_resolve{};  // an event without news for so long is resolved; zero: never
};

struct Heartbeat {
  std::string name;  // unique
  std::string key;   // the sender's secret
  std::string service;
  std::string severity = "critical";
  Duration interval = 1min;
  Duration grace = 30s;
  std::map<std::string, std::string> labels;
};

struct IntakeOptions {
  std::vector<Integration> integrations;
  std::vector<Heartbeat> heartbeats;
};

struct OpenEvent {
  std::string integration;
  std::string key;
  model::Alert alert;
  WallTime last_at{};  // of the sender's last word
  std::string acknowledged_by;
};

struct HeartbeatView {
  Heartbeat heartbeat;
  std::optional<WallTime> last_at;  // of the last beat; none yet: absent
  WallTime due_at{};                // when it fires without another
  bool firing = false;
};

struct ChangeQuery {
  std::string service;  // empty: all
  std::optional<WallTime> from, to;
  std::size_t limit = 100;  // newest first
};

class Intake {
 public:
  template <typename T>
  using Done = std::function<void(Result<T>)>;
  using Acknowledge = std::function<void(const std::string& fingerprint, const std::string& by)>;

  Intake(Env& env, state::Journal& journal);
  ~Intake();

  // Reads what is open and begins to watch due times. Once.
  Result<void> start(IntakeOptions options);
  // Heartbeats and integrations that are gone take their open alerts with them.
  void configure(IntakeOptions options);
  // Who is told that an event's sender acknowledged it.
  void set_acknowledge(Acknowledge acknowledge);

  // By name, or by the secret among those of a kind; null when there is none. Compared in constant time.
  const Integration* integration(std::string_view name) const;
  const Integration* integration_by_key(std::string_view kind, std::string_view key) const;
  const Integration* integration_by_address(std::string_view address) const;
  const Heartbeat* heartbeat(std::string_view name) const;

  // The keys, in order; made up where a trigger had none.
  void take(const Integration& integration, std::vector<InboundEvent> events, Done<std::vector<std::string>> done);
  // `failed`: the sender itself says that it is ill; fires at once. kNotFound.
  void beat(std::string_view name, bool failed, Done<void> done);
  // One with a known id replaces it.
  void record(model::Change change, Done<model::Change> done);

  std::vector<OpenEvent> open() const;
  std::vector<HeartbeatView> heartbeats() const;
  std::vector<model::Change> changes(const ChangeQuery& query) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::respond::intake
