#include "metrics/block/block_cache.h"

namespace holdfast::metrics {

LruCache::Value LruCache::get(const Key& key) {
  const std::lock_guard lock(mutex_);
  const auto it = places_.find(key);
  if (it == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, it->second);
  return it->second->value;
}

void LruCache::put(const Key& key, Value value, std::size_t size) {
  Entries dropped;  // values are freed after the lock
  const std::lock_guard lock(mutex_);
  if (size > size_max_) return;
  if (const auto it = places_.find(key); it != places_.end()) {
    size_ -= it->second->size;
    dropped.splice(dropped.begin(), entries_, it->second);
    places_.erase(it);
  }
  entries_.push_front({key, std::move(value), size});
  places_[key] = entries_.begin();
  size_ += size;
  while (size_ > size_max_) {
    const auto last = std::prev(entries_.end());
    size_ -= last->size;
    places_.erase(last->key);
    dropped.splice(dropped.begin(), entries_, last);
  }
}

void LruCache::forget(std::uint64_t block) {
  Entries dropped;
  const std::lock_guard lock(mutex_);
  for (auto it = entries_.begin(); it != entries_.end();) {
    const auto next = std::next(it);
    if (it->key.block == block) {
      size_ -= it->size;
      places_.erase(it->key);
      dropped.splice(dropped.begin(), entries_, it);
    }
    it = next;
  }
}

std::size_t LruCache::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

std::shared_ptr<Block::Caches> Block::make_caches(const CacheSizes& sizes) {
  return std::make_shared<Caches>(sizes);
}

}  // namespace holdfast::metrics
