#include "query/promql/level_scan.h"

#include <algorithm>
#include <array>

#include "base/time.h"

namespace holdfast::query::promql {
namespace {

using metrics::LevelBucket;

// Coarsest first: the fewest points that still tell the answer.
constexpr std::array<std::int64_t, 2> kResolutions = {3'600'000, 300'000};
// Windows that overlap more than this walk the buckets so often that samples, with their prefix sums,
// are as fast: one time for each ten seconds of a bucket.
constexpr std::int64_t kOverlapUnit = 10'000;

// What is counted or added up must not be asked of more time than the window has.
bool may_widen(const LevelQuestion& q) {
  if (!q.windows) return true;
  constexpr std::array<std::string_view, 6> kAdding = {
      "sum_over_time", "count_over_time", "increase", "delta", "changes", "resets"};
  return std::find(kAdding.begin(), kAdding.end(), q.windows->entry->name) == kAdding.end();
}

std::string gone_text(Timestamp until) {
  return "samples before " + format_time(from_ms(until)) + " are gone by retention";
}

struct LevelScanPlan {
  LevelQuestion question;
  LevelWindowPlan windows;
  bool whole = false;  // buckets stand for all samples of the range
  std::int64_t resolution = 0;
  Timestamp gone_until = model::kTimestampMin;
};

// One sample for each bucket, as what the function looks at: for those that look at the last samples
// these, else the means.
void samples_of_buckets(const std::vector<LevelBucket>& buckets, bool means,
                        metrics::SeriesData& out) {
  auto times = std::make_shared<std::vector<Timestamp>>();
  out.values.clear();
  out.histograms.clear();
  for (const LevelBucket& b : buckets) {
    if (b.count == 0) continue;
    times->push_back(b.last_time);
    out.values.push_back(means ? b.sum / b.count : b.last);
  }
  out.times = std::move(times);
}

class LevelRows final : public RowMaker {
 public:
  LevelRows(const LevelScanPlan& plan, Annotator& notes, SampleTally* tally)
      : plan_(plan),
        notes_(notes),
        tally_(tally),
        samples_(plan.question.rows(notes, tally)),
        buckets_(plan.windows),
        wide_(plan.question.rows_over(may_widen(plan.question) ? 2 * plan.resolution : 0, notes)) {}

  void begin_part() override {
    samples_->begin_part();
    wide_->begin_part();
    noted_.clear();
  }

  std::size_t make(const metrics::Selection& selection, std::size_t index,
                   metrics::SeriesData& data, StepSeries& row) override {
    if (plan_.whole && data.buckets && data.size() == 0)
      return make_whole(selection, index, data, row);
    return make_left(selection, index, data, row);
  }

 private:
  std::size_t make_whole(const metrics::Selection& selection, std::size_t index,
                         metrics::SeriesData& data, StepSeries& row) {
    const metrics::Buckets& buckets = *data.buckets;
    if (tally_ != nullptr) tally_->read += buckets.buckets.size();
    if (!buckets_.certain(buckets.buckets) && buckets.samples != nullptr &&
        buckets.samples->read(exact_)) {
      HF_PROBE("promql: a sum that buckets cannot tell");
      return exact_.size() == 0 ? 0 : samples_->make(selection, index, exact_, row);
    }
    const auto count = buckets_.run(buckets.buckets, row, tally_);
    note_counter(selection, index, count);
    if (!buckets.exact && count > 0) note();
    return count;
  }

  void note_counter(const metrics::Selection& selection, std::size_t index, std::size_t count) {
    const auto& windows = plan_.question.windows;
    if (count == 0 || !windows || !windows->expects_counter) return;
    const SeriesName name{selection.label(index, model::kMetricName),
                          selection.label(index, "__type__")};
    if (name.metric == noted_ || looks_like_counter(name)) return;
    notes_.maybe_not_a_counter(name.metric, plan_.question.position);
    noted_ = name.metric;
  }

  // Samples where there are any, buckets where those are gone.
  std::size_t make_left(const metrics::Selection& selection, std::size_t index,
                        metrics::SeriesData& data, StepSeries& row) {
    const auto gone = data.buckets;
    const auto& q = plan_.question;
    if (gone && !q.plain)
      notes_.inform(gone_text(plan_.gone_until) + " and do not count", q.position);
    if (gone) gather(*gone, data);
    // Native histograms are thinned out where samples are gone, and buckets tell nothing of them.
    const bool thin = !data.histograms.empty() && q.plain && touches_gone(0);
    StepSeries wide;
    if (q.plain && (thin || (gone && !q.function))) {
      wide = StepSeries(Labels{}, row.size());
      metrics::SeriesData points;
      if (thin) {
        points = data;
      } else {
        points_of_buckets(points);
      }
      if (points.size() > 0) (void)wide_->make(selection, index, points, wide);
    }
    std::size_t count = data.size() == 0 ? 0 : samples_->make(selection, index, data, row);
    if (q.plain && (gone || thin)) patch(gone != nullptr && !thin, wide, row, count);
    return count;
  }

  // Puts the cells of steps that look where samples are gone.
  void patch(bool buckets, const StepSeries& wide, StepSeries& row, std::size_t& count) {
    const auto& q = plan_.question;
    bool any = false;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (!touches_gone(i)) continue;
      const bool instant = q.function && is_instant(*q.function);
      if (instant && row.has(i)) continue;  // a sample is there all the same
      Cell cell;
      if (buckets && q.function) {
        if (const auto value = buckets_.near(all_, i)) cell = float_cell(*value);
      } else if (wide.size() > 0) {
        cell = wide.at(i);
      }
      if (row.has(i)) --count;
      row.clear(i);
      if (cell.kind == Kind::kNone) continue;
      row.set(i, std::move(cell));
      ++count;
      any = true;
    }
    if (any) note();
  }

  void points_of_buckets(metrics::SeriesData& points) const {
    const auto name = plan_.question.windows->entry->name;
    constexpr std::array<std::string_view, 4> kOfLast = {"irate", "idelta", "resets", "changes"};
    const bool means = std::find(kOfLast.begin(), kOfLast.end(), name) == kOfLast.end();
    samples_of_buckets(all_.buckets, means, points);
  }

  // All there is of the series, as buckets.
  void gather(const metrics::Buckets& gone, const metrics::SeriesData& data) {
    if (tally_ != nullptr) tally_->read += gone.buckets.size();
    all_.resolution = gone.resolution;
    if (data.size() == 0 || !data.histograms.empty()) {
      all_.buckets = gone.buckets;
      return;
    }
    metrics::BucketBuilder builder(gone.resolution);
    std::vector<LevelBucket> young;
    (void)builder.add(data);
    builder.take(young);
    if (builder.add(gone.buckets) && builder.add(young)) return builder.take(all_.buckets);
    builder.take(all_.buckets);  // of what fitted: begins anew
    std::vector<LevelBucket> mixed = gone.buckets;
    mixed.insert(mixed.end(), young.begin(), young.end());
    std::stable_sort(mixed.begin(), mixed.end(),
                     [](const auto& a, const auto& b) { return a.end < b.end; });
    builder.add_overlapping(mixed);
    builder.take(all_.buckets);
  }

  // A window that begins where samples are gone; an instant that may look back to there.
  bool touches_gone(std::size_t step) const {
    const auto& q = plan_.question;
    const bool instant = q.function && is_instant(*q.function);
    const auto range = instant ? std::max(q.range, plan_.resolution) : q.range;
    return q.ends[step] - range < plan_.gone_until;
  }

  void note() {
    notes_.inform(gone_text(plan_.gone_until) + ", what was kept of each " +
                      format_duration(std::chrono::milliseconds(plan_.resolution)) +
                      " answers there",
                  plan_.question.position);
  }

  const LevelScanPlan& plan_;
  Annotator& notes_;
  SampleTally* tally_;
  std::unique_ptr<RowMaker> samples_;
  LevelWindowWorker buckets_;
  std::unique_ptr<RowMaker> wide_;
  metrics::SeriesData exact_;
  metrics::Buckets all_;
  std::string noted_;
};

bool on_edges(const LevelQuestion& q, std::int64_t resolution) {
  const bool instant = is_instant(*q.function);
  if (!instant && (q.range % resolution != 0 || q.range <= 0)) return false;
  return std::all_of(q.ends.begin(), q.ends.end(),
                     [&](Timestamp t) { return t % resolution == 0; });
}

bool walks_little(const LevelQuestion& q, const Steps& steps, std::int64_t resolution) {
  return is_instant(*q.function) || steps.count == 1 ||
         q.range / steps.step <= resolution / kOverlapUnit;
}

}  // namespace

static SeriesScan make_scan(Evaluator& ev, std::shared_ptr<LevelScanPlan> plan,
                            metrics::LevelSelectionPtr selection, std::size_t steps) {
  const auto& ends = plan->question.ends;
  plan->resolution = selection->resolution();
  plan->gone_until = selection->gone_until();
  plan->windows = {plan->question.function.value_or(LevelFunction::kLast), ends,
                   plan->question.range};
  const auto points = (ends.back() - ends.front() + plan->question.range) / plan->resolution;
  const bool drop_name = plan->question.drop_name;
  return SeriesScan(ev, std::move(selection), steps, drop_name,
                    static_cast<std::size_t>(std::clamp<std::int64_t>(points * 6, 1, 100'000)),
                    [plan](Annotator& notes, SampleTally* tally) -> std::unique_ptr<RowMaker> {
                      return std::make_unique<LevelRows>(*plan, notes, tally);
                    });
}

Result<std::optional<SeriesScan>> scan_levels(Evaluator& ev, LevelQuestion question,
                                              const Steps& steps) {
  const auto& options = ev.input().options;
  metrics::SelectRequest request;
  request.matchers = question.matchers;
  request.from = question.ends.front() - question.range + 1;
  request.to = question.ends.back();
  request.stop = options.stop;
  const auto& reader = ev.input().reader;
  auto plan = std::make_shared<LevelScanPlan>(LevelScanPlan{std::move(question), {}, false, 0, 0});
  const auto& q = plan->question;
  const bool can = q.function && q.plain;
  const auto ask = [&](bool however_often) -> Result<metrics::LevelSelectionPtr> {
    for (const auto resolution : kResolutions) {
      if (!can || !on_edges(q, resolution)) continue;
      if (!however_often && !walks_little(q, steps, resolution)) continue;
      auto found = HF_TRY(reader.find_levels(request, {resolution, fields_of(*q.function)}));
      if (found) return found;
    }
    return metrics::LevelSelectionPtr();
  };
  auto found = options.slow_paths ? nullptr : HF_TRY(ask(false));
  if (!found) {
    // Windows may be moved by half a bucket, and instants look back over one.
    auto wide = request;
    wide.from -= 2 * kResolutions.front();
    wide.to += kResolutions.front();
    auto left = HF_TRY(reader.find_levels(wide, {0, metrics::kBucketAll}));
    if (!left) return std::optional<SeriesScan>();
    found = HF_TRY(ask(true));  // exact, for all the walking
    if (!found) return std::optional(make_scan(ev, std::move(plan), std::move(left), steps.count));
  }
  plan->whole = true;
  return std::optional(make_scan(ev, std::move(plan), std::move(found), steps.count));
}

Result<void> note_gone_samples(Evaluator& ev, const std::vector<model::Matcher>& matchers,
                               Timestamp after, Timestamp to, const PositionRange& position) {
  metrics::SelectRequest request;
  request.matchers = matchers;
  request.from = after + 1;
  request.to = to;
  const auto left = HF_TRY(ev.input().reader.find_levels(request, {}));
  if (!left || left->size() == 0) return {};
  ev.annotate().inform(gone_text(left->gone_until()) + " and are not part of the answer", position);
  return {};
}

}  // namespace holdfast::query::promql
