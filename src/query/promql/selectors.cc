// Reading samples: instant selectors by lookback, range selectors and subqueries as windows.
//
// Ranges and the lookback are open on the left since Prometheus 3: (t - range, t]. A sample that is
// exactly `range` old belongs to the window before.
#include <algorithm>
#include <cmath>
#include <utility>

#include "query/promql/extended.h"
#include "query/promql/level_scan.h"
#include "query/promql/scan.h"

namespace holdfast::query::promql {
namespace {

// Beyond it lies no time that could be stored; keeps sums of offsets and ranges within 64 bits.
constexpr std::int64_t kFarthest = model::kTimestampMax / 2;

std::int64_t bounded(std::int64_t ms) { return std::clamp(ms, -kFarthest, kFarthest); }

// The hint a reader of every sample would find: a reset exactly where counts fell.
void find_reset_hints(metrics::SeriesData& data) {
  const Histogram* previous = nullptr;
  for (auto& h : data.histograms) {
    if (h == nullptr) continue;
    if (h->counter_reset == CounterReset::kUnknown && previous != nullptr) {
      Histogram hinted = *h;
      hinted.counter_reset =
          detect_reset(*h, *previous) ? CounterReset::kReset : CounterReset::kNotReset;
      h = std::make_shared<const Histogram>(std::move(hinted));
    }
    previous = h.get();
  }
}

constexpr std::uint32_t kNoSample = static_cast<std::uint32_t>(-1);

// The last sample at or before each step's time that the lookback reaches.
struct LastSamples {
  std::vector<std::uint32_t> at;

  void find(std::span<const Timestamp> times, std::span<const Timestamp> at_times,
            std::int64_t lookback) {
    at.assign(at_times.size(), kNoSample);
    std::size_t next = 0;
    for (std::size_t i = 0; i < at_times.size(); ++i) {
      if (at_times.size() == 1) {
        next = static_cast<std::size_t>(std::upper_bound(times.begin(), times.end(), at_times[i]) -
                                        times.begin());
      }
      while (next < times.size() && times[next] <= at_times[i]) ++next;
      if (next > 0 && times[next - 1] > at_times[i] - lookback)
        at[i] = static_cast<std::uint32_t>(next - 1);
    }
  }
};

// What all series of an instant selector share.
struct InstantPlan {
  std::vector<Timestamp> times;  // one per step: the time to look at
  std::int64_t lookback = 0;
  bool sample_times = false;  // the answer is when the sample was, not what
  bool find_hints = false;
};

class InstantRows final : public RowMaker {
 public:
  InstantRows(const InstantPlan& plan, SampleTally* tally) : plan_(plan), tally_(tally) {}

  std::size_t make(const metrics::Selection&, std::size_t, metrics::SeriesData& data,
                   StepSeries& row) override {
    if (plan_.find_hints) find_reset_hints(data);
    if (plan_.times.size() == 1 && data.times->back() <= plan_.times[0] &&
        data.times->back() > plan_.times[0] - plan_.lookback) {
      return set(data, data.size() - 1, 0, row) ? 1 : 0;
    }
    const auto& samples = last_.get(data.times, [&](const auto& times, LastSamples& out) {
      out.find(times, plan_.times, plan_.lookback);
    });
    std::size_t count = 0;
    for (std::size_t i = 0; i < samples.at.size(); ++i) {
      if (samples.at[i] != kNoSample && set(data, samples.at[i], i, row)) ++count;
    }
    return count;
  }

 private:
  bool set(const metrics::SeriesData& data, std::size_t k, std::size_t step, StepSeries& row) {
    const bool histogram = !data.histograms.empty() && data.histograms[k] != nullptr;
    if (model::is_stale(histogram ? data.histograms[k]->sum : data.values[k])) return false;
    if (tally_ != nullptr) tally_->add(step, histogram ? sample_size(*data.histograms[k]) : 1);
    if (plan_.sample_times) {
      row.set_float(step, static_cast<double>((*data.times)[k]) / 1000);
    } else if (histogram) {
      row.set(step, {Kind::kHistogram, 0, data.histograms[k]});
    } else {
      row.set_float(step, data.values[k]);
    }
    return true;
  }

