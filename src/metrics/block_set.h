// metrics/block_set.h: the blocks of a store: which there are, which are bad, which are too old.
//
// Threads     All from any thread at once. Readers hold the blocks they were handed; a block that
//             is dropped meanwhile is read to the end.
// Errors      A block that is not what was written is renamed to <name>.corrupt, named in
//             problems(), and the rest is served.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "metrics/block.h"

namespace holdfast::metrics {

using BlockPtr = std::shared_ptr<const Block>;

class BlockSet {
 public:
  BlockSet(FileSystem& files, std::string folder) : files_(files), folder_(std::move(folder)) {}
  // Finds the blocks of the folder, sets bad ones aside, removes what an interrupted write left.
  Result<void> open();

  // Writes a block and lists it.
  Result<void> write(const BlockInput& input);
  // Oldest first by the order of writing.
  std::vector<BlockPtr> overlapping(model::Timestamp from, model::Timestamp to) const;
  // The block's index, kept for a while for the next reader.
  Result<BlockIndexPtr> index(const BlockPtr& block);
  // The newest sample any block has of a series at `t` or later.
  Result<std::optional<model::Sample>> newest_sample(const model::Labels& labels,
                                                     model::Timestamp t);
  void set_aside(const Block& block, const Error& why);
  // Removes blocks that end before `floor`.
  Result<void> drop_before(model::Timestamp floor);

  model::Timestamp min_time() const;  // over all; kTimestampMax without any
  model::Timestamp max_time() const;  // kTimestampMin without any
  std::uint64_t size() const;         // bytes on disk
  std::uint64_t wal_segment() const;  // the first log segment that no block holds
  std::vector<std::string> problems() const;

 private:
  static constexpr std::size_t kIndexesKept = 8;

  FileSystem& files_;
  const std::string folder_;
  mutable std::mutex mutex_;  // guards all below; never held during I/O of readers
  std::vector<BlockPtr> blocks_;
  std::deque<BlockIndexPtr> indexes_;  // most recently used first
  std::vector<std::string> problems_;
  std::uint64_t next_ = 1;
};

}  // namespace holdfast::metrics
