#include "metrics/objects/remote_file.h"

#include <algorithm>

#include "base/check.h"

namespace holdfast::metrics {

RemoteReader::RemoteReader(Clock& clock, FileSystem& files, ObjectStore& objects,
                           std::string prefix, std::string cache_folder, std::uint64_t cache_bytes)
    : clock_(clock),
      objects_(objects),
      prefix_(std::move(prefix)),
      cache_(files, std::move(cache_folder), cache_bytes) {}

Result<std::string> RemoteReader::fetch(const Manifest& manifest, std::uint64_t offset,
                                        std::size_t size) {
  {
    const std::lock_guard lock(mutex_);
    if (away_ && clock_.mono() < away_until_) return *away_;
  }
  requests_.fetch_add(1, std::memory_order_relaxed);
  auto got = objects_.get(key(manifest.id, ".blk"), offset, size);
  if (got) {
    bytes_.fetch_add(got->size(), std::memory_order_relaxed);
    return got;
  }
  Error why = std::move(got).error();
  const Code code = why.code();
  if (code == Code::kCanceled) return why;
  if (code == Code::kNotFound || code == Code::kDataLoss)
    return Error(Code::kDataLoss, why.message());
  HF_PROBE("objects: bucket away while reading");
  why = unavailable(why.message());
  const std::lock_guard lock(mutex_);
  away_ = why;
  away_until_ = clock_.mono() + kRestTime;
  return why;
}

Result<std::string> RemoteReader::read(const Manifest& manifest, std::uint64_t offset,
                                       std::size_t size) {
  return cache_.read(
      manifest.id, manifest.size, offset, size,
      [&](std::uint64_t at, std::size_t count) { return fetch(manifest, at, count); });
}

Result<std::string> RemoteFile::read_at(std::uint64_t offset, std::size_t size) {
  if (offset >= manifest_.size) return std::string();
  size = static_cast<std::size_t>(std::min<std::uint64_t>(size, manifest_.size - offset));
  if (offset + size <= manifest_.head.size())
    return manifest_.head.substr(static_cast<std::size_t>(offset), size);
  const std::uint64_t tail = manifest_.size - manifest_.tail.size();
  if (offset >= tail) return manifest_.tail.substr(static_cast<std::size_t>(offset - tail), size);
  return reader_->read(manifest_, offset, size);
}

}  // namespace holdfast::metrics
