// News and people's acts queue up as Work. While a commit is on its way to the disk nothing is decided; when it is
// durable, all that queued meanwhile is applied to a copy of the state, in order, and committed together. The copy
// becomes the state only after the commit is durable: what anybody can see has happened. A refused commit answers the
// people among the queue with the error and keeps the news for the next try.
#include "respond/incident/incidents.h"

#include <algorithm>
#include <deque>
#include <set>

#include "base/log.h"
#include "base/text.h"
#include "respond/incident/step.h"

namespace holdfast::respond {

using model::Incident;
using model::IncidentId;

namespace {

constexpr std::string_view kKind = "incident";
constexpr Duration kRetryAfter = 1s;

std::string day_of(WallTime at) {
  const auto text = format_time(at);  // 2026-11-21T...
  return text.substr(0, 4) + text.substr(5, 2) + text.substr(8, 2);
}

}  // namespace

struct Incidents::Impl : std::enable_shared_from_this<Impl> {
  struct State {
    std::map<IncidentId, Incident> active;
    std::map<std::string, int> counts;  // incidents opened, by day
  };
  struct Touched {
    std::set<IncidentId> changed;
    std::vector<std::pair<IncidentId, std::string>> notices;
  };
  struct Work {
    // Answers the incident it concerned, when a person asked.
    std::function<Result<IncidentId>(State&, Touched&)> apply;
    Done done;  // empty: news, which is never dropped
  };

  Impl(Env& env, state::Journal& journal, state::Outbox& outbox, Notifier& notifier,
       IncidentOptions options)
      : env(env),
        journal(journal),
        outbox(outbox),
        notifier(notifier),
        options(std::move(options)) {}

  // ---- the queue ----

  void add(Work work) {
    queue.push_back(std::move(work));
    pump();
  }

  void add_news(std::function<void(State&, Touched&)> apply) {
    add({[apply](State& state, Touched& touched) -> Result<IncidentId> {
           apply(state, touched);
           return IncidentId();
         },
         {}});
  }

  void pump() {
    if (committing || queue.empty()) return;
    auto works = std::make_shared<std::deque<Work>>(std::move(queue));
    queue.clear();
    auto next = std::make_shared<State>(state);
    Touched touched;
    auto answers = std::make_shared<std::vector<std::pair<Done, Result<IncidentId>>>>();
    for (auto& work : *works) {
      auto result = work.apply(*next, touched);
      if (work.done) answers->emplace_back(work.done, std::move(result));
    }
    if (touched.changed.empty()) {
      reply(*answers, *next);
      return;
    }
    committing = true;
    outbox.commit(make_batch(*next, touched),
                  [weak = weak_from_this(), works, next, answers](Result<state::Seq> seq) {
                    if (auto self = weak.lock()) self->committed(seq, *works, *next, *answers);
                  });
  }

  state::Batch make_batch(const State& next, const Touched& touched) const {
    state::Batch batch;
    for (const auto& id : touched.changed) {
      const auto body = dump_json(next.active.at(id));
      batch.document(std::string(kKind), id.value, body);
      batch.entry(model::kIncidentChanged, id.value, body);
    }
    for (const auto& [id, event] : touched.notices)
      notifier.add_intents(next.active.at(id), event, batch);
    return batch;
  }

  void committed(const Result<state::Seq>& seq, std::deque<Work>& works, State& next,
                 std::vector<std::pair<Done, Result<IncidentId>>>& answers) {
    committing = false;
    if (!seq) {
      log_error("incidents could not be written; news waits, people are told",
                {{"error", seq.error().message()}});
      for (auto& [done, result] : answers) done(Error(seq.error()));
      std::erase_if(works, [](const Work& work) { return static_cast<bool>(work.done); });
      queue.insert(queue.begin(), std::make_move_iterator(works.begin()),
                   std::make_move_iterator(works.end()));
      env.executor.post_after(Lane::kControl, kRetryAfter, [weak = weak_from_this()] {
        if (auto self = weak.lock()) self->pump();
      });
      return;
    }
    state = next;
    reply(answers, next);
    std::erase_if(state.active, [](const auto& item) { return !item.second.active(); });
    for (const auto& [id, incident] : state.active) {
      if (incident.state == model::IncidentState::kMitigated) settle_later(id);
    }
    pump();
  }

  static void reply(std::vector<std::pair<Done, Result<IncidentId>>>& answers, const State& next) {
    for (auto& [done, result] : answers) {
      if (!result)
        done(Error(result.error()));
      else
        done(next.active.at(*result));
    }
  }

