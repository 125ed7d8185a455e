// InfluxDB's answers: what Telegraf and the client libraries of 1.x and 2.x expect.
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "collect/receive/handlers.h"
#include "collect/receive/influx_line.h"

namespace holdfast::collect {
namespace {

using nlohmann::json;

constexpr const char* kVersion = "1.8.10";  // whose API this is

net::Response error_answer(const Error& error, bool v2) {
  auto response = refuse(error);
  const json body = v2 ? json{{"code", error.code() == Code::kInvalid ? "invalid" : "unavailable"},
                              {"message", error.message()}}
                       : json{{"error", error.message()}};
  response.body = body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  response.headers.set("Content-Type", "application/json");
  response.headers.set("X-Influxdb-Version", kVersion);
  return response;
}

}  // namespace

net::Response answer_influx_write(Intake& intake, const net::Request& request) {
  const bool v2 = request.path.starts_with("/api/v2/");
  InfluxOptions options;
  options.now = intake.now();
  const auto precision = influx_precision(request.param("precision"));
  if (!precision) return error_answer(precision.error(), v2);
  options.precision = *precision;
  // VictoriaMetrics' convention: the database is the label `db`, of 2.x the bucket is one.
  const std::string database(request.param(v2 ? "bucket" : "db"));
  if (!is_valid_utf8(database))
    return error_answer(invalid("the database's name is not UTF-8"), v2);
  options.more = model::Labels{{"db", database}};
  const auto stored = intake.keep(Protocol::kInflux, read_influx_lines(request.body, options));
  if (!stored) return error_answer(stored.error(), v2);
  if (!stored->refusals.empty())
    return error_answer(invalid("partial write: " + stored->refusals.text()), v2);
  net::Response response;
  response.status = 204;
  response.headers.set("X-Influxdb-Version", kVersion);
  return response;
}

net::Response answer_influx_ping(Intake&, const net::Request& request) {
  net::Response response;
  response.headers.set("X-Influxdb-Version", kVersion);
  if (request.param("verbose") == "true") {
    response.headers.set("Content-Type", "application/json");
    response.body = json{{"version", kVersion}}.dump() + "\n";
  } else {
    response.status = 204;
  }
  return response;
}

// Senders create their database before they write; there is nothing to create. Anything that asks for data
// gets none: PromQL answers that.
net::Response answer_influx_query(Intake&, const net::Request& request) {
  std::string query;
  for (const auto& [name, value] : request.form()) {
    if (name == "q") query = lower(trim(value));
  }
  if (query.empty()) return error_answer(invalid("missing required parameter \"q\""), false);
  json result = {{"statement_id", 0}};
  if (query.starts_with("show databases")) {
    result["series"] =
        json::array({{{"name", "databases"}, {"columns", {"name"}}, {"values", json::array()}}});
  }
  auto response = net::Response::json(200, json{{"results", json::array({result})}}.dump() + "\n");
  response.headers.set("X-Influxdb-Version", kVersion);
  return response;
}

}  // namespace holdfast::collect
