// Any bytes as InfluxDB lines, in every precision: no crash, every sample has a sound series.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collect/receive/influx_line.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const auto precision : {Duration(1ns), Duration(1ms), Duration(1h)}) {
    collect::InfluxOptions options;
    options.precision = precision;
    options.more = model::Labels{{"db", "d"}};
    const auto batch = collect::read_influx_lines(body, options);
    for (const auto& entry : batch.samples) {
      if (batch.series.at(entry.series).metric_name().empty()) std::abort();
    }
    if (batch.series.size() != batch.samples.size()) std::abort();
  }
  return 0;
}
