#include "model/change.h"

#include "model/json_members.h"

namespace holdfast::model {

using json_members::put;
using json_members::take;
using nlohmann::json;

void to_json(json& j, const Change& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "at", v.at);
  put(j, "service", v.service);
  put(j, "kind", v.kind);
  put(j, "state", v.state);
  put(j, "summary", v.summary);
  put(j, "version", v.version);
  put(j, "source", v.source);
  put(j, "actor", v.actor);
  put(j, "url", v.url);
}

void from_json(const json& j, Change& v) {
  json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "at", v.at);
  take(j, "service", v.service);
  take(j, "kind", v.kind);
  take(j, "state", v.state);
  take(j, "summary", v.summary);
  take(j, "version", v.version);
  take(j, "source", v.source);
  take(j, "actor", v.actor);
  take(j, "url", v.url);
}

}  // namespace holdfast::model

HF_MODEL_JSON(holdfast::model::Change);
