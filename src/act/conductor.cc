#include "act/conductor.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "act/act_steps.h"
#include "act/traffic/haproxy.h"
#include "base/check.h"
#include "base/log.h"

namespace holdfast::act {

Routers make_routers(Env& env, const std::vector<model::Service>& services) {
  Routers routers;
  for (const auto& service : services) {
    const auto& traffic = service.traffic;
    if (traffic.kind != "haproxy") continue;
    routers[service.name] =
        std::make_unique<HaproxyRouter>(env, HaproxyOptions{traffic.socket, traffic.backend});
  }
  return routers;
}

// The life of an act:
//
//   ask ──▶ known key? ──▶ answer from the record, or wait with the first asker
//    │
//    └──▶ possible? ──▶ record ──▶ queue of its service ──▶ steps ──▶ record ──▶ answer
struct Conductor::Impl : std::enable_shared_from_this<Impl> {
  struct Line {
    std::shared_ptr<ServiceDesk> desk;
    std::deque<ActPtr> queue;  // the first one runs
  };

  Impl(Env& env_in, state::Journal& journal_in, Platform& platform_in, Routers routers_in,
       const std::vector<model::Service>& services)
      : env(env_in), journal(journal_in), platform(platform_in), routers(std::move(routers_in)) {
    for (const auto& service : services) {
      if (service.platform.kind == "none") continue;
      const auto at = routers.find(service.name);
      lines[service.name].desk = std::make_shared<ServiceDesk>(
          env, journal, platform, service, at == routers.end() ? nullptr : at->second.get());
    }
  }

  Result<void> start();
  Result<state::Batch> load_wanted();
  Result<void> load_acts();
  void converge();
  void resume_acts();

  void ask(ActRecord record, Done done);
  void answer(Done done, Report report);
  void begin(const ActPtr& act);
  void run(const ActPtr& act);
  void next(const ActPtr& act, const std::shared_ptr<std::deque<Step>>& steps);
  void finish(const ActPtr& act, std::string error);
  void ended(const ActPtr& act);
  void forget_oldest();
  void save(const ActPtr& act, std::function<void(Result<void>)> saved);
  void overtake_start_canary(Line& line);

  const ServiceDesk* desk_of(const std::string& service) const {
    const auto at = lines.find(service);
    return at == lines.end() ? nullptr : at->second.desk.get();
  }

