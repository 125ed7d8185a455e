// metrics/levels/level_set.h: the level files of a store: which there are, which are to be made.
//
// Purpose     Keeps <folder>/<block>.5m and <block>.1h beside the blocks they sum up, makes those that are
//             missing, and drops them by a retention of their own. A level whose block retention dropped
//             stays and is what is left of its samples.
// When        A block gets its levels once it lies kLevelAge behind the newest sample and the merges that
//             were due are done; when it is merged or samples of it are deleted they go and are made anew.
// Crashes     A file appears whole, by rename. At open a level of a block that a merge replaced is removed.
// Threads     All from any thread at once; making and removing under the store's compaction lock.
// Errors      A level that is not what was written is set aside as .corrupt, named in problems(), and
//             made anew when its block is still there.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "metrics/block_set.h"
#include "metrics/levels/level_file.h"

namespace holdfast::metrics {

inline constexpr Timestamp kLevelAge = 48 * 3600 * 1000;
// With less samples to a bucket than this, reading them is as fast (bench/query_levels_bench): a bucket is
// six numbers or more.
inline constexpr std::uint64_t kLevelSamplesMin = 16;

// Each stands in a level ten times, and a query has to decode that index.
inline constexpr std::uint64_t kLevelSeriesMax = 1'500'000;

struct LevelKind {
  std::int64_t resolution = 0;
  Timestamp retention = 0;  // ms; 0: not made
  bool outlives = false;    // the samples: made in any case
};

class LevelSet {
 public:
  LevelSet(FileSystem& files, std::string folder, const StoreOptions& options);
  // `replaced`: names of blocks that merges replaced.
  Result<void> open(const std::set<std::string>& replaced);

  std::vector<LevelFilePtr> list() const;          // of one source the finest first
  bool touch(Timestamp from, Timestamp to) const;  // whether any may tell of the range
  const std::string& folder() const { return folder_; }

  // Makes one level that is missing; false when none is.
  Result<bool> make_one(const Layout& layout, Timestamp newest, std::stop_token stop);
  // The oldest block that is not to go before its levels are made; kTimestampMax: none.
  Timestamp awaited(const Layout& layout) const;
  // Durably: the blocks are about to change or to go into another.
  Result<void> remove_of(const std::vector<std::string>& sources);
  // By each level's retention, and the oldest over `size_max` bytes (0: no limit).
  Result<void> drop(Timestamp now, std::uint64_t size_max);
  void set_aside(const LevelFile& level, const Error& why);

  std::uint64_t size() const;  // bytes
  Timestamp min_time() const;  // kTimestampMax without any
  std::vector<std::string> problems() const;

 private:
  static std::string name_of(const std::string& source, std::int64_t resolution);
  Result<bool> make(const Layout::Entry& entry, const LevelKind& kind, std::stop_token stop);
  Result<bool> pays(const Block& block, const LevelKind& kind) const;
  LevelFilePtr find(const std::string& source, std::int64_t resolution) const;
  Result<void> remove(const LevelFilePtr& level);
  std::string source_of(const Block& block) const;

  FileSystem& files_;
  const std::string folder_;
  const Timestamp age_;
  const std::vector<LevelKind> kinds_;  // finest first
  std::shared_ptr<Block::Caches> caches_;
  mutable std::mutex mutex_;  // guards what follows; never held during I/O
  std::vector<LevelFilePtr> levels_;
  std::set<std::string> without_;  // names of levels that would be empty or not pay
  std::vector<std::string> problems_;
};

}  // namespace holdfast::metrics
