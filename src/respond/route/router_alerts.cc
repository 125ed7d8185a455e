// Alerts on their way in, and out when they are over. Memory changes at once and the journal is told in the same task: a flush
// that saw an alert is committed behind it, and an alert that the journal refused is routed all the same.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "respond/route/router_impl.h"

namespace holdfast::respond::route {

using nlohmann::json;

void Router::Impl::post(std::vector<PostedAlert> alerts, Done<PostResult> done) {
  const auto now = env.clock.now();
  PostResult result;
  state::Batch batch;
  std::vector<std::uint64_t> written;
  for (auto& alert : alerts) {
    auto span = accept(alert, now, tree->config().resolve_timeout);
    if (!span) {
      ++counted.invalid;
      result.errors.push_back(span.error().message());
      continue;
    }
    take({std::move(alert), *span, false}, result, batch, written);
  }
  if (batch.empty()) {
    if (done) done(std::move(result));
    return;
  }
  commit(std::move(batch), [this, written = std::move(written), result = std::move(result),
                            done = std::move(done)](Result<void> stored) {
    if (!stored) unsaved.insert(written.begin(), written.end());
    if (!done) return;
    if (!stored) return done(std::move(stored).error());
    done(result);
  });
}

void Router::Impl::own_alert(const state::Entry& entry) {
  own_seq = std::max(own_seq, entry.seq);
  auto alert = parse_json<model::Alert>(entry.body);
  if (!alert) {
    log_error("an alert in the journal cannot be read",
              {{"key", entry.key}, {"error", alert.error().message()}});
    return;
  }
  if (alert->state == model::AlertState::kPending || !alert->fired_at) return;
  const auto now = env.clock.now();
  Incoming incoming;
  incoming.fact = true;
  incoming.alert.labels = alert->labels;
  incoming.alert.annotations = alert->annotations;
  incoming.span.starts_at = *alert->fired_at;
  incoming.span.updated_at = now;
  const bool resolved = alert->state == model::AlertState::kResolved;
  incoming.span.ends_at = resolved ? std::min(now, alert->resolved_at.value_or(now)) : kForever;
  PostResult result;
  state::Batch batch;
  std::vector<std::uint64_t> written;
  take(incoming, result, batch, written);
  if (batch.empty()) return;
  put_clock(batch);
  commit(std::move(batch), [this, written = std::move(written)](Result<void> stored) {
    if (!stored) unsaved.insert(written.begin(), written.end());
  });
}

// At its limit an alertname gives up one that is over, or turns the new one away.
bool Router::Impl::make_room(const Incoming& incoming, state::Batch& batch) {
  const auto name = incoming.alert.labels.get("alertname");
  const auto limit = options.per_alertname_limit;
  if (limit == 0 || table.count_of_name(name) < limit) return true;
  const auto now = env.clock.now();
  for (const auto& [fingerprint, row] : table) {
    if (!row.span.resolved(now) || row.groups > 0) continue;
    if (table.labels(row).get("alertname") != name) continue;
    inhibitor.remove(row);
    damping.forget(fingerprint);
    batch.document(std::string(kAlertDocument), fingerprint_text(fingerprint), "");
    table.erase(fingerprint);
    return true;
  }
  return false;
}

void Router::Impl::take(const Incoming& incoming, PostResult& result, state::Batch& batch,
                        std::vector<std::uint64_t>& written) {
  const auto now = env.clock.now();
  const bool over = incoming.span.resolved(now);
  const auto fingerprint = fingerprint_of(incoming.alert.labels);
  auto* row = table.find(fingerprint);
  const bool fresh = row == nullptr;
  if (fresh && !make_room(incoming, batch)) {
    ++counted.limited;
    ++result.limited;
    return;
  }
  ++(over ? result.resolved : result.firing);
  ++(over ? counted.received_resolved : counted.received_firing);
  bool changed = fresh;
  Merged merged{incoming.span, true};
  if (fresh) {
    row = &table.add(fingerprint, incoming.alert.labels);
    inhibitor.add(*row);
  } else if (!incoming.fact) {
    merged = merge(row->span, incoming.span, now);
  }
  changed = changed || row->span.starts_at != merged.span.starts_at || row->fact != incoming.fact;
  row->span = merged.span;
  row->fact = incoming.fact;
  if (merged.fresh_rules) {
    changed = table.set_annotations(*row, incoming.alert.annotations) || changed;
    changed = table.set_generator(*row, incoming.alert.generator_url) || changed;
  }
  const bool resolved = row->span.resolved(now);
  const bool was_firing = row->saved == SavedAs::kFiring;
  const bool turned = resolved ? was_firing : !was_firing;
  if (turned && damping.changed(fingerprint, now)) {
    HF_PROBE("route: an alert flaps");
    write_alert(*row, "flapping", batch);
  }
  if (changed || turned || (resolved && row->saved != SavedAs::kResolved)) {
    row->saved = resolved ? SavedAs::kResolved : SavedAs::kFiring;
    write_alert(*row, !turned ? "" : resolved ? "resolved" : "fired", batch);
    written.push_back(fingerprint);
  }
  insert(*row, batch);
}

// The row's document and, with an event, a line of the history.
void Router::Impl::write_alert(AlertRow& row, std::string_view event, state::Batch& batch) {
  const auto fingerprint = fingerprint_text(row.fingerprint);
  auto document = alert_document(table, row);
  if (!event.empty()) {
    // The history tells the alert as it was: its document may be gone by then.
    std::string body = document;
    body.insert(1, "\"event\":" + json(std::string(event)).dump() + ",");
    batch.entry(kRoutedAlertChanged, fingerprint, std::move(body));
  }
  batch.document(std::string(kAlertDocument), fingerprint, std::move(document));
}

std::vector<const Tree::Node*> Router::Impl::targets(const LabelsView& labels) const {
  if (!drills.empty()) {
    const auto it = drills.find(std::string(labels.get(kDrillLabel)));
    if (it != drills.end()) return {it->second.node.get()};
  }
  return tree->match(labels);
}

Group& Router::Impl::group_for(const Tree::Node& node, model::Labels labels, state::Batch& batch) {
  auto id = group_id(node, labels);
  auto& slot = groups[id];
  if (slot) return *slot;
  slot = std::make_unique<Group>();
  auto& group = *slot;
  group.id = std::move(id);
  group.key = group_key(node.key, labels);
  group.node = &node;
  group.labels = std::move(labels);
  group.first_flush_at = env.clock.now() + in_ms(node.route->group_wait);
  clock.set(group, std::max(start_after, env.clock.mono() + node.route->group_wait));
  batch.document(std::string(kGroupDocument), group.id, group_document(group));
  return group;
}

void Router::Impl::insert(const AlertRow& row, state::Batch& batch) {
  const auto labels = table.labels(row);
  const auto now = env.clock.now();
  for (const auto* node : targets(labels)) {
    auto& group = group_for(*node, group_labels(*node->route, labels), batch);
    if (group.members.insert(row.fingerprint).second) {
      ++const_cast<AlertRow&>(row).groups;
      // In the same commit as the alert: after a crash its end would else count as told.
      if (group.let_go.erase(row.fingerprint) > 0)
        batch.document(std::string(kGroupDocument), group.id, group_document(group));
    }
    if (group.flushed || row.span.starts_at + in_ms(node->route->group_wait) >= now) continue;
    // It waited elsewhere already.
    if (group.due > env.clock.mono()) clock.set(group, std::max(start_after, env.clock.mono()));
  }
}

void Router::Impl::leave(Group& group, std::uint64_t fingerprint) {
  if (group.members.erase(fingerprint) == 0) return;
  if (auto* row = table.find(fingerprint); row != nullptr) --row->groups;
}

// Alerts that nobody refreshed: that is a resolve by timeout, and the history says so. And what the journal refused.
void Router::Impl::sweep_expired() {
  const auto now = env.clock.now();
  state::Batch batch;
  std::vector<std::uint64_t> written(unsaved.begin(), unsaved.end());
  for (const auto fingerprint : unsaved) {
    if (auto* row = table.find(fingerprint)) {
      row->saved = row->span.resolved(now) ? SavedAs::kResolved : SavedAs::kFiring;
      write_alert(*row, row->saved == SavedAs::kResolved ? "resolved" : "fired", batch);
    }
  }
  unsaved.clear();
  for (auto& [fingerprint, row] : table) {
    if (row.saved != SavedAs::kFiring || !row.span.resolved(now)) continue;
    row.saved = SavedAs::kResolved;
    damping.changed(fingerprint, now);
    write_alert(row, "expired", batch);
    written.push_back(fingerprint);
  }
  if (batch.empty()) return;
  commit(std::move(batch), [this, written = std::move(written)](Result<void> stored) {
    if (!stored) unsaved.insert(written.begin(), written.end());
  });
}

void Router::Impl::collect_alerts() {
  const auto now = env.clock.now();
  std::vector<std::uint64_t> gone;
  for (const auto& [fingerprint, row] : table) {
    if (row.span.resolved(now) && row.groups == 0) gone.push_back(fingerprint);
  }
  std::sort(gone.begin(), gone.end());
  state::Batch batch;
  for (const auto fingerprint : gone) {
    const auto* row = table.find(fingerprint);
    inhibitor.remove(*row);
    if (!damping.flapping(fingerprint, now)) damping.forget(fingerprint);
    table.erase(fingerprint);
    batch.document(std::string(kAlertDocument), fingerprint_text(fingerprint), "");
  }
  for (auto& [id, group] : groups) {
    if (group->let_go.empty()) continue;
    std::erase_if(group->let_go,
                  [this](auto fingerprint) { return table.find(fingerprint) == nullptr; });
    batch.document(std::string(kGroupDocument), id, group_document(*group));
  }
  if (!batch.empty()) commit(std::move(batch));
}

void Router::Impl::collect_log() {
  const auto now = env.clock.now();
  state::Batch batch;
  for (const auto& id : log.expired(now)) {
    if (in_flight.contains(id)) continue;
    log.erase(id);
    transitions.erase(id);
    batch.document(std::string(kLogDocument), id, "");
  }
  const auto outdated = silences.outdated(now);
  for (const auto& id : outdated) batch.document(std::string(kSilenceDocument), id, "");
  silences.forget(outdated);
  if (!batch.empty()) commit(std::move(batch));
}

// Empty groups end here, not at once: an alert that comes back within the maintenance interval finds its group's clock going.
void Router::Impl::maintain_groups() {
  state::Batch batch;
  for (auto it = groups.begin(); it != groups.end();) {
    auto& group = *it->second;
    if (!group.members.empty()) {
      ++it;
      continue;
    }
    batch.document(std::string(kGroupDocument), group.id, "");
    if (acks.erase(group.key) > 0) batch.document(std::string(kAckDocument), group.key, "");
    if (group.node->receiver != nullptr) damping.released(group.node->receiver->name, group.key);
    clock.remove(group);
    it = groups.erase(it);
  }
  const auto now = env.clock.now();
  for (const auto& name : damping.receivers()) {
    const auto* receiver = tree->config().receiver(name);
    if (receiver != nullptr) tell_storm(*receiver, damping.summary_due(name, now), now, batch);
  }
  if (!batch.empty()) commit(std::move(batch));
}

}  // namespace holdfast::respond::route
