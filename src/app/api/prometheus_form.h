// app/api/prometheus_form.h: what the handlers of Prometheus' API share: parameters in, answers out.
//
// Purpose     Form reads a request's parameters as Prometheus reads them and keeps the first mistake in its
//             words; success() and refuse() write the envelope.
// Errors      bad_data 400, execution 422, timeout and canceled 503, not_found 404, unavailable and internal 500.
// Units       Times are milliseconds since the epoch.
// Threads     Values of one request.
// Source      Prometheus' HTTP API, version 3; texts compared with 2.53 by tests/app/prometheus_peer_test.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/result.h"
#include "metrics/store.h"
#include "model/matcher.h"
#include "net/http.h"
#include "query/promql/engine.h"

namespace holdfast::app {

using MatcherSets = std::vector<std::vector<model::Matcher>>;

struct ApiError {
  std::string type;
  int status;
  std::string message;
};
ApiError bad_data(std::string message);
ApiError bad_parameter(std::string_view name, const std::string& why);
ApiError internal_error(std::string message);
// An error of evaluation, as Prometheus names it.
ApiError execution_error(const Error& error);

net::Response refuse(const ApiError& error);
// The answer around a `data` member that is JSON text already.
net::Response success(std::string_view data, const query::promql::Annotations& annotations = {});
// The same in two steps, for data that is written behind what the first returns.
std::string begin_success();
net::Response end_success(std::string body, const query::promql::Annotations& annotations = {});
net::Response no_content();

// The words of Go's quoting, %q: "a\"b".
std::string quoted(std::string_view text);

struct TimeRange {
  model::Timestamp from = model::kTimestampMin;
  model::Timestamp to = model::kTimestampMax;
};

class Form {
 public:
  explicit Form(const net::Request& request) : params_(request.form()) {}

  std::string_view get(std::string_view name) const;  // the first, or ""
  std::vector<std::string> all(std::string_view name) const;

  model::Timestamp time(std::string_view name);  // required: "" is no time
  model::Timestamp time_or(std::string_view name, model::Timestamp fallback);
  TimeRange range() {
    return {time_or("start", model::kTimestampMin), time_or("end", model::kTimestampMax)};
  }
  // Seconds as a number, or Prometheus' form.
  Duration duration(std::string_view name, Duration fallback);
  Duration lookback(Duration fallback);
  std::size_t limit();  // 0: none
  // A whole number, `fallback` when absent; the error is "<name> must be a number".
  std::int64_t number(std::string_view name, std::int64_t fallback);
  bool flag(std::string_view name);
  // Of match[], `what` names it in the error, or "" for the bare text.
  MatcherSets matchers(std::string_view what);
  Result<query::promql::ExprPtr> expression();

  void fail(ApiError error);
  const std::optional<ApiError>& error() const { return error_; }

 private:
  std::optional<model::Timestamp> parsed_time(std::string_view text, std::string& why) const;
  net::Params params_;
  std::optional<ApiError> error_;
};

// Keeps the first `limit`; says so.
template <typename T>
void cut_to(std::vector<T>& values, std::size_t limit, query::promql::Annotations& notes) {
  if (limit == 0 || values.size() <= limit) return;
  values.resize(limit);
  notes.warnings.push_back("results truncated due to limit");
}

}  // namespace holdfast::app