  void settle_later(const IncidentId& id) {
    if (!settling.insert(id).second) return;
    env.executor.post_after(Lane::kControl, options.resolve_after, [weak = weak_from_this(), id] {
      auto self = weak.lock();
      if (!self) return;
      self->settling.erase(id);
      self->add_news([self = self.get(), id](State& state, Touched& touched) {
        const auto found = state.active.find(id);
        if (found == state.active.end()) return;
        const auto notices =
            settle(found->second, self->options.resolve_after, self->env.clock.now());
        if (!notices.empty()) self->touch(touched, id, notices);
        // Too early (the cause came back and went): the next commit of this incident sets the timer anew.
        else if (found->second.state == model::IncidentState::kMitigated)
          self->settle_later(id);
      });
    });
  }

  static void touch(Touched& touched, const IncidentId& id, const Notices& notices) {
    touched.changed.insert(id);
    for (const auto& notice : notices) touched.notices.emplace_back(id, notice);
  }

  // ---- news ----

  void on_cause(const Cause& cause) {
    add_news(
        [this, cause](State& state, Touched& touched) { apply_to_group(state, touched, cause); });
  }

  void apply_to_group(State& state, Touched& touched, const Cause& cause) {
    const auto now = env.clock.now();
    const auto group = group_of(cause.labels, options.group_by);
    for (auto& [id, incident] : state.active) {
      if (incident.group != group) continue;
      const auto before = incident.timeline.size();
      const auto notices = apply_cause(incident, cause, now);
      if (incident.timeline.size() != before) touch(touched, id, notices);
      return;
    }
    if (!cause.firing) return;
    const auto service = std::string(cause.labels.get("service"));
    auto id = new_id(state, now);
    auto incident = open_incident(id, cause, options.group_by, scheme_of(service),
                                  drills.count(service) > 0, previous_of(group, now), now);
    apply_cause(incident, cause, now);
    state.active.emplace(id, std::move(incident));
    touch(touched, id, {"opened"});
  }

  IncidentId new_id(State& state, WallTime now) const {
    const auto day = day_of(now);
    const auto number = std::to_string(++state.counts[day]);
    return IncidentId("INC-" + day + "-" +
                      std::string(number.size() < 3 ? 3 - number.size() : 0, '0') + number);
  }

  std::string scheme_of(const std::string& service) const {
    const auto found = schemes.find(service);
    return found == schemes.end() ? "A" : found->second;
  }

  // The incident of the same group that ended lately.
  std::string previous_of(const model::Labels& group, WallTime now) const {
    std::string previous;
    for (const auto& [id, ended] : ended_lately) {
      if (ended.first == group && now - ended.second <= options.relapse_within) previous = id;
    }
    return previous;
  }

  void remember_end(const Incident& incident) {
    if (incident.active()) return;
    ended_lately[incident.id.value] = {incident.group,
                                       incident.resolved_at.value_or(incident.opened_at)};
    const auto oldest = env.clock.now() - options.relapse_within;
    std::erase_if(ended_lately, [&](const auto& item) { return item.second.second < oldest; });
  }

  // Applies to the active incident of a service, when there is one.
  void on_service_news(const std::string& service, std::function<Notices(Incident&)> apply) {
    add_news([service, apply](State& state, Touched& touched) {
      for (auto& [id, incident] : state.active) {
        if (incident.service == service) {
          touch(touched, id, apply(incident));
          return;
        }
      }
    });
  }

  void on_entry(const state::Entry& entry) {
    if (entry.topic == model::kAlertChanged) {
      if (auto alert = parse_json<model::Alert>(entry.body)) on_alert(*alert);
    } else if (entry.topic == model::kFaultChanged) {
      if (auto fault = parse_json<model::Fault>(entry.body); fault && fault->fingerprint.empty())
        on_cause(cause_of(*fault));
    } else if (entry.topic == model::kRemedyChanged) {
      if (auto remedy = parse_json<model::Remedy>(entry.body)) {
        on_service_news(remedy->service, [this, remedy = *remedy, seq = entry.seq](Incident& i) {
          return apply_remedy(i, remedy, seq, env.clock.now());
        });
      }
    } else if (entry.topic == model::kInstanceChanged) {
      if (auto instance = parse_json<model::Instance>(entry.body)) {
        on_service_news(instance->service,
                        [this, instance = *instance, seq = entry.seq](Incident& i) {
                          apply_instance(i, instance, seq, env.clock.now());
                          return Notices{};
                        });
      }
    } else if (entry.topic == model::kNotificationChanged) {
      if (auto notification = parse_json<model::Notification>(entry.body))
        on_notification(*notification, entry.seq);
    } else if (entry.topic == model::kDrillChanged) {
      if (auto drill = parse_json<model::Drill>(entry.body)) on_drill(*drill);
    } else if (entry.topic == model::kIncidentChanged) {
      if (auto incident = parse_json<Incident>(entry.body)) remember_end(*incident);
    }
  }

