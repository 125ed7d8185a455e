// Any bytes as JSON lines, text and CSV: no crash, every sample has a sound series, and what is written as
// JSON lines reads back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collect/receive/json_lines.h"

using namespace holdfast;

namespace {

void check(const collect::Batch& batch) {
  for (const auto& entry : batch.samples) {
    const auto& labels = batch.series.at(entry.series);
    if (labels.metric_name().empty()) std::abort();
    metrics::Column column;
    column.labels = std::make_shared<const model::Labels>(labels);
    column.times = {entry.sample.t};
    column.values = {entry.sample.value};
    std::string line;
    collect::write_json_lines(column, 10, line);
    const auto back = collect::read_json_lines(line, {});
    if (back.series.size() != 1 || back.series[0] != labels) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  check(collect::read_json_lines(body, {}));
  check(collect::read_prometheus_text(body, {}));
  const auto end = body.find('\n');
  if (const auto columns = collect::read_csv_format(body.substr(0, end));
      columns && end != body.npos)
    check(collect::read_csv(body.substr(end + 1), *columns, {}));
  return 0;
}
