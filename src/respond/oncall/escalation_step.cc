#include "respond/oncall/escalation_step.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace holdfast::respond::oncall {

using model::IncidentState;
using model::Page;
using model::PageState;

namespace {

constexpr std::string_view kHoldfast = "holdfast";

std::chrono::milliseconds in_ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d);
}

void tell(Case& c, Effects& fx, std::string event, std::string text, WallTime now,
          std::string actor = std::string(kHoldfast)) {
  model::EscalationEvent e;
  e.incident = c.escalation.incident;
  e.policy = c.escalation.policy;
  e.event = std::move(event);
  e.text = std::move(text);
  e.actor = std::move(actor);
  e.step = c.escalation.step;
  e.at = now;
  fx.events.push_back(std::move(e));
  fx.changed = true;
}

void queue(Page& page, WallTime now, Effects& fx) {
  page.state = PageState::kQueued;
  page.queued_at = now;
  fx.pages.insert(page.id);
  fx.queued.push_back(page.id);
}

void withdraw(Page& page, const std::string& why, Effects& fx) {
  page.state = PageState::kWithdrawn;
  page.detail = why;
  fx.pages.insert(page.id);
}

void withdraw_waiting(Case& c, const std::string& why, Effects& fx) {
  for (auto& [id, page] : c.pages) {
    if (page.state == PageState::kWaiting) withdraw(page, why, fx);
  }
}

struct Reached {
  std::string person;
  std::string receiver;
  std::string why;
};

void add_once(std::vector<Reached>& list, Reached one) {
  const auto same = [&](const Reached& r) {
    return r.person == one.person && r.receiver == one.receiver;
  };
  if (std::none_of(list.begin(), list.end(), same)) list.push_back(std::move(one));
}

// A schedule on which nobody is on call is told: it is a hole somebody should close.
std::vector<Reached> reached_by(Case& c, const std::vector<Target>& targets, const Ladder& ladder,
                                Effects& fx) {
  std::vector<Reached> out;
  for (const auto& target : targets) {
    const auto why = target_text(target);
    const auto before = out.size();
    if (target.kind == Target::Kind::kReceiver) {
      add_once(out, {"", target.name, why});
    } else if (target.kind == Target::Kind::kPerson) {
      add_once(out, {target.name, "", ""});
    } else if (target.kind == Target::Kind::kSchedule) {
      const auto people = ladder.on_call(target.name, target.role, ladder.now);
      for (const auto& person : people) add_once(out, {person, "", why});
      if (people.empty()) tell(c, fx, "nobody", "nobody is on call: " + why, ladder.now);
    } else {
      bool any = false;
      for (const auto& [id, person] : ladder.people) {
        if (std::find(person.teams.begin(), person.teams.end(), target.name) == person.teams.end())
          continue;
        add_once(out, {id, "", why});
        any = true;
      }
      if (!any && out.size() == before) tell(c, fx, "nobody", "nobody is in " + why, ladder.now);
    }
  }
  return out;
}

Page make_page(const Case& c, const std::string& place, const Reached& to,
               const model::ContactMethod& method, const std::string& urgency, WallTime now) {
  Page page;
  page.incident = c.escalation.incident;
  page.person = to.person;
  page.urgency = urgency;
  page.method = method;
  page.why = to.why;
  page.decided_at = page.due_at = now;
  const auto base = (page.incident.empty() ? "" : page.incident + "/") + place + "/" +
                    (to.person.empty() ? "receiver" : to.person) + "/" + method.name;
  page.id = base;
  for (int n = 2; c.pages.count(page.id) > 0; ++n) page.id = base + "/" + std::to_string(n);
  return page;
}

void add_page(Case& c, Page page, WallTime now, Effects& fx) {
  auto& kept = c.pages[page.id];
  kept = std::move(page);
  fx.pages.insert(kept.id);
  if (kept.due_at <= now) queue(kept, now, fx);
}

