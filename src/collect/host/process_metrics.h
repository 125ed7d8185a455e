// collect/host/process_metrics.h: what one process uses, under the names every client library exposes.
//
// Purpose     process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes,
//             process_open_fds, process_max_fds, process_threads, process_start_time_seconds.
// Threads     One at a time; reads /proc.
// Errors      kNotFound when the process is gone.
#pragma once

#include <string>

#include "base/files.h"
#include "collect/metric_sink.h"

namespace holdfast::collect {

struct ProcessOptions {
  std::string proc = "/proc";
  std::string pid = "self";
};

Result<void> collect_process(FileSystem& files, const ProcessOptions& options, MetricSink& sink);

}  // namespace holdfast::collect
