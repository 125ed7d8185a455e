// app/config_slo.h: the members `slos`, `slo_files` and `slo_maintenance` of holdfast.yaml.
//
// Purpose     Objectives in the short form, those of OpenSLO files, and times that were agreed upon beforehand. Their rules join the
//             groups of rule files: the rule manager treats them alike.
// Errors      What is wrong is a finding at its member, or in the OpenSLO file.
// Threads     Pure, but for the files read.
// Source      docs/slo.md describes every member.
#pragma once

#include <string>
#include <vector>

#include "base/files.h"
#include "base/yaml.h"
#include "detect/rules/rule_file.h"
#include "detect/slo/budget.h"
#include "detect/slo/slo.h"
#include "model/service.h"

namespace holdfast::app {

struct SloMaintenance {
  detect::slo::Maintenance time;
  std::vector<std::string> services;  // empty: all
};

struct SloConfig {
  std::vector<detect::slo::Slo> slos;  // in the order of the file
  std::vector<SloMaintenance> maintenance;
};

// `groups` receives a rule group an objective. Files that are named relatively lie in `base_folder`.
SloConfig read_slos(const YamlContext& context, YamlMap& top, FileSystem& files,
                    const std::string& base_folder, const std::vector<model::Service>& services,
                    std::vector<detect::RuleGroup>& groups);

}  // namespace holdfast::app
