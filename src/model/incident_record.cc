#include "model/incident_record.h"

#include "model/json_members.h"

namespace holdfast::model {

using json_members::put;
using json_members::take;
using nlohmann::json;

void to_json(json& j, const Revision& v) {
  j = json::object();
  put(j, "at", v.at);
  put(j, "by", v.by);
  put(j, "why", v.why);
  put(j, "was_at", v.was_at);
  put(j, "was_text", v.was_text);
}

void from_json(const json& j, Revision& v) {
  json_members::must_be_object(j);
  take(j, "at", v.at);
  take(j, "by", v.by);
  take(j, "why", v.why);
  take(j, "was_at", v.was_at);
  take(j, "was_text", v.was_text);
}

void to_json(json& j, const IncidentClock& v) {
  j = json::object();
  put(j, "kind", v.kind);
  put(j, "due_at", v.due_at);
  put(j, "met_at", v.met_at);
  put(j, "breached_at", v.breached_at);
}

void from_json(const json& j, IncidentClock& v) {
  json_members::must_be_object(j);
  take(j, "kind", v.kind);
  take(j, "due_at", v.due_at);
  take(j, "met_at", v.met_at);
  take(j, "breached_at", v.breached_at);
}

void to_json(json& j, const IncidentRole& v) {
  j = json::object();
  put(j, "role", v.role);
  put(j, "person", v.person);
  put(j, "backup", v.backup);
  put(j, "since", v.since);
  put(j, "by", v.by);
  put(j, "answer_by", v.answer_by);
  put(j, "backup_told_at", v.backup_told_at);
}

void from_json(const json& j, IncidentRole& v) {
  json_members::must_be_object(j);
  take(j, "role", v.role);
  take(j, "person", v.person);
  take(j, "backup", v.backup);
  take(j, "since", v.since);
  take(j, "by", v.by);
  take(j, "answer_by", v.answer_by);
  take(j, "backup_told_at", v.backup_told_at);
}

void to_json(json& j, const IncidentTask& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "kind", v.kind);
  put(j, "key", v.key);
  put(j, "title", v.title);
  put(j, "category", v.category);
  put(j, "owner", v.owner);
  put(j, "due_at", v.due_at);
  put(j, "state", v.state);
  put(j, "created_at", v.created_at);
  put(j, "created_by", v.created_by);
  put(j, "done_at", v.done_at);
  put(j, "done_by", v.done_by);
  put(j, "note", v.note);
}

void from_json(const json& j, IncidentTask& v) {
  json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "kind", v.kind);
  take(j, "key", v.key);
  take(j, "title", v.title);
  take(j, "category", v.category);
  take(j, "owner", v.owner);
  take(j, "due_at", v.due_at);
  take(j, "state", v.state);
  take(j, "created_at", v.created_at);
  take(j, "created_by", v.created_by);
  take(j, "done_at", v.done_at);
  take(j, "done_by", v.done_by);
  take(j, "note", v.note);
}

void to_json(json& j, const IncidentAct& v) {
  j = json::object();
  put(j, "axis", v.axis);
  put(j, "at", v.at);
  put(j, "by", v.by);
  put(j, "text", v.text);
}

void from_json(const json& j, IncidentAct& v) {
  json_members::must_be_object(j);
  take(j, "axis", v.axis);
  take(j, "at", v.at);
  take(j, "by", v.by);
  take(j, "text", v.text);
}

void to_json(json& j, const IncidentHandling& v) {
  j = json::object();
  put(j, "root_cause", v.root_cause);
  put(j, "temporary_fix", v.temporary_fix);
  put(j, "permanent_fix", v.permanent_fix);
  put(j, "acts", v.acts);
}

void from_json(const json& j, IncidentHandling& v) {
  json_members::must_be_object(j);
  take(j, "root_cause", v.root_cause);
  take(j, "temporary_fix", v.temporary_fix);
  take(j, "permanent_fix", v.permanent_fix);
  take(j, "acts", v.acts);
}

void to_json(json& j, const RecoveryCheck& v) {
  j = json::object();
  put(j, "name", v.name);
  put(j, "at", v.at);
  put(j, "by", v.by);
  put(j, "note", v.note);
}

void from_json(const json& j, RecoveryCheck& v) {
  json_members::must_be_object(j);
  take(j, "name", v.name);
  take(j, "at", v.at);
  take(j, "by", v.by);
  take(j, "note", v.note);
}

void to_json(json& j, const IncidentLink& v) {
  j = json::object();
  put(j, "kind", v.kind);
  put(j, "incident", v.incident);
  put(j, "at", v.at);
  put(j, "by", v.by);
}

void from_json(const json& j, IncidentLink& v) {
  json_members::must_be_object(j);
  take(j, "kind", v.kind);
  take(j, "incident", v.incident);
  take(j, "at", v.at);
  take(j, "by", v.by);
}

void to_json(json& j, const WarRoom& v) {
  j = json::object();
  put(j, "name", v.name);
  put(j, "state", v.state);
  put(j, "id", v.id);
  put(j, "detail", v.detail);
}

void from_json(const json& j, WarRoom& v) {
  json_members::must_be_object(j);
  take(j, "name", v.name);
  take(j, "state", v.state);
  take(j, "id", v.id);
  take(j, "detail", v.detail);
}

}  // namespace holdfast::model

HF_MODEL_JSON(holdfast::model::WarRoom);
HF_MODEL_JSON(holdfast::model::IncidentTask);
