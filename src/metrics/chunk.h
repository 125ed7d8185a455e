// metrics/chunk.h: a run of samples of one series as few bytes.
//
// Purpose     ChunkBuilder takes samples one by one; decode_chunk() gives back exactly the same
//             bits, every NaN payload included. A chunk holds floats only or histograms only.
// Invariants  Times strictly increase within a chunk; the caller sees to it.
// Units       Timestamps are milliseconds.
// Threads     A builder from one thread at a time; a finished Chunk is immutable and shared freely.
// Errors      decode_chunk() answers kDataLoss on bytes the builder did not write, and never reads
//             past them.
// Source      Floats: Pelkonen et al., "Gorilla", VLDB 2015, section 4.1, with wider steps for the
//             second difference of time. Drawn in docs/formats/chunk.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/sample.h"

namespace holdfast::metrics {

enum class ChunkKind : std::uint8_t { kFloat = 1, kHistogram = 2 };

// A chunk is closed at this many samples: enough to spread its fixed cost, few enough to decode one
// in a couple of microseconds when a query wants its last sample.
inline constexpr std::uint32_t kChunkSampleCountMax = 240;
// A closed histogram chunk may be larger than that of floats by far; this bounds the bytes.
inline constexpr std::size_t kChunkSizeMax = 64 * 1024;

struct Chunk {
  ChunkKind kind = ChunkKind::kFloat;
  std::uint32_t count = 0;
  model::Timestamp min_time = 0;
  model::Timestamp max_time = 0;
  std::string bytes;
};
using ChunkPtr = std::shared_ptr<const Chunk>;

// Decoded samples, oldest first. `histograms` is empty, or as long as `times`.
struct Samples {
  std::vector<model::Timestamp> times;
  std::vector<double> values;
  std::vector<model::HistogramPtr> histograms;

  void push(model::Timestamp t, double value);
  void push(model::Timestamp t, model::HistogramPtr histogram);
  std::size_t size() const { return times.size(); }
};

// Appends to `out` what lies in [from, to].
Result<void> decode_chunk(const Chunk& chunk, model::Timestamp from, model::Timestamp to,
                          Samples& out);
// As above for bytes that lie elsewhere.
Result<void> decode_chunk(ChunkKind kind, std::uint32_t count, std::string_view bytes,
                          model::Timestamp from, model::Timestamp to, Samples& out);

// Whether two samples at one time are the same to the bit.
bool same_value(const model::Sample& a, const model::Sample& b);

class ChunkBuilder {
 public:
  bool empty() const { return count_ == 0; }
  std::uint32_t count() const { return count_; }
  ChunkKind kind() const { return kind_; }
  std::size_t memory_size() const { return bytes_.capacity(); }
  model::Timestamp min_time() const { return min_time_; }
  // The newest sample ever appended; it stays known when the chunk is finished.
  model::Sample last() const { return {last_time_, value_of(last_bits_), last_histogram_}; }
  model::Timestamp last_time() const { return last_time_; }
  bool has_last() const { return has_last_; }
  // For a series whose samples are already elsewhere: later ones are held against this.
  void set_last(const model::Sample& sample);

  // Whether the sample fits the open chunk; otherwise finish() first.
  bool fits(const model::Sample& sample) const;
  void append(const model::Sample& sample);
  // The open chunk as a closed one; the builder is empty after it.
  Chunk finish();
  // A copy of the open chunk as it stands.
  Chunk copy() const;

 private:
  static double value_of(std::uint64_t bits);
  void append_float(model::Timestamp t, std::uint64_t bits);
  void append_histogram(model::Timestamp t, const model::Histogram& histogram);
  void push_bits(std::uint64_t value, unsigned count);
  void push_time_step(std::int64_t step);
  void push_value(std::uint64_t bits);

  std::string bytes_;
  model::HistogramPtr last_histogram_;
  model::Timestamp min_time_ = 0;
  model::Timestamp last_time_ = 0;
  std::uint64_t last_delta_ = 0;
  std::uint64_t last_bits_ = 0;
  std::uint32_t count_ = 0;
  ChunkKind kind_ = ChunkKind::kFloat;
  std::uint8_t bits_free_ = 0;  // in the last byte
  std::uint8_t leading_ = kNoWindow;
  std::uint8_t trailing_ = 0;
  bool has_last_ = false;

  static constexpr std::uint8_t kNoWindow = 0xff;
};

// Histogram chunks (histogram_chunk.cc).
void encode_histogram(const model::Histogram& histogram, const model::Histogram* previous,
                      std::string& out);
Result<void> decode_histograms(std::uint32_t count, std::string_view bytes, model::Timestamp from,
                               model::Timestamp to, Samples& out);

}  // namespace holdfast::metrics
