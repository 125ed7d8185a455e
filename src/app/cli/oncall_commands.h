// app/cli/oncall_commands.h: `holdfast oncall`: now, at, list, gaps, override, swap, check, escalations, test.
//
// Output      Aligned text for people; with --json the API's own answer. Exit status: 0 good, 1 refused, failed, or
//             (check) somebody could not be reached.
// Threads     One.
#pragma once

#include <string>
#include <vector>

#include "app/cli/remote.h"

namespace holdfast::app {

int run_oncall_at(Remote& remote, const std::string& at, bool as_json);  // at empty: now
int run_oncall_list(Remote& remote, bool as_json);
int run_oncall_shifts(Remote& remote, const std::string& schedule, const std::string& from,
                      const std::string& to, bool as_json);

struct OverrideCommand {
  std::string schedule;
  std::vector<std::string> users;
  std::string from, to;  // RFC 3339; from empty: now
  std::string role, reason;
};
int run_oncall_override(Remote& remote, const OverrideCommand& command, bool as_json);
int run_oncall_remove(Remote& remote, const std::string& id, bool as_json);
int run_oncall_check(Remote& remote, bool as_json);
int run_oncall_escalations(Remote& remote, bool as_json);
int run_oncall_test(Remote& remote, const std::string& person, bool as_json);

}  // namespace holdfast::app
