// collect/backfill/open_metrics.h: a file of OpenMetrics text with times, of any size, sample by sample.
//
// Purpose     What `promtool tsdb create-blocks-from openmetrics` reads: every sample has its time, the file ends with
//             "# EOF". The file is read in pieces of whole lines.
// Errors      kInvalid, "file: offset N: line M: ...", naming what stands there. Nothing more is read after it.
// Threads     One reader, one thread.
// Source      OpenMetrics 1.0, section 5; Prometheus, storage, "Backfilling from OpenMetrics format".
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/files.h"
#include "base/result.h"
#include "metrics/store.h"

namespace holdfast::collect {

class OpenMetricsFile {
 public:
  static Result<OpenMetricsFile> open(FileSystem& files, const std::string& path);

  using Take = std::function<Result<void>(model::Labels, model::Sample)>;
  using TakeMetadata = std::function<void(const std::string&, const metrics::Metadata&)>;
  Result<void> for_each(const Take& take, const TakeMetadata& metadata);
  double share() const;  // of the file, read until now

 private:
  OpenMetricsFile(std::unique_ptr<File> file, std::string path, std::uint64_t size)
      : file_(std::move(file)), path_(std::move(path)), size_(size) {}
  Result<bool> read_piece(std::string_view piece, const Take& take, const TakeMetadata& metadata);
  Error place(std::string_view piece, std::size_t line, const Error& error) const;

  std::unique_ptr<File> file_;
  std::string path_;
  std::uint64_t size_;
  std::uint64_t at_ = 0;     // of the piece
  std::uint64_t lines_ = 0;  // before the piece
};

}  // namespace holdfast::collect
