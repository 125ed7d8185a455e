#include "conformance/expectation.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "base/time.h"
#include "query/promql/annotate.h"
#include "query/promql/histogram_math.h"

namespace holdfast::conformance {
namespace {

using namespace query::promql;
constexpr double kTolerance = 1e-6;

bool same_float(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return true;
  if (std::isinf(a) || std::isinf(b)) return false;
  const double sum = std::abs(a) + std::abs(b);
  constexpr double kSmallest = 2.2250738585072014e-308;
  if (a == 0 || b == 0 || sum < kSmallest) return std::abs(a - b) < kTolerance * kSmallest;
  return std::abs(a - b) / std::min(sum, 1.7976931348623157e308) < kTolerance;
}

bool same_floats(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_float);
}

bool same_histogram(const Histogram& expected, const Histogram& got) {
  Histogram a = expected, b = got;
  compact(a);
  compact(b);
  return a.schema == b.schema && same_float(a.count, b.count) && same_float(a.sum, b.sum) &&
         same_floats(a.custom_values, b.custom_values) && a.zero_threshold == b.zero_threshold &&
         same_float(a.zero_count, b.zero_count) && a.positive_spans == b.positive_spans &&
         a.negative_spans == b.negative_spans &&
         same_floats(a.positive_buckets, b.positive_buckets) &&
         same_floats(a.negative_buckets, b.negative_buckets);
}

bool same_point(const Point& expected, const Sample& got) {
  if ((expected.histogram == nullptr) != (got.histogram == nullptr)) return false;
  if (expected.histogram == nullptr) return same_float(expected.value, got.value);
  if (expected.hint_stated && expected.histogram->counter_reset != got.histogram->counter_reset)
    return false;
  return same_histogram(*expected.histogram, *got.histogram);
}

bool same_sample(const Sample& a, const Sample& b) {
  return same_point(Point{a.value, a.histogram, false}, b);
}

std::string sample_text(const Sample& s) {
  static constexpr std::string_view kHints[] = {"", " reset", " not_reset", " gauge"};
  if (s.histogram == nullptr) return format_general(s.value);
  const auto& h = *s.histogram;
  return "{schema:" + std::to_string(h.schema) + " z_w:" + format_general(h.zero_threshold) +
         std::string(kHints[static_cast<int>(h.counter_reset)]) + " " + histogram_text(h) + "}";
}

std::string series_text(const Series& s) {
  std::string text = s.labels.text();
  for (const auto& p : s.points)
    text += " " + sample_text(p) + "@" + format_general(static_cast<double>(p.t) / 1000);
  return text;
}

std::string series_list(const std::vector<Series>& series) {
  std::string text;
  for (const auto& s : series) text += (text.empty() ? "" : "\n      ") + series_text(s);
  return text.empty() ? "no series" : text;
}

std::string_view take_word(std::string_view& text) {
  text = trim(text);
  const auto end = std::min(text.find_first_of(" \t"), text.size());
  const auto word = text.substr(0, end);
  text = trim(text.substr(end));
  return word;
}

Result<std::int64_t> time_of(std::string_view word) {
  if (const auto number = parse_double(word)) return static_cast<std::int64_t>(*number * 1000);
  return to_ms(HF_TRY(parse_duration(word)));
}

}  // namespace

std::string result_text(const QueryResult& result) {
  if (const auto* s = std::get_if<Scalar>(&result.value))
    return "scalar " + format_general(s->value);
  if (const auto* s = std::get_if<String>(&result.value)) return "string " + model::quote(s->value);
  if (const auto* v = std::get_if<Vector>(&result.value)) return series_list(v->series);
  return series_list(std::get<Matrix>(result.value).series);
}

Result<void> Expectation::add_line(std::string_view line) {
  if (!text_.empty()) text_ += "\n      ";
  text_ += line;
  auto rest = line;
  if (take_word(rest) == "expect") return add_expect(rest);
  series_.push_back(HF_TRY(parse_series(line)));
  return {};
}

Result<void> Expectation::add_message(Wanted& wanted, std::string_view rest) {
  wanted.any = true;
  if (rest.empty()) return {};
  const bool is_regex = rest.starts_with("regex:");
  if (!is_regex && !rest.starts_with("msg:")) return invalid("expected msg: or regex:");
  wanted.messages.push_back({std::string(trim(rest.substr(rest.find(':') + 1))), is_regex});
  return {};
}

Result<void> Expectation::add_expect(std::string_view rest) {
  const auto what = take_word(rest);
  if (what == "ordered")
    ordered_ = true;
  else if (what == "no_warn")
    warn_.none = true;
  else if (what == "no_info")
    info_.none = true;
  else if (what == "warn")
    return add_message(warn_, rest);
  else if (what == "info")
    return add_message(info_, rest);
  else if (what == "fail") {
    if (!fail_) fail_ = Wanted();
    return add_message(*fail_, rest);
  } else if (what == "string") {
    string_ = rest.size() >= 2 ? std::string(rest.substr(1, rest.size() - 2)) : "";
  } else if (what == "range") {
    samples_of_range_ = true;
    take_word(rest);  // vector
    take_word(rest);  // from
    range_from_ = HF_TRY(time_of(take_word(rest)));
    take_word(rest);  // to
    range_to_ = HF_TRY(time_of(take_word(rest)));
    take_word(rest);  // step
    range_step_ = HF_TRY(time_of(take_word(rest)));
  } else {
    return invalid("unknown expectation '" + std::string(what) + "'");
  }
  return {};
}

