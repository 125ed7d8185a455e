// What a peer answers to remote read: frames of chunks, and, uncompressed for the fuzzer's sake, samples.
#include <cstdlib>
#include <string_view>

#include "base/bytes.h"
#include "base/wire.h"
#include "collect/backfill/import_message.h"
#include "collect/forward/remote_message.h"
#include "collect/remote_read/remote_read_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const collect::ReadAnswerLimits limits{.size_max = 1 << 20, .sample_count_max = 100'000};
  const auto read = [&](std::string_view body, bool streamed) {
    const auto columns = collect::read_read_answer(body, streamed, model::kTimestampMin,
                                                   model::kTimestampMax, limits);
    if (!columns) return;
    for (const auto& column : *columns) {
      if (column.times.empty() || column.times.size() != column.values.size()) std::abort();
      for (std::size_t i = 1; i < column.times.size(); ++i)
        if (column.times[i - 1] >= column.times[i]) std::abort();
    }
  };
  read(input, true);
  const auto packed = collect::pack_snappy(input);
  read(packed, false);
  (void)collect::read_import_message(packed, 1 << 20);
  // A frame whose checksum is right.
  WireWriter frame;
  frame.raw_varint(size);
  const auto crc = crc32c(input);
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    const char byte = static_cast<char>((crc >> shift) & 0xff);
    frame.raw(&byte, 1);
  }
  frame.raw(input.data(), input.size());
  read(frame.text(), true);
  return 0;
}
