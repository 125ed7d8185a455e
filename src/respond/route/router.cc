// Beginning, and beginning again: what the journal holds is read in the order in which things depend on each other, the log and
// whatever keeps alerts quiet first, so that nothing is told in between that should not be.
#include "respond/route/router.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "model/json_members.h"
#include "respond/route/router_impl.h"

namespace holdfast::respond::route {

using nlohmann::json;

namespace {

constexpr Duration kExpirySweep = 5s;
constexpr Duration kHeartbeat = 10s;
constexpr Duration kDrillCheck = 5s;
constexpr std::size_t kEntriesPerRead = 1000;

SilenceLimits limits_of(const RouterOptions& options) {
  return {options.silences_max, options.silence_size_max_bytes, options.retention};
}

// "a/b/webhook/0" is of "a/b".
std::string receiver_of_key(const std::string& key) {
  const auto index = key.rfind('/');
  return index == std::string::npos || index == 0 ? key : key.substr(0, key.rfind('/', index - 1));
}

// An alert that fired when it was written gets, once more, the time its sender promised, to be refreshed: nobody could
// while the program was down.
AlertSpan resumed(AlertSpan span, Duration resolve_timeout, WallTime now) {
  const auto lease = std::min(in_ms(resolve_timeout), span.ends_at - span.updated_at);
  span.ends_at = std::max(span.ends_at, now + std::max(lease, std::chrono::milliseconds(0)));
  return span;
}

}  // namespace

Router::Impl::Impl(Env& e, state::Journal& j, state::Outbox& o, Deliver d, RouterOptions opts)
    : env(e),
      journal(j),
      outbox(o),
      deliver(std::move(d)),
      options(std::move(opts)),
      tree(std::make_shared<const Tree>(std::make_shared<const Config>())),
      silences(limits_of(options), options.silence_policy),
      damping(options.damping),
      clock(e, [this](Group& group) { flush(group); }) {}

void Router::Impl::commit(state::Batch batch, std::function<void(Result<void>)> done) {
  outbox.commit(std::move(batch), [weak = weak_from_this(),
                                   done = std::move(done)](Result<state::Seq> stored) {
    auto self = weak.lock();
    if (!self) return;
    if (!stored) log_error("routing could not be recorded", {{"error", stored.error().message()}});
    if (!done) return;
    done(stored ? Result<void>() : Result<void>(std::move(stored).error()));
  });
}

void Router::Impl::every(Duration interval, void (Impl::*work)()) {
  env.executor.post_after(Lane::kControl, interval, [weak = weak_from_this(), interval, work] {
    auto self = weak.lock();
    if (!self) return;
    (self.get()->*work)();
    self->every(interval, work);
  });
}

void Router::Impl::put_clock(state::Batch& batch) const {
  // Only what was surely flushed counts: a group that is due and waits its turn is flushed again after a crash.
  const auto mono = env.clock.mono();
  const auto due = std::min(mono, clock.earliest().value_or(mono));
  const auto at = env.clock.now() - in_ms(mono - due) - std::chrono::milliseconds(1);
  batch.document(std::string(kClockDocument), "router",
                 json{{"at", to_ms(at)}, {"own_seq", own_seq}}.dump());
}

void Router::Impl::heartbeat() {
  if (counted.flushes == beat_flushes) return;
  beat_flushes = counted.flushes;
  state::Batch batch;
  put_clock(batch);
  commit(std::move(batch));
}

Result<void> Router::Impl::start(Config config) {
  tree = std::make_shared<const Tree>(std::make_shared<const Config>(std::move(config)));
  start_after = env.clock.mono() + options.start_delay;
  HF_TRY(restore().context("alert routing"));
  if (options.own_alerts) {
    HF_TRY(catch_up_own_alerts().context("alert routing"));
    own_alerts = journal.subscribe(std::string(model::kAlertChanged),
                                   [weak = weak_from_this()](const state::Entry& entry) {
                                     if (auto self = weak.lock()) self->own_alert(entry);
                                   });
  }
  every(kExpirySweep, &Impl::sweep_expired);
  every(kHeartbeat, &Impl::heartbeat);
  every(kDrillCheck, &Impl::check_drills);
  every(options.alerts_gc, &Impl::collect_alerts);
  every(options.log_maintenance, &Impl::collect_log);
  every(options.groups_maintenance, &Impl::maintain_groups);
  started = true;
  return {};
}

Result<void> Router::Impl::restore() {
  const auto now = env.clock.now();
  if (const auto stored = HF_TRY(journal.document(kClockDocument, "router"))) {
    const auto j = json::parse(stored->body, nullptr, false);
    if (j.is_object()) {
      alive_until = from_ms(j.value("at", std::int64_t{0}));
      own_seq = j.value("own_seq", state::Seq{0});
    }
  }
  for (const auto& document : HF_TRY(journal.documents(kLogDocument))) {
    auto entry = HF_TRY(read_log_document(document.body).context("log " + document.id));
    transitions[entry.id()] = std::max(entry.transition, entry.unsure.transition);
    log.put(std::move(entry));
  }
  std::vector<Silence> stored_silences;
  for (const auto& document : HF_TRY(journal.documents(kSilenceDocument))) {
    stored_silences.push_back(
        HF_TRY(parse_json<Silence>(document.body).context("silence " + document.id)));
  }
  silences.apply(stored_silences, now);
  HF_TRY(restore_people());
  for (const auto& document : HF_TRY(journal.documents(kAlertDocument))) {
    const auto stored = HF_TRY(read_alert_document(document.body).context("alert " + document.id));
    const auto fingerprint = fingerprint_of(stored.labels);
    if (table.find(fingerprint) != nullptr) continue;
    auto& row = table.add(fingerprint, stored.labels);
    table.set_annotations(row, stored.annotations);
    table.set_generator(row, stored.generator_url);
    row.fact = stored.fact;
    row.saved = stored.resolved ? SavedAs::kResolved : SavedAs::kFiring;
    row.span = stored.resolved || stored.fact
                   ? stored.span
                   : resumed(stored.span, tree->config().resolve_timeout, now);
  }
  inhibitor.configure(tree->config().inhibit_rules);
  HF_TRY(restore_groups());
  return restore_pending();
}

Result<void> Router::Impl::restore_people() {
  for (const auto& document : HF_TRY(journal.documents(kAckDocument))) {
    const auto j = json::parse(document.body, nullptr, false);
    if (!j.is_object()) continue;
    auto& ack = acks[document.id];
    ack.by = j.value("by", "");
    ack.comment = j.value("comment", "");
    ack.whole = j.value("whole", false);
    ack.at = from_ms(j.value("at", std::int64_t{0}));
    for (const auto& text : j.value("alerts", std::vector<std::string>()))
      ack.alerts.push_back(fingerprint_from(text));
    std::sort(ack.alerts.begin(), ack.alerts.end());
  }
  std::set<std::string> with_group;
  for (const auto& document : HF_TRY(journal.documents(kGroupDocument))) {
    if (auto group = read_group_document(document.body)) with_group.insert(group->node_id);
  }
  for (const auto& document : HF_TRY(journal.documents(kDrillDocument))) {
    auto drill = HF_TRY(parse_json<Drill>(document.body).context("drill " + document.id));
    model::Labels labels;
    model::from_json(json::parse(document.body).value("labels", json::object()), labels);
    const bool over = drill.state == "acknowledged" || drill.state == "overdue";
    const auto id = drill.id;
    const auto& state = add_drill(std::move(drill), std::move(labels));
    if (over && !with_group.contains(state.node->id)) drills.erase(id);
  }
  return {};
}

Result<void> Router::Impl::restore_groups() {
  const auto now = env.clock.now();
  const auto mono = env.clock.mono();
  state::Batch batch;
  for (const auto& document : HF_TRY(journal.documents(kGroupDocument))) {
    auto stored = HF_TRY(read_group_document(document.body).context("group " + document.id));
    const Tree::Node* node = tree->find(stored.node_id);
    for (const auto& [id, state] : drills) {
      if (state.node->id == stored.node_id) node = state.node.get();
    }
    if (node == nullptr) {
      batch.document(std::string(kGroupDocument), document.id, "");
      continue;
    }
    auto group = std::make_unique<Group>();
    group->id = document.id;
    group->key = group_key(node->key, stored.labels);
    group->node = node;
    group->labels = std::move(stored.labels);
    group->first_flush_at = stored.first_flush_at;
    group->let_go = std::move(stored.let_go);
    const auto clockwork =
        resume_clock(group->first_flush_at, node->route->group_interval, alive_until, now);
    group->flushed = clockwork.flushed;
    clock.set(*group, std::max(start_after, mono + (clockwork.next - now)));
    groups[document.id] = std::move(group);
  }
  for (auto& [fingerprint, row] : table) {
    const auto labels = table.labels(row);
    for (const auto* node : targets(labels)) {
      auto grouped = group_labels(*node->route, labels);
      const auto found = groups.find(group_id(*node, grouped));
      if (row.span.resolved(now)) {
        if (found == groups.end() || found->second->let_go.contains(fingerprint)) continue;
        found->second->members.insert(fingerprint);
        ++row.groups;
      } else if (auto& group = group_for(*node, std::move(grouped), batch);
                 group.members.insert(fingerprint).second) {
        ++row.groups;
        group.let_go.erase(fingerprint);
      }
    }
  }
  if (!batch.empty()) commit(std::move(batch));
  return {};
}

// What the outbox will take up again is under way: its groups must not tell it a second time.
Result<void> Router::Impl::restore_pending() {
  for (const auto& intent : HF_TRY(journal.pending_intents())) {
    if (intent.kind != kNotifyIntent) continue;
    const auto body = json::parse(intent.body, nullptr, false);
    if (!body.is_object() || !body.contains("log")) continue;
    const auto entry = read_log_document(body["log"].dump());
    if (!entry) continue;
    const auto id = entry->id();
    in_flight[id].keys.insert(intent.key);
    restored.insert(intent.key);
    transitions[id] = std::max(transitions[id], entry->transition);
  }
  return {};
}

Result<void> Router::Impl::catch_up_own_alerts() {
  for (;;) {
    state::EntryQuery query;
    query.after = own_seq;
    query.topic = std::string(model::kAlertChanged);
    query.limit = kEntriesPerRead;
    const auto entries = HF_TRY(journal.read(query));
    for (const auto& entry : entries) {
      const auto* row = table.find(fingerprint_from(entry.key));
      // Taken already, only the note of how far we read is older.
      if (row != nullptr && row->fact && row->span.updated_at >= entry.at) {
        own_seq = entry.seq;
        continue;
      }
      own_alert(entry);
    }
    if (entries.size() < kEntriesPerRead) return {};
  }
}

void Router::Impl::configure(RouterOptions next) {
  options = std::move(next);
  silences.configure(limits_of(options), options.silence_policy);
  damping.configure(options.damping);
}

void Router::Impl::configure(Config config) {
  const auto before = tree;
  tree = std::make_shared<const Tree>(std::make_shared<const Config>(std::move(config)));
  for (auto& [id, state] : drills) point_drill(state);
  inhibitor.configure(tree->config().inhibit_rules);
  state::Batch batch;
  auto old = std::move(groups);
  groups.clear();
  adopt_groups(std::move(old), batch);
  withdraw_gone(*before, batch);
  if (!batch.empty()) commit(std::move(batch));
}

// Groups that the new tree has too keep their clock; alerts find their new places; resolved ones stay only where they were.
void Router::Impl::adopt_groups(std::map<std::string, std::unique_ptr<Group>> old,
                                state::Batch& batch) {
  const auto now = env.clock.now();
  std::map<std::string, std::unordered_set<std::uint64_t>> were;
  for (auto& [id, group] : old) {
    clock.remove(*group);
    were[id] = std::exchange(group->members, {});
  }
  for (auto& [fingerprint, row] : table) row.groups = 0;
  for (auto& [fingerprint, row] : table) {
    const auto labels = table.labels(row);
    for (const auto* node : targets(labels)) {
      auto grouped = group_labels(*node->route, labels);
      const auto id = group_id(*node, grouped);
      const auto was = were.find(id);
      const bool was_member = was != were.end() && was->second.contains(fingerprint);
      if (row.span.resolved(now) && !was_member) continue;
      if (const auto kept = old.find(id); kept != old.end() && kept->second) {
        auto& group = *(groups[id] = std::move(kept->second));
        group.node = node;
        clock.set(group, std::min(group.due, env.clock.mono() + node->route->group_interval));
      }
      auto& group = group_for(*node, std::move(grouped), batch);
      if (group.members.insert(fingerprint).second) ++row.groups;
      group.let_go.erase(fingerprint);
      const bool waited = row.span.starts_at + in_ms(node->route->group_wait) < now;
      if (!group.flushed && waited)
        clock.set(group, std::min(group.due, std::max(start_after, env.clock.mono())));
    }
  }
  for (const auto& [id, group] : old) {
    if (group) batch.document(std::string(kGroupDocument), id, "");
  }
}

// N1: who was told "firing" by a route that is gone will hear no more of it; the history says so.
void Router::Impl::withdraw_gone(const Tree& before, state::Batch& batch) {
  std::set<std::string> served;
  for (const auto& [id, group] : groups) {
    if (group->node->receiver == nullptr) continue;
    for (const auto& integration : group->node->receiver->integrations) {
      served.insert(log_id(group->key, receiver_key(group->node->receiver->name, integration)));
    }
  }
  std::vector<LogEntry> changed;
  for (const auto& [id, entry] : log) {
    if (entry.told.empty() || served.contains(id)) continue;
    const auto* receiver = before.config().receiver(receiver_of_key(entry.receiver_key));
    if (receiver == nullptr || !always_resolves(*receiver)) continue;
    changed.push_back(entry);
  }
  for (auto& entry : changed) {
    HF_PROBE("route: a telling is withdrawn");
    json body = {{"outcome", "withdrawn"},
                 {"integration", entry.receiver_key},
                 {"reason", "the configuration has no such route any more"}};
    for (const auto fingerprint : entry.told)
      body["resolved"].push_back(fingerprint_text(fingerprint));
    batch.entry(kRouteNotified, entry.group_key, body.dump());
    entry.told.clear();
    batch.document(std::string(kLogDocument), entry.id(), log_document(entry));
    log.put(std::move(entry));
  }
}

// --- the public face --------------------------------------------------------------------------------------------------------

Router::Router(Env& env, state::Journal& journal, state::Outbox& outbox, Deliver deliver,
               RouterOptions options)
    : impl_(std::make_shared<Impl>(env, journal, outbox, std::move(deliver), std::move(options))) {
  impl_->register_handler();
}
Router::~Router() = default;

Result<void> Router::start(Config config) { return impl_->start(std::move(config)); }
void Router::configure(Config config) { impl_->configure(std::move(config)); }
void Router::configure(RouterOptions options) { impl_->configure(std::move(options)); }
void Router::set_route_labels(RouteLabels render) { impl_->render_labels = std::move(render); }
const Config& Router::config() const { return impl_->tree->config(); }

void Router::post(std::vector<PostedAlert> alerts, Done<PostResult> done) {
  impl_->post(std::move(alerts), std::move(done));
}
std::vector<AlertView> Router::alerts(const AlertFilter& filter) const {
  return impl_->alerts(filter);
}
std::vector<GroupView> Router::groups(const AlertFilter& filter) const {
  return impl_->groups_view(filter);
}
std::optional<AlertView> Router::alert(const std::string& fingerprint) const {
  const auto* row = impl_->table.find(fingerprint_from(fingerprint));
  if (row == nullptr) return std::nullopt;
  return impl_->view(*row, impl_->env.clock.now());
}

void Router::set_silence(Silence silence, Done<std::string> done) {
  impl_->set_silence(std::move(silence), std::move(done));
}
void Router::expire_silence(const std::string& id, Done<void> done) {
  auto change = impl_->silences.decide_expire(id, impl_->env.clock.now());
  if (!change) {
    if (done) done(std::move(change).error());
    return;
  }
  impl_->commit_silences(std::move(*change), [done = std::move(done)](Result<std::string> stored) {
    if (done) done(stored ? Result<void>() : Result<void>(std::move(stored).error()));
  });
}
std::optional<Silence> Router::silence(const std::string& id) const {
  const auto* silence = impl_->silences.find(id);
  return silence == nullptr ? std::nullopt : std::optional(*silence);
}
SilenceState Router::silence_state(const Silence& silence) const {
  return impl_->silences.state(silence, impl_->env.clock.now());
}
std::vector<Silence> Router::silences() const {
  std::vector<Silence> all;
  for (const auto* silence : impl_->silences.list(impl_->env.clock.now())) all.push_back(*silence);
  return all;
}
SilencePreview Router::preview(Silence silence) const { return impl_->preview(std::move(silence)); }

void Router::acknowledge_group(const std::string& key, const std::string& by,
                               const std::string& comment, Done<void> done) {
  std::vector<Group*> found;
  for (const auto& [id, group] : impl_->groups) {
    if (group->key == key) found.push_back(group.get());
  }
  if (found.empty()) return done ? done(not_found("no group " + key)) : void();
  impl_->acknowledge(found, nullptr, by, comment, std::move(done));
}
void Router::acknowledge_alert(const std::string& fingerprint, const std::string& by,
                               const std::string& comment, Done<void> done) {
  const FingerprintSet only = {fingerprint_from(fingerprint)};
  std::vector<Group*> found;
  for (const auto& [id, group] : impl_->groups) {
    if (group->members.contains(only.front())) found.push_back(group.get());
  }
  if (found.empty()) return done ? done(not_found("no alert " + fingerprint)) : void();
  impl_->acknowledge(found, &only, by, comment, std::move(done));
}
void Router::withdraw_acknowledgement(const std::string& key, const std::string& by,
                                      Done<void> done) {
  state::Batch batch;
  const FingerprintSet only = {fingerprint_from(key)};
  std::vector<std::string> keys;
  for (const auto& [group, ack] : impl_->acks) keys.push_back(group);
  for (const auto& group : keys) {
    impl_->drop_acknowledged(group, group == key ? impl_->acks.at(group).alerts : only,
                             "withdrawn by " + by, batch);
  }
  if (batch.empty()) return done ? done(not_found("no acknowledgement of " + key)) : void();
  impl_->commit(std::move(batch), std::move(done));
}

Result<std::vector<HistoryItem>> Router::history(const HistoryQuery& query) const {
  std::vector<std::pair<std::string_view, std::string>> wanted;
  if (!query.fingerprint.empty()) wanted.emplace_back(kRoutedAlertChanged, query.fingerprint);
  if (!query.group_key.empty()) {
    wanted.emplace_back(kRouteNotified, query.group_key);
    wanted.emplace_back(kRouteAcknowledged, query.group_key);
  }
  if (wanted.empty()) {
    for (const auto topic :
         {kRoutedAlertChanged, kRouteNotified, kSilenceChanged, kRouteAcknowledged, kRouteDrill})
      wanted.emplace_back(topic, "");
  }
  std::vector<HistoryItem> found;
  for (const auto& [topic, key] : wanted) {
    state::EntryQuery entries;
    entries.topic = std::string(topic);
    entries.key = key;
    entries.from = query.from;
    entries.to = query.to;
    entries.limit = query.limit;
    entries.newest_first = true;
    for (auto& entry : HF_TRY(impl_->journal.read(entries))) {
      found.push_back({entry.seq, entry.at, entry.topic, entry.key, entry.body});
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.seq > b.seq; });
  if (found.size() > query.limit) found.resize(query.limit);
  return found;
}
Explanation Router::explain(const model::Labels& labels, WallTime at) const {
  return impl_->explain(labels, at);
}
void Router::start_drill(DrillRequest request, Done<Drill> done) {
  impl_->start_drill(std::move(request), std::move(done));
}
void Router::acknowledge_drill(const std::string& id, const std::string& by, Done<Drill> done) {
  impl_->acknowledge_drill(id, by, std::move(done));
}
Result<std::vector<Drill>> Router::drills() const {
  std::vector<Drill> all;
  for (const auto& document : HF_TRY(impl_->journal.documents(kDrillDocument))) {
    all.push_back(HF_TRY(parse_json<Drill>(document.body)));
  }
  std::sort(all.begin(), all.end(),
            [](const Drill& a, const Drill& b) { return a.started_at > b.started_at; });
  return all;
}
std::vector<Held> Router::held() const { return impl_->damping.held(impl_->env.clock.now()); }
RouterStats Router::stats() const { return impl_->stats(); }

}  // namespace holdfast::respond::route
