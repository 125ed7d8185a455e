// collect/backfill/chunk.h: Prometheus' chunks, read and written.
//
// Purpose     A chunk holds up to some hundred samples of one series: floats, native histograms with whole counts, or
//             with float counts. Blocks keep them in segments; streamed remote read sends them.
//
//               XOR              | count u16be | t0 varint, v0 64 bits | delta varint, XOR | delta of delta, XOR | ...
//               histogram        | count u16be | flags u8 | layout | t, count, zero count, sum, buckets | ...
//               float histogram  the same, with XOR for counts
//               layout           zero threshold, schema, spans, custom bounds; one for all histograms of the chunk
//
// Invariants  Stale markers keep their bits; a stale histogram is a stale float, as everywhere in the house.
// Limits      65,535 samples; histograms of at most kHistogramBucketsMax buckets.
// Errors      read_chunk: kInvalid for bytes that end too early or say what cannot be, with the number of the sample;
//             kUnsupported for an encoding nobody knew when this was written.
// Threads     Pure; a writer belongs to one thread.
// Source      Prometheus, tsdb/docs/format/chunks.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "collect/backfill/chunk_bits.h"
#include "model/sample.h"

namespace holdfast::collect {

// As written in segments and in remote read.
enum class ChunkEncoding : std::uint8_t { kXor = 1, kHistogram = 2, kFloatHistogram = 3 };

// Appends the chunk's samples to `out`, in the order written.
Result<void> read_chunk(std::uint8_t encoding, std::string_view bytes,
                        std::vector<model::Sample>& out);

// Native histograms of one layout as a float histogram chunk.
class HistogramChunkWriter {
 public:
  static constexpr std::size_t kSamplesPerChunk = 120;

  // False when the histogram needs a chunk of its own: another layout, a counter reset, or this one is full.
  bool fits(const model::Histogram& histogram) const;
  void append(model::Timestamp t, const model::Histogram& histogram);
  std::size_t count() const { return count_; }
  model::Timestamp min_time() const { return first_; }
  model::Timestamp max_time() const { return time_; }
  std::string take();  // and begins anew

 private:
  void begin(model::Timestamp t, const model::Histogram& histogram);
  std::vector<double> values_of(const model::Histogram& histogram) const;

  BitWriter out_{3};
  std::uint16_t count_ = 0;
  model::Timestamp first_ = 0, time_ = 0;
  std::int64_t delta_ = 0;
  model::Histogram layout_;        // of the first; its counts are the newest
  std::vector<XorState> numbers_;  // count, zero count, sum, buckets
};

}  // namespace holdfast::collect
