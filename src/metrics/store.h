// metrics/store.h: the time-series engine as others see it: append, find, labels, delete, compact.
//
// Purpose     Store takes samples durably and answers reads as decoded columns. Everything behind
//             it (head, write-ahead log, blocks, index) may change without touching a caller.
// Invariants  Within a series timestamps strictly increase. A batch is acknowledged only after its
//             WAL record was handed to the kernel (it survives kill -9); the WAL is synced every
//             `sync_interval`, which is the most that power loss can cost.
// Units       Timestamps are milliseconds since the Unix epoch; ranges are closed on both ends.
// Threads     All methods from any thread at once; open and destruction from the owner.
// Errors      A sample that is too old, out of order or a duplicate with another value is rejected
//             alone and counted in AppendResult; the rest of the batch stands. A full disk refuses
//             the whole batch with kExhausted, before anything of it is visible, and later batches
//             work again by themselves when space returns. After kDataLoss of a WAL segment the
//             rest is served and problem() names it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/env.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"

namespace holdfast {
class ObjectStore;  // base/objects.h
}

namespace holdfast::metrics {

using model::Labels;
using model::Matcher;
using model::Sample;
using model::Timestamp;

// A series the store knows; valid until the store closes. 0 is none. A ref of a series that has
// since been dropped by retention is simply unknown: append by labels then.
enum class SeriesRef : std::uint64_t { kNone = 0 };

struct SampleIn {
  SeriesRef ref = SeriesRef::kNone;  // used when known
  const Labels* labels = nullptr;    // needed when ref is kNone or may be stale
  Sample sample;
};

struct AppendResult {
  std::size_t appended = 0;
  std::size_t too_old = 0;  // before what retention or the head's window holds
  std::size_t out_of_order = 0;
  std::size_t duplicate = 0;       // same time, other value; the same value counts as appended
  std::size_t over_limit = 0;      // series limit
  std::size_t unknown_series = 0;  // no ref that is known, and labels absent or not valid
  std::string first_error;         // of a rejected sample: series, time, why
  std::vector<SeriesRef>
      refs;  // one per sample, kNone when rejected by the limit; only when asked for
  std::size_t rejected() const {
    return too_old + out_of_order + duplicate + over_limit + unknown_series;
  }
};

struct Metadata {
  std::string type;  // counter, gauge, histogram, gaugehistogram, summary, info, stateset, unknown
  std::string help;
  std::string unit;
  bool operator==(const Metadata&) const = default;
};

// The samples of one series in a range, decoded, oldest first. Histogram samples have values[i] ==
// 0 and histograms[i] set; a series without any has an empty `histograms`.
struct Column {
  std::shared_ptr<const Labels> labels;
  std::vector<Timestamp> times;
  std::vector<double> values;
  std::vector<model::HistogramPtr> histograms;
};

struct SelectRequest {
  std::vector<Matcher> matchers;  // at least one that does not match the empty value
  Timestamp from = model::kTimestampMin;
  Timestamp to = model::kTimestampMax;
  std::size_t sample_count_max = 50'000'000;  // more is kTooLarge
  std::stop_token stop;
};

// Labels of a stored series without a copy, sorted by name; the bytes belong to the Selection.
struct LabelView {
  std::string_view name;
  std::string_view value;
  bool operator==(const LabelView&) const = default;
};
using LabelViews = std::vector<LabelView>;

// The samples of one series in a range, oldest first. Series of one scrape share their times: equal
// pointers mean equal times, so what depends on times alone (window bounds) is worked out once.
// Histograms as in Column.
struct Buckets;  // levels/buckets.h
struct SeriesData {
  std::shared_ptr<const std::vector<Timestamp>> times;  // never null after a read
  std::vector<double> values;
  std::vector<model::HistogramPtr> histograms;
  // What a cursor happens to know of the values. Who wants to rely on them sets both to false
  // before each read; left false they say nothing.
  bool no_nan = false;       // none is NaN, so none is a staleness marker
  bool never_falls = false;  // none is below the one before it, none is NaN
  // Set by cursors of find_levels() alone, which say what it means beside the samples.
  std::shared_ptr<const Buckets> buckets;
  std::size_t size() const { return times ? times->size() : 0; }
  bool empty() const { return size() == 0 && !buckets; }
};

// The series a request found, samples not yet decoded: each thread reads through a cursor of its own.
// In no order, each series once; a series may turn out to have no sample in the range.
class Selection {
 public:
  class Cursor {
   public:
    virtual ~Cursor() = default;
    // Replaces `out`, whose buffers are used again. Fastest in ascending order of `index`.
    virtual Result<void> read(std::size_t index, SeriesData& out) = 0;
  };
  virtual ~Selection() = default;
  virtual std::size_t size() const = 0;
  virtual void labels(std::size_t index, LabelViews& out) const = 0;  // replaces `out`
  virtual std::string_view label(std::size_t index, std::string_view name) const = 0;  // "" absent
  virtual std::unique_ptr<Cursor> cursor() const = 0;
};
using SelectionPtr = std::shared_ptr<const Selection>;

// Asks for what downsampling kept instead of samples; levels/buckets.h.
struct LevelRequest {
  std::int64_t resolution = 0;  // ms of a bucket; 0: only of times whose samples are gone, finest first
  unsigned fields = 0;          // of Buckets
};
class LevelSelection;
using LevelSelectionPtr = std::shared_ptr<const LevelSelection>;
Labels to_labels(const LabelViews& views);

// What PromQL and the HTTP API read from; Store is one, a test's table another.
class Reader {
 public:
  virtual ~Reader() = default;
  // The series that may have samples in the range; the samples are read through its cursors, which
  // keep to the range. The default asks select() and hands out what it returned.
  virtual Result<SelectionPtr> find(const SelectRequest& request) const;
  // Null when there are no levels of the range or they would not pay; find() answers then.
  virtual Result<LevelSelectionPtr> find_levels(const SelectRequest& request,
                                                const LevelRequest& levels) const;
  // Ordered by labels. Series without a sample in the range are left out.
  virtual Result<std::vector<Column>> select(const SelectRequest& request) const = 0;
  // Series whose samples span the range, judged by what they begin and end with.
  virtual Result<std::vector<Labels>> series(const std::vector<std::vector<Matcher>>& any_of,
                                             Timestamp from, Timestamp to,
                                             std::size_t limit) const = 0;
  // Sorted. Empty any_of: of all series.
  virtual Result<std::vector<std::string>> label_names(
      const std::vector<std::vector<Matcher>>& any_of, Timestamp from, Timestamp to) const = 0;
  virtual Result<std::vector<std::string>> label_values(
      const std::string& name, const std::vector<std::vector<Matcher>>& any_of, Timestamp from,
      Timestamp to) const = 0;
  virtual std::map<std::string, std::vector<Metadata>> metadata(const std::string& metric,
                                                                std::size_t limit) const = 0;
};

// ---- batches of fast receivers ----

// 128 bits over the canonical form of labels: name 0xff value 0xff ..., names ascending, no empty
// values. Two series of one fingerprint are one series (XXH3-128; the seed is of this process).
struct Fingerprint {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Fingerprint&) const = default;
};
Fingerprint fingerprint(std::string_view canonical);

