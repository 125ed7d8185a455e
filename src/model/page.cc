#include "model/page.h"

#include <array>

#include "model/json_members.h"

namespace holdfast::model {

using json_members::put;
using json_members::take;
using nlohmann::json;

namespace {
constexpr std::array<std::string_view, 5> kStates = {"waiting", "queued", "handed_over", "failed",
                                                     "withdrawn"};
}  // namespace

std::string_view page_state_name(PageState state) {
  return kStates[static_cast<std::size_t>(state)];
}

std::string sentence(const Page& page) {
  auto text = page.method.kind + " to " + (page.person.empty() ? page.method.name : page.person);
  if (!page.why.empty()) text += " (" + page.why + ")";
  switch (page.state) {
    case PageState::kWaiting:
      text += ": due at " + format_time(page.due_at);
      break;
    case PageState::kQueued:
      text += ": queued";
      break;
    case PageState::kHandedOver:
      text += page.answered_at ? ": answered" : ": handed over";
      break;
    case PageState::kFailed:
      text += ": failed";
      break;
    case PageState::kWithdrawn:
      text += ": withdrawn";
      break;
  }
  if (!page.detail.empty()) text += ", " + page.detail;
  return text;
}

void to_json(json& j, const Page& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "incident", v.incident);
  put(j, "person", v.person);
  put(j, "event", v.event);
  put(j, "urgency", v.urgency);
  put(j, "method", v.method);
  put(j, "why", v.why);
  put(j, "step", v.step);
  put(j, "state", page_state_name(v.state));
  put(j, "attempts", v.attempts);
  put(j, "detail", v.detail);
  put(j, "decided_at", v.decided_at);
  put(j, "due_at", v.due_at);
  put(j, "queued_at", v.queued_at);
  put(j, "handed_at", v.handed_at);
  put(j, "answered_at", v.answered_at);
}

void from_json(const json& j, Page& v) {
  json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "incident", v.incident);
  take(j, "person", v.person);
  take(j, "event", v.event);
  take(j, "urgency", v.urgency);
  take(j, "method", v.method);
  take(j, "why", v.why);
  take(j, "step", v.step);
  json_members::take_enum(j, "state", v.state, std::span(kStates));
  take(j, "attempts", v.attempts);
  take(j, "detail", v.detail);
  take(j, "decided_at", v.decided_at);
  take(j, "due_at", v.due_at);
  take(j, "queued_at", v.queued_at);
  take(j, "handed_at", v.handed_at);
  take(j, "answered_at", v.answered_at);
}

void to_json(json& j, const EscalationEvent& v) {
  j = json::object();
  put(j, "incident", v.incident);
  put(j, "policy", v.policy);
  put(j, "event", v.event);
  put(j, "text", v.text);
  put(j, "actor", v.actor);
  put(j, "step", v.step);
  put(j, "at", v.at);
}

void from_json(const json& j, EscalationEvent& v) {
  json_members::must_be_object(j);
  take(j, "incident", v.incident);
  take(j, "policy", v.policy);
  take(j, "event", v.event);
  take(j, "text", v.text);
  take(j, "actor", v.actor);
  take(j, "step", v.step);
  take(j, "at", v.at);
}

}  // namespace holdfast::model

HF_MODEL_JSON(holdfast::model::Page);
HF_MODEL_JSON(holdfast::model::EscalationEvent);
