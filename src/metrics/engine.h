// metrics/engine.h: the Store behind store.h: head, log and blocks put together.
//
// Story       append: find each sample's series by fingerprint, judge it, write one log record, then show it.
//             find: list the head's series and the blocks' that match, join them by fingerprint; the
//             samples are read later, by cursors, from what was listed then.
//             flush: begin a log segment and freeze the head's generation; write the block beside
//             running appends; list it in place of the frozen samples; drop the log segments.
//             compact: merge blocks of a span of time into one, smaller; list it in their place.
// Layout      Frozen samples and blocks change places under layout_mutex_, and so does the head's
//             freeze: a reader that finds the layout as it was after listing has seen every sample in
//             one place.
// Epochs      The log is to be readable without the segments a flush removed, so the labels of a
//             series are logged again at its first sample after each flush and each start.
// Locks       compact_mutex_, flush_mutex_, append_mutex_, layout_mutex_, in this order, then what
//             Head, HeadIndex and Wal hold briefly inside.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "metrics/block_set.h"
#include "metrics/head.h"
#include "metrics/levels/level_set.h"
#include "metrics/objects/bucket.h"
#include "metrics/store.h"
#include "metrics/wal.h"

namespace holdfast::metrics {

class Engine final : public Store {
 public:
  Engine(Env& env, StoreOptions options);
  ~Engine() override;
  Result<void> open();

  Result<SelectionPtr> find(const SelectRequest& request) const override;
  Result<LevelSelectionPtr> find_levels(const SelectRequest& request,
                                        const LevelRequest& levels) const override;
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

  Result<AppendResult> append(std::span<const SampleIn> batch, bool want_refs) override;
  Result<AppendResult> append(const FlatBatch& batch) override;
  Result<void> append_exemplars(const Labels& series, std::span<const Exemplar> exemplars) override;
  std::vector<SeriesExemplars> exemplars(const std::vector<std::vector<Matcher>>& any_of,
                                         Timestamp from, Timestamp to) const override;
  void set_metadata(const std::string& metric, const Metadata& metadata) override;
  Result<void> sync() override;
  Result<void> flush() override;
  Result<void> compact() override;
  Result<void> delete_series(const std::vector<std::vector<Matcher>>& any_of, Timestamp from,
                             Timestamp to) override;
  Result<std::string> snapshot() override;
  Result<void> upload() override;
  Result<void> import(std::span<const Column> series) override;
  std::vector<BlockInfo> blocks() const override;
  Cardinality cardinality(std::size_t limit) const override;
  void set_limits(const SeriesLimits& limits) override;
  Result<void> maintain(Timestamp now) override;
  StoreStats stats() const override;
  std::vector<std::string> problems() const override;

 private:
  // The background job's hold on the engine; the destructor takes it away.
  struct Loop {
    std::mutex work_mutex;  // held by a flush or merge in the background; taken before the next
    std::mutex mutex;
    Engine* engine = nullptr;
    TimerId timer = TimerId::kNone;
    std::atomic<bool> working{false};  // one is on its way; relaxed would do
  };
  // One append on its way; kept between appends for its buffers.
  struct Batch {
    std::vector<Head::Add> adds;
    WalBatchWriter record;
    AppendResult result;
    Timestamp floor = 0;   // older is too old
    Timestamp window = 0;  // how far behind the newest a sample may come

    // Of a flat batch: its series, and what is to be made of those that are new.
    std::vector<SeriesId> ids;
    struct Fresh {
      std::uint32_t at = 0;  // in the batch
      std::uint32_t label_begin = 0;
      std::uint32_t label_end = 0;
      std::uint32_t same = 0;  // place of the first like it
      Fingerprint fingerprint;
    };
    std::vector<Fresh> fresh;
    LabelViews views;
    std::deque<Labels> labels;  // of receivers that give no views
    std::vector<std::uint32_t> places;
    std::vector<Head::NewSeries> made;
    std::vector<Timestamp> times;  // of their first samples

    void reset(Timestamp floor_in, Timestamp window_in) {
      adds.clear();
      result = AppendResult();
      floor = floor_in;
      window = window_in;
    }
    void refuse(std::size_t samples, std::string_view why) {
      result.unknown_series += samples;
      if (result.first_error.empty()) result.first_error = why;
    }
  };
  struct Replay;

