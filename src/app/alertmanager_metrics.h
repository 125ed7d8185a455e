// app/alertmanager_metrics.h: the metrics that dashboards and alerts about Alertmanager read, of the routing here.
//
// Purpose     alertmanager_alerts, alertmanager_notifications_total, ... under Alertmanager's names, for /metrics and for Holdfast's
//             own store. A cluster is of one member here, and says so.
// Threads     refresh() on the control strand (it counts every alert: now and then, not each second); write() from any.
// Source      ../shared/reference/alerting.md section 2.11.
#pragma once

#include <mutex>

#include "base/check.h"
#include "base/time.h"
#include "collect/metric_sink.h"
#include "respond/route/router.h"

namespace holdfast::app {

inline constexpr Duration kAlertmanagerMetricsEvery = 15s;

class AlertmanagerMetrics {
 public:
  void refresh(const respond::route::Router& router, bool config_good, WallTime config_loaded);
  void write(collect::MetricSink& sink) const;

 private:
  struct Snapshot {
    respond::route::RouterStats stats;
    bool config_good = true;
    WallTime config_loaded{};
    double config_hash = 0;
  };
  mutable std::mutex mutex_;
  Snapshot last_ HF_GUARDED_BY(mutex_);
};

}  // namespace holdfast::app
