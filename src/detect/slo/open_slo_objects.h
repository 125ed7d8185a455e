// detect/slo/open_slo_objects.h: the objects an OpenSLO SLO is made of, each read from its own `spec`.
//
// Purpose     A registry by kind and name, and the readers of indicators, conditions and policies, which may stand in
//             place of a reference, too.
// Errors      What is wrong is a finding at its node; a reference to nothing is one at the reference.
// Threads     Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/yaml.h"
#include "detect/slo/slo.h"

namespace holdfast::detect::slo {

struct AlertPolicyParts {
  std::vector<BurnCondition> conditions;
  std::optional<Duration> no_data_after;
};

// What was defined by name, in reading order: sources before indicators, conditions before policies.
struct Registry {
  std::map<std::string, std::string> source_types;             // DataSource
  std::map<std::string, std::optional<Indicator>> indicators;  // SLI; empty: read with findings
  std::map<std::string, std::optional<BurnCondition>> conditions;
  std::set<std::string> targets;  // AlertNotificationTarget
  std::map<std::string, AlertPolicyParts> policies;
};

// The `metadata` of an object.
struct Metadata {
  std::string name, display_name;
  std::map<std::string, std::string> annotations;
};
Metadata read_metadata(const YamlContext& context, YamlMap& object, bool required);

// 5m, 1h, 30d, 2w; 1M, 1Q and 1Y count 30, 90 and 365 days.
std::optional<Duration> read_shorthand(const YamlContext& context, const YamlNode& node,
                                       const std::string& what);

void read_source(const YamlContext& context, const YamlNode& spec, const std::string& name,
                 Registry& registry);
std::optional<Indicator> read_indicator(const YamlContext& context, const YamlNode& spec,
                                        const Registry& registry);
std::optional<BurnCondition> read_condition(const YamlContext& context, const YamlNode& spec,
                                            const std::string& name);
AlertPolicyParts read_policy(const YamlContext& context, const YamlNode& spec,
                             const std::string& name, const Registry& registry);

// The type that stands for PromQL asked here.
bool is_promql_source(std::string_view type);
std::optional<Limit> limit_of(std::string_view word);  // lt, lte, gt, gte

}  // namespace holdfast::detect::slo
