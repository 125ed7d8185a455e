#include "metrics/block/decoded_columns.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <new>

namespace holdfast::metrics {

namespace {

constexpr std::size_t kSlotsMin = 64;
constexpr std::size_t kRoomLeft = 16 * 1024;  // less than this in a shard is none
constexpr std::uint32_t kOneOf = 8;           // is let in when there is no room
constexpr std::size_t kEntryOverhead = 64;    // its slot, and what the allocator takes

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

// NaN payloads (staleness markers) do not survive the way to float and back on every machine.
bool fits_float(double v) {
  return std::fabs(v) <= 3.0e38 && same_bits(static_cast<double>(static_cast<float>(v)), v);
}

struct Facts {
  bool same = true;  // all have the same bits
  bool has_nan = false;
  bool falls = false;  // within a column
};

// A scan that comes only once pays for this too, so: eight at a time, side by side.
Facts look_at(std::span<const double> values, std::span<const std::uint32_t> ends) {
  constexpr std::size_t kLanes = 8;
  const double* const v = values.data();
  std::uint64_t differs[kLanes] = {};
  std::uint64_t nan[kLanes] = {};
  std::size_t i = 0;
  const std::uint64_t first = values.empty() ? 0 : std::bit_cast<std::uint64_t>(v[0]);
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t k = 0; k < kLanes; ++k) {
      differs[k] |= std::bit_cast<std::uint64_t>(v[i + k]) ^ first;
      nan[k] |= static_cast<std::uint64_t>(v[i + k] != v[i + k]);
    }
  }
  for (; i < values.size(); ++i) {
    differs[0] |= std::bit_cast<std::uint64_t>(v[i]) ^ first;
    nan[0] |= static_cast<std::uint64_t>(v[i] != v[i]);
  }
  Facts facts;
  for (std::size_t k = 0; k < kLanes; ++k) {
    facts.same &= differs[k] == 0;
    facts.has_nan |= nan[k] != 0;
  }
  if (facts.same || facts.has_nan) return facts;
  std::size_t begin = 0;
  const auto look = [&](std::size_t end) {
    std::size_t at = begin + 1;
    for (; at + kLanes <= end && !facts.falls; at += kLanes) {
      unsigned fell = 0;
      for (std::size_t k = 0; k < kLanes; ++k)
        fell |= static_cast<unsigned>(v[at + k] < v[at + k - 1]);
      facts.falls = fell != 0;
    }
    for (; at < end; ++at) facts.falls |= v[at] < v[at - 1];
    begin = end;
  };
  for (const std::uint32_t end : ends) look(end);
  look(values.size());
  return facts;
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
  const Facts facts = look_at(values, ends);
  const Kind kind = facts.same                                              ? Kind::kSame
                    : std::all_of(values.begin(), values.end(), fits_float) ? Kind::kFloats
                                                                            : Kind::kDoubles;
  const std::size_t values_size = kind == Kind::kSame     ? sizeof(double)
                                  : kind == Kind::kFloats ? values.size() * sizeof(float)
                                                          : values.size() * sizeof(double);
  const std::size_t size = sizeof(Tile) + values_size + ends.size_bytes();
  Tile* const tile = new (::operator new(size)) Tile();
  tile->memory_size_ = static_cast<std::uint32_t>(size + kEntryOverhead);
  tile->ends_at_ = static_cast<std::uint32_t>(values_size);
  tile->kind_ = kind;
  tile->has_nan_ = facts.has_nan;
  tile->falls_ = facts.falls || facts.has_nan;
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

bool DecodedColumns::admits(std::uint64_t block, SeriesIndex series, std::uint32_t place) {
  const std::uint64_t h = hash(block, series, place);
  Shard& shard = shards_[h % kShardCount];
  const std::lock_guard lock(shard.mutex);
  if (shard.missed.empty()) shard.missed.resize(kMissedCount);
  const std::uint32_t tag = static_cast<std::uint32_t>(h >> 32) | 1;
  if (std::exchange(shard.missed[h / kShardCount % kMissedCount], tag) != tag) return false;
  const bool full = shard.bytes + kRoomLeft > bytes_max_ / kShardCount;
  return !full || ++shard.turn % kOneOf == 0;
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
