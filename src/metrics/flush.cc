// Flushing the head to a block, and what retention drops.
#include <algorithm>

#include "metrics/engine.h"

namespace holdfast::metrics {

namespace {

// A flush by itself: when replay would begin to be felt, or when the head holds more than the
// queries of an hour want. The second is asked at most this often, so that one very old sample
// cannot make every tick flush.
constexpr std::uint64_t kWalSizeMax = 256 * 1024 * 1024;
constexpr Duration kHeadSpanMax = 2h;
constexpr Duration kSpanFlushInterval = 15min;
constexpr Duration kSpanCheckInterval = 30s;  // it looks at every series

}  // namespace

Result<void> Engine::flush() {
  const std::lock_guard lock(flush_mutex_);
  HF_TRY(flush_locked().context("flush metrics"));
  last_flush_ = env_.clock.mono();
  return drop_expired(to_ms(env_.clock.now()));
}

Result<void> Engine::flush_locked() {
  std::vector<HeadRead> closed;
  std::uint64_t segment = 0;
  {
    const std::lock_guard lock(append_mutex_);
    segment = HF_TRY(begin_epoch());
    closed = head_.close_all();
  }
  std::unordered_map<SeriesId, const HeadRead*> by_id;
  std::vector<SeriesId> order;
  for (const HeadRead& read : closed) {
    by_id.emplace(read.id, &read);
    order.push_back(read.id);
  }
  head_.index().sort_by_labels(order);
  if (!order.empty()) {
    BlockInput input;
    input.series_count = order.size();
    input.labels = [&](std::size_t i) { return head_.index().labels(order[i]).value_or(Labels()); };
    input.chunks = [&](std::size_t i) -> const std::vector<ChunkPtr>& {
      return by_id.at(order[i])->chunks;
    };
    input.wal_segment = segment;
    HF_TRY(blocks_->write(input));
  }
  {
    const std::lock_guard lock(append_mutex_);
    head_.drop_flushed(closed);
  }
  HF_TRY(wal_->sync());  // the metadata of this epoch, before the segments that had it go
  HF_TRY(wal_->drop_before(segment));
  flush_asked_ = false;
  return {};
}

// From here on the log says everything anew; the number of its first segment.
Result<std::uint64_t> Engine::begin_epoch() {
  const std::uint64_t segment = HF_TRY(wal_->rotate());
  ++epoch_;
  const std::lock_guard lock(metadata_mutex_);
  for (const auto& [metric, metadata] : metadata_) {
    HF_TRY(wal_->append(WalRecordType::kMetadata, encode_wal_metadata(metric, metadata)));
  }
  return segment;
}

bool Engine::wants_flush() {
  if (flush_asked_ || wal_->size() > kWalSizeMax) return true;
  const std::lock_guard lock(flush_mutex_);
  const MonoTime now = env_.clock.mono();
  if (now - last_flush_ < kSpanFlushInterval || now - last_span_check_ < kSpanCheckInterval)
    return false;
  last_span_check_ = now;
  const auto [min, max] = head_.time_range();
  return min < max && max - min > to_ms(kHeadSpanMax);
}

Result<void> Engine::maintain(Timestamp now) {
  if (wants_flush()) HF_TRY(flush());
  const std::lock_guard lock(flush_mutex_);
  return drop_expired(now);
}

Result<void> Engine::drop_expired(Timestamp now) {
  const Timestamp floor = retention_floor(now);
  {
    const std::lock_guard lock(append_mutex_);
    head_.drop_before(floor);
  }
  return blocks_->drop_before(floor);
}

}  // namespace holdfast::metrics
