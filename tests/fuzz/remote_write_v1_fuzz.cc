// Any bytes as a remote write 1.0 request: no crash, and what is accepted has sound labels and a place for each sample.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collect/receive/remote_write_v1.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  collect::RemoteWriteV1 request;
  // Twice: buffers are used again, and nothing of the first message may show in the second.
  for (int i = 0; i < 2; ++i) {
    if (!collect::decode_remote_write_v1(body, request)) return 0;
    for (const auto& series : request.floats.series) {
      const auto labels = request.floats.labels_of(series.encoded);
      metrics::LabelViews views;
      const auto in_order = request.floats.views_of(series.encoded, views);
      if (labels.has_value() != in_order.has_value()) std::abort();
      if (labels && (labels->metric_name().empty() || metrics::to_labels(views) != *labels))
        std::abort();
      if (series.sample_begin + series.sample_count > request.floats.samples.size()) std::abort();
    }
    for (const auto& entry : request.rest.samples) {
      if (entry.series >= request.rest.series.size()) std::abort();
    }
  }
  return 0;
}
