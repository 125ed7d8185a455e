// Lines of StatsD: each is an event with finite numbers, or refused with words.
#include <cmath>

#include "base/check.h"
#include "base/text.h"
#include "collect/business/statsd.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const collect::StatsdOptions options{
      "", "app.", {{"api.*.*.requests", "requests", {{"team", "$1"}, {"endpoint", "${2}"}}}}};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto line : split(text, '\n')) {
    const auto events = collect::parse_statsd_line(line, options);
    if (!events) {
      HF_CHECK(!events.error().message().empty(), "a refusal without words");
      continue;
    }
    for (const auto& event : *events) {
      HF_CHECK(!event.metric.empty(), "an event without a metric");
      HF_CHECK(std::isfinite(event.value), "a value that is no number");
    }
  }
  return 0;
}
