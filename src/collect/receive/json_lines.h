// collect/receive/json_lines.h: VictoriaMetrics' formats for moving series in and out.
//
// Purpose     JSON lines: {"metric":{"__name__":"up","job":"a"},"values":[1,0],"timestamps":[1700000000000,...]}
//             a line a series; Prometheus' text with times; CSV by a column description. Each is read to a
//             Batch; series are written as JSON lines.
// Units       Milliseconds since the Unix epoch.
// Values      Numbers; null is NaN, "Infinity" and "-Infinity" the infinities. Native histograms have no
//             such form and are left out of an export.
// Threads     Pure.
// Errors      A line that cannot be read is refused alone: "line 3: ...". A text exposition is read up to
//             its first bad line, which is named.
// Source      docs.victoriametrics.com, "JSON line format", "CSV".
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "collect/receive/batch.h"

namespace holdfast::collect {

struct ImportOptions {
  model::Timestamp now = 0;  // of samples without a time
  model::Labels more;        // onto every series; a label of its own wins
};

Batch read_json_lines(std::string_view body, const ImportOptions& options);
Batch read_prometheus_text(std::string_view body, const ImportOptions& options);

// "2:metric:temp,1:label:room,3:time:unix_ms": which column is what, counted from one.
struct CsvColumn {
  std::size_t index = 0;
  enum class Kind { kMetric, kLabel, kTime } kind = Kind::kMetric;
  std::string name;    // of the metric or label
  Duration step = 1s;  // of a time in numbers; zero: RFC 3339
};
Result<std::vector<CsvColumn>> read_csv_format(std::string_view format);
Batch read_csv(std::string_view body, const std::vector<CsvColumn>& columns,
               const ImportOptions& options);

// Lines of at most `samples_max` samples each. Stale markers are null.
void write_json_lines(const metrics::Column& column, std::size_t samples_max, std::string& out);

}  // namespace holdfast::collect
