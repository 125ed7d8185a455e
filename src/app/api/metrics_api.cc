#include "app/api/metrics_api.h"

#include <algorithm>
#include <memory>
#include <unordered_map>

#include "app/api/json_text.h"
#include "app/api/prometheus_form.h"
#include "base/text.h"
#include "collect/backfill/import_message.h"
#include "detect/rules/usage.h"

namespace holdfast::app {
namespace {

constexpr std::string_view kBase = "/api/holdfast/v1/metrics";
constexpr std::int64_t kTopDefault = 20;
constexpr std::int64_t kTopMax = 1000;
constexpr Duration kSampleWindow = 5min;  // whose samples are counted
constexpr Duration kSampleWindowMax = 1h;
constexpr std::size_t kImportSizeMax = 256 * 1024 * 1024;  // bytes, unpacked
constexpr std::size_t kMetricCountMax = 1'000'000;         // names of metrics; all there are

std::int64_t whole(std::uint64_t value) { return static_cast<std::int64_t>(value); }

net::Response refusal(const Error& error) {
  std::string body;
  JsonMembers members(body);
  JsonMembers(members.name("error"))
      .text("code", code_name(error.code()))
      .text("message", error.message())
      .end();
  members.end();
  return net::Response::json(http_status(error.code()), std::move(body));
}

void append_entries(JsonMembers& members, const char* name,
                    const std::vector<metrics::CardinalityEntry>& entries) {
  JsonList list(members.name(name));
  for (const auto& entry : entries)
    JsonMembers(list.next()).text("name", entry.name).whole("count", whole(entry.count)).end();
  list.end();
}

void append_limits(JsonMembers& members, const metrics::SeriesLimits& limits) {
  JsonMembers inner(members.name("limits"));
  inner.whole("per_metric", whole(limits.per_metric))
      .whole("per_tenant", whole(limits.per_tenant))
      .text("tenant_label", limits.tenant_label)
      .whole("labels_per_series", whole(limits.labels_per_series))
      .whole("label_name_size", whole(limits.label_name_size))
      .whole("label_value_size", whole(limits.label_value_size));
  JsonMembers per_label(inner.name("per_label"));
  for (const auto& [name, limit] : limits.per_label) per_label.whole(name, whole(limit));
  per_label.end();
  inner.end();
}

// How many entries a list may have.
Result<std::size_t> top_of(const net::Request& request) {
  const auto text = request.param("top");
  if (text.empty()) return static_cast<std::size_t>(kTopDefault);
  const auto parsed = parse_int(text);
  if (!parsed || *parsed < 1 || *parsed > kTopMax)
    return invalid("'top' must be a whole number from 1 to 1000");
  return static_cast<std::size_t>(*parsed);
}

net::Response cardinality(const metrics::Store& store, const metrics::SeriesLimits& limits,
                          const net::Request& request) {
  const auto top = top_of(request);
  if (!top) return refusal(top.error());
  const auto counts = store.cardinality(*top);
  std::string body;
  JsonMembers members(body);
  members.whole("series", whole(counts.series)).whole("label_pairs", whole(counts.label_pairs));
  append_entries(members, "series_by_metric", counts.series_by_metric);
  append_entries(members, "values_by_label", counts.values_by_label);
  append_entries(members, "series_by_pair", counts.series_by_pair);
  append_entries(members, "memory_by_label", counts.memory_by_label);
  append_entries(members, "created_by_metric", counts.created_by_metric);
  append_limits(members, limits);
  JsonList list(members.name("offenders"));
  for (const auto& one : offenders(counts, limits)) {
    JsonMembers(list.next())
        .text("kind", one.kind)
        .text("name", one.name)
        .whole("count", whole(one.count))
        .whole("limit", whole(one.limit))
        .end();
  }
  list.end();
  members.end();
  return net::Response::json(200, std::move(body));
}

// ---- who brings samples ----

using Counts = std::unordered_map<std::string, std::uint64_t>;

std::vector<metrics::CardinalityEntry> largest(const Counts& counts, std::size_t limit) {
  std::vector<metrics::CardinalityEntry> all;
  for (const auto& [name, count] : counts) all.push_back({name, count});
  const auto before = [](const auto& a, const auto& b) {
    return a.count != b.count ? a.count > b.count : a.name < b.name;
  };
  const auto kept = std::min(limit, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end(),
                    before);
  all.resize(kept);
  return all;
}

// Samples of the last minutes by metric and by job, counted by reading them.
net::Response samples(const MetricsSources& sources, const net::Request& request) {
  Form form(request);
  const auto window = form.duration("window", kSampleWindow);
  if (form.error()) return refusal(invalid(form.error()->message));
  if (window <= Duration::zero() || window > kSampleWindowMax)
    return refusal(invalid("'window' must be more than nothing and at most 1h"));
  const auto top = top_of(request);
  if (!top) return refusal(top.error());
  metrics::SelectRequest all;
  const auto named =
      model::Matcher::make(model::MatchOp::kNotEqual, std::string(model::kMetricName), "");
  if (!named) return refusal(named.error());
  all.matchers = {*named};
  all.to = to_ms(sources.env.clock.now());
  all.from = all.to - to_ms(window) + 1;
  const auto found = sources.store.find(all);
  if (!found) return refusal(found.error());
  Counts by_metric, by_job;
  std::uint64_t total = 0;
  metrics::SeriesData data;
  const auto cursor = (*found)->cursor();
  for (std::size_t i = 0; i < (*found)->size(); ++i) {
    if (auto read = cursor->read(i, data); !read) return refusal(read.error());
    if (data.size() == 0) continue;
    total += data.size();
    by_metric[std::string((*found)->label(i, model::kMetricName))] += data.size();
    by_job[std::string((*found)->label(i, "job"))] += data.size();
  }
  std::string body;
  JsonMembers members(body);
  members.number("window_seconds", to_seconds(window)).whole("samples", whole(total));
  append_entries(members, "samples_by_metric", largest(by_metric, *top));
  append_entries(members, "samples_by_job", largest(by_job, *top));
  members.end();
  return net::Response::json(200, std::move(body));
}

net::Response storage(const MetricsSources& sources) {
  const auto stats = sources.store.stats();
  std::string body;
  JsonMembers members(body);
  members.whole("series", whole(stats.series))
      .whole("samples_appended", whole(stats.samples_appended))
      .whole("samples_rejected", whole(stats.samples_rejected))
      .whole("samples_in_memory", whole(stats.samples_in_memory))
      .whole("memory_bytes", whole(stats.memory_bytes))
      .whole("wal_bytes", whole(stats.wal_bytes))
      .whole("disk_bytes", whole(stats.disk_bytes))
      .number("replay_seconds", to_seconds(stats.replay_time));
  JsonList blocks(members.name("blocks"));
  for (const auto& block : sources.store.blocks()) {
    JsonMembers(blocks.next())
        .text("name", block.name)
        .text("from", format_time(from_ms(block.min_time)))
        .text("to", format_time(from_ms(block.max_time)))
        .whole("series", whole(block.series))
        .whole("samples", whole(block.samples))
        .whole("bytes", whole(block.bytes))
        .whole("level", block.level)
        .end();
  }
  blocks.end();
  JsonList problems(members.name("problems"));
  for (const auto& problem : sources.store.problems()) append_json_text(problems.next(), problem);
  problems.end();
  members.end();
  return net::Response::json(200, std::move(body));
}

net::Response remote_write(const MetricsSources& sources) {
  std::string body;
  JsonMembers members(body);
  JsonList list(members.name("receivers"));
  for (const auto& one : sources.remote_write()) {
    JsonMembers(list.next())
        .text("name", one.name)
        .text("url", one.url)
        .whole("samples_sent", whole(one.samples_sent))
        .whole("samples_failed", whole(one.samples_failed))
        .whole("samples_retried", whole(one.samples_retried))
        .whole("samples_pending", whole(one.samples_pending))
        .whole("shards", one.shards)
        .number("newest_sent", static_cast<double>(one.newest_sent) / 1000)
        .text("last_error", one.last_error)
        .end();
  }
  list.end();
  members.end();
  return net::Response::json(200, std::move(body));
}

// ---- queries ----

void append_query(JsonMembers& members, const query::promql::TrackedQuery& query) {
  members.text("query", query.text).text("user", query.user).boolean("range", query.is_range);
}

net::Response queries(const MetricsSources& sources) {
  std::string body;
  JsonMembers members(body);
  JsonList active(members.name("active"));
  for (const auto& one : sources.tracker.active()) {
    JsonMembers item(active.next());
    item.whole("id", whole(static_cast<std::uint64_t>(one.id)));
    append_query(item, one.query);
    item.text("started", format_time(one.started))
        .number("seconds", to_seconds(one.age))
        .boolean("running", one.running)
        .end();
  }
  active.end();
  JsonList slow(members.name("slow"));
  for (const auto& one : sources.tracker.slow()) {
    JsonMembers item(slow.next());
    append_query(item, one.query);
    item.text("started", format_time(one.started))
        .number("seconds", to_seconds(one.took))
        .number("queued_seconds", to_seconds(one.queued))
        .whole("samples_read", whole(one.samples_read))
        .whole("samples_peak", whole(one.samples_peak))
        .text("error", one.error)
        .end();
  }
  slow.end();
  members.end();
  return net::Response::json(200, std::move(body));
}

net::Response cancel(const MetricsSources& sources, const net::Request& request) {
  const auto& text = request.path_params.at("id");
  const auto id = parse_int(text);
  if (!id || *id < 1 || !sources.tracker.cancel(static_cast<query::promql::QueryId>(*id)))
    return refusal(not_found("no query " + printable(text) + " is active"));
  net::Response response;
  response.status = 204;
  return response;
}

// How a query would be taken: at one moment, or with start, end and step over a range.
net::Response explain(const MetricsSources& sources, const net::Request& request) {
  Form form(request);
  const auto now = to_ms(sources.env.clock.now());
  const auto from = form.time_or("start", now);
  const auto to = form.time_or("end", now);
  const auto step = form.duration("step", Duration::zero());
  if (form.error()) return refusal(invalid(form.error()->message));
  auto told = sources.engine.explain(form.get("query"), from, to, to_ms(step));
  if (!told) return refusal(told.error());
  return net::Response::json(200, std::move(*told));
}

// History, as `holdfast metrics import` sends it: kept when this answers.
net::Response import_history(const MetricsSources& sources, const net::Request& request) {
  const auto message = collect::read_import_message(request.body, kImportSizeMax);
  if (!message) return refusal(message.error());
  if (auto done = sources.store.import(message->columns); !done) return refusal(done.error());
  for (const auto& [metric, metadata] : message->metadata)
    sources.store.set_metadata(metric, metadata);
  net::Response response;
  response.status = 204;
  return response;
}

// Stored metrics that no rule asks for. Holdfast's own pages and dashboards elsewhere may still do.
net::Response unused(const MetricsSources& sources, const std::vector<detect::RuleGroup>& groups) {
  std::map<std::string, std::uint64_t> stored;
  for (const auto& entry : sources.store.cardinality(kMetricCountMax).series_by_metric)
    stored[entry.name] = entry.count;
  const auto report = detect::find_unused(stored, groups, {});
  std::string body;
  JsonMembers members(body);
  members.whole("metrics", whole(stored.size()))
      .whole("unused_metrics", whole(report.unused.size()))
      .whole("unused_series", whole(report.unused_series));
  JsonList list(members.name("unused"));
  for (std::size_t i = 0; i < std::min<std::size_t>(report.unused.size(), kTopMax); ++i) {
    const auto& one = report.unused[i];
    JsonMembers(list.next()).text("name", one.name).whole("count", whole(one.series)).end();
  }
  list.end();
  members.end();
  return net::Response::json(200, std::move(body));
}

}  // namespace

std::vector<Offender> offenders(const metrics::Cardinality& counts,
                                const metrics::SeriesLimits& limits, double share) {
  std::vector<Offender> found;
  const auto consider = [&](const char* kind, const metrics::CardinalityEntry& entry,
                            std::size_t limit) {
    if (limit > 0 && static_cast<double>(entry.count) >= share * static_cast<double>(limit))
      found.push_back({kind, entry.name, entry.count, limit});
  };
  for (const auto& entry : counts.series_by_metric) consider("metric", entry, limits.per_metric);
  for (const auto& entry : counts.values_by_label) {
    const auto limit = limits.per_label.find(entry.name);
    if (limit != limits.per_label.end()) consider("label", entry, limit->second);
  }
  // "name=value" of the tenant's label.
  const auto tenant = limits.tenant_label + "=";
  for (const auto& entry : counts.series_by_pair) {
    if (!limits.tenant_label.empty() && entry.name.starts_with(tenant))
      consider("tenant", {entry.name.substr(tenant.size()), entry.count}, limits.per_tenant);
  }
  std::ranges::stable_sort(found, std::greater<>(), [](const Offender& one) {
    return static_cast<double>(one.count) / static_cast<double>(one.limit);
  });
  return found;
}

MetricsSources metrics_sources(const ControlPlane& plane) {
  return {plane.env,
          *plane.store,
          *plane.engine,
          *plane.tracker,
          [&plane] { return plane.config.limits; },
          [&plane] { return plane.config.rule_groups; },
          [&plane] {
            return plane.forwarder ? plane.forwarder->stats()
                                   : std::vector<collect::RemoteWriterStats>{};
          }};
}

void add_metrics_routes(net::Router& router, const MetricsSources& sources) {
  const auto shared = std::make_shared<const MetricsSources>(sources);
  const auto route = [&](const char* path, auto handle) {
    router.add("GET", std::string(kBase) + path,
               [shared, handle](const net::Request&, const net::ResponderPtr& to) {
                 to->send(handle(*shared));
               },
               {.blocking = true});
  };
  router.add("GET", std::string(kBase) + "/cardinality",
             [shared](const net::Request& request, const net::ResponderPtr& to) {
               auto& executor = shared->env.executor;
               executor.post(Lane::kControl, [shared, request, to, &executor] {
                 executor.post(Lane::kPool, [shared, request, to, limits = shared->limits()] {
                   to->send(cardinality(shared->store, limits, request));
                 });
               });
             });
  router.add("GET", std::string(kBase) + "/unused",
             [shared](const net::Request&, const net::ResponderPtr& to) {
               auto& executor = shared->env.executor;
               executor.post(Lane::kControl, [shared, to, &executor] {
                 executor.post(Lane::kPool, [shared, to, groups = shared->rule_groups()] {
                   to->send(unused(*shared, groups));
                 });
               });
             });
  const auto asked = [&](const char* method, const char* path, auto handle) {
    router.add(method, std::string(kBase) + path,
               [shared, handle](const net::Request& request, const net::ResponderPtr& to) {
                 to->send(handle(*shared, request));
               },
               {.blocking = true});
  };
  asked("GET", "/explain", explain);
  asked("POST", "/import", import_history);
  asked("GET", "/samples", samples);
  asked("POST", "/queries/{id}/cancel", cancel);
  route("/queries", queries);
  route("/storage", storage);
  route("/remote_write", remote_write);
}

}  // namespace holdfast::app
