// Bytes as a log: record after record, and, past the checksum no fuzzer guesses, as bare payloads.
#include <cstdlib>
#include <string_view>

#include "metrics/wal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::metrics;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  if (const auto batch = decode_wal_batch(rest)) {
    WalBatchWriter writer;
    for (const WalSeries& series : batch->series) writer.add_series(series.id, series.labels);
    for (const WalSample& sample : batch->samples) writer.add_sample(sample.id, sample.sample);
    const auto again = decode_wal_batch(writer.take());
    if (!again || again->samples.size() != batch->samples.size() ||
        again->series.size() != batch->series.size()) {
      std::abort();
    }
  }
  if (const auto metadata = decode_wal_metadata(rest)) {
    if (!decode_wal_metadata(encode_wal_metadata(metadata->metric, metadata->metadata)))
      std::abort();
  }
  while (!rest.empty()) {
    const auto frame = read_wal_frame(rest);
    if (!frame) break;
    if (frame->size == 0 || frame->size > rest.size()) std::abort();
    if (frame->type == WalRecordType::kBatch) (void)decode_wal_batch(frame->payload);
    if (frame->type == WalRecordType::kMetadata) (void)decode_wal_metadata(frame->payload);
    rest.remove_prefix(frame->size);
  }
  return 0;
}
