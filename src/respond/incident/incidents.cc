// People's acts, the restart, and what is asked.
#include "respond/incident/incidents.h"

#include <algorithm>

#include "base/text.h"
#include "respond/incident/incidents_impl.h"
#include "respond/incident/timeline.h"
#include "respond/intake/open_event.h"

namespace holdfast::respond {

void Incidents::Impl::person(const IncidentId& id, std::function<Result<Notices>(Incident&)> act,
                             Done done) {
  add({[this, id, act](State& state, Touched& touched) -> Result<IncidentId> {
         const auto found = state.active.find(id);
         if (found == state.active.end() || !found->second.active()) return missing(id);
         return perform(found->second, act, touched);
       },
       std::move(done)});
}

Result<IncidentId> Incidents::Impl::perform(Incident& incident,
                                            const std::function<Result<Notices>(Incident&)>& act,
                                            Touched& touched) {
  auto copy = incident;
  const auto notices = HF_TRY(act(copy));
  incident = std::move(copy);
  touch(touched, incident.id, notices);
  return incident.id;
}

Result<Incident*> Incidents::Impl::load(State& state, const IncidentId& id) const {
  if (const auto found = state.active.find(id); found != state.active.end()) return &found->second;
  const auto document = HF_TRY(journal.document(kIncidentKind, id.value));
  if (!document) return not_found("no incident '" + printable(id.value) + "'");
  auto incident = HF_TRY(parse_json<Incident>(document->body));
  number_lines(incident);
  return &state.active.emplace(id, std::move(incident)).first->second;
}

Error Incidents::Impl::missing(const IncidentId& id) const {
  auto document = journal.document(kIncidentKind, id.value);
  if (!document || !*document) return not_found("no incident '" + printable(id.value) + "'");
  return {Code::kConflict, "incident " + id.value + " is resolved: it cannot be changed any more"};
}

Result<Incident> Incidents::Impl::declared(const Incident& wish, const std::string& by,
                                           State& state) const {
  if (trim(wish.title).empty()) return invalid("an incident needs a title");
  const auto now = env.clock.now();
  if (wish.source != "automatic" && wish.source != "user_report" && wish.source != "proactive")
    return invalid("'source' is '" + printable(wish.source) +
                   "'; allowed: automatic, user_report, proactive");
  if (wish.started_at > now) return invalid("'started_at' is in the future");
  Cause cause;
  cause.fingerprint = "declared/" + make_ulid(now, env.random);
  cause.labels = model::Labels{{"service", wish.service}};
  cause.title = wish.title;
  cause.rank = wish.rank;
  cause.since = wish.started_at == WallTime{} ? now : wish.started_at;
  cause.changed = now;
  cause.evidence.source = "declared by " + by;
  auto opened = open_incident(new_id(state, now), cause, options.group_by,
                              scheme_of_service(wish.service), wish.drill, "", now);
  opened.source = wish.source;
  opened.extent = wish.extent;
  opened.user_impact = wish.user_impact;
  if (wish.started_at != WallTime{}) opened.started_source = by;
  return opened;
}

Result<void> Incidents::Impl::restore() {
  for (const auto& document : HF_TRY(journal.documents(kIncidentKind))) {
    auto incident = HF_TRY(parse_json<Incident>(document.body).context("incident " + document.id));
    number_lines(incident);
    const auto day = document.id.size() > 12 ? document.id.substr(4, 8) : std::string();
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
  for (const auto& document : HF_TRY(journal.documents("war_room"))) {
    if (auto room = parse_json<model::WarRoom>(document.body))
      on_war_room(IncidentId(document.id), *room, document.seq);
  }
  for (const auto& document : HF_TRY(journal.documents("alert"))) {
    if (auto alert = parse_json<model::Alert>(document.body)) on_alert(*alert);
  }
  for (const auto& document : HF_TRY(journal.documents(intake::kEventDocument))) {
    if (auto event = intake::read_open_event(document.body)) on_alert(event->alert);
  }
  for (const auto& document : HF_TRY(journal.documents(intake::kHeartbeatDocument))) {
    if (auto beat = intake::read_heartbeat(document.body); beat && beat->firing) on_alert(beat->alert);
  }
  for (const auto& document : HF_TRY(journal.documents("fault"))) {
    if (auto fault = parse_json<model::Fault>(document.body); fault && fault->fingerprint.empty())
      on_cause(cause_of(*fault));
  }
  watch_later();
  return {};
}

void Incidents::Impl::set_services(const std::vector<model::Service>& services) {
  schemes.clear();
  for (const auto& service : services) schemes[service.name] = service.severity_scheme;
}

Incidents::Incidents(Env& env, state::Journal& journal, state::Outbox& outbox, Notifier& notifier,
                     IncidentOptions options)
    : impl_(std::make_shared<Impl>(env, journal, outbox, notifier, std::move(options))) {}
Incidents::~Incidents() = default;

void Incidents::make_rooms_with(const WarRooms& rooms) { impl_->rooms = &rooms; }
void Incidents::ask_before(HeldBack held_back) { impl_->held_back = std::move(held_back); }
void Incidents::consider(const model::Alert& alert) { impl_->on_alert(alert); }

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
  impl_->watch_later();
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
  auto document = impl_->journal.document(kIncidentKind, id.value);
  if (!document || !*document) return std::nullopt;
  auto incident = parse_json<Incident>((*document)->body);
  if (incident) number_lines(*incident);
  return incident ? std::optional<Incident>(std::move(*incident)) : std::nullopt;
}

Result<std::vector<Incident>> Incidents::list(std::string_view state, std::string_view service,
                                              std::size_t limit) const {
  std::vector<Incident> list;
  auto documents = HF_TRY(impl_->journal.documents(kIncidentKind));
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
                auto opened = HF_TRY(impl->declared(incident, by, state));
                const auto id = opened.id;
                state.active.emplace(id, std::move(opened));
                Impl::touch(touched, id, {"opened"});
                return id;
              },
              std::move(done)});
}

