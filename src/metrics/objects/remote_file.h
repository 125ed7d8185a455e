// metrics/objects/remote_file.h: a block in the bucket, read like a file.
//
// Purpose     RemoteFile answers what the manifest holds from memory, all else from the page cache, and what is
//             not there by ranged reads of the object.
// Errors      A bucket that cannot be reached is kUnavailable and names the place; for kRestTime after it
//             every further read answers so at once, so that one query does not wait a hundred times.
//             An object that is gone or shorter than it was is kDataLoss.
// Threads     From any thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/files.h"
#include "base/objects.h"
#include "metrics/objects/manifest.h"
#include "metrics/objects/page_cache.h"

namespace holdfast::metrics {

// What all remote files of a store share.
class RemoteReader {
 public:
  static constexpr Duration kRestTime = 2s;

  RemoteReader(Clock& clock, FileSystem& files, ObjectStore& objects, std::string prefix,
               std::string cache_folder, std::uint64_t cache_bytes);
  Result<void> open() { return cache_.open(); }

  std::string key(const std::string& id, std::string_view suffix) const {
    return prefix_ + id + std::string(suffix);
  }
  Result<std::string> read(const Manifest& manifest, std::uint64_t offset, std::size_t size);
  void forget(const std::string& id) { cache_.forget(id); }

  PageCache::Stats cache() const { return cache_.stats(); }
  std::uint64_t requests() const { return requests_.load(std::memory_order_relaxed); }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  Result<std::string> fetch(const Manifest& manifest, std::uint64_t offset, std::size_t size);

  Clock& clock_;
  ObjectStore& objects_;
  const std::string prefix_;
  PageCache cache_;
  std::mutex mutex_;  // guards the next two
  std::optional<Error> away_;
  MonoTime away_until_{};
  std::atomic<std::uint64_t> requests_{0};  // counters: nothing is ordered by them
  std::atomic<std::uint64_t> bytes_{0};
};

class RemoteFile final : public File {
 public:
  RemoteFile(std::shared_ptr<RemoteReader> reader, Manifest manifest)
      : reader_(std::move(reader)), manifest_(std::move(manifest)) {}
  Result<std::string> read_at(std::uint64_t offset, std::size_t size) override;
  Result<std::uint64_t> size() override { return manifest_.size; }
  // A block never changes.
  Result<void> append(std::string_view) override { return refused(); }
  Result<void> write_at(std::uint64_t, std::string_view) override { return refused(); }
  Result<void> truncate(std::uint64_t) override { return refused(); }
  Result<void> sync() override { return {}; }

 private:
  static Result<void> refused() { return internal("a block in a bucket is not written to"); }
  const std::shared_ptr<RemoteReader> reader_;
  const Manifest manifest_;
};

}  // namespace holdfast::metrics
