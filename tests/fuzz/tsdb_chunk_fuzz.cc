// One chunk: its encoding, then its bytes. Histograms that were read are written again and read the same.
#include <cstdlib>
#include <string_view>

#include "collect/backfill/chunk.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  if (size == 0) return 0;
  std::vector<model::Sample> samples;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (!collect::read_chunk(data[0] % 5, bytes, samples)) return 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto& sample = samples[i];
    if (!sample.histogram) continue;
    collect::HistogramChunkWriter writer;
    writer.append(sample.t, *sample.histogram);
    std::vector<model::Sample> again;
    const auto read = collect::read_chunk(
        static_cast<std::uint8_t>(collect::ChunkEncoding::kFloatHistogram), writer.take(), again);
    if (!read || again.size() != 1 || again[0].t != sample.t) std::abort();
    if (again[0].histogram &&
        again[0].histogram->positive_buckets.size() != sample.histogram->positive_buckets.size())
      std::abort();
    if (i > 200) break;
  }
  return 0;
}
