// query/promql/evaluator.h: walks an expression, for all steps of a query at once.
//
// Purpose     Every node yields a Value: for each series one cell per step, in columns. A selector
//             reads its samples once for the whole query; windows slide over them. What does not
//             depend on the step (an @ modifier, literals) is evaluated once and spread.
// Invariants  All columns of a Value have Steps::count cells. Series of a Value are distinct by
//             labels once the name that is to be dropped is set aside; where they could collide
//             they are merged, or the query fails.
// Names       Dropping the metric name is delayed to the end of the evaluation
//             (StepSeries::drop_name), so that an outer function may still see it.
// Limits      hold() counts cells and samples held at once, and their bytes; check() asks the stop
//             token and the deadline.
// Threads     One evaluation, one thread, which shares the reading of series (scan.h) with others.
// Sharing     Equal subtrees are evaluated once, equal selections found once.
//
//      selector ──► Matrix of samples ──► window functions ─┐
//         └────────► cells by lookback ─────────────────────┴─► functions, operators ─► Value
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "query/promql/annotate.h"
#include "query/promql/ast.h"
#include "query/promql/histogram_math.h"
#include "query/promql/parallel.h"

namespace holdfast::query::promql {

enum class Kind : std::uint8_t { kNone, kFloat, kHistogram };

struct Cell {
  Kind kind = Kind::kNone;
  double value = 0;
  HistogramPtr histogram;
};
inline Cell float_cell(double v) { return {Kind::kFloat, v, nullptr}; }
Cell histogram_cell(Histogram h);

struct StepSeries {
  StepSeries() = default;
  StepSeries(Labels labels_in, std::size_t steps)
      : labels(std::move(labels_in)), kinds(steps), values(steps) {}

  Labels labels;
  bool drop_name = false;
  std::vector<Kind> kinds;
  std::vector<double> values;
  std::vector<HistogramPtr> histograms;  // empty while there is none

  std::size_t size() const { return kinds.size(); }
  bool has(std::size_t i) const { return kinds[i] != Kind::kNone; }
  Cell at(std::size_t i) const {
    return {kinds[i], values[i], kinds[i] == Kind::kHistogram ? histograms[i] : nullptr};
  }
  void set(std::size_t i, Cell cell);
  void set_float(std::size_t i, double v) {
    kinds[i] = Kind::kFloat;
    values[i] = v;
  }
  void clear(std::size_t i) { kinds[i] = Kind::kNone; }
  bool any() const;
};

struct Value {
  ValueType type = ValueType::kVector;
  std::vector<StepSeries> series;  // kVector
  std::vector<double> scalars;     // kScalar
  std::string text;                // kString
};

struct Steps {
  Timestamp start = 0;
  std::int64_t step = 1;
  std::size_t count = 1;
  Timestamp time(std::size_t i) const { return start + static_cast<std::int64_t>(i) * step; }
  Timestamp last() const { return time(count - 1); }
  bool operator==(const Steps&) const = default;
};

struct FloatPoint {
  Timestamp t = 0;
  double value = 0;
};
struct HistogramPoint {
  Timestamp t = 0;
  HistogramPtr value;
};
// The samples of one series, floats and histograms apart, staleness markers taken out.
struct SampleSeries {
  Labels labels;
  bool drop_name = false;
  std::vector<FloatPoint> floats;
  std::vector<HistogramPoint> histograms;
};

// What a range vector is made of: its samples and where each step's window lies.
struct RangeVector {
  std::vector<SampleSeries> series;
  std::int64_t range = 0;
  RangeMode mode = RangeMode::kPlain;
  std::int64_t reach_back = 0, reach_ahead = 0;  // of the modes, beyond the window
  std::vector<Timestamp> ends;                   // one per step: the window is (end - range, end]
};

struct Window {
  std::span<const FloatPoint> floats;
  std::span<const HistogramPoint> histograms;
  Timestamp from = 0, to = 0;  // (from, to]
  std::int64_t range = 0;
  RangeMode mode = RangeMode::kPlain;
};

// The inner answer of a subquery, and where the windows over it lie.
struct SubqueryValue {
  Value value;
  Steps inner;
  std::int64_t range = 0;
  std::vector<Timestamp> ends;
};

// Samples that lay in the windows or lookbacks of the steps, as Prometheus' stats count them.
struct SampleTally {
  std::uint64_t read = 0;               // decoded
  std::uint64_t queryable = 0;          // in windows, once per window
  std::vector<std::uint64_t> per_step;  // empty when not asked for
  void add(std::size_t step, std::uint64_t count) {
    queryable += count;
    if (!per_step.empty()) per_step[step] += count;
  }
  void add(const SampleTally& other);
};

struct WindowPlan;  // windows.h
inline constexpr std::size_t kCellBytes = sizeof(double) + 1;

// The subtrees a query holds more than once, by canonical text, and the answers so far.
struct SharedExprs {
  struct Answer {
    Steps steps;
    Value value;
  };
  std::map<std::string, std::size_t> occurrences;
  std::map<std::string, std::vector<Answer>> answers;
};

struct EvaluatorInput {
  const metrics::Reader& reader;
  const Clock& clock;
  const QueryOptions& options;
  std::string_view query;  // for positions in annotations
  Steps steps;             // of the whole query
  bool is_range = false;
  Parallel parallel;
  const Expr* expr = nullptr;  // the whole query, to find what it asks twice
};

class Evaluator {
 public:
  explicit Evaluator(const EvaluatorInput& input);

