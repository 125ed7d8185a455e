// What people say: be silent (and how much that would hide), I have seen it, and: does the alarm work?
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "model/json_members.h"
#include "respond/route/router_impl.h"

namespace holdfast::respond::route {

using nlohmann::json;

namespace {

constexpr std::size_t kOccurrencesShown = 10;
constexpr Duration kDrillLasts = 24h * 365;  // until it is acknowledged or overdue

}  // namespace

int Router::Impl::count_hidden(const Silence& silence) const {
  const auto now = env.clock.now();
  int count = 0;
  for (const auto& [fingerprint, row] : table) {
    if (!row.span.resolved(now) && table.labels(row).matches(silence.matchers)) ++count;
  }
  return count;
}

void Router::Impl::set_silence(Silence silence, Done<std::string> done) {
  auto change = silences.decide_set(std::move(silence), env.clock.now(), env.random,
                                    [this](const Silence& s) { return count_hidden(s); });
  if (!change) {
    if (done) done(std::move(change).error());
    return;
  }
  commit_silences(std::move(*change), std::move(done));
}

// Memory follows at once, so that two edits in a row see each other; should the journal refuse, the edit is taken back.
void Router::Impl::commit_silences(Silences::Change change, Done<std::string> done) {
  state::Batch batch;
  std::vector<Silence> before;
  std::vector<std::string> made;
  for (const auto& silence : change.changed) {
    if (const auto* old = silences.find(silence.id)) {
      before.push_back(*old);
    } else {
      made.push_back(silence.id);
    }
    auto body = dump_json(silence);
    batch.entry(kSilenceChanged, silence.id, body);
    batch.document(std::string(kSilenceDocument), silence.id, std::move(body));
  }
  if (batch.empty()) {
    if (done) done(change.id);
    return;
  }
  silences.apply(change.changed, env.clock.now());
  commit(std::move(batch), [this, before = std::move(before), made = std::move(made),
                            id = change.id, done = std::move(done)](Result<void> stored) {
    if (!stored) {
      silences.forget(made);
      silences.apply(before, env.clock.now());
    }
    if (!done) return;
    if (!stored) return done(std::move(stored).error());
    done(id);
  });
}

SilencePreview Router::Impl::preview(Silence silence) const {
  SilencePreview preview;
  const auto now = env.clock.now();
  for (const auto& [fingerprint, row] : table) {
    if (!row.span.resolved(now) && table.labels(row).matches(silence.matchers))
      preview.hides.push_back(view(row, now));
  }
  std::sort(preview.hides.begin(), preview.hides.end(),
            [](const AlertView& a, const AlertView& b) { return a.fingerprint < b.fingerprint; });
  if (auto begins = next_beginnings(silence, now, kOccurrencesShown))
    preview.occurrences = std::move(*begins);
  SeededRandom unused(1);
  const auto count = static_cast<int>(preview.hides.size());
  auto decided = silences.decide_set(std::move(silence), now, unused,
                                     [count](const Silence&) { return count; });
  if (!decided) preview.refused = decided.error().message();
  return preview;
}

// N2 -------------------------------------------------------------------------------------------------------------------------

void Router::Impl::write_ack(const std::string& key, std::string_view event, state::Batch& batch) {
  const auto it = acks.find(key);
  json body = {{"event", event}};
  if (it != acks.end()) {
    body["by"] = it->second.by;
    body["comment"] = it->second.comment;
    body["at"] = to_ms(it->second.at);
    body["whole"] = it->second.whole;
    body["alerts"] = json::array();
    for (const auto fingerprint : it->second.alerts)
      body["alerts"].push_back(fingerprint_text(fingerprint));
  }
  auto text = body.dump(-1, ' ', false, json::error_handler_t::replace);
  batch.document(std::string(kAckDocument), key, it == acks.end() ? "" : text);
  batch.entry(kRouteAcknowledged, key, std::move(text));
}

// `only`: of these alerts; null: of all that fire in the groups, and a new one ends it.
void Router::Impl::acknowledge(const std::vector<Group*>& acked, const FingerprintSet* only,
                               const std::string& by, const std::string& comment, Done<void> done) {
  const auto now = env.clock.now();
  state::Batch batch;
  for (const auto* group : acked) {
    FingerprintSet firing;
    for (const auto fingerprint : group->members) {
      const auto* row = table.find(fingerprint);
      if (row != nullptr && !row->span.resolved(now)) firing.push_back(fingerprint);
    }
    std::sort(firing.begin(), firing.end());
    if (only != nullptr) firing = common(firing, *only);
    if (firing.empty()) continue;
    auto& ack = acks[group->key];
    ack.alerts = united(ack.alerts, firing);
    ack.whole = ack.whole || only == nullptr;
    ack.by = by;
    ack.comment = comment;
    ack.at = now;
    write_ack(group->key, "acknowledged", batch);
  }
  if (batch.empty()) {
    if (done) done(Error(Code::kConflict, "nothing fires there"));
    return;
  }
  commit(std::move(batch), std::move(done));
}

void Router::Impl::drop_acknowledged(const std::string& key, const FingerprintSet& gone,
                                     std::string_view why, state::Batch& batch) {
  const auto it = acks.find(key);
  if (it == acks.end()) return;
  const auto left = without(it->second.alerts, gone);
  if (left.size() == it->second.alerts.size()) return;
  it->second.alerts = left;
  if (left.empty()) acks.erase(it);
  write_ack(key, why, batch);
}

// N7 -------------------------------------------------------------------------------------------------------------------------

void Router::Impl::point_drill(DrillState& state) const {
  state.node->receiver = tree->config().receiver(state.drill.receiver);
}

DrillState& Router::Impl::add_drill(Drill drill, model::Labels labels) {
  auto& state = drills[drill.id];
  state.drill = std::move(drill);
  state.labels = std::move(labels);
  state.route = std::make_unique<Route>();
  state.route->receiver = state.drill.receiver;
  state.route->group_by = {"alertname", std::string(kDrillLabel)};
  state.route->group_wait = Duration::zero();
  state.route->group_interval = 10s;
  state.node = std::make_unique<Tree::Node>();
  state.node->route = state.route.get();
  state.node->key = "{}/{" + std::string(kDrillLabel) + "=\"" + state.drill.id + "\"}";
  state.node->id = state.node->key;
  point_drill(state);
  return state;
}

namespace {

std::string drill_body(const DrillState& state) {
  json body;
  to_json(body, state.drill);
  model::to_json(body["labels"], state.labels);
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

void put_drill(const DrillState& state, state::Batch& batch) {
  auto body = drill_body(state);
  batch.entry(kRouteDrill, state.drill.id, body);
  batch.document(std::string(kDrillDocument), state.drill.id, std::move(body));
}

}  // namespace

void Router::Impl::start_drill(DrillRequest request, Done<Drill> done) {
  if (tree->config().receiver(request.receiver) == nullptr) {
    if (done) done(not_found("receiver \"" + request.receiver + "\" is not in the configuration"));
    return;
  }
  const auto now = env.clock.now();
  Drill drill;
  drill.id = make_uuid(env.random);
  drill.receiver = request.receiver;
  drill.by = request.by;
  drill.note = request.note;
  drill.started_at = now;
  drill.due_at = now + in_ms(options.drill_acknowledge_within);
  drill.state = "running";
  auto labels = request.labels;
  if (!labels.has("alertname")) labels = labels.with("alertname", "HoldfastFireDrill");
  labels = labels.with(kDrillLabel, drill.id);
  auto& state = add_drill(drill, labels);
  state::Batch batch;
  put_drill(state, batch);
  Incoming incoming;
  incoming.fact = true;
  incoming.alert.labels = labels;
  incoming.alert.annotations = {{"summary", "Fire drill: please acknowledge"},
                                {"description", request.note}};
  incoming.span = {now, now + in_ms(kDrillLasts), now, false};
  PostResult result;
  std::vector<std::uint64_t> written;
  take(incoming, result, batch, written);
  commit(std::move(batch), [drill, done = std::move(done)](Result<void> stored) {
    if (!done) return;
    if (!stored) return done(std::move(stored).error());
    done(drill);
  });
}

void Router::Impl::end_drill_alert(const DrillState& state, state::Batch& batch) {
  const auto now = env.clock.now();
  Incoming incoming;
  incoming.fact = true;
  incoming.alert.labels = state.labels;
  incoming.alert.annotations = {{"summary", "Fire drill: over, " + state.drill.state}};
  incoming.span = {state.drill.started_at, now, now, false};
  PostResult result;
  std::vector<std::uint64_t> written;
  take(incoming, result, batch, written);
}

void Router::Impl::acknowledge_drill(const std::string& id, const std::string& by,
                                     Done<Drill> done) {
  const auto it = drills.find(id);
  if (it == drills.end() || it->second.drill.acknowledged_at) {
    auto known = journal.document(kDrillDocument, id);
    const bool there = it != drills.end() || (known && known->has_value());
    if (done)
      done(there ? Error(Code::kConflict, "the drill is over") : not_found("no drill " + id));
    return;
  }
  auto& state = it->second;
  state.drill.acknowledged_at = env.clock.now();
  state.drill.acknowledged_by = by;
  state.drill.state = "acknowledged";
  state::Batch batch;
  put_drill(state, batch);
  end_drill_alert(state, batch);
  commit(std::move(batch), [drill = state.drill, done = std::move(done)](Result<void> stored) {
    if (!done) return;
    if (!stored) return done(std::move(stored).error());
    done(drill);
  });
}

void Router::Impl::drill_told(const GroupNotification& told, const std::string& what, bool ok,
                              state::Batch& batch) {
  if (!told.drill) return;
  const auto it = drills.find(std::string(told.group_labels.get(kDrillLabel)));
  if (it == drills.end()) return;
  auto& drill = it->second.drill;
  drill.deliveries.push_back(what);
  if (drill.state == "running" || drill.state == "failed")
    drill.state = ok ? "delivered" : "failed";
  put_drill(it->second, batch);
}

// One that nobody acknowledged has failed, and says so. Those that are over and told go out of memory.
void Router::Impl::check_drills() {
  const auto now = env.clock.now();
  state::Batch batch;
  for (auto it = drills.begin(); it != drills.end();) {
    auto& state = it->second;
    const bool over = state.drill.state == "acknowledged" || state.drill.state == "overdue";
    const bool held = std::any_of(groups.begin(), groups.end(), [&](const auto& g) {
      return g.second->node == state.node.get();
    });
    if (over && !held) {
      it = drills.erase(it);
      continue;
    }
    if (!over && now >= state.drill.due_at) {
      HF_PROBE("route: a fire drill is overdue");
      state.drill.state = "overdue";
      put_drill(state, batch);
      end_drill_alert(state, batch);
    }
    ++it;
  }
  if (!batch.empty()) commit(std::move(batch));
}

void to_json(json& j, const Drill& v) {
  using model::json_members::put;
  j = json::object();
  put(j, "id", v.id);
  put(j, "receiver", v.receiver);
  put(j, "by", v.by);
  put(j, "note", v.note);
  put(j, "started_at", v.started_at);
  put(j, "due_at", v.due_at);
  put(j, "state", v.state);
  put(j, "deliveries", v.deliveries);
  put(j, "acknowledged_at", v.acknowledged_at);
  put(j, "acknowledged_by", v.acknowledged_by);
}

void from_json(const json& j, Drill& v) {
  using model::json_members::take;
  model::json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "receiver", v.receiver);
  take(j, "by", v.by);
  take(j, "note", v.note);
  take(j, "started_at", v.started_at);
  take(j, "due_at", v.due_at);
  take(j, "state", v.state);
  take(j, "deliveries", v.deliveries);
  take(j, "acknowledged_at", v.acknowledged_at);
  take(j, "acknowledged_by", v.acknowledged_by);
}

}  // namespace holdfast::respond::route

HF_MODEL_JSON(holdfast::respond::route::Drill);
