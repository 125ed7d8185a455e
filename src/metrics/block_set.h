// metrics/block_set.h: the blocks of a store: which there are, which are bad, which are too old; and the
// frozen samples that are on their way into one.
//
// Threads     All from any thread at once. Readers hold the layout they were handed; a block that is
//             dropped meanwhile is read to the end.
// Errors      A block that is not what was written is renamed to <name>.corrupt, named in
//             problems(), and the rest is served.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/files.h"
#include "metrics/block/block.h"
#include "metrics/head.h"

namespace holdfast::metrics {

// Fingerprints of a block's series, worked out for those that were asked for.
class BlockFingerprints {
 public:
  void get(const Block::View& view, const std::vector<SeriesIndex>& series,
           std::vector<Fingerprint>& out);

 private:
  std::mutex mutex_;
  std::vector<Fingerprint> known_;  // zero: not yet
};

// A label name or value, and from when to when series of the block have it.
struct LabelSpan {
  std::string text;
  Timestamp min_time = model::kTimestampMax;
  Timestamp max_time = model::kTimestampMin;
};

// The names of a block's labels and the values of those asked for, with their spans: worked out once.
class BlockLabelSpans {
 public:
  using Spans = std::shared_ptr<const std::vector<LabelSpan>>;
  Spans names(const Block::View& view);
  Spans values(const Block::View& view, const std::string& name);

 private:
  static constexpr std::size_t kNamesKept = 16;  // whose values are kept
  std::mutex mutex_;
  Spans names_;
  std::vector<std::pair<std::string, Spans>> values_;  // most lately asked first
};

// Samples of the head that a flush is writing.
struct Frozen {
  HeadCaptures captures;
  std::vector<std::uint32_t> place_of;  // by series id: index in captures.series + 1
};

struct Layout {
  struct Entry {
    BlockPtr block;
    std::shared_ptr<BlockFingerprints> fingerprints;
    std::shared_ptr<BlockLabelSpans> labels;
    static Entry of(BlockPtr block) {
      return {std::move(block), std::make_shared<BlockFingerprints>(),
              std::make_shared<BlockLabelSpans>()};
    }
  };
  std::vector<Entry> blocks;  // oldest first
  std::shared_ptr<const Frozen> frozen;
  std::uint64_t version = 0;  // of freezes
};

class BlockSet {
 public:
  BlockSet(FileSystem& files, std::string folder, std::size_t decoded_bytes_max);
  // Finds the blocks of the folder, sets bad ones aside, removes what an interrupted write or merge
  // left.
  Result<void> open();

  Layout layout() const;
  Layout layout_on_disk() const;  // without remote blocks
  std::uint64_t layout_version() const;
  // Calls `freeze` and shows its result to readers in the same instant.
  std::shared_ptr<const Frozen> freeze(const std::function<HeadCaptures()>& freeze);
  // The frozen samples are in blocks of the list now, or stay in the log alone (failed flush keeps them).
  void thaw();

  std::string next_name();
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  const std::string& folder() const { return folder_; }
  // Opens the file and lists it, and takes `replaced` off the list and off the disk; with `thaw` the
  // frozen samples go in the same instant.
  struct Replace {
    std::vector<std::string> added;  // names
    std::vector<BlockPtr> replaced;
    bool thaw = false;
  };
  Result<void> replace(const Replace& change);

  // Lists a block that is read through `file`, from a bucket.
  Result<void> add_remote(const std::string& name, std::unique_ptr<File> file);
  // From now on the block is read through `file`; its own goes.
  Result<void> make_remote(const BlockPtr& block, std::unique_ptr<File> file);
  void forget(const std::string& name);  // takes a block off the list

  // The newest sample any block on the disk has of a series at `t` or later.
  Result<std::optional<Sample>> newest_sample(const LabelViews& labels, Timestamp t);
  void set_aside(const Block& block, const Error& why) const;
  // Removes blocks that end before `floor`, and the oldest while those on the disk hold more than
  // `size_max` bytes (0: no limit). `before` hears of each first.
  using Before = std::function<Result<void>(const Block&)>;
  Result<void> drop(Timestamp floor, std::uint64_t size_max, const Before& before = nullptr);

  Timestamp min_time() const;         // over all; kTimestampMax without any
  Timestamp max_time() const;         // kTimestampMin without any
  std::uint64_t size() const;         // bytes on disk: remote blocks have none
  std::uint64_t wal_segment() const;  // the first log segment that no block holds
  std::vector<std::string> problems() const;

 private:
  void sort_locked() const;

  FileSystem& files_;
  const std::string folder_;
  std::shared_ptr<Block::Caches> caches_;
  mutable std::mutex mutex_;  // guards all below; never held during I/O
  mutable Layout layout_;
  mutable std::vector<std::string> problems_;
  std::uint64_t next_ = 1;
};

}  // namespace holdfast::metrics
