// One flush of one group. The order is Alertmanager's: inhibition, active times, mute times, silences; then each integration of
// the receiver by itself: log, table, intent. Everything a flush decides goes into one commit; nothing is sent before it is
// durable.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "respond/route/router_impl.h"

namespace holdfast::respond::route {

using nlohmann::json;

namespace {

constexpr Duration kDeadlineMin = 10s;
// A journal that takes nothing for so long is no reason to let people sleep: pages go out unrecorded.
constexpr Duration kRefusedMax = 30s;
constexpr Duration kRefusedAgain = 1s;

void sort_unique(FingerprintSet& set) {
  std::sort(set.begin(), set.end());
  set.erase(std::unique(set.begin(), set.end()), set.end());
}

json hex_list(const FingerprintSet& set) {
  json list = json::array();
  for (const auto fingerprint : set) list.push_back(fingerprint_text(fingerprint));
  return list;
}

bool says_the_same(const UnsureTelling& before, const UnsureTelling& now) {
  return before.transition != 0 && before.firing == now.firing && before.resolved == now.resolved;
}

}  // namespace

void Router::Impl::flush(Group& group) {
  const auto now = env.clock.now();
  const auto mono = env.clock.mono();
  state::Batch batch;
  ++counted.flushes;
  // Armed before anything else: a slow receiver must not make the clock drift.
  const auto next = group.due + group.node->route->group_interval;
  clock.set(group, next > mono ? next : mono + group.node->route->group_interval);
  if (!group.flushed) {
    group.flushed = true;
    if (now < group.first_flush_at) {
      group.first_flush_at = now;
      batch.document(std::string(kGroupDocument), group.id, group_document(group));
    }
  }
  const auto snapshot = take_snapshot(group, now);
  for (const auto& [reason, count] : snapshot.suppressed) counted.suppressed[reason] += count;
  auto run = std::make_shared<FlushRun>();
  run->group = group.id;
  run->pending = 1;
  for (const auto& member : snapshot.members) {
    if (!member.resolved) continue;
    run->resolved.emplace_back(member.fingerprint, member.row->span.updated_at);
    if (member.row->saved != SavedAs::kFiring) continue;
    auto& row = *table.find(member.fingerprint);
    row.saved = SavedAs::kResolved;
    damping.changed(row.fingerprint, now);
    write_alert(row, "expired", batch);
  }
  if (const auto* receiver = group.node->receiver) {
    for (const auto& integration : receiver->integrations) {
      decide(group, *receiver, integration, snapshot, run, batch);
    }
    decide_fallbacks(group, snapshot, run, batch);
  }
  if (!batch.empty()) commit_flush(std::move(batch), group.id);
  finish_part(run, true);
}

void Router::Impl::commit_flush(state::Batch batch, const std::string& group) {
  put_clock(batch);
  const auto intents = std::make_shared<const std::vector<state::Intent>>(batch.intents);
  commit(std::move(batch), [this, intents, group](Result<void> stored) {
    if (stored) {
      refusing_since.reset();
    } else {
      refused(*intents, group);
    }
  });
}

void Router::Impl::refused(const std::vector<state::Intent>& intents, const std::string& group) {
  const auto mono = env.clock.mono();
  if (!refusing_since) refusing_since = mono;
  if (mono - *refusing_since >= kRefusedMax) {
    HF_PROBE("route: a page goes out unrecorded");
    for (const auto& intent : intents) {
      run_intent(intent, [weak = weak_from_this()](Result<state::Batch> outcome) {
        auto self = weak.lock();
        if (self && outcome) self->commit(std::move(*outcome));
      });
    }
    return;
  }
  for (const auto& intent : intents) {
    for (auto it = in_flight.begin(); it != in_flight.end();) {
      auto& [id, flight] = *it;
      if (flight.keys.erase(intent.key) > 0 && flight.run) flight.run->ok = false;
      it = flight.keys.empty() ? in_flight.erase(it) : std::next(it);
    }
  }
  const auto found = groups.find(group);
  if (found != groups.end()) clock.set(*found->second, mono + kRefusedAgain);
}

const std::vector<std::string>& Router::Impl::silenced_by(const AlertRow& row, WallTime now) const {
  static const std::vector<std::string> kNone;
  auto& kept = const_cast<AlertRow&>(row);
  if (const auto version = silences.version(now); kept.silences_version != version) {
    auto ids = silences.hiding(table.labels(row), now);
    kept.silenced_by =
        ids.empty() ? nullptr : std::make_unique<std::vector<std::string>>(std::move(ids));
    kept.silences_version = version;
  }
  return kept.silenced_by ? *kept.silenced_by : kNone;
}

// The names that keep the route silent at `at`; none: it speaks.
std::vector<std::string> Router::Impl::muted_by(const Route& route, WallTime at,
                                                std::string* reason) const {
  const auto& known = tree->config().time_intervals;
  const auto holds = [&](const std::string& name) {
    const auto it = known.find(name);
    return it != known.end() && std::any_of(it->second.begin(), it->second.end(),
                                            [&](const auto& i) { return i.contains(at); });
  };
  if (!route.active_time_intervals.empty() &&
      std::none_of(route.active_time_intervals.begin(), route.active_time_intervals.end(), holds)) {
    if (reason != nullptr) *reason = "active_time_interval";
    return route.active_time_intervals;
  }
  std::vector<std::string> names;
  for (const auto& name : route.mute_time_intervals) {
    if (holds(name)) names.push_back(name);
  }
  if (!names.empty() && reason != nullptr) *reason = "mute_time_interval";
  return names;
}

Snapshot Router::Impl::take_snapshot(Group& group, WallTime now) {
  Snapshot snapshot;
  snapshot.now = now;
  std::string time_reason;
  snapshot.muted_by = muted_by(*group.node->route, now, &time_reason);
  group.muted_by = snapshot.muted_by;
  snapshot.members.reserve(group.members.size());
  for (const auto fingerprint : group.members) {
    const auto* row = table.find(fingerprint);
    if (row == nullptr) continue;
    Member member{fingerprint, row, row->span.resolved(now), false};
    // One that flaps counts as firing until it is calm (N10).
    if (member.resolved && damping.flapping(fingerprint, now)) member.resolved = false;
    const char* reason = nullptr;
    if (inhibitor.inhibited_by(table.labels(*row), now)) {
      reason = "inhibition";
    } else if (!snapshot.muted_by.empty()) {
      reason = time_reason.c_str();
    } else if (!silenced_by(*row, now).empty()) {
      reason = "silence";
    }
    if (reason != nullptr) {
      member.suppressed = true;
      ++snapshot.suppressed[reason];
    }
    snapshot.members.push_back(member);
  }
  return snapshot;
}

bool Router::Impl::decide_telling(Group& group, const Receiver& receiver,
                                  const Integration& integration, const Snapshot& snapshot,
                                  const LogEntry* entry, Telling& telling, state::Batch& batch) {
  const bool always = always_resolves(receiver);
  for (const auto& member : snapshot.members) {
    const bool owed =
        always && member.resolved && entry != nullptr &&
        std::binary_search(entry->told.begin(), entry->told.end(), member.fingerprint);
    if (member.suppressed && !owed) {
      if (!member.resolved) telling.hidden_firing.push_back(member.fingerprint);
      continue;
    }
    telling.members.push_back(member);
    (member.resolved ? telling.resolved : telling.firing).push_back(member.fingerprint);
  }
  if (telling.members.empty()) return false;
  sort_unique(telling.firing);
  sort_unique(telling.resolved);
  sort_unique(telling.hidden_firing);
  telling.need = needs_update(entry, {telling.firing, telling.resolved, integration.send_resolved,
                                      group.node->route->repeat_interval, snapshot.now});
  // N1: whoever was told that they fire hears of each that it is over, whatever the table says.
  const bool owes = always && entry != nullptr && !common(telling.resolved, entry->told).empty();
  if (owes && !telling.need.needed && integration.send_resolved) {
    telling.need = {true, telling.firing.empty() ? "all alerts resolved" : "some alerts resolved"};
  }
  if (telling.need.needed && !owes && quiet(group, telling.firing, batch)) telling.need = {};
  return telling.need.needed;
}

GroupNotification Router::Impl::make_notification(const Group& group, const Receiver& receiver,
                                                  const Integration& integration,
                                                  const Telling& telling, WallTime now) const {
  GroupNotification told;
  told.receiver = receiver.name;
  told.kind = integration.kind;
  told.index = integration.index;
  told.group_key = group.key;
  told.reason = telling.need.reason;
  told.group_labels = group.labels;
  told.at = now;
  told.deadline = now + in_ms(std::max(group.node->route->group_interval, kDeadlineMin));
  told.drill = group.labels.has(kDrillLabel);
  auto members = telling.members;
  if (!integration.send_resolved)
    std::erase_if(members, [](const Member& m) { return m.resolved; });
  std::sort(members.begin(), members.end(), [this](const Member& a, const Member& b) {
    return sent_before(table.labels(*a.row), table.labels(*b.row));
  });
  for (const auto& member : members) told.alerts.push_back(routed(*member.row, member.resolved));
  const auto& route = *group.node->route;
  if (render_labels) {
    told.route_labels = render_labels(told, route);
  } else {
    std::vector<model::Label> labels;
    for (const auto& [name, value] : route.labels) labels.push_back({name, value});
    told.route_labels = model::Labels(std::move(labels));
  }
  return told;
}

void Router::Impl::decide(Group& group, const Receiver& receiver, const Integration& integration,
                          const Snapshot& snapshot, const std::shared_ptr<FlushRun>& run,
                          state::Batch& batch) {
  const auto key = receiver_key(receiver.name, integration);
  const auto id = log_id(group.key, key);
  if (const auto busy = in_flight.find(id); busy != in_flight.end()) {
    busy->second.again.insert(group.id);
    run->ok = false;
    return;
  }
  const auto* entry = log.find(group.key, key);
  Telling telling;
  if (!decide_telling(group, receiver, integration, snapshot, entry, telling, batch)) {
    damping.released(receiver.name, group.key);
    return;
  }
  if (held_by_storm(group, receiver, integration, telling.need.reason, snapshot.now, batch)) return;
  LogEntry next = entry != nullptr ? *entry : LogEntry{};
  next.group_key = group.key;
  next.receiver_key = key;
  next.in_place_of.clear();
  next.unsure = {};
  next.at = snapshot.now;
  next.expires_at = snapshot.now + in_ms(std::min<Duration>(
                                       options.retention, 2 * group.node->route->repeat_interval));
  const bool always = always_resolves(receiver);
  next.told =
      always ? without(united(next.told, telling.firing), telling.resolved) : telling.firing;
  // Told before and only hidden now: not to be told again as new when it comes out.
  const auto still = always ? common(next.firing, telling.hidden_firing) : FingerprintSet{};
  next.firing = united(telling.firing, still);
  next.resolved = telling.resolved;
  if (!integration.send_resolved && telling.firing.empty()) {
    // Nothing goes out, but the log forgets that they fired: the next firing is news.
    json body = {{"outcome", always ? "withdrawn" : "cleared"},
                 {"integration", key},
                 {"reason", telling.need.reason},
                 {"resolved", hex_list(telling.resolved)}};
    batch.entry(kRouteNotified, group.key, body.dump());
    batch.document(std::string(kLogDocument), id, log_document(next));
    log.put(std::move(next));
    return;
  }
  send(make_notification(group, receiver, integration, telling, snapshot.now), std::move(next), run,
       batch);
}

// N6: who was told in the receiver's place that they fire is told when all of them are over.
void Router::Impl::decide_fallbacks(Group& group, const Snapshot& snapshot,
                                    const std::shared_ptr<FlushRun>& run, state::Batch& batch) {
  const auto& name = group.node->receiver->name;
  const auto& chosen = group.node->receiver->fallback.empty() ? options.fallback_receiver
                                                              : group.node->receiver->fallback;
  const auto* fallback = chosen.empty() ? nullptr : tree->config().receiver(chosen);
  if (fallback == nullptr) return;
  for (const auto& integration : fallback->integrations) {
    const auto key = receiver_key(fallback->name, integration);
    const auto* entry = log.find(group.key, key);
    if (entry == nullptr || entry->in_place_of != name || entry->firing.empty()) continue;
    if (in_flight.contains(entry->id())) {
      run->ok = false;
      continue;
    }
    Telling telling;
    decide_telling(group, *fallback, integration, snapshot, entry, telling, batch);
    if (!telling.firing.empty() || telling.resolved.empty()) continue;
    telling.need = {true, "all alerts resolved"};
    LogEntry next = *entry;
    next.unsure = {};
    next.at = snapshot.now;
    next.firing.clear();
    next.told = without(next.told, telling.resolved);
    next.resolved = telling.resolved;
    if (!integration.send_resolved) {
      batch.document(std::string(kLogDocument), next.id(), log_document(next));
      log.put(std::move(next));
      continue;
    }
    auto told = make_notification(group, *fallback, integration, telling, snapshot.now);
    told.in_place_of = name;
    send(std::move(told), std::move(next), run, batch);
  }
}

void Router::Impl::decide_again(const std::string& id, const std::string& key) {
  const auto found = groups.find(id);
  if (found == groups.end() || found->second->node->receiver == nullptr) return;
  auto& group = *found->second;
  const auto& receiver = *group.node->receiver;
  for (const auto& integration : receiver.integrations) {
    if (receiver_key(receiver.name, integration) != key) continue;
    auto run = std::make_shared<FlushRun>();  // lets nobody go: others may not have been told
    run->group = id;
    run->ok = false;
    run->pending = 1;
    state::Batch batch;
    decide(group, receiver, integration, take_snapshot(group, env.clock.now()), run, batch);
    if (!batch.empty()) commit_flush(std::move(batch), id);
    return;
  }
}

// Grows with every telling, also when the log has forgotten the last: the outbox knows keys for ever.
std::int64_t Router::Impl::next_transition(const std::string& id, WallTime now) {
  auto& last = transitions[id];
  last = std::max(last + 1, to_ms(now));
  return last;
}

void Router::Impl::send(GroupNotification told, LogEntry entry,
                        const std::shared_ptr<FlushRun>& run, state::Batch& batch) {
  const auto id = entry.id();
  const auto next = next_transition(id, told.at);
  told.transition = next;
  auto key = told.key();
  // The same words that may have arrived before go out under their old key; the outbox needs one it has never seen.
  if (const auto* known = log.find(entry.group_key, entry.receiver_key);
      known != nullptr && says_the_same(known->unsure, said_by(told))) {
    HF_PROBE("route: told again under the same key");
    told.transition = known->unsure.transition;
    key = told.key() + "/" + std::to_string(next);
  }
  entry.transition = told.transition;
  auto& flight = in_flight[id];
  flight.keys.insert(key);
  flight.run = run;
  if (run) ++run->pending;
  json body;
  to_json(body, told);
  body["log"] = json::parse(log_document(entry));
  json note = {{"outcome", "decided"},
               {"integration", entry.receiver_key},
               {"reason", told.reason},
               {"transition", told.transition},
               {"firing", hex_list(entry.firing)},
               {"resolved", hex_list(entry.resolved)}};
  if (told.drill) note["drill"] = true;
  if (!told.in_place_of.empty()) note["in_place_of"] = told.in_place_of;
  batch.entry(kRouteNotified, told.group_key,
              note.dump(-1, ' ', false, json::error_handler_t::replace));
  batch.intent({std::move(key),
                std::string(kNotifyIntent),
                body.dump(-1, ' ', false, json::error_handler_t::replace),
                {}});
}

void Router::Impl::finish_part(const std::shared_ptr<FlushRun>& run, bool ok) {
  if (!run) return;
  run->ok = run->ok && ok;
  if (--run->pending == 0 && run->ok) let_go(*run);
}

// All were told, or need not be: resolved alerts leave the group unless something came of them meanwhile.
void Router::Impl::let_go(FlushRun& run) {
  const auto found = groups.find(run.group);
  if (found == groups.end() || run.resolved.empty()) return;
  auto& group = *found->second;
  const auto now = env.clock.now();
  FingerprintSet gone;
  for (const auto& [fingerprint, updated_at] : run.resolved) {
    const auto* row = table.find(fingerprint);
    if (row == nullptr || row->span.updated_at != updated_at || !row->span.resolved(now)) continue;
    if (damping.flapping(fingerprint, now) || !group.members.contains(fingerprint)) continue;
    leave(group, fingerprint);
    group.let_go.insert(fingerprint);
    gone.push_back(fingerprint);
  }
  if (gone.empty()) return;
  sort_unique(gone);
  state::Batch batch;
  batch.document(std::string(kGroupDocument), group.id, group_document(group));
  drop_acknowledged(group.key, gone, "resolved", batch);
  commit(std::move(batch));
}

bool Router::Impl::quiet(const Group& group, const FingerprintSet& firing, state::Batch& batch) {
  const auto it = acks.find(group.key);
  if (it == acks.end() || firing.empty()) return false;
  if (is_subset(firing, it->second.alerts)) return true;
  if (it->second.whole) {
    HF_PROBE("route: a new alert ends an acknowledgement");
    drop_acknowledged(group.key, it->second.alerts, "a new alert joined the group", batch);
  }
  return false;
}

bool Router::Impl::held_by_storm(Group& group, const Receiver& receiver,
                                 const Integration& integration, const std::string& reason,
                                 WallTime now, state::Batch& batch) {
  if (group.labels.has(kDrillLabel)) return false;
  if (reason != "first notification") {
    damping.released(receiver.name, group.key);
    return false;
  }
  if (damping.admit(receiver.name, group.key, now)) return false;
  json body = {{"outcome", "held"},
               {"integration", receiver_key(receiver.name, integration)},
               {"reason", "storm"}};
  batch.entry(kRouteNotified, group.key, body.dump());
  tell_storm(receiver, damping.summary_due(receiver.name, now), now, batch);
  return true;
}

// One page instead of many: a group of its own that fires while the storm lasts.
void Router::Impl::tell_storm(const Receiver& receiver, Damping::Summary summary, WallTime now,
                              state::Batch& batch) {
  if (summary == Damping::Summary::kNone) return;
  const bool over = summary == Damping::Summary::kEnded;
  RoutedAlert alert;
  alert.labels = {{"alertname", "HoldfastNotificationStorm"},
                  {"receiver", receiver.name},
                  {"severity", "critical"}};
  alert.annotations = {
      {"summary", over ? "The storm of pages to " + receiver.name + " is over"
                       : "Too many first pages to " + receiver.name +
                             ": further groups are held back until their next flush"}};
  alert.starts_at = now;
  if (over) alert.ends_at = now;
  for (const auto& integration : receiver.integrations) {
    if (over && !integration.send_resolved) continue;
    GroupNotification told;
    told.receiver = receiver.name;
    told.kind = integration.kind;
    told.index = integration.index;
    told.group_labels = {{"alertname", "HoldfastNotificationStorm"}, {"receiver", receiver.name}};
    told.group_key = group_key("{}/{holdfast=\"storm\"}", told.group_labels);
    told.reason = over ? "all alerts resolved" : "first notification";
    told.at = now;
    told.deadline = now + in_ms(options.damping.storm_window + kDeadlineMin);
    told.alerts = {alert};
    LogEntry entry;
    entry.group_key = told.group_key;
    entry.receiver_key = receiver_key(receiver.name, integration);
    entry.at = now;
    entry.expires_at = now + in_ms(options.retention);
    (over ? entry.resolved : entry.firing).push_back(fingerprint_of(alert.labels));
    send(std::move(told), std::move(entry), nullptr, batch);
  }
}

}  // namespace holdfast::respond::route
