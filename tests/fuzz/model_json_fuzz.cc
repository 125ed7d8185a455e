// Any bytes are either refused with an error or read into an incident that writes and reads back the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "model/incident.h"

using holdfast::model::Incident;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto first = holdfast::parse_json<Incident>(text);
  if (!first) {
    HF_CHECK(!first.error().message().empty(), "a refusal says why");
    return 0;
  }
  const auto written = holdfast::dump_json(*first);
  const auto second = holdfast::parse_json<Incident>(written);
  HF_CHECK(second.has_value(), "what was written reads back");
  HF_CHECK(holdfast::dump_json(*second) == written, "and is the same");
  return 0;
}
