#include "query/promql/scan.h"

#include <algorithm>

#include "query/promql/extended.h"

namespace holdfast::query::promql {
namespace {

// Parts are of this many series at least, and no more than these: enough to share among threads,
// few enough that adding up their partial results costs little.
constexpr std::size_t kPartSeriesMin = 32;
constexpr std::size_t kPartsMax = 16;
// How often a part looks at the deadline: every so many series.
constexpr std::size_t kCheckEvery = 16;

// What a series costs, in nanoseconds, to decide whether a second thread is worth its start.
constexpr std::size_t kCostOfSeries = 200, kCostOfSample = 2, kCostOfStep = 2;
constexpr std::size_t kCostWorthAThread = 150'000;

std::size_t label_bytes(const Labels& labels) {
  std::size_t bytes = 0;
  for (const auto& label : labels) bytes += sizeof(label) + label.name.size() + label.value.size();
  return bytes;
}

}  // namespace

struct SeriesScan::PartState {
  explicit PartState(std::string_view query) : notes(query) {}
  Annotator notes;
  SampleTally tally;
};

SeriesScan::SeriesScan(Evaluator& ev, metrics::SelectionPtr selection, std::size_t steps,
                       bool drop_name, std::size_t samples_expected, MakeRows make_rows)
    : ev_(ev),
      selection_(std::move(selection)),
      steps_(steps),
      drop_name_(drop_name),
      make_rows_(std::move(make_rows)) {
  const auto series = selection_->size();
  parts_ = std::clamp<std::size_t>(series / kPartSeriesMin, 1, kPartsMax);
  const auto cost =
      series * (kCostOfSeries + kCostOfSample * samples_expected + kCostOfStep * steps);
  threads_ = cost < kCostWorthAThread ? 1 : ev.parallel().threads();
}

Result<void> SeriesScan::run(const Sink& sink) {
  std::vector<PartState> states;
  states.reserve(parts_);
  for (std::size_t k = 0; k < parts_; ++k) {
    states.emplace_back(ev_.input().query);
    if (ev_.counts_steps()) states.back().tally.per_step.resize(steps_);
  }
  auto done = ev_.parallel().run(
      parts_, threads_, [&](std::size_t part) { return run_part(part, states[part], sink); });
  for (auto& state : states) {
    ev_.annotate().add(state.notes.take());
    ev_.tally(state.tally);
  }
  return done;
}

Result<void> SeriesScan::run_part(std::size_t part, PartState& state, const Sink& sink) const {
  const auto series = selection_->size();
  const auto begin = series * part / parts_, end = series * (part + 1) / parts_;
  if (begin == end) return {};
  const auto rows = make_rows_(state.notes, &state.tally);
  const auto cursor = selection_->cursor();
  metrics::SeriesData data;
  StepSeries cells(Labels{}, steps_);
  for (auto index = begin; index < end; ++index) {
    if ((index - begin) % kCheckEvery == 0) HF_TRY(ev_.check());
    HF_TRY(cursor->read(index, data));
    state.tally.read += data.size();
    if (data.size() == 0) continue;
    HF_TRY(ev_.fits(data.size()));
    const auto count = rows->make(*selection_, index, data, cells);
    if (count == 0) continue;
    Row row{part, index, cells, count};
    HF_TRY(sink(row));
    if (cells.size() != steps_) {
      cells = StepSeries(Labels{}, steps_);
    } else {
      std::fill(cells.kinds.begin(), cells.kinds.end(), Kind::kNone);
      cells.histograms.clear();
    }
  }
  return {};
}

Result<Value> SeriesScan::collect() {
  std::vector<std::vector<StepSeries>> parts(parts_);
  HF_TRY(run([&](Row& row) -> Result<void> {
    metrics::LabelViews views;
    selection_->labels(row.index, views);
    row.cells.labels = metrics::to_labels(views);
    row.cells.drop_name = drop_name_;
    HF_TRY(ev_.hold(steps_, steps_ * kCellBytes + label_bytes(row.cells.labels)));
    parts[row.part].push_back(std::move(row.cells));
    row.cells = StepSeries();
    return {};
  }));
  Value value;
  std::size_t count = 0;
  for (const auto& part : parts) count += part.size();
  value.series.reserve(count);
  for (auto& part : parts) {
    for (auto& s : part) value.series.push_back(std::move(s));
  }
  return value;
}

const Expr& range_argument(const Call& call) {
  for (const auto& arg : call.args) {
    if (arg->type == ValueType::kMatrix) return *arg;
  }
  return *call.args.front();
}

bool can_scan(const Expr& expr) {
  const auto& inner = without_parens(expr);
  if (std::holds_alternative<VectorSelector>(inner.node)) return true;
  const auto* call = std::get_if<Call>(&inner.node);
  return call != nullptr && find_window_function(call->function->name) != nullptr &&
         std::holds_alternative<MatrixSelector>(without_parens(range_argument(*call)).node);
}

Result<std::optional<SeriesScan>> scan_of(Evaluator& ev, const Expr& expr, const Steps& steps) {
  // What does not depend on the step is evaluated once, by those who spread it.
  if (!can_scan(expr) || (steps.count > 1 && is_step_invariant(expr)))
    return std::optional<SeriesScan>();
  const auto& inner = without_parens(expr);
  if (const auto* call = std::get_if<Call>(&inner.node)) {
    const auto* entry = find_window_function(call->function->name);
    return std::optional(HF_TRY(scan_window(ev, *call, *entry, steps)));
  }
  return std::optional(HF_TRY(scan_selector(ev, inner, steps, false)));
}

}  // namespace holdfast::query::promql
