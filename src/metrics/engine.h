// metrics/engine.h: the Store behind store.h: head, log and blocks put together.
//
// Story       append: resolve each sample's series, judge it, write one log record, then show it.
//             read: copy chunk lists of the head first, then the list of blocks. A flush lists its
//             block before it takes the same chunks out of the head, so a reader sees a sample in
//             one of them or in both, never in neither; the same sample twice is read once.
//             flush: begin a log segment and close all chunks under the append lock; write the
//             block beside running appends; list it; drop chunks and segments it holds.
// Epochs      The log is to be readable without the segments a flush removed, so the labels of a
//             series are logged again at its first sample after each flush and each start.
// Locks       flush_mutex_, then append_mutex_, then what Head, BlockSet and Wal hold briefly
//             inside.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "metrics/block_set.h"
#include "metrics/head.h"
#include "metrics/store.h"
#include "metrics/wal.h"

namespace holdfast::metrics {

class Engine final : public Store {
 public:
  Engine(Env& env, StoreOptions options);
  ~Engine() override;
  Result<void> open();

  Result<std::vector<Column>> select(const SelectRequest& request) const override;
  Result<std::vector<Labels>> series(const std::vector<std::vector<Matcher>>& any_of,
                                     Timestamp from, Timestamp to,
                                     std::size_t limit) const override;
  Result<std::vector<std::string>> label_names(const std::vector<std::vector<Matcher>>& any_of,
                                               Timestamp from, Timestamp to) const override;
  Result<std::vector<std::string>> label_values(const std::string& name,
                                                const std::vector<std::vector<Matcher>>& any_of,
                                                Timestamp from, Timestamp to) const override;
  std::map<std::string, std::vector<Metadata>> metadata(const std::string& metric,
                                                        std::size_t limit) const override;

  using Store::append;
  Result<AppendResult> append(std::span<const SampleIn> batch, bool want_refs) override;
  void set_metadata(const std::string& metric, const Metadata& metadata) override;
  Result<void> sync() override;
  Result<void> flush() override;
  Result<void> maintain(Timestamp now) override;
  StoreStats stats() const override;
  std::vector<std::string> problems() const override;

 private:
  // One series as a reader found it, with everything that may hold samples of the range.
  struct Found {
    std::shared_ptr<const Labels> labels;
    std::vector<ChunkPtr> chunks;
    std::vector<std::pair<Block::Cursor*, std::uint32_t>> in_blocks;
  };
  struct Search {
    std::vector<std::unique_ptr<Block::Cursor>> cursors;
    std::vector<Found> found;  // sorted by labels, each once
  };
  // The background job's hold on the engine; the destructor takes it away.
  struct Loop {
    std::mutex mutex;
    Engine* engine = nullptr;
    TimerId timer = TimerId::kNone;
  };
  struct BatchPlan;

  // append.cc
  Result<HeadSeries*> resolve(const SampleIn& in, AppendResult& result);
  Result<HeadSeries*> make_series(const Labels& labels, std::uint64_t hash, Timestamp t,
                                  AppendResult& result);
  bool judge(const SampleIn& in, const HeadSeries& series, std::span<const SampleIn> batch,
             AppendResult& result);
  void log_sample(const SampleIn& in, HeadSeries& series, BatchPlan& plan);

  // store.cc
  struct Replay;
  Result<void> replay_batch(const WalBatch& batch, Replay& replay);
  Timestamp retention_floor(Timestamp now) const;
  void arm(const std::shared_ptr<Loop>& loop);
  void tick();
  void note_problem(std::string text);

  // flush.cc
  Result<void> flush_locked();
  Result<std::uint64_t> begin_epoch();
  bool wants_flush();
  Result<void> drop_expired(Timestamp now);

  // read.cc
  Result<Search> search(const std::vector<Matcher>& matchers, Timestamp from, Timestamp to) const;
  Result<void> search_blocks(const std::vector<Matcher>& matchers, Timestamp from, Timestamp to,
                             Search& out) const;
  Result<void> read_found(const Found& found, Timestamp from, Timestamp to, Samples& out) const;
  Result<bool> has_sample(const Found& found, Timestamp from, Timestamp to) const;
  Result<std::vector<Column>> select_once(const SelectRequest& request) const;
  Result<void> each_series(const std::vector<std::vector<Matcher>>& any_of, Timestamp from,
                           Timestamp to, const std::function<void(const Labels&)>& visit) const;
  template <typename F>
  auto setting_bad_blocks_aside(F&& read) const -> decltype(read());

  Env& env_;
  const StoreOptions options_;
  std::shared_ptr<Loop> loop_;
  Head head_;
  std::unique_ptr<BlockSet> blocks_;
  std::unique_ptr<Wal> wal_;

  std::mutex flush_mutex_;   // one flush at a time
  std::mutex append_mutex_;  // the one writer of head_ and wal_
  std::uint32_t epoch_ = 1;  // under append_mutex_

  mutable std::mutex metadata_mutex_;
  std::map<std::string, Metadata> metadata_;

  mutable std::mutex problems_mutex_;
  std::vector<std::string> problems_;

  std::atomic<std::uint64_t> appended_{0};  // counters: nothing is ordered by them
  std::atomic<std::uint64_t> rejected_{0};
  std::atomic<bool> flush_asked_{false};  // the log can no longer be trusted to become durable
  MonoTime last_flush_{};                 // this and the next under flush_mutex_
  MonoTime last_span_check_{};
  Duration replay_time_{};
};

}  // namespace holdfast::metrics
