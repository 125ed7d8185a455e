// metrics/block/time_columns.h: the timestamps of a block, each column stored once.
//
// Purpose     The series of a scrape have the same timestamps: they name a span (column, first, count) of
//             one column. A series that came later or left earlier is a part of its neighbours' column.
// Finding     By pointer, then by 128 bits of content hash; parts of longer columns when a batch is sealed.
// Bytes       A page holds columns of up to kPageTimesMax timestamps: regular ones cost a step, others
//             the differences that are smallest.
// Memory      TimeColumnWriter holds the distinct columns of a batch, at most kHeldTimesMax timestamps;
//             past that the batch is sealed, and parts are found within a batch only.
// Errors      decode_page() answers kDataLoss for bytes the writer did not write.
// Threads     A writer from one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/sample.h"

namespace holdfast::metrics {

using TimesPtr = std::shared_ptr<const std::vector<model::Timestamp>>;

struct TimeColumnInfo {
  std::uint32_t count = 0;
  model::Timestamp min = 0;
  model::Timestamp max = 0;
};

// A part of a column.
struct TimeSpan {
  std::uint32_t column = 0;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  model::Timestamp min = 0;
  model::Timestamp max = 0;
};

struct TimePage {
  std::vector<TimeColumnInfo> columns;
  std::string raw;
};

class TimeColumnWriter {
 public:
  static constexpr std::size_t kHeldTimesMax = 8 << 20;  // 64 MiB

  // Not empty, ascending. The number of its span; spans() tells where that is, once sealed.
  std::uint32_t add(const TimesPtr& times);
  bool full() const { return held_times_ > kHeldTimesMax; }
  // The pages of all columns added since the last seal.
  std::vector<TimePage> seal();
  const std::vector<TimeSpan>& spans() const { return spans_; }

 private:
  struct Hash {
    std::size_t operator()(const std::pair<std::uint64_t, std::uint64_t>& h) const noexcept {
      return h.first;
    }
  };
  struct Held {
    TimesPtr times;
    std::uint32_t span;
  };
  struct Memo {
    TimesPtr times;  // keeps the address from being used again
    std::uint32_t span;
  };
  struct Parts;
  static void put(const Held& held, std::vector<TimePage>& pages);

  std::vector<TimeSpan> spans_;
  std::uint32_t column_count_ = 0;
  std::vector<Held> held_;
  std::size_t held_times_ = 0;
  std::unordered_map<const void*, Memo> by_pointer_;
  std::size_t memo_times_ = 0;
  std::unordered_map<std::pair<std::uint64_t, std::uint64_t>, std::uint32_t, Hash> by_content_;
};

std::string encode_times(const std::vector<model::Timestamp>& times);
Result<std::vector<TimesPtr>> decode_page(const std::vector<TimeColumnInfo>& columns,
                                          std::string_view raw);

}  // namespace holdfast::metrics
