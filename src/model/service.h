// model/service.h: the service catalogue: what runs, how it is reached, judged and repaired.
//
// Purpose     Plain values; app reads them from holdfast.yaml, every room above is handed them.
// Source      docs/configuration.md describes each member as it stands in the file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/labels.h"

namespace holdfast::model {

struct ProcessVersion {
  std::string name;                   // "5.0"
  std::vector<std::string> command;   // argv; {port}, {admin_port}, {index}, {version}, {data} are filled in
  std::map<std::string, std::string> env;
  int base_port = 0;                  // instance i serves on base_port + i; 0: it serves no port
  int base_admin_port = 0;
};

struct PlatformSpec {
  std::string kind = "none";  // process, none (only watched)
  std::vector<ProcessVersion> versions;
  std::string stable;         // name of the version that runs
  int replicas = 1;
  int replicas_max = 1;       // scale_out never goes beyond
  Duration stop_grace = 5s;   // SIGTERM, then SIGKILL after this
  Duration restart_backoff_min = 100ms;
  Duration restart_backoff_max = 30s;
  Duration ready_timeout = 60s;
};

struct HealthSpec {
  std::string live = "/health/live";
  std::string ready = "/health/ready";
  std::string startup = "/health/startup";
  Duration interval = 1s;
  Duration timeout = 1s;
  int failures = 3;  // in a row until an instance counts as hung
};

struct MetricsSpec {
  std::vector<std::string> paths;  // empty: not scraped
  Duration interval = 15s;
};

struct TrafficSpec {
  std::string kind = "none";  // haproxy, none
  std::string socket;         // the runtime socket's path
  std::string backend;        // stable servers are <backend>/stable1..n, canary ones <backend>/canary1..n
  std::string url;            // where users reach the service
};

struct RemedyRule {
  Labels match;             // equal labels of the alert or fault kind (label `fault`) that it answers
  std::string remedy;       // restart_service, scale_out, shift_traffic_to_stable
  Duration cooldown = 30s;  // between two acts on one target
  int attempts_max = 3;     // per fault; then a person
  Duration verify_within = 30s;
  std::string verify;       // PromQL that must return nothing or 0 when well; empty: the alert resolves
};

struct Service {
  std::string name;
  std::string owner;
  std::string tier;            // critical, standard, best_effort
  std::string severity_scheme = "A";
  std::vector<std::string> depends_on;
  PlatformSpec platform;
  HealthSpec health;
  MetricsSpec metrics;
  TrafficSpec traffic;
  std::vector<RemedyRule> remedies;  // first match wins
  bool supervised_only = false;      // kept running, not shown as a guarded service (balancer, load)
  // Overview expressions: PromQL by role, e.g. "requests", "errors", "latency_p95".
  std::map<std::string, std::string> signals;
};

struct Target {
  std::string job;
  std::string address;  // host:port
  std::string path = "/metrics";
  std::string scheme = "http";
  Duration interval = 15s;
  Duration timeout = 10s;
  Labels labels;        // added to every series; `job` and `instance` are set from above when absent
  bool honor_labels = false;
};

struct Probe {
  std::string name;
  std::string kind;     // http, tcp, tls
  std::string target;   // URL, or host:port
  Duration interval = 15s;
  Duration timeout = 5s;
  std::vector<int> statuses;  // http: accepted; empty: 2xx
  std::string body_contains;  // http
  Labels labels;
};

}  // namespace holdfast::model
