// app/self_metrics.h: Holdfast's own metrics, for /metrics and for its own store.
//
// Names       holdfast_* for its parts, process_* for the process. holdfast_metrics_samples_appended_total and
//             holdfast_metrics_samples_rejected_total are relied upon by benchmarks.
// Threads     write() from any thread; what only the control strand may ask is passed in as a snapshot.
#pragma once

#include <atomic>
#include <memory>

#include "app/control_plane.h"
#include "collect/metric_sink.h"
#include "net/http.h"

namespace holdfast::app {

// Counted on the control strand once a second, read anywhere.
struct ControlCounts {
  std::atomic<int> incidents_active{0};  // relaxed, all of them: gauges nothing is ordered by
  std::atomic<int> alerts_firing{0};
  std::atomic<int> alerts_pending{0};
  std::atomic<int> faults_open{0};
  std::atomic<int> intents_pending{0};
  std::atomic<bool> automation_stopped{false};
  void refresh(const ControlPlane& plane);
};

void write_self_metrics(ControlPlane& plane, const ControlCounts& counts, const net::Server* server,
                        collect::MetricSink& sink);

}  // namespace holdfast::app
