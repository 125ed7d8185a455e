// Any bytes as an OTLP request, protobuf and JSON: no crash, and what becomes of it is sound.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collect/receive/histogram_proto.h"
#include "collect/receive/otlp_translate.h"

using namespace holdfast;

namespace {

void check(const Result<collect::OtlpRequest>& request) {
  if (!request) return;
  for (const bool all : {false, true}) {
    collect::OtlpOptions options;
    options.promote_all_resource_attributes = all;
    options.promote_scope_metadata = all;
    options.explicit_to_custom_buckets = all;
    if (all) options.translation = collect::NameTranslation::kNoTranslation;
    collect::OtlpDelta delta(3, 1min);
    collect::OtlpDelta::Round round(delta, {});
    const auto batch = collect::translate_otlp(*request, options, &round);
    for (const auto& entry : batch.points.samples) {
      if (batch.points.series.at(entry.series).metric_name().empty()) std::abort();
      if (entry.sample.histogram && !collect::check_histogram(*entry.sample.histogram))
        std::abort();
    }
    for (const auto& entry : batch.points.exemplars) (void)batch.points.series.at(entry.series);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  check(collect::decode_otlp_proto(body));
  check(collect::decode_otlp_json(body));
  return 0;
}
