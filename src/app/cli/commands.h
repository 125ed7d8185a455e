// app/cli/commands.h: the commands of `holdfast` that ask a running one, and print.
//
// Output      Aligned text for people; with --json the API's own answer. Exit status: 0 good, 1 refused or failed, 2 wrong use.
// Threads     One.
#pragma once

#include <string>

#include "app/cli/remote.h"

namespace holdfast::app {

struct QueryCommand {
  std::string expression;
  std::string time;   // empty: now
  std::string start;  // not empty: a range, with end and step
  std::string end;
  std::string step = "15s";
};

int run_query(Remote& remote, const QueryCommand& command, bool as_json);
int run_incident_list(Remote& remote, const std::string& state, bool as_json);
int run_incident_show(Remote& remote, const std::string& id, bool as_json);
// verb: ack, resolve, note, mitigate.
int run_incident_act(Remote& remote, const std::string& id, const std::string& verb,
                     const std::string& by, const std::string& text, bool as_json);
int run_drill_list(Remote& remote, bool as_json);
// Starts the drill and waits for its end; prints the measured seconds. 1 when it did not pass.
int run_drill(Remote& remote, const std::string& name, const std::string& service, bool as_json);

// The seconds from `from` to `to` of two RFC 3339 texts, "2.1 s"; "-" when one is missing.
std::string seconds_between(const std::string& from, const std::string& to);

}  // namespace holdfast::app