// True when at least one way of that person (or the receiver) was taken.
bool page_one(Case& c, const std::string& place, int step, const Reached& to,
              const std::string& urgency, const Ladder& ladder, Effects& fx) {
  if (to.person.empty()) {
    model::ContactMethod method{to.receiver, "receiver", to.receiver, std::nullopt};
    auto page = make_page(c, place, to, method, urgency, ladder.now);
    page.step = step;
    add_page(c, std::move(page), ladder.now, fx);
    return true;
  }
  const auto person = ladder.people.find(to.person);
  const auto ways =
      person == ladder.people.end() ? std::vector<Way>{} : ways_of(person->second, urgency);
  if (ways.empty()) {
    tell(
        c, fx, "unreachable",
        to.person + (person == ladder.people.end() ? " is not among the people of the configuration"
                                                   : " has no way to be reached"),
        ladder.now);
    return false;
  }
  for (const auto& way : ways) {
    auto page = make_page(c, place, to, way.method, urgency, ladder.now);
    page.step = step;
    page.due_at = ladder.now + in_ms(way.delay);
    for (auto& [id, other] : c.pages) {
      if (other.state == PageState::kWaiting && other.person == to.person &&
          other.method.name == way.method.name &&
          (other.step != step || other.decided_at != ladder.now))
        withdraw(other, "superseded by step " + std::to_string(step), fx);
    }
    add_page(c, std::move(page), ladder.now, fx);
  }
  return true;
}

std::vector<Reached> pick_in_turn(std::vector<Reached> people, std::int64_t& cursor) {
  if (people.size() < 2) return people;
  auto one = people[static_cast<std::size_t>(cursor % static_cast<std::int64_t>(people.size()))];
  ++cursor;
  return {std::move(one)};
}

std::string names_of(const std::vector<Reached>& people) {
  std::vector<std::string> names;
  for (const auto& to : people) names.push_back(to.person.empty() ? to.why : to.person);
  return join(names, ", ");
}

// The step that is due; moves on to the next.
void run_step(Case& c, const EscalationPolicy& policy, const Ladder& ladder, Effects& fx) {
  auto& e = c.escalation;
  const auto& step = policy.steps[static_cast<std::size_t>(e.step)];
  const auto number = e.step + 1;
  ++e.step;
  fx.changed = true;
  if (!holds(step.when, c.incident, ladder.now)) {
    tell(c, fx, "skipped", "step " + std::to_string(number) + " does not apply now", ladder.now);
    e.next_at = ladder.now;
    return;
  }
  auto wait = std::max(step.wait, kStepWaitMin);
  if (!step.targets.empty()) {
    const auto place = "e" + std::to_string(e.epoch) + "/r" + std::to_string(e.round) + "/s" +
                       std::to_string(number);
    auto people = reached_by(c, step.targets, ladder, fx);
    if (step.round_robin)
      people = pick_in_turn(std::move(people),
                            ladder.cursors[policy.name + "/" + std::to_string(number)]);
    const auto urgency = urgency_of(step, c.incident.rank);
    bool any = false;
    for (const auto& to : people) any = page_one(c, place, number, to, urgency, ladder, fx) || any;
    if (any)
      tell(c, fx, "step",
           "step " + std::to_string(number) + " of " + policy.name + " tells " + names_of(people),
           ladder.now);
    else
      wait = kStepWaitMin;  // nobody was told: the next step need not wait for an answer
  }
  e.next_at = ladder.now + in_ms(wait);
}

void end_round(Case& c, const EscalationPolicy& policy, const Ladder& ladder, Effects& fx) {
  auto& e = c.escalation;
  if (e.round < policy.repeat) {
    ++e.round;
    e.step = 0;
    tell(c, fx, "repeated", "nobody answered: round " + std::to_string(e.round + 1) + " begins",
         ladder.now);
    return;
  }
  e.state = EscalationState::kExhausted;
  e.next_at.reset();
  tell(c, fx, "exhausted", "nobody answered: all steps of " + policy.name + " have run",
       ladder.now);
}

// When the person's next way is to be taken, because this one failed or will have missed the
// deadline.
std::optional<WallTime> stuck_at(const Case& c, const Page& page, Duration deadline) {
  const auto& e = c.escalation;
  if (e.state != EscalationState::kActive || page.event != "page") return std::nullopt;
  if (std::find(e.late.begin(), e.late.end(), page.id) != e.late.end()) return std::nullopt;
  if (page.state == PageState::kFailed) return page.decided_at;
  if (page.state != PageState::kQueued || !page.queued_at) return std::nullopt;
  return *page.queued_at + in_ms(deadline);
}

std::string name_of(const Page& page) {
  return page.method.kind + " to " + (page.person.empty() ? page.method.name : page.person);
}

