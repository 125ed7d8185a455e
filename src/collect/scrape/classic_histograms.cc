#include "collect/scrape/classic_histograms.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "collect/receive/histogram_proto.h"

namespace holdfast::collect {

bool ClassicHistograms::take(const std::string& family, const std::vector<model::Label>& labels,
                             double value, std::optional<model::Timestamp> t) {
  std::vector<model::Label> own;
  std::string suffix;
  std::optional<double> bound;
  for (const auto& label : labels) {
    if (label.name == model::kMetricName) {
      if (!label.value.starts_with(family)) return false;
      suffix = label.value.substr(family.size());
      own.push_back({label.name, family});
    } else if (label.name == "le") {
      bound = parse_double(label.value);
    } else {
      own.push_back(label);
    }
  }
  const bool bucket = suffix == "_bucket" && bound;
  if (!bucket && suffix != "_sum" && suffix != "_count") return false;
  if (suffix != "_bucket" && own.size() != labels.size()) return false;
  auto& parts = parts_[model::Labels(own).text()];
  parts.own = std::move(own);
  parts.t = t;
  if (bucket)
    parts.buckets[*bound] = value;
  else if (suffix == "_sum")
    parts.sum = value;
  else
    parts.count = value;
  return true;
}

std::vector<ClassicHistograms::Made> ClassicHistograms::finish() {
  std::vector<Made> out;
  for (auto& [key, parts] : parts_) {
    auto made = make(parts);
    if (made) out.push_back({"\x01" + key, std::move(parts.own), std::move(made), parts.t});
  }
  parts_.clear();
  return out;
}

model::HistogramPtr ClassicHistograms::make(const Parts& parts) {
  if (parts.buckets.empty()) return nullptr;
  model::Histogram out;
  out.schema = model::Histogram::kCustomBuckets;
  out.sum = parts.sum.value_or(0);
  std::vector<std::pair<std::int32_t, double>> counts;
  double before = 0;
  std::int32_t index = 0;
  for (const auto& [bound, cumulative] : parts.buckets) {
    if (std::isnan(bound) || !(cumulative >= before)) return nullptr;
    if (cumulative > before) counts.emplace_back(index, cumulative - before);
    if (!std::isinf(bound)) out.custom_values.push_back(bound);
    before = cumulative;
    ++index;
  }
  out.count = parts.count.value_or(before);
  // What lies above the last finite bound, when the target does not write "+Inf".
  if (!std::isinf(parts.buckets.rbegin()->first) && out.count > before) {
    counts.emplace_back(index, out.count - before);
  }
  set_buckets(counts, out.positive_spans, out.positive_buckets);
  if (!check_histogram(out)) return nullptr;
  return std::make_shared<const model::Histogram>(std::move(out));
}

}  // namespace holdfast::collect
