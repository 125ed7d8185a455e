// respond/words/fields.h: what an incident says for the fields of a text.
//
// Purpose     One map of every field the incident texts may name, filled from the incident, the contacts and the
//             settings; what is not known yet reads so in the text's language.
// Fields      level, level_title, service, title, incident_id, incident_url, extent, start_time, detected_time, end_time,
//             duration, expected_recovery, status, owner, contact, commander, war_room, hotline, emergency_mail,
//             support_mail, description, progress, user_impact, next_update, solution, root_cause, improvements,
//             public_update, status_page_url.
// Units       Times are YYYY-MM-DD HH:MM:SS in the zone of the settings; the duration is "X 小时 Y 分钟".
// Threads     Pure.
// Source      Mission M13-17, M13-18, M13-21, M13-23, M13-31..M13-35.
#pragma once

#include <string>
#include <vector>

#include "model/incident.h"
#include "model/severity.h"
#include "respond/words/templates.h"

namespace holdfast::respond::words {

struct Contact {
  std::string name;
  std::string role;    // as shown
  std::string phone;
  std::string email;
  std::string slack;   // "@zhangsan": by which roles name a person
  std::string duties;
};

struct Vendor {
  std::string provider;  // 云服务商
  std::string contact;
  std::string phone;
  std::string email;
  std::string service;   // kind of service
};

struct Channel {
  std::string purpose;  // discussion, incidents, deployments, mailing list, group chat
  std::string name;     // "#incident-response"
};

struct Contacts {
  std::string hotline;         // as shown: "+1-555-INCIDENT (1-555-462-4336)"
  std::string hotline_dialled;
  std::string support_mail;
  std::string emergency_mail;
  std::vector<Contact> team;
  std::vector<Vendor> vendors;
  std::vector<Channel> channels;

  // By name or Slack name; null when unknown.
  const Contact* find(std::string_view person) const;
};

struct WordsSettings {
  std::string zone;  // empty: UTC
  std::string external_url;
  std::string status_page_url;
  Contacts contacts;
};

Fields incident_fields(const model::Incident& incident, const model::SeverityLevel& level,
                       const WordsSettings& settings, std::string_view language, WallTime now);

// "2 小时 5 分钟", "2 h 5 min".
std::string duration_text(Duration duration, std::string_view language);
std::string local_time(WallTime at, const std::string& zone);

}  // namespace holdfast::respond::words