  const InstantPlan& plan_;
  SampleTally* tally_;
  TimesCache<LastSamples> last_;
};

// `metric smoothed`: between the samples on both sides.
class SmoothedRows final : public RowMaker {
 public:
  SmoothedRows(const InstantPlan& plan, const PositionRange& at, Annotator& notes)
      : plan_(plan), at_(at), notes_(notes) {}

  std::size_t make(const metrics::Selection& selection, std::size_t index,
                   metrics::SeriesData& data, StepSeries& row) override {
    const auto& times = *data.times;
    std::size_t next = 0, count = 0;  // next: the first sample after the step's time
    for (std::size_t i = 0; i < plan_.times.size(); ++i) {
      while (next < times.size() && times[next] <= plan_.times[i]) ++next;
      auto cell = smoothed_cell(data, next, plan_.times[i], plan_.lookback);
      if (!cell) continue;
      row.set(i, *std::move(cell));
      ++count;
    }
    note_smoothed_mix(notes_, data, selection.label(index, model::kMetricName), at_);
    return count;
  }

 private:
  const InstantPlan& plan_;
  PositionRange at_;
  Annotator& notes_;
};

// Rows with a plan of their own.
template <typename Plan, typename Rows>
class Holding final : public RowMaker {
 public:
  template <typename... Args>
  explicit Holding(Plan plan, Args&&... args)
      : plan_(std::move(plan)), rows_(plan_, std::forward<Args>(args)...) {}
  void begin_part() override { rows_.begin_part(); }
  std::size_t make(const metrics::Selection& selection, std::size_t index,
                   metrics::SeriesData& data, StepSeries& row) override {
    return rows_.make(selection, index, data, row);
  }

 private:
  const Plan plan_;
  Rows rows_;
};

class WindowRows final : public RowMaker {
 public:
  WindowRows(const WindowPlan& plan, bool find_hints, Annotator& notes, SampleTally* tally)
      : worker_(plan, notes, tally), find_hints_(find_hints) {}

  void begin_part() override { worker_.begin_part(); }
  std::size_t make(const metrics::Selection& selection, std::size_t index,
                   metrics::SeriesData& data, StepSeries& row) override {
    if (find_hints_) find_reset_hints(data);
    return worker_.run(
        {selection.label(index, model::kMetricName), selection.label(index, "__type__")}, data,
        row);
  }

