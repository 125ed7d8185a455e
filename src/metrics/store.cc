// Opening, the background job, and the small answers of the store.
#include "metrics/store.h"

#include <algorithm>

#include "base/log.h"
#include "metrics/engine.h"

namespace holdfast::metrics {

namespace {
constexpr Duration kSyncIntervalMin = 10ms;  // a zero setting must not keep a core busy
}

struct Engine::Replay {
  std::unordered_map<SeriesId, HeadSeries*> series;  // by the id the log uses
  std::uint64_t lost_samples = 0;                    // of series whose labels were lost
};

Result<std::unique_ptr<Store>> Store::open(Env& env, StoreOptions options) {
  auto engine = std::make_unique<Engine>(env, std::move(options));
  HF_TRY(engine->open().context("open metrics store"));
  return std::unique_ptr<Store>(std::move(engine));
}

Engine::Engine(Env& env, StoreOptions options)
    : env_(env), options_(std::move(options)), loop_(std::make_shared<Loop>()) {}

Engine::~Engine() {
  TimerId timer = TimerId::kNone;
  {
    const std::lock_guard lock(loop_->mutex);  // a running tick ends first
    loop_->engine = nullptr;
    timer = loop_->timer;
  }
  if (timer != TimerId::kNone) env_.executor.cancel(timer);
  if (!wal_) return;
  if (const auto synced = wal_->sync(); !synced) {
    log_error("metrics log not synced at close", {{"why", synced.error().message()}});
  }
}

Result<void> Engine::open() {
  const MonoTime begin = env_.clock.mono();
  blocks_ = std::make_unique<BlockSet>(env_.files, options_.directory + "/blocks");
  HF_TRY(blocks_->open());
  Replay replay;
  const auto consume = [&](WalRecordType type, std::string_view payload) -> Result<void> {
    if (type == WalRecordType::kMetadata) {
      auto record = HF_TRY(decode_wal_metadata(payload));
      metadata_[record.metric] = std::move(record.metadata);
      return {};
    }
    return replay_batch(HF_TRY(decode_wal_batch(payload)), replay);
  };
  Wal::Options wal{options_.directory + "/wal", options_.wal_segment_size_max,
                   blocks_->wal_segment()};
  wal_ = HF_TRY(Wal::open(env_.files, std::move(wal), consume));
  for (const std::string& problem : wal_->problems()) note_problem(problem);
  if (replay.lost_samples > 0) {
    note_problem(std::to_string(replay.lost_samples) +
                 " samples in the metrics log belong to series whose labels "
                 "were in a lost part of it");
  }
  replay_time_ = env_.clock.mono() - begin;
  last_flush_ = env_.clock.mono();
  if (wal_->has_corrupt()) {
    // What could be read of a corrupt segment lies in memory only: make it durable, then set the
    // segment aside. Should that fail, the segment stays and the next flush does it.
    if (const auto flushed = flush(); !flushed)
      note_problem("flush after log damage: " + flushed.error().message());
  }
  loop_->engine = this;
  arm(loop_);
  return {};
}

Result<void> Engine::replay_batch(const WalBatch& batch, Replay& replay) {
  for (const WalSeries& in : batch.series) {
    const std::uint64_t hash = in.labels.hash();
    HeadSeries* series = head_.find(in.labels, hash);
    if (!series) series = &head_.create(in.labels, hash);
    replay.series[in.id] = series;  // an id used again after a restart means what was said last
  }
  for (const WalSample& in : batch.samples) {
    const auto known = replay.series.find(in.id);
    if (known == replay.series.end()) {
      HF_PROBE("wal: sample of a lost series");
      ++replay.lost_samples;
      continue;
    }
    HeadSeries* series = known->second;
    if (series->open.has_last() && in.sample.t <= series->open.last_time()) continue;
    const Head::Add add{series, &in.sample};
    head_.append(Head::shard_of(series->hash), {&add, 1});
  }
  return {};
}

void Engine::arm(const std::shared_ptr<Loop>& loop) {
  const std::weak_ptr<Loop> weak = loop;
  loop->timer = env_.executor.post_after(
      Lane::kPool, std::max(options_.sync_interval, kSyncIntervalMin), [weak] {
        const auto held = weak.lock();
        if (!held) return;
        const std::lock_guard lock(held->mutex);
        if (!held->engine) return;
        held->engine->tick();
        held->engine->arm(held);
      });
}

void Engine::tick() {
  if (const auto synced = sync(); !synced)
    log_error("metrics log sync failed", {{"why", synced.error().message()}});
  if (!wants_flush()) return;
  if (const auto flushed = flush(); !flushed) {
    log_error("metrics flush failed", {{"why", flushed.error().message()}});
  }
}

Result<void> Engine::sync() {
  auto synced = wal_->sync();
  // After a failed sync the kernel may have dropped the pages and will say all is well the next
  // time. What is in memory is good, so it is written anew, as a block.
  if (!synced && synced.error().code() != Code::kExhausted) {
    HF_PROBE("wal: failed sync answered by a flush");
    flush_asked_ = true;
  }
  return synced;
}

void Engine::set_metadata(const std::string& metric, const Metadata& metadata) {
  {
    const std::lock_guard lock(metadata_mutex_);
    Metadata& known = metadata_[metric];
    if (known == metadata) return;
    known = metadata;
  }
  const std::lock_guard lock(append_mutex_);
  // A refused write costs nothing now: the next flush logs all metadata again.
  if (const auto logged =
          wal_->append(WalRecordType::kMetadata, encode_wal_metadata(metric, metadata));
      !logged) {
    log_warn("metric metadata not logged", {{"metric", metric}, {"why", logged.error().message()}});
  }
}

std::map<std::string, std::vector<Metadata>> Engine::metadata(const std::string& metric,
                                                              std::size_t limit) const {
  const std::lock_guard lock(metadata_mutex_);
  std::map<std::string, std::vector<Metadata>> result;
  for (const auto& [name, metadata] : metadata_) {
    if (!metric.empty() && name != metric) continue;
    if (limit != 0 && result.size() >= limit) break;
    result[name] = {metadata};
  }
  return result;
}

Timestamp Engine::retention_floor(Timestamp now) const { return now - to_ms(options_.retention); }

StoreStats Engine::stats() const {
  StoreStats stats;
  stats.series = head_.index().series_count();
  stats.samples_appended = appended_;
  stats.samples_rejected = rejected_;
  stats.samples_in_memory = head_.sample_count();
  stats.memory_bytes = head_.memory_size();
  stats.wal_bytes = wal_->size();
  stats.disk_bytes = stats.wal_bytes + blocks_->size();
  const auto [head_min, head_max] = head_.time_range();
  const Timestamp min = std::min(head_min, blocks_->min_time());
  const Timestamp max = std::max(head_max, blocks_->max_time());
  if (min <= max) {
    stats.min_time = min;
    stats.max_time = max;
  }
  stats.replay_time = replay_time_;
  return stats;
}

void Engine::note_problem(std::string text) {
  log_error("metrics store damaged", {{"what", text}});
  const std::lock_guard lock(problems_mutex_);
  problems_.push_back(std::move(text));
}

std::vector<std::string> Engine::problems() const {
  std::vector<std::string> result = blocks_->problems();
  const std::lock_guard lock(problems_mutex_);
  result.insert(result.end(), problems_.begin(), problems_.end());
  return result;
}

}  // namespace holdfast::metrics
