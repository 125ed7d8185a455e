// All state is a copy of documents; every act works out the next state, commits it, and takes it over when it is durable.
// Acts run one after another: what would change the same event waits for the commit before it.
#include "respond/intake/intake.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/json_members.h"
#include "respond/intake/open_event.h"

namespace holdfast::respond::intake {
namespace {

constexpr Duration kWatchEvery = 1s;
constexpr Duration kChangesKept = 90 * 24h;
constexpr std::size_t kOpenMax = 10'000;

bool same_secret(std::string_view a, std::string_view b) {
  return !a.empty() && a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

template <typename T>
const T* named(const std::vector<T>& list, std::string_view name) {
  const auto it = std::find_if(list.begin(), list.end(), [&](const T& one) { return one.name == name; });
  return it == list.end() ? nullptr : &*it;
}

}  // namespace

struct Intake::Impl : std::enable_shared_from_this<Intake::Impl> {
  Impl(Env& env, state::Journal& journal) : env(env), journal(journal) {}

  // ---- acts, one after another ----

  // Works out a batch against the present state; `applied` takes it over when it is durable.
  struct Act {
    std::function<Result<state::Batch>()> decide;
    std::function<void(Result<void>)> done;
  };
  void enqueue(Act act) {
    acts.push_back(std::move(act));
    if (!busy) next_act();
  }
  void next_act() {
    if (acts.empty()) return;
    busy = true;
    auto act = std::make_shared<Act>(std::move(acts.front()));
    acts.pop_front();
    auto batch = act->decide();
    if (!batch || batch->empty()) {
      pending = {};
      return finish(*act, batch ? Result<void>() : Result<void>(batch.error()));
    }
    journal.commit(std::move(*batch), [weak = weak_from_this(), act](const Result<state::Seq>& written) {
      auto self = weak.lock();
      if (self == nullptr) return;
      if (written) self->pending.take_over(*self);
      self->pending = {};
      self->finish(*act, written ? Result<void>() : Result<void>(written.error()));
    });
  }
  void finish(const Act& act, const Result<void>& result) {
    busy = false;
    if (act.done) act.done(result);
    next_act();
  }

  // What the batch being written changes.
  struct Pending {
    std::map<std::string, std::optional<OpenEvent>> events;  // by id; empty: closed
    std::map<std::string, std::optional<HeartbeatState>> heartbeats;  // by name; empty: gone
    std::vector<model::Change> changes;
    std::vector<std::string> dropped_changes;
    std::vector<std::pair<std::string, std::string>> acknowledged;  // fingerprint, by
    void take_over(Impl& impl) {
      for (auto& [id, event] : events) {
        if (event)
          impl.events[id] = std::move(*event);
        else
          impl.events.erase(id);
      }
      for (auto& [name, state] : heartbeats) {
        if (state)
          impl.beats[name] = std::move(*state);
        else
          impl.beats.erase(name);
      }
      for (const auto& id : dropped_changes) impl.changes.erase(id);
      for (auto& change : changes) impl.changes[change.id] = std::move(change);
      for (const auto& [fingerprint, by] : acknowledged)
        if (impl.acknowledge) impl.acknowledge(fingerprint, by);
    }
  };

  // ---- events ----

  const OpenEvent* find(const std::string& id) const {
    if (const auto it = pending.events.find(id); it != pending.events.end())
      return it->second ? &*it->second : nullptr;
    const auto it = events.find(id);
    return it == events.end() ? nullptr : &it->second;
  }
  void put(const std::string& id, OpenEvent event, bool tell, state::Batch& batch) {
    batch.document(kEventDocument, id, write_open_event(event));
    if (tell) batch.entry(model::kAlertChanged, event.alert.fingerprint(), dump_json(event.alert));
    pending.events[id] = std::move(event);
  }
  void close(const std::string& id, OpenEvent event, WallTime at, state::Batch& batch) {
    event.alert.state = model::AlertState::kResolved;
    event.alert.resolved_at = at;
    batch.document(kEventDocument, id, "");
    batch.entry(model::kAlertChanged, event.alert.fingerprint(), dump_json(event.alert));
    pending.events[id] = std::nullopt;
  }

  Result<void> apply(const Integration& integration, const InboundEvent& event, state::Batch& batch) {
    const auto id = event_id(integration.name, event.key);
    const auto now = env.clock.now();
    const auto* open = find(id);
    switch (event.action) {
      case InboundAction::kTrigger: {
        if (open == nullptr && events.size() >= kOpenMax)
          return Error(Code::kExhausted, "integration '" + integration.name + "': 10000 events are open");
        auto next = open == nullptr ? opened(integration, event, now) : refreshed(*open, event, now);
        const bool tell = open == nullptr || !same_alert(open->alert, next.alert);
        put(id, std::move(next), tell, batch);
        return {};
      }
      case InboundAction::kAcknowledge: {
        if (open == nullptr) return {};
        auto next = *open;
        next.last_at = now;
        next.acknowledged_by = event.by.empty() ? integration.name : event.by;
        pending.acknowledged.emplace_back(next.alert.fingerprint(), next.acknowledged_by);
        put(id, std::move(next), false, batch);
        return {};
      }
      case InboundAction::kResolve:
        if (open != nullptr) close(id, *open, std::min(event.at.value_or(now), now), batch);
        return {};
    }
    return {};
  }

