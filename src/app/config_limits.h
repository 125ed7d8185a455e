// app/config_limits.h: the members `limits` and `storage` of holdfast.yaml: how many series, what their
// labels may look like, what the engine keeps.
//
// Errors      What is wrong is a finding at its member.
// Threads     Pure.
// Source      docs/configuration.md, "Limits".
#pragma once

#include "app/config_objects.h"
#include "base/yaml.h"
#include "metrics/store.h"

namespace holdfast::app {

metrics::SeriesLimits read_limits(const YamlContext& context, const YamlNode& node);

// `storage`: what the metrics engine keeps beyond its time.
struct StorageConfig {
  std::optional<Duration> retention;                   // not given: serve --retention
  Duration retention_5m{};                             // of levels; 0: not made
  std::optional<Duration> retention_1h;                // not given: as long as the samples
  std::uint64_t retention_bytes = 0;                   // of blocks; 0 is no limit
  Duration out_of_order_window{};                      // how far behind its series' newest a sample may come
  ObjectsConfig objects;                               // where old blocks go
};
// Files that are named relatively lie in `base_folder`.
StorageConfig read_storage(const YamlContext& context, const YamlNode& node,
                           const std::string& base_folder);

}  // namespace holdfast::app
