// Queries: at an instant, over a range, of exemplars; and queries as text and as a tree.
#include <algorithm>
#include <set>

#include "app/api/json_text.h"
#include "app/api/prometheus_routes.h"
#include "app/api/promql_tree.h"
#include "query/promql/ast.h"

namespace holdfast::app {
namespace {

using query::promql::QueryOptions;
using query::promql::QueryResult;

constexpr Duration kQueryTimeoutMax = 2min;
constexpr std::uint64_t kPointCountMax = 11'000;

// Whose turn it is. The header is Auth's word, whatever the caller sent under that name. Where everybody is the same user,
// one without authorisation, the address tells them apart.
std::string query_user(const net::Request& request) {
  const auto user = request.headers.get("x-holdfast-user");
  if (!user.empty() && user != "local") return std::string(user);
  return request.peer.substr(0, request.peer.rfind(':'));
}

QueryOptions query_options(Form& form, const PrometheusContext& context,
                           const net::Request& request, std::stop_token stop) {
  QueryOptions options;
  options.user = query_user(request);
  const auto timeout = std::min(form.duration("timeout", kQueryTimeoutMax), kQueryTimeoutMax);
  options.deadline = context.env.clock.mono() + timeout;
  options.stop = std::move(stop);
  options.lookback = form.lookback(options.lookback);
  options.per_step_stats = form.get("stats") == "all";
  if (context.sources.subquery_step) options.subquery_step = context.sources.subquery_step();
  return options;
}

net::Response answer(const query::promql::Engine& engine, QueryResult result, const Form& form,
                     std::size_t limit) {
  if (auto* vector = std::get_if<query::promql::Vector>(&result.value))
    cut_to(vector->series, limit, result.annotations);
  if (auto* matrix = std::get_if<query::promql::Matrix>(&result.value))
    cut_to(matrix->series, limit, result.annotations);
  // Written where it is sent from: an answer may have tens of megabytes.
  std::string body = begin_success();
  engine.append_json(body, result);
  if (!form.get("stats").empty()) {
    body.pop_back();
    body += ",\"stats\":" + query::promql::stats_json(result.stats) + "}";
  }
  return end_success(std::move(body), result.annotations);
}

net::Response instant(const PrometheusContext& context, const net::Request& request,
                      std::stop_token stop) {
  Form form(request);
  const auto limit = form.limit();
  const auto at = form.time_or("time", to_ms(context.env.clock.now()));
  const auto options = query_options(form, context, request, std::move(stop));
  if (form.error()) return refuse(*form.error());
  auto expr = form.expression();
  if (!expr) return refuse(bad_parameter("query", expr.error().message()));
  auto result = context.sources.engine.instant(form.get("query"), at, options);
  if (!result) return refuse(execution_error(result.error()));
  return answer(context.sources.engine, std::move(*result), form, limit);
}

struct Window {
  model::Timestamp from = 0, to = 0;
  Duration step{};
};

Window window_of(Form& form) {
  Window window;
  window.from = form.time("start");
  window.to = form.time("end");
  if (!form.error() && window.to < window.from)
    form.fail(bad_parameter("end", "end timestamp must not be before start time"));
  if (form.get("step").empty())
    form.fail(bad_parameter("step", "cannot parse \"\" to a valid duration"));
  window.step = form.duration("step", Duration::zero());
  if (!form.error() && to_ms(window.step) <= 0) {
    form.fail(bad_parameter("step",
                            "zero or negative query resolution step widths are not accepted. Try a "
                            "positive integer"));
  }
  // Unsigned: the whole of time is longer than a signed number holds.
  const auto span = static_cast<std::uint64_t>(window.to) - static_cast<std::uint64_t>(window.from);
  if (!form.error() && span / static_cast<std::uint64_t>(to_ms(window.step)) > kPointCountMax) {
    form.fail(
        bad_data("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the "
                 "query resolution (?step=XX)"));
  }
  return window;
}

net::Response range(const PrometheusContext& context, const net::Request& request,
                    std::stop_token stop) {
  Form form(request);
  const auto limit = form.limit();
  const auto window = window_of(form);
  auto options = query_options(form, context, request, std::move(stop));
  // Both ends belong to the range, and what Prometheus refuses was refused above.
  options.point_count_max = kPointCountMax + 1;
  if (form.error()) return refuse(*form.error());
  auto expr = form.expression();
  if (!expr) return refuse(bad_parameter("query", expr.error().message()));
  auto result = context.sources.engine.range(form.get("query"), window.from, window.to,
                                             to_ms(window.step), options);
  if (!result) {
    const bool of_type = result.error().message().starts_with("invalid expression type");
    return refuse(of_type ? bad_parameter("query", result.error().message())
                          : execution_error(result.error()));
  }
  return answer(context.sources.engine, std::move(*result), form, limit);
}

// ---- exemplars ----

net::Response exemplars(const PrometheusContext& context, const net::Request& request) {
  Form form(request);
  const auto range = form.range();
  if (!form.error() && range.to < range.from)
    form.fail(bad_data("end timestamp must not be before start timestamp"));
  if (form.error()) return refuse(*form.error());
  auto expr = form.expression();
  if (!expr) return refuse(bad_data(expr.error().message()));
  const auto selectors = selectors_of(**expr);
  if (selectors.empty()) return no_content();
  std::string data;
  JsonList list(data);
  for (const auto& series : context.sources.store.exemplars(selectors, range.from, range.to)) {
    JsonMembers one(list.next());
    append_json_labels(one.name("seriesLabels"), series.series);
    JsonList items(one.name("exemplars"));
    for (const auto& exemplar : series.exemplars) {
      JsonMembers item(items.next());
      append_json_labels(item.name("labels"), exemplar.labels);
      append_json_value(item.name("value"), exemplar.value);
      append_json_time(item.name("timestamp"), exemplar.t);
      item.end();
    }
    items.end();
    one.end();
  }
  list.end();
  return success(data);
}

net::Response format(const net::Request& request) {
  Form form(request);
  auto expr = form.expression();
  if (!expr) return refuse(bad_parameter("query", expr.error().message()));
  return success(json_text(query::promql::format_expr(**expr)));
}

net::Response parse(const net::Request& request) {
  Form form(request);
  auto expr = form.expression();
  if (!expr) return refuse(bad_parameter("query", expr.error().message()));
  return success(promql_tree(**expr));
}

}  // namespace

void add_query_routes(PrometheusRoutes& routes) {
  const auto context = routes.context();
  routes.pooled(kGetPost, "/api/v1/query", [context](const auto& request, auto stop) {
    return instant(*context, request, std::move(stop));
  });
  routes.pooled(kGetPost, "/api/v1/query_range", [context](const auto& request, auto stop) {
    return range(*context, request, std::move(stop));
  });
  routes.pooled(kGetPost, "/api/v1/query_exemplars",
                [context](const auto& request, auto) { return exemplars(*context, request); });
  routes.pooled(kGetPost, "/api/v1/format_query",
                [](const auto& request, auto) { return format(request); });
  routes.pooled(kGetPost, "/api/v1/parse_query",
                [](const auto& request, auto) { return parse(request); });
}

}  // namespace holdfast::app
