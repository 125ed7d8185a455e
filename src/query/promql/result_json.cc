// Prometheus' JSON of a result. Written by hand: an answer may hold millions of points.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "base/text.h"
#include "query/promql/engine.h"
#include "query/promql/histogram_math.h"
#include "query/promql/parallel.h"

namespace holdfast::query::promql {
namespace {

bool is_plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

void append_text(std::string& out, std::string_view text) {
  if (std::all_of(text.begin(), text.end(), is_plain)) {
    out.push_back('"');
    out.append(text);
    out.push_back('"');
    return;
  }
  // Labels are UTF-8 by contract; what slipped through is replaced rather than thrown about.
  out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Numbers are written at the end of a string that was made long enough before.
constexpr std::size_t kNumberSizeMax = 400;  // 1.8e308 in full, and a point's brackets

template <typename Integer>
char* write_integer(char* at, Integer v) {
  return std::to_chars(at, at + 24, v).ptr;
}

char* write_time(char* at, Timestamp t) {
  if (t < 0) *at++ = '-';
  const auto ms = t < 0 ? 0 - static_cast<std::uint64_t>(t) : static_cast<std::uint64_t>(t);
  at = write_integer(at, ms / 1000);
  if (const auto rest = ms % 1000; rest != 0) {
    *at++ = '.';
    *at++ = static_cast<char>('0' + rest / 100);
    *at++ = static_cast<char>('0' + rest / 10 % 10);
    *at++ = static_cast<char>('0' + rest % 10);
  }
  return at;
}

char* write_text(char* at, std::string_view text) {
  return std::copy(text.begin(), text.end(), at);
}

// As Go's 'f' format with the fewest digits that read back.
char* write_double(char* at, double v) {
  // Below 2^53 whole numbers are their own digits.
  constexpr double kWholeMax = 9007199254740992.0;
  if (v == std::trunc(v) && std::abs(v) < kWholeMax && !(v == 0 && std::signbit(v)))
    return write_integer(at, static_cast<std::int64_t>(v));
  // Where the shortest digits reach below the point, fixed form is Go's form too.
  if (std::abs(v) < kWholeMax && std::abs(v) > 1e-6)
    return std::to_chars(at, at + kNumberSizeMax, v, std::chars_format::fixed).ptr;
  return write_text(at, format_double(v));
}

// Values of vectors and matrices: very small and very large ones have an exponent of two digits or
// more. A scalar's never has one.
char* write_point_value(char* at, double v) {
  constexpr double kSmall = 1e-6;
  constexpr double kLarge = 1e21;
  const double size = std::abs(v);
  if (size == 0 || !std::isfinite(v) || (size >= kSmall && size < kLarge))
    return write_double(at, v);
  return std::to_chars(at, at + kNumberSizeMax, v, std::chars_format::scientific).ptr;
}

char* write_float_point(char* at, Timestamp t, double v) {
  *at++ = '[';
  at = write_time(at, t);
  *at++ = ',';
  *at++ = '"';
  at = write_point_value(at, v);
  *at++ = '"';
  *at++ = ']';
  return at;
}

// Lets `write` put at most kNumberSizeMax characters behind the text.
template <typename Write>
void append_written(std::string& out, Write&& write) {
  char buffer[kNumberSizeMax];
  out.append(buffer, write(buffer));
}

void append_time(std::string& out, Timestamp t) {
  append_written(out, [&](char* at) { return write_time(at, t); });
}

// As of scalars and strings: without zeros at the end.
void append_short_time(std::string& out, Timestamp t) {
  append_time(out, t);
  if (t % 1000 == 0) return;
  while (out.back() == '0') out.pop_back();
}

// Of histograms.
void append_value(std::string& out, double v) {
  out += '"';
  append_written(out, [&](char* at) { return write_point_value(at, v); });
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
  if (point.histogram == nullptr) {
    append_written(out, [&](char* at) { return write_float_point(at, point.t, point.value); });
    return;
  }
  out += '[';
  append_time(out, point.t);
  out += ',';
  append_histogram(out, *point.histogram);
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

// Floats of many series at the same times: a time is written out once, then copied.
class FloatPoints {
 public:
  void append(std::string& out, std::span<const Sample> points) {
    bool first = true;
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (points[i].histogram != nullptr) continue;
      if (used_ + kNumberSizeMax + 2 > sizeof buffer_) drain(out);
      char* at = buffer_ + used_;
      at = write_text(at, first ? ",\"values\":[" : ",");
      first = false;
      at = write_text(at, begin_of(i, points[i].t));
      at = write_point_value(at, points[i].value);
      at = write_text(at, "\"]");
      used_ = static_cast<std::size_t>(at - buffer_);
    }
    drain(out);
    if (!first) out += ']';
  }

 private:
  struct Begin {  // ["time,
    Timestamp t = 0;
    std::size_t size = 0;
    char text[32];
  };
  std::string_view begin_of(std::size_t index, Timestamp t) {
    if (index >= begins_.size()) begins_.resize(index + 1);
    Begin& begin = begins_[index];
    if (begin.size == 0 || begin.t != t) {
      char* at = begin.text;
      *at++ = '[';
      at = write_time(at, t);
      *at++ = ',';
      *at++ = '"';
      begin.t = t;
      begin.size = static_cast<std::size_t>(at - begin.text);
    }
    return {begin.text, begin.size};
  }
  void drain(std::string& out) {
    out.append(buffer_, used_);
    used_ = 0;
  }

  std::vector<Begin> begins_;  // by place in a series
  std::size_t used_ = 0;
  char buffer_[16384];
};

// ,"histograms":[...], left out when there are none.
void append_histograms(std::string& out, const Series& series) {
  bool first = true;
  for (const auto& point : series.points) {
    if (point.histogram == nullptr) continue;
    out += first ? ",\"histograms\":[" : ",";
    first = false;
    append_point(out, point);
  }
  if (!first) out += ']';
}

// Series of a matrix, commas between them.
void append_series(std::string& out, std::span<const Series> all) {
  FloatPoints floats;
  for (const auto& series : all) {
    if (&series != all.data()) out += ',';
    append_labels(out, series.labels);
    floats.append(out, series.points);
    append_histograms(out, series);
    out += '}';
  }
}

struct Writer {
  std::string& out;

  void operator()(const Scalar& s) const {
    out += "{\"resultType\":\"scalar\",\"result\":";
    out += '[';
    append_short_time(out, s.t);
    out += ",\"";
    append_written(out, [&](char* at) { return write_double(at, s.value); });
    out += "\"]}";
  }
  void operator()(const String& s) const {
    out += "{\"resultType\":\"string\",\"result\":[";
    append_short_time(out, s.t);
    out += ',';
    append_text(out, s.value);
    out += "]}";
  }
  void operator()(const Vector& v) const {
    out += "{\"resultType\":\"vector\",\"result\":[";
    for (std::size_t i = 0; i < v.series.size(); ++i) {
      if (i > 0) out += ',';
      append_labels(out, v.series[i].labels);
      const auto& point = v.series[i].points.front();
      out += point.histogram != nullptr ? ",\"histogram\":" : ",\"value\":";
      append_point(out, point);
      out += '}';
    }
    out += "]}";
  }
  void operator()(const Matrix& m) const {
    out += "{\"resultType\":\"matrix\",\"result\":[";
    append_series(out, m.series);
    out += "]}";
  }
};

// Enough for most answers at once: what a point takes, and a series' labels.
std::size_t size_guess(std::span<const Series> all) {
  constexpr std::size_t kPoint = 34, kSeries = 220;
  std::size_t size = 64;
  for (const auto& s : all) size += kSeries + kPoint * s.points.size();
  return size;
}

std::size_t size_guess(const QueryResult& result) {
  if (const auto* v = std::get_if<Vector>(&result.value)) return size_guess(v->series);
  if (const auto* m = std::get_if<Matrix>(&result.value)) return size_guess(m->series);
  return 128;
}

}  // namespace

void append_result_json(std::string& out, const QueryResult& result) {
  out.reserve(out.size() + size_guess(result));
  std::visit(Writer{out}, result.value);
}

void append_result_json(std::string& out, const QueryResult& result, const Parallel& parallel) {
  // Less than this is written before a second thread has woken.
  constexpr std::size_t kSizeWorthAThread = 250'000;
  constexpr std::size_t kParts = 8;
  const auto* matrix = std::get_if<Matrix>(&result.value);
  const auto size = size_guess(result);
  if (matrix == nullptr || matrix->series.size() < kParts || size < kSizeWorthAThread ||
      parallel.threads() == 1) {
    append_result_json(out, result);
    return;
  }
  const std::span all(matrix->series);
  std::vector<std::string> parts(kParts);
  const auto done = parallel.run(kParts, parallel.threads(), [&](std::size_t k) -> Result<void> {
    const auto begin = all.size() * k / kParts, end = all.size() * (k + 1) / kParts;
    const auto mine = all.subspan(begin, end - begin);
    parts[k].reserve(size_guess(mine));
    append_series(parts[k], mine);
    return {};
  });
  HF_CHECK(done.has_value(), "writing text does not fail");
  out.reserve(out.size() + size);
  out += "{\"resultType\":\"matrix\",\"result\":[";
  for (std::size_t k = 0; k < kParts; ++k) {
    if (k > 0) out += ',';
    out += parts[k];
  }
  out += "]}";
}

std::string result_json(const QueryResult& result) {
  std::string out;
  append_result_json(out, result);
  return out;
}

}  // namespace holdfast::query::promql
