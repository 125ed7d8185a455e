// query/promql/level_windows.h: window functions over buckets that downsampling kept of a series.
//
// Purpose     Where the edges of windows are edges of buckets, a window is whole buckets, and these answer
//             as the samples would: counts, extremes, first and last, rates with their extrapolation to
//             the last digit, sums but for the order of rounding. Where they are not, windows are moved
//             to the nearest edges; the caller says so in an annotation.
// Threads     Pure; a worker belongs to one thread.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "metrics/levels/buckets.h"
#include "query/promql/evaluator.h"

namespace holdfast::query::promql {

enum class LevelFunction {
  kInstant,      // the newest sample within the lookback
  kInstantTime,  // its time
  kCount,
  kSum,
  kAvg,
  kMin,
  kMax,
  kFirst,
  kLast,
  kFirstTime,
  kLastTime,
  kPresent,
  kRate,
  kIncrease,
  kDelta,
};
// Nothing for functions that buckets cannot answer.
std::optional<LevelFunction> find_level_function(std::string_view name);
bool is_instant(LevelFunction function);
unsigned fields_of(LevelFunction function);  // of metrics::Buckets

struct LevelWindowPlan {
  LevelFunction function{};
  std::span<const Timestamp> ends;  // never going back
  std::int64_t range = 0;           // of instants the lookback
};

class LevelWindowWorker {
 public:
  explicit LevelWindowWorker(const LevelWindowPlan& plan) : plan_(plan) {}

  // Whether all windows' answers are those of the samples: a sum may be so small beside its terms that
  // only these tell its digits.
  bool certain(const std::vector<metrics::LevelBucket>& buckets) const;
  // Fills the cells of steps whose windows consist of whole buckets; how many.
  std::size_t run(const std::vector<metrics::LevelBucket>& buckets, StepSeries& row,
                  SampleTally* tally) const;
  // The answer at one step with the window moved to edges of buckets. Any steps in any order.
  std::optional<double> near(const metrics::Buckets& buckets, std::size_t step) const;

 private:
  struct Window {
    std::size_t first, last;  // buckets
    Timestamp from, to;
  };
  template <typename F>
  void each_window(const std::vector<metrics::LevelBucket>& buckets, F&& visit) const;
  std::optional<double> answer(const std::vector<metrics::LevelBucket>& buckets,
                               const Window& window) const;
  std::optional<double> extrapolated(const std::vector<metrics::LevelBucket>& buckets,
                                     const Window& window) const;
  std::optional<double> newest(const std::vector<metrics::LevelBucket>& buckets, std::size_t end,
                               Timestamp at, std::int64_t lookback) const;

  const LevelWindowPlan plan_;
};

}  // namespace holdfast::query::promql
