// The control strand owns all that rules remember. An evaluation takes a copy of it along to the pool (shared, immutable
// maps, so the copy is two pointers a rule), computes the next memory there, and brings it back; only then is it
// taken over, together with what must be told. A group is evaluated once at a time, so nothing can have changed
// meanwhile; new rules that arrive during an evaluation wait until the last one is back.
#include "detect/rules/manager.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <unordered_map>

#include "base/check.h"
#include "base/log.h"
#include "detect/rules/alert_document.h"
#include "detect/rules/evaluate.h"
#include "detect/rules/group_state.h"
#include "detect/rules/publisher.h"

namespace holdfast::detect {
namespace {

using model::Alert;
using model::AlertState;
using model::Labels;

constexpr Duration kSweepEvery = 1min;
// A restored alert is believed to be gone after its windows have filled again, at most this long after a start.
constexpr Duration kGraceMax = 1min;

std::string identity_of_key(const std::string& key) {
  for (const auto* kind : {";alerting;", ";recording;"}) {
    if (const auto at = key.find(kind); at != std::string::npos) return key.substr(at + 1);
  }
  return key;
}

}  // namespace

struct RuleManager::Impl : std::enable_shared_from_this<Impl> {
  Impl(Env& e, metrics::Store& s, state::Journal& j, ManagerOptions o)
      : env(e),
        store(s),
        journal(j),
        options(std::move(o)),
        publisher(std::make_shared<Publisher>(e, j)) {}

  Env& env;
  metrics::Store& store;
  state::Journal& journal;
  const ManagerOptions options;
  std::shared_ptr<Publisher> publisher;

  // Control strand only.
  std::vector<GroupPtr> groups;
  std::map<Labels, Alert> orphans;  // resolved; their rules are gone
  std::unordered_map<std::string, std::vector<std::pair<const Group*, std::size_t>>> rules_by_alert;
  bool starting = false;  // rules that come now may have alerts from before
  std::optional<std::vector<RuleGroup>> wanted;
  std::size_t running = 0;
  TimerId sweep_timer = TimerId::kNone;

  // Pool work in progress uses the store, so closing waits for it.
  std::mutex mutex;
  std::condition_variable idle;
  int inside = 0;       // under mutex
  bool closed = false;  // under mutex; written on the control strand
  std::stop_source stop;

  bool enter() {
    const std::lock_guard lock(mutex);
    if (!closed) ++inside;
    return !closed;
  }
  void leave() {
    const std::lock_guard lock(mutex);
    if (--inside == 0) idle.notify_all();
  }
  bool is_closed() {
    const std::lock_guard lock(mutex);
    return closed;
  }

