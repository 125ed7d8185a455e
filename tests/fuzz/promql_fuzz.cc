// Any text is either refused with an error, or evaluates within the limits to an answer that can be
// written; and a range query over the same data does not fall over it either.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/sim.h"
#include "conformance/series_text.h"
#include "conformance/table_reader.h"
#include "query/promql/engine.h"

using namespace holdfast;

namespace {

conformance::TableReader make_table() {
  conformance::TableReader table;
  for (const auto* line : {
           "a_total{x=\"1\",y=\"1\"} 0+3x20",
           "a_total{x=\"1\",y=\"2\"} 0+5x8 2+5x8",
           "b{x=\"1\"} 1 -2 NaN 4 Inf 6 stale 8",
           "b{x=\"2\"} 7x20",
           "c_bucket{le=\"1\"} 0+1x20",
           "c_bucket{le=\"+Inf\"} 0+2x20",
           "h{x=\"1\"} {{schema:1 sum:3 count:4 z_bucket:1 z_bucket_w:0.1 buckets:[1 1] "
           "n_buckets:[1]}}x10",
           "h{x=\"2\"} {{schema:-53 sum:3 count:4 custom_values:[1 2] buckets:[1 2 1]}}x10",
           "target_info{instance=\"i\",job=\"j\",v=\"1\"} 1x20",
       }) {
    const auto series = conformance::parse_series(line);
    HF_CHECK(series.has_value(), "the table is well formed");
    std::vector<model::Sample> samples;
    for (std::size_t i = 0; i < series->points.size(); ++i) {
      const auto& point = series->points[i];
      if (point)
        samples.push_back({static_cast<std::int64_t>(i) * 15'000, point->value, point->histogram});
    }
    table.add(series->labels, samples);
  }
  return table;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 2000) return 0;
  static const auto table = make_table();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const SystemClock clock;
  const query::promql::Engine engine(table, clock);
  query::promql::QueryOptions options;
  options.sample_count_max = 20'000;
  options.deadline = clock.mono() + 2s;
  const auto expr = query::promql::parse_expr(text);
  if (!expr) {
    HF_CHECK(!expr.error().message().empty(), "a refusal says why");
    return 0;
  }
  if (const auto instant = engine.instant(**expr, 120'000, options)) {
    HF_CHECK(!query::promql::result_json(*instant).empty(), "an answer can be written");
  }
  if (const auto range = engine.range(**expr, 0, 120'000, 30'000, options)) {
    HF_CHECK(!query::promql::result_json(*range).empty(), "an answer can be written");
  }
  return 0;
}