 private:
  WindowWorker worker_;
  bool find_hints_;
};

LevelQuestion question_of(const VectorSelector& selector, const Expr& expr,
                          const std::shared_ptr<const InstantPlan>& plan) {
  LevelQuestion question{selector.matchers, plan->times, plan->lookback, {}, true, false,
                         expr.position,     nullptr,     {},             {}};
  question.function =
      plan->sample_times ? LevelFunction::kInstantTime : LevelFunction::kInstant;
  question.plain = selector.mode == RangeMode::kPlain;
  question.rows = [plan](Annotator&, SampleTally* tally) -> std::unique_ptr<RowMaker> {
    return std::make_unique<InstantRows>(*plan, tally);
  };
  question.rows_over = [plan](std::int64_t least, Annotator&) -> std::unique_ptr<RowMaker> {
    InstantPlan wide = *plan;
    wide.lookback = std::max(wide.lookback, least);
    return std::make_unique<Holding<InstantPlan, InstantRows>>(std::move(wide), nullptr);
  };
  return question;
}

LevelQuestion question_of(const VectorSelector& selector,
                          const std::shared_ptr<const WindowPlan>& plan, bool hints) {
  LevelQuestion question{selector.matchers, plan->ends,
                         plan->range,       find_level_function(plan->entry->name),
                         true,              !plan->entry->keeps_name,
                         plan->position,    plan,
                         {},                {}};
  question.plain = plan->mode == RangeMode::kPlain;
  question.rows = [plan, hints](Annotator& notes, SampleTally* tally) {
    return std::make_unique<WindowRows>(*plan, hints, notes, tally);
  };
  question.rows_over = [plan, hints](std::int64_t least,
                                     Annotator& notes) -> std::unique_ptr<RowMaker> {
    WindowPlan wide = *plan;
    wide.range = std::max(wide.range, least);
    return std::make_unique<Holding<WindowPlan, WindowRows>>(std::move(wide), hints, notes,
                                                             nullptr);
  };
  return question;
}

// Samples a series is guessed to have in a span of time.
std::size_t samples_expected(Timestamp after, Timestamp to) {
  constexpr std::int64_t kInterval = 15'000;
  return static_cast<std::size_t>(std::clamp<std::int64_t>((to - after) / kInterval, 1, 100'000));
}

// What a subquery returned as hints holds for the samples it read, not for those it picked: some
// may be missing between them, some doubled.
HistogramPtr without_hint(const HistogramPtr& h) {
  if (h->counter_reset != CounterReset::kReset && h->counter_reset != CounterReset::kNotReset)
    return h;
  Histogram copy = *h;
  copy.counter_reset = CounterReset::kUnknown;
  return std::make_shared<const Histogram>(std::move(copy));
}

}  // namespace

std::int64_t Evaluator::offset_of(const TimeShift& shift, Result<void>& status) const {
  if (!shift.has_offset) return 0;
  const auto& steps = input_.steps;
  auto offset =
      eval_duration(shift.offset, input_.is_range ? steps.step : 0, steps.last() - steps.start);
  if (!offset) {
    status = std::move(offset).error();
    return 0;
  }
  return bounded(*offset);
}

Timestamp Evaluator::anchor(const TimeShift& shift, Timestamp t) const {
  if (shift.anchor == TimeShift::Anchor::kStart) return input_.steps.start;
  if (shift.anchor == TimeShift::Anchor::kEnd) return input_.steps.last();
  return bounded(shift.at.value_or(t));
}

Result<metrics::SelectionPtr> Evaluator::find(const std::vector<model::Matcher>& matchers,
                                              Timestamp after, Timestamp to) {
  std::string key = std::to_string(after) + ' ' + std::to_string(to);
  for (const auto& m : matchers) key += '\xff' + m.text();
  auto& known = selections_[key];
  if (known != nullptr) return known;
  metrics::SelectRequest request;
  request.matchers = matchers;
  request.from = after + 1;
  request.to = to;
  request.sample_count_max = input_.options.sample_count_max;
  request.stop = input_.options.stop;
  known = HF_TRY(input_.reader.find(request));
  HF_TRY(check());
  return known;
}

Result<SeriesScan> scan_selector(Evaluator& ev, const Expr& expr, const Steps& steps,
                                 bool sample_times) {
  const auto& selector = std::get<VectorSelector>(expr.node);
  Result<void> status;
  const auto offset = ev.offset_of(selector.shift, status);
  HF_TRY(std::move(status));
  auto plan = std::make_shared<InstantPlan>();
  plan->lookback = to_ms(ev.input().options.lookback);
  plan->sample_times = sample_times;
  plan->find_hints = ev.finds_hints();
  plan->times.reserve(steps.count);
  for (std::size_t i = 0; i < steps.count; ++i)
    plan->times.push_back(ev.anchor(selector.shift, steps.time(i)) - offset);
  const bool smoothed = selector.mode == RangeMode::kSmoothed;
  const auto after = plan->times.front() - plan->lookback;
  const auto to = plan->times.back() + (smoothed ? plan->lookback : 0);
  if (auto levels = HF_TRY(scan_levels(ev, question_of(selector, expr, plan), steps)))
    return *std::move(levels);
  auto selection = HF_TRY(ev.find(selector.matchers, after, to));
  return SeriesScan(ev, std::move(selection), steps.count, false, samples_expected(after, to),
                    [plan, smoothed, at = expr.position](
                        Annotator& notes, SampleTally* tally) -> std::unique_ptr<RowMaker> {
                      if (smoothed) return std::make_unique<SmoothedRows>(*plan, at, notes);
                      return std::make_unique<InstantRows>(*plan, tally);
                    });
}

Result<Value> Evaluator::eval_selector(const Expr& expr, const Steps& steps, bool sample_times) {
  auto scan = HF_TRY(scan_selector(*this, expr, steps, sample_times));
  return scan.collect();
}

Result<WindowPlan> plan_window(Evaluator& ev, const Call& call, const WindowEntry& entry,
                               const Steps& steps) {
  const auto& range = range_argument(call);
  WindowPlan plan;
  plan.entry = &entry;
  plan.floats = ev.input().options.slow_paths ? nullptr : find_float_function(entry.name);
  plan.expects_counter = entry.name == "rate" || entry.name == "increase";
  plan.extrapolates = is_extrapolated(entry.name);
  plan.position = range.position;
  plan.steps = steps;
  for (const auto& arg : call.args) {
    if (arg.get() != &range) plan.args.push_back(HF_TRY(ev.eval_scalar(*arg, steps)));
  }
  if (entry.name == "quantile_over_time") {
    for (const double q : plan.args[0]) {
      if (std::isnan(q) || q < 0 || q > 1)
        ev.annotate().invalid_quantile(q, call.args[0]->position);
    }
  }
  return plan;
}

Result<void> Evaluator::lay_windows(const MatrixSelector& matrix, const Steps& steps,
                                    WindowPlan& plan) const {
  const auto& selector = std::get<VectorSelector>(without_parens(*matrix.selector).node);
  Result<void> status;
  const auto offset = offset_of(selector.shift, status);
  HF_TRY(std::move(status));
  const auto query_step = input_.is_range ? input_.steps.step : 0;
  plan.range = bounded(
      HF_TRY(eval_duration(matrix.range, query_step, input_.steps.last() - input_.steps.start)));
  plan.mode = matrix.mode;
  const auto lookback = to_ms(input_.options.lookback);
  if (matrix.mode != RangeMode::kPlain) plan.reach_back = lookback;
  if (matrix.mode == RangeMode::kSmoothed) plan.reach_ahead = lookback;
  plan.ends.reserve(steps.count);
  for (std::size_t i = 0; i < steps.count; ++i)
    plan.ends.push_back(anchor(selector.shift, steps.time(i)) - offset);
  return {};
}

Result<SeriesScan> scan_window(Evaluator& ev, const Call& call, const WindowEntry& entry,
                               const Steps& steps) {
  auto plan = std::make_shared<WindowPlan>(HF_TRY(plan_window(ev, call, entry, steps)));
  const auto& matrix = std::get<MatrixSelector>(without_parens(range_argument(call)).node);
  HF_TRY(ev.lay_windows(matrix, steps, *plan));
  const auto& selector = std::get<VectorSelector>(without_parens(*matrix.selector).node);
  const auto after = plan->ends.front() - plan->range - plan->reach_back;
  const auto to = plan->ends.back() + plan->reach_ahead;
  if (auto levels =
          HF_TRY(scan_levels(ev, question_of(selector, plan, ev.finds_hints()), steps))) {
    if (levels->selection().size() > 0) HF_TRY(check_arguments(*plan));
    return *std::move(levels);
  }
  auto selection = HF_TRY(ev.find(selector.matchers, after, to));
  if (selection->size() > 0) HF_TRY(check_arguments(*plan));
  return SeriesScan(ev, std::move(selection), steps.count, !entry.keeps_name,
                    samples_expected(after, to),
                    [plan, hints = ev.finds_hints()](Annotator& notes, SampleTally* tally) {
                      return std::make_unique<WindowRows>(*plan, hints, notes, tally);
                    });
}

Result<RangeVector> Evaluator::eval_matrix(const Expr& expr, const Steps& steps) {
  const auto& inner = without_parens(expr);
  if (const auto* matrix = std::get_if<MatrixSelector>(&inner.node))
    return eval_matrix_selector(*matrix, steps);
  if (const auto* subquery = std::get_if<Subquery>(&inner.node)) {
    auto value = HF_TRY(eval_subquery(*subquery, steps));
    RangeVector result;
    result.range = value.range;
    result.ends = value.ends;
    for (auto& s : value.value.series) {
      SampleSeries series;
      series.drop_name = s.drop_name;
      split_samples(samples_of(s, value.inner, nullptr), series);
      series.labels = std::move(s.labels);
      result.series.push_back(std::move(series));
    }
    return result;
  }
  return invalid("expected a range vector");
}

Result<RangeVector> Evaluator::eval_matrix_selector(const MatrixSelector& matrix,
                                                    const Steps& steps) {
  WindowPlan plan;
  HF_TRY(lay_windows(matrix, steps, plan));
  const auto& selector = std::get<VectorSelector>(without_parens(*matrix.selector).node);
  const auto selection =
      HF_TRY(find(selector.matchers, plan.ends.front() - plan.range - plan.reach_back,
                  plan.ends.back() + plan.reach_ahead));
  HF_TRY(note_gone_samples(*this, selector.matchers, plan.ends.front() - plan.range - plan.reach_back,
                           plan.ends.back() + plan.reach_ahead, matrix.selector->position));
  RangeVector result;
  result.range = plan.range;
  result.ends = std::move(plan.ends);
  const auto cursor = selection->cursor();
  metrics::SeriesData data;
  metrics::LabelViews views;
  SampleTally tally;
  for (std::size_t index = 0; index < selection->size(); ++index) {
    HF_TRY(check());
    HF_TRY(cursor->read(index, data));
    if (data.size() == 0) continue;
    tally.read += data.size();
    tally.queryable += data.size();
    HF_TRY(hold(data.size(), data.size() * sizeof(Sample)));
    SampleSeries series;
    split_samples(data, series);
    if (series.floats.empty() && series.histograms.empty()) continue;
    selection->labels(index, views);
    series.labels = metrics::to_labels(views);
    result.series.push_back(std::move(series));
  }
  this->tally(tally);
  return result;
}

Result<SubqueryValue> Evaluator::eval_subquery(const Subquery& subquery, const Steps& steps) {
  Result<void> status;
  const auto offset = offset_of(subquery.shift, status);
  HF_TRY(std::move(status));
  const auto query_step = input_.is_range ? input_.steps.step : 0;
  const auto query_range = input_.steps.last() - input_.steps.start;
  SubqueryValue result;
  result.range = bounded(HF_TRY(eval_duration(subquery.range, query_step, query_range)));
  std::int64_t interval = input_.options.subquery_step;
  if (subquery.step)
    interval = bounded(HF_TRY(eval_duration(*subquery.step, query_step, query_range)));
  if (interval <= 0) interval = QueryOptions().subquery_step;
  for (std::size_t i = 0; i < steps.count; ++i) {
    result.ends.push_back(anchor(subquery.shift, steps.time(i)) - offset);
  }
  // Steps of a subquery lie on multiples of its interval, whatever the outer query's times are.
  const auto after = result.ends.front() - result.range;
  auto start = after / interval * interval;
  while (start <= after) start += interval;
  if (start > result.ends.back()) return result;
  result.inner = {start, interval,
                  static_cast<std::size_t>((result.ends.back() - start) / interval) + 1};
  const bool counted = std::exchange(counts_samples_, false);
  result.value = HF_TRY(eval(*subquery.expr, result.inner));
  counts_samples_ = counted;
  return result;
}

metrics::SeriesData samples_of(const StepSeries& s, const Steps& steps, const TimesPtr& all) {
  metrics::SeriesData data;
  const bool dense =
      all != nullptr && s.histograms.empty() &&
      std::all_of(s.kinds.begin(), s.kinds.end(), [](Kind k) { return k == Kind::kFloat; });
  if (dense) {
    data.times = all;
    data.values = s.values;
    return data;
  }
  auto times = std::make_shared<std::vector<Timestamp>>();
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (!s.has(i)) continue;
    times->push_back(steps.time(i));
    const bool histogram = s.kinds[i] == Kind::kHistogram;
    data.values.push_back(histogram ? 0 : s.values[i]);
    if (!s.histograms.empty())
      data.histograms.push_back(histogram ? without_hint(s.histograms[i]) : nullptr);
  }
  const bool floats = std::all_of(data.histograms.begin(), data.histograms.end(),
                                  [](const HistogramPtr& h) { return h == nullptr; });
  if (floats) data.histograms.clear();
  data.times = std::move(times);
  return data;
}

}  // namespace holdfast::query::promql
