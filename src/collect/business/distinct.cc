#include "collect/business/distinct.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "model/labels.h"

namespace holdfast::collect {

void HyperLogLog::add(std::uint64_t hash) {
  const auto index = hash >> (64 - kBits);
  const auto rest = hash << kBits;
  const auto rank = static_cast<std::uint8_t>(std::min(std::countl_zero(rest), 64 - kBits) + 1);
  ranks_[index] = std::max(ranks_[index], rank);
}

void HyperLogLog::merge(const HyperLogLog& other) {
  for (std::size_t i = 0; i < ranks_.size(); ++i) ranks_[i] = std::max(ranks_[i], other.ranks_[i]);
}

double HyperLogLog::estimate() const {
  const auto m = static_cast<double>(ranks_.size());
  double sum = 0, zeros = 0;
  for (const auto rank : ranks_) {
    sum += std::ldexp(1.0, -rank);
    zeros += rank == 0 ? 1 : 0;
  }
  const double raw = 0.7213 / (1 + 1.079 / m) * m * m / sum;
  // Few ids leave many registers empty, and those tell the count better.
  if (raw <= 2.5 * m && zeros > 0) return m * std::log(m / zeros);
  return raw;
}

DistinctWindow::DistinctWindow(std::int64_t window_ms, std::size_t exact_max)
    : slice_ms_(std::max<std::int64_t>(1, window_ms / kSlices)), exact_max_(exact_max) {}

void DistinctWindow::drop_old(std::int64_t now_ms) {
  const auto oldest = now_ms / slice_ms_ - kSlices + 1;
  while (!slices_.empty() && slices_.front().number < oldest) slices_.pop_front();
}

void DistinctWindow::add(std::string_view id, std::int64_t now_ms) {
  drop_old(now_ms);
  const auto number = now_ms / slice_ms_;
  // The clock may have been set back: the newest slice takes it then.
  if (slices_.empty() || slices_.back().number < number) slices_.push_back({number, {}, {}});
  auto& slice = slices_.back();
  const auto hash = model::Labels{{"id", std::string(id)}}.hash();
  if (slice.rough.empty()) {
    slice.exact.insert(hash);
    if (slice.exact.size() <= exact_max_) return;
    slice.rough.emplace_back();
    for (const auto one : slice.exact) slice.rough[0].add(one);
    slice.exact.clear();
    return;
  }
  slice.rough[0].add(hash);
}

double DistinctWindow::count(std::int64_t now_ms) {
  drop_old(now_ms);
  const bool exact =
      std::all_of(slices_.begin(), slices_.end(), [](const Slice& s) { return s.rough.empty(); });
  if (exact) {
    std::unordered_set<std::uint64_t> all;
    for (const auto& slice : slices_) all.insert(slice.exact.begin(), slice.exact.end());
    return static_cast<double>(all.size());
  }
  HyperLogLog all;
  for (const auto& slice : slices_) {
    for (const auto& rough : slice.rough) all.merge(rough);
    for (const auto one : slice.exact) all.add(one);
  }
  return std::round(all.estimate());
}

}  // namespace holdfast::collect
