// metrics/head.h: the newest samples of every series, in memory, raw.
//
// Purpose     Knows series by the fingerprint of their labels, takes samples, shows them to readers, and
//             hands all of them to a flush at once.
// Times       Series of one scrape share their timestamps: each points into a time column where its own
//             run begins. A series whose scrape time differs from its neighbours' gets a column of
//             its own, and joins one again when its times agree.
// Generations Samples live in a generation: value arena, time columns and what few series have beside
//             floats. freeze() hands the generation over whole and begins an empty one, so a flush
//             of a million series frees its memory in one stroke, and a reader keeps what it saw by
//             holding the generation.
// Invariants  Within a series timestamps strictly increase (out-of-order samples stand apart).
// Threads     One writer at a time (the store's append lock) calls the methods marked "writer". They
//             take the mutex when they change what readers see; capture() from any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "metrics/head_index.h"
#include "metrics/stable_array.h"
#include "metrics/value_blocks.h"

namespace holdfast::metrics {

struct TimeColumn {
  std::vector<Timestamp> times;
};

// What few series have: histograms in place of some values, and samples that came out of order.
struct SeriesExtra {
  std::vector<std::pair<std::uint32_t, model::HistogramPtr>> histograms;  // by index of the value
  std::vector<Sample> out_of_order;                                       // as they came
};

struct HeadSeries {
  Fingerprint fingerprint;
  PairList labels;  // pairs == nullptr: the slot is free
  TimeColumn* column = nullptr;
  ValueBlock* tail = nullptr;
  Timestamp newest_time = model::kTimestampMin;
  double newest_value = 0;
  double logged_value = 0;         // the log's last word on it in this epoch
  std::uint32_t begin = 0;         // of its times in the column
  std::uint32_t count = 0;         // of samples in this generation
  std::uint32_t logged_epoch = 0;  // the epoch of the log that knows its labels
  std::uint32_t pending = 0;       // writer's scratch: index + 1 of its newest sample in a batch
  std::uint8_t logged_exponent = 0;
  bool idle = false;  // nothing came between the last two flushes
  bool newest_is_histogram = false;
  bool has_newest() const { return newest_time != model::kTimestampMin; }
};

// A series as one reader saw it.
struct HeadCapture {
  SeriesId id = 0;
  Fingerprint fingerprint;
  PairList labels;
  const ValueBlock* tail = nullptr;
  std::uint32_t count = 0;
  std::uint32_t begin = 0;
  std::uint32_t column = 0;                  // in HeadCaptures::columns
  std::shared_ptr<const SeriesExtra> extra;  // mostly null; out of order sorted by time
};

struct HeadGeneration {
  ValueArena arena;
  std::deque<TimeColumn> columns;
  std::unordered_map<SeriesId, SeriesExtra> extras;
  std::uint64_t sample_count = 0;
  std::uint64_t extra_bytes = 0;
  Timestamp min_time = model::kTimestampMax;
  Timestamp max_time = model::kTimestampMin;
};

// Everything a reader or a flush needs of some series, without the head's lock from here on.
struct HeadCaptures {
  std::vector<HeadCapture> series;
  std::vector<std::shared_ptr<const std::vector<Timestamp>>> columns;
  std::shared_ptr<const HeadGeneration> generation;
  HeadIndex::Pin pin;
};

class Head {
 public:
  Head();

  // Writer. The id of the series, 0 when unknown. `hint` is tried first: scrapes come in order.
  SeriesId find(const Fingerprint& fingerprint, SeriesId hint) const {
    if (hint < next_ && series_[hint].fingerprint == fingerprint && series_[hint].labels.pairs)
      return hint;
    return find_in_table(fingerprint);
  }
  HeadSeries& at(SeriesId id) { return series_[id]; }
  const HeadSeries& at(SeriesId id) const { return series_[id]; }
  bool known(SeriesId id) const { return id != 0 && id < next_ && series_[id].labels.pairs; }
  // Writer. Begins to bring what find() will look at into the processor's cache.
  void prefetch(const Fingerprint& fingerprint) const {
    __builtin_prefetch(&table_[fingerprint.low & (table_.size() - 1)]);
  }
  struct NewSeries {
    Fingerprint fingerprint;
    std::span<const LabelView> labels;  // sorted by name, without empty values
    SeriesId id = 0;                    // the answer
  };
  // Writer. Series that find() does not know, each another. Many at once are cheaper than one by one.
  void create(std::span<NewSeries> series);

  struct Add {
    SeriesId id;
    bool out_of_order;
    Timestamp t;
    double value;
    const model::HistogramPtr* histogram;  // null for a float
  };
  // Writer. The newest sample's histogram; null when it is a float, or was flushed.
  model::HistogramPtr newest_histogram(SeriesId id) const;
  // Writer. Samples that were judged, in the order they came.
  void append(std::span<const Add> adds);

  // The series among `ids` with samples that may touch [from, to]. The generation is that of the
  // whole answer: the caller compares it when it captured something else beside.
  HeadCaptures capture(const std::vector<SeriesId>& ids, Timestamp from, Timestamp to) const;
  std::shared_ptr<const HeadGeneration> generation() const;

  // Writer. All series with samples, and an empty generation in their place.
  HeadCaptures freeze();
  // Writer. Forgets series that had no sample over two flushes.
  void drop_idle();

  const HeadIndex& index() const { return index_; }
  std::uint64_t sample_count() const;
  std::uint64_t sample_bytes() const;  // of values and what is beside them
  std::uint64_t memory_size() const;
  std::pair<Timestamp, Timestamp> time_range() const;  // min > max without samples
  // Writer: how many series were ever made.
  std::uint64_t created_count() const { return created_; }
  // Writer: how often ids may have lost their series.
  std::uint64_t drop_count() const { return drops_; }
  std::size_t series_count() const { return series_count_; }  // writer

 private:
  // Low bits of the fingerprint say where a series stands, and pass by others without a look at them.
  struct Slot {
    std::uint32_t tag = 0;
    SeriesId id = 0;  // 0: empty
  };
  SeriesId find_in_table(const Fingerprint& fingerprint) const;
  void insert_in_table(Slot slot);
  void grow_table();
  void put_time(HeadSeries& series, Timestamp t);
  bool capture_one(SeriesId id, const HeadSeries& series, Timestamp from, Timestamp to,
                   HeadCaptures& out,
                   std::unordered_map<const TimeColumn*, std::uint32_t>& columns) const;

  mutable std::mutex mutex_;  // guards what capture() reads of series_ and generation_
  StableArray<HeadSeries> series_;
  SeriesId next_ = 1;
  std::vector<SeriesId> free_;
  std::vector<Slot> table_;  // open addressing
  std::size_t series_count_ = 0;
  std::uint64_t created_ = 0;
  std::uint64_t drops_ = 0;
  std::vector<HeadIndex::Adding> adding_;  // scratch of create()
  TimeColumn* batch_column_ = nullptr;     // of the sample before
  std::shared_ptr<HeadGeneration> generation_;
  HeadIndex index_;
};

}  // namespace holdfast::metrics
