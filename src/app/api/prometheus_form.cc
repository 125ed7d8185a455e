#include "app/api/prometheus_form.h"

#include <algorithm>
#include <cmath>

#include "app/api/json_text.h"
#include "base/text.h"

namespace holdfast::app {

ApiError bad_data(std::string message) { return {"bad_data", 400, std::move(message)}; }
ApiError bad_parameter(std::string_view name, const std::string& why) {
  return bad_data("invalid parameter \"" + std::string(name) + "\": " + why);
}
ApiError internal_error(std::string message) { return {"internal", 500, std::move(message)}; }

ApiError execution_error(const Error& error) {
  switch (error.code()) {
    case Code::kTimeout:
      return {"timeout", 503, error.message()};
    case Code::kCanceled:
      return {"canceled", 503, error.message()};
    case Code::kUnavailable:  // a bucket or a peer that the answer needs
      return {"unavailable", 503, error.message()};
    case Code::kNotFound:
      return {"not_found", 404, error.message()};
    case Code::kInternal:
    case Code::kDataLoss:
      return {"internal", 500, error.message()};
    default:
      return {"execution", 422, error.message()};
  }
}

net::Response refuse(const ApiError& error) {
  std::string body;
  JsonMembers(body)
      .text("status", "error")
      .text("errorType", error.type)
      .text("error", error.message)
      .end();
  return net::Response::json(error.status, std::move(body));
}

std::string begin_success() { return R"({"status":"success","data":)"; }

net::Response success(std::string_view data, const query::promql::Annotations& annotations) {
  std::string body = begin_success();
  body.reserve(body.size() + data.size() + 64);
  body.append(data);
  return end_success(std::move(body), annotations);
}

net::Response end_success(std::string body, const query::promql::Annotations& annotations) {
  const auto notes = [&](const char* name, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    body.append(",\"").append(name).append("\":");
    JsonList list(body);
    for (const auto& text : texts) append_json_text(list.next(), text);
    list.end();
  };
  notes("warnings", annotations.warnings);
  notes("infos", annotations.infos);
  body += '}';
  return net::Response::json(200, std::move(body));
}

net::Response no_content() {
  net::Response response;
  response.status = 204;
  return response;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else
      out += c;
  }
  return out += '"';
}

std::string_view Form::get(std::string_view name) const {
  for (const auto& [key, value] : params_) {
    if (key == name) return value;
  }
  return {};
}

std::vector<std::string> Form::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : params_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

void Form::fail(ApiError error) {
  if (!error_) error_ = std::move(error);
}

std::optional<model::Timestamp> Form::parsed_time(std::string_view text, std::string& why) const {
  if (auto parsed = parse_time(text))
    return std::clamp(to_ms(*parsed), model::kTimestampMin, model::kTimestampMax);
  why = "cannot parse " + quoted(text) + " to a valid timestamp";
  return std::nullopt;
}

model::Timestamp Form::time(std::string_view name) {
  std::string why;
  if (const auto t = parsed_time(get(name), why)) return *t;
  fail(bad_parameter(name, why));
  return 0;
}

model::Timestamp Form::time_or(std::string_view name, model::Timestamp fallback) {
  const auto text = get(name);
  if (text.empty()) return fallback;
  std::string why;
  if (const auto t = parsed_time(text, why)) return *t;
  fail(bad_parameter(name, "Invalid time value for '" + std::string(name) + "': " + why));
  return fallback;
}

namespace {

// The duration, or why it is none.
std::optional<Duration> duration_of(std::string_view text, std::string& why) {
  if (const auto seconds = parse_double(text)) {
    if (std::isfinite(*seconds) && std::abs(*seconds) < 9.2e9) return from_seconds(*seconds);
    why = "cannot parse " + quoted(text) + " to a valid duration. It overflows int64";
    return std::nullopt;
  }
  if (auto parsed = parse_duration(text)) return *parsed;
  why = "cannot parse " + quoted(text) + " to a valid duration";
  return std::nullopt;
}

}  // namespace

Duration Form::duration(std::string_view name, Duration fallback) {
  const auto text = get(name);
  if (text.empty()) return fallback;
  std::string why;
  if (const auto parsed = duration_of(text, why)) return *parsed;
  fail(bad_parameter(name, why));
  return fallback;
}

Duration Form::lookback(Duration fallback) {
  const auto text = get("lookback_delta");
  if (text.empty()) return fallback;
  std::string why;
  if (const auto parsed = duration_of(text, why)) return *parsed;
  fail(bad_data("error parsing lookback delta duration: " + why));
  return fallback;
}

std::size_t Form::limit() {
  const auto text = get("limit");
  if (text.empty()) return 0;
  const auto parsed = parse_int(text);
  if (parsed && *parsed >= 0) return static_cast<std::size_t>(*parsed);
  fail(bad_parameter("limit", parsed
                                  ? "limit must be non-negative"
                                  : "strconv.Atoi: parsing " + quoted(text) + ": invalid syntax"));
  return 0;
}

std::int64_t Form::number(std::string_view name, std::int64_t fallback) {
  const auto text = get(name);
  if (text.empty()) return fallback;
  if (const auto parsed = parse_int(text)) return *parsed;
  fail(bad_data(std::string(name) + " must be a number"));
  return fallback;
}

bool Form::flag(std::string_view name) {
  const auto text = get(name);
  if (text.empty()) return false;
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == yes) return true;
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == no) return false;
  const std::string why = "strconv.ParseBool: parsing " + quoted(text) + ": invalid syntax";
  fail(bad_parameter(name, name == "skip_head"
                               ? "unable to parse boolean: " + why
                               : "error converting " + std::string(name) + ": " + why));
  return false;
}

MatcherSets Form::matchers(std::string_view what) {
  MatcherSets sets;
  const auto refuse_set = [&](const std::string& why) {
    fail(what.empty() ? bad_data(why) : bad_parameter(what, why));
    return MatcherSets{};
  };
  for (const auto& text : all("match[]")) {
    auto parsed = query::promql::parse_selector(text);
    if (!parsed) {
      // Prometheus parses `{}` here and finds fault with it in other words than in a query.
      const bool empty = trim(text) == "{}";
      return refuse_set(empty ? "match[] must contain at least one non-empty matcher"
                              : parsed.error().message());
    }
    if (std::ranges::all_of(*parsed, [](const auto& matcher) { return matcher.matches_empty(); }))
      return refuse_set("match[] must contain at least one non-empty matcher");
    sets.push_back(std::move(*parsed));
  }
  return sets;
}

Result<query::promql::ExprPtr> Form::expression() {
  const auto text = get("query");
  if (text.empty()) return invalid("unknown position: parse error: no expression found in input");
  return query::promql::parse_expr(text);
}

}  // namespace holdfast::app
