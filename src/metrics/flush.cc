// Flushing the head to a block, and what retention drops.
#include <algorithm>
#include <map>

#include "base/log.h"
#include "metrics/engine.h"
#include "metrics/gather.h"

namespace holdfast::metrics {

namespace {

// A flush by itself: when replay would begin to be felt, or when the head holds more than the
// queries of an hour want.
constexpr std::uint64_t kWalSizeMax = 256 << 20;
constexpr Timestamp kHeadSpan = 2 * 3600 * 1000;
// For the second reason at most this often: one very old sample must not make every tick flush.
constexpr Duration kSpanFlushInterval = 15min;
// Samples out of order that are older than the flushed ones go to blocks of such spans.
constexpr Timestamp kLateSpan = 2 * 3600 * 1000;
constexpr Timestamp kLevelsAwaited = 24 * 3600 * 1000;

}  // namespace

Result<void> Engine::flush() {
  const std::lock_guard lock(flush_mutex_);
  if (auto flushed = flush_locked(); !flushed) {
    flush_asked_ = true;
    return std::move(flushed).context("flush metrics");
  }
  last_flush_ = env_.clock.mono();
  return drop_expired(to_ms(env_.clock.now()));
}

Result<void> Engine::flush_locked() {
  std::shared_ptr<const Frozen> frozen = blocks_->layout().frozen;  // of a flush that failed
  std::uint64_t segment = frozen_segment_;
  if (!frozen) {
    const std::lock_guard lock(append_mutex_);
    segment = HF_TRY(begin_epoch());
    frozen = blocks_->freeze([&] { return head_.freeze(); });
    frozen_segment_ = segment;
  }
  if (frozen->captures.series.empty()) {
    blocks_->thaw();
  } else {
    HF_TRY(write_frozen(*frozen, segment));
  }
  {
    const std::lock_guard lock(append_mutex_);
    head_.drop_idle();
  }
  HF_TRY(wal_->sync());  // the metadata of this epoch, before the segments that had it go
  HF_TRY(wal_->drop_before(segment));
  flush_asked_ = false;
  return {};
}

// Series of a flush in label order: pairs compare by rank, so no text is touched.
static std::vector<std::uint32_t> label_order(const HeadCaptures& captures,
                                              const HeadIndex& index) {
  const std::vector<std::uint32_t> rank = index.pair_ranks();
  std::vector<std::uint32_t> order(captures.series.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::uint32_t x, std::uint32_t y) {
    const PairList& a = captures.series[x].labels;
    const PairList& b = captures.series[y].labels;
    return std::lexicographical_compare(a.pairs, a.pairs + a.count, b.pairs, b.pairs + b.count,
                                        [&](PairId l, PairId r) { return rank[l] < rank[r]; });
  });
  return order;
}

// Samples that came late, by the span they belong to and the series' place in the order.
using LateSamples = std::map<Timestamp, std::vector<std::pair<std::uint32_t, std::vector<Sample>>>>;

static Result<void> write_late(FileSystem& files, BlockSet& blocks, const HeadCaptures& captures,
                               const HeadIndex& index, const LateSamples& late,
                               std::vector<std::string>& names) {
  LabelViews labels;
  SeriesData data;
  for (const auto& [span, series] : late) {
    const std::string name = blocks.next_name();
    auto writer = HF_TRY(BlockWriter::create(files, blocks.folder(), name, {}));
    for (const auto& [at, samples] : series) {
      index.labels(captures.series[at].labels, labels);
      std::vector<Sample> sorted = samples;
      unite(sorted, data);
      HF_TRY(writer->add(labels, data));
    }
    HF_TRY(writer->finish());
    names.push_back(name);
  }
  return {};
}