void Incidents::change(const IncidentId& id, const std::string& by, Act act, Done done) {
  impl_->add({[impl = impl_.get(), id, by, act](Impl::State& state,
                                                Impl::Touched& touched) -> Result<IncidentId> {
                auto* incident = HF_TRY(impl->load(state, id));
                const Who who{by, impl->env.clock.now()};
                return Impl::perform(
                    *incident, [&](Incident& copy) { return act(copy, who); }, touched);
              },
              std::move(done)});
}

void Incidents::merge(const IncidentId& from, const IncidentId& into, const std::string& by,
                      Done done) {
  impl_->add(
      {[impl = impl_.get(), from, into, by](Impl::State& state,
                                            Impl::Touched& touched) -> Result<IncidentId> {
         auto* source = HF_TRY(impl->load(state, from));
         auto* target = HF_TRY(impl->load(state, into));
         const auto notices = HF_TRY(respond::merge(*target, *source, {by, impl->env.clock.now()}));
         Impl::touch(touched, from, {});
         Impl::touch(touched, into, notices);
         return into;
       },
       std::move(done)});
}

void Incidents::split(const IncidentId& from, std::vector<std::string> fingerprints,
                      const std::string& title, const std::string& by, Done done) {
  impl_->add(
      {[impl = impl_.get(), from, fingerprints, title, by](
           Impl::State& state, Impl::Touched& touched) -> Result<IncidentId> {
         auto* source = HF_TRY(impl->load(state, from));
         const auto now = impl->env.clock.now();
         auto copy = *source;
         auto counts = state.counts;
         auto part = respond::split(copy, fingerprints, impl->new_id(state, now), title, {by, now});
         if (!part) {
           state.counts = std::move(counts);  // a refused split uses up no number
           return std::move(part).error();
         }
         *source = std::move(copy);
         const auto id = part->id;
         state.active.emplace(id, std::move(*part));
         Impl::touch(touched, from, {});
         Impl::touch(touched, id, {"opened"});
         return id;
       },
       std::move(done)});
}

void Incidents::link(const IncidentId& id, const std::string& kind, const IncidentId& other,
                     const std::string& by, Done done) {
  impl_->add({[impl = impl_.get(), id, kind, other, by](
                  Impl::State& state, Impl::Touched& touched) -> Result<IncidentId> {
                auto* one = HF_TRY(impl->load(state, id));
                HF_TRY(impl->load(state, other));
                return Impl::perform(
                    *one,
                    [&](Incident& copy) {
                      return respond::link(copy, kind, other.value, {by, impl->env.clock.now()});
                    },
                    touched);
              },
              std::move(done)});
}

}  // namespace holdfast::respond
