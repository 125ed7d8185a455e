// collect/business/distinct.h: how many different ids were seen lately.
//
// Purpose     A sliding window of slices. In each slice ids are kept exactly, as 64-bit hashes, up to a limit; above it
//             HyperLogLog takes over, in 4 KiB, within 2 % (standard error 1.04/sqrt(4096) = 1.6 %).
// Units       Times are milliseconds since the epoch.
// Threads     One at a time.
// Source      Flajolet et al., "HyperLogLog", 2007; small counts by linear counting, 64-bit hashes as HyperLogLog++.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace holdfast::collect {

class HyperLogLog {
 public:
  void add(std::uint64_t hash);
  void merge(const HyperLogLog& other);
  double estimate() const;

 private:
  static constexpr int kBits = 12;
  std::vector<std::uint8_t> ranks_ = std::vector<std::uint8_t>(std::size_t{1} << kBits);
};

class DistinctWindow {
 public:
  DistinctWindow(std::int64_t window_ms, std::size_t exact_max);
  void add(std::string_view id, std::int64_t now_ms);
  // Ids seen within the window that ends now; a slice counts as a whole.
  double count(std::int64_t now_ms);

 private:
  static constexpr std::int64_t kSlices = 10;
  struct Slice {
    std::int64_t number = 0;
    std::unordered_set<std::uint64_t> exact;
    std::vector<HyperLogLog> rough;  // one, once there were too many
  };
  void drop_old(std::int64_t now_ms);

  const std::int64_t slice_ms_;
  const std::size_t exact_max_;
  std::deque<Slice> slices_;  // oldest first
};

}  // namespace holdfast::collect