  // ---- what is due ----

  void watch() {
    const auto now = env.clock.now();
    bool due = false;
    for (const auto& [id, event] : events) due |= auto_resolves(event, now);
    for (const auto& beat : options.heartbeats) due |= overdue(beat, now);
    const auto oldest = now - std::chrono::duration_cast<WallTime::duration>(kChangesKept);
    due |= !busy && std::any_of(changes.begin(), changes.end(),
                                [&](const auto& change) { return change.second.at < oldest; });
    if (due && !busy) enqueue({[this, now, oldest] { return settle(now, oldest); }, {}});
    timer = env.executor.post_after(Lane::kControl, kWatchEvery, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->watch();
    });
  }
  bool auto_resolves(const OpenEvent& event, WallTime now) const {
    const auto* integration = named(options.integrations, event.integration);
    if (integration == nullptr) return true;  // it is gone, and nobody can resolve it any more
    return integration->auto_resolve > Duration::zero() && now - event.last_at >= integration->auto_resolve;
  }
  bool overdue(const Heartbeat& beat, WallTime now) const {
    const auto it = beats.find(beat.name);
    return it == beats.end() || (!it->second.firing && now >= due_at(beat, it->second));
  }
  Result<state::Batch> settle(WallTime now, WallTime oldest) {
    state::Batch batch;
    for (const auto& [id, event] : events)
      if (auto_resolves(event, now)) close(id, event, now, batch);
    for (const auto& beat : options.heartbeats) {
      if (!overdue(beat, now)) continue;
      auto state = beats.count(beat.name) != 0 ? beats.at(beat.name) : HeartbeatState{{}, now, false, {}};
      if (now >= due_at(beat, state)) fire(beat, state, now, "no beat since " + since_text(state), batch);
      keep(beat.name, state, batch);
    }
    for (const auto& [id, change] : changes) {
      if (change.at >= oldest) continue;
      batch.document(kChangeDocument, id, "");
      pending.dropped_changes.push_back(id);
    }
    return batch;
  }

  // ---- heartbeats ----

  void keep(const std::string& name, const HeartbeatState& state, state::Batch& batch) {
    batch.document(kHeartbeatDocument, name, write_heartbeat(state));
    pending.heartbeats[name] = state;
  }
  static std::string since_text(const HeartbeatState& state) {
    return format_time(state.last_at.value_or(state.watched_from));
  }
  void fire(const Heartbeat& beat, HeartbeatState& state, WallTime now, const std::string& why,
            state::Batch& batch) {
    state.firing = true;
    state.alert = heartbeat_alert(beat, state, now, why);
    batch.entry(model::kAlertChanged, state.alert.fingerprint(), dump_json(state.alert));
  }
  Result<state::Batch> apply_beat(const std::string& name, bool failed) {
    const auto* beat = named(options.heartbeats, name);
    if (beat == nullptr) return Error(Code::kNotFound, "no heartbeat '" + name + "'");
    const auto now = env.clock.now();
    state::Batch batch;
    auto state = beats.count(name) != 0 ? beats.at(name) : HeartbeatState{{}, now, false, {}};
    state.last_at = now;
    if (failed && !state.firing) {
      fire(*beat, state, now, "its sender says that it failed", batch);
    } else if (!failed && state.firing) {
      state.firing = false;
      state.alert.state = model::AlertState::kResolved;
      state.alert.resolved_at = now;
      batch.entry(model::kAlertChanged, state.alert.fingerprint(), dump_json(state.alert));
    }
    keep(name, state, batch);
    return batch;
  }
  // Those that are no longer configured end, and so does what they said.
  Result<state::Batch> drop_unknown_heartbeats() {
    state::Batch batch;
    const auto now = env.clock.now();
    for (const auto& [name, state] : beats) {
      if (named(options.heartbeats, name) != nullptr) continue;
      if (state.firing) {
        auto alert = state.alert;
        alert.state = model::AlertState::kResolved;
        alert.resolved_at = now;
        batch.entry(model::kAlertChanged, alert.fingerprint(), dump_json(alert));
      }
      batch.document(kHeartbeatDocument, name, "");
      pending.heartbeats[name] = std::nullopt;
    }
    return batch;
  }

