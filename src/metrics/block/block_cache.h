// metrics/block/block_cache.h: what blocks keep decoded, least recently used out first.
//
// Purpose     All blocks of a store share three of these: indexes, column groups with timestamps, and
//             decoded values.
// Threads     From any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "metrics/block/block.h"
#include "metrics/block/decoded_columns.h"
#include "metrics/block/lru_cache.h"

namespace holdfast::metrics {

struct Block::Caches {
  explicit Caches(const CacheSizes& sizes)
      : indexes(sizes.indexes), groups(sizes.groups), decoded(sizes.decoded) {}
  std::size_t memory_size() const { return indexes.size() + groups.size() + decoded.size(); }
  void forget(std::uint64_t block) {
    indexes.forget(block);
    groups.forget(block);
    decoded.forget(block);
  }

  LruCache indexes;
  LruCache groups;
  DecodedColumns decoded;
  std::atomic<std::uint64_t> next_block{1};  // relaxed: only to differ
};

}  // namespace holdfast::metrics