bool Expectation::matches(const Message& message, const std::string& text) {
  if (message.is_regex) return RE2::PartialMatch(text, message.text);
  // A parse error says its place before the message.
  return text == message.text || text.ends_with("parse error: " + message.text);
}

std::string Expectation::annotation_difference(const Wanted& wanted,
                                               const std::vector<std::string>& found,
                                               std::string_view what) {
  if (wanted.none && !found.empty())
    return "unexpected " + std::string(what) + ": " + found.front();
  if (!wanted.any) return {};
  if (found.empty()) return "no " + std::string(what);
  for (const auto& message : wanted.messages) {
    if (std::none_of(found.begin(), found.end(),
                     [&](const auto& text) { return matches(message, text); })) {
      return "other " + std::string(what) + ": " + join(found, " | ");
    }
  }
  return {};
}

std::string Expectation::failure_difference(const Error& error) const {
  if (!fail_) return "error: " + error.message();
  for (const auto& message : fail_->messages) {
    if (!matches(message, error.message())) return "another error: " + error.message();
  }
  return {};
}

std::string Expectation::difference(const Result<QueryResult>& result) const {
  if (!result) return failure_difference(result.error());
  if (fail_) return "no error, but " + result_text(*result);
  if (auto d = annotation_difference(warn_, result->annotations.warnings, "warning"); !d.empty())
    return d;
  if (auto d = annotation_difference(info_, result->annotations.infos, "info"); !d.empty())
    return d;
  return value_difference(*result);
}

std::string Expectation::value_difference(const QueryResult& result) const {
  if (const auto* s = std::get_if<String>(&result.value)) {
    return string_ && *string_ == s->value ? "" : result_text(result);
  }
  if (const auto* s = std::get_if<Scalar>(&result.value)) {
    const bool right = series_.size() == 1 && series_[0].bare_number && series_[0].points[0] &&
                       same_float(series_[0].points[0]->value, s->value);
    return right ? "" : result_text(result);
  }
  if (const auto* v = std::get_if<Vector>(&result.value)) return vector_difference(*v);
  return matrix_difference(std::get<Matrix>(result.value));
}

std::string Expectation::vector_difference(const Vector& vector) const {
  if (vector.series.size() != series_.size()) return series_list(vector.series);
  for (std::size_t i = 0; i < series_.size(); ++i) {
    const auto& expected = series_[i];
    const auto found =
        ordered_ ? vector.series.begin() + static_cast<std::ptrdiff_t>(i)
                 : std::find_if(vector.series.begin(), vector.series.end(),
                                [&](const Series& s) { return s.labels == expected.labels; });
    const bool right = !expected.bare_number && found != vector.series.end() &&
                       found->labels == expected.labels && expected.points.size() == 1 &&
                       expected.points[0] && same_point(*expected.points[0], found->points[0]);
    if (!right) return series_list(vector.series);
  }
  return {};
}

std::string Expectation::matrix_difference(const Matrix& matrix) const {
  const auto from = samples_of_range_ ? range_from_ : question_.from;
  const auto step = samples_of_range_ ? range_step_ : question_.step;
  std::size_t expected_series = 0;
  for (const auto& expected : series_) {
    const bool any = std::any_of(expected.points.begin(), expected.points.end(),
                                 [](const auto& p) { return !!p; });
    if (!any) continue;
    ++expected_series;
    const auto found = std::find_if(matrix.series.begin(), matrix.series.end(),
                                    [&](const Series& s) { return s.labels == expected.labels; });
    if (found == matrix.series.end()) return series_list(matrix.series);
    std::size_t at = 0;
    for (std::size_t i = 0; i < expected.points.size(); ++i) {
      if (!expected.points[i]) continue;
      const auto t = from + static_cast<std::int64_t>(i) * step;
      const bool right = at < found->points.size() && found->points[at].t == t &&
                         same_point(*expected.points[i], found->points[at]);
      if (!right) return series_list(matrix.series);
      ++at;
    }
    if (at != found->points.size()) return series_list(matrix.series);
  }
  return expected_series == matrix.series.size() ? "" : series_list(matrix.series);
}

std::string step_difference(const QueryResult& instant, const Result<QueryResult>& range,
                            std::int64_t at) {
  if (!range) return "as a range query: " + range.error().message();
  std::vector<Series> wanted;
  if (const auto* s = std::get_if<Scalar>(&instant.value))
    wanted.push_back({Labels{}, {{at, s->value, nullptr}}});
  if (const auto* v = std::get_if<Vector>(&instant.value)) wanted = v->series;
  std::vector<Series> got;
  for (const auto& s : std::get<Matrix>(range->value).series) {
    for (const auto& p : s.points) {
      if (p.t == at) got.push_back({s.labels, {p}});
    }
  }
  bool same = wanted.size() == got.size();
  for (const auto& w : wanted) {
    const auto found =
        std::find_if(got.begin(), got.end(), [&](const Series& s) { return s.labels == w.labels; });
    same = same && found != got.end() && same_sample(w.points[0], found->points[0]);
  }
  return same ? "" : "as a step of a range query: " + series_list(got);
}

}  // namespace holdfast::conformance
