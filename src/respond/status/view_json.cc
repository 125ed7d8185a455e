// Statuspage's JSON: members and words as its own, so that widgets and scripts made for it read ours.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "respond/status/history.h"
#include "respond/status/view.h"

namespace holdfast::respond::status {
namespace {

using nlohmann::json;

constexpr std::size_t kIncidentsMax = 50;

json page_json(const PageSettings& settings, const PageState& state) {
  WallTime updated{};
  for (const auto& post : state.posts) updated = std::max(updated, post.updated_at());
  return {{"id", settings.id},
          {"name", settings.title},
          {"url", settings.url},
          {"time_zone", settings.zone.empty() ? "Etc/UTC" : settings.zone},
          {"updated_at", format_time(updated == WallTime{} ? state.now : updated)}};
}

json status_json(const PageState& state) {
  return {{"indicator", page_indicator(state)}, {"description", page_description(state, "en")}};
}

json component_json(const PageSettings& settings, const PageState& state, const Component& component,
                    std::size_t position) {
  json one = {{"id", component.id},
              {"name", component.name},
              {"status", component_status_name(component_status(component.id, state.posts))},
              {"description", component.description},
              {"position", position},
              {"showcase", true},
              {"group", false},
              {"only_show_if_degraded", false},
              {"page_id", settings.id}};
  one["group_id"] = component.group.empty() ? json(nullptr) : json("group-" + component.group);
  return one;
}

// Groups are components with `group` true, as there.
json components_json(const PageSettings& settings, const PageState& state) {
  json list = json::array();
  std::string group;
  for (std::size_t i = 0; i < state.components.size(); ++i) {
    const auto& component = state.components[i];
    if (!component.group.empty() && component.group != group) {
      auto worst = ComponentStatus::kOperational;
      json members = json::array();
      for (const auto& other : state.components) {
        if (other.group != component.group) continue;
        worst = std::max(worst, component_status(other.id, state.posts));
        members.push_back(other.id);
      }
      list.push_back({{"id", "group-" + component.group},
                      {"name", component.group},
                      {"status", component_status_name(worst)},
                      {"group", true},
                      {"group_id", nullptr},
                      {"components", std::move(members)},
                      {"page_id", settings.id}});
    }
    group = component.group;
    list.push_back(component_json(settings, state, component, i + 1));
  }
  return list;
}

json update_json(const Post& post, const Update& update, const PageState& state) {
  json affected = json::array();
  for (const auto& one : update.components) {
    const auto known = std::find_if(state.components.begin(), state.components.end(),
                                    [&](const Component& component) { return component.id == one.id; });
    affected.push_back({{"code", one.id},
                        {"name", known == state.components.end() ? one.id : known->name},
                        {"new_status", component_status_name(one.status)}});
  }
  return {{"id", update.id},
          {"incident_id", post.id},
          {"status", update.status},
          {"body", update.body},
          {"created_at", format_time(update.at)},
          {"display_at", format_time(update.at)},
          {"updated_at", format_time(update.at)},
          {"affected_components", std::move(affected)}};
}

json post_json(const PageSettings& settings, const PageState& state, const Post& post) {
  json updates = json::array();
  for (auto it = post.updates.rbegin(); it != post.updates.rend(); ++it)
    if (!it->draft) updates.push_back(update_json(post, *it, state));
  json components = json::array();
  for (std::size_t i = 0; i < state.components.size(); ++i) {
    for (const auto& one : post.components())
      if (one.id == state.components[i].id)
        components.push_back(component_json(settings, state, state.components[i], i + 1));
  }
  const auto time = [](const std::optional<WallTime>& at) { return at ? json(format_time(*at)) : json(nullptr); };
  json one = {{"id", post.id},
              {"name", post.name},
              {"status", post.status()},
              {"impact", post.kind == "maintenance" ? "maintenance" : post.impact},
              {"created_at", format_time(post.created_at)},
              {"started_at", format_time(post.published_at.value_or(post.created_at))},
              {"updated_at", format_time(post.updated_at())},
              {"resolved_at", time(post.resolved_at())},
              {"shortlink", settings.url + "/incidents/" + post.id + ".html"},
              {"page_id", settings.id},
              {"incident_updates", std::move(updates)},
              {"components", std::move(components)}};
  if (post.kind == "maintenance") {
    one["scheduled_for"] = time(post.scheduled_for);
    one["scheduled_until"] = time(post.scheduled_until);
  }
  return one;
}

template <typename Wanted>
json posts_json(const PageSettings& settings, const PageState& state, Wanted wanted) {
  json list = json::array();
  for (const auto& post : state.posts) {
    if (list.size() == kIncidentsMax) break;
    if (wanted(post)) list.push_back(post_json(settings, state, post));
  }
  return list;
}

bool is_incident(const Post& post) {
  return post.kind == "incident";
}

}  // namespace

std::string_view page_indicator(const PageState& state) {
  auto worst = ComponentStatus::kOperational;
  std::string_view impact = "none";
  static constexpr std::string_view kImpacts[] = {"none", "maintenance", "minor", "major", "critical"};
  const auto rank = [](std::string_view word) {
    return std::find(std::begin(kImpacts), std::end(kImpacts), word) - std::begin(kImpacts);
  };
  for (const auto& post : state.posts) {
    if (!post.published() || post.over() || post.status() == "scheduled") continue;
    const std::string_view one = post.kind == "maintenance" ? std::string_view("maintenance") : post.impact;
    if (rank(one) > rank(impact)) impact = one;
    for (const auto& component : post.components()) worst = std::max(worst, component.status);
  }
  std::string_view by_component = "none";
  if (worst == ComponentStatus::kMaintenance) by_component = "maintenance";
  if (worst == ComponentStatus::kDegraded) by_component = "minor";
  if (worst == ComponentStatus::kPartialOutage) by_component = "major";
  if (worst == ComponentStatus::kMajorOutage) by_component = "critical";
  return rank(by_component) > rank(impact) ? by_component : impact;
}

std::string page_description(const PageState& state, std::string_view language) {
  static const std::map<std::string_view, std::pair<std::string_view, std::string_view>> kWords = {
      {"none", {"All Systems Operational", "所有系统正常运行"}},
      {"maintenance", {"Service Under Maintenance", "系统维护中"}},
      {"minor", {"Minor Service Outage", "部分功能受到轻微影响"}},
      {"major", {"Partial System Outage", "部分系统中断"}},
      {"critical", {"Major Service Outage", "系统严重中断"}}};
  const auto& [en, zh] = kWords.at(page_indicator(state));
  return std::string(language == "zh" ? zh : en);
}

std::string view::json_file(const PageSettings& settings, const PageState& state, std::string_view name) {
  json body = {{"page", page_json(settings, state)}};
  const auto unresolved = [](const Post& post) { return is_incident(post) && !post.over(); };
  const auto upcoming = [](const Post& post) { return !is_incident(post) && post.status() == "scheduled"; };
  const auto active = [](const Post& post) {
    return !is_incident(post) && !post.over() && post.status() != "scheduled";
  };
  if (name == "summary") {
    body["status"] = status_json(state);
    body["components"] = components_json(settings, state);
    body["incidents"] = posts_json(settings, state, unresolved);
    body["scheduled_maintenances"] =
        posts_json(settings, state, [&](const Post& post) { return upcoming(post) || active(post); });
  } else if (name == "status") {
    body["status"] = status_json(state);
  } else if (name == "components") {
    body["components"] = components_json(settings, state);
  } else if (name == "incidents") {
    body["incidents"] = posts_json(settings, state, is_incident);
  } else if (name == "incidents/unresolved") {
    body["incidents"] = posts_json(settings, state, unresolved);
  } else if (name == "scheduled-maintenances") {
    body["scheduled_maintenances"] =
        posts_json(settings, state, [](const Post& post) { return !is_incident(post); });
  } else if (name == "scheduled-maintenances/upcoming") {
    body["scheduled_maintenances"] = posts_json(settings, state, upcoming);
  } else if (name == "scheduled-maintenances/active") {
    body["scheduled_maintenances"] = posts_json(settings, state, active);
  }
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string render_subscriber_webhook(const PageSettings& settings, const PageState& state, const Post& post,
                                      const std::string& unsubscribe_url) {
  const json body = {{"meta", {{"unsubscribe", unsubscribe_url}, {"generated_at", format_time(state.now)}}},
                     {"page",
                      {{"id", settings.id},
                       {"status_indicator", page_indicator(state)},
                       {"status_description", page_description(state, "en")}}},
                     {"incident", post_json(settings, state, post)}};
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace holdfast::respond::status
