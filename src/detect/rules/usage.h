// detect/rules/usage.h: which metrics rules and dashboards ask for, and which nobody does.
//
// Purpose     Every selector of every rule, and of every query in a Grafana dashboard (panels, nested rows, annotations,
//             template variables), is matched against the names that are stored. A regular expression on __name__
//             uses all names it matches; a selector without any name uses all of them and is counted apart.
// Dashboards  Variables ($x, ${x}, [[x]]) are filled with what makes the query readable. A query that cannot be read still
//             uses each stored name that stands in it as a word; it is listed in `unread`.
// Errors      A dashboard that is no JSON is listed in `unread`.
// Threads     Pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "detect/rules/rule_file.h"
#include "model/matcher.h"

namespace holdfast::detect {

struct DashboardText {
  std::string name;  // for messages
  std::string json;
};

struct MetricUse {
  std::string name;
  std::uint64_t series = 0;    // as given
  std::size_t rule_count = 0;  // selectors in rules
  std::size_t dashboard_count = 0;
};

struct UsageReport {
  std::vector<MetricUse> used;    // by name
  std::vector<MetricUse> unused;  // most series first, then by name
  std::uint64_t unused_series = 0;
  std::size_t nameless_count = 0;   // selectors that ask for any name
  std::vector<std::string> unread;  // "overview.json: query ..."
};

// `series_by_name`: the stored metric names and how many series each has.
UsageReport find_unused(const std::map<std::string, std::uint64_t>& series_by_name,
                        const std::vector<RuleGroup>& groups,
                        const std::vector<DashboardText>& dashboards);

// Calls for each selector inside the expression.
void for_each_selector(const query::promql::Expr& expr,
                       const std::function<void(const std::vector<model::Matcher>&)>& visit);

}  // namespace holdfast::detect
