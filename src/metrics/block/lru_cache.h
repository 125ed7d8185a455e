// metrics/block/lru_cache.h: a bounded map, least recently used out first.
//
// Memory      Bounded by the size the owner told; an entry that is in use lives on with its user. What
//             is larger than the bound alone is not kept.
// Threads     From any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/check.h"

namespace holdfast::metrics {

class LruCache {
 public:
  using Value = std::shared_ptr<const void>;
  struct Key {
    std::uint64_t block = 0;
    std::uint32_t kind = 0;
    std::uint32_t number = 0;
    bool operator==(const Key&) const = default;
  };

  explicit LruCache(std::size_t size_max) : size_max_(size_max) {}
  Value get(const Key& key);
  void put(const Key& key, Value value, std::size_t size);
  void forget(std::uint64_t block);  // the block closed
  std::size_t size() const;          // bytes

 private:
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept {
      const std::uint64_t low = (std::uint64_t{key.kind} << 32) | key.number;
      return (key.block * 0x9e3779b97f4a7c15ULL) ^ (low * 0xc2b2ae3d27d4eb4fULL);
    }
  };
  struct Entry {
    Key key;
    Value value;
    std::size_t size;
  };
  using Entries = std::list<Entry>;

  const std::size_t size_max_;
  mutable std::mutex mutex_;
  Entries entries_ HF_GUARDED_BY(mutex_);  // most recently used first
  std::unordered_map<Key, Entries::iterator, Hash> places_ HF_GUARDED_BY(mutex_);
  std::size_t size_ HF_GUARDED_BY(mutex_) = 0;
};

}  // namespace holdfast::metrics
