// metrics/block/block_writer.h: the writer behind BlockWriter::create(), as merges drive it.
//
// Purpose     Gathers series into value groups, times into pages, histograms into pieces, and writes each
//             as it fills; the index follows at the end.
// Memory      One group of values, a batch of time columns, the index, and some words for each histogram.
// Threads     One.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "metrics/block/index_writer.h"
#include "metrics/block/time_columns.h"

namespace holdfast::metrics {

// Few large writes; counts what was written.
class BlockOutput {
 public:
  explicit BlockOutput(std::unique_ptr<File> file) : file_(std::move(file)) {}
  Result<void> put(std::string_view bytes);
  Result<void> finish();  // synced
  std::uint64_t offset() const { return offset_; }

 private:
  Result<void> drain();
  std::unique_ptr<File> file_;
  std::string held_;
  std::uint64_t offset_ = 0;
};

// The values of neighbouring series until their group is closed.
class GroupBuffer {
 public:
  struct Series {
    std::size_t begin = 0;
    std::size_t count = 0;
    std::uint32_t span = 0;
    std::uint64_t histogram = 0;  // equal for the buckets of one histogram; 0: no bucket
    double bound = 0;             // of the bucket
  };
  void add(const Series& series, std::span<const double> values);
  bool empty() const { return series_.empty(); }
  std::size_t series_count() const { return series_.size(); }
  std::size_t sample_count() const { return values_.size(); }
  // Appends the encoded group to `out`; the buffer is empty after it.
  void encode(Effort effort, std::string& out);

 private:
  std::vector<int> references() const;
  std::vector<double> values_;
  std::vector<Series> series_;
};

class BlockFileWriter final : public BlockWriter {
 public:
  static Result<std::unique_ptr<BlockFileWriter>> create(FileSystem& files,
                                                         const std::string& folder,
                                                         const std::string& name,
                                                         const BlockWriterOptions& options);
  ~BlockFileWriter() override;
  Result<void> add(const LabelViews& labels, const SeriesData& data) override;
  Result<BlockMeta> finish() override;

  // The same with labels as numbers of intern(): a merge asks for each string once.
  Symbol intern(std::string_view text) { return index_.interner().add(text); }
  Result<void> add(std::span<const LabelRef> labels, const SeriesData& data);

 private:
  BlockFileWriter(FileSystem& files, std::string folder, std::string name,
                  const BlockWriterOptions& options, std::unique_ptr<File> file);
  Result<void> check(std::span<const LabelRef> labels, const SeriesData& data) const;
  bool akin(std::span<const LabelRef> labels) const;
  GroupBuffer::Series bucket_of(std::span<const LabelRef> labels) const;
  Result<void> put_region(RegionKind kind, std::string_view bytes);
  Result<void> put_histograms(const SeriesData& data);
  std::optional<SeriesIndex> twin_of(const GroupBuffer::Series& series,
                                     std::span<const double> values);
  Result<void> close_group();
  Result<void> seal_times();
  Result<void> put_index();
  Result<PartPlace> put_part(std::string_view raw);
  Result<BlockMeta> write_end();

  FileSystem& files_;
  const std::string folder_;
  const std::string path_;
  const BlockWriterOptions options_;
  BlockOutput out_;
  IndexWriter index_;
  TimeColumnWriter times_;
  GroupBuffer group_;
  Symbol metric_label_;
  Symbol bucket_label_;
  Symbol metric_ = 0;        // of the open group
  struct Whole {             // the bucket of a histogram that counts all
    std::uint64_t hash = 0;  // of its values, the other half of the key
    std::uint32_t span = 0;
    SeriesIndex series = 0;
  };
  std::unordered_map<std::uint64_t, Whole> wholes_;
  std::vector<double> nothing_;  // what stands in the column of a twin
  std::vector<LabelRef> refs_;
  std::vector<LabelRef> before_;
  BlockFooter footer_;
  bool any_ = false;
  bool finished_ = false;
};

}  // namespace holdfast::metrics
