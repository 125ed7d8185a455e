#include "metrics/head.h"

#include <algorithm>

namespace holdfast::metrics {

using model::Labels;
using model::Timestamp;

namespace {

constexpr unsigned kShardBits = 4;
constexpr std::uint32_t kShardMask = (1U << kShardBits) - 1;

Timestamp newest(const HeadSeries& series) { return series.open.last_time(); }

}  // namespace

HeadSeries* Head::find(const Labels& labels, std::uint64_t hash) {
  Shard& shard = shards_[shard_of(hash)];
  if (shard.table.empty()) return nullptr;
  const std::size_t mask = shard.table.size() - 1;
  for (std::size_t i = (hash >> kShardBits) & mask; shard.table[i] != 0; i = (i + 1) & mask) {
    HeadSeries& series = shard.slots[shard.table[i] - 1];
    if (series.hash == hash && index_.has_labels(series.id, labels)) return &series;
  }
  return nullptr;
}

HeadSeries* Head::find(SeriesId id, Place place) {
  Shard& shard = shards_[place & kShardMask];
  const std::uint32_t slot = place >> kShardBits;
  if (id == 0 || slot >= shard.slots.size() || shard.slots[slot].id != id) return nullptr;
  return &shard.slots[slot];
}

HeadSeries& Head::create(const Labels& labels, std::uint64_t hash) {
  const std::size_t number = shard_of(hash);
  Shard& shard = shards_[number];
  const std::lock_guard lock(shard.mutex);
  std::uint32_t slot = 0;
  if (shard.slots_free.empty()) {
    slot = static_cast<std::uint32_t>(shard.slots.size());
    shard.slots.emplace_back();
  } else {
    slot = shard.slots_free.back();
    shard.slots_free.pop_back();
  }
  HeadSeries& series = shard.slots[slot];
  series.place = (slot << kShardBits) | static_cast<Place>(number);
  series.hash = hash;
  series.id = index_.add(labels, series.place);
  ++shard.series_count;
  if (shard.series_count * 4 > shard.table.size() * 3) {
    rebuild_table(shard);
  } else {
    insert_in_table(shard, slot);
  }
  return series;
}

void Head::insert_in_table(Shard& shard, std::uint32_t slot) {
  const std::size_t mask = shard.table.size() - 1;
  std::size_t i = (shard.slots[slot].hash >> kShardBits) & mask;
  while (shard.table[i] != 0) i = (i + 1) & mask;
  shard.table[i] = slot + 1;
}

void Head::rebuild_table(Shard& shard) {
  std::size_t size = 16;
  while (size < shard.series_count * 2) size *= 2;
  shard.table.assign(size, 0);
  for (std::uint32_t slot = 0; slot < shard.slots.size(); ++slot) {
    if (shard.slots[slot].id != 0) insert_in_table(shard, slot);
  }
}

void Head::append(std::size_t number, std::span<const Add> adds) {
  Shard& shard = shards_[number];
  const std::lock_guard lock(shard.mutex);
  for (const Add& add : adds) {
    HeadSeries& series = *add.series;
    if (!series.open.fits(*add.sample)) close(shard, series);
    series.open.append(*add.sample);
    series.idle = false;
  }
  shard.sample_count += adds.size();
}

void Head::close(Shard& shard, HeadSeries& series) {
  if (series.open.empty()) return;
  auto chunk = std::make_shared<const Chunk>(series.open.finish());
  shard.chunk_bytes += chunk->bytes.size();
  ++shard.chunk_count;
  series.closed.push_back(std::move(chunk));
}

std::vector<HeadRead> Head::read(const std::vector<SeriesId>& ids, Timestamp from,
                                 Timestamp to) const {
  const auto places = index_.places(ids);
  std::vector<HeadRead> reads(places.size());
  std::array<std::vector<std::uint32_t>, kShardCount> by_shard;
  for (std::uint32_t i = 0; i < places.size(); ++i)
    by_shard[places[i].second & kShardMask].push_back(i);
  for (std::size_t number = 0; number < kShardCount; ++number) {
    if (by_shard[number].empty()) continue;
    const Shard& shard = shards_[number];
    const std::lock_guard lock(shard.mutex);
    for (const std::uint32_t i : by_shard[number]) {
      const std::uint32_t slot = places[i].second >> kShardBits;
      if (slot >= shard.slots.size() || shard.slots[slot].id != places[i].first) continue;
      const HeadSeries& series = shard.slots[slot];
      reads[i].id = series.id;
      for (const ChunkPtr& chunk : series.closed) {
        if (chunk->min_time <= to && chunk->max_time >= from) reads[i].chunks.push_back(chunk);
      }
      if (!series.open.empty() && series.open.min_time() <= to && series.open.last_time() >= from) {
        reads[i].chunks.push_back(std::make_shared<const Chunk>(series.open.copy()));
      }
    }
  }
  std::erase_if(reads, [](const HeadRead& read) { return read.chunks.empty(); });
  return reads;
}

std::vector<HeadRead> Head::close_all() {
  std::vector<HeadRead> all;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (HeadSeries& series : shard.slots) {
      if (series.id == 0) continue;
      close(shard, series);
      if (!series.closed.empty()) all.push_back({series.id, series.closed});
    }
  }
  return all;
}

