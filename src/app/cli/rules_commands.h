// app/cli/rules_commands.h: `holdfast rules ...` and `holdfast metrics unused`.
//
// Output      As promtool's: what is checked on standard output, what is wrong on standard error.
// Exit status 0 good; 1 a file is wrong, a test failed or a call was refused; 2 wrong use; 3 lint found something and
//             --lint-fatal was given.
// Threads     One.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/cli/remote.h"

namespace holdfast::app {

struct RulesCheck {
  std::vector<std::string> files;        // empty: standard input
  std::string lint = "duplicate-rules";  // all, duplicate-rules, none
  bool lint_fatal = false;
};
int run_rules_check(const RulesCheck& command);

struct RulesTest {
  std::vector<std::string> files;
  std::vector<std::string> run;
  bool diff = false;
  std::string junit;  // a path; empty: none
};
int run_rules_test(const RulesTest& command);

struct RulesBackfill {
  std::vector<std::string> files;
  std::string from;
  std::string to;                    // empty: now
  std::optional<Duration> interval;  // empty: each group's own
  std::string
      store;  // a store's folder; empty: a running Holdfast or Prometheus-like server is asked
};
int run_rules_backfill(const RemoteOptions& remote, const RulesBackfill& command);

struct MetricsUnused {
  std::vector<std::string> rules;       // rule files
  std::vector<std::string> dashboards;  // Grafana dashboard JSON
  std::string names;  // a file of metric names, one a line; empty: a running Holdfast is asked
};
int run_metrics_unused(const RemoteOptions& remote, const MetricsUnused& command, bool as_json);

}  // namespace holdfast::app
