// app/cli/slo_commands.h: `holdfast slo`: list, show, check, rules.
//
// Output      Aligned text for people; with --json the API's own answer, of `check` the objectives it found. Exit status: 0 good,
//             1 refused or failed; `show` answers 1 when the budget without maintenance is overspent.
// Threads     One.
#pragma once

#include <string>
#include <vector>

#include "app/cli/remote.h"

namespace holdfast::app {

int run_slo_list(Remote& remote, const std::string& service, bool as_json);
int run_slo_show(Remote& remote, const std::string& name, bool as_json);
// OpenSLO files, read together so that they may refer to each other; nothing is asked of a server.
int run_slo_check(const std::vector<std::string>& paths, bool as_json);
// The rules of these files, for any Prometheus.
int run_slo_rules(const std::vector<std::string>& paths);

}  // namespace holdfast::app
