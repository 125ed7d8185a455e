// metrics/objects/page_cache.h: pages of remote blocks kept on the disk, least recently read out first.
//
// Purpose     A read of a remote block takes the pages it touches from here; those that are missing and
//             neighbours are fetched in one request and kept.
// Limits      kPageSize bytes a page; all pages together hold at most size_max bytes on disk.
// Errors      Those of `fetch`. A page that cannot be written is simply not kept; one whose checksum is
//             wrong is fetched again.
// Threads     From any thread at once; two readers of one page make one request.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "base/files.h"

namespace holdfast::metrics {

class PageCache {
 public:
  static constexpr std::uint64_t kPageSize = 256 * 1024;

  struct Stats {
    std::uint64_t bytes = 0;
    std::uint64_t hits = 0;    // pages
    std::uint64_t misses = 0;  // pages
  };
  using Fetch = std::function<Result<std::string>(std::uint64_t offset, std::size_t size)>;

  PageCache(FileSystem& files, std::string folder, std::uint64_t size_max);
  // Finds what an earlier run kept.
  Result<void> open();
  // The bytes [offset, offset + size) of an object that ends at object_size or behind them.
  Result<std::string> read(const std::string& object, std::uint64_t object_size,
                           std::uint64_t offset, std::size_t size, const Fetch& fetch);
  void forget(const std::string& object);
  Stats stats() const;

 private:
  using Key = std::pair<std::string, std::uint64_t>;  // object, page
  struct Entry {
    Key key;
    std::uint64_t size = 0;  // on disk
  };
  using Entries = std::list<Entry>;

  std::string path(const Key& key) const;
  bool claim(const Key& key);  // true: the caller fetches it; false: look again
  void release(const Key& key);
  Result<std::string> load(const Key& key, std::size_t size);
  void keep(const Key& key, std::string_view bytes);
  void drop(const Key& key);

  FileSystem& files_;
  const std::string folder_;
  const std::uint64_t size_max_;
  mutable std::mutex mutex_;  // guards what follows; not held during I/O
  std::condition_variable fetched_;
  Entries entries_;  // most recently read first
  std::map<Key, Entries::iterator> places_;
  std::set<Key> fetching_;
  Stats stats_;
};

}  // namespace holdfast::metrics