  void close();
  Result<void> start(std::vector<RuleGroup> wanted_groups);
  void apply(const std::vector<RuleGroup>& wanted_groups, std::vector<Legacy> legacy);
  GroupPtr make_group(std::shared_ptr<const PreparedGroup> prepared, std::vector<Legacy>& legacy);
  void retire(std::vector<Legacy> legacy);
  void arm(const GroupPtr& group);
  void tick(const GroupPtr& group);
  void evaluate(const GroupPtr& group, WallTime at);
  void spread(const EvaluationPtr& evaluation, std::size_t index);
  void work_on(const EvaluationPtr& evaluation, std::size_t index);
  void bring_back(const EvaluationPtr& evaluation);
  EvaluationContext context() const;
  void finish(const GroupPtr& group, WallTime at, Duration took, std::vector<RuleOutcome> outcomes);
  void note_health(Group& group, std::size_t index, WallTime at, const RuleOutcome& outcome);
  void publish(const std::string& rule, const AlertStates& states,
               const std::vector<Alert>& changed, const std::vector<Labels>& forgotten,
               state::Batch& batch);
  bool held(const Labels& labels, bool active_only) const;
  void arm_sweep();
  void sweep();
};

void RuleManager::Impl::close() {
  publisher->close();
  for (const auto& group : groups) env.executor.cancel(group->timer);
  env.executor.cancel(sweep_timer);
  stop.request_stop();
  std::unique_lock lock(mutex);
  closed = true;
  idle.wait(lock, [this] { return inside == 0; });
}

// --- rules come and go ------------------------------------------------------------------------------------

Result<void> RuleManager::Impl::start(std::vector<RuleGroup> wanted_groups) {
  std::map<std::string, AlertStates> by_rule;
  for (const auto& document : HF_TRY(journal.documents(kAlertDocument).context("restore alerts"))) {
    auto stored = read_alert_document(document.body);
    if (!stored) {
      log_warn("an alert of the journal cannot be read and is left there",
               {{"id", document.id}, {"error", stored.error().message()}});
      continue;
    }
    auto labels = stored->active.alert.labels;
    by_rule[stored->rule].insert_or_assign(std::move(labels), std::move(stored->active));
  }
  std::vector<Legacy> legacy;
  for (auto& [key, states] : by_rule) {
    auto series = std::make_shared<const std::vector<Labels>>(alert_series(states));
    legacy.push_back({key,
                      identity_of_key(key),
                      {std::make_shared<const AlertStates>(std::move(states)), std::move(series)},
                      {}});
  }
  starting = true;
  apply(wanted_groups, std::move(legacy));
  starting = false;
  // Windows that were cut by the time away are no proof of recovery.
  for (const auto& group : groups) {
    for (std::size_t i = 0; i < group->memory.size(); ++i) {
      auto states = *group->memory[i].alerts;
      const auto grace = std::min<Duration>(
          group->prepared->rules[i].window_max + group->prepared->interval, kGraceMax);
      for (auto& [labels, active] : states)
        active.gone_not_before = env.clock.now() + std::chrono::milliseconds(to_ms(grace));
      group->memory[i].alerts = std::make_shared<const AlertStates>(std::move(states));
    }
  }
  return {};
}

void RuleManager::Impl::apply(const std::vector<RuleGroup>& wanted_groups,
                              std::vector<Legacy> legacy) {
  std::map<std::string, GroupPtr> old;
  for (auto& group : std::exchange(groups, {})) {
    auto name = group->prepared->file + ";" + group->prepared->name;
    old.emplace(std::move(name), std::move(group));
  }
  std::vector<std::shared_ptr<const PreparedGroup>> prepared;
  std::set<std::string> names;
  for (const auto& group : wanted_groups) {
    if (!names.insert(group.file + ";" + group.name).second) continue;  // the same file named twice
    prepared.push_back(
        std::make_shared<const PreparedGroup>(prepare_group(group, options.query_offset)));
    const auto found = old.find(group.file + ";" + group.name);
    if (found != old.end() && found->second->prepared->definition == prepared.back()->definition)
      continue;
    if (found == old.end()) continue;
    for (std::size_t i = 0; i < found->second->memory.size(); ++i) {
      const auto& rule = found->second->prepared->rules[i];
      legacy.push_back(
          {rule.key, rule.identity, found->second->memory[i], found->second->health[i]});
    }
    env.executor.cancel(found->second->timer);
    old.erase(found);
  }
  std::map<std::string, GroupPtr> kept;
  for (const auto& one : prepared) {
    const auto name = one->file + ";" + one->name;
    if (const auto found = old.find(name); found != old.end()) {
      kept.emplace(name, found->second);
      old.erase(found);
    }
  }
  for (const auto& [name, group] : old) {
    env.executor.cancel(group->timer);
    for (std::size_t i = 0; i < group->memory.size(); ++i) {
      const auto& rule = group->prepared->rules[i];
      legacy.push_back({rule.key, rule.identity, group->memory[i], group->health[i]});
    }
  }
  for (auto& one : prepared) {
    const auto found = kept.find(one->file + ";" + one->name);
    const bool unchanged = found != kept.end();
    groups.push_back(unchanged ? found->second : make_group(one, legacy));
    if (!unchanged) arm(groups.back());
  }
  rules_by_alert.clear();
  for (const auto& group : groups) {
    for (std::size_t i = 0; i < group->prepared->rules.size(); ++i) {
      const auto& rule = group->prepared->rules[i];
      if (rule.alerting) rules_by_alert[rule.name].emplace_back(group.get(), i);
    }
  }
  retire(std::move(legacy));
  for (const auto& group : groups) {
    if (const auto due = std::exchange(group->due, std::nullopt); due && !group->running)
      evaluate(group, *due);
  }
}

GroupPtr RuleManager::Impl::make_group(std::shared_ptr<const PreparedGroup> prepared,
                                       std::vector<Legacy>& legacy) {
  auto group = std::make_shared<Group>();
  group->prepared = std::move(prepared);
  const auto adopt = [&](const auto& matches) {
    const auto found = std::find_if(legacy.begin(), legacy.end(), matches);
    if (found == legacy.end()) return false;
    group->memory.push_back(found->memory);
    group->health.push_back(found->health);
    legacy.erase(found);
    return true;
  };
  for (const auto& rule : group->prepared->rules) {
    // First the same rule in the same place, then one that moved to another group or file.
    if (adopt([&](const Legacy& l) { return l.key == rule.key; })) continue;
    if (rule.alerting && adopt([&](const Legacy& l) { return l.identity == rule.identity; }))
      continue;
    group->memory.push_back(empty_memory());
    group->memory.back().ask_store = starting && rule.alerting;
    group->health.emplace_back();
  }
  return group;
}

void RuleManager::Impl::retire(std::vector<Legacy> legacy) {
  state::Batch batch;
  std::vector<Labels> series;
  for (auto& one : legacy) {
    series.insert(series.end(), one.memory.series->begin(), one.memory.series->end());
    auto step = resolve_all(*one.memory.alerts, env.clock.now());
    publish(one.key, step.next, step.changed, step.forgotten, batch);
    for (auto& [labels, active] : step.next)
      orphans.insert_or_assign(labels, std::move(active.alert));
  }
  publisher->add(std::move(batch));
  arm_sweep();
  if (series.empty()) return;
  env.executor.post(Lane::kPool,
                    [self = shared_from_this(), series = std::move(series), at = env.clock.now()] {
                      if (!self->enter()) return;
                      if (auto stored = append_stale(self->store, series, at); !stored) {
                        log_warn("series of removed rules are not marked as ended",
                                 {{"error", stored.error().message()}});
                      }
                      self->leave();
                    });
}

// --- evaluations ------------------------------------------------------------------------------------------

void RuleManager::Impl::arm(const GroupPtr& group) {
  const auto now = env.clock.now();
  const auto moment = group->moment_at(now);
  // A moment that is exactly now is still to come, unless it was the last one.
  const auto interval = std::chrono::milliseconds(group->interval_ms());
  group->next = moment == now && group->last_evaluation != now && group->next != now
                    ? moment
                    : moment + interval;
  group->timer =
      env.executor.post_after(Lane::kControl, group->next - now, [weak = weak_from_this(), group] {
        if (auto self = weak.lock()) self->tick(group);
      });
}

void RuleManager::Impl::tick(const GroupPtr& group) {
  if (is_closed()) return;
  const auto now = env.clock.now();
  // The wall clock was set back: the next moment is counted anew.
  if (now < group->next) return arm(group);
  const auto at = group->moment_at(now);
  const auto skipped = static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, (to_ms(at) - to_ms(group->next)) / group->interval_ms()));
  group->missed += skipped;
  group->iterations += skipped + 1;
  group->next = at;
  arm(group);
  if (group->running) {
    HF_PROBE("rules: a group took longer than its interval");
    ++group->missed;
  } else if (wanted) {
    group->due = at;
  } else {
    evaluate(group, at);
  }
}

