// News and people's acts queue up as Work. While a commit is on its way to the disk nothing is decided; when it is
// durable, all that queued meanwhile is applied to a copy of the state, in order, and committed together. The copy
// becomes the state only after the commit is durable: what anybody can see has happened. A refused commit answers the
// people among the queue with the error and keeps the news for the next try.
#include <algorithm>

#include "base/log.h"
#include "respond/incident/incidents_impl.h"

namespace holdfast::respond {
namespace {

constexpr Duration kRetryAfter = 1s;

}  // namespace

void Incidents::Impl::add(Work work) {
  queue.push_back(std::move(work));
  pump();
}

void Incidents::Impl::add_news(std::function<void(State&, Touched&)> apply) {
  add({[apply](State& state, Touched& touched) -> Result<IncidentId> {
         apply(state, touched);
         return IncidentId();
       },
       {}});
}

void Incidents::Impl::pump() {
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
  for (const auto& id : touched.changed) follow_rules(next->active.at(id), touched);
  committing = true;
  outbox.commit(make_batch(*next, touched),
                [weak = weak_from_this(), works, next, answers](Result<state::Seq> seq) {
                  if (auto self = weak.lock()) self->committed(seq, *works, *next, *answers);
                });
}

state::Batch Incidents::Impl::make_batch(const State& next, const Touched& touched) const {
  state::Batch batch;
  for (const auto& id : touched.changed) {
    const auto body = dump_json(next.active.at(id));
    batch.document(std::string(kIncidentKind), id.value, body);
    batch.entry(model::kIncidentChanged, id.value, body);
  }
  for (const auto& [id, event] : touched.notices)
    notifier.add_intents(next.active.at(id), event, batch);
  for (const auto& id : touched.rooms) rooms->add_intent(next.active.at(id), batch);
  return batch;
}

void Incidents::Impl::follow_rules(Incident& incident, Touched& touched) {
  const auto now = env.clock.now();
  const auto before = state.active.find(incident.id);
  const bool fresh = before == state.active.end() || before->second.rank != incident.rank;
  const bool had_room = !incident.war_room.name.empty();
  if (fresh && incident.active()) {
    for (auto& notice : begin_response(incident, options.response, now))
      touched.notices.emplace_back(incident.id, std::move(notice));
    if (!had_room && !incident.war_room.name.empty()) {
      if (rooms != nullptr && rooms->wanted())
        touched.rooms.insert(incident.id);
      else
        incident.war_room = {};
    }
  }
  refresh(incident, options.response, now);
}

void Incidents::Impl::committed(const Result<state::Seq>& seq, std::deque<Work>& works, State& next,
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
  watch_later();
  pump();
}

void Incidents::Impl::watch_later() {
  std::optional<WallTime> next;
  for (const auto& [id, incident] : state.active) {
    const auto due = next_due(incident, options.response);
    if (due && (!next || *due < *next)) next = due;
  }
  if (watch_timer != TimerId::kNone) env.executor.cancel(watch_timer);
  watch_timer = TimerId::kNone;
  if (!next) return;
  const Duration wait = std::max<Duration>(*next - env.clock.now(), 1ms);
  watch_timer = env.executor.post_after(Lane::kControl, wait, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->watch_timer = TimerId::kNone;
    self->add_news([self = self.get()](State& state, Touched& touched) {
      for (auto& [id, incident] : state.active) {
        const auto notices = watch(incident, self->options.response, self->env.clock.now());
        if (!notices.empty()) touch(touched, id, notices);
      }
    });
    // Early by a rounding, or the wall clock was set back: look again.
    if (!self->committing && self->watch_timer == TimerId::kNone) self->watch_later();
  });
}

void Incidents::Impl::reply(std::vector<std::pair<Done, Result<IncidentId>>>& answers,
                            const State& next) {
  for (auto& [done, result] : answers) {
    if (!result)
      done(Error(result.error()));
    else
      done(next.active.at(*result));
  }
}

void Incidents::Impl::settle_later(const IncidentId& id) {
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

void Incidents::Impl::touch(Touched& touched, const IncidentId& id, const Notices& notices) {
  touched.changed.insert(id);
  for (const auto& notice : notices) touched.notices.emplace_back(id, notice);
}

}  // namespace holdfast::respond