  Result<Value> eval(const Expr& expr, const Steps& steps);
  // Of a MatrixSelector or Subquery, parentheses around it or not.
  Result<RangeVector> eval_matrix(const Expr& expr, const Steps& steps);
  // The cells of a vector selector, and when asked the time of each one's sample instead of its
  // value.
  Result<Value> eval_selector(const Expr& expr, const Steps& steps, bool sample_times);

  Annotator& annotate() { return annotator_; }  // of the query's own thread
  const EvaluatorInput& input() const { return input_; }
  const Parallel& parallel() const { return input_.parallel; }
  QueryStats stats() const;
  void tally(const SampleTally& part);
  // Whether samples are counted step by step: asked for, and not within a subquery.
  bool counts_steps() const { return input_.options.per_step_stats && counts_samples_; }
  bool finds_hints() const { return stats_hints_; }
  // Whether the query asks for this subtree elsewhere too: then its answer is worth to be kept.
  bool is_shared(const Expr& expr) const;

  // These three from any thread. check() asks the stop token and the deadline; hold() counts more
  // cells or samples, and the bytes they take, as held; fits() whether so many samples would do.
  Result<void> check() const;
  Result<void> hold(std::size_t more, std::size_t bytes);
  Result<void> hold(std::size_t more) { return hold(more, more * kCellBytes); }
  Result<void> fits(std::size_t samples) const;

  // The columns a scalar argument has; one value for a literal too.
  Result<std::vector<double>> eval_scalar(const Expr& expr, const Steps& steps);
  Result<std::string> eval_string(const Expr& expr);
  std::int64_t offset_of(const TimeShift& shift, Result<void>& status) const;
  // The time a selector looks at when the step is t.
  Timestamp anchor(const TimeShift& shift, Timestamp t) const;
  // The series with samples in (after, to]; the same question is asked of the reader once.
  Result<metrics::SelectionPtr> find(const std::vector<model::Matcher>& matchers, Timestamp after,
                                     Timestamp to);
  Result<void> lay_windows(const MatrixSelector& matrix, const Steps& steps,
                           WindowPlan& plan) const;
  Result<SubqueryValue> eval_subquery(const Subquery& subquery, const Steps& steps);

 private:
  Result<Value> eval_node(const Expr& expr, const Steps& steps);
  Result<Value> eval_unary(const Expr& expr, const UnaryExpr& unary, const Steps& steps);
  Result<RangeVector> eval_matrix_selector(const MatrixSelector& matrix, const Steps& steps);
  Result<Value> eval_shared(const Expr& expr, const Steps& steps);
  Result<Value> spread(Value once, std::size_t count);

  EvaluatorInput input_;
  Annotator annotator_;
  SharedExprs shared_;
  std::map<std::string, metrics::SelectionPtr> selections_;
  SampleTally tally_;
  bool counts_samples_ = true;
  // Relaxed: counts that nothing else depends on.
  std::atomic<std::uint64_t> held_{0}, held_bytes_{0}, peak_{0}, peak_bytes_{0};
  bool stats_hints_ =
      false;  // within histogram_count and its like: reset hints are found, not read

  friend class StatsHints;
};

// Sets for a scope whether reset hints of histograms are found by comparing neighbours.
class StatsHints {
 public:
  StatsHints(Evaluator& evaluator, bool on)
      : evaluator_(evaluator), before_(evaluator.stats_hints_) {
    evaluator_.stats_hints_ = on;
  }
  ~StatsHints() { evaluator_.stats_hints_ = before_; }
  StatsHints(const StatsHints&) = delete;
  StatsHints& operator=(const StatsHints&) = delete;

 private:
  Evaluator& evaluator_;
  bool before_;
};

// The nodes with files of their own.
Result<Value> eval_aggregate(Evaluator& ev, const Expr& expr, const AggregateExpr& aggregate,
                             const Steps& steps);
Result<Value> eval_aggregate_select(Evaluator& ev, const Expr& expr, const AggregateExpr& aggregate,
                                    const Steps& steps);  // topk, bottomk, limitk, limit_ratio
Result<Value> eval_binary(Evaluator& ev, const Expr& expr, const BinaryExpr& binary,
                          const Steps& steps);
Result<Value> eval_call(Evaluator& ev, const Expr& expr, const Call& call, const Steps& steps);

// Helpers of several nodes.
bool is_step_invariant(const Expr& expr);
Labels drop_reserved(
    const Labels& labels);  // the name, and the metadata labels __type__ and __unit__
bool is_reserved(std::string_view label_name);
// Series with equal labels become one when they never meet at a step; else "vector cannot contain
// metrics with the same labelset".
Result<void> merge_same_labels(std::vector<StepSeries>& series);
void drop_empty(std::vector<StepSeries>& series);
// Drops the names that were to be dropped, and merges what is the same then.
Result<void> finish_names(std::vector<StepSeries>& series);

}  // namespace holdfast::query::promql
