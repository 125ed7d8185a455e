// respond/incident/incidents_impl.h: the inside of Incidents, shared by its sources; nobody else includes it.
//
// Sources     incidents_queue.cc takes work in, commits it and watches the clock; incidents_news.cc turns news into work;
//             incidents.cc does the same for people, restores, and answers questions.
// Threads     Control strand only.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "respond/incident/incidents.h"
#include "respond/incident/step.h"

namespace holdfast::respond {

using model::Incident;
using model::IncidentId;

inline constexpr std::string_view kIncidentKind = "incident";  // of documents

struct Incidents::Impl : std::enable_shared_from_this<Impl> {
  struct State {
    std::map<IncidentId, Incident> active;
    std::map<std::string, int> counts;  // incidents opened, by day
  };
  struct Touched {
    std::set<IncidentId> changed;
    std::vector<std::pair<IncidentId, std::string>> notices;
    std::set<IncidentId> rooms;  // war rooms to be made
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

  void add(Work work);

  void add_news(std::function<void(State&, Touched&)> apply);
  void pump();

  state::Batch make_batch(const State& next, const Touched& touched) const;

  // What the rules of response make of a change; the same for news, people and the clock.
  void follow_rules(Incident& incident, Touched& touched);

  void committed(const Result<state::Seq>& seq, std::deque<Work>& works, State& next,
                 std::vector<std::pair<Done, Result<IncidentId>>>& answers);

  // One timer, for the earliest due time of all incidents; set anew after every commit and at the start.
  void watch_later();

  static void reply(std::vector<std::pair<Done, Result<IncidentId>>>& answers, const State& next);

  void settle_later(const IncidentId& id);

  static void touch(Touched& touched, const IncidentId& id, const Notices& notices);

  // ---- news ----

  void on_cause(const Cause& cause);

  void apply_to_group(State& state, Touched& touched, const Cause& cause);

  // There are so many alerts that a further one is only said to be there.
  bool crowded_out(Incident& incident, const Cause& cause) const;

  // The incident that has the cause already (it may have been split off or merged in), else the one of its group.
  static Incident* home_of(State& state, const Cause& cause, const model::Labels& group);

  IncidentId new_id(State& state, WallTime now) const;

  std::string scheme_of_service(const std::string& service) const;

  // The incident of the same group that ended lately.
  std::string previous_of(const model::Labels& group, WallTime now) const;

  void remember_end(const Incident& incident);

  // Applies to the active incident of a service, when there is one.
  void on_service_news(const std::string& service, std::function<Notices(Incident&)> apply);

  void on_entry(const state::Entry& entry);

  void on_alert(const model::Alert& alert);

  void on_notification(const model::Notification& notification, state::Seq seq);

  void on_war_room(const IncidentId& id, const model::WarRoom& room, state::Seq seq);

  // On every active incident of the service: a change is the first suspect.
  void on_change(const std::string& service, const std::string& text, const std::string& by,
                 WallTime at, state::Seq seq);

  void on_change_recorded(const state::Entry& entry);
  void on_told(const state::Entry& entry);  // pages and escalations
  void on_words_sent(const state::Entry& entry);

  void on_drill(const model::Drill& drill);

  // ---- people ----

  void person(const IncidentId& id, std::function<Result<Notices>(Incident&)> act, Done done);

  // On a copy: an act that is refused leaves nothing of itself behind.
  static Result<IncidentId> perform(Incident& incident,
                                    const std::function<Result<Notices>(Incident&)>& act,
                                    Touched& touched);

  // Any incident, loaded from the journal when it is not active; it leaves memory again after the commit.
  Result<Incident*> load(State& state, const IncidentId& id) const;

  Error missing(const IncidentId& id) const;

  Result<Incident> declared(const Incident& wish, const std::string& by, State& state) const;

  // ---- start ----

  Result<void> restore();

  void set_services(const std::vector<model::Service>& services);

  Env& env;
  state::Journal& journal;
  state::Outbox& outbox;
  Notifier& notifier;
  IncidentOptions options;
  HeldBack held_back;
  State state;
  std::deque<Work> queue;
  bool committing = false;
  const WarRooms* rooms = nullptr;
  TimerId watch_timer = TimerId::kNone;
  std::set<IncidentId> settling;  // a settle timer is set
  std::set<std::string> drills;   // services being drilled
  std::map<std::string, std::string> schemes;
  std::map<std::string, std::pair<model::Labels, WallTime>> ended_lately;  // by id
  std::unique_ptr<state::Subscription> subscription;
};


}  // namespace holdfast::respond