void Head::forget_chunk(Shard& shard, const Chunk& chunk) {
  shard.sample_count -= chunk.count;
  shard.chunk_bytes -= chunk.bytes.size();
  --shard.chunk_count;
}

void Head::drop_flushed(const std::vector<HeadRead>& flushed) {
  std::vector<std::pair<SeriesId, const HeadRead*>> by_id;
  by_id.reserve(flushed.size());
  for (const HeadRead& read : flushed) by_id.emplace_back(read.id, &read);
  std::sort(by_id.begin(), by_id.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<SeriesId> gone;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (std::uint32_t slot = 0; slot < shard.slots.size(); ++slot) {
      HeadSeries& series = shard.slots[slot];
      if (series.id == 0) continue;
      const auto it =
          std::lower_bound(by_id.begin(), by_id.end(), series.id,
                           [](const auto& entry, SeriesId id) { return entry.first < id; });
      if (it != by_id.end() && it->first == series.id) {
        // By pointer: retention may have dropped some of them in the meantime.
        const std::vector<ChunkPtr>& written = it->second->chunks;
        std::erase_if(series.closed, [&](const ChunkPtr& chunk) {
          if (std::find(written.begin(), written.end(), chunk) == written.end()) return false;
          forget_chunk(shard, *chunk);
          return true;
        });
        series.closed.shrink_to_fit();
      }
      if (!series.closed.empty() || !series.open.empty()) continue;
      if (series.idle) remove_series(shard, slot, gone);
      series.idle = true;
    }
    if (!gone.empty()) rebuild_table(shard);
  }
  std::sort(gone.begin(), gone.end());
  if (!gone.empty()) index_.remove(gone);
}

void Head::drop_before(Timestamp floor) {
  std::vector<SeriesId> gone;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    const std::size_t gone_before = gone.size();
    for (std::uint32_t slot = 0; slot < shard.slots.size(); ++slot) {
      HeadSeries& series = shard.slots[slot];
      if (series.id == 0) continue;
      std::size_t count = 0;
      while (count < series.closed.size() && series.closed[count]->max_time < floor) {
        forget_chunk(shard, *series.closed[count++]);
      }
      series.closed.erase(series.closed.begin(),
                          series.closed.begin() + static_cast<std::ptrdiff_t>(count));
      if (!series.closed.empty() || (series.open.has_last() && newest(series) >= floor)) continue;
      shard.sample_count -= series.open.count();
      remove_series(shard, slot, gone);
    }
    if (gone.size() != gone_before) rebuild_table(shard);
  }
  std::sort(gone.begin(), gone.end());
  if (!gone.empty()) index_.remove(gone);
}

void Head::remove_series(Shard& shard, std::uint32_t slot, std::vector<SeriesId>& gone) {
  gone.push_back(shard.slots[slot].id);
  shard.slots[slot] = HeadSeries();
  shard.slots_free.push_back(slot);
  --shard.series_count;
}

std::uint64_t Head::sample_count() const {
  std::uint64_t count = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    count += shard.sample_count;
  }
  return count;
}

std::uint64_t Head::memory_size() const {
  std::uint64_t size = index_.memory_size();
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    size += shard.slots.size() * sizeof(HeadSeries) + shard.table.size() * sizeof(std::uint32_t) +
            shard.chunk_bytes + shard.chunk_count * (sizeof(Chunk) + 40);
    for (const HeadSeries& series : shard.slots) size += series.open.memory_size();
  }
  return size;
}

std::pair<Timestamp, Timestamp> Head::time_range() const {
  Timestamp min = model::kTimestampMax;
  Timestamp max = model::kTimestampMin;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const HeadSeries& series : shard.slots) {
      for (const ChunkPtr& chunk : series.closed) {
        min = std::min(min, chunk->min_time);
        max = std::max(max, chunk->max_time);
      }
      if (series.open.empty()) continue;
      min = std::min(min, series.open.min_time());
      max = std::max(max, series.open.last_time());
    }
  }
  return {min, max};
}

}  // namespace holdfast::metrics
