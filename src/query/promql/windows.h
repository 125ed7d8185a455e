// query/promql/windows.h: a window function over all steps of one series.
//
// Purpose     WindowPlan is what all series of a call share; WindowWorker turns the samples of one
//             series after another into cells. Floats take the functions of float_windows.h where
//             there is one, everything else slides a Window along and asks the WindowEntry.
// Invariants  Where windows lie depends on the samples' times alone, so series that share their
//             times share the bounds too: they are found once per worker and times.
// Threads     A plan is shared, a worker belongs to one thread.
#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "query/promql/float_windows.h"
#include "query/promql/functions.h"

namespace holdfast::query::promql {

using TimesPtr = std::shared_ptr<const std::vector<Timestamp>>;

// What depends on times alone, by the times' address. Holds the times, so that an address stays
// what it was.
template <typename T>
class TimesCache {
 public:
  template <typename Find>
  const T& get(const TimesPtr& times, Find&& find) {
    if (last_ != nullptr && last_->times == times) return last_->value;
    // Times nobody else holds come only once: keeping them would fill memory and help nobody.
    if (times.use_count() <= 1) {
      last_ = nullptr;
      find(*times, own_);
      return own_;
    }
    if (entries_.size() >= kEntriesMax) entries_.clear();
    auto& entry = entries_[times.get()];
    if (entry.times == nullptr) {
      entry.times = times;
      find(*times, entry.value);
    }
    last_ = &entry;
    return entry.value;
  }

 private:
  static constexpr std::size_t kEntriesMax = 512;  // targets; 10 MB of bounds at a thousand steps
  struct Entry {
    TimesPtr times;
    T value;
  };
  std::unordered_map<const void*, Entry> entries_;
  Entry* last_ = nullptr;
  T own_;
};

std::uint64_t sample_size(const Histogram& h);  // in floats

struct WindowPlan {
  const WindowEntry* entry = nullptr;
  FloatFunction floats = nullptr;
  bool expects_counter = false;
  bool extrapolates = false;
  PositionRange position;  // of the range vector argument
  Steps steps;
  std::int64_t range = 0;
  RangeMode mode = RangeMode::kPlain;
  std::int64_t reach_back = 0, reach_ahead = 0;
  std::vector<Timestamp> ends;            // one per step: the window is (end - range, end]
  std::vector<std::vector<double>> args;  // scalar arguments
};

struct SeriesName {
  std::string_view metric;
  std::string_view type;  // its __type__, "" when unknown
};

class WindowWorker {
 public:
  WindowWorker(const WindowPlan& plan, Annotator& notes, SampleTally* tally)
      : plan_(plan), notes_(notes), tally_(tally) {}

  void begin_part() { noted_.clear(); }
  // Fills `row`, whose cells are none before; how many cells have an answer. Staleness markers are
  // taken out of `data`.
  std::size_t run(const SeriesName& name, metrics::SeriesData& data, StepSeries& row);

 private:
  std::size_t run_floats(const SeriesName& name, const metrics::SeriesData& data, bool has_nan,
                         StepSeries& row);
  std::size_t run_any(const SeriesName& name, const metrics::SeriesData& data, StepSeries& row);
  void count_samples(const WindowBounds& bounds);

  const WindowPlan& plan_;
  Annotator& notes_;
  SampleTally* tally_;
  TimesCache<WindowBounds> bounds_;
  FloatScratch scratch_;
  SampleSeries points_;
  std::string noted_;  // the metric last noted not to look like a counter
};

// Errors of arguments that show only where there is something to apply them to.
Result<void> check_arguments(const WindowPlan& plan);
bool looks_like_counter(const SeriesName& name);
// Floats and histograms apart, staleness markers taken out.
void split_samples(const metrics::SeriesData& data, SampleSeries& series);
// The cells there are as samples at their steps' times; `all`, when given, holds the times of all.
metrics::SeriesData samples_of(const StepSeries& s, const Steps& steps, const TimesPtr& all);

}  // namespace holdfast::query::promql
