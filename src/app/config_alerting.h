// app/config_alerting.h: the member `alerting` of holdfast.yaml: alertmanager.yml and what Holdfast adds to it.
//
// Purpose     `config` names the file, read by respond/route as Alertmanager reads it. The other members are what
//             Alertmanager takes as flags, and what it lacks. Without the member nobody is told by routes, and the API
//             answers all the same.
// Errors      What is wrong in holdfast.yaml is a finding at its member; what is wrong in alertmanager.yml is a finding of that
//             file with Alertmanager's text.
// Threads     Pure over `files`.
// Source      docs/alerting.md.
#pragma once

#include <string>

#include "base/files.h"
#include "base/yaml.h"
#include "respond/route/config.h"
#include "respond/route/router.h"

namespace holdfast::app {

struct AlertingConfig {
  std::string file;    // alertmanager.yml; empty: none
  std::string listen;  // one more address for Alertmanager's API alone; empty: none
  respond::route::Config routes;
  respond::route::RouterOptions options;
};

// Without a file: one receiver that tells nobody.
AlertingConfig default_alerting();
// Files that are named relatively lie in `base_folder`.
AlertingConfig read_alerting(const YamlContext& context, const YamlNode& node, FileSystem& files,
                             const std::string& base_folder);
// An alertmanager.yml by itself, ${VAR} expanded; findings name the file.
respond::route::Config read_alertmanager_file(FileSystem& files, const std::string& path,
                                              const Variables& variables,
                                              respond::route::MatcherMode matchers,
                                              std::vector<Finding>& findings);

}  // namespace holdfast::app
