// app/api/prometheus_api.h: Prometheus' HTTP API under /api/v1, in shape and error text.
//
// Purpose     query, query_range, series, labels, label/<name>/values, metadata, status/buildinfo, format_query,
//             targets, rules, alerts. GET and, where Prometheus has it, POST with a form.
// Errors      {"status":"error","errorType":...,"error":...}: bad_data 400, execution 422, timeout and
//             canceled 503, not_found 404, internal 500.
// Threads     Queries run on Lane::kPool; rules and targets are asked on the control strand.
// Source      Prometheus' documentation of its HTTP API, version 3.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/env.h"
#include "collect/scrape/scraper.h"
#include "detect/rules/manager.h"
#include "metrics/store.h"
#include "net/http.h"
#include "query/promql/engine.h"

namespace holdfast::app {

struct PrometheusSources {
  const metrics::Store& store;
  const query::promql::Engine& engine;
  std::function<std::vector<detect::GroupStatus>()> rules;  // control strand
  std::function<std::vector<model::Alert>()> alerts;        // control strand
  std::function<std::vector<collect::TargetStatus>()> targets;
};

// The sources must outlive the router's server.
void add_prometheus_routes(net::Router& router, Env& env, const PrometheusSources& sources);

}  // namespace holdfast::app