struct FlatSample {
  Timestamp t = 0;
  double value = 0;
};
// Float samples with their series known by fingerprint alone; labels are made only when the store
// meets a series for the first time.
struct FlatBatch {
  struct Series {
    Fingerprint fingerprint;
    std::string_view encoded;  // the labels as the protocol wrote them
    std::uint32_t sample_begin = 0;
    std::uint32_t sample_count = 0;
  };
  std::vector<Series> series;
  std::vector<FlatSample> samples;
  Result<Labels> (*labels_of)(std::string_view encoded) = nullptr;
  // The same as views into `encoded`, appended to `out`; false when they did not stand in order there, so
  // that the fingerprint is another than the batch says. Faster where all series are new; may be null.
  Result<bool> (*views_of)(std::string_view encoded, LabelViews& out) = nullptr;
};

struct Exemplar {
  Labels labels;  // trace_id and the like
  Timestamp t = 0;
  double value = 0;
  bool operator==(const Exemplar&) const = default;
};
struct SeriesExemplars {
  Labels series;
  std::vector<Exemplar> exemplars;  // oldest first
};

// Where series come from, for the page that names who brings too many.
struct CardinalityEntry {
  std::string name;
  std::uint64_t count = 0;
};
struct Cardinality {
  std::uint64_t series = 0;       // active
  std::uint64_t label_pairs = 0;  // distinct name=value
  std::vector<CardinalityEntry> series_by_metric;
  std::vector<CardinalityEntry> values_by_label;
  std::vector<CardinalityEntry> series_by_pair;     // "name=value"
  std::vector<CardinalityEntry> memory_by_label;    // bytes of its values
  std::vector<CardinalityEntry> created_by_metric;  // series made since the start: churn
};

struct SeriesLimits {
  std::size_t per_metric = 0;  // series of one metric name; 0 is no limit
  std::size_t labels_per_series = 0;
  std::size_t label_name_size = 0;               // bytes
  std::size_t label_value_size = 0;              // bytes
  std::map<std::string, std::size_t> per_label;  // values a label may have, by label name
  std::string tenant_label;                      // the label that names the tenant, "" is none
  std::size_t per_tenant = 0;
};

struct BlockInfo {
  std::string name;
  Timestamp min_time = 0;
  Timestamp max_time = 0;
  std::uint64_t series = 0;
  std::uint64_t samples = 0;
  std::uint64_t bytes = 0;
  int level = 0;  // 1 straight from memory, more after merges
};

