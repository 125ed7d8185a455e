// respond/route/config_reader.h: the parts of alertmanager.yml as they are written, before anything is inherited.
//
// Purpose     read_draft() takes the tree of the file apart; config.cc checks the whole and fills in what is inherited.
//             Drafts keep their nodes, so that a mistake found later still has a line.
// Lifetime    A draft points into the YamlNode it was read from.
// Threads     Values; pure functions.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "respond/route/config.h"
#include "respond/route/integration_table.h"
#include "respond/route/strict_yaml.h"

namespace holdfast::respond::route {

struct RouteDraft {
  const YamlNode* node = nullptr;
  std::string receiver;
  std::optional<std::vector<std::string>> group_by;  // without "..."
  bool group_by_all = false;
  std::optional<Duration> group_wait, group_interval, repeat_interval;
  std::vector<model::Matcher> matchers;
  bool keep_going = false;
  std::vector<std::string> mute, active;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<RouteDraft> routes;
};

struct IntegrationDraft {
  const IntegrationKind* kind = nullptr;
  int line = 0;
  bool empty = false;  // a null in the list
  nlohmann::json settings;
};

struct ReceiverDraft {
  int line = 0;
  std::string name;
  std::map<std::string, std::string> labels;
  std::string fallback;
  bool always_resolve = false;
  std::vector<IntegrationDraft> integrations;  // in the order of the tables
};

struct IntervalDraft {
  int line = 0;
  std::string name;
  std::vector<TimeInterval> intervals;
};

struct ConfigDraft {
  nlohmann::json global;
  int global_line = 0;
  std::optional<RouteDraft> route;
  std::vector<ReceiverDraft> receivers;
  std::vector<InhibitRule> inhibit_rules;
  std::vector<IntervalDraft> mute_time_intervals, time_intervals;
  std::vector<std::string> templates;
  std::vector<std::string> warnings;
};

struct ReadOptions {
  MatcherMode matchers = MatcherMode::kFallback;
  bool own_settings = true;
};

ConfigDraft read_draft(StrictYaml& yaml, const YamlNode& root, const ReadOptions& options);

// config_intervals.cc
std::vector<IntervalDraft> read_intervals(StrictYaml& yaml, const YamlNode& node, bool deprecated);

// config_inherit.cc: fills in what `global` gives an integration; refuses what is set nowhere.
void inherit(StrictYaml& yaml, IntegrationDraft& integration, const nlohmann::json& global);

}  // namespace holdfast::respond::route
