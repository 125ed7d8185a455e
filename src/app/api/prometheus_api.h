// app/api/prometheus_api.h: Prometheus' HTTP API under /api/v1, in shape and error text.
//
// Purpose     Every stable endpoint of version 3: queries, series and labels, metadata, targets, rules and
//             alerts, status, administration of the store, remote read, and /federate. GET and, where
//             Prometheus has it, POST with a form or PUT.
// Errors      {"status":"error","errorType":...,"error":...}: bad_data 400, execution 422, timeout and
//             canceled 503, not_found 404, internal 500. A path of /api/v1 that is none answers 404 as
//             Prometheus does; a method a path does not have 405, in JSON.
// Access      Administration needs what every change needs (auth.h); pages of other origins may read when
//             callers carry the token, or when they are of this machine.
// Threads     Queries run on Lane::kPool; rules, targets and the configuration are asked on the control strand.
// Source      Prometheus' documentation of its HTTP API, version 3; compared with 2.53 side by side.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/env.h"
#include "collect/scrape/scraper.h"
#include "detect/rules/manager.h"
#include "metrics/store.h"
#include "model/relabel.h"
#include "net/http.h"
#include "query/promql/engine.h"

namespace holdfast::app {

// What /api/v1/status tells of the process.
struct RuntimeInfo {
  WallTime started{};
  WallTime config_loaded{};
  bool config_good = true;  // the last reload was accepted
  std::string config_text;  // as read
  std::map<std::string, std::string> flags;
  std::string directory;  // of the data
  std::string host;
  Duration retention{};
  std::vector<std::string> alertmanagers;  // URLs alerts are sent to
};

// The jobs of prometheus.yml, and what their relabelling left out.
struct ScrapePools {
  struct Dropped {
    std::string pool;
    model::Labels discovered;
  };
  std::vector<std::string> names;
  std::map<std::string, std::uint64_t> dropped_counts;  // by pool
  std::vector<Dropped> dropped;
};
using RelabelSteps = Result<std::vector<model::RelabelStep>>;

struct PrometheusSources {
  metrics::Store& store;
  const query::promql::Engine& engine;
  std::function<std::vector<detect::GroupStatus>()> rules;      // control strand
  std::function<std::vector<model::Alert>()> alerts;            // control strand
  std::function<std::vector<collect::TargetStatus>()> targets;  // control strand
  std::function<model::Labels()> external_labels = nullptr;     // control strand
  std::function<RuntimeInfo()> runtime = nullptr;               // control strand
  std::function<ScrapePools()> pools = nullptr;                 // control strand
  std::function<std::vector<collect::TargetMetadata>()> target_metadata =
      nullptr;  // control strand
  // Of a pool's relabel_configs over discovered labels; control strand.
  std::function<RelabelSteps(const std::string& pool, const model::Labels& labels)> relabel_steps =
      nullptr;
  // ms, of subqueries that name none; any thread.
  std::function<std::int64_t()> subquery_step = nullptr;
};

// The sources must outlive the router's server. To be added after every other route under /api/v1.
void add_prometheus_routes(net::Router& router, Env& env, const PrometheusSources& sources);

}  // namespace holdfast::app
