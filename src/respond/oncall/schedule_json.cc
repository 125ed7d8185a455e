#include "model/json_members.h"
#include "respond/oncall/schedule.h"

namespace holdfast::respond::oncall {

using model::json_members::put;
using model::json_members::take;
using nlohmann::json;

void to_json(json& j, const Override& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "schedule", v.schedule);
  put(j, "from", v.from);
  put(j, "to", v.to);
  put(j, "users", v.users);
  put(j, "role", v.role);
  put(j, "by", v.by);
  put(j, "reason", v.reason);
  put(j, "made_at", v.made_at);
}

void from_json(const json& j, Override& v) {
  model::json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "schedule", v.schedule);
  take(j, "from", v.from);
  take(j, "to", v.to);
  take(j, "users", v.users);
  take(j, "role", v.role);
  take(j, "by", v.by);
  take(j, "reason", v.reason);
  take(j, "made_at", v.made_at);
}

void to_json(json& j, const Swap& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "schedule", v.schedule);
  put(j, "from", v.from);
  put(j, "to", v.to);
  put(j, "person", v.person);
  put(j, "taker", v.taker);
  put(j, "by", v.by);
  put(j, "reason", v.reason);
  put(j, "made_at", v.made_at);
}

void from_json(const json& j, Swap& v) {
  model::json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "schedule", v.schedule);
  take(j, "from", v.from);
  take(j, "to", v.to);
  take(j, "person", v.person);
  take(j, "taker", v.taker);
  take(j, "by", v.by);
  take(j, "reason", v.reason);
  take(j, "made_at", v.made_at);
}

void to_json(json& j, const Shift& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "from", v.from);
  put(j, "to", v.to);
  put(j, "users", v.users);
  put(j, "source", v.source);
  put(j, "level", v.source == "override" ? 0 : v.level);
  put(j, "instead_of", v.instead_of);
}

}  // namespace holdfast::respond::oncall

HF_MODEL_JSON(holdfast::respond::oncall::Override);
HF_MODEL_JSON(holdfast::respond::oncall::Swap);
