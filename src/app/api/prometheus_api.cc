#include "app/api/prometheus_api.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"

namespace holdfast::app {
namespace {

using nlohmann::json;
using query::promql::Engine;
using query::promql::QueryOptions;

constexpr Duration kQueryTimeoutMax = 2min;
constexpr std::uint64_t kPointCountMax = 11'000;

struct ApiError {
  std::string type;
  int status;
  std::string message;
};

// What callers send and what labels hold need not be UTF-8; an answer always is.
std::string text_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}
std::string quoted(const std::string& text) { return text_of(json(text)); }

net::Response error_response(const ApiError& error) {
  return net::Response::json(
      error.status,
      text_of({{"status", "error"}, {"errorType", error.type}, {"error", error.message}}));
}

ApiError bad_data(std::string message) { return {"bad_data", 400, std::move(message)}; }
ApiError bad_parameter(std::string_view name, const std::string& why) {
  return bad_data("invalid parameter \"" + std::string(name) + "\": " + why);
}

// An error of evaluation, as Prometheus names it.
ApiError execution_error(const Error& error) {
  switch (error.code()) {
    case Code::kTimeout:
      return {"timeout", 503, error.message()};
    case Code::kCanceled:
      return {"canceled", 503, error.message()};
    case Code::kNotFound:
      return {"not_found", 404, error.message()};
    case Code::kInternal:
    case Code::kDataLoss:
      return {"internal", 500, error.message()};
    default:
      return {"execution", 422, error.message()};
  }
}

// The answer around a `data` member that is JSON text already.
net::Response success(const std::string& data, const query::promql::Annotations& annotations = {}) {
  std::string body = R"({"status":"success","data":)" + data;
  if (!annotations.warnings.empty()) body += ",\"warnings\":" + text_of(json(annotations.warnings));
  if (!annotations.infos.empty()) body += ",\"infos\":" + text_of(json(annotations.infos));
  body += "}";
  return net::Response::json(200, std::move(body));
}

// A form with the accessors the handlers need; every failure is an ApiError in `error`.
class Form {
 public:
  explicit Form(const net::Request& request) : params_(request.form()) {}

  std::string get(std::string_view name) const {
    for (const auto& [key, value] : params_) {
      if (key == name) return value;
    }
    return {};
  }
  std::vector<std::string> all(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& [key, value] : params_) {
      if (key == name) values.push_back(value);
    }
    return values;
  }

  model::Timestamp time(std::string_view name, std::optional<model::Timestamp> fallback) {
    const auto text = get(name);
    if (text.empty() && fallback) return *fallback;
    auto parsed = parse_time(text);
    if (parsed) return to_ms(*parsed);
    fail(bad_parameter(name, "cannot parse " + quoted(text) + " to a valid timestamp"));
    return 0;
  }

  // Seconds as a number, or Prometheus' form.
  Duration duration(std::string_view name, Duration fallback) {
    const auto text = get(name);
    if (text.empty()) return fallback;
    if (const auto seconds = parse_double(text)) {
      if (std::isfinite(*seconds) && std::abs(*seconds) < 9.2e9) return from_seconds(*seconds);
      fail(bad_parameter(
          name, "cannot parse " + quoted(text) + " to a valid duration. It overflows int64"));
      return fallback;
    }
    auto parsed = parse_duration(text);
    if (parsed) return *parsed;
    fail(bad_parameter(name, "cannot parse " + quoted(text) + " to a valid duration"));
    return fallback;
  }

  std::size_t limit() {
    const auto text = get("limit");
    if (text.empty()) return 0;
    const auto parsed = parse_int(text);
    if (parsed && *parsed >= 0) return static_cast<std::size_t>(*parsed);
    fail(bad_parameter("limit", parsed ? "limit must be non-negative"
                                       : "cannot parse " + quoted(text) + " to a whole number"));
    return 0;
  }

  std::vector<std::vector<model::Matcher>> matchers() {
    std::vector<std::vector<model::Matcher>> sets;
    for (const auto& text : all("match[]")) {
      auto parsed = query::promql::parse_selector(text);
      if (!parsed) {
        fail(bad_parameter("match[]", parsed.error().message()));
        return {};
      }
      sets.push_back(std::move(*parsed));
    }
    return sets;
  }

