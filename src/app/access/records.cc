#include "app/access/records.h"

#include "model/json_members.h"

namespace holdfast::app {

using model::json_members::put;
using model::json_members::take;
using nlohmann::json;

void to_json(json& j, const GrantRecord& v) {
  j = json::object();
  put(j, "services", v.services);
  put(j, "role", v.role);
}

void from_json(const json& j, GrantRecord& v) {
  model::json_members::must_be_object(j);
  take(j, "services", v.services);
  take(j, "role", v.role);
}

void to_json(json& j, const UserRecord& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "name", v.name);
  put(j, "email", v.email);
  put(j, "role", v.role);
  put(j, "grants", v.grants);
  put(j, "disabled", v.disabled);
  put(j, "password", v.password);
  put(j, "source", v.source);
  put(j, "issuer", v.issuer);
  put(j, "subject", v.subject);
  put(j, "created_at", v.created_at);
  put(j, "signed_in_at", v.signed_in_at);
}

void from_json(const json& j, UserRecord& v) {
  model::json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "name", v.name);
  take(j, "email", v.email);
  take(j, "role", v.role);
  take(j, "grants", v.grants);
  take(j, "disabled", v.disabled);
  take(j, "password", v.password);
  take(j, "source", v.source);
  take(j, "issuer", v.issuer);
  take(j, "subject", v.subject);
  take(j, "created_at", v.created_at);
  take(j, "signed_in_at", v.signed_in_at);
}

void to_json(json& j, const TokenRecord& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "name", v.name);
  put(j, "hash", v.hash);
  put(j, "user", v.user);
  put(j, "scopes", v.scopes);
  put(j, "services", v.services);
  put(j, "created_by", v.created_by);
  put(j, "created_at", v.created_at);
  put(j, "expires_at", v.expires_at);
  put(j, "used_at", v.used_at);
  put(j, "used_from", v.used_from);
}

void from_json(const json& j, TokenRecord& v) {
  model::json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "name", v.name);
  take(j, "hash", v.hash);
  take(j, "user", v.user);
  take(j, "scopes", v.scopes);
  take(j, "services", v.services);
  take(j, "created_by", v.created_by);
  take(j, "created_at", v.created_at);
  take(j, "expires_at", v.expires_at);
  take(j, "used_at", v.used_at);
  take(j, "used_from", v.used_from);
}

void to_json(json& j, const SessionRecord& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "user", v.user);
  put(j, "how", v.how);
  put(j, "credential", v.credential);
  put(j, "address", v.address);
  put(j, "user_agent", v.user_agent);
  put(j, "created_at", v.created_at);
  put(j, "used_at", v.used_at);
}

void from_json(const json& j, SessionRecord& v) {
  model::json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "user", v.user);
  take(j, "how", v.how);
  take(j, "credential", v.credential);
  take(j, "address", v.address);
  take(j, "user_agent", v.user_agent);
  take(j, "created_at", v.created_at);
  take(j, "used_at", v.used_at);
}

}  // namespace holdfast::app

HF_MODEL_JSON(holdfast::app::UserRecord);
HF_MODEL_JSON(holdfast::app::TokenRecord);
HF_MODEL_JSON(holdfast::app::SessionRecord);
