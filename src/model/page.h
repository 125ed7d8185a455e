// model/page.h: a person is told of an incident: decided, queued, handed over, answered; and how an escalation goes
// on.
//
// Topics      kPageChanged (key: page id, body Page): each link of the proof chain. kEscalationChanged (key: incident
//             id, body EscalationEvent): steps, acknowledgements, repairs. An incident's timeline shows the texts of
//             both (sentence()).
// Identity    A page's id is its idempotency key, equal when the same decision is taken again after a crash:
//             incident/epoch/round/step/person/method.
// Threads     Values.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/person.h"

namespace holdfast::model {

inline constexpr std::string_view kPageChanged = "page.changed";
inline constexpr std::string_view kEscalationChanged = "escalation.changed";

// waiting -> queued -> handed_over or failed; withdrawn from waiting or queued, when it is no longer wanted.
enum class PageState { kWaiting, kQueued, kHandedOver, kFailed, kWithdrawn };
std::string_view page_state_name(PageState state);

struct Page {
  std::string id;
  std::string incident;
  std::string person;          // empty: a receiver of the routing
  std::string event = "page";  // page, resolved
  std::string urgency;         // high, low
  ContactMethod method;
  std::string why;  // "schedule ops, primary"
  int step = 0;     // of the policy, from 1; 0: asked for by a person
  PageState state = PageState::kWaiting;
  int attempts = 0;
  std::string detail;  // what the channel answered, or why not
  WallTime decided_at{};
  WallTime due_at{};  // not before: the delay of the person's own rule
  std::optional<WallTime> queued_at, handed_at, answered_at;
};
// English, one line: "sms to zhangsan (schedule ops, primary): handed over".
std::string sentence(const Page& page);

struct EscalationEvent {
  std::string incident;
  std::string policy;
  // started, step, skipped, nobody, unreachable, late, held, resumed, ack_timeout, repeated, exhausted, ended,
  // repaired, asked
  std::string event;
  std::string text;  // English, one line
  std::string actor = "holdfast";
  int step = 0;
  WallTime at{};
};

void to_json(nlohmann::json& j, const Page& v);
void from_json(const nlohmann::json& j, Page& v);
void to_json(nlohmann::json& j, const EscalationEvent& v);
void from_json(const nlohmann::json& j, EscalationEvent& v);

}  // namespace holdfast::model
