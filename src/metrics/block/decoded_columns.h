// metrics/block/decoded_columns.h: values of blocks as they were decoded, kept for the next query.
//
// Purpose     Dashboards and rules ask for the same hours of the same series again and again; entropy coding
//             is small on disk and slow to undo. Blocks never change, so what was decoded once holds.
// Idea        A tile is a run of one long column, or several neighbouring short columns. Values that are all
//             the same are kept once, values that fit are kept as float. A shard is a table with
//             open addresses: finding a tile is one look at the table, reading it one more.
// Memory      Bounded for all blocks of a store together; what was not asked for since the clock's hand
//             came by last goes first.
// Threads     From any thread; a Tile is immutable.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "metrics/block/block.h"

namespace holdfast::metrics {

class Tile;

// Counts its holders inside the tile: one place in memory less to wait for than a shared_ptr.
class TilePtr {
 public:
  TilePtr() = default;
  explicit TilePtr(const Tile* owned) : tile_(owned) {}
  TilePtr(const TilePtr& other);
  TilePtr(TilePtr&& other) noexcept : tile_(std::exchange(other.tile_, nullptr)) {}
  TilePtr& operator=(TilePtr other) noexcept {
    std::swap(tile_, other.tile_);
    return *this;
  }
  ~TilePtr();
  explicit operator bool() const { return tile_ != nullptr; }
  const Tile& operator*() const { return *tile_; }
  const Tile* operator->() const { return tile_; }

 private:
  const Tile* tile_ = nullptr;
};

class Tile {
 public:
  // Values of one or more columns, one after the other; column i is [ends[i - 1], ends[i]). Without
  // ends: one column.
  static TilePtr make(std::span<const double> values, std::span<const std::uint32_t> ends);

  // Values [first, first + count) of a column into out[0..count).
  void give(std::size_t column, std::size_t first, std::size_t count, double* out) const;
  std::size_t memory_size() const { return memory_size_; }
  bool has_nan() const { return has_nan_; }
  bool falls() const { return falls_; }  // a value is below the one before it, or not a number

  Tile(const Tile&) = delete;
  Tile& operator=(const Tile&) = delete;

 private:
  friend class TilePtr;
  enum class Kind : std::uint8_t { kSame, kFloats, kDoubles };
  Tile() = default;
  ~Tile() = default;
  // Behind the object: values, then ends.
  char* body() { return reinterpret_cast<char*>(this + 1); }
  const char* body() const { return reinterpret_cast<const char*>(this + 1); }

  mutable std::atomic<std::uint32_t> holders_{1};
  std::uint32_t memory_size_ = 0;
  std::uint32_t ends_at_ = 0;  // bytes into body()
  Kind kind_ = Kind::kSame;
  bool has_nan_ = false;
  bool falls_ = false;
};

class DecodedColumns {
 public:
  explicit DecodedColumns(std::size_t bytes_max);
  // `place` tells the tiles of a series of a block apart: the run's number plus one, or 0 for a tile
  // of short columns that begins with this series.
  TilePtr get(std::uint64_t block, SeriesIndex series, std::uint32_t place);
  // Whether it is worth keeping: from the second time on that it is missed, so that what is read once,
  // such as by a scan of everything, neither costs a copy nor pushes others out. Once there is no
  // room only some are let in: queries that go round in more than fits would replace all each time.
  bool admits(std::uint64_t block, SeriesIndex series, std::uint32_t place);
  void put(std::uint64_t block, SeriesIndex series, std::uint32_t place, TilePtr tile);
  void forget(std::uint64_t block);
  std::size_t size() const;
  std::size_t size_max() const { return bytes_max_; }

 private:
  struct Slot {
    std::uint64_t block = 0;
    SeriesIndex series = 0;
    std::uint32_t place = 0;
    TilePtr tile;         // none: the slot is free
    bool recent = false;  // asked for since the hand came by
  };
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::vector<Slot> slots HF_GUARDED_BY(mutex);  // a power of two, at most three quarters taken
    std::size_t taken HF_GUARDED_BY(mutex) = 0;
    std::size_t bytes HF_GUARDED_BY(mutex) = 0;
    std::size_t hand HF_GUARDED_BY(mutex) = 0;
    std::uint32_t turn HF_GUARDED_BY(mutex) = 0;
    std::vector<std::uint32_t> missed
        HF_GUARDED_BY(mutex);  // part of a hash, where another part says
  };
  static constexpr std::size_t kShardCount = 16;
  static constexpr std::size_t kMissedCount = 16384;  // 1 MiB in all shards

  static std::uint64_t hash(std::uint64_t block, SeriesIndex series, std::uint32_t place);
  static std::size_t slot_of(const Shard& shard, std::uint64_t hash, std::uint64_t block,
                             SeriesIndex series, std::uint32_t place);
  static void erase(Shard& shard, std::size_t at, std::vector<TilePtr>& dropped);
  static void grow(Shard& shard);

  const std::size_t bytes_max_;
  std::vector<Shard> shards_;
};

}  // namespace holdfast::metrics
