#include "query/promql/annotate.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <initializer_list>

#include "model/labels.h"

namespace holdfast::query::promql {
namespace {

// The decimal exponent from which %g of Go writes one for a shortest number.
constexpr int kExponentFrom = 6;

std::string with_metric(std::string_view text, std::string_view metric) {
  std::string out(text);
  if (!metric.empty()) out += " for metric name " + model::quote(metric);
  return out;
}

std::string text_of(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const auto part : parts) out += part;
  return out;
}

}  // namespace

std::string format_general(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
  char buffer[40];
  const auto scientific =
      std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific);
  const std::string text(buffer, scientific.ptr);
  const int exponent = std::atoi(text.c_str() + text.find('e') + 1);
  if (exponent < -4 || exponent >= kExponentFrom) return text;
  const auto plain = std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::fixed);
  return std::string(buffer, plain.ptr);
}

std::string Annotator::place(const PositionRange& at) const {
  const auto before = std::string_view(query_).substr(0, std::min(at.begin, query_.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto newline = before.rfind('\n');
  const auto column = newline == std::string_view::npos ? at.begin + 1 : at.begin - newline;
  return " (" + std::to_string(line) + ":" + std::to_string(column) + ")";
}

void Annotator::warn(std::string_view text, const PositionRange& at) {
  auto full = "PromQL warning: " + std::string(text) + place(at);
  if (collected_.warnings.size() >= kAnnotationsMax || !seen_.insert(full).second) return;
  collected_.warnings.push_back(std::move(full));
}

void Annotator::inform(std::string_view text, const PositionRange& at) {
  auto full = "PromQL info: " + std::string(text) + place(at);
  if (collected_.infos.size() >= kAnnotationsMax || !seen_.insert(full).second) return;
  collected_.infos.push_back(std::move(full));
}

void Annotator::add(Annotations other) {
  const auto append = [&](std::vector<std::string>& to, std::vector<std::string>& from) {
    for (auto& text : from) {
      if (to.size() < kAnnotationsMax && seen_.insert(text).second) to.push_back(std::move(text));
    }
  };
  append(collected_.warnings, other.warnings);
  append(collected_.infos, other.infos);
}

void Annotator::mixed_floats_histograms(std::string_view metric, const PositionRange& at) {
  warn("encountered a mix of histograms and floats for metric name " + model::quote(metric), at);
}

void Annotator::mixed_in_aggregation(const PositionRange& at) {
  warn("encountered a mix of histograms and floats for aggregation", at);
}

void Annotator::mixed_schemas(std::string_view metric, const PositionRange& at) {
  warn(
      with_metric("vector contains a mix of histograms with exponential and custom buckets schemas",
                  metric),
      at);
}

void Annotator::not_a_counter(std::string_view metric, const PositionRange& at) {
  warn("this native histogram metric is not a counter: " + model::quote(metric), at);
}

void Annotator::not_a_gauge(std::string_view metric, const PositionRange& at) {
  warn("this native histogram metric is not a gauge: " + model::quote(metric), at);
}

void Annotator::maybe_not_a_counter(std::string_view metric, const PositionRange& at) {
  inform("metric might not be a counter, name does not end in _total/_sum/_count/_bucket: " +
             model::quote(metric),
         at);
}

void Annotator::bounds_reconciled(std::string_view operation, const PositionRange& at) {
  inform(text_of({"mismatched custom buckets were reconciled during ", operation}), at);
}

void Annotator::reset_collision(std::string_view operation, const PositionRange& at) {
  warn(text_of({"conflicting counter resets during histogram ", operation}), at);
}

void Annotator::histograms_ignored_in_range(std::string_view metric, const PositionRange& at) {
  inform("ignored histograms in a range containing both floats and histograms for metric name " +
             model::quote(metric),
         at);
}

void Annotator::histogram_ignored_in_aggregation(std::string_view aggregation,
                                                 const PositionRange& at) {
  inform(text_of({"ignored histogram in ", aggregation, " aggregation"}), at);
}

void Annotator::bad_bucket_label(std::string_view value, std::string_view metric,
                                 const PositionRange& at) {
  warn(with_metric(
           "bucket label \"le\" is missing or has a malformed value of " + model::quote(value),
           metric),
       at);
}

void Annotator::mixed_classic_native(std::string_view metric, const PositionRange& at) {
  warn(with_metric("vector contains a mix of classic and native histograms", metric), at);
}

void Annotator::forced_monotonicity(std::string_view metric, const PositionRange& at) {
  inform(with_metric(
             "input to histogram_quantile needed to be fixed for monotonicity (see "
             "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)",
             metric),
         at);
}

void Annotator::invalid_quantile(double q, const PositionRange& at) {
  warn("quantile value should be between 0 and 1, got " + format_general(q), at);
}

void Annotator::invalid_ratio(double ratio, double capped, const PositionRange& at) {
  warn("ratio value should be between -1 and 1, got " + format_general(ratio) + ", capping to " +
           format_general(capped),
       at);
}

void Annotator::incompatible_types(std::string_view op, std::string_view left,
                                   std::string_view right, const PositionRange& at) {
  inform(text_of({"incompatible sample types encountered for binary operator \"", op, "\": ", left,
                  " ", op, " ", right}),
         at);
}

void Annotator::incompatible_buckets(std::string_view op, const PositionRange& at) {
  warn(text_of({"incompatible bucket layout encountered for binary operator ", op}), at);
}

void Annotator::sort_in_range(const PositionRange& at) {
  warn("sort is ineffective for range queries since results are always ordered by labels", at);
}

}  // namespace holdfast::query::promql
