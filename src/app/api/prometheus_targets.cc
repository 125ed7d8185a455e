// Scrape targets, their pools and their metadata.
#include <algorithm>
#include <map>
#include <set>

#include "app/api/json_text.h"
#include "app/api/prometheus_routes.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

void append_target(std::string& out, const collect::TargetStatus& target) {
  JsonMembers members(out);
  append_json_labels(members.name("discoveredLabels"), target.discovered_labels);
  append_json_labels(members.name("labels"), target.labels);
  members.text("scrapePool", target.target.job)
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
    if (active && (pool.empty() || pool == target.target.job)) append_target(list.next(), target);
  }
  list.end();
  members.raw("droppedTargets", "[]").raw("droppedTargetCounts", "{}").end();
  return success(data);
}

net::Response pools(const PrometheusContext& context) {
  std::set<std::string> names;
  for (const auto& target : context.sources.targets()) names.insert(target.target.job);
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

// The store keeps metadata by metric, not by target: a target is given what its store knows of each metric.
net::Response metadata(const PrometheusContext& context, const net::Request& request) {
  Form form(request);
  const auto limit = form.number("limit", -1);
  std::vector<model::Matcher> matchers;
  if (const auto text = form.get("match_target"); !text.empty()) {
    auto parsed = query::promql::parse_selector(text);
    if (parsed)
      matchers = std::move(*parsed);
    else
      form.fail(bad_parameter("match_target", parsed.error().message()));
  }
  if (form.error()) return refuse(*form.error());
  const std::string metric(form.get("metric"));
  const auto known = context.sources.store.metadata(metric, 0);
  std::string data;
  JsonList list(data);
  std::int64_t count = 0;
  for (const auto& target : context.sources.targets()) {
    if (limit >= 0 && count >= limit) break;
    if (!matches(target.labels, matchers)) continue;
    for (const auto& [name, all] : known) {
      if (all.empty()) continue;
      JsonMembers members(list.next());
      append_json_labels(members.name("target"), target.labels);
      if (metric.empty()) members.text("metric", name);
      members.text("type", all.front().type)
          .text("help", all.front().help)
          .text("unit", all.front().unit)
          .end();
      ++count;
    }
  }
  list.end();
  return success(data);
}

}  // namespace

void add_target_routes(PrometheusRoutes& routes) {
  const auto context = routes.context();
  routes.on_control(kGet, "/api/v1/targets",
                    [context](const auto& request) { return targets(*context, request); });
  routes.on_control(kGet, "/api/v1/targets/metadata",
                    [context](const auto& request) { return metadata(*context, request); });
  routes.on_control(kGet, "/api/v1/scrape_pools",
                    [context](const auto&) { return pools(*context); });
}

}  // namespace holdfast::app
