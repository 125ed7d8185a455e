// collect/forward/remote_write_config.h: one entry of `remote_write`, as prometheus.yml writes it.
//
// Errors      What is wrong is a finding at its member; ways to sign that we do not speak (sigv4, azuread,
//             google_iam) are named.
// Threads     Pure.
// Source      Prometheus, configuration, remote_write and queue_config.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/yaml.h"
#include "collect/http_settings.h"
#include "model/relabel.h"

namespace holdfast::collect {

struct SendQueueConfig {
  std::size_t capacity = 10'000;  // samples waiting in one shard
  int shards_max = 50;
  int shards_min = 1;
  std::size_t samples_per_send_max = 2'000;
  Duration batch_deadline = 5s;  // a batch that is not full goes then
  Duration backoff_min = 30ms;
  Duration backoff_max = 5s;
  bool retry_on_429 = false;
  Duration age_limit{};  // older samples are dropped rather than sent; 0 is no limit
};

struct SendMetadataConfig {
  bool send = true;
  Duration interval = 1min;
  std::size_t count_per_send_max = 2'000;
};

struct RemoteWriteConfig {
  std::string name;  // unique; of the URL when none is given
  std::string url;
  Duration timeout = 30s;
  std::vector<std::pair<std::string, std::string>> headers;
  model::RelabelRules relabel;
  bool send_exemplars = false;
  bool send_native_histograms = false;
  int version = 1;  // of the protocol: 1 or 2
  SendQueueConfig queue;
  SendMetadataConfig metadata;
  HttpSettings http;
};

// The items of the list `node`; files are relative to `folder`.
std::vector<RemoteWriteConfig> read_remote_write(const YamlContext& context, const YamlNode& node,
                                                 const std::string& folder);

}  // namespace holdfast::collect
