// Any bytes as Graphite lines and as a template: no crash, every sample has a sound series.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collect/receive/graphite.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  collect::GraphiteRules rules;
  // The first line is a template too, so that both meet.
  if (auto rule = collect::parse_graphite_template(body.substr(0, body.find('\n'))))
    rules.templates.push_back(std::move(*rule));
  for (int round = 0; round < 2; ++round) {
    const auto batch = collect::read_graphite_lines(body, rules, 1);
    for (const auto& entry : batch.samples) {
      if (batch.series.at(entry.series).metric_name().empty()) std::abort();
    }
    rules.templates.clear();
  }
  return 0;
}
