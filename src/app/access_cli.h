// app/access_cli.h: the words of the command line about users, tokens and the audit log, for main().
#pragma once

#include <functional>

#include "app/cli/remote.h"

namespace CLI {
class App;
}

namespace holdfast::app {

// `remote_command` gives a command the options of the connection; `as_json` and `status` outlive the parsing.
void add_access_commands(CLI::App& cli, RemoteOptions& remote, bool& as_json, int& status,
                         const std::function<CLI::App*(CLI::App*)>& remote_command);

}  // namespace holdfast::app
