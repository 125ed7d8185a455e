// app/prometheus_file.h: prometheus.yml as it is.
//
// Purpose     Reads a whole Prometheus configuration into Config: given as --config it runs alone, named under
//             `prometheus` in holdfast.yaml it adds its jobs, rules and remote writes.
// Honoured    global, scrape_configs, scrape_config_files, rule_files, remote_write, remote_read. What Holdfast
//             does in another place is accepted and named in Config::notices: alerting, storage, tracing, otlp,
//             runtime.
// Errors      Findings with places; unknown members name the allowed ones.
// Threads     Pure functions over the file system.
// Source      Prometheus, configuration.
#pragma once

#include <string>

#include "app/config.h"

namespace holdfast::app {

// `alone`: the file is the whole configuration, so its external labels and intervals are Holdfast's.
struct PrometheusFileOptions {
  bool alone = true;
};
void read_prometheus_file(FileSystem& files, const std::string& path, const YamlNode& root,
                          PrometheusFileOptions options, Config& config,
                          std::vector<Finding>& findings);

}  // namespace holdfast::app
