// app/alert_cli.h: the words of the command line about silences, notices, the routing and the status page, for main().
#pragma once

#include "app/incident_cli.h"

namespace CLI {
class App;
}

namespace holdfast::app {

void add_alert_commands(CLI::App& cli, const CliContext& context);

}  // namespace holdfast::app
