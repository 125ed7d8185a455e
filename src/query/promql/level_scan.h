// query/promql/level_scan.h: a scan over downsampled levels instead of samples, where that is right.
//
// Purpose     Asks the store for buckets (metrics/levels) in two cases:
//             - the windows of all steps have edges on edges of buckets and the function can be told
//               from buckets: the answer is that of the samples, read from a fraction of the points;
//             - retention dropped samples of the range: what is left answers, as near as it can, and an
//               annotation says how near.
// Otherwise   Nothing: the samples are read.
// Threads     As SeriesScan.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "query/promql/level_windows.h"
#include "query/promql/scan.h"

namespace holdfast::query::promql {

struct LevelQuestion {
  const std::vector<model::Matcher>& matchers;
  // Instants: ends are the times to look at, range the lookback, function kInstant or kInstantTime.
  std::vector<Timestamp> ends;
  std::int64_t range = 0;
  std::optional<LevelFunction> function;  // none: one that buckets cannot answer
  bool plain = true;                      // no mode of ranges (anchored, smoothed)
  bool drop_name = false;
  PositionRange position;
  std::shared_ptr<const WindowPlan> windows;  // of a window function
  SeriesScan::MakeRows rows;                  // from samples
  // The same looking back over so many milliseconds at least, where samples are far apart.
  std::function<std::unique_ptr<RowMaker>(std::int64_t, Annotator&)> rows_over;
};
Result<std::optional<SeriesScan>> scan_levels(Evaluator& ev, LevelQuestion question,
                                              const Steps& steps);
// Says in an annotation when samples of the range are gone, for those who need the samples themselves.
Result<void> note_gone_samples(Evaluator& ev, const std::vector<model::Matcher>& matchers,
                               Timestamp after, Timestamp to, const PositionRange& position);

}  // namespace holdfast::query::promql
