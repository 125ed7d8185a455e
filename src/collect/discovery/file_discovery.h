// collect/discovery/file_discovery.h: targets in files that others write (file_sd_configs).
//
// Purpose     Reads the files of the patterns, JSON or YAML; a changed, new or vanished file is noticed within
//             five seconds, all are read anew at the refresh interval. Each target carries
//             __meta_filepath.
// Errors      A file that does not parse keeps the targets it gave before, and problem() names it.
// Threads     As Discovery.
#pragma once

#include "collect/discovery/discovery_config.h"
#include "collect/discovery/target_group.h"

namespace holdfast::collect {

std::unique_ptr<Discovery> discover_files(Env& env, FileSd config, Discovery::Handler handler);

}  // namespace holdfast::collect
