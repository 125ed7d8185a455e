// collect/discovery/discovery_config.h: where targets are found, as prometheus.yml says it.
//
// Purpose     One struct per mechanism, and the reader of the *_sd_configs members that scrape configs and
//             alerting.alertmanagers share.
// Errors      A mechanism that Holdfast has not is a finding that names it, its place and those it has.
// Threads     Values.
// Source      Prometheus, configuration: file, http, dns, kubernetes, docker, consul _sd_config.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "collect/discovery/target_group.h"
#include "collect/http_settings.h"

namespace holdfast::collect {

struct FileSd {
  std::vector<std::string> files;  // absolute, the last part may be a pattern
  Duration refresh = 5min;
};

struct HttpSd {
  std::string url;
  Duration refresh = 1min;
  HttpSettings http;
};

struct DnsSd {
  std::vector<std::string> names;
  std::string type = "SRV";  // A, AAAA, SRV, MX, NS
  int port = 0;              // of all but SRV
  Duration refresh = 30s;
};

struct KubernetesSd {
  struct Selector {
    std::string role, label, field;
  };
  std::string role;        // node, service, pod, endpoints, endpointslice, ingress
  std::string api_server;  // empty: in the cluster, or by kubeconfig
  std::string kubeconfig_file;
  HttpSettings http;
  std::vector<std::string> namespaces;  // empty: all
  bool own_namespace = false;
  std::vector<Selector> selectors;
  bool attach_node = false;
};

struct DockerSd {
  std::string host;  // unix:///var/run/docker.sock, tcp://..., http(s)://...
  int port = 80;     // of containers that expose none
  std::string host_networking_host = "localhost";
  bool match_first_network = true;
  std::map<std::string, std::vector<std::string>> filters;
  Duration refresh = 1min;
  HttpSettings http;
};

struct ConsulSd {
  std::string server = "localhost:8500";
  std::string path_prefix;
  std::string scheme = "http";
  Secret token;
  std::string datacenter, name_space, partition;
  std::vector<std::string> services;  // empty: all
  std::vector<std::string> tags;
  std::map<std::string, std::string> node_meta;
  std::string tag_separator = ",";
  std::string filter;
  bool allow_stale = true;
  Duration refresh = 30s;
  HttpSettings http;
};

using DiscoveryConfig = std::variant<FileSd, HttpSd, DnsSd, KubernetesSd, DockerSd, ConsulSd>;

struct Discoveries {
  std::vector<TargetGroup> fixed;  // static_configs
  std::vector<DiscoveryConfig> found;
};

// Reads static_configs and all *_sd_configs of a mapping; files are relative to `folder`.
Discoveries read_discoveries(const YamlContext& context, YamlMap& map, const std::string& folder);

}  // namespace holdfast::collect
