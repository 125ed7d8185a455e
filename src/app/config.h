// app/config.h: holdfast.yaml, the root of all configuration, read whole or not at all.
//
// Purpose     parse + validate into plain values. Unknown members, wrong types, duplicate keys, missing variables, references to
//             nothing are findings, all of them at once, each "file:line:column: what is wrong; what is allowed".
// Expansion   ${VAR} and ${VAR:-default} in every text value; a missing variable without default is a finding.
// Includes    `rules` names Prometheus rule files relative to the file that names them.
// Threads     Pure functions over env.files.
// Source      docs/configuration.md describes every member.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/env.h"
#include "app/access/access_config.h"
#include "app/alert_desk_config.h"
#include "app/config_incident.h"
#include "app/config_oncall.h"
#include "app/config_limits.h"
#include "app/config_slo.h"
#include "base/yaml.h"
#include "collect/business/declaration.h"
#include "collect/forward/remote_write_config.h"
#include "collect/remote_read/remote_read_config.h"
#include "collect/scrape/scrape_config.h"
#include "collect/receive/receive_routes.h"
#include "detect/rules/rule_file.h"
#include "metrics/store.h"
#include "model/service.h"
#include "respond/incident/incidents.h"
#include "respond/notify/notifier.h"

namespace holdfast::app {

struct Config {
  std::string file;  // empty: none was given
  std::string external_url = "http://127.0.0.1:8040";
  model::Labels external_labels;
  bool host_metrics = true;
  Duration host_interval = 5s;
  Duration evaluation_interval = 15s;  // of rule groups that name none
  std::vector<model::Service> services;
  std::vector<model::Target> targets;
  std::vector<collect::ScrapeConfig> jobs;  // of prometheus.yml
  std::vector<std::string> notices;         // what was accepted and is done elsewhere, for the log
  std::vector<model::Probe> probes;
  std::vector<detect::RuleGroup> rule_groups;
  Duration rule_query_offset{};  // of rule groups that name none
  metrics::SeriesLimits limits;
  StorageConfig storage;
  collect::BusinessOptions business;
  std::vector<collect::RemoteWriteConfig> remote_write;
  std::vector<collect::RemoteReadConfig> remote_read;  // queries read from these, too
  collect::ReceiveOptions receive;
  respond::NotifierOptions notify;
  respond::IncidentOptions incidents;
  IncidentConfig incident;  // what stands around incidents: severities, roles, words, ...
  OnCallConfig oncall;
  SloConfig slo;            // objectives; their rules are among rule_groups
  AccessConfig access;
  AlertDeskConfig alert_desk;  // routing, what comes in, the status page
};

struct ConfigResult {
  Config config;
  std::vector<Finding> findings;  // empty: good
};

ConfigResult load_config(FileSystem& files, const std::string& path, const Variables& variables);
ConfigResult parse_config(FileSystem& files, const std::string& path, std::string_view yaml,
                          const Variables& variables);

// What `holdfast check FILE` takes a file for, by its top members.
enum class FileKind {
  kHoldfast,
  kPrometheusRules,
  kPrometheusConfig,
  kAlertmanagerConfig,
  kOpenSlo,
  kDashboard,
  kUnknown
};
FileKind recognise(std::string_view text);
std::string_view file_kind_name(FileKind kind);
// Checks any kind of file; empty: good.
std::vector<Finding> check_file(FileSystem& files, const std::string& path,
                                const Variables& variables);

}  // namespace holdfast::app
