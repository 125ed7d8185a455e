// app/cli/import_command.h: `holdfast metrics import`: history of other systems into Holdfast.
//
// Purpose     The files are read here, wherever this runs. With --store they are written into the folder of a stopped
//             Holdfast, the quickest way; without it they are sent to a running one, which need not see the files and
//             goes on serving. Either way an import that was cut off goes on where it was.
// Output      A line of progress on standard error about once a second when that is a terminal, a summary on standard
//             output. Exit status 0 good, 1 not.
// Threads     One.
#pragma once

#include <string>
#include <vector>

#include "app/cli/remote.h"

namespace holdfast::app {

struct MetricsImport {
  std::vector<std::string>
      paths;           // Prometheus' data directories, snapshots, blocks; OpenMetrics text
  std::string store;   // <data>/metrics of a stopped Holdfast; empty: a running one is sent to
  std::string record;  // what was written; empty: beside the store, over HTTP none
};
int run_metrics_import(const RemoteOptions& remote, const MetricsImport& command, bool as_json);

}  // namespace holdfast::app
