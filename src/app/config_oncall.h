// app/config_oncall.h: the members `people`, `schedules`, `escalation_policies`, `gateways` and `paging` of
// holdfast.yaml.
//
// Errors      What is wrong is a finding at its member. References to people, schedules and methods that are none are
//             findings, too.
// Threads     Pure, but for calendar files, which are read through `files`.
// Source      docs/oncall.md describes every member.
#pragma once

#include <string>
#include <vector>

#include "base/files.h"
#include "base/yaml.h"
#include "model/person.h"
#include "respond/oncall/pager.h"
#include "respond/oncall/policy.h"
#include "respond/oncall/schedule.h"

namespace holdfast::app {

struct OnCallConfig {
  std::vector<model::Person> people;
  std::vector<respond::oncall::Schedule> schedules;
  std::vector<respond::oncall::EscalationPolicy> policies;
  respond::oncall::PagerOptions pager;
  Duration page_deadline = 60s;
  Duration give_up_after = 1h;
};

// Reads all five from the top of the file. Files that are named relatively lie in `base_folder`.
OnCallConfig read_oncall(const YamlContext& context, YamlMap& top, FileSystem& files,
                         const std::string& base_folder);

// Its parts. "schedule:ops/primary", "team:platform", "receiver:chat", or a person's id.
std::optional<respond::oncall::Target> parse_target(std::string_view text);
std::vector<model::Person> read_people(const YamlContext& context, YamlMap& top);
void read_paging(const YamlContext& context, YamlMap& top, const std::string& base_folder,
                 OnCallConfig& config);
std::vector<respond::oncall::Window> read_windows(const YamlContext& context, YamlMap& map,
                                                  std::string_view member);
std::optional<CivilTime> read_civil(YamlMap& map,
                                    std::string_view member);  // 2026-01-05 09:00, 2026-01-05
Zone read_zone(YamlMap& map, std::string_view member, const Zone& fallback);

}  // namespace holdfast::app