  QueryOptions query_options(const Env& env, std::stop_token stop) {
    QueryOptions options;
    const auto timeout = std::min(duration("timeout", kQueryTimeoutMax), kQueryTimeoutMax);
    options.deadline = env.clock.mono() + timeout;
    options.stop = std::move(stop);
    options.lookback = duration("lookback_delta", options.lookback);
    return options;
  }

  void fail(ApiError error) {
    if (!error_) error_ = std::move(error);
  }
  const std::optional<ApiError>& error() const { return error_; }

 private:
  net::Params params_;
  std::optional<ApiError> error_;
};

class PrometheusApi {
 public:
  PrometheusApi(Env& env, const PrometheusSources& sources) : env_(env), sources_(sources) {}

  net::Response query(const net::Request& request, std::stop_token stop) const {
    Form form(request);
    const auto at = form.time("time", to_ms(env_.clock.now()));
    const auto limit = form.limit();
    const auto options = form.query_options(env_, std::move(stop));
    if (form.error()) return error_response(*form.error());
    auto expr = query::promql::parse_expr(form.get("query"));
    if (!expr) return error_response(bad_parameter("query", expr.error().message()));
    auto result = sources_.engine.instant(**expr, at, options);
    if (!result) return error_response(execution_error(result.error()));
    return answer(std::move(*result), limit);
  }

  net::Response query_range(const net::Request& request, std::stop_token stop) const {
    Form form(request);
    const auto from = form.time("start", std::nullopt);
    const auto to = form.time("end", std::nullopt);
    if (!form.error() && to < from)
      form.fail(bad_parameter("end", "end timestamp must not be before start time"));
    const auto step =
        form.get("step").empty() ? Duration::zero() : form.duration("step", Duration::zero());
    if (!form.error() && form.get("step").empty())
      form.fail(bad_parameter("step", "cannot parse \"\" to a valid duration"));
    if (!form.error() && to_ms(step) <= 0) {
      form.fail(bad_parameter("step",
                              "zero or negative query resolution step widths are not accepted. Try "
                              "a positive integer"));
    }
    // Unsigned: the whole of time is longer than a signed number holds.
    const auto span = static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
    if (!form.error() && span / static_cast<std::uint64_t>(to_ms(step)) > kPointCountMax) {
      form.fail(
          bad_data("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing "
                   "the query resolution (?step=XX)"));
    }
    const auto limit = form.limit();
    const auto options = form.query_options(env_, std::move(stop));
    if (form.error()) return error_response(*form.error());
    auto expr = query::promql::parse_expr(form.get("query"));
    if (!expr) return error_response(bad_parameter("query", expr.error().message()));
    auto result = sources_.engine.range(**expr, from, to, to_ms(step), options);
    if (!result) return error_response(execution_error(result.error()));
    return answer(std::move(*result), limit);
  }

  net::Response format_query(const net::Request& request) const {
    Form form(request);
    auto expr = query::promql::parse_expr(form.get("query"));
    if (!expr) return error_response(bad_parameter("query", expr.error().message()));
    return success(quoted(query::promql::format_expr(**expr)));
  }

  net::Response series(const net::Request& request) const {
    Form form(request);
    const auto range = time_range(form);
    const auto limit = form.limit();
    const auto sets = form.matchers();
    if (!form.error() && sets.empty()) form.fail(bad_data("no match[] parameter provided"));
    if (form.error()) return error_response(*form.error());
    // One more than the limit tells whether something was left out.
    auto found = sources_.store.series(sets, range.from, range.to, limit == 0 ? 0 : limit + 1);
    if (!found) return error_response(execution_error(found.error()));
    query::promql::Annotations notes;
    cut(*found, limit, notes);
    json data = json::array();
    for (const auto& labels : *found) {
      json one = json::object();
      for (const auto& label : labels) one[label.name] = label.value;
      data.push_back(std::move(one));
    }
    return success(text_of(data), notes);
  }

  net::Response labels(const net::Request& request) const {
    Form form(request);
    const auto range = time_range(form);
    const auto limit = form.limit();
    const auto sets = form.matchers();
    if (form.error()) return error_response(*form.error());
    return names(sources_.store.label_names(sets, range.from, range.to), limit);
  }

