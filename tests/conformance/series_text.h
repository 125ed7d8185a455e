// tests/conformance/series_text.h: the language of series, as the product reads it.
#pragma once

#include "query/promql/series_text.h"

namespace holdfast::conformance {

using query::promql::parse_series;
using query::promql::Point;
using query::promql::SeriesText;

}  // namespace holdfast::conformance