void RuleManager::Impl::evaluate(const GroupPtr& group, WallTime at) {
  group->running = true;
  ++running;
  auto evaluation = std::make_shared<Evaluation>();
  evaluation->group = group;
  evaluation->prepared = group->prepared;
  evaluation->memory = group->memory;
  evaluation->at = at;
  const bool slow =
      options.concurrency_max > 1 && group->took >= options.spread_from && group->memory.size() > 1;
  if (slow) divide(*evaluation);
  env.executor.post(Lane::kPool, [self = shared_from_this(), evaluation, slow] {
    if (!self->enter()) return;
    evaluation->begin = self->env.clock.mono();
    if (slow) {
      HF_PROBE("rules: a slow group's rules run side by side");
      self->spread(evaluation, 0);
    } else {
      evaluation->outcomes = evaluate_group(*evaluation->prepared, evaluation->memory,
                                            evaluation->at, self->context());
      self->bring_back(evaluation);
    }
    self->leave();
  });
}

EvaluationContext RuleManager::Impl::context() const {
  return {store,
          env.clock,
          options.external_labels,
          options.external_url,
          stop.get_token(),
          options.restore,
          to_ms(options.subquery_step)};
}

// Starts a level; the caller's thread works too, and nobody waits.
void RuleManager::Impl::spread(const EvaluationPtr& evaluation, std::size_t index) {
  const auto count = evaluation->levels[index].rules.size();
  const auto helpers = std::min(count, static_cast<std::size_t>(options.concurrency_max)) - 1;
  for (std::size_t i = 0; i < helpers; ++i) {
    env.executor.post(Lane::kPool, [self = shared_from_this(), evaluation, index] {
      if (!self->enter()) return;
      self->work_on(evaluation, index);
      self->leave();
    });
  }
  work_on(evaluation, index);
}

