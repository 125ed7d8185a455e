#include <array>

#include "model/json_members.h"
#include "respond/oncall/escalation_step.h"

namespace holdfast::respond::oncall {

using model::json_members::put;
using model::json_members::take;
using nlohmann::json;

namespace {
constexpr std::array<std::string_view, 4> kStates = {"active", "held", "exhausted", "ended"};
}  // namespace

std::string_view escalation_state_name(EscalationState state) {
  return kStates[static_cast<std::size_t>(state)];
}

void to_json(json& j, const Escalation& v) {
  j = json::object();
  put(j, "incident", v.incident);
  put(j, "policy", v.policy);
  put(j, "state", escalation_state_name(v.state));
  put(j, "epoch", v.epoch);
  put(j, "round", v.round);
  put(j, "step", v.step);
  put(j, "next_at", v.next_at);
  put(j, "held_for", v.held_for);
  put(j, "held_by", v.held_by);
  put(j, "last_ack", v.last_ack);
  put(j, "started_at", v.started_at);
  put(j, "ended_at", v.ended_at);
  put(j, "late", v.late);
  put(j, "asked", v.asked);
}

void from_json(const json& j, Escalation& v) {
  model::json_members::must_be_object(j);
  take(j, "incident", v.incident);
  take(j, "policy", v.policy);
  model::json_members::take_enum(j, "state", v.state, std::span(kStates));
  take(j, "epoch", v.epoch);
  take(j, "round", v.round);
  take(j, "step", v.step);
  take(j, "next_at", v.next_at);
  take(j, "held_for", v.held_for);
  take(j, "held_by", v.held_by);
  take(j, "last_ack", v.last_ack);
  take(j, "started_at", v.started_at);
  take(j, "ended_at", v.ended_at);
  take(j, "late", v.late);
  take(j, "asked", v.asked);
}

}  // namespace holdfast::respond::oncall

HF_MODEL_JSON(holdfast::respond::oncall::Escalation);
