// Appending. A sample is judged against the newest of its series, which may be one of this very
// batch and not in the head yet: `pending` of the series points at it until the batch is through.
// Only then is the log written, in one record, and only after that does anything become visible: a
// refused log write leaves no trace but series without samples, which nobody sees and the next
// batch uses.
#include <array>

#include "metrics/engine.h"

namespace holdfast::metrics {

namespace {

std::string describe(const Index& index, const HeadSeries& series, Timestamp t,
                     std::string_view why) {
  const auto labels = index.labels(series.id);
  return (labels ? labels->text() : std::string("a series")) + " at " + format_time(from_ms(t)) +
         ": " + std::string(why);
}

SeriesRef ref_of(const HeadSeries& series) {
  return static_cast<SeriesRef>((static_cast<std::uint64_t>(series.id) << 32) | series.place);
}

}  // namespace

struct Engine::BatchPlan {
  std::array<std::vector<Head::Add>, Head::kShardCount> adds;
  WalBatchWriter record;
};

Result<AppendResult> Engine::append(std::span<const SampleIn> batch, bool want_refs) {
  AppendResult result;
  BatchPlan plan;
  if (want_refs) result.refs.assign(batch.size(), SeriesRef::kNone);
  const std::lock_guard lock(append_mutex_);
  const Timestamp floor = retention_floor(to_ms(env_.clock.now()));
  const auto settle = [&](bool logged) {
    for (const auto& adds : plan.adds) {
      for (const Head::Add& add : adds) {
        add.series->pending = 0;
        if (logged) add.series->logged_epoch = epoch_;
      }
    }
  };
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const SampleIn& in = batch[i];
    if (in.sample.t < floor || in.sample.t < model::kTimestampMin) {
      ++result.too_old;
      if (result.first_error.empty()) {
        result.first_error = (in.labels ? in.labels->text() : std::string("a series")) + " at " +
                             format_time(from_ms(in.sample.t)) + ": older than the retention";
      }
      continue;
    }
    auto found = resolve(in, result);
    if (!found) {
      settle(false);
      return std::move(found).error();
    }
    HeadSeries* series = *found;
    if (!series) continue;
    if (want_refs) result.refs[i] = ref_of(*series);
    if (!judge(in, *series, batch, result)) continue;
    log_sample(in, *series, plan);
    ++result.appended;
    series->pending = static_cast<std::uint32_t>(i + 1);
  }
  if (!plan.record.empty()) {
    if (const auto logged = wal_->append(WalRecordType::kBatch, plan.record.take()); !logged) {
      settle(false);
      return logged.error();
    }
  }
  for (std::size_t shard = 0; shard < Head::kShardCount; ++shard) {
    if (!plan.adds[shard].empty()) head_.append(shard, plan.adds[shard]);
  }
  settle(true);
  appended_ += result.appended;
  rejected_ += result.rejected();
  return result;
}

// The series of a sample; null when it is rejected.
Result<HeadSeries*> Engine::resolve(const SampleIn& in, AppendResult& result) {
  if (in.ref != SeriesRef::kNone) {
    const auto raw = static_cast<std::uint64_t>(in.ref);
    if (HeadSeries* series = head_.find(static_cast<SeriesId>(raw >> 32), static_cast<Place>(raw)))
      return series;
  }
  if (!in.labels) {
    ++result.unknown_series;
    if (result.first_error.empty()) result.first_error = "a sample names no series that is known";
    return static_cast<HeadSeries*>(nullptr);
  }
  const std::uint64_t hash = in.labels->hash();
  if (HeadSeries* series = head_.find(*in.labels, hash)) return series;
  return make_series(*in.labels, hash, in.sample.t, result);
}

Result<HeadSeries*> Engine::make_series(const Labels& labels, std::uint64_t hash, Timestamp t,
                                        AppendResult& result) {
  if (head_.index().series_count() >= options_.series_count_max) {
    ++result.over_limit;
    if (result.first_error.empty()) {
      result.first_error = labels.text() + ": the limit of " +
                           std::to_string(options_.series_count_max) + " series is reached";
    }
    return static_cast<HeadSeries*>(nullptr);
  }
  // A series may come back after a restart or a pause: what blocks hold of it still counts as
  // before.
  std::optional<Sample> newest;
  if (t <= blocks_->max_time()) newest = HF_TRY(blocks_->newest_sample(labels, t));
  HeadSeries& series = head_.create(labels, hash);
  if (newest) {
    HF_PROBE("append: order kept against a block");
    series.open.set_last(*newest);
  }
  return &series;
}

bool Engine::judge(const SampleIn& in, const HeadSeries& series, std::span<const SampleIn> batch,
                   AppendResult& result) {
  const Timestamp t = in.sample.t;
  const auto reject = [&](std::size_t& count, std::string_view why) {
    ++count;
    if (result.first_error.empty()) result.first_error = describe(head_.index(), series, t, why);
    return false;
  };
  if (t > model::kTimestampMax) return reject(result.out_of_order, "the time is beyond all range");
  const bool has_newest = series.pending != 0 || series.open.has_last();
  if (!has_newest) return true;
  const Timestamp newest_time =
      series.pending != 0 ? batch[series.pending - 1].sample.t : series.open.last_time();
  if (t > newest_time) return true;
  if (t < newest_time) return reject(result.out_of_order, "out of order: a newer sample is there");
  const Sample newest = series.pending != 0 ? batch[series.pending - 1].sample : series.open.last();
  if (!same_value(in.sample, newest))
    return reject(result.duplicate, "another value has the same time");
  ++result.appended;  // said twice, kept once
  return false;
}

void Engine::log_sample(const SampleIn& in, HeadSeries& series, BatchPlan& plan) {
  if (series.pending == 0 && series.logged_epoch != epoch_) {
    if (in.labels && head_.index().has_labels(series.id, *in.labels)) {
      plan.record.add_series(series.id, *in.labels);
    } else if (const auto labels = head_.index().labels(series.id)) {
      plan.record.add_series(series.id, *labels);
    }
  }
  plan.record.add_sample(series.id, in.sample);
  plan.adds[Head::shard_of(series.hash)].push_back({&series, &in.sample});
}

}  // namespace holdfast::metrics
