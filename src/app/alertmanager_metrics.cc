#include "app/alertmanager_metrics.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <string>

#include "respond/route/integration_table.h"

namespace holdfast::app {
namespace {

namespace route = respond::route;
using collect::MetricSink;

constexpr std::array<const char*, 6> kLatencyBounds = {"1", "5", "10", "15", "20", "+Inf"};
constexpr std::array<const char*, 5> kReasons = {"clientError", "serverError", "contextDeadlineExceeded",
                                                 "contextCanceled", "other"};

double number(std::uint64_t value) { return static_cast<double>(value); }

void write_integrations(const route::RouterStats& stats, MetricSink& sink) {
  static const route::IntegrationStats none;
  const auto each = [&](const char* name, const char* type, const char* help, auto write) {
    sink.family(name, type, help);
    for (const auto& kind : route::integration_kinds()) {
      const auto found = stats.integrations.find(std::string(kind.kind));
      write(kind.kind, found == stats.integrations.end() ? none : found->second);
    }
  };
  each("alertmanager_notifications_total", "counter", "The total number of attempted notifications.",
       [&](std::string_view kind, const route::IntegrationStats& one) {
         sink.sample("alertmanager_notifications_total", number(one.notifications), {{"integration", kind}});
       });
  each("alertmanager_notifications_failed_total", "counter", "The total number of failed notifications.",
       [&](std::string_view kind, const route::IntegrationStats& one) {
         for (const std::string_view reason : kReasons) {
           const auto failed = one.failed.find(std::string(reason));
           sink.sample("alertmanager_notifications_failed_total",
                       failed == one.failed.end() ? 0 : number(failed->second),
                       {{"integration", kind}, {"reason", reason}});
         }
         for (const auto& [reason, count] : one.failed) {
           if (std::find(kReasons.begin(), kReasons.end(), reason) != kReasons.end()) continue;
           sink.sample("alertmanager_notifications_failed_total", number(count),
                       {{"integration", kind}, {"reason", reason}});
         }
       });
  each("alertmanager_notification_requests_total", "counter",
       "The total number of attempted notification requests.",
       [&](std::string_view kind, const route::IntegrationStats& one) {
         sink.sample("alertmanager_notification_requests_total", number(one.requests), {{"integration", kind}});
       });
  each("alertmanager_notification_requests_failed_total", "counter",
       "The total number of failed notification requests.",
       [&](std::string_view kind, const route::IntegrationStats& one) {
         sink.sample("alertmanager_notification_requests_failed_total", number(one.requests_failed),
                     {{"integration", kind}});
       });
  each("alertmanager_notification_latency_seconds", "histogram", "The latency of notifications in seconds.",
       [&](std::string_view kind, const route::IntegrationStats& one) {
         for (std::size_t i = 0; i < kLatencyBounds.size(); ++i)
           sink.sample("alertmanager_notification_latency_seconds_bucket", number(one.latency_counts[i]),
                       {{"integration", kind}, {"le", kLatencyBounds[i]}});
         sink.sample("alertmanager_notification_latency_seconds_sum", one.latency_seconds,
                     {{"integration", kind}});
         sink.sample("alertmanager_notification_latency_seconds_count",
                     number(one.latency_counts[kLatencyBounds.size() - 1]), {{"integration", kind}});
       });
}

void write_router(const route::RouterStats& stats, MetricSink& sink) {
  sink.family("alertmanager_alerts", "gauge", "How many alerts by state.");
  sink.sample("alertmanager_alerts", number(stats.alerts_active), {{"state", "active"}});
  sink.sample("alertmanager_alerts", number(stats.alerts_suppressed), {{"state", "suppressed"}});
  sink.sample("alertmanager_alerts", number(stats.alerts_unprocessed), {{"state", "unprocessed"}});
  sink.family("alertmanager_alerts_received_total", "counter", "The total number of received alerts.");
  sink.sample("alertmanager_alerts_received_total", number(stats.received_firing),
              {{"status", "firing"}, {"version", "v2"}});
  sink.sample("alertmanager_alerts_received_total", number(stats.received_resolved),
              {{"status", "resolved"}, {"version", "v2"}});
  sink.counter("alertmanager_alerts_invalid_total", "The total number of received alerts that were invalid.",
               number(stats.invalid), {{"version", "v2"}});
  sink.counter("alertmanager_alerts_limited_total", "Alerts refused by the limit of alerts of one name.",
               number(stats.limited));
  sink.family("alertmanager_silences", "gauge", "How many silences by state.");
  sink.sample("alertmanager_silences", number(stats.silences_active), {{"state", "active"}});
  sink.sample("alertmanager_silences", number(stats.silences_pending), {{"state", "pending"}});
  sink.sample("alertmanager_silences", number(stats.silences_expired), {{"state", "expired"}});
  sink.family("alertmanager_notifications_suppressed_total", "counter",
              "The total number of notifications suppressed, by reason.");
  for (const auto& [reason, count] : stats.suppressed)
    sink.sample("alertmanager_notifications_suppressed_total", number(count), {{"reason", reason}});
  sink.gauge("alertmanager_dispatcher_aggregation_groups", "Number of active aggregation groups.",
             number(stats.groups));
  sink.gauge("alertmanager_nflog_entries", "Entries of the notification log.", number(stats.log_entries));
}

}  // namespace

void AlertmanagerMetrics::refresh(const route::Router& router, bool config_good, WallTime config_loaded) {
  Snapshot fresh{router.stats(), config_good, config_loaded, 0};
  // As many bits as a double holds exactly.
  constexpr std::size_t kBits = (std::size_t{1} << 48) - 1;
  fresh.config_hash = static_cast<double>(std::hash<std::string>{}(router.config().original) & kBits);
  const std::lock_guard lock(mutex_);
  last_ = std::move(fresh);
}

void AlertmanagerMetrics::write(MetricSink& sink) const {
  Snapshot last;
  {
    const std::lock_guard lock(mutex_);
    last = last_;
  }
  write_router(last.stats, sink);
  write_integrations(last.stats, sink);
  sink.gauge("alertmanager_config_hash", "Hash of the currently loaded configuration.", last.config_hash);
  sink.gauge("alertmanager_config_last_reload_successful",
             "Whether the last configuration reload attempt was successful.", last.config_good ? 1 : 0);
  sink.gauge("alertmanager_config_last_reload_success_timestamp_seconds",
             "Timestamp of the last successful configuration reload.",
             std::chrono::duration<double>(last.config_loaded.time_since_epoch()).count());
  sink.gauge("alertmanager_cluster_enabled", "Whether there is a cluster.", 0);
  sink.gauge("alertmanager_cluster_members", "Number of members.", 1);
  sink.gauge("alertmanager_cluster_failed_peers", "Number of failed peers.", 0);
  sink.gauge("alertmanager_cluster_health_score", "0 is healthy.", 0);
  sink.gauge("alertmanager_peer_position", "Position of this member; it tells without delay.", 0);
}

}  // namespace holdfast::app
