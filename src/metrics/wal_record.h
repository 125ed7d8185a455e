// metrics/wal_record.h: what one append leaves in the write-ahead log, as bytes.
//
// Purpose     A batch names the series it is first to use in this epoch of the log, then its samples. A float
//             is written as what changed since the log's last word on its series: nothing, a few bytes of
//             decimal difference, or the bits that differ. Framing and checksums are wal.h's.
// State       The last word on a series stands with the writer (WalValue, kept by the head) and is
//             built again by the reader, record by record; naming a series sets it to the start. A
//             record that could not be written therefore ends the epoch: the next one names anew.
// Errors      kDataLoss on payloads that the encoder did not write.
// Threads     Values.
// Source      docs/formats/wal.md draws every byte.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "metrics/head_index.h"
#include "metrics/store.h"

namespace holdfast::metrics {

enum class WalRecordType : std::uint8_t { kBatch = 1, kMetadata = 2, kExemplars = 3 };
// Set beside the type when the payload is a zstd frame, with its expanded size before it.
inline constexpr std::uint8_t kWalCompressed = 0x80;
inline constexpr std::uint32_t kWalPayloadSizeMax = 256 * 1024 * 1024;

// The log's last word on a series. Exponent e below kNotDecimal: value * 10^e is whole and small.
struct WalValue {
  double value = 0;
  std::uint8_t exponent = 0;
};

struct WalSeries {
  SeriesId id = 0;
  Labels labels;
};
struct WalSample {
  SeriesId id = 0;
  Sample sample;
};
struct WalBatch {
  std::vector<WalSeries> series;
  std::vector<WalSample> samples;  // in the order they were written
};
struct WalMetadata {
  std::string metric;
  Metadata metadata;
};

// Builds batches without copying labels or samples; reuse one for its buffers.
class WalBatchWriter {
 public:
  // Sets `state` to the start as well.
  void add_series(SeriesId id, PairList labels, const HeadIndex& index, WalValue& state);
  void add_float(SeriesId id, Timestamp t, double value, WalValue& state);
  void add_histogram(SeriesId id, Timestamp t, const model::Histogram& histogram);
  bool empty() const { return series_count_ == 0 && float_count_ == 0 && histogram_count_ == 0; }
  bool has_series() const { return series_count_ > 0; }
  std::string take();

 private:
  std::uint32_t& number_of(PairId pair);
  void end_run();
  void push_code(unsigned code);

  std::string series_, runs_, codes_, payload_, histograms_;
  std::size_t series_count_ = 0;
  std::size_t run_count_ = 0;
  std::size_t float_count_ = 0;
  std::size_t histogram_count_ = 0;
  SeriesId run_first_ = 0;
  SeriesId run_next_ = 0;  // the id that would continue the run
  Timestamp run_time_ = 0;
  SeriesId written_next_ = 0;
  Timestamp written_time_ = 0;
  // The pairs named in this record, by the order of naming: open addressing.
  struct Named {
    PairId pair = 0;  // 0: empty
    std::uint32_t number = 0;
  };
  std::vector<Named> named_;
  std::uint32_t named_count_ = 0;
};

// Reads the records of a log in order.
class WalBatchReader {
 public:
  Result<WalBatch> read(std::string_view payload);

 private:
  std::unordered_map<SeriesId, WalValue> states_;
};

std::string encode_wal_metadata(const std::string& metric, const Metadata& metadata);
Result<WalMetadata> decode_wal_metadata(std::string_view payload);
std::string encode_wal_exemplars(const Labels& series, std::span<const Exemplar> exemplars);
Result<SeriesExemplars> decode_wal_exemplars(std::string_view payload);

}  // namespace holdfast::metrics
