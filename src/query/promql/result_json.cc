// Prometheus' JSON of a result. Written by hand: an answer may hold millions of points.
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "query/promql/engine.h"
#include "query/promql/histogram_math.h"

namespace holdfast::query::promql {
namespace {

void append_text(std::string& out, std::string_view text) {
  // Labels are UTF-8 by contract; what slipped through is replaced rather than thrown about.
  out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append_time(std::string& out, Timestamp t) {
  if (t < 0) out += '-';
  const auto ms = static_cast<std::uint64_t>(t < 0 ? -t : t);
  out += std::to_string(ms / 1000);
  if (const auto rest = ms % 1000; rest != 0) {
    const auto digits = std::to_string(1000 + rest);
    out += '.';
    out += std::string_view(digits).substr(1);
  }
}

void append_value(std::string& out, double v) {
  out += '"';
  out += format_double(v);
  out += '"';
}

// How the bounds of a bucket belong to it, in the numbers of the API.
int boundary_rule(const Bucket& b) {
  if (b.lower_inclusive) return b.upper_inclusive ? 3 : 1;
  return b.upper_inclusive ? 0 : 2;
}

void append_histogram(std::string& out, const Histogram& h) {
  out += "{\"count\":";
  append_value(out, h.count);
  out += ",\"sum\":";
  append_value(out, h.sum);
  bool first = true;
  for (const auto& b : all_buckets(h)) {
    if (b.count == 0) continue;
    out += first ? ",\"buckets\":[[" : ",[";
    first = false;
    out += std::to_string(boundary_rule(b)) + ",";
    append_value(out, b.lower);
    out += ',';
    append_value(out, b.upper);
    out += ',';
    append_value(out, b.count);
    out += ']';
  }
  out += first ? "}" : "]}";
}

void append_point(std::string& out, const Sample& point) {
  out += '[';
  append_time(out, point.t);
  out += ',';
  if (point.histogram != nullptr) {
    append_histogram(out, *point.histogram);
  } else {
    append_value(out, point.value);
  }
  out += ']';
}

void append_labels(std::string& out, const Labels& labels) {
  out += "{\"metric\":{";
  bool first = true;
  for (const auto& label : labels) {
    if (!first) out += ',';
    first = false;
    append_text(out, label.name);
    out += ':';
    append_text(out, label.value);
  }
  out += '}';
}

// ,"values":[...] or ,"histograms":[...]: the points of one kind, left out when there are none.
void append_points(std::string& out, const Series& series, bool histograms) {
  bool first = true;
  for (const auto& point : series.points) {
    if ((point.histogram != nullptr) != histograms) continue;
    if (first) {
      out += histograms ? ",\"histograms\":[" : ",\"values\":[";
    } else {
      out += ',';
    }
    first = false;
    append_point(out, point);
  }
  if (!first) out += ']';
}

struct Writer {
  std::string operator()(const Scalar& s) const {
    std::string out = "{\"resultType\":\"scalar\",\"result\":";
    append_point(out, {s.t, s.value, nullptr});
    return out + "}";
  }
  std::string operator()(const String& s) const {
    std::string out = "{\"resultType\":\"string\",\"result\":[";
    append_time(out, s.t);
    out += ',';
    append_text(out, s.value);
    return out + "]}";
  }
  std::string operator()(const Vector& v) const {
    std::string out = "{\"resultType\":\"vector\",\"result\":[";
    for (std::size_t i = 0; i < v.series.size(); ++i) {
      if (i > 0) out += ',';
      append_labels(out, v.series[i].labels);
      const auto& point = v.series[i].points.front();
      out += point.histogram != nullptr ? ",\"histogram\":" : ",\"value\":";
      append_point(out, point);
      out += '}';
    }
    return out + "]}";
  }
  std::string operator()(const Matrix& m) const {
    std::string out = "{\"resultType\":\"matrix\",\"result\":[";
    for (std::size_t i = 0; i < m.series.size(); ++i) {
      if (i > 0) out += ',';
      append_labels(out, m.series[i].labels);
      append_points(out, m.series[i], false);
      append_points(out, m.series[i], true);
      out += '}';
    }
    return out + "]}";
  }
};

}  // namespace

std::string result_json(const QueryResult& result) { return std::visit(Writer{}, result.value); }

}  // namespace holdfast::query::promql
