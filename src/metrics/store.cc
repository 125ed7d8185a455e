// Opening, the background job, and the small answers of the store.
#include "metrics/store.h"

#include <algorithm>

#include "base/log.h"
#include "metrics/engine.h"

namespace holdfast::metrics {

namespace {
constexpr Duration kSyncIntervalMin = 10ms;  // a zero setting must not keep a core busy
constexpr Duration kMaintainInterval = 1min;
}  // namespace

struct Engine::Replay {
  WalBatchReader reader;
  std::unordered_map<SeriesId, SeriesId> series;  // id in the log to id in the head
  std::vector<Head::Add> adds;
  std::uint64_t lost_samples = 0;  // of series whose labels were lost
};

Result<std::unique_ptr<Store>> Store::open(Env& env, StoreOptions options) {
  auto engine = std::make_unique<Engine>(env, std::move(options));
  HF_TRY(engine->open().context("open metrics store"));
  return std::unique_ptr<Store>(std::move(engine));
}

Engine::Engine(Env& env, StoreOptions options)
    : env_(env), options_(std::move(options)), loop_(std::make_shared<Loop>()) {}

Engine::~Engine() {
  stop_.request_stop();
  TimerId timer = TimerId::kNone;
  {
    const std::lock_guard work(loop_->work_mutex);  // what runs ends first
    const std::lock_guard lock(loop_->mutex);
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
  set_limits(options_.limits);
  blocks_ = std::make_unique<BlockSet>(env_.files, options_.directory + "/blocks",
                                       options_.decoded_bytes_max);
  HF_TRY(blocks_->open());
  HF_TRY(open_bucket());
  HF_TRY(open_levels());
  Replay replay;
  const auto consume = [&](WalRecordType type, std::string_view payload) {
    return replay_record(type, payload, replay);
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
  last_flush_ = last_maintain_ = env_.clock.mono();
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

Result<void> Engine::replay_record(WalRecordType type, std::string_view payload, Replay& replay) {
  if (type == WalRecordType::kMetadata) {
    auto record = HF_TRY(decode_wal_metadata(payload));
    metadata_[record.metric] = std::move(record.metadata);
    return {};
  }
  if (type == WalRecordType::kExemplars) {
    const SeriesExemplars record = HF_TRY(decode_wal_exemplars(payload));
    const auto labels = std::make_shared<const Labels>(record.series);
    for (const Exemplar& exemplar : record.exemplars) {
      exemplars_.emplace_back(labels, exemplar);
      exemplar_newest_[record.series] = exemplar.t;
    }
    while (exemplars_.size() > options_.exemplar_count_max) exemplars_.pop_front();
    return {};
  }
  return replay_batch(HF_TRY(replay.reader.read(payload)), replay);
}

Result<void> Engine::replay_batch(const WalBatch& batch, Replay& replay) {
  LabelViews views;
  std::string canonical;
  for (const WalSeries& in : batch.series) {
    views.clear();
    canonical.clear();
    for (const model::Label& label : in.labels) {
      views.push_back({label.name, label.value});
      canonical.append(label.name).push_back('\xff');
      canonical.append(label.value).push_back('\xff');
    }
    const Fingerprint key = fingerprint(canonical);
    SeriesId id = head_.find(key, 0);
    if (id == 0) {
      Head::NewSeries fresh{key, views};
      head_.create({&fresh, 1});
      id = fresh.id;
    }
    replay.series[in.id] = id;  // an id used again after a restart means what was said last
  }
  replay.adds.clear();
  for (const WalSample& in : batch.samples) {
    const auto known = replay.series.find(in.id);
    if (known == replay.series.end()) {
      HF_PROBE("wal: sample of a lost series");
      ++replay.lost_samples;
      continue;
    }
    HeadSeries& series = head_.at(known->second);
    Timestamp newest = series.newest_time;
    if (series.pending != 0) newest = replay.adds[series.pending - 1].t;
    if (in.sample.t == newest) continue;
    replay.adds.push_back({known->second, in.sample.t < newest, in.sample.t, in.sample.value,
                           in.sample.histogram ? &in.sample.histogram : nullptr});
    if (in.sample.t > newest) series.pending = static_cast<std::uint32_t>(replay.adds.size());
  }
  for (const Head::Add& add : replay.adds) head_.at(add.id).pending = 0;
  head_.append(replay.adds);
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
  const bool due = env_.clock.mono() - last_maintain_ >= kMaintainInterval;
  if ((!due && !wants_flush()) || loop_->working.exchange(true)) return;
  if (due) last_maintain_ = env_.clock.mono();
  const std::weak_ptr<Loop> weak = loop_;
  env_.executor.post(Lane::kBackground, [weak] {
    const auto held = weak.lock();
    if (!held) return;
    const std::lock_guard lock(held->work_mutex);
    Engine* engine = nullptr;
    {
      const std::lock_guard inner(held->mutex);
      engine = held->engine;  // stays: the destructor waits for work_mutex
    }
    if (engine) engine->work();
    held->working = false;
  });
}

void Engine::work() {
  if (const auto kept = maintain(to_ms(env_.clock.now())); !kept) {
    log_error("metrics flush failed", {{"why", kept.error().message()}});
    return;
  }
  for (;;) {
    const auto more = merge_once(false);
    if (more && !*more) break;
    if (more) continue;
    if (more.error().code() != Code::kCanceled)
      log_error("metrics blocks not merged", {{"why", more.error().message()}});
    return;
  }
  if (const auto made = make_levels(); !made && made.error().code() != Code::kCanceled)
    log_error("metrics levels not made", {{"why", made.error().message()}});
  if (bucket_) bucket_->work(stop_.get_token());
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
          wal_->append(WalRecordType::kMetadata, encode_wal_metadata(metric, metadata), false);
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
  stats.disk_bytes = stats.wal_bytes + blocks_->size() + levels_->size();
  const auto [head_min, head_max] = head_.time_range();
  const Timestamp min = std::min({head_min, blocks_->min_time(), levels_->min_time()});
  const Timestamp max = std::max(head_max, blocks_->max_time());
  if (min <= max) {
    stats.min_time = min;
    stats.max_time = max;
  }
  stats.replay_time = replay_time_;
  if (bucket_) stats.objects = bucket_->stats();
  return stats;
}

namespace {

// The largest counts, largest first.
std::vector<CardinalityEntry> top(std::vector<CardinalityEntry> entries, std::size_t limit) {
  const auto more = [](const CardinalityEntry& a, const CardinalityEntry& b) {
    return std::tie(b.count, a.name) < std::tie(a.count, b.name);
  };
  const std::size_t keep = limit == 0 ? entries.size() : std::min(limit, entries.size());
  std::partial_sort(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(keep),
                    entries.end(), more);
  entries.resize(keep);
  return entries;
}

template <typename Map>
std::vector<CardinalityEntry> entries_of(const Map& map) {
  std::vector<CardinalityEntry> entries;
  for (const auto& [name, count] : map) entries.push_back({name, count});
  return entries;
}

}  // namespace

Cardinality Engine::cardinality(std::size_t limit) const {
  Cardinality result;
  result.series = head_.index().series_count();
  std::vector<CardinalityEntry> metrics, pairs;
  std::unordered_map<std::string, std::uint64_t> values, memory;
  head_.index().each_pair([&](LabelView pair, std::size_t count) {
    ++result.label_pairs;
    const std::string name(pair.name);
    ++values[name];
    memory[name] += pair.value.size();
    if (pair.name == model::kMetricName) metrics.push_back({std::string(pair.value), count});
    pairs.push_back({name + "=" + std::string(pair.value), count});
  });
  result.series_by_metric = top(std::move(metrics), limit);
  result.series_by_pair = top(std::move(pairs), limit);
  result.values_by_label = top(entries_of(values), limit);
  result.memory_by_label = top(entries_of(memory), limit);
  const std::lock_guard lock(cardinality_mutex_);
  result.created_by_metric = top(entries_of(created_by_metric_), limit);
  return result;
}

void Engine::note_problem(std::string text) {
  log_error("metrics store damaged", {{"what", text}});
  const std::lock_guard lock(problems_mutex_);
  problems_.push_back(std::move(text));
}

std::vector<std::string> Engine::problems() const {
  std::vector<std::string> result = blocks_->problems();
  if (bucket_) {
    const std::vector<std::string> of_bucket = bucket_->problems();
    result.insert(result.end(), of_bucket.begin(), of_bucket.end());
  }
  const std::vector<std::string> of_levels = levels_->problems();
  result.insert(result.end(), of_levels.begin(), of_levels.end());
  const std::lock_guard lock(problems_mutex_);
  result.insert(result.end(), problems_.begin(), problems_.end());
  return result;
}

}  // namespace holdfast::metrics