void RuleManager::Impl::work_on(const EvaluationPtr& evaluation, std::size_t index) {
  auto& level = evaluation->levels[index];
  for (auto i = level.next.fetch_add(1); i < level.rules.size(); i = level.next.fetch_add(1)) {
    const auto rule = level.rules[i];
    evaluation->outcomes[rule] = evaluate_rule(*evaluation->prepared, rule,
                                               evaluation->memory[rule], evaluation->at, context());
    // Release what was computed here to whoever takes the last place, and acquire what the others did.
    if (level.left.fetch_sub(1, std::memory_order_acq_rel) > 1) continue;
    if (index + 1 == evaluation->levels.size()) return bring_back(evaluation);
    // Posted rather than called: a chain of rules is as long as its group.
    env.executor.post(Lane::kPool, [self = shared_from_this(), evaluation, index] {
      if (!self->enter()) return;
      self->spread(evaluation, index + 1);
      self->leave();
    });
    return;
  }
}

void RuleManager::Impl::bring_back(const EvaluationPtr& evaluation) {
  const auto took = env.clock.mono() - evaluation->begin;
  env.executor.post(Lane::kControl, [weak = weak_from_this(), evaluation, took] {
    auto alive = weak.lock();
    if (alive == nullptr || alive->is_closed()) return;
    alive->finish(evaluation->group, evaluation->at, took, std::move(evaluation->outcomes));
  });
}

void RuleManager::Impl::finish(const GroupPtr& group, WallTime at, Duration took,
                               std::vector<RuleOutcome> outcomes) {
  group->running = false;
  --running;
  group->last_evaluation = at;
  group->took = took;
  group->took_sum_seconds += to_seconds(took);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    group->memory[i] = outcomes[i].memory;
    note_health(*group, i, at, outcomes[i]);
  }
  state::Batch batch;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    publish(group->prepared->rules[i].key, *group->memory[i].alerts, outcomes[i].changed,
            outcomes[i].forgotten, batch);
  }
  publisher->add(std::move(batch));
  if (wanted && running == 0) apply(*std::exchange(wanted, std::nullopt), {});
}

void RuleManager::Impl::note_health(Group& group, std::size_t index, WallTime at,
                                    const RuleOutcome& outcome) {
  auto& health = group.health[index];
  const auto& rule = group.prepared->rules[index];
  // Told once, when it begins; the status shows each error.
  if (!outcome.error.empty() && health.health != "err") {
    log_warn("a rule failed",
             {{"rule", rule.name}, {"place", rule.place.text()}, {"error", outcome.error}});
  }
  health.health = outcome.error.empty() ? "ok" : "err";
  health.last_error = outcome.error;
  health.last_evaluation = at;
  health.took = outcome.took;
  health.sample_count = outcome.sample_count;
  ++health.evaluations;
  if (!outcome.error.empty()) ++health.failures;
}

// --- telling ----------------------------------------------------------------------------------------------

// Whether any rule has an alert of these labels: two rules may, and then it ends with the later one.
bool RuleManager::Impl::held(const Labels& labels, bool active_only) const {
  const auto rules = rules_by_alert.find(std::string(labels.get("alertname")));
  if (rules == rules_by_alert.end()) return false;
  return std::any_of(rules->second.begin(), rules->second.end(), [&](const auto& rule) {
    const auto& alerts = *rule.first->memory[rule.second].alerts;
    const auto found = alerts.find(labels);
    return found != alerts.end() &&
           (!active_only || found->second.alert.state != AlertState::kResolved);
  });
}

