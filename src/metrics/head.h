// metrics/head.h: the newest samples of every series, in memory.
//
// Purpose     Finds or makes a series by its labels, takes samples, hands closed and open chunks to
//             readers, and gives up what was flushed or is too old.
// Invariants  Within a series timestamps strictly increase, across all its chunks.
// Threads     One writer at a time (the store's append lock) calls the methods marked "writer";
//             reads run beside it. Each of the 16 shards has a short mutex that the writer takes to
//             change a series and a reader takes to copy its chunk list; the writer itself reads
//             without it.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <vector>

#include "metrics/chunk.h"
#include "metrics/index.h"

namespace holdfast::metrics {

// Where a series lives: shard in the low 4 bits, slot above.
using Place = std::uint32_t;

struct HeadSeries {
  std::uint64_t hash = 0;          // of the labels
  SeriesId id = 0;                 // 0: the slot is free
  Place place = 0;                 // its own
  std::uint32_t logged_epoch = 0;  // the WAL epoch that knows its labels
  std::uint32_t pending = 0;       // writer's scratch: index + 1 of its newest sample in this batch
  bool idle = false;               // nothing came between the last two flushes
  ChunkBuilder open;
  std::vector<ChunkPtr> closed;  // sorted by time
};

// Chunks of one series, as one reader saw them.
struct HeadRead {
  SeriesId id = 0;
  std::vector<ChunkPtr> chunks;  // sorted by time, overlapping the asked range
};

class Head {
 public:
  static constexpr std::size_t kShardCount = 16;

  // Writer. The series with these labels, or null.
  HeadSeries* find(const model::Labels& labels, std::uint64_t hash);
  // Writer. The series of an id, or null when it is gone.
  HeadSeries* find(SeriesId id, Place place);
  // Writer. Makes a series that find() did not know.
  HeadSeries& create(const model::Labels& labels, std::uint64_t hash);
  static std::size_t shard_of(std::uint64_t hash) { return hash % kShardCount; }

  // Writer. Appends samples that were found to be in order; all of one shard.
  struct Add {
    HeadSeries* series;
    const model::Sample* sample;
  };
  void append(std::size_t shard, std::span<const Add> adds);

  // Reader. Chunks that overlap [from, to], series in the order of `ids`; those without are left
  // out.
  std::vector<HeadRead> read(const std::vector<SeriesId>& ids, model::Timestamp from,
                             model::Timestamp to) const;

  // Writer. Closes all open chunks and names every closed chunk: what a flush will write.
  std::vector<HeadRead> close_all();
  // Writer. Forgets chunks that a block now holds; series idle over two flushes go altogether.
  void drop_flushed(const std::vector<HeadRead>& flushed);
  // Writer. Forgets chunks that end before `floor`, and series whose newest sample is older.
  void drop_before(model::Timestamp floor);

  const Index& index() const { return index_; }
  std::uint64_t sample_count() const;
  std::uint64_t memory_size() const;
  // Over the samples in memory; min > max when there are none.
  std::pair<model::Timestamp, model::Timestamp> time_range() const;

 private:
  struct Shard {
    mutable std::mutex mutex;
    std::deque<HeadSeries> slots;
    std::vector<std::uint32_t> slots_free;
    std::vector<std::uint32_t> table;  // open addressing by hash: slot + 1; writer only
    std::size_t series_count = 0;
    std::uint64_t sample_count = 0;  // in memory
    std::uint64_t chunk_bytes = 0;   // of closed chunks
    std::uint64_t chunk_count = 0;   // closed
  };

  void insert_in_table(Shard& shard, std::uint32_t slot);
  void rebuild_table(Shard& shard);
  void close(Shard& shard, HeadSeries& series);
  void forget_chunk(Shard& shard, const Chunk& chunk);
  void remove_series(Shard& shard, std::uint32_t slot, std::vector<SeriesId>& gone);

  std::array<Shard, kShardCount> shards_;
  Index index_;
};

}  // namespace holdfast::metrics
