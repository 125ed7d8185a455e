// app/api/metrics_api.h: what the metrics store holds, and who brings it: /api/holdfast/v1/metrics.
//
// Purpose     Cardinality and churn by metric, label and pair with the limits in force, and the offender named when one
//             is near its limit; metrics no rule asks for; the store's blocks, memory and problems; queries that run,
//             were slow, or are to be explained; the receivers of remote write. Who brings samples; import of history.
// Threads     Handlers run on Lane::kPool; limits and rules are fetched from the control strand first.
#pragma once

#include <functional>
#include <vector>

#include "app/control_plane.h"
#include "collect/forward/remote_writer.h"
#include "detect/rules/rule_file.h"
#include "metrics/store.h"
#include "net/http.h"
#include "query/promql/engine.h"
#include "query/promql/tracker.h"

namespace holdfast::app {

struct MetricsSources {
  Env& env;
  metrics::Store& store;
  const query::promql::Engine& engine;
  query::promql::QueryTracker& tracker;
  std::function<metrics::SeriesLimits()> limits;                          // control strand
  std::function<std::vector<detect::RuleGroup>()> rule_groups;            // control strand
  std::function<std::vector<collect::RemoteWriterStats>()> remote_write;  // any thread
};

// What comes closest to a limit, or is over it.
struct Offender {
  std::string kind;  // metric, label, tenant
  std::string name;
  std::uint64_t count = 0;
  std::uint64_t limit = 0;
};
// Those that use at least `share` of their limit, the fullest first.
std::vector<Offender> offenders(const metrics::Cardinality& counts,
                                const metrics::SeriesLimits& limits, double share = 0.8);

MetricsSources metrics_sources(const ControlPlane& plane);
// The sources must outlive the router's server.
void add_metrics_routes(net::Router& router, const MetricsSources& sources);

}  // namespace holdfast::app
