// metrics/levels/level_file.h: the buckets of all series of one block, at one resolution, as a file.
//
// Purpose     write_level() sums a block up; LevelFile finds series in the result and reads them.
// Layout      An ordinary block. Each series of the source stands in it once for each number of a LevelBucket,
//             told apart by a label with the empty name, which sorts before all others: so the counts of
//             all series are neighbours, then the sums, and each number of a series is a known distance
//             from the others. Timestamps are ends of buckets. docs/formats/block.md draws it.
// Histograms  A series with native histograms keeps, instead of buckets, the samples that rates need:
//             the first and last of each bucket, and both sides of each reset.
// Memory      Writing reads the source as often as keeps what it gathers within kLevelMemoryMax.
// Threads     A LevelFile from any at once; a LevelReader from one at a time.
// Errors      kDataLoss as Block's.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "metrics/block/block.h"
#include "metrics/levels/buckets.h"

namespace holdfast::metrics {

// In the order of the file. Distances count back from the end of the bucket.
enum class LevelColumn : unsigned {
  kCount,
  kSum,
  kMin,  // the staleness marker: as the first
  kMax,  // the staleness marker: as the last
  kFirst,
  kLast,
  kFirstBack,
  kLastBack,
  kDrops,
  kStale,
};
inline constexpr unsigned kLevelColumns = 10;
inline constexpr std::size_t kLevelMemoryMax = 64 << 20;  // bytes of gathered columns

class LevelFile;
using LevelFilePtr = std::shared_ptr<const LevelFile>;

// Reads series after series of one LevelFile.
class LevelReader {
 public:
  LevelReader(LevelFilePtr file, std::size_t series_count);
  // Buckets whose end lies in [from, to], numbers not asked for left 0. Replaces `out`.
  Result<void> read(SeriesIndex series, Timestamp from, Timestamp to, unsigned fields,
                    std::vector<LevelBucket>& out);
  // Of a series with histograms: the samples kept, in [from, to].
  Result<void> read_samples(SeriesIndex series, Timestamp from, Timestamp to, SeriesData& out);

 private:
  Result<bool> read_column(LevelColumn column, SeriesIndex series, Timestamp from, Timestamp to);

  LevelFilePtr file_;
  const std::size_t series_count_;  // with buckets
  std::array<std::unique_ptr<Block::Cursor>, kLevelColumns + 1> cursors_;
  SeriesData data_;
};

class LevelFile : public std::enable_shared_from_this<LevelFile> {
 public:
  static Result<LevelFilePtr> open(FileSystem& files, const std::string& path,
                                   std::shared_ptr<Block::Caches> caches);
  const BlockPtr& block() const { return block_; }
  std::int64_t resolution() const { return block_->meta().resolution; }
  const std::string& source() const { return source_; }  // name of the block it sums up
  // The times its samples may have had.
  Timestamp begin() const { return block_->meta().min_time - resolution() + 1; }
  Timestamp end() const { return block_->meta().max_time; }
  bool overlaps(Timestamp from, Timestamp to) const { return begin() <= to && end() >= from; }
  // Buckets of all series, about.
  std::uint64_t bucket_count() const { return block_->meta().sample_count / kLevelColumns; }

  // Series that match and may have had samples in [from, to].
  struct Found {
    std::shared_ptr<const Block::View> view;
    std::size_t series_count = 0;           // with buckets, in the file
    std::vector<SeriesIndex> with_buckets;  // below series_count
    std::vector<SeriesIndex> with_samples;  // histograms; index in the file
  };
  Result<Found> find(const std::vector<Matcher>& matchers, Timestamp from, Timestamp to) const;
  // Without the label that names the number.
  static void labels(const Block::View& view, SeriesIndex series, LabelViews& out);
  // Of the labels of a series that was found; kept for the next who asks.
  Fingerprint fingerprint_of(const Found& found, SeriesIndex series) const;

 private:
  LevelFile(BlockPtr block, std::string source)
      : block_(std::move(block)), source_(std::move(source)) {}
  BlockPtr block_;
  std::string source_;
  mutable std::mutex mutex_;
  mutable std::optional<std::size_t> with_buckets_;  // how many series; worked out once
  mutable std::vector<Fingerprint> fingerprints_;    // zero: not yet
};

struct LevelWrite {
  std::string folder;
  std::string name;
  std::string source;  // name of the block
  std::int64_t resolution = 0;
  std::stop_token stop;
};
// Of a block's samples, or of a finer level of it. False, and nothing written, without any sample left.
Result<bool> write_level(FileSystem& files, const BlockPtr& source, const LevelWrite& level);
Result<bool> write_level(FileSystem& files, const LevelFilePtr& finer, const LevelWrite& level);

}  // namespace holdfast::metrics
