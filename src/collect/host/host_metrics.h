// collect/host/host_metrics.h: the machine's metrics, under node_exporter's names and with its meaning.
//
// Purpose     CPU, memory, disks, file systems, network, load, pressure, open files, sockets, time. One
//             call reads everything and writes it into a sink; collectors that cannot read (a kernel without
//             pressure files) say so in node_scrape_collector_success and leave the others alone.
// Left out    Pseudo file systems, loop and ram disks, and disk partitions, exactly as node_exporter's
//             defaults leave them out, so that existing dashboards and rules show the same series.
// Threads     collect() from one thread at a time; it reads files and may block: Lane::kPool.
// Source      node_exporter 1.x, its default collectors; proc(5); Documentation/admin-guide/iostats.rst.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/files.h"
#include "collect/host/mounts.h"
#include "collect/metric_sink.h"

namespace holdfast::collect {

struct HostOptions {
  std::string proc = "/proc";
  std::string sys = "/sys";
};

class HostMetrics {
 public:
  HostMetrics(FileSystem& files, Clock& clock, MountStats& mounts, HostOptions options = {});
  void collect(MetricSink& sink);

 private:
  Result<void> cpu(MetricSink& sink);
  Result<void> memory(MetricSink& sink);
  Result<void> disks(MetricSink& sink);
  Result<void> filesystems(MetricSink& sink);
  Result<void> network(MetricSink& sink);
  Result<void> load(MetricSink& sink);
  Result<void> pressure(MetricSink& sink);
  Result<void> stat(MetricSink& sink);
  Result<void> time(MetricSink& sink);
  Result<void> uname(MetricSink& sink);
  Result<void> vmstat(MetricSink& sink);
  Result<void> open_files(MetricSink& sink);
  Result<void> sockets(MetricSink& sink);
  Result<std::string> read(const std::string& path) { return files_.read_file(options_.proc + "/" + path); }

  FileSystem& files_;
  Clock& clock_;
  MountStats& mounts_;
  const HostOptions options_;
};

}  // namespace holdfast::collect
