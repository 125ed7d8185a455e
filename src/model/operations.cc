#include "model/operations.h"

#include "model/json_members.h"

namespace holdfast::model {
namespace {

using json_members::put;
using json_members::take;
using json_members::take_enum;
using nlohmann::json;

constexpr std::string_view kInstanceStates[] = {"starting", "ready",  "unready",
                                                "stopping", "exited", "failed"};
constexpr std::string_view kRemedyStates[] = {"planned",    "running", "done",    "verified",
                                              "not_helped", "failed",  "refused", "escalated"};

}  // namespace

std::string_view instance_state_name(InstanceState state) {
  return kInstanceStates[static_cast<std::size_t>(state)];
}

std::string_view remedy_state_name(RemedyState state) {
  return kRemedyStates[static_cast<std::size_t>(state)];
}

void to_json(json& j, const Instance& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "service", v.service);
  put(j, "version", v.version);
  put(j, "index", v.index);
  put(j, "address", v.address);
  put(j, "admin_address", v.admin_address);
  put(j, "pid", v.pid);
  put(j, "state", instance_state_name(v.state));
  put(j, "restarts", v.restarts);
  put(j, "detail", v.detail);
  put(j, "since", v.since);
}

void from_json(const json& j, Instance& v) {
  json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "service", v.service);
  take(j, "version", v.version);
  take(j, "index", v.index);
  take(j, "address", v.address);
  take(j, "admin_address", v.admin_address);
  take(j, "pid", v.pid);
  take_enum(j, "state", v.state, kInstanceStates);
  take(j, "restarts", v.restarts);
  take(j, "detail", v.detail);
  take(j, "since", v.since);
}

void to_json(json& j, const Fault& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "kind", v.kind);
  put(j, "resource", v.resource);
  put(j, "service", v.service);
  put(j, "rank", v.rank);
  put(j, "open", v.open);
  put(j, "auto_recoverable", v.auto_recoverable);
  put(j, "strategy", v.strategy);
  put(j, "fingerprint", v.fingerprint);
  put(j, "detected_at", v.detected_at);
  put(j, "closed_at", v.closed_at);
  put(j, "evidence", v.evidence);
}

void from_json(const json& j, Fault& v) {
  json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "kind", v.kind);
  take(j, "resource", v.resource);
  take(j, "service", v.service);
  take(j, "rank", v.rank);
  take(j, "open", v.open);
  take(j, "auto_recoverable", v.auto_recoverable);
  take(j, "strategy", v.strategy);
  take(j, "fingerprint", v.fingerprint);
  take(j, "detected_at", v.detected_at);
  take(j, "closed_at", v.closed_at);
  take(j, "evidence", v.evidence);
}

void to_json(json& j, const RemedyStep& v) {
  j = json::object();
  put(j, "name", v.name);
  put(j, "ok", v.ok);
  put(j, "detail", v.detail);
  put(j, "at", v.at);
}

void from_json(const json& j, RemedyStep& v) {
  json_members::must_be_object(j);
  take(j, "name", v.name);
  take(j, "ok", v.ok);
  take(j, "detail", v.detail);
  take(j, "at", v.at);
}

void to_json(json& j, const Remedy& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "fault_id", v.fault_id);
  put(j, "service", v.service);
  put(j, "name", v.name);
  put(j, "target", v.target);
  put(j, "attempt", v.attempt);
  put(j, "state", remedy_state_name(v.state));
  put(j, "reason", v.reason);
  put(j, "steps", v.steps);
  put(j, "planned_at", v.planned_at);
  put(j, "finished_at", v.finished_at);
  put(j, "verified_at", v.verified_at);
  put(j, "evidence", v.evidence);
}

void from_json(const json& j, Remedy& v) {
  json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "fault_id", v.fault_id);
  take(j, "service", v.service);
  take(j, "name", v.name);
  take(j, "target", v.target);
  take(j, "attempt", v.attempt);
  take_enum(j, "state", v.state, kRemedyStates);
  take(j, "reason", v.reason);
  take(j, "steps", v.steps);
  take(j, "planned_at", v.planned_at);
  take(j, "finished_at", v.finished_at);
  take(j, "verified_at", v.verified_at);
  take(j, "evidence", v.evidence);
}

void to_json(json& j, const Drill& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "name", v.name);
  put(j, "service", v.service);
  put(j, "state", v.state);
  put(j, "target", v.target);
  put(j, "started_by", v.started_by);
  put(j, "started_at", v.started_at);
  put(j, "injected_at", v.injected_at);
  put(j, "detected_at", v.detected_at);
  put(j, "acknowledged_at", v.acknowledged_at);
  put(j, "repaired_at", v.repaired_at);
  put(j, "closed_at", v.closed_at);
  put(j, "restored_at", v.restored_at);
  put(j, "requests", v.requests);
  put(j, "requests_lost", v.requests_lost);
  put(j, "incident", v.incident);
  put(j, "verdict", v.verdict);
}

void from_json(const json& j, Drill& v) {
  json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "name", v.name);
  take(j, "service", v.service);
  take(j, "state", v.state);
  take(j, "target", v.target);
  take(j, "started_by", v.started_by);
  take(j, "started_at", v.started_at);
  take(j, "injected_at", v.injected_at);
  take(j, "detected_at", v.detected_at);
  take(j, "acknowledged_at", v.acknowledged_at);
  take(j, "repaired_at", v.repaired_at);
  take(j, "closed_at", v.closed_at);
  take(j, "restored_at", v.restored_at);
  take(j, "requests", v.requests);
  take(j, "requests_lost", v.requests_lost);
  take(j, "incident", v.incident);
  take(j, "verdict", v.verdict);
}

void to_json(json& j, const Automation& v) {
  j = json::object();
  put(j, "stopped", v.stopped);
  put(j, "by", v.by);
  put(j, "reason", v.reason);
  put(j, "at", v.at);
}

void from_json(const json& j, Automation& v) {
  json_members::must_be_object(j);
  take(j, "stopped", v.stopped);
  take(j, "by", v.by);
  take(j, "reason", v.reason);
  take(j, "at", v.at);
}

void to_json(json& j, const Audit& v) {
  j = json::object();
  put(j, "actor", v.actor);
  put(j, "action", v.action);
  put(j, "resource", v.resource);
  put(j, "result", v.result);
  put(j, "address", v.address);
  put(j, "at", v.at);
}

void from_json(const json& j, Audit& v) {
  json_members::must_be_object(j);
  take(j, "actor", v.actor);
  take(j, "action", v.action);
  take(j, "resource", v.resource);
  take(j, "result", v.result);
  take(j, "address", v.address);
  take(j, "at", v.at);
}

}  // namespace holdfast::model

HF_MODEL_JSON(holdfast::model::Instance);
HF_MODEL_JSON(holdfast::model::Fault);
HF_MODEL_JSON(holdfast::model::RemedyStep);
HF_MODEL_JSON(holdfast::model::Remedy);
HF_MODEL_JSON(holdfast::model::Drill);
HF_MODEL_JSON(holdfast::model::Automation);
HF_MODEL_JSON(holdfast::model::Audit);