void RuleManager::Impl::publish(const std::string& rule, const AlertStates& states,
                                const std::vector<Alert>& changed,
                                const std::vector<Labels>& forgotten, state::Batch& batch) {
  for (const auto& alert : changed) {
    if (alert.state == AlertState::kResolved && held(alert.labels, true)) continue;
    if (alert.state != AlertState::kResolved) orphans.erase(alert.labels);
    batch.entry(model::kAlertChanged, alert.fingerprint(), dump_json(alert));
    const auto found = states.find(alert.labels);
    if (found != states.end())
      batch.document(kAlertDocument, alert.fingerprint(),
                     write_alert_document({found->second, rule}));
  }
  for (const auto& labels : forgotten) {
    if (held(labels, false) || orphans.count(labels) != 0) continue;
    Alert alert;
    alert.labels = labels;
    batch.document(kAlertDocument, alert.fingerprint(), "");
  }
}

void RuleManager::Impl::arm_sweep() {
  if (orphans.empty() || sweep_timer != TimerId::kNone) return;
  sweep_timer = env.executor.post_after(Lane::kControl, kSweepEvery, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (self == nullptr || self->is_closed()) return;
    self->sweep_timer = TimerId::kNone;
    self->sweep();
  });
}

void RuleManager::Impl::sweep() {
  state::Batch batch;
  for (auto it = orphans.begin(); it != orphans.end();) {
    if (it->second.resolved_at && env.clock.now() - *it->second.resolved_at <= kResolvedKept) {
      ++it;
      continue;
    }
    if (!held(it->first, false)) batch.document(kAlertDocument, it->second.fingerprint(), "");
    it = orphans.erase(it);
  }
  publisher->add(std::move(batch));
  arm_sweep();
}

// --- the public face --------------------------------------------------------------------------------------

RuleManager::RuleManager(Env& env, metrics::Store& store, state::Journal& journal,
                         ManagerOptions options)
    : impl_(std::make_shared<Impl>(env, store, journal, std::move(options))) {}

RuleManager::~RuleManager() { impl_->close(); }

Result<void> RuleManager::start(std::vector<RuleGroup> groups) {
  return impl_->start(std::move(groups));
}

void RuleManager::set_groups(std::vector<RuleGroup> groups) {
  impl_->wanted = std::move(groups);
  if (impl_->running == 0) impl_->apply(*std::exchange(impl_->wanted, std::nullopt), {});
}

std::vector<GroupStatus> RuleManager::status() const {
  std::vector<GroupStatus> all;
  for (const auto& group : impl_->groups) {
    const auto& prepared = *group->prepared;
    GroupStatus status{
        prepared.name,          prepared.file,     prepared.interval,      prepared.limit,
        group->last_evaluation, group->took,       group->missed,          {},
        prepared.query_offset,  group->iterations, group->took_sum_seconds};
    for (std::size_t i = 0; i < prepared.rules.size(); ++i) {
      const auto& rule = prepared.rules[i];
      const auto& health = group->health[i];
      RuleStatus one{rule.name,
                     rule.alerting ? "alerting" : "recording",
                     rule.query,
                     health.health,
                     health.last_error,
                     health.last_evaluation,
                     health.took,
                     rule.place,
                     rule.policy.hold,
                     rule.policy.keep_firing_for,
                     rule.labels,
                     rule.annotations,
                     {},
                     health.evaluations,
                     health.failures,
                     health.sample_count};
      for (const auto& [labels, active] : *group->memory[i].alerts) {
        if (active.alert.state != AlertState::kResolved) one.alerts.push_back(active.alert);
      }
      status.rules.push_back(std::move(one));
    }
    all.push_back(std::move(status));
  }
  return all;
}

std::vector<Alert> RuleManager::alerts() const {
  const auto weight = [](const Alert& alert) {
    return alert.state == AlertState::kFiring ? 2 : alert.state == AlertState::kPending ? 1 : 0;
  };
  auto by_labels = impl_->orphans;
  for (const auto& group : impl_->groups) {
    for (const auto& memory : group->memory) {
      for (const auto& [labels, active] : *memory.alerts) {
        const auto [at, added] = by_labels.emplace(labels, active.alert);
        if (!added && weight(active.alert) >= weight(at->second)) at->second = active.alert;
      }
    }
  }
  std::vector<Alert> all;
  for (auto& [labels, alert] : by_labels) all.push_back(std::move(alert));
  return all;
}

}  // namespace holdfast::detect
