// metrics/block/block_file.h: a block as it lies on disk; what Block::open() gives.
//
// Purpose     Reads regions by place, checks them, and keeps what it decoded in the shared caches.
// Errors      Every error names the file; damage also the region and where it lies.
// Threads     From any thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "metrics/block/block_cache.h"
#include "metrics/block/block_index.h"
#include "metrics/block/tombstones.h"

namespace holdfast::metrics {

using BlockIndexPtr = std::shared_ptr<const BlockIndex>;
using ColumnGroupPtr = std::shared_ptr<const ColumnGroup>;
using TimesPage = std::shared_ptr<const std::vector<TimesPtr>>;

// A merge reads everything once: what it decodes would only push out what queries need.
enum class CacheUse { kKeep, kPass };

class BlockFileCursor : public Block::Cursor {
 public:
  virtual std::size_t times_held() const = 0;  // timestamps it keeps so that equal ones are shared
};

class BlockFile final : public Block {
 public:
  ~BlockFile() override;
  const BlockMeta& meta() const override { return footer_.meta; }
  const std::string& path() const override { return path_; }
  std::uint64_t size() const override { return size_; }
  bool remote() const override { return remote_; }
  Result<std::shared_ptr<const View>> view() const override;
  Result<std::unique_ptr<Cursor>> cursor() const override;
  Result<void> hide(const std::vector<SeriesIndex>& series, Timestamp from,
                    Timestamp to) const override;
  bool has_tombstones() const override { return !tombstones()->empty(); }

  Result<std::unique_ptr<BlockFileCursor>> cursor(CacheUse use) const;
  Result<BlockIndexPtr> index() const;
  Result<ColumnGroupPtr> group(const BlockIndex& index, std::uint32_t number, CacheUse use) const;
  Result<TimesPage> page(const BlockIndex& index, std::uint32_t number, CacheUse use) const;
  Result<std::vector<model::HistogramPtr>> piece(const BlockIndex& index,
                                                 const BlockIndex::Piece& piece) const;
  bool keeps_decoded() const { return caches_->decoded.size_max() > 0; }
  // Decoded values that queries share; see Tile for `place`.
  TilePtr tile(SeriesIndex series, std::uint32_t place) const {
    return caches_->decoded.get(id_, series, place);
  }
  bool worth_keeping(SeriesIndex series, std::uint32_t place) const {
    return caches_->decoded.admits(id_, series, place);
  }
  void keep(SeriesIndex series, std::uint32_t place, TilePtr tile) const {
    caches_->decoded.put(id_, series, place, std::move(tile));
  }
  std::shared_ptr<const Tombstones> tombstones() const;
  std::uint64_t tombstones_version() const { return version_.load(std::memory_order_acquire); }

 private:
  friend class Block;
  static Result<std::shared_ptr<const Block>> open_with(FileSystem& files, const std::string& path,
                                                        std::unique_ptr<File> file,
                                                        std::shared_ptr<Caches> caches);
  Result<void> read_footer();
  Result<void> read_tombstones();
  Result<std::string> read_part(const PartPlace& part, std::string_view what) const;
  Result<BlockIndexPtr> read_index() const;
  Result<std::string> read_region(const BlockIndex& index, std::uint32_t region) const;

  FileSystem* files_ = nullptr;
  std::string path_;
  std::unique_ptr<File> file_;
  bool remote_ = false;
  std::uint64_t size_ = 0;
  std::uint64_t id_ = 0;
  BlockFooter footer_;
  std::shared_ptr<Caches> caches_;

  mutable std::mutex index_mutex_;  // one thread decodes, the others wait for it
  mutable std::weak_ptr<const BlockIndex> index_ HF_GUARDED_BY(index_mutex_);

  mutable std::mutex tombstones_mutex_;
  mutable std::shared_ptr<const Tombstones> tombstones_ HF_GUARDED_BY(tombstones_mutex_);
  // Steps after tombstones_ is replaced: a cursor asks for them again when it sees another number.
  mutable std::atomic<std::uint64_t> version_{1};
};

}  // namespace holdfast::metrics
