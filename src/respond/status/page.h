// respond/status/page.h: what the public page shows, as plain values: components, incidents, maintenance, subscribers.
//
// Words       Those of Statuspage, so that its readers understand ours. Component: operational, degraded_performance, partial_outage,
//             major_outage, under_maintenance. Incident: investigating, identified, monitoring, resolved, postmortem. Maintenance:
//             scheduled, in_progress, verifying, completed. Impact: none, minor, major, critical, maintenance.
// Drafts      What Holdfast writes by itself is a draft: nobody outside sees it until a person publishes it.
// Threads     Values.
// Source      ../shared/reference/alerting.md section 2.18, "Status page".
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace holdfast::respond::status {

enum class ComponentStatus { kOperational, kMaintenance, kDegraded, kPartialOutage, kMajorOutage };  // in order of harm
std::string_view component_status_name(ComponentStatus status);
std::optional<ComponentStatus> component_status_of(std::string_view name);

struct Component {
  std::string id;       // stable: made of group and name
  std::string name;     // as shown
  std::string group;    // empty: none
  std::string service;  // of the catalogue; empty: set by hand alone
  std::string description;
};

struct AffectedComponent {
  std::string id;
  ComponentStatus status = ComponentStatus::kOperational;
};

struct Update {
  std::string id;
  WallTime at{};
  std::string status;  // of the post after it
  std::string body;    // plain text
  std::string by;      // who published it
  bool draft = false;
  std::vector<AffectedComponent> components;  // as they are from then on
};

// An incident or a maintenance, as the public sees it.
struct Post {
  std::string id;
  std::string kind = "incident";  // incident, maintenance
  std::string incident;           // Holdfast's, that it was drafted from; empty: by hand
  std::string name;
  std::string impact = "minor";
  WallTime created_at{};
  std::optional<WallTime> published_at;  // empty: a draft as a whole
  std::optional<WallTime> scheduled_for, scheduled_until;  // maintenance
  std::vector<Update> updates;           // oldest first; the last ones may be drafts

  bool published() const { return published_at.has_value(); }
  // Of what is published.
  std::string_view status() const;
  bool over() const;  // resolved, postmortem, completed
  WallTime updated_at() const;
  std::optional<WallTime> resolved_at() const;
  const std::vector<AffectedComponent>& components() const;
};

struct Subscriber {
  std::string id;
  std::string kind;    // email, webhook
  std::string target;  // address, or URL
  std::string language;  // en, zh
  std::vector<std::string> components;  // ids; empty: all
  std::string token_hash;  // SHA-256 of what its links carry
  bool confirmed = false;
  WallTime created_at{};
};

// What a person asks to be published.
struct Publication {
  std::string status;
  std::string body;
  std::optional<std::string> name;    // change it
  std::optional<std::string> impact;
  std::vector<AffectedComponent> components;  // empty: as they are
};

bool is_incident_status(std::string_view status);
bool is_maintenance_status(std::string_view status);
bool is_impact(std::string_view impact);

void to_json(nlohmann::json& j, const AffectedComponent& v);
void from_json(const nlohmann::json& j, AffectedComponent& v);
void to_json(nlohmann::json& j, const Update& v);
void from_json(const nlohmann::json& j, Update& v);
void to_json(nlohmann::json& j, const Post& v);
void from_json(const nlohmann::json& j, Post& v);
void to_json(nlohmann::json& j, const Subscriber& v);
void from_json(const nlohmann::json& j, Subscriber& v);

}  // namespace holdfast::respond::status
