// model/incident_record.h: what an incident carries beside its life: clocks, roles, tasks, handling, room, links.
//
// Purpose     Plain values of which model::Incident is made; what changes them stands in respond/incident.
// Words       Stable words, which the console translates, stand at the members that hold them.
// Source      Mission M13-11, M13-12, M13-24..M13-29, M13-52, M13-53; C02.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace holdfast::model {

// What a corrected line said before; the original is never lost.
struct Revision {
  WallTime at{};  // when it was corrected
  std::string by{};
  std::string why{};
  WallTime was_at{};
  std::string was_text{};
};

// A promise of the severity scheme, watched. Kinds: response, recovery_begins, resolution.
struct IncidentClock {
  std::string kind{};
  WallTime due_at{};
  std::optional<WallTime> met_at{};
  std::optional<WallTime> breached_at{};  // when the breach was told, which is once
};

// Roles: commander, communications, scribe, technical_lead, devops_lead, database_expert, or a configured word.
struct IncidentRole {
  std::string role{};
  std::string person{};  // who holds it; empty: nobody
  std::string backup{};
  WallTime since{};
  std::string by{};                       // who assigned it
  std::optional<WallTime> answer_by{};    // silent until then: the backup is told
  std::optional<WallTime> backup_told_at{};
};

// Kinds: task, checklist (the first five minutes), summary, knowledge, improvement.
struct IncidentTask {
  std::string id{};      // "t1", unique within the incident
  std::string kind = "task";
  std::string key{};     // of a built-in task, translated by the console: confirm_level, open_war_room, ...
  std::string title{};
  std::string category{};  // improvement: technical, process, monitoring, training; knowledge: session, documents,
                           // best_practice, lessons
  std::string owner{};
  std::optional<WallTime> due_at{};
  std::string state = "open";  // open, done, dropped
  WallTime created_at{};
  std::string created_by{};
  std::optional<WallTime> done_at{};
  std::string done_by{};
  std::string note{};  // what proved it, or why it was dropped
};

// One use of an axis (三板斧): restart, rollback, scale_out.
struct IncidentAct {
  std::string axis{};
  WallTime at{};
  std::string by{};
  std::string text{};
};

struct IncidentHandling {
  std::string root_cause{};
  std::string temporary_fix{};
  std::string permanent_fix{};
  std::vector<IncidentAct> acts{};
};

// Names: function_verified, metrics_confirmed, users_informed.
struct RecoveryCheck {
  std::string name{};
  WallTime at{};
  std::string by{};
  std::string note{};
};

// Kinds: related, duplicate, caused_by, merged_into, merged_from, split_from, split_to.
struct IncidentLink {
  std::string kind{};
  std::string incident{};
  WallTime at{};
  std::string by{};
};

struct WarRoom {
  std::string name{};   // "#incident-20240115-002"
  std::string state{};  // wanted, open, failed; empty: none was asked for
  std::string id{};     // the channel's, as the chat knows it
  std::string detail{};
};

void to_json(nlohmann::json& j, const Revision& v);
void from_json(const nlohmann::json& j, Revision& v);
void to_json(nlohmann::json& j, const IncidentClock& v);
void from_json(const nlohmann::json& j, IncidentClock& v);
void to_json(nlohmann::json& j, const IncidentRole& v);
void from_json(const nlohmann::json& j, IncidentRole& v);
void to_json(nlohmann::json& j, const IncidentTask& v);
void from_json(const nlohmann::json& j, IncidentTask& v);
void to_json(nlohmann::json& j, const IncidentAct& v);
void from_json(const nlohmann::json& j, IncidentAct& v);
void to_json(nlohmann::json& j, const IncidentHandling& v);
void from_json(const nlohmann::json& j, IncidentHandling& v);
void to_json(nlohmann::json& j, const RecoveryCheck& v);
void from_json(const nlohmann::json& j, RecoveryCheck& v);
void to_json(nlohmann::json& j, const IncidentLink& v);
void from_json(const nlohmann::json& j, IncidentLink& v);
void to_json(nlohmann::json& j, const WarRoom& v);
void from_json(const nlohmann::json& j, WarRoom& v);

}  // namespace holdfast::model
