#include "model/person.h"

#include "model/json_members.h"

namespace holdfast::model {

using json_members::put;
using json_members::take;
using nlohmann::json;

void to_json(json& j, const ContactMethod& v) {
  j = json::object();
  put(j, "name", v.name);
  put(j, "kind", v.kind);
  put(j, "target", v.target);
  put(j, "proven_at", v.proven_at);
}

void from_json(const json& j, ContactMethod& v) {
  json_members::must_be_object(j);
  take(j, "name", v.name);
  take(j, "kind", v.kind);
  take(j, "target", v.target);
  take(j, "proven_at", v.proven_at);
}

void to_json(json& j, const NotificationRule& v) {
  j = json::object();
  put(j, "urgency", v.urgency);
  put(j, "delay_seconds", to_seconds(v.delay));
  put(j, "method", v.method);
}

void from_json(const json& j, NotificationRule& v) {
  json_members::must_be_object(j);
  double delay = 0;
  take(j, "urgency", v.urgency);
  take(j, "delay_seconds", delay);
  take(j, "method", v.method);
  v.delay = from_seconds(delay);
}

void to_json(json& j, const Person& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "name", v.name);
  put(j, "email", v.email);
  put(j, "phone", v.phone);
  put(j, "slack", v.slack);
  put(j, "zone", v.zone);
  put(j, "language", v.language);
  put(j, "role", v.role);
  put(j, "level", v.level);
  put(j, "teams", v.teams);
  put(j, "methods", v.methods);
  put(j, "rules", v.rules);
}

void from_json(const json& j, Person& v) {
  json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "name", v.name);
  take(j, "email", v.email);
  take(j, "phone", v.phone);
  take(j, "slack", v.slack);
  take(j, "zone", v.zone);
  take(j, "language", v.language);
  take(j, "role", v.role);
  take(j, "level", v.level);
  take(j, "teams", v.teams);
  take(j, "methods", v.methods);
  take(j, "rules", v.rules);
}

}  // namespace holdfast::model

HF_MODEL_JSON(holdfast::model::ContactMethod);
HF_MODEL_JSON(holdfast::model::Person);
