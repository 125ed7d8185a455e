#include "detect/rules/unit_test_text.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/text.h"
#include "query/promql/annotate.h"
#include "query/promql/histogram_math.h"

namespace holdfast::detect {
namespace {

using query::promql::format_general;

// Gaps wider than this are no test's wish and would print without end.
constexpr std::int64_t kGapMax = 10'000;

void add_buckets(std::vector<std::string>& parts, const std::string& key,
                 const std::string& offset_key, const std::vector<model::BucketSpan>& spans,
                 const std::vector<double>& buckets) {
  auto all = query::promql::indexed(spans, buckets);
  std::erase_if(all, [](const auto& one) { return one.count == 0; });
  if (all.empty()) return;
  if (all.front().index != 0) parts.push_back(offset_key + ":" + std::to_string(all.front().index));
  std::vector<std::string> counts;
  auto next = all.front().index;
  for (const auto& one : all) {
    if (static_cast<std::int64_t>(one.index) - next > kGapMax)
      counts.push_back("...");
    else
      for (; next < one.index; ++next) counts.emplace_back("0");
    counts.push_back(format_general(one.count));
    next = one.index + 1;
  }
  parts.push_back(key + ":[" + join(counts, " ") + "]");
}

std::string labels_text(const model::Labels& labels) {
  std::vector<std::string> parts;
  for (const auto& label : labels) parts.push_back(label.name + "=" + model::quote(label.value));
  return "{" + join(parts, ", ") + "}";
}

std::string value_text(double value) {
  if (value != value) return "NaN";
  if (value - value != 0) return value > 0 ? "+Inf" : "-Inf";
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string text(buffer, end);
  std::replace(text.begin(), text.end(), 'e', 'E');
  return text;
}

std::string indented(const std::string& text, const std::string& by) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '\n') out += by;
  }
  return out;
}

}  // namespace

std::string histogram_text(const model::Histogram& h) {
  std::vector<std::string> parts;
  const auto number = [&parts](const char* key, double value) {
    if (value != 0) parts.push_back(key + format_general(value));
  };
  if (h.schema != 0) parts.push_back("schema:" + std::to_string(h.schema));
  number("count:", h.count);
  number("sum:", h.sum);
  number("z_bucket:", h.zero_count);
  number("z_bucket_w:", h.zero_threshold);
  if (h.uses_custom_buckets()) {
    std::vector<std::string> bounds;
    for (const double bound : h.custom_values) bounds.push_back(format_general(bound));
    parts.push_back("custom_values:[" + join(bounds, " ") + "]");
  }
  switch (h.counter_reset) {
    case model::CounterReset::kUnknown:
      break;
    case model::CounterReset::kReset:
      parts.emplace_back("counter_reset_hint:reset");
      break;
    case model::CounterReset::kNotReset:
      parts.emplace_back("counter_reset_hint:not_reset");
      break;
    case model::CounterReset::kGauge:
      parts.emplace_back("counter_reset_hint:gauge");
      break;
  }
  add_buckets(parts, "buckets", "offset", h.positive_spans, h.positive_buckets);
  add_buckets(parts, "n_buckets", "n_offset", h.negative_spans, h.negative_buckets);
  return "{{" + join(parts, " ") + "}}";
}

std::string answer_text(const std::vector<AnswerSample>& samples) {
  if (samples.empty()) return "nil";
  std::vector<std::string> parts;
  for (const auto& sample : samples) {
    parts.push_back(labels_text(sample.labels) + " " +
                    (sample.histogram.empty() ? value_text(sample.value) : sample.histogram));
  }
  return join(parts, ", ");
}

std::string answer_text(const std::vector<AnswerAlert>& alerts) {
  if (alerts.empty()) return "[]";
  std::string text = "[";
  for (std::size_t i = 0; i < alerts.size(); ++i) {
    text += (i == 0 ? "\n" : ",\n") + std::to_string(i) +
            ":\n  Labels:" + labels_text(alerts[i].labels) +
            "\n  Annotations:" + labels_text(alerts[i].annotations);
  }
  return text + "\n]";
}

std::string mismatch_text(const std::string& expected, const std::string& got, bool as_diff) {
  if (!as_diff)
    return "        exp: " + indented(expected, "            ") +
           "\n        got: " + indented(got, "            ");
  // Whole lines that only one side has, in its order.
  std::multiset<std::string_view> in_expected, in_got;
  for (const auto line : split(expected, '\n')) in_expected.insert(line);
  for (const auto line : split(got, '\n')) in_got.insert(line);
  std::string text = "        diff (- expected, + got):";
  for (const auto line : split(expected, '\n')) {
    const auto same = in_got.find(line);
    text += "\n        " + std::string(same == in_got.end() ? "- " : "  ") + std::string(line);
    if (same != in_got.end()) in_got.erase(same);
  }
  for (const auto line : split(got, '\n')) {
    const auto same = in_expected.find(line);
    if (same == in_expected.end())
      text += "\n        + " + std::string(line);
    else
      in_expected.erase(same);
  }
  return text;
}

}  // namespace holdfast::detect
