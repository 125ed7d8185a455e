// metrics/objects/bucket.h: the blocks of a store that stand in object storage, and their way there.
//
// Story       work(): list the bucket now and then; upload what no merge will soon replace; carry deletions
//             over; remove what retention or merges made needless; take files off the disk that are safe.
// Objects     <prefix><id>.blk, then <id>.tombstones if there are any, and last <id>.manifest. A block without a
//             manifest is not there. A manifest names the blocks it replaces: they do not count beside it, so
//             a crash between leaves nothing twice and nothing missing.
// Records     For each block one file in `folder`, written before the step it tells of. Whatever is unclear after
//             a crash (a file gone that is in the bucket) is served from the bucket, never deleted.
// Deletes     delete_series() hides samples in <block>.tombstones on the disk of this store, for remote blocks
//             too; the file follows to the bucket in the next work(), and a new machine takes it from there.
// Owner       One store writes to a prefix. Blocks of another are adopted when it is gone for good.
// Outage      Nothing here is asked by an append. work() fails, waits longer each time up to kRetryMax and
//             goes on where it was; problems() names the place.
// Threads     From any thread. Locks: work_mutex_ (one round at a time, held over the network), the engine's
//             compact_mutex_, change_mutex_, mutex_, in this order.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/objects.h"
#include "metrics/block_set.h"
#include "metrics/objects/remote_file.h"
#include "metrics/store.h"

namespace holdfast::metrics {

class Bucket {
 public:
  struct Options {
    std::string folder;  // of records and kept pages
    std::string prefix;
    Duration local_retention{};
    std::uint64_t local_bytes_max = 0;  // of block files on the disk; 0: no limit
    std::uint64_t cache_bytes = 0;
  };
  Bucket(Env& env, BlockSet& blocks, ObjectStore& objects, std::mutex& compact_mutex,
         Options options);
  // Lists the remote blocks this store knows of. A store that never saw the bucket asks it once; when it
  // is away the store opens all the same, and known() says what cannot be answered.
  Result<void> open();

  // An error while the bucket was never listed and samples from before this store's birth are asked for.
  Result<void> known(Timestamp from) const;
  // One round, in the background; what failed is tried again in a later one.
  void work(std::stop_token stop);
  // Everything that is a block now is in the bucket when this returns without an error.
  Result<void> upload_all(std::stop_token stop);

  // Before a merge's sources go; `merged` is empty when no sample was left. Under compact_mutex_.
  Result<void> note_merge(const std::vector<BlockPtr>& sources, const std::string& merged);
  // Before a block goes for good: retention.
  Result<void> note_drop(const Block& block);

  ObjectStats stats() const;
  std::vector<std::string> problems() const;

 private:
  struct Listing;
  struct Local {
    std::string name;
    BlockPtr block;
  };

  // bucket.cc: records
  std::string name_of(const Block& block) const;
  std::string record_path(const std::string& name) const {
    return options_.folder + "/" + name + ".record";
  }
  Result<void> load_records();
  Result<void> save(const std::string& name, const Record& record);
  Result<void> update(const std::string& name, const std::function<void(Record&)>& change);
  Result<void> erase(const std::string& name);
  std::optional<Record> find(const std::string& name) const;
  std::map<std::string, Record> records() const;
  Result<void> settle();
  Result<void> settle_one(const std::string& name, Record record, const std::vector<Local>& blocks);
  Result<void> show_remote(const std::string& name, const Manifest& manifest);
  std::vector<Local> blocks() const;

  // bucket_upload.cc
  Result<void> round(std::stop_token stop, bool everything);
  Result<void> upload_due(std::stop_token stop, bool everything);
  Result<void> upload(const Local& local);
  Result<Manifest> put_block(const Local& local, const std::string& id);
  Result<void> verify(const Manifest& manifest);
  Result<void> carry_tombstones();
  Result<std::uint32_t> put_tombstones(const Block& block, const std::string& id);
  Result<void> retire();
  Result<void> remove_objects(const std::string& id);
  Result<void> remove_due(std::stop_token stop);
  Result<void> evict();
  void count_waiting();
  bool wants_upload(const Local& local, Timestamp newest) const;

  // bucket_list.cc
  Result<void> list();
  Result<void> adopt(Listing& listing);
  Result<void> adopt_one(const Manifest& manifest, const Listing& listing);
  Result<void> look_for_lost(const Listing& listing);

  void note_problem(const std::string& text);

  Env& env_;
  BlockSet& blocks_;
  ObjectStore& objects_;
  std::mutex& compact_mutex_;
  const Options options_;
  const std::shared_ptr<RemoteReader> reader_;

  std::mutex work_mutex_;  // one round at a time
  MonoTime next_try_{};    // these under work_mutex_
  Duration retry_delay_{};
  MonoTime next_list_{};
  std::set<std::string> named_;  // ids whose loss problems() tells
  std::set<std::string>
      shown_;  // remote blocks put on the list once; a bad one is not put there again

  std::mutex change_mutex_;   // one writer of records at a time; mutex_ after it
  mutable std::mutex mutex_;  // guards what follows; not held during I/O
  std::map<std::string, Record> records_;
  bool listed_ = false;
  Timestamp birth_ = 0;
  std::string away_;  // why the last round failed; "" when it did not
  WallTime away_since_{};
  std::vector<std::string> problems_;
  ObjectStats stats_;
};

}  // namespace holdfast::metrics
