// respond/oncall/escalation_step.h: what an escalation becomes when something happens; no clock, no disk, no network.
//
// The ladder  An incident nobody has acknowledged climbs the steps of its policy. A step names targets; each person
//             among them is told through the rules of that person's own, one row with a due time per rule; after the
//             step's wait the next one runs. Beyond the last step the ladder repeats, then it is exhausted, which is
//             told too.
//
//               open ──► active ──step──► active ──► ... ──► exhausted
//                          ▲  │ acknowledged, mitigated         │
//                 timeout, │  ▼                                 │ resolved
//                 relapse  └─ held ──────────── resolved ──────►▼ ended: those told are told again
//
// Rows        Escalation::next_at and Page::due_at. Nothing else says when something happens next: after a restart
//             all goes on from them. What is overdue runs at once.
// Failures    A target that cannot be reached, a method that fails or hangs longer than the deadline, an empty
//             schedule: each is told, and the next way is taken at once: the person's next method, else the next
//             step.
// Superseded  When a later step tells a person through a method that still waits from an earlier step, the earlier
//             row is withdrawn and says so; all other rows of a person go on.
// Writers     A page belongs to the escalation while it waits, and again once it is final; while it is queued, only
//             the outbox writes it. So no late commit takes a link of the proof chain back.
// Threads     Pure.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/incident.h"
#include "model/page.h"
#include "respond/oncall/policy.h"

namespace holdfast::respond::oncall {

// Page::step of what is told without an escalation.
inline constexpr int kNoEscalation = -1;

enum class EscalationState { kActive, kHeld, kExhausted, kEnded };
std::string_view escalation_state_name(EscalationState state);

struct Escalation {
  std::string incident;
  std::string policy;
  EscalationState state = EscalationState::kActive;
  int epoch = 1;                    // begun so many times
  int round = 0;                    // through the steps, in this epoch
  int step = 0;                     // the next one to run, from 0
  std::optional<WallTime> next_at;  // active: the step; held: the acknowledgement times out
  std::string held_for;             // acknowledged, repair, mitigated
  std::string held_by;
  std::optional<WallTime> last_ack;  // the newest one taken into account
  WallTime started_at{};
  std::optional<WallTime> ended_at;
  std::vector<std::string> late;  // pages that missed the deadline
  int asked = 0;                  // people asked in by hand
};

struct Case {
  Escalation escalation;
  std::map<std::string, model::Page> pages;  // by id
  model::Incident incident;                  // as last heard
};

// What the steps ask about the world; all of it fixed for one decision.
struct Ladder {
  const std::vector<EscalationPolicy>& policies;
  const std::map<std::string, model::Person>& people;
  // Who is on call; with a role only that place. An unknown schedule answers nobody.
  std::function<std::vector<std::string>(const std::string& schedule, const std::string& role,
                                         WallTime at)>
      on_call;
  std::map<std::string, std::int64_t>& cursors;  // round robin: policy/step to the next place
  Duration page_deadline = 60s;
  WallTime now{};
};

struct Effects {
  std::vector<model::EscalationEvent> events;
  std::set<std::string> pages;      // changed, by id
  std::vector<std::string> queued;  // become intents, by id
  bool changed = false;             // the escalation itself
  bool empty() const { return events.empty() && pages.empty() && !changed; }
};

Case begin(const model::Incident& incident, const EscalationPolicy& policy, WallTime now,
           Effects& effects);
// The incident changed: holds, resumes or ends.
void apply_incident(Case& c, const model::Incident& incident, const Ladder& ladder,
                    Effects& effects);
// Everything that is due, until nothing is.
void run_due(Case& c, const Ladder& ladder, Effects& effects);
// What came of a queued page.
void apply_outcome(Case& c, const model::Page& page, const Ladder& ladder, Effects& effects);
// By a person: still at it (the acknowledgement's clock begins anew), or: ask somebody in, or: the next step now.
Result<void> confirm(Case& c, const std::string& by, const Ladder& ladder, Effects& effects);
Result<void> ask_in(Case& c, const Target& target, const std::string& by, const Ladder& ladder,
                    Effects& effects);
Result<void> escalate(Case& c, const std::string& by, const Ladder& ladder, Effects& effects);

// Waiting pages to a target in the place `key`, outside of any ladder; kUnavailable when nobody is reached.
Result<void> reach(Case& c, const Target& target, const std::string& urgency,
                   const std::string& key, const Ladder& ladder, Effects& effects);

// The earliest row; nothing: it waits for news only.
std::optional<WallTime> next_due(const Case& c, Duration page_deadline);
// What is wrong with it, empty when nothing: active without a next step, or a row overdue by more than `slack`.
std::string fault_of(const Case& c, WallTime now, Duration slack);
// Puts it right: what should have run runs now.
void repair(Case& c, const std::string& fault, WallTime now, Effects& effects);

// Methods of a person for an urgency: its rules in order of delay, else its methods (high: all; low: the first), else
// the mail address.
struct Way {
  model::ContactMethod method;
  Duration delay{};
};
std::vector<Way> ways_of(const model::Person& person, std::string_view urgency);

void to_json(nlohmann::json& j, const Escalation& v);
void from_json(const nlohmann::json& j, Escalation& v);

}  // namespace holdfast::respond::oncall
