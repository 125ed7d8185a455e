// What the process is, was told, and holds.
#include <thread>

#include "app/api/json_text.h"
#include "app/api/prometheus_routes.h"
#include "base/text.h"
#include "query/promql/ast.h"

namespace holdfast::app {
namespace {

RuntimeInfo runtime_of(const PrometheusContext& context) {
  return context.sources.runtime ? context.sources.runtime() : RuntimeInfo{};
}

net::Response buildinfo() {
  std::string data;
  JsonMembers(data)
      .text("version", HOLDFAST_VERSION)
      .text("revision", "")
      .text("branch", "")
      .text("buildUser", "")
      .text("buildDate", "")
      .text("goVersion", "")
      .text("application", "holdfast")
      .end();
  return success(data);
}

net::Response runtimeinfo(const PrometheusContext& context) {
  const auto info = runtime_of(context);
  const auto threads = static_cast<std::int64_t>(std::thread::hardware_concurrency());
  std::string data;
  JsonMembers(data)
      .text("startTime", format_time(info.started))
      .text("CWD", info.directory)
      .text("hostname", info.host)
      .text("serverTime", format_time(context.env.clock.now()))
      .boolean("reloadConfigSuccess", info.config_good)
      .text("lastConfigTime", format_time(info.config_loaded))
      .whole("corruptionCount", static_cast<std::int64_t>(context.sources.store.problems().size()))
      .whole("goroutineCount", 0)
      .whole("GOMAXPROCS", threads)
      .whole("GOMEMLIMIT", 0)
      .text("GOGC", "")
      .text("GODEBUG", "")
      .text("storageRetention", format_duration(info.retention))
      .end();
  return success(data);
}

net::Response flags(const PrometheusContext& context) {
  std::string data;
  JsonMembers members(data);
  for (const auto& [name, value] : runtime_of(context).flags) members.text(name, value);
  members.end();
  return success(data);
}

net::Response config(const PrometheusContext& context) {
  std::string data;
  JsonMembers(data).text("yaml", runtime_of(context).config_text).end();
  return success(data);
}

net::Response alertmanagers(const PrometheusContext& context) {
  std::string data;
  JsonMembers members(data);
  JsonList list(members.name("activeAlertmanagers"));
  for (const auto& url : runtime_of(context).alertmanagers)
    JsonMembers(list.next()).text("url", url).end();
  list.end();
  members.raw("droppedAlertmanagers", "[]").end();
  return success(data);
}

void append_counts(JsonMembers& members, const char* name,
                   const std::vector<metrics::CardinalityEntry>& entries) {
  JsonList list(members.name(name));
  for (const auto& entry : entries) {
    JsonMembers(list.next())
        .text("name", entry.name)
        .whole("value", static_cast<std::int64_t>(entry.count))
        .end();
  }
  list.end();
}

net::Response tsdb(const PrometheusContext& context, const net::Request& request) {
  std::size_t limit = 10;
  if (const auto text = request.param("limit"); !text.empty()) {
    const auto parsed = parse_int(text);
    if (!parsed || *parsed < 1) return refuse(bad_data("limit must be a positive number"));
    if (*parsed > 10'000) return refuse(bad_data("limit must not exceed 10000"));
    limit = static_cast<std::size_t>(*parsed);
  }
  const auto& store = context.sources.store;
  const auto counts = store.cardinality(limit);
  const auto stats = store.stats();
  std::string data;
  JsonMembers members(data);
  JsonMembers(members.name("headStats"))
      .whole("numSeries", static_cast<std::int64_t>(counts.series))
      .whole("numLabelPairs", static_cast<std::int64_t>(counts.label_pairs))
      .whole("chunkCount", static_cast<std::int64_t>(stats.series))
      .whole("minTime", stats.min_time)
      .whole("maxTime", stats.max_time)
      .end();
  append_counts(members, "seriesCountByMetricName", counts.series_by_metric);
  append_counts(members, "labelValueCountByLabelName", counts.values_by_label);
  append_counts(members, "memoryInBytesByLabelName", counts.memory_by_label);
  append_counts(members, "seriesCountByLabelValuePair", counts.series_by_pair);
  members.end();
  return success(data);
}

net::Response blocks(const PrometheusContext& context) {
  std::string data;
  JsonMembers members(data);
  JsonList list(members.name("blocks"));
  for (const auto& block : context.sources.store.blocks()) {
    JsonMembers one(list.next());
    one.text("ulid", block.name).whole("minTime", block.min_time).whole("maxTime", block.max_time);
    JsonMembers(one.name("stats"))
        .whole("numSamples", static_cast<std::int64_t>(block.samples))
        .whole("numSeries", static_cast<std::int64_t>(block.series))
        .whole("numBytes", static_cast<std::int64_t>(block.bytes))
        .end();
    JsonMembers compaction(one.name("compaction"));
    compaction.whole("level", block.level);
    JsonList sources(compaction.name("sources"));
    append_json_text(sources.next(), block.name);
    sources.end();
    compaction.end();
    one.whole("version", 1).end();
  }
  list.end();
  members.end();
  return success(data);
}

// What this build can do, by Prometheus' categories; the names are Prometheus' where it has them.
net::Response features() {
  std::string data;
  JsonMembers members(data);
  const auto category = [&](const char* name, const std::vector<std::string>& on) {
    JsonMembers inner(members.name(name));
    for (const auto& feature : on) inner.boolean(feature, true);
    inner.end();
  };
  category("api",
           {"admin", "exclude_alerts", "label_values_match", "lifecycle", "query_stats",
            "query_warnings", "remote_write_receiver", "time_range_labels", "time_range_series"});
  category("promql", {"anchored", "at_modifier", "bool", "by", "duration_expr", "fill",
                      "group_left", "group_right", "ignoring", "negative_offset", "offset", "on",
                      "per_query_lookback_delta", "smoothed", "subqueries", "without"});
  category("promql_functions", query::promql::function_names());
  category("rules", {"concurrent_rule_eval", "keep_firing_for", "query_offset"});
  category("tsdb", {"delayed_compaction", "exemplar_storage", "native_histograms"});
  members.end();
  return success(data);
}

// What the store lost or cannot do, for the operator.
net::Response notifications(const PrometheusContext& context) {
  const auto now = format_time(context.env.clock.now());
  std::string data;
  JsonList list(data);
  for (const auto& problem : context.sources.store.problems()) {
    JsonMembers(list.next()).text("text", problem).text("date", now).boolean("active", true).end();
  }
  list.end();
  return success(data);
}

}  // namespace

void add_status_routes(PrometheusRoutes& routes) {
  const auto context = routes.context();
  const auto control = [&](const char* path, auto handle) {
    routes.on_control(kGet, path, [context, handle](const auto&) { return handle(*context); });
  };
  control("/api/v1/status/runtimeinfo", runtimeinfo);
  control("/api/v1/status/flags", flags);
  control("/api/v1/status/config", config);
  control("/api/v1/alertmanagers", alertmanagers);
  const auto pooled = [&](const char* path, auto handle) {
    routes.pooled(kGet, path, [context, handle](const auto&, auto) { return handle(*context); });
  };
  pooled("/api/v1/status/buildinfo", [](const auto&) { return buildinfo(); });
  pooled("/api/v1/status/tsdb/blocks", blocks);
  // The log is replayed before the first request can be asked.
  pooled("/api/v1/status/walreplay",
         [](const auto&) { return success(R"({"min":0,"max":0,"current":0})"); });
  pooled("/api/v1/features", [](const auto&) { return features(); });
  pooled("/api/v1/notifications", notifications);
  routes.pooled(kGet, "/api/v1/status/tsdb",
                [context](const auto& request, auto) { return tsdb(*context, request); });
}

}  // namespace holdfast::app