Result<void> Engine::write_frozen(const Frozen& frozen, std::uint64_t segment) {
  const HeadCaptures& captures = frozen.captures;
  const HeadIndex& index = head_.index();
  const std::vector<std::uint32_t> order = label_order(captures, index);
  CaptureReader reader(captures);
  LabelViews labels;
  SeriesData data;
  LateSamples late;
  BlockSet::Replace change;
  change.thaw = true;
  std::unique_ptr<BlockWriter> writer;
  const std::string name = blocks_->next_name();
  BlockWriterOptions options;
  options.wal_segment = segment;
  for (const std::uint32_t at : order) {
    const HeadCapture& capture = captures.series[at];
    reader.read(capture, model::kTimestampMin, model::kTimestampMax, data);
    if (capture.extra && !capture.extra->out_of_order.empty()) {
      const Timestamp begin = data.size() > 0 ? data.times->front() : model::kTimestampMax;
      std::vector<Sample> samples;
      append_samples(data, samples);
      for (const Sample& sample : capture.extra->out_of_order) {
        if (sample.t >= begin) {
          samples.push_back(sample);
          continue;
        }
        auto& list = late[sample.t / kLateSpan - (sample.t % kLateSpan < 0)];
        if (list.empty() || list.back().first != at) list.push_back({at, {}});
        list.back().second.push_back(sample);
      }
      unite(samples, data);
    }
    if (data.size() == 0) continue;
    if (!writer) writer = HF_TRY(BlockWriter::create(env_.files, blocks_->folder(), name, options));
    index.labels(capture.labels, labels);
    HF_TRY(writer->add(labels, data));
  }
  HF_TRY(write_late(env_.files, *blocks_, captures, index, late, change.added));
  // Last, since it says which log segments are in blocks now.
  if (writer) {
    HF_TRY(writer->finish());
    change.added.push_back(name);
  }
  return blocks_->replace(change);
}

// From here on the log says everything anew; the number of its first segment.
Result<std::uint64_t> Engine::begin_epoch() {
  const std::uint64_t segment = HF_TRY(wal_->rotate());
  ++epoch_;
  {
    const std::lock_guard lock(metadata_mutex_);
    for (const auto& [metric, metadata] : metadata_) {
      HF_TRY(wal_->append(WalRecordType::kMetadata, encode_wal_metadata(metric, metadata)));
    }
  }
  const std::lock_guard lock(exemplars_mutex_);
  for (const auto& [labels, exemplar] : exemplars_) {
    HF_TRY(wal_->append(WalRecordType::kExemplars, encode_wal_exemplars(*labels, {&exemplar, 1}),
                        false));
  }
  return segment;
}

bool Engine::wants_flush() {
  if (flush_asked_ || wal_->size() > kWalSizeMax || head_.sample_bytes() > options_.head_bytes_max)
    return true;
  const auto [min, max] = head_.time_range();
  if (min >= max || max / kHeadSpan == min / kHeadSpan || max - min < kHeadSpan / 2) return false;
  const std::lock_guard lock(flush_mutex_);
  return env_.clock.mono() - last_flush_ >= kSpanFlushInterval;
}

Result<void> Engine::maintain(Timestamp now) {
  if (wants_flush()) HF_TRY(flush());
  const std::lock_guard lock(flush_mutex_);
  return drop_expired(now);
}

Result<void> Engine::drop_expired(Timestamp now) {
  // Levels get the half of what may be stored at most, so that samples are never crowded out.
  const std::uint64_t limit = options_.retention_bytes;
  HF_TRY(levels_->drop(now, limit / 2));
  const std::uint64_t left = limit == 0 ? 0 : limit - std::min(limit / 2, levels_->size());
  // Samples whose levels are to outlive them wait for those, a day at most.
  const Timestamp floor = retention_floor(now);
  const Timestamp awaited = levels_->awaited(blocks_->layout_on_disk());
  const Timestamp end = std::max(std::min(floor, awaited), floor - kLevelsAwaited);
  if (!bucket_) return blocks_->drop(end, left);
  // The limit in bytes is the disk's: blocks that are safe in the bucket leave it, none is lost.
  return blocks_->drop(end, 0, [this](const Block& block) { return bucket_->note_drop(block); });
}

}  // namespace holdfast::metrics
