// metrics/block/tombstones.h: samples of a block that are hidden until a merge leaves them out.
//
// Purpose     Each hide() is one entry: a closed range of time and the series it covers, as runs.
// Errors      decode() answers kDataLoss for bytes encode() did not write.
// Threads     Values.
// Source      docs/formats/block.md draws the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/block/block.h"

namespace holdfast::metrics {

struct TimeRange {
  Timestamp from = 0;
  Timestamp to = 0;
};

class Tombstones {
 public:
  void hide(std::vector<SeriesIndex> series, Timestamp from, Timestamp to);
  bool empty() const { return entries_.empty(); }
  // Replaces `out` by what is hidden of the series, in the order it was hidden.
  void ranges(SeriesIndex series, std::vector<TimeRange>& out) const;

  std::string encode() const;
  static Result<Tombstones> decode(std::string_view bytes, std::uint64_t series_count);

 private:
  struct Run {
    SeriesIndex first = 0;
    SeriesIndex last = 0;
    bool operator==(const Run&) const = default;
  };
  struct Entry {
    TimeRange range;
    std::vector<Run> runs;  // ascending, apart
  };
  std::vector<Entry> entries_;
};

}  // namespace holdfast::metrics
