#include "metrics/objects/page_cache.h"

#include <algorithm>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "base/text.h"

namespace holdfast::metrics {

namespace {
constexpr std::size_t kCrcSize = 4;
// What one request may fetch: a larger read takes several.
constexpr std::size_t kFetchPagesMax = 32;
}  // namespace

PageCache::PageCache(FileSystem& files, std::string folder, std::uint64_t size_max)
    : files_(files), folder_(std::move(folder)), size_max_(size_max) {}

std::string PageCache::path(const Key& key) const {
  return folder_ + "/" + key.first + "." + std::to_string(key.second);
}

Result<void> PageCache::open() {
  HF_TRY(files_.create_directories(folder_));
  std::vector<std::pair<WallTime, Entry>> found;
  for (const FileInfo& file : HF_TRY(files_.list(folder_))) {
    const auto dot = file.name.rfind('.');
    const auto page = dot == std::string::npos
                          ? std::nullopt
                          : parse_int(std::string_view(file.name).substr(dot + 1));
    if (!page || *page < 0) continue;
    found.push_back({file.modified,
                     {{file.name.substr(0, dot), static_cast<std::uint64_t>(*page)}, file.size}});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second.key < b.second.key;
  });
  const std::lock_guard lock(mutex_);
  for (auto& [time, entry] : found) {
    stats_.bytes += entry.size;
    entries_.push_back(std::move(entry));
    places_[entries_.back().key] = std::prev(entries_.end());
  }
  return {};
}

bool PageCache::claim(const Key& key) {
  std::unique_lock lock(mutex_);
  if (!fetching_.contains(key)) {
    fetching_.insert(key);
    return true;
  }
  fetched_.wait(lock, [&] { return !fetching_.contains(key); });
  return false;
}

void PageCache::release(const Key& key) {
  const std::lock_guard lock(mutex_);
  fetching_.erase(key);
  fetched_.notify_all();
}

// kNotFound when it is not kept, or not as it was written.
Result<std::string> PageCache::load(const Key& key, std::size_t size) {
  {
    const std::lock_guard lock(mutex_);
    const auto place = places_.find(key);
    if (place == places_.end()) return not_found("page");
    entries_.splice(entries_.begin(), entries_, place->second);
  }
  auto bytes = files_.read_file(path(key));
  if (bytes && bytes->size() == size + kCrcSize) {
    const std::string_view page = std::string_view(*bytes).substr(0, size);
    if (ByteReader(std::string_view(*bytes).substr(size)).u32() == crc32c(page)) {
      bytes->resize(size);
      const std::lock_guard lock(mutex_);
      ++stats_.hits;
      return std::move(*bytes);
    }
  }
  HF_PROBE("objects: a kept page was not what was written");
  drop(key);
  return not_found("page");
}

void PageCache::drop(const Key& key) {
  {
    const std::lock_guard lock(mutex_);
    const auto place = places_.find(key);
    if (place == places_.end()) return;
    stats_.bytes -= place->second->size;
    entries_.erase(place->second);
    places_.erase(place);
  }
  (void)files_.remove(path(key));
}

void PageCache::keep(const Key& key, std::string_view bytes) {
  const std::uint64_t size = bytes.size() + kCrcSize;
  if (size > size_max_) return;
  ByteWriter out;
  out.raw(bytes);
  out.u32(crc32c(bytes));
  const auto write = [&]() -> Result<void> {
    auto file = HF_TRY(files_.open(path(key), OpenMode::kCreate));
    return file->append(out.str());  // not synced: what a crash tears is fetched again
  };
  if (!write()) {
    (void)files_.remove(path(key));
    return;
  }
  std::vector<Key> gone;
  {
    const std::lock_guard lock(mutex_);
    if (places_.contains(key)) return;
    entries_.push_front({key, size});
    places_[key] = entries_.begin();
    stats_.bytes += size;
    std::uint64_t left = stats_.bytes;
    for (auto it = entries_.rbegin(); it != entries_.rend() && left > size_max_; ++it) {
      left -= it->size;
      gone.push_back(it->key);
    }
  }
  for (const Key& old : gone) drop(old);
}

void PageCache::forget(const std::string& object) {
  std::vector<Key> gone;
  {
    const std::lock_guard lock(mutex_);
    for (auto it = places_.lower_bound({object, 0});
         it != places_.end() && it->first.first == object; ++it)
      gone.push_back(it->first);
  }
  for (const Key& key : gone) drop(key);
}

Result<std::string> PageCache::read(const std::string& object, std::uint64_t object_size,
                                    std::uint64_t offset, std::size_t size, const Fetch& fetch) {
  if (size == 0) return std::string();
  const std::uint64_t end = offset + size;
  const auto page_size = [&](std::uint64_t page) {
    return static_cast<std::size_t>(
        std::min(kPageSize, object_size - std::min(object_size, page * kPageSize)));
  };
  std::string out;
  out.reserve(size);
  const auto take = [&](std::uint64_t page, std::string_view bytes) {
    const std::uint64_t begin = page * kPageSize;
    const std::uint64_t from = std::max(offset, begin) - begin;
    const std::uint64_t to = std::min(end, begin + bytes.size()) - begin;
    out.append(bytes.substr(from, to - from));
  };
  const std::uint64_t last = (end - 1) / kPageSize;
  for (std::uint64_t page = offset / kPageSize; page <= last;) {
    if (auto kept = load({object, page}, page_size(page))) {
      take(page++, *kept);
      continue;
    }
    if (!claim({object, page})) continue;  // another reader fetched it meanwhile
    // A run of missing pages is one request.
    std::uint64_t next = page + 1;
    const auto missing = [&](std::uint64_t at) {
      const std::lock_guard lock(mutex_);
      const Key key{object, at};
      return !places_.contains(key) && fetching_.insert(key).second;
    };
    while (next <= last && next - page < kFetchPagesMax && missing(next)) ++next;
    std::size_t wanted = 0;
    for (std::uint64_t at = page; at < next; ++at) wanted += page_size(at);
    auto got = fetch(page * kPageSize, wanted);
    if (got && got->size() != wanted) got = Error(Code::kDataLoss, "the object ends early");
    std::size_t begin = 0;
    for (std::uint64_t at = page; at < next; ++at) {
      if (got) keep({object, at}, std::string_view(*got).substr(begin, page_size(at)));
      begin += page_size(at);
      release({object, at});
    }
    if (!got) return std::move(got).error();
    {
      const std::lock_guard lock(mutex_);
      stats_.misses += next - page;
    }
    for (begin = 0; page < next; begin += page_size(page), ++page)
      take(page, std::string_view(*got).substr(begin, page_size(page)));
  }
  return out;
}

PageCache::Stats PageCache::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace holdfast::metrics
