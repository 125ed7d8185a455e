// metrics/block/block.h: an immutable file of many series' samples over a span of time.
//
// Purpose     BlockWriter writes one from series in label order; Block opens it, finds series by matchers and
//             reads their samples.
// Layout      Column groups (metrics/codec) of neighbouring series | time columns, each stored once and
//             shared by the series of a scrape | histogram chunks | index: symbols, labels by column,
//             where each series' data lies | footer. docs/formats/block.md draws the file.
// Invariants  Series are sorted by labels, each once; within a series timestamps strictly increase. A
//             block never changes after its rename into place; what is deleted stands in tombstones
//             beside it.
// Memory      Opening reads the footer only. The index is decoded at first use and held by a cache
//             bounded in bytes; column groups likewise.
// Units       Timestamps are milliseconds, sizes bytes. Times are closed ranges.
// Threads     BlockWriter from one thread; Block from any at once; a Cursor from one at a time.
// Errors      kDataLoss when the bytes are not what BlockWriter wrote: the owner sets the block aside.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "metrics/codec/column_group.h"
#include "metrics/store.h"

namespace holdfast::metrics {

struct BlockMeta {
  Timestamp min_time = 0;
  Timestamp max_time = 0;
  std::uint64_t series_count = 0;
  std::uint64_t sample_count = 0;
  std::uint64_t wal_segment = 0;  // everything in log segments before this one is in this block or an older one
  std::uint32_t level = 1;        // 1 from memory; a merge is one more than its highest source
  std::int64_t resolution = 0;    // milliseconds between samples of a downsampled block; 0 is raw
  std::vector<std::string> sources;  // names of the blocks a merge replaces: a crash between rename and
                                     // removal leaves both, and open drops the sources
};

struct BlockWriterOptions {
  Effort effort = Effort::kFast;
  std::uint32_t level = 1;
  std::uint64_t wal_segment = 0;
  std::int64_t resolution = 0;
  std::vector<std::string> sources;
};

// Writes path.tmp, syncs, renames to <folder>/<name>, syncs the folder. After an error or without
// finish() nothing is left but, at worst, the temporary file, which the next open removes.
class BlockWriter {
 public:
  static Result<std::unique_ptr<BlockWriter>> create(FileSystem& files, const std::string& folder,
                                                     const std::string& name,
                                                     const BlockWriterOptions& options);
  virtual ~BlockWriter() = default;
  // In ascending label order, each series once, at least one sample. Equal `times` pointers cost
  // nothing; equal times behind other pointers are found by content.
  virtual Result<void> add(const LabelViews& labels, const SeriesData& data) = 0;
  virtual Result<BlockMeta> finish() = 0;
};

using SeriesIndex = std::uint32_t;  // position of a series within its block

class BlockIndex;  // block_index.h

class Block : public std::enable_shared_from_this<Block> {
 public:
  struct Caches;  // shared by all blocks of a store; block_cache.h
  struct CacheSizes {
    std::size_t indexes = 256u << 20;
    std::size_t groups = 128u << 20;  // column groups and timestamps
    std::size_t decoded = 0;          // values; 0 keeps none
  };
  static std::shared_ptr<Caches> make_caches(const CacheSizes& sizes);

  static Result<std::shared_ptr<const Block>> open(FileSystem& files, const std::string& path,
                                                   std::shared_ptr<Caches> caches);
  // A block read through `file`; `path` names it, and its tombstones lie beside that on the disk.
  static Result<std::shared_ptr<const Block>> open_remote(FileSystem& files, const std::string& path,
                                                          std::unique_ptr<File> file,
                                                          std::shared_ptr<Caches> caches);
  virtual ~Block() = default;

  virtual const BlockMeta& meta() const = 0;
  virtual const std::string& path() const = 0;
  virtual std::uint64_t size() const = 0;
  virtual bool remote() const { return false; }  // there is no file at path()
  bool overlaps(Timestamp from, Timestamp to) const {
    return meta().min_time <= to && meta().max_time >= from;
  }

  // A view of the index that keeps it alive: label bytes are valid as long as it is held.
  class View {
   public:
    virtual ~View() = default;
    // Ascending. Series whose span does not touch [from, to] are left out; no matchers: all of them.
    virtual std::vector<SeriesIndex> select(const std::vector<Matcher>& matchers, Timestamp from,
                                            Timestamp to) const = 0;
    virtual std::optional<SeriesIndex> find(const LabelViews& labels) const = 0;
    virtual std::size_t series_count() const = 0;
    virtual void labels(SeriesIndex series, LabelViews& out) const = 0;
    virtual std::string_view label(SeriesIndex series, std::string_view name) const = 0;
    // Less than 0, 0 or more, as the labels of this view's series order against those of the other's.
    virtual int compare(SeriesIndex series, const LabelViews& other) const = 0;
    virtual Timestamp min_time(SeriesIndex series) const = 0;
    virtual Timestamp max_time(SeriesIndex series) const = 0;
    virtual std::uint64_t sample_count(SeriesIndex series) const = 0;
    // Sorted; over all series of the block, from the index alone.
    virtual std::vector<std::string_view> label_names() const = 0;
    virtual std::vector<std::string_view> label_values(std::string_view name) const = 0;
  };
  virtual Result<std::shared_ptr<const View>> view() const = 0;

  // Reads series one after another; neighbours share open column groups and expanded times.
  class Cursor {
   public:
    virtual ~Cursor() = default;
    // Replaces `out` by the series' samples in [from, to], those under tombstones left out. Series with
    // the same times in the range get the same `times` pointer, as long as this cursor lives.
    virtual Result<void> read(SeriesIndex series, Timestamp from, Timestamp to, SeriesData& out) = 0;
  };
  virtual Result<std::unique_ptr<Cursor>> cursor() const = 0;

  // Hides samples from every later read, durably (<path>.tombstones, rewritten atomically).
  virtual Result<void> hide(const std::vector<SeriesIndex>& series, Timestamp from, Timestamp to) const = 0;
  virtual bool has_tombstones() const = 0;
};
using BlockPtr = std::shared_ptr<const Block>;

// Merges blocks into one file: series joined by labels, samples by time (of two at one time the one of
// the later block in `sources` stays), hidden samples left out. Reads and writes in a stream: memory
// is that of one column group a source.
// Nothing is written, and nullopt returned, when no sample is left.
Result<std::optional<BlockMeta>> merge_blocks(FileSystem& files, const std::vector<BlockPtr>& sources,
                                              const std::string& folder, const std::string& name,
                                              const BlockWriterOptions& options, Timestamp from,
                                              Timestamp to, std::stop_token stop);

}  // namespace holdfast::metrics