// The page did not get through, or not in time: that person's next way, now.
void take_next_way(Case& c, const Page& page, const std::string& what, const Ladder& ladder,
                   Effects& fx) {
  auto& e = c.escalation;
  e.late.push_back(page.id);
  Page* next = nullptr;
  std::set<std::string> used;
  for (auto& [id, other] : c.pages) {
    if (other.person != page.person || other.step != page.step || other.event != page.event)
      continue;
    used.insert(other.method.name);
    if (other.state == PageState::kWaiting && (next == nullptr || other.due_at < next->due_at))
      next = &other;
  }
  if (next != nullptr) {
    tell(c, fx, "late", what + "; " + next->method.kind + " is taken now", ladder.now);
    next->due_at = ladder.now;
    queue(*next, ladder.now, fx);
    return;
  }
  const auto person = ladder.people.find(page.person);
  if (person != ladder.people.end()) {
    for (const auto& method : person->second.methods) {
      if (used.count(method.name) > 0) continue;
      tell(c, fx, "late", what + "; " + method.kind + " is taken instead", ladder.now);
      auto extra = page;
      extra.method = method;
      extra.id = page.id + "/then/" + method.name;
      extra.attempts = 0;
      extra.detail.clear();
      extra.decided_at = extra.due_at = ladder.now;
      add_page(c, std::move(extra), ladder.now, fx);
      return;
    }
  }
  tell(c, fx, "late", what + "; there is no other way", ladder.now);
}

void hold(Case& c, std::string what, const std::string& by, std::optional<WallTime> until,
          WallTime now, Effects& fx) {
  auto& e = c.escalation;
  e.state = EscalationState::kHeld;
  e.held_for = std::move(what);
  e.held_by = by;
  e.next_at = until;
  withdraw_waiting(c, e.held_for + (by.empty() ? "" : " by " + by), fx);
  auto text =
      e.held_for == "mitigated" ? "held while the signal is good" : "held: " + by + " is at it";
  if (until) text += ", until " + format_time(*until);
  tell(c, fx, "held", text, now);
}

void resume(Case& c, const std::string& event, const std::string& text, WallTime now, Effects& fx) {
  auto& e = c.escalation;
  e.state = EscalationState::kActive;
  e.held_for.clear();
  e.held_by.clear();
  ++e.epoch;
  for (const auto& [id, page] : c.pages) {
    if (page.state == PageState::kQueued || page.state == PageState::kFailed) e.late.push_back(id);
  }
  e.round = e.step = 0;
  e.next_at = now;
  tell(c, fx, event, text, now);
}

void end(Case& c, const Ladder& ladder, Effects& fx) {
  auto& e = c.escalation;
  e.state = EscalationState::kEnded;
  e.next_at.reset();
  e.ended_at = ladder.now;
  withdraw_waiting(c, "the incident is resolved", fx);
  tell(c, fx, "ended", "the incident is resolved", ladder.now);
  // Whoever was told of it is told of its end, where that does not ring a telephone.
  std::vector<Page> words;
  std::set<std::string> seen;
  for (const auto& [id, page] : c.pages) {
    const bool told = page.state == PageState::kHandedOver || page.state == PageState::kQueued;
    if (!told || page.event != "page" || page.method.kind == "voice") continue;
    if (!seen.insert(page.person + "/" + page.method.name).second) continue;
    Page word = page;
    word.event = "resolved";
    word.id = e.incident + "/resolved/" + (page.person.empty() ? "receiver" : page.person) + "/" +
              page.method.name;
    word.state = PageState::kWaiting;
    word.attempts = 0;
    word.detail.clear();
    word.decided_at = word.due_at = ladder.now;
    word.queued_at.reset();
    word.handed_at.reset();
    word.answered_at.reset();
    words.push_back(std::move(word));
  }
  for (auto& word : words) add_page(c, std::move(word), ladder.now, fx);
}

std::optional<WallTime> newest_ack(const model::Incident& incident) {
  for (auto entry = incident.timeline.rbegin(); entry != incident.timeline.rend(); ++entry) {
    if (entry->kind == "acknowledged") return entry->at;
  }
  return incident.acknowledged_at;
}

void note_answer(Case& c, const std::string& person, WallTime at, Effects& fx) {
  for (auto& [id, page] : c.pages) {
    if (page.person != person || page.state != PageState::kHandedOver || page.answered_at) continue;
    if (page.event != "page") continue;
    page.answered_at = at;
    fx.pages.insert(id);
  }
}

