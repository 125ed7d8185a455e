// query/promql/scan.h: reads the series of a selector and makes cells of each, in parallel.
//
// Purpose     The one way from stored samples to cells: an instant selector by lookback, or a
//             window function over a range selector. Each series is found, decoded, turned into a
//             row of cells and handed on, before the next; what is not asked for is never held.
// How         The series are cut into parts of neighbours. The cut depends on their number alone,
//             never on threads, so that whoever adds up parts in their order adds the same numbers
//             in the same order each time.
// Threads     run() calls the sink from several threads, for one part from one thread at a time.
//
//   find ─► part 0 ─► cursor ─► decode ─► cells of all steps ─► sink(0, series, row)
//        └► part 1 ─► cursor ─► ...
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "query/promql/windows.h"

namespace holdfast::query::promql {

// Turns samples into cells; one for each thread. What it knows of times serves part after part.
class RowMaker {
 public:
  virtual ~RowMaker() = default;
  virtual void begin_part() {}  // notes are taken for each part anew
  virtual std::size_t make(const metrics::Selection& selection, std::size_t index,
                           metrics::SeriesData& data, StepSeries& row) = 0;
};

class SeriesScan {
 public:
  using MakeRows = std::function<std::unique_ptr<RowMaker>(Annotator&, SampleTally*)>;
  // A row without labels, with at least one cell; the sink may take it away.
  struct Row {
    std::size_t part, index;  // of the series in the selection
    StepSeries& cells;
    std::size_t count;  // of cells
    bool dense() const { return count == cells.size() && cells.histograms.empty(); }
  };
  using Sink = std::function<Result<void>(Row&)>;

  SeriesScan(Evaluator& ev, metrics::SelectionPtr selection, std::size_t steps, bool drop_name,
             std::size_t samples_expected, MakeRows make_rows);

  std::size_t parts() const { return parts_; }
  std::size_t threads() const { return threads_; }
  const metrics::Selection& selection() const { return *selection_; }
  bool drop_name() const { return drop_name_; }  // of every series it yields

  Result<void> run(const Sink& sink);
  // All rows as a vector, with labels.
  Result<Value> collect();

 private:
  struct Helper;
  Result<void> run_part(std::size_t part, Helper& helper, const Sink& sink) const;
  std::unique_ptr<Helper> make_helper() const;

  Evaluator& ev_;
  metrics::SelectionPtr selection_;
  std::size_t steps_;
  bool drop_name_;
  MakeRows make_rows_;
  std::size_t parts_ = 1, threads_ = 1;
};

// The scan that answers `expr`: a vector selector, or a window function of a range selector, in
// parentheses or not. None for other expressions.
Result<std::optional<SeriesScan>> scan_of(Evaluator& ev, const Expr& expr, const Steps& steps);
Result<SeriesScan> scan_selector(Evaluator& ev, const Expr& expr, const Steps& steps,
                                 bool sample_times);
// Of a call whose range argument is a range selector.
Result<SeriesScan> scan_window(Evaluator& ev, const Call& call, const WindowEntry& entry,
                               const Steps& steps);
// What all series of the call share; the range argument may be a subquery too.
Result<WindowPlan> plan_window(Evaluator& ev, const Call& call, const WindowEntry& entry,
                               const Steps& steps);
const Expr& range_argument(const Call& call);
bool can_scan(const Expr& expr);

}  // namespace holdfast::query::promql
