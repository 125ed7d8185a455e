// metrics/codec/column_group.h: the values of many series of one metric, packed
// together.
//
// Purpose     encode_column_group() packs the value columns of neighbouring
// series (one metric name, a span of
//             time) into one run of bytes; ColumnGroup reads any part of any
//             column again. Bit-exact: every double comes back with the same
//             bits, NaN payloads (staleness markers) included.
// Idea        Most values are decimals with few digits that move little: a
// column becomes integers
//             (value * 10^e, or * 2^e, when that is exact), a predictor chosen
//             by trial leaves small residuals, and residuals are entropy coded
//             with tables shared by the group. Constant columns cost a few
//             bits.
// Cursor      A column is cut in runs of at most kRunSamples; decoding begins
// at a run's start. Units       Sizes bytes, indices samples. Threads Encoding:
// one thread a call. ColumnGroup is immutable: decode() from any thread. Errors
// kDataLoss for bytes that encode_column_group() cannot have written; no input
// crashes it or
//             makes it allocate more than its column counts and
//             `sample_count_max` justify.
// Source      docs/formats/column_group.md draws the bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::metrics {

struct ValueColumn {
  std::span<const double> values;  // not empty
  // Another column of the group, before or after this one, that moves like it
  // and is at least as large (the next larger bucket of a histogram, the same
  // instants); -1 is none. Only a hint: it may be useless.
  int reference = -1;
};

enum class Effort : std::uint8_t {
  kFast,   // straight from memory: one pass
  kSmall,  // merges: as small as decoding speed allows
};

// Appends to `out`.
void encode_column_group(std::span<const ValueColumn> columns, Effort effort, std::string& out);

class ColumnGroup {
 public:
  static constexpr std::size_t kRunSamples = 1024;

  // What decode() may keep from one column for the next: columns that refer to
  // each other (the buckets of a histogram) are then decoded once, not once for
  // each of them. For one thread at a time; of use for one group after another.
  class Scratch {
   public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    struct Kept;
    std::unique_ptr<Kept> kept;
  };

  // `bytes` is copied or kept by the group, as it likes. Headers and tables are
  // checked here, streams when they are decoded.
  static Result<std::shared_ptr<const ColumnGroup>> open(std::string bytes,
                                                         std::size_t sample_count_max);
  virtual ~ColumnGroup() = default;

  virtual std::size_t column_count() const = 0;
  virtual std::size_t sample_count(std::size_t column) const = 0;
  virtual std::size_t memory_size() const = 0;  // for the cache that holds it

  // Values [first, first + count) of a column into out[0..count). The range
  // must lie within it.
  virtual Result<void> decode(std::size_t column, std::size_t first, std::size_t count,
                              double* out) const = 0;
  virtual Result<void> decode(std::size_t column, std::size_t first, std::size_t count, double* out,
                              Scratch& scratch) const = 0;
};

}  // namespace holdfast::metrics
