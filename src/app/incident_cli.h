// app/incident_cli.h: the words of the command line about incidents, for main().
#pragma once

#include <functional>

#include "app/cli/remote.h"

namespace CLI {
class App;
}

namespace holdfast::app {

// What every remote command shares: options of the connection, --json, the exit status.
struct CliContext {
  RemoteOptions& remote;
  bool& as_json;
  int& status;
  std::function<CLI::App*(CLI::App*)> remote_command;  // gives a command the options of the connection
};

// Below `incident` (list, show, ack, mitigate, resolve and note stand there already), and beside it.
void add_incident_commands(CLI::App& cli, CLI::App& incident, const CliContext& context);

}  // namespace holdfast::app
