#include "query/promql/scan.h"

#include <algorithm>
#include <mutex>

#include "query/promql/extended.h"

namespace holdfast::query::promql {
namespace {

// Parts are of this many series at least, and no more than these: enough to share among threads,
// few enough that adding up their partial results costs little.
constexpr std::size_t kPartSeriesMin = 4;
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

// What a thread works with.
struct SeriesScan::Helper {
  explicit Helper(std::string_view query) : notes(query) {}
  Annotator notes;
  SampleTally tally;
  std::unique_ptr<RowMaker> rows;
  std::unique_ptr<metrics::Selection::Cursor> cursor;
  metrics::SeriesData data;
  StepSeries cells;
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

std::unique_ptr<SeriesScan::Helper> SeriesScan::make_helper() const {
  auto helper = std::make_unique<Helper>(ev_.input().query);
  if (ev_.counts_steps()) helper->tally.per_step.resize(steps_);
  helper->rows = make_rows_(helper->notes, &helper->tally);
  helper->cursor = selection_->cursor();
  helper->cells = StepSeries(Labels{}, steps_);
  return helper;
}

Result<void> SeriesScan::run(const Sink& sink) {
  std::mutex mutex;  // guards `idle`
  std::vector<std::unique_ptr<Helper>> idle;
  std::vector<Annotations> notes(parts_);
  auto done = ev_.parallel().run(parts_, threads_, [&](std::size_t part) -> Result<void> {
    std::unique_ptr<Helper> helper;
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        helper = std::move(idle.back());
        idle.pop_back();
      }
    }
    if (helper == nullptr) helper = make_helper();
    auto result = run_part(part, *helper, sink);
    notes[part] = helper->notes.take();
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(helper));
    return result;
  });
  for (auto& part : notes) ev_.annotate().add(std::move(part));
  for (const auto& helper : idle) ev_.tally(helper->tally);
  return done;
}

Result<void> SeriesScan::run_part(std::size_t part, Helper& helper, const Sink& sink) const {
  const auto series = selection_->size();
  const auto begin = series * part / parts_, end = series * (part + 1) / parts_;
  auto& [notes, tally, rows, cursor, data, cells] = helper;
  rows->begin_part();
  for (auto index = begin; index < end; ++index) {
    if ((index - begin) % kCheckEvery == 0) HF_TRY(ev_.check());
    data.no_nan = data.never_falls = false;
    HF_TRY(cursor->read(index, data));
    tally.read += data.size();
    if (data.empty()) continue;
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
