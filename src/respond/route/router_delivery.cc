// Carrying tellings out. The outbox hands an intent over once and waits; attempts, their pauses and their end are counted here,
// because they follow Alertmanager's clock, not the outbox's. An integration that hangs holds only places of its own lane.
#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "model/json_members.h"
#include "respond/route/router_impl.h"

namespace holdfast::respond::route {

using nlohmann::json;

namespace {

constexpr double kBackoffGrowth = 1.5;
constexpr Duration kBackoffMax = 60s;
// The one attempt of a telling whose deadline passed while nobody could try: so long it may take.
constexpr Duration kLateAttempt = 30s;
// Longer than any deadline: the outbox must not count attempts that are counted here.
constexpr Duration kOutboxPatience = 24h * 365;
constexpr std::array<double, 5> kLatencyBounds = {1, 5, 10, 15, 20};

struct ReadIntent {
  GroupNotification notification;
  LogEntry log;
};

Result<ReadIntent> read_intent(const state::Intent& intent) {
  ReadIntent read;
  read.notification = HF_TRY(parse_json<GroupNotification>(intent.body));
  const auto body = json::parse(intent.body, nullptr, false);
  if (!body.contains("log")) return invalid("no log entry in it");
  read.log = HF_TRY(read_log_document(body["log"].dump()));
  return read;
}

// No answer of the receiver's own: what was sent may have arrived.
bool no_answer(const send::Outcome& outcome) {
  return outcome.reason != "serverError" && outcome.reason != "clientError" &&
         outcome.reason != "authError" && outcome.reason != "rateLimited";
}

}  // namespace

UnsureTelling said_by(const GroupNotification& told) {
  UnsureTelling said;
  said.transition = told.transition;
  for (const auto& alert : told.alerts) {
    (alert.resolved() ? said.resolved : said.firing).push_back(fingerprint_of(alert.labels));
  }
  std::sort(said.firing.begin(), said.firing.end());
  std::sort(said.resolved.begin(), said.resolved.end());
  return said;
}

void Router::Impl::register_handler() {
  state::Outbox::Handler handler;
  handler.run = [weak = weak_from_this()](const state::Intent& intent, int,
                                          state::Outbox::Finish finish) {
    if (auto self = weak.lock()) self->run_intent(intent, std::move(finish));
  };
  handler.in_flight_max = std::numeric_limits<int>::max();  // lanes bound it, each its own
  handler.attempt_timeout = kOutboxPatience;
  outbox.handle(std::string(kNotifyIntent), std::move(handler));
}

void Router::Impl::run_intent(const state::Intent& intent, state::Outbox::Finish finish) {
  auto read = read_intent(intent);
  if (!read) {
    log_error("a notification in the journal cannot be read",
              {{"key", intent.key}, {"error", read.error().message()}});
    return finish(state::Batch{});
  }
  if (deliveries.contains(intent.key)) return;
  const auto mono = env.clock.mono();
  auto& delivery = deliveries[intent.key];
  delivery.notification = std::move(read->notification);
  delivery.log = std::move(read->log);
  delivery.finish = std::move(finish);
  delivery.unsure = restored.erase(intent.key) > 0;
  delivery.limit = mono + (delivery.notification.deadline - env.clock.now());
  const auto& kind = delivery.notification.kind;
  ++counted.integrations[kind].notifications;
  auto& lane = lanes[delivery.log.receiver_key];
  (delivery.notification.reason == "first notification" ? lane.first : lane.rest)
      .push_back(intent.key);
  watch(intent.key);
  const auto name = delivery.log.receiver_key;
  pump(name);
}

void Router::Impl::pump(const std::string& name) {
  auto& lane = lanes[name];
  while (lane.running < std::max(1, options.in_flight_per_integration_max)) {
    auto& queue = lane.first.empty() ? lane.rest : lane.first;
    if (queue.empty()) break;
    const auto key = std::move(queue.front());
    queue.pop_front();
    if (deliveries.contains(key)) attempt(key);
  }
}

const Integration* Router::Impl::integration_of(const GroupNotification& told) const {
  const auto* receiver = tree->config().receiver(told.receiver);
  if (receiver == nullptr) return nullptr;
  for (const auto& integration : receiver->integrations) {
    if (integration.kind == told.kind && integration.index == told.index) return &integration;
  }
  return nullptr;
}

void Router::Impl::attempt(const std::string& key) {
  auto& delivery = deliveries.at(key);
  ++lanes[delivery.log.receiver_key].running;
  delivery.running = true;
  const int number = ++delivery.attempts;
  delivery.begun = env.clock.mono();
  if (delivery.limit <= delivery.begun) {
    delivery.limit = delivery.begun + kLateAttempt;
    watch(key);
  }
  const auto* integration = integration_of(delivery.notification);
  if (integration == nullptr) {
    return gave_up(key, "other",
                   delivery.notification.receiver + " has no such integration any more");
  }
  ++counted.integrations[delivery.notification.kind].requests;
  send::SendRequest request;
  request.integration = integration;
  request.notification = delivery.notification;
  request.plain = delivery.plain;
  if (const auto* entry = log.find(delivery.log.group_key, delivery.log.receiver_key)) {
    request.remembered = entry->remember;
  }
  // The tree is kept: the integration belongs to it.
  deliver(request,
          [weak = weak_from_this(), kept = tree, key, number](const send::Outcome& outcome) {
            if (auto self = weak.lock()) self->answered(key, number, outcome);
          });
}

// Rings at the delivery's limit, which may have moved by then.
void Router::Impl::watch(const std::string& key) {
  auto& delivery = deliveries.at(key);
  if (delivery.watch != TimerId::kNone) env.executor.cancel(delivery.watch);
  const auto delay = std::max(Duration::zero(), Duration(delivery.limit - env.clock.mono()));
  delivery.watch = env.executor.post_after(Lane::kControl, delay, [weak = weak_from_this(), key] {
    if (auto self = weak.lock()) self->out_of_time(key);
  });
}

void Router::Impl::out_of_time(const std::string& key) {
  const auto it = deliveries.find(key);
  if (it == deliveries.end()) return;
  auto& delivery = it->second;
  delivery.watch = TimerId::kNone;
  // Nothing was tried yet: it keeps its place, and its one attempt sets a limit of its own.
  if (delivery.attempts == 0) return;
  delivery.unsure = delivery.unsure || delivery.running;
  gave_up(key, "contextDeadlineExceeded",
          delivery.last_error.empty() ? "no answer before the deadline"
                                      : "deadline: " + delivery.last_error);
}

void Router::Impl::answered(const std::string& key, int number, const send::Outcome& outcome) {
  const auto it = deliveries.find(key);
  if (it == deliveries.end() || it->second.attempts != number || !it->second.running) return;
  auto& delivery = it->second;
  auto& stats = counted.integrations[delivery.notification.kind];
  const double seconds = to_seconds(env.clock.mono() - delivery.begun);
  stats.latency_seconds += seconds;
  for (std::size_t i = 0; i < std::size(stats.latency_counts); ++i) {
    if (i == kLatencyBounds.size() || seconds <= kLatencyBounds[i]) ++stats.latency_counts[i];
  }
  leave_lane(delivery);
  using Kind = send::Outcome::Kind;
  if (outcome.kind == Kind::kDelivered) {
    delivered(key, outcome);
    return;
  }
  ++stats.requests_failed;
  if (outcome.kind == Kind::kRetry && no_answer(outcome)) delivery.unsure = true;
  delivery.last_error = outcome.detail;
  delivery.last_reason = outcome.reason.empty() ? "other" : outcome.reason;
  if (outcome.kind == Kind::kTemplate && !delivery.plain) {
    HF_PROBE("route: plain words for a broken template");
    delivery.plain = true;
    delivery.template_error = outcome.detail;
    lanes[delivery.log.receiver_key].first.push_front(key);
  } else if (outcome.kind == Kind::kRetry) {
    retry_later(key, outcome.retry_after);
  } else {
    gave_up(key, delivery.last_reason, outcome.detail);
    return;
  }
  const auto name = delivery.log.receiver_key;
  pump(name);
}

void Router::Impl::retry_later(const std::string& key, Duration not_before) {
  auto& delivery = deliveries.at(key);
  const auto pause =
      std::max(from_seconds(to_seconds(delivery.backoff) * (0.5 + env.random.unit())), not_before);
  delivery.backoff =
      std::min(kBackoffMax, from_seconds(to_seconds(delivery.backoff) * kBackoffGrowth));
  // Past the limit the watch ends it; until then it counts as under way, as it does there.
  if (env.clock.mono() + pause >= delivery.limit) return;
  delivery.retry = env.executor.post_after(Lane::kControl, pause, [weak = weak_from_this(), key] {
    auto self = weak.lock();
    if (!self) return;
    const auto it = self->deliveries.find(key);
    if (it == self->deliveries.end()) return;
    it->second.retry = TimerId::kNone;
    const auto name = it->second.log.receiver_key;
    self->lanes[name].rest.push_back(key);
    self->pump(name);
  });
}

void Router::Impl::leave_lane(Delivery& delivery) {
  if (!delivery.running) return;
  delivery.running = false;
  --lanes[delivery.log.receiver_key].running;
}

void Router::Impl::note_outcome(const Delivery& delivery, std::string_view outcome,
                                const std::string& detail, state::Batch& batch) const {
  const auto& told = delivery.notification;
  json body = {{"outcome", outcome},
               {"integration", delivery.log.receiver_key},
               {"reason", told.reason},
               {"transition", told.transition},
               {"attempts", delivery.attempts},
               {"alerts", told.alerts.size()}};
  if (!detail.empty()) body["detail"] = detail;
  if (delivery.plain) body["template_error"] = delivery.template_error;
  if (!told.in_place_of.empty()) body["in_place_of"] = told.in_place_of;
  if (!told.why.empty()) body["why"] = told.why;
  if (told.drill) body["drill"] = true;
  batch.entry(kRouteNotified, told.group_key,
              body.dump(-1, ' ', false, json::error_handler_t::replace));
}

void Router::Impl::delivered(const std::string& key, const send::Outcome& outcome) {
  auto& delivery = deliveries.at(key);
  const auto now = env.clock.now();
  state::Batch batch;
  auto entry = delivery.log;
  const auto* known = log.find(entry.group_key, entry.receiver_key);
  // One that comes after a later telling (both were under way at a crash) must not take the log back.
  if (known == nullptr || known->transition <= entry.transition) {
    entry.expires_at += now - entry.at;
    entry.at = now;
    entry.remember = !outcome.remember.empty() ? outcome.remember
                     : known != nullptr        ? known->remember
                                               : "";
    batch.document(std::string(kLogDocument), entry.id(), log_document(entry));
    log.put(std::move(entry));
  }
  note_outcome(delivery, "delivered", outcome.detail, batch);
  drill_told(delivery.notification, delivery.log.receiver_key + ": delivered", true, batch);
  close_delivery(key, std::move(batch), true);
}

void Router::Impl::gave_up(const std::string& key, const std::string& reason,
                           const std::string& detail) {
  auto& delivery = deliveries.at(key);
  leave_lane(delivery);
  ++counted.integrations[delivery.notification.kind].failed[reason];
  log_warn("notification not delivered", {{"integration", delivery.log.receiver_key},
                                          {"group", delivery.log.group_key},
                                          {"attempts", std::to_string(delivery.attempts)},
                                          {"reason", reason},
                                          {"error", detail}});
  state::Batch batch;
  note_outcome(delivery, "failed", reason + ": " + detail, batch);
  drill_told(delivery.notification, delivery.log.receiver_key + ": failed: " + detail, false,
             batch);
  remember_unsure(delivery, batch);
  fall_back(delivery, detail, batch);
  close_delivery(key, std::move(batch), false);
}

void Router::Impl::remember_unsure(const Delivery& delivery, state::Batch& batch) {
  if (!delivery.unsure) return;
  const auto* known = log.find(delivery.log.group_key, delivery.log.receiver_key);
  if (known != nullptr && known->transition > delivery.log.transition) return;
  LogEntry entry;
  if (known != nullptr) {
    entry = *known;
  } else {
    entry.group_key = delivery.log.group_key;
    entry.receiver_key = delivery.log.receiver_key;
    entry.at = delivery.log.at;
    entry.expires_at = delivery.log.expires_at;
  }
  entry.unsure = said_by(delivery.notification);
  entry.told = united(entry.told, entry.unsure.firing);
  batch.document(std::string(kLogDocument), entry.id(), log_document(entry));
  log.put(std::move(entry));
}

void Router::Impl::fall_back(const Delivery& delivery, const std::string& detail,
                             state::Batch& batch) {
  const auto& told = delivery.notification;
  if (!told.in_place_of.empty() || told.drill) return;
  const auto* receiver = tree->config().receiver(told.receiver);
  const auto name = receiver != nullptr && !receiver->fallback.empty() ? receiver->fallback
                                                                       : options.fallback_receiver;
  const auto* fallback =
      name.empty() || name == told.receiver ? nullptr : tree->config().receiver(name);
  if (fallback == nullptr) return;
  const auto now = env.clock.now();
  for (const auto& integration : fallback->integrations) {
    const auto key = receiver_key(fallback->name, integration);
    const auto* known = log.find(told.group_key, key);
    if (in_flight.contains(log_id(told.group_key, key))) continue;
    const Duration repeat = in_ms(delivery.log.expires_at - delivery.log.at) / 2;
    if (!needs_update(known, {delivery.log.firing, delivery.log.resolved, integration.send_resolved,
                              repeat, now})
             .needed) {
      continue;
    }
    HF_PROBE("route: the fallback is told");
    LogEntry entry = delivery.log;
    entry.receiver_key = key;
    entry.at = now;
    entry.expires_at = now + (delivery.log.expires_at - delivery.log.at);
    entry.told = entry.firing;
    entry.in_place_of = told.receiver;
    auto instead = told;
    instead.receiver = fallback->name;
    instead.kind = integration.kind;
    instead.index = integration.index;
    instead.at = now;
    instead.deadline = now + (told.deadline - told.at);
    instead.in_place_of = told.receiver;
    instead.why = detail;
    send(std::move(instead), std::move(entry), nullptr, batch);
  }
}

void Router::Impl::close_delivery(const std::string& key, state::Batch batch, bool ok) {
  const auto it = deliveries.find(key);
  auto delivery = std::move(it->second);
  deliveries.erase(it);
  for (const auto timer : {delivery.retry, delivery.watch}) {
    if (timer != TimerId::kNone) env.executor.cancel(timer);
  }
  delivery.finish(std::move(batch));
  const auto id = delivery.log.id();
  std::set<std::string> again;
  std::shared_ptr<FlushRun> run;
  if (const auto flight = in_flight.find(id); flight != in_flight.end()) {
    flight->second.keys.erase(key);
    run = flight->second.run;
    if (flight->second.keys.empty()) {
      again = std::move(flight->second.again);
      in_flight.erase(flight);
    }
  }
  const auto name = delivery.log.receiver_key;
  finish_part(run, ok);
  for (const auto& group : again) decide_again(group, name);
  pump(name);
}

}  // namespace holdfast::respond::route
