// The buckets of a classic histogram climb together: each is at most the next larger one. So within a
// group they stand from the largest bound down, each with the one before as its reference.
#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "metrics/block/block_writer.h"

namespace holdfast::metrics::inline v2 {

void GroupBuffer::add(const Series& series, std::span<const double> values) {
  series_.push_back(series);
  series_.back().begin = values_.size();
  series_.back().count = values.size();
  values_.insert(values_.end(), values.begin(), values.end());
}

// Series by the place of the first bucket of their histogram, buckets from the largest bound down.
std::vector<std::uint32_t> GroupBuffer::order() const {
  std::vector<std::uint32_t> order(series_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::unordered_map<std::uint64_t, std::uint32_t> first_of;
  std::vector<std::uint32_t> first(series_.size());
  for (std::uint32_t i = 0; i < series_.size(); ++i) {
    first[i] =
        series_[i].histogram == 0 ? i : first_of.try_emplace(series_[i].histogram, i).first->second;
  }
  if (first_of.empty()) return order;
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (first[a] != first[b]) return first[a] < first[b];
    return series_[a].bound > series_[b].bound;
  });
  return order;
}

void GroupBuffer::encode(Effort effort, std::string& out, std::vector<std::uint32_t>& columns) {
  const std::vector<std::uint32_t> order = this->order();
  std::vector<ValueColumn> values;
  values.reserve(order.size());
  for (std::size_t at = 0; at < order.size(); ++at) {
    const Series& series = series_[order[at]];
    ValueColumn column{std::span(values_).subspan(series.begin, series.count), -1};
    if (at > 0 && series.histogram != 0) {
      const Series& before = series_[order[at - 1]];
      if (before.histogram == series.histogram && before.span == series.span)
        column.reference = static_cast<int>(at - 1);
    }
    values.push_back(column);
  }
  encode_column_group(values, effort, out);
  columns.clear();
  if (!std::is_sorted(order.begin(), order.end())) {
    columns.resize(order.size());
    for (std::size_t at = 0; at < order.size(); ++at)
      columns[order[at]] = static_cast<std::uint32_t>(at);
  }
  values_.clear();
  series_.clear();
}

}  // namespace holdfast::metrics::inline v2