  net::Response label_values(const net::Request& request) const {
    Form form(request);
    const auto& name = request.path_params.at("name");
    if (name.empty() || !is_valid_utf8(name))
      return error_response(bad_data("invalid label name: " + quoted(printable(name))));
    const auto range = time_range(form);
    const auto limit = form.limit();
    const auto sets = form.matchers();
    if (form.error()) return error_response(*form.error());
    return names(sources_.store.label_values(name, sets, range.from, range.to), limit);
  }

  net::Response metadata(const net::Request& request) const {
    Form form(request);
    const auto limit = form.limit();
    if (form.error()) return error_response(*form.error());
    json data = json::object();
    for (const auto& [metric, all] : sources_.store.metadata(form.get("metric"), limit)) {
      json list = json::array();
      for (const auto& one : all)
        list.push_back({{"type", one.type}, {"help", one.help}, {"unit", one.unit}});
      data[metric] = std::move(list);
    }
    return success(text_of(data));
  }

  static net::Response buildinfo() {
    return success(json{
        {"version", HOLDFAST_VERSION},
        {"revision", ""},
        {"branch", ""},
        {"buildUser", ""},
        {"buildDate", ""},
        {"goVersion", ""},
        {"application",
         "holdfast"}}.dump());
  }

  // The next three run on the control strand.
  net::Response targets() const {
    json active = json::array();
    for (const auto& target : sources_.targets()) {
      active.push_back({{"discoveredLabels", label_map(target.discovered_labels)},
                        {"labels", label_map(target.labels)},
                        {"scrapePool", target.target.job},
                        {"scrapeUrl", target.scrape_url},
                        {"globalUrl", target.scrape_url},
                        {"lastError", target.last_error},
                        {"lastScrape", format_time(target.last_scrape)},
                        {"lastScrapeDuration", to_seconds(target.last_scrape_duration)},
                        {"health", target.health},
                        {"scrapeInterval", format_duration(target.target.interval)},
                        {"scrapeTimeout", format_duration(target.target.timeout)}});
    }
    return success(text_of({{"activeTargets", active},
                            {"droppedTargets", json::array()},
                            {"droppedTargetCounts", json::object()}}));
  }

  net::Response rules(const net::Request& request) const {
    const std::string kind(request.param("type"));
    if (!kind.empty() && kind != "alert" && kind != "record")
      return error_response(bad_parameter("type", "not supported value " + quoted(kind)));
    json groups = json::array();
    for (const auto& group : sources_.rules()) {
      json rules = json::array();
      for (const auto& rule : group.rules) {
        if ((kind == "alert" && rule.kind != "alerting") ||
            (kind == "record" && rule.kind != "recording"))
          continue;
        rules.push_back(rule_json(rule));
      }
      if (rules.empty() && !kind.empty()) continue;
      groups.push_back({{"name", group.name},
                        {"file", group.file},
                        {"interval", to_seconds(group.interval)},
                        {"limit", group.limit},
                        {"rules", rules},
                        {"evaluationTime", to_seconds(group.evaluation_time)},
                        {"lastEvaluation", format_time(group.last_evaluation)}});
    }
    return success(text_of({{"groups", groups}}));
  }

  net::Response alerts() const {
    json list = json::array();
    for (const auto& alert : sources_.alerts()) {
      if (alert.state != model::AlertState::kResolved) list.push_back(alert_json(alert));
    }
    return success(text_of({{"alerts", list}}));
  }

 private:
  struct Range {
    model::Timestamp from, to;
  };
  static Range time_range(Form& form) {
    return {form.time("start", model::kTimestampMin), form.time("end", model::kTimestampMax)};
  }

  template <typename T>
  static void cut(std::vector<T>& values, std::size_t limit, query::promql::Annotations& notes) {
    if (limit == 0 || values.size() <= limit) return;
    values.resize(limit);
    notes.warnings.push_back("results truncated due to limit");
  }

  static net::Response names(Result<std::vector<std::string>> found, std::size_t limit) {
    if (!found) return error_response(execution_error(found.error()));
    query::promql::Annotations notes;
    cut(*found, limit, notes);
    return success(text_of(json(*found)), notes);
  }

