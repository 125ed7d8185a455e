// metrics/block.h: an immutable file of many series' samples over a span of time.
//
// Purpose     write_block() writes one; Block opens it and finds and reads series in it.
// Invariants  Series are sorted by labels, each once; a block never changes after its rename into
//             place.
// Units       Timestamps are milliseconds, sizes bytes.
// Threads     write_block() from one thread; Block from any at once.
// Errors      kDataLoss when the bytes are not what write_block() wrote: the owner sets the block
//             aside.
// Source      docs/formats/block.md draws the file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "metrics/chunk.h"
#include "model/labels.h"
#include "model/matcher.h"

namespace holdfast::metrics {

struct BlockFooter {
  std::uint64_t index_offset = 0;
  std::uint64_t index_size = 0;
  std::uint64_t index_raw_size = 0;
  std::uint32_t index_crc = 0;
  model::Timestamp min_time = 0;
  model::Timestamp max_time = 0;
  std::uint64_t wal_segment =
      0;  // everything in log segments before this one is in this block or older
  std::uint64_t series_count = 0;
  std::uint64_t sample_count = 0;
};

struct BlockInput {
  std::size_t series_count = 0;
  // Called once for each series, in the order of labels.
  std::function<model::Labels(std::size_t)> labels;
  std::function<const std::vector<ChunkPtr>&(std::size_t)> chunks;  // never empty
  std::uint64_t wal_segment = 0;
};
// Writes path.tmp, syncs, renames to `path`, syncs the folder. On an error nothing is left but, at
// worst, the temporary file, which the next open removes.
Result<BlockFooter> write_block(FileSystem& files, const std::string& folder,
                                const std::string& name, const BlockInput& input);

// The decoded index of a block.
struct BlockIndex {
  struct Pair {
    std::uint32_t name;
    std::uint32_t value;
  };
  struct Group {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint64_t raw_size = 0;
    std::uint32_t crc = 0;
  };
  struct Series {
    std::uint32_t pair_begin = 0;
    std::uint32_t pair_count = 0;
    std::uint32_t group = 0;
    std::uint32_t offset = 0;  // in the expanded group
    model::Timestamp min_time = 0;
    model::Timestamp max_time = 0;
  };
  std::vector<std::string> symbols;
  std::vector<Pair> pairs;
  std::vector<Group> groups;
  std::vector<Series> series;

  model::Labels labels(std::size_t series_index) const;
  // Indices of the series that all matchers accept and whose span touches [from, to], ascending.
  std::vector<std::uint32_t> select(const std::vector<model::Matcher>& matchers,
                                    model::Timestamp from, model::Timestamp to) const;
  std::optional<std::uint32_t> find(const model::Labels& labels) const;
};
using BlockIndexPtr = std::shared_ptr<const BlockIndex>;
Result<BlockIndex> decode_block_index(std::string_view raw, std::uint64_t data_size);
Result<BlockFooter> decode_block_footer(std::string_view bytes);

class Block {
 public:
  static Result<std::shared_ptr<const Block>> open(FileSystem& files, const std::string& path);

  const BlockFooter& footer() const { return footer_; }
  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  bool overlaps(model::Timestamp from, model::Timestamp to) const {
    return footer_.min_time <= to && footer_.max_time >= from;
  }
  // Loaded when first asked for; kept as long as anyone holds it.
  Result<BlockIndexPtr> index() const;

  // Reads series one after another; neighbours share the last expanded group.
  class Cursor {
   public:
    Cursor(std::shared_ptr<const Block> block, BlockIndexPtr index)
        : block_(std::move(block)), index_(std::move(index)) {}
    // Appends the series' samples in [from, to].
    Result<void> read(std::uint32_t series_index, model::Timestamp from, model::Timestamp to,
                      Samples& out);
    const BlockIndex& index() const { return *index_; }
    const std::shared_ptr<const Block>& block() const { return block_; }

   private:
    std::shared_ptr<const Block> block_;
    BlockIndexPtr index_;
    std::string group_;
    std::uint32_t group_index_ = UINT32_MAX;
  };

 private:
  std::string path_;
  std::unique_ptr<File> file_;
  std::uint64_t size_ = 0;
  BlockFooter footer_;
  mutable std::mutex mutex_;
  mutable std::weak_ptr<const BlockIndex> index_;
};

inline constexpr std::string_view kBlockMagic = "HFBLK01\n";
inline constexpr std::size_t kBlockFooterSize = 80;
inline constexpr std::size_t kBlockGroupSize = 64 * 1024;  // a group is closed at this size
inline constexpr std::size_t kBlockGroupSizeMax = 1 << 30;
inline constexpr std::size_t kBlockIndexSizeMax = std::size_t{4} << 30;
std::string encode_block_footer(const BlockFooter& footer);

}  // namespace holdfast::metrics
