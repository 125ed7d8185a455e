// collect/receive/influx_line.h: reads InfluxDB's line protocol.
//
// Purpose     measurement,tag=a field=1,other=2i 1700000000000000000 becomes the series
//             measurement_field{tag="a"} and measurement_other{tag="a"}, the naming of VictoriaMetrics. A
//             line without a measurement's name takes the field's alone. true is 1, false 0; text fields
//             are no numbers and are passed over.
// Units       Timestamps come in `precision`; a line without one gets `now` (milliseconds).
// Threads     Pure.
// Errors      A line that cannot be read is refused alone: "line 3: ...". Text fields are no error.
// Source      InfluxDB line protocol reference, 1.8 and 2.7.
#pragma once

#include <string_view>

#include "collect/receive/batch.h"

namespace holdfast::collect {

struct InfluxOptions {
  Duration precision = 1ns;  // of one step of a timestamp
  model::Timestamp now = 0;
  model::Labels more;  // onto every series; a tag of the same name wins
};

// "ns", "u", "ms", ... of a `precision` parameter; "" is nanoseconds.
Result<Duration> influx_precision(std::string_view word);
Batch read_influx_lines(std::string_view body, const InfluxOptions& options);

}  // namespace holdfast::collect
