// collect/backfill/importer.h: samples of other systems' files into a store, in batches, once.
//
// Purpose     Reads Prometheus' blocks and OpenMetrics text and hands columns on, a day and at most some millions of
//             samples at a time. What was written is noted in a record, so that an import that was cut off goes on where
//             it was; without a record everything is written again, which changes no answer: equal samples are one.
// Invariants  A batch is noted only after the target said that it is kept.
// Units       Milliseconds since the Unix epoch. Days are those of UTC.
// Errors      Of the readers, naming file and offset or line; of the target. Batches written before an error stay.
// Threads     One importer, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "metrics/store.h"

namespace holdfast::collect {

// Where samples go: a store on disk, or a running Holdfast.
struct ImportTarget {
  std::function<Result<void>(std::span<const metrics::Column>)> write;
  std::function<void(const std::string& metric, const metrics::Metadata&)> metadata = nullptr;
};

struct ImportProgress {
  std::string path;           // the block or file at hand
  double share = 0;           // of it, 0 to 1
  std::uint64_t samples = 0;  // written until now, over all
  std::uint64_t skipped = 0;  // noted as written before
};

struct ImportReport {
  std::uint64_t blocks = 0;
  std::uint64_t files = 0;
  std::uint64_t samples = 0;
  std::uint64_t skipped = 0;
  model::Timestamp min_time = model::kTimestampMax;
  model::Timestamp max_time = model::kTimestampMin;
  std::vector<std::string> notes;  // what an operator should know
};

struct ImportSettings {
  std::size_t batch_samples = 4'000'000;  // a bucket of a histogram counts as one
  std::string record;                     // a file; empty: none is kept
  std::function<void(const ImportProgress&)> on_progress = nullptr;
};

// Lines of what was written; a line torn by a crash is not one.
class ImportRecord {
 public:
  static Result<ImportRecord> open(FileSystem& files, const std::string& path);
  bool has(const std::string& key) const { return keys_.contains(key); }
  Result<void> add(const std::string& key);

 private:
  std::set<std::string> keys_;
  std::unique_ptr<File> file_;  // none: nothing is kept
};

class Importer {
 public:
  static Result<Importer> open(FileSystem& files, ImportTarget target, ImportSettings settings);

  // A block, a data directory or snapshot of Prometheus, or a file of OpenMetrics text.
  Result<void> import(const std::string& path);
  const ImportReport& report() const { return report_; }

 private:
  friend class BatchWriter;
  Importer(FileSystem& files, ImportTarget target, ImportSettings settings, ImportRecord record)
      : files_(files),
        target_(std::move(target)),
        settings_(std::move(settings)),
        record_(std::move(record)) {}
  Result<void> import_block(const std::string& path);
  Result<void> import_text(const std::string& path);
  void tell(const std::string& path, double share);

  FileSystem& files_;
  ImportTarget target_;
  ImportSettings settings_;
  ImportRecord record_;
  ImportReport report_;
};

}  // namespace holdfast::collect
