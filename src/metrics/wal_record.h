// metrics/wal_record.h: what one append leaves in the write-ahead log, as bytes.
//
// Purpose     A batch names the series it is first to use in this epoch of the log, then its
//             samples by series id. Encoding and decoding stand here alone; framing and checksums
//             are wal.h's.
// Errors      kDataLoss on payloads that the encoder did not write.
// Threads     Values.
// Source      docs/formats/wal.md draws every byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "metrics/index.h"
#include "metrics/store.h"

namespace holdfast::metrics {

enum class WalRecordType : std::uint8_t { kBatch = 1, kMetadata = 2 };
// Set beside the type when the payload is a zstd frame, with its expanded size before it.
inline constexpr std::uint8_t kWalCompressed = 0x80;
inline constexpr std::uint32_t kWalPayloadSizeMax = 256 * 1024 * 1024;

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
  std::vector<WalSample> samples;
};
struct WalMetadata {
  std::string metric;
  Metadata metadata;
};

// Builds a batch without copying labels or samples.
class WalBatchWriter {
 public:
  void add_series(SeriesId id, const Labels& labels);
  void add_sample(SeriesId id, const Sample& sample);
  bool empty() const { return series_count_ == 0 && float_count_ == 0 && histogram_count_ == 0; }
  std::string take();

 private:
  std::string series_;
  std::string floats_;
  std::string histograms_;
  std::size_t series_count_ = 0;
  std::size_t float_count_ = 0;
  std::size_t histogram_count_ = 0;
  SeriesId float_id_ = 0;  // of the sample before
  Timestamp float_time_ = 0;
};

Result<WalBatch> decode_wal_batch(std::string_view payload);
std::string encode_wal_metadata(const std::string& metric, const Metadata& metadata);
Result<WalMetadata> decode_wal_metadata(std::string_view payload);

}  // namespace holdfast::metrics