  void on_alert(const model::Alert& alert) {
    if (alert.state == model::AlertState::kPending) return;
    const auto word = lower(alert.labels.get("severity"));
    if (std::find(options.ignore_severities.begin(), options.ignore_severities.end(), word) !=
        options.ignore_severities.end())
      return;
    on_cause(cause_of(alert));
  }

  void on_notification(const model::Notification& notification, state::Seq seq) {
    if (notification.state == model::NotificationState::kPending) return;
    add_news([this, notification, seq](State& state, Touched& touched) {
      const auto found = state.active.find(IncidentId(notification.incident));
      if (found == state.active.end())
        return;  // told after its end: the notification's own record has it
      apply_notification(found->second, notification, seq, env.clock.now());
      touch(touched, found->first, {});
    });
  }

  void on_drill(const model::Drill& drill) {
    if (drill.state == "passed" || drill.state == "failed" || drill.state == "aborted")
      drills.erase(drill.service);
    else
      drills.insert(drill.service);
  }

  // ---- people ----

  void person(const IncidentId& id, std::function<Result<Notices>(Incident&)> act, Done done) {
    add({[this, id, act](State& state, Touched& touched) -> Result<IncidentId> {
           const auto found = state.active.find(id);
           if (found == state.active.end()) return missing(id);
           auto notices = act(found->second);
           if (!notices) return std::move(notices).error();
           touch(touched, id, *notices);
           return id;
         },
         std::move(done)});
  }

  Error missing(const IncidentId& id) const {
    auto document = journal.document(kKind, id.value);
    if (!document || !*document) return not_found("no incident '" + printable(id.value) + "'");
    return {Code::kConflict,
            "incident " + id.value + " is resolved: it cannot be changed any more"};
  }

  // ---- start ----

  Result<void> restore() {
    for (const auto& document : HF_TRY(journal.documents(kKind))) {
      auto incident =
          HF_TRY(parse_json<Incident>(document.body).context("incident " + document.id));
      const auto day = day_of(incident.opened_at);
      const auto number =
          parse_int(std::string_view(document.id).substr(document.id.rfind('-') + 1)).value_or(0);
      state.counts[day] = std::max(state.counts[day], static_cast<int>(number));
      remember_end(incident);
      if (!incident.active()) continue;
      if (incident.state == model::IncidentState::kMitigated) settle_later(incident.id);
      state.active.emplace(incident.id, std::move(incident));
    }
    // What was journaled but not yet taken in when the process ended.
    for (const auto& document : HF_TRY(journal.documents("drill"))) {
      if (auto drill = parse_json<model::Drill>(document.body)) on_drill(*drill);
    }
    for (const auto& document : HF_TRY(journal.documents("alert"))) {
      if (auto alert = parse_json<model::Alert>(document.body)) on_alert(*alert);
    }
    for (const auto& document : HF_TRY(journal.documents("fault"))) {
      if (auto fault = parse_json<model::Fault>(document.body); fault && fault->fingerprint.empty())
        on_cause(cause_of(*fault));
    }
    return {};
  }

  void set_services(const std::vector<model::Service>& services) {
    schemes.clear();
    for (const auto& service : services) schemes[service.name] = service.severity_scheme;
  }

