// query/promql/extended.h: the `anchored` and `smoothed` selectors.
//
// Purpose     An anchored range also knows the last sample before it, a smoothed one the samples on
//             both sides of each edge, so that neighbouring ranges add up without extrapolation.
//             `metric smoothed` interpolates an instant.
// Units       Milliseconds. The search beyond a range reaches as far as the lookback.
// Threads     Pure functions of their arguments, but for annotations.
// Source      Prometheus' extended range selectors (experimental in 3.x).
#pragma once

#include <optional>

#include "query/promql/evaluator.h"

namespace holdfast::query::promql {

// The cell at t between samples next - 1 (at or before t) and next (after t).
std::optional<Cell> smoothed_cell(const metrics::SeriesData& data, std::size_t next, Timestamp t,
                                  std::int64_t lookback);
void note_smoothed_mix(Annotator& notes, const metrics::SeriesData& data, std::string_view metric,
                       const PositionRange& at);

struct WindowCall;
// How much a histogram grew between the first and the last of at least two samples; none, noted,
// when they do not mix.
std::optional<Histogram> histogram_increase(std::span<const HistogramPoint> points, bool is_counter,
                                            const WindowCall& call);
Cell extended_rate(const Window& window, const WindowCall& call, bool is_counter, bool is_rate);
// The samples an anchored changes() or resets() counts: those of the range and the last one before
// it.
Window anchored_window(const Window& window);

}  // namespace holdfast::query::promql
