#include "conformance/classic_histograms.h"

#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "base/text.h"

namespace holdfast::conformance {
namespace {

using model::Histogram;
using model::Labels;
using model::Sample;
using model::Timestamp;

struct Moment {
  std::map<double, double> buckets;  // cumulative, by upper bound
  std::optional<double> sum, count;
};

// The base name when the metric's name ends with the suffix.
std::optional<Labels> base_of(const Labels& labels, std::string_view suffix) {
  const auto name = labels.metric_name();
  if (!name.ends_with(suffix) || name.size() == suffix.size()) return std::nullopt;
  return labels.with("le", "").with(model::kMetricName,
                                    name.substr(0, name.size() - suffix.size()));
}

std::optional<Histogram> to_histogram(const Moment& moment) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Histogram h;
  h.schema = Histogram::kCustomBuckets;
  double before = 0;
  for (const auto& [bound, count] : moment.buckets) {
    if (count < before) return std::nullopt;
    if (bound != kInfinity) h.custom_values.push_back(bound);
    h.positive_buckets.push_back(count - before);
    before = count;
  }
  h.count = moment.count.value_or(before);
  if (!moment.buckets.contains(kInfinity)) {
    if (h.count < before) return std::nullopt;
    h.positive_buckets.push_back(h.count - before);
  }
  h.sum = moment.sum.value_or(0);
  h.positive_spans.push_back({0, static_cast<std::uint32_t>(h.positive_buckets.size())});
  return h;
}

}  // namespace

std::map<Labels, std::vector<Sample>> to_custom_buckets(
    const std::map<Labels, std::vector<Sample>>& classic) {
  std::map<Labels, std::map<Timestamp, Moment>> families;
  for (const auto& [labels, samples] : classic) {
    const auto bucket = base_of(labels, "_bucket"), sum = base_of(labels, "_sum"),
               count = base_of(labels, "_count");
    const auto bound = bucket ? parse_double(labels.get("le")) : std::nullopt;
    for (const auto& sample : samples) {
      if (sample.histogram != nullptr || model::is_stale(sample.value)) continue;
      if (bucket && bound) families[*bucket][sample.t].buckets[*bound] = sample.value;
      if (sum) families[*sum][sample.t].sum = sample.value;
      if (count) families[*count][sample.t].count = sample.value;
    }
  }
  std::map<Labels, std::vector<Sample>> native;
  for (const auto& [labels, moments] : families) {
    for (const auto& [t, moment] : moments) {
      if (moment.buckets.empty()) continue;
      auto h = to_histogram(moment);
      if (h) native[labels].push_back({t, 0, std::make_shared<const Histogram>(std::move(*h))});
    }
  }
  return native;
}

}  // namespace holdfast::conformance
