// detect/rules/rule_file.h: reads Prometheus rule files as they are.
//
// Errors      All findings of a file at once, each "file:line:column: what is wrong; what is allowed".
//             What Prometheus refuses is refused: unknown members, duplicate groups, a rule with both record
//             and alert, bad expressions (with PromQL's own position), bad names, bad templates.
// Threads     Pure functions.
// Source      Prometheus' documentation of recording and alerting rules.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/yaml.h"
#include "model/labels.h"
#include "query/promql/engine.h"

namespace holdfast::detect {

using holdfast::Finding;
using holdfast::SourcePlace;

struct RecordingRule {
  std::string record;
  std::string query;
  query::promql::ExprPtr expr;
  model::Labels labels;
  std::vector<std::string> removed_labels;  // written with an empty value: taken from the result
  SourcePlace place;
};

struct AlertingRule {
  std::string alert;
  std::string query;
  query::promql::ExprPtr expr;
  Duration hold{};  // `for`
  Duration keep_firing_for{};
  model::Labels labels;                     // values are templates
  model::Labels annotations;                // values are templates
  std::vector<std::string> removed_labels;  // written with an empty value
  SourcePlace place;
};

using Rule = std::variant<RecordingRule, AlertingRule>;

struct RuleGroup {
  std::string name;
  std::string file;
  Duration interval = 1min;
  std::optional<Duration> query_offset{};  // empty: the manager's
  int limit = 0;                           // series a rule may produce; 0: any number
  model::Labels labels;                    // added to every rule that does not say otherwise
  std::vector<std::string> removed_labels;
  std::vector<Rule> rules;
};

struct RuleFile {
  std::vector<RuleGroup> groups;
  std::vector<Finding> findings;  // not empty: the file is refused
};
RuleFile parse_rule_file(const std::string& file_name, std::string_view yaml,
                         Duration default_interval = 1min);

}  // namespace holdfast::detect