void hold_for_ack(Case& c, const Ladder& ladder, WallTime since, Effects& fx) {
  const auto* policy = find_policy(ladder.policies, c.escalation.policy);
  const auto& by = c.incident.acknowledged_by;
  const bool repair = by == kHoldfast;
  const Duration limit = policy == nullptr ? Duration(30min)
                         : repair          ? policy->repair_timeout
                                           : policy->ack_timeout;
  std::optional<WallTime> until;
  if (limit > Duration::zero()) until = since + in_ms(limit);
  hold(c, repair ? "repair" : "acknowledged", by, until, ladder.now, fx);
}

void apply_ack(Case& c, const Ladder& ladder, Effects& fx) {
  auto& e = c.escalation;
  const auto ack = newest_ack(c.incident);
  const bool is_new = ack && (!e.last_ack || *ack > *e.last_ack);
  if (is_new) {
    e.last_ack = ack;
    note_answer(c, c.incident.acknowledged_by, *ack, fx);
    hold_for_ack(c, ladder, ladder.now, fx);
  } else if (e.state == EscalationState::kHeld && e.held_for == "mitigated") {
    hold_for_ack(c, ladder, ladder.now, fx);  // it fires again, and whoever had it still has it
  }
}

}  // namespace

std::vector<Way> ways_of(const model::Person& person, std::string_view urgency) {
  std::vector<Way> ways;
  for (const auto& rule : person.rules) {
    if (rule.urgency != urgency) continue;
    for (const auto& method : person.methods) {
      if (method.name == rule.method) ways.push_back({method, rule.delay});
    }
  }
  std::stable_sort(ways.begin(), ways.end(),
                   [](const Way& a, const Way& b) { return a.delay < b.delay; });
  if (!ways.empty()) return ways;
  for (const auto& method : person.methods) {
    if (!ways.empty() && urgency != "high") break;
    ways.push_back({method, {}});
  }
  if (ways.empty() && !person.email.empty())
    ways.push_back({{"email", "email", person.email, std::nullopt}, {}});
  return ways;
}

Case begin(const model::Incident& incident, const EscalationPolicy& policy, WallTime now,
           Effects& effects) {
  Case c;
  c.incident = incident;
  c.escalation.incident = incident.id.value;
  c.escalation.policy = policy.name;
  c.escalation.started_at = now;
  c.escalation.next_at = now;
  tell(c, effects, "started", "escalation by " + policy.name, now);
  return c;
}

void apply_incident(Case& c, const model::Incident& incident, const Ladder& ladder, Effects& fx) {
  auto& e = c.escalation;
  const bool worse = incident.rank < c.incident.rank;
  c.incident = incident;
  if (e.state == EscalationState::kEnded) return;
  switch (incident.state) {
    case IncidentState::kResolved:
      return end(c, ladder, fx);
    case IncidentState::kMitigated:
      if (e.state != EscalationState::kHeld || e.held_for != "mitigated")
        hold(c, "mitigated", "", std::nullopt, ladder.now, fx);
      return;
    case IncidentState::kAcknowledged:
      apply_ack(c, ladder, fx);
      break;
    case IncidentState::kOpen:
      if (e.state == EscalationState::kHeld)
        resume(c, "resumed", "the incident is open again", ladder.now, fx);
      break;
  }
  if (worse && e.state == EscalationState::kExhausted)
    resume(c, "resumed", "the incident became worse", ladder.now, fx);
}

void run_due(Case& c, const Ladder& ladder, Effects& fx) {
  auto& e = c.escalation;
  if (e.state == EscalationState::kHeld && e.next_at && *e.next_at <= ladder.now)
    resume(c, "ack_timeout", "no news from " + e.held_by + ": escalation begins anew", ladder.now,
           fx);
  std::vector<Page> stuck;
  for (auto& [id, page] : c.pages) {
    if (page.state == PageState::kWaiting && page.due_at <= ladder.now) queue(page, ladder.now, fx);
    const auto at = stuck_at(c, page, ladder.page_deadline);
    if (at && *at <= ladder.now) stuck.push_back(page);
  }
  for (const auto& page : stuck) {
    const auto what = page.state == PageState::kFailed
                          ? " failed: " + page.detail
                          : " is not handed over after " + format_duration(ladder.page_deadline);
    take_next_way(c, page, name_of(page) + what, ladder, fx);
  }
  while (e.state == EscalationState::kActive && e.next_at && *e.next_at <= ladder.now) {
    const auto* policy = find_policy(ladder.policies, e.policy);
    if (policy == nullptr) policy = choose_policy(ladder.policies, c.incident);
    if (policy == nullptr || policy->steps.empty()) {
      e.state = EscalationState::kExhausted;
      e.next_at.reset();
      tell(c, fx, "exhausted", "policy " + e.policy + " is not configured any more", ladder.now);
      return;
    }
    e.policy = policy->name;
    if (e.step >= static_cast<int>(policy->steps.size()))
      end_round(c, *policy, ladder, fx);
    else
      run_step(c, *policy, ladder, fx);
  }
}

