// Bytes as a log: record after record, and, past the checksum no fuzzer guesses, as bare payloads.
#include <cstdlib>
#include <string_view>

#include "metrics/wal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::metrics;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  if (const auto batch = WalBatchReader().read(rest)) {
    // What could be read is written again, and read the same.
    WalBatchWriter writer;
    std::unordered_map<SeriesId, WalValue> states;
    std::size_t floats = 0;
    for (const WalSample& in : batch->samples) {
      if (in.sample.histogram) continue;
      writer.add_float(in.id, in.sample.t, in.sample.value, states[in.id]);
      ++floats;
    }
    const auto again = WalBatchReader().read(writer.take());
    if (!again || again->samples.size() != floats) std::abort();
  }
  if (const auto metadata = decode_wal_metadata(rest)) {
    if (!decode_wal_metadata(encode_wal_metadata(metadata->metric, metadata->metadata)))
      std::abort();
  }
  if (const auto exemplars = decode_wal_exemplars(rest)) {
    if (!decode_wal_exemplars(encode_wal_exemplars(exemplars->series, exemplars->exemplars)))
      std::abort();
  }
  WalBatchReader reader;
  while (!rest.empty()) {
    const auto frame = read_wal_frame(rest);
    if (!frame) break;
    if (frame->size == 0 || frame->size > rest.size()) std::abort();
    if (frame->type == WalRecordType::kBatch) (void)reader.read(frame->payload);
    rest.remove_prefix(frame->size);
  }
  return 0;
}