  Env& env;
  state::Journal& journal;
  state::Outbox& outbox;
  Notifier& notifier;
  IncidentOptions options;
  State state;
  std::deque<Work> queue;
  bool committing = false;
  std::set<IncidentId> settling;  // a settle timer is set
  std::set<std::string> drills;   // services being drilled
  std::map<std::string, std::string> schemes;
  std::map<std::string, std::pair<model::Labels, WallTime>> ended_lately;  // by id
  std::unique_ptr<state::Subscription> subscription;
};

Incidents::Incidents(Env& env, state::Journal& journal, state::Outbox& outbox, Notifier& notifier,
                     IncidentOptions options)
    : impl_(std::make_shared<Impl>(env, journal, outbox, notifier, std::move(options))) {}
Incidents::~Incidents() = default;

Result<void> Incidents::start(const std::vector<model::Service>& services) {
  impl_->set_services(services);
  HF_TRY(impl_->restore());
  impl_->subscription =
      impl_->journal.subscribe("", [weak = std::weak_ptr<Impl>(impl_)](const state::Entry& entry) {
        if (auto self = weak.lock()) self->on_entry(entry);
      });
  return {};
}

void Incidents::configure(IncidentOptions options, const std::vector<model::Service>& services) {
  impl_->options = std::move(options);
  impl_->set_services(services);
}

std::vector<Incident> Incidents::active() const {
  std::vector<Incident> list;
  for (const auto& [id, incident] : impl_->state.active) list.push_back(incident);
  std::sort(list.begin(), list.end(),
            [](const auto& a, const auto& b) { return a.opened_at > b.opened_at; });
  return list;
}

std::optional<Incident> Incidents::find(const IncidentId& id) const {
  if (const auto found = impl_->state.active.find(id); found != impl_->state.active.end())
    return found->second;
  auto document = impl_->journal.document(kKind, id.value);
  if (!document || !*document) return std::nullopt;
  auto incident = parse_json<Incident>((*document)->body);
  return incident ? std::optional<Incident>(std::move(*incident)) : std::nullopt;
}

Result<std::vector<Incident>> Incidents::list(std::string_view state, std::string_view service,
                                              std::size_t limit) const {
  std::vector<Incident> list;
  auto documents = HF_TRY(impl_->journal.documents(kKind));
  for (auto document = documents.rbegin(); document != documents.rend() && list.size() < limit;
       ++document) {
    auto incident = HF_TRY(parse_json<Incident>(document->body));
    if (!service.empty() && incident.service != service) continue;
    if (state == "active" && !incident.active()) continue;
    if (state == "resolved" && incident.active()) continue;
    list.push_back(std::move(incident));
  }
  std::stable_sort(list.begin(), list.end(),
                   [](const auto& a, const auto& b) { return a.opened_at > b.opened_at; });
  return list;
}

void Incidents::acknowledge(const IncidentId& id, const std::string& by, Done done) {
  impl_->person(
      id, [this, by](Incident& i) { return respond::acknowledge(i, by, impl_->env.clock.now()); },
      std::move(done));
}
void Incidents::mitigate(const IncidentId& id, const std::string& by, Done done) {
  impl_->person(
      id, [this, by](Incident& i) { return respond::mitigate(i, by, impl_->env.clock.now()); },
      std::move(done));
}
void Incidents::resolve(const IncidentId& id, const std::string& by, const std::string& text,
                        Done done) {
  impl_->person(
      id,
      [this, by, text](Incident& i) {
        return respond::resolve(i, by, text, impl_->env.clock.now());
      },
      std::move(done));
}
void Incidents::note(const IncidentId& id, const std::string& by, const std::string& text,
                     Done done) {
  impl_->person(
      id, [this, by, text](Incident& i) { return add_note(i, by, text, impl_->env.clock.now()); },
      std::move(done));
}
void Incidents::set_rank(const IncidentId& id, model::Rank rank, const std::string& by, Done done) {
  impl_->person(
      id,
      [this, rank, by](Incident& i) {
        return respond::set_rank(i, rank, by, impl_->env.clock.now());
      },
      std::move(done));
}

void Incidents::declare(Incident incident, const std::string& by, Done done) {
  impl_->add({[impl = impl_.get(), incident, by](Impl::State& state,
                                                 Impl::Touched& touched) -> Result<IncidentId> {
                if (trim(incident.title).empty()) return invalid("an incident needs a title");
                const auto now = impl->env.clock.now();
                Cause cause;
                cause.fingerprint = "declared/" + make_ulid(now, impl->env.random);
                cause.labels = model::Labels{{"service", incident.service}};
                cause.title = incident.title;
                cause.rank = incident.rank;
                cause.since = cause.changed = now;
                cause.evidence.source = "declared by " + by;
                auto id = impl->new_id(state, now);
                auto opened = open_incident(id, cause, impl->options.group_by,
                                            impl->scheme_of(incident.service), false, "", now);
                state.active.emplace(id, std::move(opened));
                Impl::touch(touched, id, {"opened"});
                return id;
              },
              std::move(done)});
}

}  // namespace holdfast::respond
