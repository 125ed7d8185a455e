// Any bytes as a protobuf exposition: no crash, and every sample's labels can be built or are refused.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collect/scrape/proto_parser.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  collect::ProtoParser parser(body, {true, true});
  for (;;) {
    const auto entry = parser.next();
    if (!entry || *entry == collect::ProtoParser::Entry::kEnd) return 0;
    if (*entry != collect::ProtoParser::Entry::kSample) continue;
    std::vector<model::Label> labels;
    (void)parser.labels(labels).has_value();
  }
}