struct StoreOptions {
  std::string directory;
  Duration retention = 15 * 24h;
  Duration sync_interval = 1s;        // declared loss at power failure
  std::uint64_t retention_bytes = 0;  // of blocks; the oldest go first; 0 is no limit
  // How long what downsampling made of the samples is kept, in buckets of 5 minutes and of an hour; 0:
  // not made. The former take half the bytes of the samples, and pay where they outlive them; the
  // latter take a fourteenth, and are kept as long as the samples when nothing is given.
  Duration retention_5m = 0s;
  std::optional<Duration> retention_1h;
  Duration out_of_order_window = 0s;  // how far behind its series' newest a sample may be
  std::size_t series_count_max = 10'000'000;
  SeriesLimits limits;
  std::size_t exemplar_count_max = 100'000;
  std::uint64_t wal_segment_size_max = 64 * 1024 * 1024;  // bytes
  // Blocks go to this bucket once no merge will soon replace them, and from the disk once they are older
  // than local_retention; queries read them from there. `retention` is then the bucket's. Outlives the
  // store, one store to a prefix; null keeps everything on the disk. src/metrics/objects.
  ObjectStore* objects = nullptr;
  std::string objects_prefix;
  Duration local_retention = 0s;                           // 0: as long as retention
  std::uint64_t objects_cache_bytes = 1024 * 1024 * 1024;  // of remote blocks, on disk
  std::uint64_t head_bytes_max = 256 * 1024 * 1024;       // raw samples; flushed early, refused at 4x
  std::uint64_t decoded_bytes_max = 64 * 1024 * 1024;     // values of blocks kept for the next query
};

// Of the bucket of StoreOptions::objects.
struct ObjectStats {
  bool configured = false;
  bool reachable = false;           // the last round worked
  std::uint64_t blocks = 0;         // in the bucket
  std::uint64_t blocks_remote = 0;  // of them, without a file on this disk
  std::uint64_t blocks_waiting = 0;
  std::uint64_t bytes = 0;          // of the blocks in the bucket
  std::uint64_t uploads = 0;        // since open, as all that follow
  std::uint64_t upload_bytes = 0;
  std::uint64_t failures = 0;       // rounds
  std::uint64_t reads = 0;          // requests for queries
  std::uint64_t read_bytes = 0;
  std::uint64_t cache_bytes = 0;    // on disk
  std::uint64_t cache_hits = 0;     // pages
  std::uint64_t cache_misses = 0;
  WallTime last_success{};
};

struct StoreStats {
  std::uint64_t series = 0;            // in memory now
  std::uint64_t samples_appended = 0;  // since open
  std::uint64_t samples_rejected = 0;
  std::uint64_t samples_in_memory = 0;
  std::uint64_t memory_bytes = 0;  // of samples and index, estimated by counting
  std::uint64_t wal_bytes = 0;
  std::uint64_t disk_bytes = 0;
  Timestamp min_time = 0;
  Timestamp max_time = 0;
  Duration replay_time{};
  ObjectStats objects;
};

class Store : public Reader {
 public:
  // Replays what is on disk; stops at a torn record of the last segment, sets corrupt segments
  // aside.
  static Result<std::unique_ptr<Store>> open(Env& env, StoreOptions options);

  virtual Result<AppendResult> append(std::span<const SampleIn> batch, bool want_refs = false) = 0;
  virtual Result<AppendResult> append(const FlatBatch& batch);
  virtual Result<void> append_exemplars(const Labels& series, std::span<const Exemplar> exemplars);
  virtual std::vector<SeriesExemplars> exemplars(const std::vector<std::vector<Matcher>>& any_of,
                                                 Timestamp from, Timestamp to) const;
  virtual void set_metadata(const std::string& metric, const Metadata& metadata) = 0;

  virtual Result<void> sync() = 0;  // the WAL is on the disk when this returns
  // Writes what is in memory as compact as the engine can, and truncates the WAL.
  virtual Result<void> flush() = 0;
  // Merges blocks as far as the levels allow, deleted samples left out. Long; from any thread.
  virtual Result<void> compact();
  // Hides samples of the matching series in [from, to] at once and for good; compact() frees the space.
  virtual Result<void> delete_series(const std::vector<std::vector<Matcher>>& any_of,
                                     Timestamp from, Timestamp to);
  // Everything taken so far stands in the bucket when this returns: flushes and uploads. kUnsupported
  // without a bucket.
  virtual Result<void> upload();
  // A folder that opens as a store of its own, under <directory>/snapshots; returns its name. Blocks that
  // are in the bucket alone stay there.
  virtual Result<std::string> snapshot();
  // Samples older than all there is, such as a backfill: written as blocks of their own, durable on
  // return. Series in any order, their samples ascending.
  virtual Result<void> import(std::span<const Column> series);
  virtual std::vector<BlockInfo> blocks() const;  // oldest first
  virtual Cardinality cardinality(std::size_t limit) const;
  virtual void set_limits(const SeriesLimits& limits);
  // Drops what retention no longer wants. Called by the owner about once a minute and by flush().
  virtual Result<void> maintain(Timestamp now) = 0;
  virtual StoreStats stats() const = 0;
  virtual std::vector<std::string> problems() const = 0;  // data losses met, for the operator
};

}  // namespace holdfast::metrics
