#include "app/self_metrics.h"

#include "base/check.h"
#include "collect/host/process_metrics.h"

namespace holdfast::app {

void ControlCounts::refresh(const ControlPlane& plane) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  incidents_active.store(static_cast<int>(plane.incidents->active().size()), kRelaxed);
  int firing = 0, pending = 0, open = 0;
  for (const auto& alert : plane.rules->alerts()) {
    firing += alert.state == model::AlertState::kFiring ? 1 : 0;
    pending += alert.state == model::AlertState::kPending ? 1 : 0;
  }
  for (const auto& fault : plane.healer->faults()) open += fault.open ? 1 : 0;
  alerts_firing.store(firing, kRelaxed);
  alerts_pending.store(pending, kRelaxed);
  faults_open.store(open, kRelaxed);
  intents_pending.store(static_cast<int>(plane.outbox->pending()), kRelaxed);
  automation_stopped.store(plane.healer->automation().stopped, kRelaxed);
}

namespace {

void write_objects(const metrics::ObjectStats& stats, collect::MetricSink& sink) {
  if (!stats.configured) return;
  const auto gauge = [&](const char* name, const char* help, std::uint64_t value) {
    sink.gauge(std::string("holdfast_metrics_objects_") + name, help, static_cast<double>(value));
  };
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    sink.counter(std::string("holdfast_metrics_objects_") + name, help, static_cast<double>(value));
  };
  gauge("up", "1 when the last round with the object storage worked.", stats.reachable ? 1 : 0);
  gauge("blocks", "Blocks in the object storage.", stats.blocks);
  gauge("blocks_remote", "Blocks that are there alone, without a file on this disk.",
        stats.blocks_remote);
  gauge("blocks_waiting", "Blocks that wait for their upload.", stats.blocks_waiting);
  gauge("bytes", "Size of the blocks in the object storage.", stats.bytes);
  gauge("cache_bytes", "Pages of remote blocks kept on this disk.", stats.cache_bytes);
  gauge("last_success_seconds", "When a round with the object storage last worked; 0: not yet.",
        static_cast<std::uint64_t>(to_ms(stats.last_success) / 1000));
  counter("uploads_total", "Blocks uploaded since the start.", stats.uploads);
  counter("upload_bytes_total", "Bytes of blocks uploaded since the start.", stats.upload_bytes);
  counter("failures_total", "Rounds with the object storage that failed.", stats.failures);
  counter("reads_total", "Ranges of blocks read from the object storage.", stats.reads);
  counter("read_bytes_total", "Bytes of blocks read from the object storage.", stats.read_bytes);
  counter("cache_hits_total", "Pages of remote blocks found on this disk.", stats.cache_hits);
  counter("cache_misses_total", "Pages of remote blocks that had to be fetched.",
          stats.cache_misses);
}

void write_store(const metrics::StoreStats& stats, collect::MetricSink& sink) {
  sink.gauge("holdfast_metrics_series", "Series in memory.", static_cast<double>(stats.series));
  sink.counter("holdfast_metrics_samples_appended_total", "Samples accepted since the start.",
               static_cast<double>(stats.samples_appended));
  sink.counter("holdfast_metrics_samples_rejected_total", "Samples turned away since the start.",
               static_cast<double>(stats.samples_rejected));
  sink.gauge("holdfast_metrics_samples_in_memory", "Samples held in memory.",
             static_cast<double>(stats.samples_in_memory));
  sink.gauge("holdfast_metrics_memory_bytes", "Memory of samples and index.",
             static_cast<double>(stats.memory_bytes));
  sink.gauge("holdfast_metrics_wal_bytes", "Size of the write-ahead log.",
             static_cast<double>(stats.wal_bytes));
  sink.gauge("holdfast_metrics_disk_bytes", "Size of everything the engine keeps on disk.",
             static_cast<double>(stats.disk_bytes));
  sink.gauge("holdfast_metrics_replay_seconds", "How long the replay at start took.",
             to_seconds(stats.replay_time));
  write_objects(stats.objects, sink);
}

void write_journal(const state::JournalStats& stats, collect::MetricSink& sink) {
  sink.gauge("holdfast_journal_last_seq", "Number of the newest journal entry.",
             static_cast<double>(stats.last_seq));
  sink.counter("holdfast_journal_commits_total", "Transactions written since the start.",
               static_cast<double>(stats.commits));
  sink.counter("holdfast_journal_failed_commits_total", "Transactions refused since the start.",
               static_cast<double>(stats.failed_commits));
  sink.gauge("holdfast_journal_bytes", "Size of the journal on disk.",
             static_cast<double>(stats.size_bytes));
}

void write_server(const net::ServerStats& stats, collect::MetricSink& sink) {
  sink.family("holdfast_http_requests_total", "counter", "Requests answered, by status.");
  for (const auto& [status, count] : stats.by_status) {
    const auto text = std::to_string(status);
    sink.sample("holdfast_http_requests_total", static_cast<double>(count), {{"status", text}});
  }
  sink.gauge("holdfast_http_connections", "Connections open now.",
             static_cast<double>(stats.connections));
  sink.counter("holdfast_http_refused_total", "Requests and connections refused by a limit.",
               static_cast<double>(stats.refused));
}

}  // namespace

void write_self_metrics(ControlPlane& plane, const ControlCounts& counts, const net::Server* server,
                        collect::MetricSink& sink) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  sink.gauge("holdfast_build_info", "1, with the version as a label.", 1,
             {{"version", HOLDFAST_VERSION}});
  sink.gauge("holdfast_incidents_active", "Incidents not resolved.",
             counts.incidents_active.load(kRelaxed));
  sink.family("holdfast_alerts", "gauge", "Alerts by state.");
  sink.sample("holdfast_alerts", counts.alerts_firing.load(kRelaxed), {{"state", "firing"}});
  sink.sample("holdfast_alerts", counts.alerts_pending.load(kRelaxed), {{"state", "pending"}});
  sink.gauge("holdfast_faults_open", "Faults not closed.", counts.faults_open.load(kRelaxed));
  sink.gauge("holdfast_outbox_pending", "Intents not finished.",
             counts.intents_pending.load(kRelaxed));
  sink.gauge("holdfast_automation_stopped", "1 while the global stop is set.",
             counts.automation_stopped.load(kRelaxed) ? 1 : 0);
  sink.counter("holdfast_bugs_total", "Bugs met and survived.", static_cast<double>(bugs_total()));
  write_store(plane.store->stats(), sink);
  if (plane.forwarder) plane.forwarder->collect(sink);
  write_journal(plane.journal->stats(), sink);
  if (server != nullptr) write_server(server->stats(), sink);
  if (auto read = collect::collect_process(plane.env.files, {}, sink); !read) {
    sink.gauge("holdfast_process_metrics_failed", "1 when /proc/self could not be read.", 1);
  }
}

}  // namespace holdfast::app
