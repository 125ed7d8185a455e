#include "conformance/table_reader.h"

#include <algorithm>
#include <set>

#include "query/promql/histogram_math.h"

namespace holdfast::conformance {
namespace {

using model::CounterReset;
using model::Histogram;

// Whether a chunk that ends with `last` could take `next` too. A store cuts a new chunk at each
// reset and change of layout, and knows of no reset within one.
bool same_chunk(const Histogram& last, const Histogram& next) {
  const bool gauge = last.counter_reset == CounterReset::kGauge;
  if (gauge != (next.counter_reset == CounterReset::kGauge)) return false;
  if (last.schema != next.schema || last.zero_threshold != next.zero_threshold) return false;
  if (last.custom_values != next.custom_values) return false;
  if (gauge) return true;
  if (next.counter_reset == CounterReset::kReset) return false;
  Histogram before = last, after = next;
  before.counter_reset = after.counter_reset = CounterReset::kUnknown;
  return !query::promql::detect_reset(after, before);
}

std::vector<Sample> as_stored(const std::map<Timestamp, Sample>& given) {
  std::vector<Sample> stored;
  const Histogram* last = nullptr;
  for (const auto& [t, sample] : given) {
    stored.push_back(sample);
    if (sample.histogram == nullptr) {
      last = nullptr;
      continue;
    }
    if (sample.histogram->counter_reset != CounterReset::kGauge) {
      Histogram copy = *sample.histogram;
      copy.counter_reset = last != nullptr && same_chunk(*last, *sample.histogram)
                               ? CounterReset::kNotReset
                               : CounterReset::kUnknown;
      stored.back().histogram = std::make_shared<const Histogram>(std::move(copy));
    }
    last = sample.histogram.get();
  }
  return stored;
}

bool matches(const Labels& labels, const std::vector<model::Matcher>& matchers) {
  return std::all_of(matchers.begin(), matchers.end(),
                     [&](const auto& m) { return m.matches(labels); });
}

bool matches_any(const Labels& labels, const std::vector<std::vector<model::Matcher>>& any_of) {
  return any_of.empty() || std::any_of(any_of.begin(), any_of.end(), [&](const auto& matchers) {
           return matches(labels, matchers);
         });
}

}  // namespace

void TableReader::add(const Labels& labels, const std::vector<Sample>& samples) {
  auto& row = series_[labels];
  if (row.shared == nullptr) row.shared = std::make_shared<const Labels>(labels);
  for (const auto& sample : samples) row.given[sample.t] = sample;
  row.stored = as_stored(row.given);
}

Result<std::vector<metrics::Column>> TableReader::select(
    const metrics::SelectRequest& request) const {
  std::vector<metrics::Column> columns;
  std::size_t count = 0;
  for (const auto& [labels, row] : series_) {
    if (!matches(labels, request.matchers)) continue;
    const auto before = [](const Sample& s, Timestamp t) { return s.t < t; };
    auto it = std::lower_bound(row.stored.begin(), row.stored.end(), request.from, before);
    metrics::Column column;
    column.labels = row.shared;
    bool histograms = false;
    for (; it != row.stored.end() && it->t <= request.to; ++it) {
      column.times.push_back(it->t);
      column.values.push_back(it->value);
      column.histograms.push_back(it->histogram);
      histograms = histograms || it->histogram != nullptr;
    }
    if (!histograms) column.histograms.clear();
    count += column.times.size();
    if (count > request.sample_count_max)
      return Error(Code::kTooLarge, "too many samples selected");
    if (!column.times.empty()) columns.push_back(std::move(column));
  }
  return columns;
}

Result<std::vector<Labels>> TableReader::series(
    const std::vector<std::vector<model::Matcher>>& any_of, Timestamp from, Timestamp to,
    std::size_t limit) const {
  std::vector<Labels> found;
  for (const auto& [labels, row] : series_) {
    const bool inside = std::any_of(row.stored.begin(), row.stored.end(),
                                    [&](const Sample& s) { return s.t >= from && s.t <= to; });
    if (inside && matches_any(labels, any_of) && (limit == 0 || found.size() < limit))
      found.push_back(labels);
  }
  return found;
}

Result<std::vector<std::string>> TableReader::label_names(
    const std::vector<std::vector<model::Matcher>>& any_of, Timestamp from, Timestamp to) const {
  std::set<std::string> names;
  for (const auto& labels : HF_TRY(series(any_of, from, to, 0))) {
    for (const auto& label : labels) names.insert(label.name);
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::vector<std::string>> TableReader::label_values(
    const std::string& name, const std::vector<std::vector<model::Matcher>>& any_of, Timestamp from,
    Timestamp to) const {
  std::set<std::string> values;
  for (const auto& labels : HF_TRY(series(any_of, from, to, 0))) {
    if (labels.has(name)) values.emplace(labels.get(name));
  }
  return std::vector<std::string>(values.begin(), values.end());
}

std::map<std::string, std::vector<metrics::Metadata>> TableReader::metadata(const std::string&,
                                                                            std::size_t) const {
  return {};
}

}  // namespace holdfast::conformance
