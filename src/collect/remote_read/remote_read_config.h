// collect/remote_read/remote_read_config.h: one entry of `remote_read`, as prometheus.yml writes it.
//
// Errors      What is wrong is a finding at its member; ways to sign that we do not speak are named.
// Threads     Pure.
// Source      Prometheus, configuration, remote_read.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/yaml.h"
#include "collect/http_settings.h"

namespace holdfast::collect {

struct RemoteReadConfig {
  std::string name;  // unique; of the URL when none is given
  std::string url;
  Duration timeout = 1min;
  std::vector<std::pair<std::string, std::string>> headers;
  // The peer is asked only by selectors that ask for exactly these values.
  std::map<std::string, std::string> required_matchers;
  bool read_recent = false;            // also for times our own store holds
  bool filter_external_labels = true;  // asked with our external labels, which its series then lose
  HttpSettings http;
};

// The items of the list `node`; files are relative to `folder`.
std::vector<RemoteReadConfig> read_remote_read(const YamlContext& context, const YamlNode& node,
                                               const std::string& folder);

}  // namespace holdfast::collect
