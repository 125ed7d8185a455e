// detect/rules/rule_metrics.h: how rule groups do, as metrics.
//
// Purpose     Prometheus' prometheus_rule_* families, each also as holdfast_rule_*, from the manager's status. Whoever
//             exposes metrics hands in two functions; this room knows no exposition.
// Threads     Pure functions.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "detect/rules/manager.h"

namespace holdfast::detect {

struct RuleMetricSink {
  std::function<void(const std::string& name, const std::string& type, const std::string& help)>
      family;
  std::function<void(const std::string& name,
                     const std::vector<std::pair<std::string, std::string>>& labels, double value)>
      sample;
};
void write_rule_metrics(const std::vector<GroupStatus>& groups, const RuleMetricSink& sink);

}  // namespace holdfast::detect