void apply_outcome(Case& c, const Page& page, const Ladder& ladder, Effects& fx) {
  const auto found = c.pages.find(page.id);
  if (found == c.pages.end()) return;
  const auto answered = found->second.answered_at;
  found->second = page;
  if (!found->second.answered_at) found->second.answered_at = answered;
  run_due(c, ladder, fx);
}

Result<void> confirm(Case& c, const std::string& by, const Ladder& ladder, Effects& fx) {
  if (c.escalation.state == EscalationState::kEnded)
    return Error(Code::kConflict, "escalation of " + c.escalation.incident + " has ended");
  c.incident.acknowledged_by = by;
  note_answer(c, by, ladder.now, fx);
  c.escalation.last_ack = ladder.now;
  hold_for_ack(c, ladder, ladder.now, fx);
  return {};
}

Result<void> ask_in(Case& c, const Target& target, const std::string& by, const Ladder& ladder,
                    Effects& fx) {
  if (c.escalation.state == EscalationState::kEnded)
    return Error(Code::kConflict, "escalation of " + c.escalation.incident + " has ended");
  ++c.escalation.asked;
  auto people = reached_by(c, {target}, ladder, fx);
  tell(c, fx, "asked", by + " asks in " + (people.empty() ? target_text(target) : names_of(people)),
       ladder.now, by);
  bool any = false;
  for (auto& to : people) {
    to.why = "asked in by " + by;
    any = page_one(c, "asked/" + std::to_string(c.escalation.asked), 0, to, "high", ladder, fx) ||
          any;
  }
  if (!any) return unavailable("nobody could be told: " + target_text(target));
  return {};
}

Result<void> escalate(Case& c, const std::string& by, const Ladder& ladder, Effects& fx) {
  auto& e = c.escalation;
  if (e.state == EscalationState::kEnded)
    return Error(Code::kConflict, "escalation of " + e.incident + " has ended");
  if (e.state == EscalationState::kActive) {
    e.next_at = ladder.now;
    tell(c, fx, "asked", by + " asks for the next step now", ladder.now, by);
  } else {
    resume(c, "resumed", by + " asks to begin anew", ladder.now, fx);
    fx.events.back().actor = by;
  }
  run_due(c, ladder, fx);
  return {};
}

Result<void> reach(Case& c, const Target& target, const std::string& urgency,
                   const std::string& key, const Ladder& ladder, Effects& fx) {
  bool any = false;
  for (const auto& to : reached_by(c, {target}, ladder, fx))
    any = page_one(c, key, kNoEscalation, to, urgency, ladder, fx) || any;
  if (!any) return unavailable("nobody could be told: " + target_text(target));
  return {};
}

std::optional<WallTime> next_due(const Case& c, Duration page_deadline) {
  std::optional<WallTime> due = c.escalation.next_at;
  const auto take = [&](WallTime at) {
    if (!due || at < *due) due = at;
  };
  for (const auto& [id, page] : c.pages) {
    if (page.state == PageState::kWaiting) take(page.due_at);
    if (const auto at = stuck_at(c, page, page_deadline)) take(*at);
  }
  return due;
}

std::string fault_of(const Case& c, WallTime now, Duration slack) {
  const auto& e = c.escalation;
  if (e.state == EscalationState::kActive && !e.next_at) return "active without a next step";
  if (e.state == EscalationState::kHeld && !e.next_at && c.incident.state == IncidentState::kOpen)
    return "held while the incident is open";
  if (e.next_at && *e.next_at + in_ms(slack) < now) return "the next step is overdue";
  for (const auto& [id, page] : c.pages) {
    if (page.state == PageState::kWaiting && page.due_at + in_ms(slack) < now)
      return "page " + id + " is overdue";
  }
  return {};
}

void repair(Case& c, const std::string& fault, WallTime now, Effects& fx) {
  auto& e = c.escalation;
  if (e.state == EscalationState::kHeld && !e.next_at) e.state = EscalationState::kActive;
  if (e.state == EscalationState::kActive && !e.next_at) e.next_at = now;
  tell(c, fx, "repaired", "the auditor found: " + fault + "; it goes on now", now);
}

}  // namespace holdfast::respond::oncall
