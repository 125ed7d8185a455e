#include "respond/status/page.h"

#include <algorithm>

#include "model/json_members.h"

namespace holdfast::respond::status {
namespace {

using model::json_members::put;
using model::json_members::take;
using nlohmann::json;

constexpr std::string_view kStatusNames[] = {"operational", "under_maintenance", "degraded_performance",
                                             "partial_outage", "major_outage"};

template <std::size_t N>
bool is_one_of(std::string_view word, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

// The newest update that the public sees; null for a draft.
const Update* newest(const Post& post) {
  for (auto it = post.updates.rbegin(); it != post.updates.rend(); ++it)
    if (!it->draft) return &*it;
  return nullptr;
}

bool ends(std::string_view status) {
  return status == "resolved" || status == "postmortem" || status == "completed";
}

}  // namespace

std::string_view component_status_name(ComponentStatus status) {
  return kStatusNames[static_cast<std::size_t>(status)];
}

std::optional<ComponentStatus> component_status_of(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kStatusNames); ++i)
    if (kStatusNames[i] == name) return static_cast<ComponentStatus>(i);
  return std::nullopt;
}

bool is_incident_status(std::string_view status) {
  return is_one_of(status, {"investigating", "identified", "monitoring", "resolved", "postmortem"});
}
bool is_maintenance_status(std::string_view status) {
  return is_one_of(status, {"scheduled", "in_progress", "verifying", "completed"});
}
bool is_impact(std::string_view impact) {
  return is_one_of(impact, {"none", "minor", "major", "critical", "maintenance"});
}

std::string_view Post::status() const {
  const auto* update = newest(*this);
  if (update != nullptr) return update->status;
  return kind == "maintenance" ? "scheduled" : "investigating";
}

bool Post::over() const {
  return ends(status());
}

WallTime Post::updated_at() const {
  const auto* update = newest(*this);
  return update == nullptr ? created_at : update->at;
}

std::optional<WallTime> Post::resolved_at() const {
  if (!over()) return std::nullopt;
  std::optional<WallTime> at;
  for (auto it = updates.rbegin(); it != updates.rend(); ++it) {
    if (it->draft) continue;
    if (!ends(it->status)) break;
    at = it->at;  // the first of those that say that it is over
  }
  return at;
}

const std::vector<AffectedComponent>& Post::components() const {
  static const std::vector<AffectedComponent> none;
  const auto* update = newest(*this);
  return update == nullptr ? (updates.empty() ? none : updates.back().components) : update->components;
}

void to_json(json& j, const AffectedComponent& v) {
  j = {{"id", v.id}, {"status", component_status_name(v.status)}};
}

void from_json(const json& j, AffectedComponent& v) {
  model::json_members::must_be_object(j);
  std::string status;
  take(j, "id", v.id);
  take(j, "status", status);
  const auto known = component_status_of(status);
  if (!known)
    throw model::json_members::MemberError("'status' is '" + status +
                                           "'; allowed: operational, under_maintenance, degraded_performance, "
                                           "partial_outage, major_outage");
  v.status = *known;
}

void to_json(json& j, const Update& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "at", v.at);
  put(j, "status", v.status);
  put(j, "body", v.body);
  put(j, "by", v.by);
  put(j, "draft", v.draft);
  put(j, "components", v.components);
}

void from_json(const json& j, Update& v) {
  model::json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "at", v.at);
  take(j, "status", v.status);
  take(j, "body", v.body);
  take(j, "by", v.by);
  take(j, "draft", v.draft);
  take(j, "components", v.components);
}

void to_json(json& j, const Post& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "kind", v.kind);
  put(j, "incident", v.incident);
  put(j, "name", v.name);
  put(j, "impact", v.impact);
  put(j, "created_at", v.created_at);
  put(j, "published_at", v.published_at);
  put(j, "scheduled_for", v.scheduled_for);
  put(j, "scheduled_until", v.scheduled_until);
  put(j, "updates", v.updates);
}

void from_json(const json& j, Post& v) {
  model::json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "kind", v.kind);
  take(j, "incident", v.incident);
  take(j, "name", v.name);
  take(j, "impact", v.impact);
  take(j, "created_at", v.created_at);
  take(j, "published_at", v.published_at);
  take(j, "scheduled_for", v.scheduled_for);
  take(j, "scheduled_until", v.scheduled_until);
  take(j, "updates", v.updates);
}

void to_json(json& j, const Subscriber& v) {
  j = json::object();
  put(j, "id", v.id);
  put(j, "kind", v.kind);
  put(j, "target", v.target);
  put(j, "language", v.language);
  put(j, "components", v.components);
  put(j, "token_hash", v.token_hash);
  put(j, "confirmed", v.confirmed);
  put(j, "created_at", v.created_at);
}

void from_json(const json& j, Subscriber& v) {
  model::json_members::must_be_object(j);
  take(j, "id", v.id);
  take(j, "kind", v.kind);
  take(j, "target", v.target);
  take(j, "language", v.language);
  take(j, "components", v.components);
  take(j, "token_hash", v.token_hash);
  take(j, "confirmed", v.confirmed);
  take(j, "created_at", v.created_at);
}

}  // namespace holdfast::respond::status

HF_MODEL_JSON(holdfast::respond::status::Post);
HF_MODEL_JSON(holdfast::respond::status::Subscriber);
