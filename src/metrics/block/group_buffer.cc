// The buckets of a classic histogram climb together: each is at most the next larger one. So each has
// that as its reference, and the codec keeps what is between them.
#include <algorithm>

#include "metrics/block/block_writer.h"

namespace holdfast::metrics {

void GroupBuffer::add(const Series& series, std::span<const double> values) {
  series_.push_back(series);
  series_.back().begin = values_.size();
  series_.back().count = values.size();
  values_.insert(values_.end(), values.begin(), values.end());
}

// For each series the next larger bucket of its histogram, when that has samples at the same times.
std::vector<int> GroupBuffer::references() const {
  std::vector<int> references(series_.size(), -1);
  std::vector<std::uint32_t> buckets;
  for (std::uint32_t i = 0; i < series_.size(); ++i) {
    if (series_[i].histogram != 0) buckets.push_back(i);
  }
  std::sort(buckets.begin(), buckets.end(), [&](std::uint32_t a, std::uint32_t b) {
    const Series& x = series_[a];
    const Series& y = series_[b];
    if (x.histogram != y.histogram) return x.histogram < y.histogram;
    return x.bound != y.bound ? x.bound < y.bound : a < b;
  });
  for (std::size_t i = 0; i + 1 < buckets.size(); ++i) {
    const Series& bucket = series_[buckets[i]];
    const Series& larger = series_[buckets[i + 1]];
    if (bucket.histogram == larger.histogram && bucket.span == larger.span)
      references[buckets[i]] = static_cast<int>(buckets[i + 1]);
  }
  return references;
}

void GroupBuffer::encode(Effort effort, std::string& out) {
  const std::vector<int> references = this->references();
  std::vector<ValueColumn> columns;
  columns.reserve(series_.size());
  for (std::size_t i = 0; i < series_.size(); ++i) {
    const Series& series = series_[i];
    columns.push_back({std::span(values_).subspan(series.begin, series.count), references[i]});
  }
  encode_column_group(columns, effort, out);
  values_.clear();
  series_.clear();
}

}  // namespace holdfast::metrics
