// Scrape targets, their pools and their metadata.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "app/api/json_text.h"
#include "app/api/prometheus_routes.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

const std::string& pool_of(const collect::TargetStatus& target) {
  return target.scrape_pool.empty() ? target.target.job : target.scrape_pool;
}

ScrapePools pools_of(const PrometheusContext& context) {
  return context.sources.pools ? context.sources.pools() : ScrapePools{};
}

void append_target(std::string& out, const collect::TargetStatus& target) {
  JsonMembers members(out);
  append_json_labels(members.name("discoveredLabels"), target.discovered_labels);
  append_json_labels(members.name("labels"), target.labels);
  members.text("scrapePool", pool_of(target))
      .text("scrapeUrl", target.scrape_url)
      .text("globalUrl", target.scrape_url)
      .text("lastError", target.last_error)
      .text("lastScrape", format_time(target.last_scrape))
      .number("lastScrapeDuration", to_seconds(target.last_scrape_duration))
      .text("health", target.health)
      .text("scrapeInterval", format_duration(target.target.interval))
      .text("scrapeTimeout", format_duration(target.target.timeout))
      .end();
}

net::Response targets(const PrometheusContext& context, const net::Request& request) {
  const auto state = lower(request.param("state"));
  const auto pool = request.param("scrapePool");
  const bool active = state.empty() || state == "any" || state == "active";
  std::string data;
  JsonMembers members(data);
  JsonList list(members.name("activeTargets"));
  for (const auto& target : context.sources.targets()) {
    if (active && (pool.empty() || pool == pool_of(target))) append_target(list.next(), target);
  }
  list.end();
  const bool dropped = state.empty() || state == "any" || state == "dropped";
  const auto pools = pools_of(context);
  JsonList others(members.name("droppedTargets"));
  for (const auto& target : pools.dropped) {
    if (!dropped || (!pool.empty() && pool != target.pool)) continue;
    JsonMembers one(others.next());
    append_json_labels(one.name("discoveredLabels"), target.discovered);
    one.text("scrapePool", target.pool).end();
  }
  others.end();
  JsonMembers counts(members.name("droppedTargetCounts"));
  for (const auto& [name, count] : pools.dropped_counts) {
    if (pool.empty() || pool == name) counts.whole(name, static_cast<std::int64_t>(count));
  }
  counts.end();
  members.end();
  return success(data);
}

net::Response pools(const PrometheusContext& context) {
  const auto jobs = pools_of(context).names;
  std::set<std::string> names(jobs.begin(), jobs.end());
  for (const auto& target : context.sources.targets()) names.insert(pool_of(target));
  std::string data;
  JsonMembers members(data);
  JsonList list(members.name("scrapePools"));
  for (const auto& name : names) append_json_text(list.next(), name);
  list.end();
  members.end();
  return success(data);
}

bool matches(const model::Labels& labels, const std::vector<model::Matcher>& matchers) {
  return std::ranges::all_of(matchers,
                             [&](const auto& matcher) { return matcher.matches(labels); });
}

struct MetadataFilter {
  std::int64_t limit = -1;  // entries; below 0 there is none
  std::vector<model::Matcher> matchers;
  std::string metric;
};

MetadataFilter metadata_filter(Form& form) {
  MetadataFilter filter;
  filter.limit = form.number("limit", -1);
  filter.metric = form.get("metric");
  const auto text = form.get("match_target");
  if (text.empty()) return filter;
  auto parsed = query::promql::parse_selector(text);
  if (parsed)
    filter.matchers = std::move(*parsed);
  else
    form.fail(bad_parameter("match_target", parsed.error().message()));
  return filter;
}

void append_metadata(std::string& out, const model::Labels& target, std::string_view metric,
                     const metrics::Metadata& one) {
  JsonMembers members(out);
  append_json_labels(members.name("target"), target);
  if (!metric.empty()) members.text("metric", metric);
  members.text("type", one.type).text("help", one.help).text("unit", one.unit).end();
}

net::Response metadata(const PrometheusContext& context, const net::Request& request) {
  Form form(request);
  const auto filter = metadata_filter(form);
  if (form.error()) return refuse(*form.error());
  const auto all = context.sources.target_metadata ? context.sources.target_metadata()
                                                   : std::vector<collect::TargetMetadata>{};
  std::string data;
  JsonList list(data);
  std::int64_t count = 0;
  for (const auto& target : all) {
    if (filter.limit >= 0 && count >= filter.limit) break;
    if (!target.families || !matches(target.labels, filter.matchers)) continue;
    for (const auto& [name, one] : *target.families) {
      if (!filter.metric.empty() && name != filter.metric) continue;
      append_metadata(list.next(), target.labels, filter.metric.empty() ? name : "", one);
      ++count;
    }
  }
  list.end();
  return success(data);
}

// ---- relabel_steps ----

std::optional<model::Labels> labels_of(std::string_view text) {
  const auto parsed = nlohmann::json::parse(text, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  std::vector<model::Label> labels;
  for (const auto& [name, value] : parsed.items()) {
    if (!value.is_string()) return std::nullopt;
    labels.push_back({name, value.get<std::string>()});
  }
  return model::Labels(std::move(labels));
}

void append_rule(JsonMembers& members, const model::RelabelSpec& rule) {
  JsonMembers inner(members.name("rule"));
  JsonList sources(inner.name("source_labels"));
  for (const auto& name : rule.source_labels) append_json_text(sources.next(), name);
  sources.end();
  inner.text("separator", rule.separator)
      .text("regex", rule.regex)
      .whole("modulus", static_cast<std::int64_t>(rule.modulus))
      .text("target_label", rule.target_label)
      .text("replacement", rule.replacement)
      .text("action", model::relabel_action_name(rule.action))
      .end();
}

net::Response relabel_steps(const PrometheusContext& context, const net::Request& request) {
  const std::string pool(request.param("scrapePool"));
  if (pool.empty()) return refuse(bad_data("no scrapePool parameter provided"));
  const auto labels = labels_of(request.param("labels"));
  if (!labels) {
    return refuse(bad_parameter("labels", "a JSON object of texts is expected"));
  }
  if (!context.sources.relabel_steps)
    return refuse({"not_found", 404, "scrape pool " + json_text(pool) + " not found"});
  auto steps = context.sources.relabel_steps(pool, *labels);
  if (!steps) return refuse(execution_error(steps.error()));
  std::string data;
  JsonMembers members(data);
  JsonList list(members.name("steps"));
  for (const auto& step : *steps) {
    JsonMembers one(list.next());
    append_rule(one, step.rule);
    append_json_labels(one.name("output"), step.output);
    one.boolean("keep", step.keep).end();
  }
  list.end();
  members.end();
  return success(data);
}

}  // namespace

void add_target_routes(PrometheusRoutes& routes) {
  const auto context = routes.context();
  routes.on_control(kGet, "/api/v1/targets",
                    [context](const auto& request) { return targets(*context, request); });
  routes.on_control(kGet, "/api/v1/targets/metadata",
                    [context](const auto& request) { return metadata(*context, request); });
  routes.on_control(kGet, "/api/v1/targets/relabel_steps",
                    [context](const auto& request) { return relabel_steps(*context, request); });
  routes.on_control(kGet, "/api/v1/scrape_pools",
                    [context](const auto&) { return pools(*context); });
}

}  // namespace holdfast::app