  // append.cc
  SeriesId find_or_create(const Labels& labels, Timestamp t, AppendResult& result,
                          Result<void>& failed);
  std::unique_ptr<Batch> take_batch();
  Result<void> create(std::span<Head::NewSeries> fresh, std::span<const Timestamp> times,
                      AppendResult& result);
  Result<void> create_together(std::span<Head::NewSeries> fresh, std::span<const Timestamp> times);
  void count_created(std::span<const Head::NewSeries> made);
  bool refused(std::span<const LabelView> labels, AppendResult& result) const;
  std::string over_limit(std::span<const LabelView> labels) const;
  void judge(SeriesId id, Timestamp t, double value, const model::HistogramPtr* histogram,
             Batch& batch);
  Result<void> write(Batch& batch);
  Result<void> resolve_flat(const FlatBatch& in, std::unique_lock<std::mutex>& lock, Batch& batch);
  bool find_flat(const FlatBatch& in, Batch& batch) const;
  static void read_fresh(const FlatBatch& in, Batch& batch);
  Result<void> create_flat(const FlatBatch& in, Batch& batch);
  std::string describe(SeriesId id, Timestamp t, std::string_view why) const;

  // store.cc
  Result<void> replay_record(WalRecordType type, std::string_view payload, Replay& replay);
  Result<void> replay_batch(const WalBatch& batch, Replay& replay);
  Timestamp retention_floor(Timestamp now) const;
  void arm(const std::shared_ptr<Loop>& loop);
  void tick();
  void work();
  void note_problem(std::string text);

  // objects.cc
  Result<void> open_bucket();
  Result<void> bucket_known(Timestamp from) const;
  Result<void> note_merge(const std::vector<BlockPtr>& sources, const std::string& merged);

  // flush.cc
  Result<void> flush_locked();
  Result<std::uint64_t> begin_epoch();
  Result<void> write_frozen(const Frozen& frozen, std::uint64_t segment);
  bool wants_flush();
  Result<void> drop_expired(Timestamp now);

  // compact.cc
  Result<bool> merge_once(bool everything);
  Result<void> set_bad_aside(const std::vector<BlockPtr>& blocks);
  Result<void> copy_file(const std::string& from, const std::string& to);

  // levels.cc
  Result<void> open_levels();
  Result<void> make_levels();
  Result<void> hide_in_levels(const std::vector<std::vector<Matcher>>& any_of, Timestamp from,
                              Timestamp to);
  Result<void> copy_levels(const std::string& folder);
  Result<LevelSelectionPtr> find_levels_once(const SelectRequest& request,
                                             const LevelRequest& levels) const;
  std::vector<LevelFilePtr> levels_of_gone(Timestamp from, Timestamp to) const;

  // read.cc
  Result<SelectionPtr> find_once(const SelectRequest& request,
                                 const std::vector<BlockPtr>& without = {}) const;
  bool head_overlaps(Timestamp from, Timestamp to) const;
  Result<void> each_label(const std::string* name, Timestamp from, Timestamp to,
                          const std::function<void(std::string_view)>& visit) const;
  Result<void> each_series(const std::vector<std::vector<Matcher>>& any_of, Timestamp from,
                           Timestamp to,
                           const std::function<bool(const Selection&, std::size_t)>& visit) const;

  Env& env_;
  const StoreOptions options_;
  std::shared_ptr<Loop> loop_;
  std::stop_source stop_;
  Head head_;
  std::unique_ptr<BlockSet> blocks_;
  std::unique_ptr<Bucket> bucket_;  // null without object storage
  std::unique_ptr<LevelSet> levels_;
  std::unique_ptr<Wal> wal_;

  std::mutex compact_mutex_;  // one merge at a time
  std::mutex flush_mutex_;    // one flush at a time
  std::mutex append_mutex_;   // the one writer of head_ and wal_
  std::uint32_t epoch_ = 1;   // the next six under append_mutex_
  SeriesLimits limits_;
  bool has_limits_ = false;
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  using Counts = std::unordered_map<std::string, std::uint64_t, TextHash, std::equal_to<>>;
  Counts created_by_metric_;
  std::vector<std::unique_ptr<Batch>> spare_batches_;
  mutable std::mutex cardinality_mutex_;  // guards created_by_metric_ for readers

  mutable std::mutex metadata_mutex_;
  std::map<std::string, Metadata> metadata_;

  mutable std::mutex exemplars_mutex_;
  std::deque<std::pair<std::shared_ptr<const Labels>, Exemplar>> exemplars_;  // as they came
  std::unordered_map<Labels, Timestamp> exemplar_newest_;

  mutable std::mutex problems_mutex_;
  std::vector<std::string> problems_;

  std::atomic<std::uint64_t> appended_{0};  // counters: nothing is ordered by them
  std::atomic<std::uint64_t> rejected_{0};
  // The log can no longer be trusted to become durable, or a flush failed and left samples frozen.
  std::atomic<bool> flush_asked_{false};
  MonoTime last_flush_{};  // this and the next under flush_mutex_
  std::uint64_t frozen_segment_ = 0;
  MonoTime last_maintain_{};  // of tick() alone
  Duration replay_time_{};
};

}  // namespace holdfast::metrics
