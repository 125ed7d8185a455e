// Any bytes as a remote write 2.0 request: no crash, and what is accepted has sound labels and histograms.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collect/receive/histogram_proto.h"
#include "collect/receive/payload.h"
#include "collect/receive/remote_write_v2.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  (void)collect::unpack_snappy(body, 1 << 20).has_value();
  (void)collect::read_exemplar(body).has_value();
  if (const auto sample = collect::read_histogram(body); sample && sample->histogram) {
    if (!collect::check_histogram(*sample->histogram)) std::abort();
  }
  const auto request = collect::decode_remote_write_v2(body);
  if (!request) return 0;
  for (const auto& series : request->floats.series) {
    const auto labels = request->floats.labels_of(series.encoded);
    if (!labels || labels->metric_name().empty()) std::abort();
    if (series.sample_begin + series.sample_count > request->floats.samples.size()) std::abort();
  }
  for (const auto& entry : request->rest.samples) {
    if (entry.series >= request->rest.series.size()) std::abort();
  }
  return 0;
}
