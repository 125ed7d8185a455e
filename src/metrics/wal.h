// metrics/wal.h: the write-ahead log: segments of checksummed records.
//
// Purpose     append() hands one record to the kernel; sync() makes all handed over so far safe
//             from power loss; replay at open gives the records back in order.
// Invariants  A segment is synced before the next one is begun, so only the last can be torn. Every
//             open begins a new segment: nothing is ever appended behind a repaired tail.
// Units       Sizes are bytes. Segments are numbered from 1, wal/00000001.wal.
// Threads     append() and rotate() from one thread at a time; drop_before() from one at a time and
//             sync() from any, both beside them; open() by the owner.
// Errors      A full disk is kExhausted and the segment is as it was before; the next append works
//             again when there is space. Torn tails are cut off. A segment that is corrupt before
//             its end is replayed up to there and set aside by the drop_before() that covers it:
//             the owner writes a block first, so that what could be read is not lost with it.
// Source      docs/formats/wal.md
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "metrics/wal_record.h"

namespace holdfast::metrics {

// One record at the front of `bytes`: its type, payload and whole size; kDataLoss when it is torn
// or wrong.
struct WalFrame {
  WalRecordType type{};
  std::string payload;
  std::size_t size = 0;
};
Result<WalFrame> read_wal_frame(std::string_view bytes);
// `pack`: with zstd when that makes it smaller; worth it where texts repeat.
std::string write_wal_frame(WalRecordType type, std::string_view payload, bool pack);

class Wal {
 public:
  using Consumer = std::function<Result<void>(WalRecordType type, std::string_view payload)>;

  struct Options {
    std::string directory;
    std::uint64_t segment_size_max = 0;
    std::uint64_t first_segment = 1;  // older ones are in a block already, and are removed
  };
  // Replays what is there into `consume`, then begins a new segment.
  static Result<std::unique_ptr<Wal>> open(FileSystem& files, Options options,
                                           const Consumer& consume);

  Result<void> append(WalRecordType type, std::string_view payload, bool pack = true);
  Result<void> sync();
  // Syncs and begins a new segment; its number: all records before it are in older ones.
  Result<std::uint64_t> rotate();
  // Removes segments before `segment`; corrupt ones are renamed to <name>.corrupt instead.
  Result<void> drop_before(std::uint64_t segment);

  std::uint64_t size() const;  // of all segments
  bool dirty() const;          // something is not synced
  bool has_corrupt() const { return !corrupt_.empty(); }
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  Wal(FileSystem& files, Options options) : files_(files), options_(std::move(options)) {}
  Result<void> replay(const Consumer& consume);
  Result<void> replay_segment(std::uint64_t number, bool last, const Consumer& consume);
  Result<void> begin_segment();
  Result<void> repair();
  std::string path(std::uint64_t number) const;

  FileSystem& files_;
  Options options_;
  std::unique_ptr<File> file_;  // null only after an open on a full disk
  std::uint64_t number_ = 0;    // of the segment being written
  std::uint64_t segment_size_ = 0;
  bool needs_repair_ = false;  // a failed append may have left a part of a record
  std::set<std::uint64_t> corrupt_;
  std::vector<std::string> problems_;

  mutable std::mutex mutex_;  // guards what sync() shares with append(): the members below
  std::shared_ptr<File>
      sync_file_;  // a second handle of the segment: one File serves one thread at a time
  std::uint64_t written_ = 0;  // bytes handed over since open
  std::uint64_t synced_ = 0;
  std::uint64_t total_size_ = 0;
  std::mutex sync_mutex_;  // one sync at a time
};

}  // namespace holdfast::metrics