  Env& env;
  state::Journal& journal;
  IntakeOptions options;
  Acknowledge acknowledge;
  std::map<std::string, OpenEvent> events;       // by id
  std::map<std::string, HeartbeatState> beats;   // by name
  std::map<std::string, model::Change> changes;  // by id
  std::deque<Act> acts;
  bool busy = false;
  Pending pending;
  TimerId timer = TimerId::kNone;
};

Intake::Intake(Env& env, state::Journal& journal) : impl_(std::make_shared<Impl>(env, journal)) {}
Intake::~Intake() {
  impl_->env.executor.cancel(impl_->timer);
}

Result<void> Intake::start(IntakeOptions options) {
  auto& impl = *impl_;
  for (const auto& document : HF_TRY(impl.journal.documents(kEventDocument)))
    impl.events[document.id] = HF_TRY(read_open_event(document.body).context("event " + document.id));
  for (const auto& document : HF_TRY(impl.journal.documents(kHeartbeatDocument)))
    impl.beats[document.id] = HF_TRY(read_heartbeat(document.body).context("heartbeat " + document.id));
  for (const auto& document : HF_TRY(impl.journal.documents(kChangeDocument)))
    impl.changes[document.id] = HF_TRY(parse_json<model::Change>(document.body).context("change " + document.id));
  configure(std::move(options));
  impl.watch();
  return {};
}

void Intake::configure(IntakeOptions options) {
  impl_->options = std::move(options);
  impl_->enqueue({[impl = impl_.get()] { return impl->drop_unknown_heartbeats(); }, {}});
}

void Intake::set_acknowledge(Acknowledge acknowledge) {
  impl_->acknowledge = std::move(acknowledge);
}

const Integration* Intake::integration(std::string_view name) const {
  return named(impl_->options.integrations, name);
}

const Integration* Intake::integration_by_key(std::string_view kind, std::string_view key) const {
  const Integration* found = nullptr;
  for (const auto& one : impl_->options.integrations)
    if (one.kind == kind && same_secret(one.key, key)) found = &one;
  return found;
}

const Integration* Intake::integration_by_address(std::string_view address) const {
  for (const auto& one : impl_->options.integrations)
    if (one.kind == "email" && equals_ignoring_case(one.address, address)) return &one;
  return nullptr;
}

const Heartbeat* Intake::heartbeat(std::string_view name) const {
  return named(impl_->options.heartbeats, name);
}

void Intake::take(const Integration& integration, std::vector<InboundEvent> events,
                  Done<std::vector<std::string>> done) {
  auto keys = std::make_shared<std::vector<std::string>>();
  for (auto& event : events) {
    if (event.key.empty()) event.key = impl_->env.random.hex(32);
    keys->push_back(event.key);
  }
  impl_->enqueue({[impl = impl_.get(), integration, events = std::move(events)]() -> Result<state::Batch> {
                    state::Batch batch;
                    for (const auto& event : events) HF_TRY(impl->apply(integration, event, batch));
                    return batch;
                  },
                  [keys, done = std::move(done)](Result<void> result) {
                    if (!done) return;
                    if (result)
                      done(*keys);
                    else
                      done(result.error());
                  }});
}

void Intake::beat(std::string_view name, bool failed, Done<void> done) {
  impl_->enqueue({[impl = impl_.get(), name = std::string(name), failed] { return impl->apply_beat(name, failed); },
                  std::move(done)});
}

void Intake::record(model::Change change, Done<model::Change> done) {
  if (change.at == WallTime{}) change.at = impl_->env.clock.now();
  if (change.id.empty()) change.id = change.source + "/" + impl_->env.random.hex(16);
  impl_->enqueue({[impl = impl_.get(), change]() -> Result<state::Batch> {
                    state::Batch batch;
                    const auto body = dump_json(change);
                    batch.document(kChangeDocument, change.id, body);
                    batch.entry(model::kChangeRecorded, change.id, body);
                    impl->pending.changes.push_back(change);
                    return batch;
                  },
                  [change, done = std::move(done)](Result<void> result) {
                    if (!done) return;
                    if (result)
                      done(change);
                    else
                      done(result.error());
                  }});
}

std::vector<OpenEvent> Intake::open() const {
  std::vector<OpenEvent> list;
  for (const auto& [id, event] : impl_->events) list.push_back(event);
  return list;
}

std::vector<HeartbeatView> Intake::heartbeats() const {
  std::vector<HeartbeatView> list;
  for (const auto& beat : impl_->options.heartbeats) {
    const auto it = impl_->beats.find(beat.name);
    const auto state = it == impl_->beats.end() ? HeartbeatState{{}, impl_->env.clock.now(), false, {}} : it->second;
    list.push_back({beat, state.last_at, due_at(beat, state), state.firing});
  }
  return list;
}

std::vector<model::Change> Intake::changes(const ChangeQuery& query) const {
  std::vector<model::Change> list;
  for (const auto& [id, change] : impl_->changes) {
    const bool wanted = (query.service.empty() || change.service == query.service) &&
                        (!query.from || change.at >= *query.from) && (!query.to || change.at <= *query.to);
    if (wanted) list.push_back(change);
  }
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.at > b.at; });
  if (list.size() > query.limit) list.resize(query.limit);
  return list;
}

}  // namespace holdfast::respond::intake
