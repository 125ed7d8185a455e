// respond/route/config.h: alertmanager.yml, read as Alertmanager reads it.
//
// Purpose     parse() takes the text of the file and gives plain values: the route tree with everything inherited already
//             filled in, receivers with their integrations, inhibition rules, time intervals, template files.
// Strictness  Unknown keys, wrong types and all of Alertmanager's own checks are errors with its texts. What the file
//             says of clusters and tracing is read and checked, and has no effect.
// Settings    Integrations are described by tables (integration_table.h): which keys there are, their types and
//             defaults, which are secrets or templates. `settings` holds every key of the kind, defaults and globals
//             filled in, so that who sends looks up by name and never asks "is it there".
// Secrets     Values of X_file keys are read when they are used (a file may be rotated), not here. masked() is the file as
//             it may be shown: every secret is <secret>.
// Errors      kInvalid, with the text Alertmanager prints.
// Threads     Values; parse() from any thread.
// Source      ../shared/reference/alerting.md sections 2.1, 2.2, 2.6, 2.9; Alertmanager 0.27 to 0.34.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/yaml.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "respond/route/time_interval.h"

namespace holdfast::respond::route {

// How labels and matchers are read: both ways with a warning when they differ, only UTF-8's, or only the old one.
enum class MatcherMode { kFallback, kUtf8Strict, kClassic };

struct Route {
  std::string receiver;
  std::vector<std::string> group_by;  // sorted
  bool group_by_all = false;          // group_by: ['...']
  Duration group_wait = 30s;
  Duration group_interval = 5min;
  Duration repeat_interval = 4h;
  std::vector<model::Matcher> matchers;                     // sorted by name, value, operator
  bool keep_going = false;                                  // `continue`
  std::vector<std::string> mute_time_intervals;             // not inherited
  std::vector<std::string> active_time_intervals;           // not inherited
  std::vector<std::pair<std::string, std::string>> labels;  // name, template; inherited and merged
  std::vector<Route> routes;
  std::string key;  // parent's key + "/{...}"; the root's is "{}"
};

struct Integration {
  std::string kind;  // "webhook", "email", ..., "wecom_robot", "dingtalk_robot", "feishu_robot"
  int index = 0;     // among those of its kind in its receiver
  bool send_resolved = true;
  std::shared_ptr<const nlohmann::json>
      settings;  // an object; see Settings above. http_config is in it as a member
};

struct Receiver {
  std::string name;
  std::map<std::string, std::string> labels;  // with `name`
  std::vector<Integration> integrations;      // in the order Alertmanager runs them
  std::string
      fallback;  // Holdfast's own (N6): the receiver told when delivery here fails; empty: none
  bool always_resolve =
      false;  // Holdfast's own (N1): whoever was told "firing" is told "resolved", come what may
};

struct InhibitRule {
  std::string name;
  std::vector<model::Matcher> source_matchers;
  std::vector<model::Matcher> target_matchers;
  std::vector<std::string> equal;
};

struct Config {
  Route route;
  std::vector<Receiver> receivers;
  std::vector<InhibitRule> inhibit_rules;
  std::map<std::string, std::vector<TimeInterval>> time_intervals;  // by name
  std::vector<std::string> templates;  // globs, made absolute to the file's directory
  Duration resolve_timeout = 5min;
  std::string original;  // the text as it was
  std::vector<std::string> warnings;

  const Receiver* receiver(std::string_view name) const;
  // The file again, comments left out; it can be parsed.
  std::string masked() const;
};

struct ParseOptions {
  std::string directory;  // of the file; relative paths begin there
  MatcherMode matchers = MatcherMode::kFallback;
  bool own_settings =
      true;  // Holdfast's own keys (fallback_receiver, always_resolve, robots) are allowed
  Variables variables = {};  // given: ${NAME} and ${NAME:-default} in values are replaced
};

// `error_line`, when given, is the line of the first mistake; 0: the file as a whole.
Result<Config> parse(std::string_view text, const ParseOptions& options, int* error_line = nullptr);

}  // namespace holdfast::respond::route
