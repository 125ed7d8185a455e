#include "metrics/block/decoded_columns.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <new>

namespace holdfast::metrics {

namespace {

constexpr std::size_t kSlotsMin = 64;
constexpr std::size_t kEntryOverhead = 64;  // its slot, and what the allocator takes

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

// NaN payloads (staleness markers) do not survive the way to float and back on every machine.
bool fits_float(double v) {
  return std::fabs(v) <= 3.0e38 && same_bits(static_cast<double>(static_cast<float>(v)), v);
}

}  // namespace

TilePtr::TilePtr(const TilePtr& other) : tile_(other.tile_) {
  // Relaxed: who copies holds the tile already.
  if (tile_ != nullptr) tile_->holders_.fetch_add(1, std::memory_order_relaxed);
}

TilePtr::~TilePtr() {
  if (tile_ == nullptr || tile_->holders_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  tile_->~Tile();
  ::operator delete(const_cast<Tile*>(tile_));
}

TilePtr Tile::make(std::span<const double> values, std::span<const std::uint32_t> ends) {
  const auto same = [&](double v) { return same_bits(v, values[0]); };
  const Kind kind = std::all_of(values.begin(), values.end(), same)         ? Kind::kSame
                    : std::all_of(values.begin(), values.end(), fits_float) ? Kind::kFloats
                                                                            : Kind::kDoubles;
  unsigned nan = 0;
  for (const double v : values) nan |= static_cast<unsigned>(v != v);
  unsigned fell = 0;
  std::size_t begin = 0;
  const auto look = [&](std::size_t end) {
    for (std::size_t i = begin + 1; i < end; ++i)
      fell |= static_cast<unsigned>(values[i] < values[i - 1]);
    begin = end;
  };
  for (const std::uint32_t end : ends) look(end);
  look(values.size());
  const std::size_t values_size = kind == Kind::kSame     ? sizeof(double)
                                  : kind == Kind::kFloats ? values.size() * sizeof(float)
                                                          : values.size() * sizeof(double);
  const std::size_t size = sizeof(Tile) + values_size + ends.size_bytes();
  Tile* const tile = new (::operator new(size)) Tile();
  tile->memory_size_ = static_cast<std::uint32_t>(size + kEntryOverhead);
  tile->ends_at_ = static_cast<std::uint32_t>(values_size);
  tile->kind_ = kind;
  tile->has_nan_ = nan != 0;
  tile->falls_ = fell != 0 || nan != 0;
  if (kind == Kind::kFloats) {
    auto* const out = reinterpret_cast<float*>(tile->body());
    for (std::size_t i = 0; i < values.size(); ++i) out[i] = static_cast<float>(values[i]);
  } else {
    const std::size_t count = std::min(values.size(), values_size / sizeof(double));
    std::memcpy(tile->body(), values.data(), count * sizeof(double));
  }
  if (!ends.empty()) std::memcpy(tile->body() + values_size, ends.data(), ends.size_bytes());
  return TilePtr(tile);
}

void Tile::give(std::size_t column, std::size_t first, std::size_t count, double* out) const {
  if (column > 0) first += reinterpret_cast<const std::uint32_t*>(body() + ends_at_)[column - 1];
  switch (kind_) {
    case Kind::kSame:
      std::fill_n(out, count, *reinterpret_cast<const double*>(body()));
      return;
    case Kind::kFloats: {
      const auto* const from = reinterpret_cast<const float*>(body()) + first;
      for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<double>(from[i]);
      return;
    }
    case Kind::kDoubles:
      std::memcpy(out, body() + first * sizeof(double), count * sizeof(double));
      return;
  }
}

DecodedColumns::DecodedColumns(std::size_t bytes_max)
    : bytes_max_(bytes_max), shards_(kShardCount) {}

std::uint64_t DecodedColumns::hash(std::uint64_t block, SeriesIndex series, std::uint32_t place) {
  std::uint64_t h = block * 0x9e3779b97f4a7c15ULL + series;
  h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93ULL + place;
  h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93ULL;
  return h ^ (h >> 32);
}

// Where the tile lies, or the free slot where it would.
std::size_t DecodedColumns::slot_of(const Shard& shard, std::uint64_t hash, std::uint64_t block,
                                    SeriesIndex series, std::uint32_t place) {
  const std::size_t mask = shard.slots.size() - 1;
  std::size_t at = (hash / kShardCount) & mask;
  while (shard.slots[at].tile) {
    const Slot& slot = shard.slots[at];
    if (slot.series == series && slot.place == place && slot.block == block) break;
    at = (at + 1) & mask;
  }
  return at;
}

TilePtr DecodedColumns::get(std::uint64_t block, SeriesIndex series, std::uint32_t place) {
  const std::uint64_t h = hash(block, series, place);
  Shard& shard = shards_[h % kShardCount];
  const std::lock_guard lock(shard.mutex);
  if (shard.slots.empty()) return {};
  Slot& slot = shard.slots[slot_of(shard, h, block, series, place)];
  slot.recent = true;
  return slot.tile;
}

void DecodedColumns::put(std::uint64_t block, SeriesIndex series, std::uint32_t place,
                         TilePtr tile) {
  const std::size_t bytes_max = bytes_max_ / kShardCount;
  const std::size_t size = tile->memory_size();
  if (size > bytes_max) return;
  const std::uint64_t h = hash(block, series, place);
  Shard& shard = shards_[h % kShardCount];
  std::vector<TilePtr> dropped;  // freed after the lock
  const std::lock_guard lock(shard.mutex);
  while (shard.bytes + size > bytes_max) {
    Slot& slot = shard.slots[shard.hand];
    if (slot.tile && !std::exchange(slot.recent, false)) {
      erase(shard, shard.hand, dropped);  // another may have moved here: the hand stays
    } else {
      shard.hand = (shard.hand + 1) & (shard.slots.size() - 1);
    }
  }
  if ((shard.taken + 1) * 4 > shard.slots.size() * 3) grow(shard);
  Slot& slot = shard.slots[slot_of(shard, h, block, series, place)];
  if (slot.tile) return;  // another thread was faster
  slot = {block, series, place, std::move(tile), false};
  shard.bytes += size;
  ++shard.taken;
}

// Closes the gap: whoever was pushed on past it moves back.
void DecodedColumns::erase(Shard& shard, std::size_t at, std::vector<TilePtr>& dropped) {
  const std::size_t mask = shard.slots.size() - 1;
  shard.bytes -= shard.slots[at].tile->memory_size();
  --shard.taken;
  dropped.push_back(std::move(shard.slots[at].tile));
  std::size_t gap = at;
  for (std::size_t next = (gap + 1) & mask; shard.slots[next].tile; next = (next + 1) & mask) {
    const Slot& slot = shard.slots[next];
    const std::size_t home = (hash(slot.block, slot.series, slot.place) / kShardCount) & mask;
    if (((next - home) & mask) < ((next - gap) & mask)) continue;  // it began behind the gap
    shard.slots[gap] = std::move(shard.slots[next]);
    gap = next;
  }
}

void DecodedColumns::grow(Shard& shard) {
  std::vector<Slot> old(std::max(kSlotsMin, shard.slots.size() * 2));
  old.swap(shard.slots);
  shard.hand = 0;
  for (Slot& slot : old) {
    if (!slot.tile) continue;
    const std::uint64_t h = hash(slot.block, slot.series, slot.place);
    shard.slots[slot_of(shard, h, slot.block, slot.series, slot.place)] = std::move(slot);
  }
}

void DecodedColumns::forget(std::uint64_t block) {
  for (Shard& shard : shards_) {
    std::vector<TilePtr> dropped;
    const std::lock_guard lock(shard.mutex);
    for (std::size_t at = 0; at < shard.slots.size();) {
      if (shard.slots[at].tile && shard.slots[at].block == block) {
        erase(shard, at, dropped);
      } else {
        ++at;
      }
    }
  }
}

std::size_t DecodedColumns::size() const {
  std::size_t size = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    size += shard.bytes;
  }
  return size;
}

}  // namespace holdfast::metrics
