// collect/business/business.h: the business metrics exporter: what is declared, fed from everywhere, shown and stored.
//
// Purpose     BusinessMetrics owns the registry and its feeds: events over HTTP, StatsD over UDP, followed log files, and
//             spans that somebody else receives. It writes all series to the store every interval, and to any MetricSink.
//
//     POST /api/holdfast/v1/business/events ─┐
//     StatsD, UDP ───────────────────────────┼─▶ BusinessRegistry ──▶ /metrics, own port (`listen`), store
//     log files ─────────────────────────────┤
//     observe_span() ────────────────────────┘
//
// Body        {"metric": "name", "value": 1, "labels": {"a": "b"}, "id": "user-7", "operation": "add" | "set"}, a list of
//             these, or {"events": [...]}. value is 1 when absent. Every event that can be taken is; the answer is
//             {"accepted": 2, "refused": 1, "errors": [{"index": 1, "message": "..."}]}: 200 when all were taken, 400
//             when not, with at most 100 errors.
// Limits      10,000 events a body.
// Threads     start(), set_options() and destruction from the owner; the rest from any thread.
// Errors      start(): kUnavailable when the StatsD port or `listen` cannot be had.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/env.h"
#include "collect/business/registry.h"
#include "collect/business/spans.h"
#include "metrics/store.h"
#include "net/http.h"

namespace holdfast::collect {

inline constexpr const char* kBusinessEventsPath = "/api/holdfast/v1/business/events";

class BusinessMetrics {
 public:
  BusinessMetrics(Env& env, metrics::Store& store, BusinessOptions options);
  ~BusinessMetrics();

  Result<void> start();
  // A reload: values of unchanged metrics stay. Listeners move only when their address changed.
  Result<void> set_options(BusinessOptions options);

  // POST kBusinessEventsPath.
  void add_routes(net::Router& router);
  net::Response handle_events(std::string_view body);
  std::size_t observe_span(const SpanFacts& span);
  void write_metrics(MetricSink& sink);
  BusinessRegistry& registry();
  std::optional<Endpoint> statsd_endpoint() const;
  std::optional<Endpoint> metrics_endpoint() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::collect
