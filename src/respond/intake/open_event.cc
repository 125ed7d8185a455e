#include "respond/intake/open_event.h"

#include "base/bytes.h"
#include "base/text.h"
#include "model/json_members.h"

namespace holdfast::respond::intake {
namespace {

using model::json_members::put;
using model::json_members::take;
using nlohmann::json;

constexpr std::size_t kIdSizeMax = 200;

class LabelSet {
 public:
  // The first word on a name stays.
  void add(std::string_view name, std::string_view value) {
    if (!value.empty()) pairs_.emplace(std::string(name), std::string(value));
  }
  model::Labels take() const {
    std::vector<model::Label> labels;
    for (const auto& [name, value] : pairs_) labels.push_back({name, value});
    return model::Labels(std::move(labels));
  }

 private:
  std::map<std::string, std::string> pairs_;
};

model::Labels annotations_of(const InboundEvent& event) {
  LabelSet set;
  set.add("summary", event.summary);
  set.add("url", event.url);
  for (const auto& label : event.annotations) set.add(label.name, label.value);
  return set.take();
}

model::Labels labels_of(const Integration& integration, const InboundEvent& event) {
  LabelSet set;
  set.add("alertname", event.name.empty() ? integration.name : event.name);
  set.add("severity", event.severity.empty() ? integration.severity : event.severity);
  for (const auto& [name, value] : integration.labels) set.add(name, value);
  for (const auto& label : event.labels) set.add(label.name, label.value);
  set.add("service", integration.service);
  // Another Alertmanager's alerts keep the identity they have there.
  if (integration.kind != "alertmanager") {
    set.add("integration", integration.name);
    set.add("dedup_key", event.key);
  }
  return set.take();
}

struct StoredEvent {
  OpenEvent event;
};

void from_json(const json& j, StoredEvent& v) {
  model::json_members::must_be_object(j);
  take(j, "integration", v.event.integration);
  take(j, "key", v.event.key);
  take(j, "alert", v.event.alert);
  take(j, "last_at", v.event.last_at);
  take(j, "acknowledged_by", v.event.acknowledged_by);
}

}  // namespace

static void from_json(const json& j, HeartbeatState& v) {
  model::json_members::must_be_object(j);
  take(j, "last_at", v.last_at);
  take(j, "watched_from", v.watched_from);
  take(j, "firing", v.firing);
  take(j, "alert", v.alert);
}

std::string event_id(std::string_view integration, std::string_view key) {
  auto id = std::string(integration) + "/" + std::string(key);
  return id.size() <= kIdSizeMax ? id : std::string(integration) + "/sha256:" + sha256_hex(key);
}

OpenEvent opened(const Integration& integration, const InboundEvent& event, WallTime now) {
  OpenEvent open;
  open.integration = integration.name;
  open.key = event.key;
  open.last_at = now;
  auto& alert = open.alert;
  alert.labels = labels_of(integration, event);
  alert.annotations = annotations_of(event);
  alert.state = model::AlertState::kFiring;
  alert.active_at = std::min(event.at.value_or(now), now);
  alert.fired_at = now;
  alert.evidence.query = "event " + printable(event.key, 100) + " of integration " + integration.name;
  alert.evidence.value = event.summary;
  alert.evidence.source = integration.kind;
  alert.evidence.otherwise = "the sender resolves it";
  return open;
}

OpenEvent refreshed(const OpenEvent& open, const InboundEvent& event, WallTime now) {
  auto next = open;
  next.last_at = now;
  next.alert.annotations = annotations_of(event);
  next.alert.evidence.value = event.summary;
  return next;
}

bool same_alert(const model::Alert& a, const model::Alert& b) {
  return a.labels == b.labels && a.annotations == b.annotations && a.state == b.state;
}

WallTime due_at(const Heartbeat& heartbeat, const HeartbeatState& state) {
  return state.last_at.value_or(state.watched_from) +
         std::chrono::duration_cast<WallTime::duration>(heartbeat.interval + heartbeat.grace);
}

model::Alert heartbeat_alert(const Heartbeat& heartbeat, const HeartbeatState& state, WallTime now,
                             const std::string& why) {
  LabelSet labels;
  labels.add("alertname", "HeartbeatMissing");
  labels.add("heartbeat", heartbeat.name);
  labels.add("severity", heartbeat.severity);
  for (const auto& [name, value] : heartbeat.labels) labels.add(name, value);
  labels.add("service", heartbeat.service);
  model::Alert alert;
  alert.labels = labels.take();
  alert.annotations = model::Labels({{"summary", "Heartbeat " + heartbeat.name + ": " + why}});
  alert.state = model::AlertState::kFiring;
  alert.active_at = state.last_at.value_or(state.watched_from);
  alert.fired_at = now;
  alert.evidence = {"heartbeat " + heartbeat.name,
                    why,
                    "a beat each " + format_duration(heartbeat.interval),
                    format_duration(heartbeat.interval + heartbeat.grace),
                    "heartbeats of the configuration",
                    "one beat resolves it"};
  return alert;
}

std::string write_open_event(const OpenEvent& event) {
  json j = json::object();
  put(j, "integration", event.integration);
  put(j, "key", event.key);
  put(j, "alert", event.alert);
  put(j, "last_at", event.last_at);
  put(j, "acknowledged_by", event.acknowledged_by);
  return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<OpenEvent> read_open_event(std::string_view body) {
  return std::move(HF_TRY(parse_json<StoredEvent>(body)).event);
}

std::string write_heartbeat(const HeartbeatState& state) {
  json j = json::object();
  put(j, "last_at", state.last_at);
  put(j, "watched_from", state.watched_from);
  put(j, "firing", state.firing);
  put(j, "alert", state.alert);
  return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<HeartbeatState> read_heartbeat(std::string_view body) {
  return parse_json<HeartbeatState>(body);
}

}  // namespace holdfast::respond::intake
