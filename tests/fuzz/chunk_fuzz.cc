// Bytes as a chunk of samples: kind, count, then the payload.
#include <cstdlib>
#include <string_view>

#include "metrics/chunk.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  metrics::Samples out;
  const auto kind = static_cast<metrics::ChunkKind>(data[0] % 3);
  const bool good =
      metrics::decode_chunk(kind, data[1], bytes, model::kTimestampMin, model::kTimestampMax, out)
          .has_value();
  if (out.times.size() != out.values.size()) std::abort();
  if (!out.histograms.empty() && out.histograms.size() != out.times.size()) std::abort();
  if (!good) return 0;
  // What decodes in order encodes again to the same samples.
  metrics::ChunkBuilder builder;
  metrics::Samples again;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const model::Sample sample{out.times[i], out.values[i],
                               out.histograms.empty() ? nullptr : out.histograms[i]};
    if (builder.has_last() && sample.t <= builder.last_time()) return 0;
    if (!builder.fits(sample)) return 0;
    builder.append(sample);
  }
  if (!metrics::decode_chunk(builder.copy(), model::kTimestampMin, model::kTimestampMax, again))
    std::abort();
  if (again.times != out.times) std::abort();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const model::Sample a{out.times[i], out.values[i],
                          out.histograms.empty() ? nullptr : out.histograms[i]};
    const model::Sample b{again.times[i], again.values[i],
                          again.histograms.empty() ? nullptr : again.histograms[i]};
    if (!metrics::same_value(a, b)) std::abort();
  }
  return 0;
}
