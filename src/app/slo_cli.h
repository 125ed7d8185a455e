// app/slo_cli.h: the words of the command line about objectives, for main().
#pragma once

#include "app/incident_cli.h"

namespace CLI {
class App;
}

namespace holdfast::app {

void add_slo_commands(CLI::App& cli, const CliContext& context);

}  // namespace holdfast::app
