// tests/conformance/series_text.h: series with points as the script language writes them.
//
//   name{a="b"} 1 2 _ 3+1x4 stale {{schema:1 sum:3 count:2 buckets:[1 1]}}x3
//
// Errors      kInvalid with the place in the line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/sample.h"

namespace holdfast::conformance {

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

}  // namespace holdfast::conformance
