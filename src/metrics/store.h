// metrics/store.h: the time-series engine as others see it: append, select, labels, metadata,
// flush.
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
#include <vector>

#include "base/env.h"
#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"

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
  std::size_t unknown_series = 0;  // neither labels nor a ref that is known
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

// What PromQL and the HTTP API read from; Store is one, a test's table another.
class Reader {
 public:
  virtual ~Reader() = default;
  // Ordered by labels. Series without a sample in the range are left out.
  virtual Result<std::vector<Column>> select(const SelectRequest& request) const = 0;
  // Series with any sample in the range.
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

struct StoreOptions {
  std::string directory;
  Duration retention = 15 * 24h;
  Duration sync_interval = 1s;  // declared loss at power failure
  std::size_t series_count_max = 10'000'000;
  std::uint64_t wal_segment_size_max = 64 * 1024 * 1024;  // bytes
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
};

class Store : public Reader {
 public:
  // Replays what is on disk; stops at a torn record of the last segment, sets corrupt segments
  // aside.
  static Result<std::unique_ptr<Store>> open(Env& env, StoreOptions options);

  virtual Result<AppendResult> append(std::span<const SampleIn> batch, bool want_refs = false) = 0;
  virtual void set_metadata(const std::string& metric, const Metadata& metadata) = 0;

  virtual Result<void> sync() = 0;  // the WAL is on the disk when this returns
  // Writes what is in memory as compact as the engine can, and truncates the WAL.
  virtual Result<void> flush() = 0;
  // Drops what retention no longer wants. Called by the owner about once a minute and by flush().
  virtual Result<void> maintain(Timestamp now) = 0;
  virtual StoreStats stats() const = 0;
  virtual std::vector<std::string> problems() const = 0;  // data losses met, for the operator
};

}  // namespace holdfast::metrics
