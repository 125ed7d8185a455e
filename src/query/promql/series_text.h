// query/promql/series_text.h: series with points as tests of queries and rules write them.
//
//   name{a="b"} 1 2 _ 3+1x4 stale {{schema:1 sum:3 count:2 buckets:[1 1]}}x3
//
// Purpose     One reader of the language that Prometheus' scripts and promtool's unit tests share: a number, `_` for a
//             gap, `stale`, `a+bxN` for a, a+b, ... (N+1 points), `axN`, `_xN` (N gaps), native histograms in {{ }}.
// Limits      1,000,000 points a line, 100,000 of them histograms.
// Errors      kInvalid with the column in the line.
// Threads     Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/sample.h"

namespace holdfast::query::promql {

struct Point {
  double value = 0;
  model::HistogramPtr histogram;
  bool hint_stated = false;  // counter_reset_hint was written
};

struct SeriesText {
  model::Labels labels;
  bool bare_number = false;                  // a scalar: no labels at all
  bool start_times = false;                  // name@st: the points are start times, not values
  std::vector<std::optional<Point>> points;  // empty: a gap
};

Result<SeriesText> parse_series(std::string_view line);
// name{a="b"} alone; an empty text has no labels.
Result<model::Labels> parse_labels(std::string_view text);
// Points alone.
Result<std::vector<std::optional<Point>>> parse_points(std::string_view text);

}  // namespace holdfast::query::promql
