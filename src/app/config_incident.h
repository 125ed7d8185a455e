// app/config_incident.h: the members of holdfast.yaml about incidents: severity_schemes, working_days, roles, war_room,
// contacts, vendors, channels, words, postmortems, kpi.
//
// Errors      What is wrong is a finding at its member.
// Threads     Pure.
// Source      docs/incidents.md describes each member.
#pragma once

#include <string>
#include <vector>

#include "base/yaml.h"
#include "learn/kpi/kpi.h"
#include "learn/postmortem/postmortems.h"
#include "respond/incident/response.h"
#include "respond/incident/war_room.h"
#include "respond/words/desk.h"

namespace holdfast::app {

struct IncidentConfig {
  respond::ResponseRules response;
  respond::WarRoomOptions war_room;
  respond::words::DeskOptions words;
  learn::PostmortemOptions postmortems;
  learn::KpiTargets kpi;
  learn::LoadHours load;
};

// Reads its members of the whole configuration; `external_url` is known already.
IncidentConfig read_incident_config(const YamlContext& context, YamlMap& root, const std::string& external_url);
// A, B and the configured ones.
std::vector<std::string> scheme_names(const IncidentConfig& config);

}  // namespace holdfast::app
