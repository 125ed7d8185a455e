#include "simulation/checkers.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/alert.h"

namespace holdfast::simulation {

using model::IncidentState;
using model::RemedyState;

namespace {

std::uint64_t mix(std::uint64_t hash, std::string_view bytes) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return (hash ^ 0xff) * 1099511628211ull;
}

std::uint64_t hash_of(const state::Entry& entry) {
  auto hash = mix(1469598103934665603ull, std::to_string(entry.seq));
  hash = mix(hash, std::to_string(to_ms(entry.at)));
  hash = mix(hash, entry.topic);
  hash = mix(hash, entry.key);
  return mix(hash, entry.body);
}

bool is_under_way(RemedyState state) {
  return state == RemedyState::kPlanned || state == RemedyState::kRunning;
}

bool has_ended(RemedyState state) {
  return state == RemedyState::kDone || state == RemedyState::kVerified ||
         state == RemedyState::kNotHelped || state == RemedyState::kFailed;
}

}  // namespace

void Checkers::fail(std::string what) {
  // A broken promise breaks many times; the first few tell the story.
  if (violations_.size() < 20)
    violations_.push_back(format_duration(now_()) + ": " + std::move(what));
}

void Checkers::note(std::string kind, std::string what, std::string subject) {
  happenings_.push_back({now_(), std::move(kind), std::move(what), std::move(subject)});
}

void Checkers::told(const state::Entry& entry) {
  const auto count = static_cast<state::Seq>(hashes_.size());
  if (entry.seq <= count)
    return fail("entry " + std::to_string(entry.seq) + " was told twice, or out of order");
  if (entry.seq != count + 1)
    return fail("a gap: entry " + std::to_string(entry.seq) + " follows " + std::to_string(count));
  hashes_.push_back(hash_of(entry));
  digest_ = mix(digest_, std::to_string(hashes_.back()));

  if (entry.topic == model::kIncidentChanged) {
    if (const auto incident = parse_json<model::Incident>(entry.body)) check_incident(*incident);
  } else if (entry.topic == model::kRemedyChanged) {
    if (const auto remedy = parse_json<model::Remedy>(entry.body)) check_remedy(*remedy);
  } else if (entry.topic == model::kInstanceChanged) {
    const auto instance = parse_json<model::Instance>(entry.body);
    if (instance) note("instance", std::string(instance_state_name(instance->state)), instance->id);
  } else if (entry.topic == model::kFaultChanged) {
    const auto fault = parse_json<model::Fault>(entry.body);
    if (fault) note("fault", fault->open ? "open" : "closed", fault->kind);
  } else if (entry.topic == model::kAlertChanged) {
    const auto alert = parse_json<model::Alert>(entry.body);
    if (alert)
      note("alert", std::string(alert_state_name(alert->state)), std::string(alert->name()));
  } else if (entry.topic == model::kDrillChanged) {
    const auto drill = parse_json<model::Drill>(entry.body);
    if (drill) note("drill", drill->state, drill->name);
  }
}

void Checkers::check_incident(const model::Incident& incident) {
  const auto& id = incident.id.value;
  const auto known = incidents_.find(id);
  const bool was_resolved = known != incidents_.end() && known->second == IncidentState::kResolved;
  if (was_resolved && incident.active())
    fail("incident " + id + " was resolved and is active again");
  auto& active = active_[incident.service];
  if (incident.active())
    active.insert(id);
  else
    active.erase(id);
  if (active.size() > 1)
    fail(incident.service + " has two active incidents: " + *active.begin() + " and " +
         *active.rbegin());
  if (known == incidents_.end()) note("incident", "opened", incident.service);
  if (known == incidents_.end() || known->second != incident.state) {
    note("incident", std::string(incident_state_name(incident.state)), incident.service);
  }
  incidents_[id] = incident.state;
}

void Checkers::check_remedy(const model::Remedy& remedy) {
  const auto known = remedies_.find(remedy.id);
  if (known != remedies_.end() && has_ended(known->second.state) && is_under_way(remedy.state)) {
    fail("remedy " + remedy.id + " had ended and begins again");
  }
  if (is_under_way(remedy.state) || has_ended(remedy.state)) {
    auto& acts = acts_[remedy.fault_id + " attempt " + std::to_string(remedy.attempt)];
    acts.insert(remedy.id);
    if (acts.size() > 1)
      fail("done twice under different keys: " + *acts.begin() + " and " + *acts.rbegin());
  }
  const bool is_new = known == remedies_.end() || known->second.state != remedy.state;
  if (is_new) note("remedy", std::string(remedy_state_name(remedy.state)), remedy.name);
  if (is_new && remedy.state == RemedyState::kEscalated) ++escalations_[remedy.service];
  remedies_[remedy.id] = remedy;
}

std::set<std::string> Checkers::acts_under_way() const {
  std::set<std::string> ids;
  for (const auto& [id, remedy] : remedies_) {
    if (is_under_way(remedy.state)) ids.insert(id);
  }
  return ids;
}

void Checkers::shown(const Page& page) {
  note("page", page.event, page.incident);
  if (page.event == "escalated") {
    // A page may be sent before its subscribers hear of the decision, never before it is durable.
    if (++escalated_pages_[page.service] > escalations_[page.service] + 1)
      fail("more escalated pages than escalations of " + page.service);
    return;
  }
  if (page.event != "opened" && page.event != "resolved") return;
  auto& keys = pages_[page.incident + " " + page.event];
  keys.insert(page.key);
  if (keys.size() > 1)
    fail("paged twice for one event: " + *keys.begin() + " and " + *keys.rbegin());
}

void Checkers::read_back(state::Journal& journal) {
  state::Seq after = 0;
  for (;;) {
    state::EntryQuery query;
    query.after = after;
    const auto page = journal.read(query);
    if (!page) return fail("the journal cannot be read: " + page.error().message());
    for (const auto& entry : *page) {
      if (entry.seq != ++after)
        return fail("a gap: entry " + std::to_string(entry.seq) + " is where " +
                    std::to_string(after) + " should be");
      const auto index = static_cast<std::size_t>(after - 1);
      if (index >= hashes_.size()) {
        told(entry);  // durable, and the crash came before anyone heard
      } else if (hashes_[index] != hash_of(entry)) {
        return fail("entry " + std::to_string(after) + " (" + entry.topic + " " + entry.key +
                    ") is not what was told");
      }
    }
    if (page->size() < query.limit) break;
  }
  if (after < last_seq())
    fail("lost: entries " + std::to_string(after + 1) + " to " + std::to_string(last_seq()) +
         " were told and are gone");
}

}  // namespace holdfast::simulation