  Env& env;
  state::Journal& journal;
  Platform& platform;
  Routers routers;
  std::map<std::string, Line> lines;
  std::map<std::string, ActPtr> under_way;   // by key
  std::map<std::string, Report> remembered;  // by key
  std::deque<std::string> remembered_order;  // oldest first
  std::vector<ActRecord> interrupted;        // by time
  // Asked before what ran and what was begun is known again: then "there is no such instance" would be no answer.
  std::deque<std::pair<ActRecord, Done>> early;
  bool converged = false;
  bool closing = false;
};

Result<void> Conductor::Impl::start() {
  auto changed = HF_TRY(load_wanted());
  HF_TRY(load_acts());
  platform.on_change([weak = weak_from_this()](const model::Instance& instance) {
    const auto self = weak.lock();
    if (!self) return;
    const auto at = self->lines.find(instance.service);
    if (at != self->lines.end()) at->second.desk->instance_changed();
  });
  if (changed.empty()) {
    converge();
    return {};
  }
  journal.commit(std::move(changed), [weak = weak_from_this()](Result<state::Seq> done) {
    // A full disk must not keep services from running; the wish is the catalogue's in any case.
    if (!done)
      log_error("what is wanted could not be recorded", {{"error", done.error().message()}});
    if (const auto self = weak.lock()) self->converge();
  });
  return {};
}

Result<state::Batch> Conductor::Impl::load_wanted() {
  std::map<std::string, Wanted> remembered_wishes;
  state::Batch batch;
  for (const auto& document : HF_TRY(journal.documents("wanted").context("read what is wanted"))) {
    auto wanted = parse_wanted(document.body);
    if (!lines.contains(document.id)) {
      batch.document("wanted", document.id, "");
    } else if (wanted) {
      remembered_wishes[document.id] = std::move(*wanted);
    } else {
      log_error("a wanted document cannot be read; the catalogue is followed",
                {{"service", document.id}, {"error", wanted.error().message()}});
    }
  }
  for (auto& [name, line] : lines) {
    const auto at = remembered_wishes.find(name);
    const auto known = at == remembered_wishes.end() ? std::nullopt : std::optional(at->second);
    const auto wanted = reconcile_wanted(line.desk->spec(), known);
    line.desk->set_initial_wanted(wanted);
    if (known == wanted) continue;
    const auto body = dump_wanted(wanted);
    batch.entry(kWantedChanged, name, body).document("wanted", name, body);
  }
  return batch;
}

Result<void> Conductor::Impl::load_acts() {
  std::vector<ActRecord> ended_acts;
  for (const auto& document : HF_TRY(journal.documents("act").context("read acts"))) {
    auto record = parse_act(document.body);
    if (!record) {
      log_error("an act document cannot be read",
                {{"key", document.id}, {"error", record.error().message()}});
      continue;
    }
    (record->ended ? ended_acts : interrupted).push_back(std::move(*record));
  }
  std::ranges::sort(interrupted, {}, &ActRecord::at);
  std::ranges::sort(ended_acts, {}, &ActRecord::at);
  for (auto& record : ended_acts) {
    remembered_order.push_back(record.key);
    remembered[record.key] = std::move(record.report);
  }
  return {};
}

void Conductor::Impl::converge() {
  if (closing) return;
  if (const auto started = platform.start(); !started) {
    log_error("the platform could not read what ran before",
              {{"error", started.error().message()}});
  }
  for (auto& [name, line] : lines) line.desk->converge();
  for (auto& [name, line] : lines) line.desk->begin_traffic();
  resume_acts();
  converged = true;
  for (auto& [record, done] : std::exchange(early, {})) ask(std::move(record), std::move(done));
}

void Conductor::Impl::resume_acts() {
  for (auto& record : std::exchange(interrupted, {})) {
    auto act = std::make_shared<Act>();
    act->record = std::move(record);
    const auto at = lines.find(act->record.service);
    log_info("an interrupted act goes on",
             {{"key", act->record.key}, {"kind", std::string(act_kind_name(act->record.kind))}});
    if (at != lines.end()) act->desk = at->second.desk;
    under_way[act->record.key] = act;
    if (!act->desk) {
      finish(act, "service " + act->record.service + " is in the catalogue no more");
      continue;
    }
    begin(act);
  }
}

void Conductor::Impl::answer(Done done, Report report) {
  if (!done) return;
  env.executor.post(Lane::kControl,
                    [done = std::move(done), report = std::move(report)] { done(report); });
}

void Conductor::Impl::ask(ActRecord record, Done done) {
  if (!converged) {
    HF_PROBE("conductor: asked before it knew what runs");
    early.emplace_back(std::move(record), std::move(done));
    return;
  }
  const auto refuse = [&](const std::string& why) { answer(std::move(done), {false, why, {}}); };
  if (const auto known = remembered.find(record.key); known != remembered.end())
    return answer(std::move(done), known->second);
  if (const auto running = under_way.find(record.key); running != under_way.end()) {
    running->second->waiters.push_back(std::move(done));
    return;
  }
  if (closing) return refuse("Holdfast is shutting down");
  if (record.key.empty()) return refuse("an act needs a key");
  const auto at = lines.find(record.service);
  if (at == lines.end())
    return refuse("there is no service " + record.service + " that Holdfast runs");
  if (const auto possible = check_act(record, *at->second.desk); !possible)
    return refuse(possible.error().message());
  auto act = std::make_shared<Act>();
  act->record = std::move(record);
  act->record.at = env.clock.now();
  act->record.percent_changes = at->second.desk->percent_changes_asked();
  act->desk = at->second.desk;
  act->waiters.push_back(std::move(done));
  under_way[act->record.key] = act;
  save(act, [weak = weak_from_this(), act](Result<void> saved) {
    const auto self = weak.lock();
    if (!self || self->closing) return;
    if (saved) return self->begin(act);
    act->record.report.error =
        std::move(saved).error().context("the act cannot be recorded").message();
    self->under_way.erase(act->record.key);
    for (auto& waiter : act->waiters) self->answer(std::move(waiter), act->record.report);
  });
}

void Conductor::Impl::begin(const ActPtr& act) {
  auto& line = lines.at(act->record.service);
  act->save = [weak = weak_from_this(), act = std::weak_ptr(act)](std::function<void()> then) {
    const auto self = weak.lock();
    const auto saving = act.lock();
    if (!self || !saving) return;
    self->save(saving, [then = std::move(then)](Result<void> saved) {
      if (!saved)
        log_warn("an act's progress could not be recorded", {{"error", saved.error().message()}});
      then();
    });
  };
  if (act->record.kind == ActKind::kSetCanaryPercent) return run(act);
  if (act->record.kind == ActKind::kStopCanary) overtake_start_canary(line);
  line.queue.push_back(act);
  if (line.queue.size() == 1) run(act);
}

// And traffic leaves the canary now, not when the queue has come to it.
void Conductor::Impl::overtake_start_canary(Line& line) {
  for (const auto& other : line.queue) {
    if (other->record.kind == ActKind::kStartCanary) other->overtaken = "overtaken by stop_canary";
  }
  line.desk->look_again();
  if (line.queue.empty() || line.desk->wanted().canary.empty()) return;
  line.desk->change_wanted(
      [](Wanted& w) {
        w.canary_percent = 0;
        ++w.percent_changes;
      },
      [](const Result<void>&) {});  // the act does it again and reports
}

void Conductor::Impl::run(const ActPtr& act) {
  if (!act->overtaken.empty()) return finish(act, act->overtaken);
  log_info("act begins", {{"key", act->record.key},
                          {"kind", std::string(act_kind_name(act->record.kind))},
                          {"service", act->record.service}});
  // What was possible when it was asked may be so no more.
  const bool is_resumed = !act->record.report.steps.empty();
  if (const auto possible = check_act(act->record, *act->desk); !possible && !is_resumed) {
    return finish(act, possible.error().message());
  }
  next(act, std::make_shared<std::deque<Step>>(steps_of(act)));
}

void Conductor::Impl::next(const ActPtr& act, const std::shared_ptr<std::deque<Step>>& steps) {
  if (closing) return;
  if (steps->empty()) return finish(act, "");
  if (!act->overtaken.empty()) return finish(act, act->overtaken);
  auto step = std::move(steps->front());
  steps->pop_front();
  step.run([weak = weak_from_this(), act, steps, name = step.name,
            goes_on = step.runs_next_on_failure](const Result<std::string>& outcome) {
    const auto self = weak.lock();
    if (!self || self->closing) return;
    act->record.report.steps.push_back({name, outcome.has_value(),
                                        outcome ? *outcome : outcome.error().message(),
                                        self->env.clock.now()});
    if (!outcome && !goes_on) return self->finish(act, outcome.error().message());
    self->next(act, steps);
  });
}

void Conductor::Impl::finish(const ActPtr& act, std::string error) {
  auto& report = act->record.report;
  act->record.ended = true;
  report.ok = error.empty();
  report.error = std::move(error);
  if (act->desk && !act->draining.empty()) act->desk->undrain(std::exchange(act->draining, {}));
  log_info(
      "act ended",
      {{"key", act->record.key}, {"ok", report.ok ? "true" : "false"}, {"error", report.error}});
  save(act, [weak = weak_from_this(), act](Result<void> saved) {
    if (!saved)
      log_warn("an act's end could not be recorded", {{"error", saved.error().message()}});
    if (const auto self = weak.lock()) self->ended(act);
  });
  const auto at = lines.find(act->record.service);
  if (at == lines.end() || at->second.queue.empty() || at->second.queue.front() != act) return;
  at->second.queue.pop_front();
  if (!at->second.queue.empty()) run(at->second.queue.front());
}

void Conductor::Impl::ended(const ActPtr& act) {
  under_way.erase(act->record.key);
  remembered[act->record.key] = act->record.report;
  remembered_order.push_back(act->record.key);
  forget_oldest();
  for (auto& waiter : std::exchange(act->waiters, {})) {
    if (waiter) waiter(act->record.report);
  }
}

void Conductor::Impl::forget_oldest() {
  if (remembered_order.size() <= kActsRemembered) return;
  state::Batch batch;
  while (remembered_order.size() > kActsRemembered) {
    batch.document("act", remembered_order.front(), "");
    remembered.erase(remembered_order.front());
    remembered_order.pop_front();
  }
  journal.commit(std::move(batch));
}

void Conductor::Impl::save(const ActPtr& act, std::function<void(Result<void>)> saved) {
  state::Batch batch;
  batch.document("act", act->record.key, dump_act(act->record));
  journal.commit(std::move(batch), [saved = std::move(saved)](Result<state::Seq> done) {
    if (done) return saved({});
    saved(std::move(done).error());
  });
}

Conductor::Conductor(Env& env, state::Journal& journal, Platform& platform, Routers routers,
                     std::vector<model::Service> services)
    : impl_(std::make_shared<Impl>(env, journal, platform, std::move(routers), services)) {}

Conductor::~Conductor() {
  impl_->closing = true;
  impl_->platform.on_change({});
  for (auto& [name, line] : impl_->lines) {
    line.desk->end();
    line.queue.clear();
  }
}

Result<void> Conductor::start() { return impl_->start(); }

void Conductor::stop_all(Duration grace, std::function<void()> stopped) {
  impl_->closing = true;
  impl_->platform.stop_all(grace, std::move(stopped));
}

std::vector<model::Instance> Conductor::instances(const std::string& service) const {
  return impl_->platform.instances(service);
}

std::vector<WantedVersion> Conductor::wanted(const std::string& service) const {
  const auto* desk = impl_->desk_of(service);
  return desk == nullptr ? std::vector<WantedVersion>{} : desk->wanted().versions();
}

TrafficView Conductor::traffic(const std::string& service) const {
  const auto* desk = impl_->desk_of(service);
  if (desk != nullptr) return desk->traffic();
  TrafficView none;
  none.error = "there is no service " + service + " that Holdfast runs";
  return none;
}

void Conductor::restart(const std::string& key, const std::string& service,
                        const std::string& target, Done done) {
  ActRecord record;
  record.key = key;
  record.kind = ActKind::kRestart;
  record.service = service;
  record.target = target;
  impl_->ask(std::move(record), std::move(done));
}

void Conductor::scale(const std::string& key, const std::string& service,
                      const std::string& version, int replicas, Done done) {
  ActRecord record;
  record.key = key;
  record.kind = ActKind::kScale;
  record.service = service;
  record.version = version;
  record.replicas = replicas;
  impl_->ask(std::move(record), std::move(done));
}

void Conductor::start_canary(const std::string& key, const std::string& service,
                             const std::string& version, int replicas, double percent, Done done) {
  ActRecord record;
  record.key = key;
  record.kind = ActKind::kStartCanary;
  record.service = service;
  record.version = version;
  record.replicas = replicas;
  record.percent = percent;
  impl_->ask(std::move(record), std::move(done));
}

void Conductor::stop_canary(const std::string& key, const std::string& service, Done done) {
  ActRecord record;
  record.key = key;
  record.kind = ActKind::kStopCanary;
  record.service = service;
  impl_->ask(std::move(record), std::move(done));
}

void Conductor::set_canary_percent(const std::string& key, const std::string& service,
                                   double percent, Done done) {
  ActRecord record;
  record.key = key;
  record.kind = ActKind::kSetCanaryPercent;
  record.service = service;
  record.percent = percent;
  impl_->ask(std::move(record), std::move(done));
}

}  // namespace holdfast::act