  static net::Response answer(query::promql::QueryResult result, std::size_t limit) {
    if (auto* vector = std::get_if<query::promql::Vector>(&result.value))
      cut(vector->series, limit, result.annotations);
    if (auto* matrix = std::get_if<query::promql::Matrix>(&result.value))
      cut(matrix->series, limit, result.annotations);
    return success(query::promql::result_json(result), result.annotations);
  }

  static json label_map(const model::Labels& labels) {
    json map = json::object();
    for (const auto& label : labels) map[label.name] = label.value;
    return map;
  }

  static json alert_json(const model::Alert& alert) {
    return {{"labels", label_map(alert.labels)},
            {"annotations", label_map(alert.annotations)},
            {"state", model::alert_state_name(alert.state)},
            {"activeAt", format_time(alert.active_at)},
            {"value", format_double(alert.value)}};
  }

  static json rule_json(const detect::RuleStatus& rule) {
    json one = {{"name", rule.name},
                {"query", rule.query},
                {"labels", label_map(rule.labels)},
                {"health", rule.health},
                {"evaluationTime", to_seconds(rule.evaluation_time)},
                {"lastEvaluation", format_time(rule.last_evaluation)},
                {"type", rule.kind}};
    if (!rule.last_error.empty()) one["lastError"] = rule.last_error;
    if (rule.kind != "alerting") return one;
    one["duration"] = to_seconds(rule.hold);
    one["keepFiringFor"] = to_seconds(rule.keep_firing_for);
    one["annotations"] = label_map(rule.annotations);
    json alerts = json::array();
    std::string state = "inactive";
    for (const auto& alert : rule.alerts) {
      if (alert.state == model::AlertState::kResolved) continue;
      alerts.push_back(alert_json(alert));
      if (alert.state == model::AlertState::kFiring)
        state = "firing";
      else if (state == "inactive")
        state = "pending";
    }
    one["alerts"] = std::move(alerts);
    one["state"] = state;
    return one;
  }

  Env& env_;
  PrometheusSources sources_;
};

}  // namespace

void add_prometheus_routes(net::Router& router, Env& env, const PrometheusSources& sources) {
  auto api = std::make_shared<PrometheusApi>(env, sources);
  const auto pooled = [&router](const std::string& path, auto handle, bool post) {
    auto run = [handle](const net::Request& request, net::ResponderPtr responder) {
      responder->send(handle(request, responder->stop()));
    };
    router.add("GET", path, run, {.blocking = true});
    if (post) router.add("POST", path, run, {.blocking = true});
  };
  pooled(
      "/api/v1/query", [api](const auto& r, auto stop) { return api->query(r, stop); }, true);
  pooled(
      "/api/v1/query_range", [api](const auto& r, auto stop) { return api->query_range(r, stop); },
      true);
  pooled(
      "/api/v1/format_query", [api](const auto& r, auto) { return api->format_query(r); }, true);
  pooled(
      "/api/v1/series", [api](const auto& r, auto) { return api->series(r); }, true);
  pooled(
      "/api/v1/labels", [api](const auto& r, auto) { return api->labels(r); }, true);
  pooled(
      "/api/v1/label/{name}/values", [api](const auto& r, auto) { return api->label_values(r); },
      false);
  pooled(
      "/api/v1/metadata", [api](const auto& r, auto) { return api->metadata(r); }, false);
  pooled(
      "/api/v1/status/buildinfo", [](const auto&, auto) { return PrometheusApi::buildinfo(); },
      false);

  const auto on_control = [&router, &env](const std::string& path, auto handle) {
    router.add(
        "GET", path, [&env, handle](const net::Request& request, net::ResponderPtr responder) {
          env.executor.post(Lane::kControl,
                            [handle, request, responder] { responder->send(handle(request)); });
        });
  };
  on_control("/api/v1/targets", [api](const auto&) { return api->targets(); });
  on_control("/api/v1/rules", [api](const auto& r) { return api->rules(r); });
  on_control("/api/v1/alerts", [api](const auto&) { return api->alerts(); });
}

}  // namespace holdfast::app
