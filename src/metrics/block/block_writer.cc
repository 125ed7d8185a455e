#include "metrics/block/block_writer.h"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/bytes.h"
#include "metrics/block/histogram_column.h"
#include "metrics/frame.h"
#include "model/labels.h"

namespace holdfast::metrics {

namespace {

constexpr std::size_t kWriteSize = 1 << 20;
constexpr std::string_view kBucketLabel = "le";

int level_of(Effort effort) { return effort == Effort::kFast ? 3 : 12; }

}  // namespace

Result<void> BlockOutput::put(std::string_view bytes) {
  held_.append(bytes);
  offset_ += bytes.size();
  return held_.size() >= kWriteSize ? drain() : Result<void>();
}
Result<void> BlockOutput::drain() {
  if (held_.empty()) return {};
  HF_TRY(file_->append(held_));
  held_.clear();
  return {};
}
Result<void> BlockOutput::finish() {
  HF_TRY(drain());
  return file_->sync();
}

Result<std::unique_ptr<BlockWriter>> BlockWriter::create(FileSystem& files,
                                                         const std::string& folder,
                                                         const std::string& name,
                                                         const BlockWriterOptions& options) {
  return std::unique_ptr<BlockWriter>(
      HF_TRY(BlockFileWriter::create(files, folder, name, options)));
}

Result<std::unique_ptr<BlockFileWriter>> BlockFileWriter::create(
    FileSystem& files, const std::string& folder, const std::string& name,
    const BlockWriterOptions& options) {
  const std::string path = folder + "/" + name;
  auto file = files.open(path + ".tmp", OpenMode::kCreate);
  if (!file) return std::move(file).error().context("write metrics block " + path);
  auto writer = std::unique_ptr<BlockFileWriter>(
      new BlockFileWriter(files, folder, name, options, std::move(*file)));
  HF_TRY(writer->out_.put(kBlockFileMagic));
  return writer;
}

BlockFileWriter::BlockFileWriter(FileSystem& files, std::string folder, std::string name,
                                 const BlockWriterOptions& options, std::unique_ptr<File> file)
    : files_(files),
      folder_(std::move(folder)),
      path_(folder_ + "/" + name),
      options_(options),
      out_(std::move(file)),
      metric_label_(index_.interner().add(model::kMetricName)),
      bucket_label_(index_.interner().add(kBucketLabel)) {
  BlockMeta& meta = footer_.meta;
  meta.min_time = std::numeric_limits<Timestamp>::max();
  meta.max_time = std::numeric_limits<Timestamp>::min();
  meta.wal_segment = options.wal_segment;
  meta.level = options.level;
  meta.resolution = options.resolution;
  meta.sources = options.sources;
}

BlockFileWriter::~BlockFileWriter() {
  // Gives the space back; a file that stays is removed at the next open.
  if (!finished_) (void)files_.remove(path_ + ".tmp");
}

Result<void> BlockFileWriter::add(const LabelViews& labels, const SeriesData& data) {
  // Neighbours differ in few labels: only those are looked up.
  refs_.resize(labels.size());
  const Interner& texts = index_.interner();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool has = any_ && i < before_.size();
    refs_[i].name =
        has && texts[before_[i].name] == labels[i].name ? before_[i].name : intern(labels[i].name);
    refs_[i].value = has && texts[before_[i].value] == labels[i].value ? before_[i].value
                                                                       : intern(labels[i].value);
  }
  return add(std::span<const LabelRef>(refs_), data);
}

Result<void> BlockFileWriter::check(std::span<const LabelRef> labels,
                                    const SeriesData& data) const {
  const Interner& texts = index_.interner();
  if (!data.times || data.times->empty() || data.values.size() != data.times->size() ||
      (!data.histograms.empty() && data.histograms.size() != data.times->size())) {
    return internal("a block takes series of at least one sample, values as many as times");
  }
  if (data.times->size() > kSeriesSamplesMax)
    return Error(Code::kTooLarge, "a block takes fewer samples of one series");
  if (index_.series_count() >= kBlockSeriesMax)
    return Error(Code::kTooLarge, "a block takes fewer series");
  for (std::size_t i = 1; i < labels.size(); ++i) {
    if (labels[i - 1].name != labels[i].name && texts[labels[i - 1].name] < texts[labels[i].name])
      continue;
    return internal("the labels of a series are out of order");
  }
  if (!any_) return {};
  for (std::size_t i = 0; i < labels.size() && i < before_.size(); ++i) {
    if (labels[i] == before_[i]) continue;
    const LabelRef& old = before_[i];
    const bool more = labels[i].name != old.name ? texts[labels[i].name] > texts[old.name]
                                                 : texts[labels[i].value] > texts[old.value];
    return more ? Result<void>() : internal("a block takes series in the order of their labels");
  }
  if (labels.size() > before_.size()) return {};
  return internal("a block takes each series once, in the order of their labels");
}

GroupBuffer::Series BlockFileWriter::bucket_of(std::span<const LabelRef> labels) const {
  GroupBuffer::Series series;
  std::uint64_t others = 0x9e3779b97f4a7c15ULL;
  for (const LabelRef& label : labels) {
    if (label.name != bucket_label_) {
      const std::uint64_t pair = (std::uint64_t{label.name} << 32) | label.value;
      others = XXH3_64bits_withSeed(&pair, sizeof pair, others);
      continue;
    }
    const std::string_view text = index_.interner()[label.value];
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), series.bound);
    if (text == "+Inf") {
      series.bound = std::numeric_limits<double>::infinity();
    } else if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() ||
               series.bound != series.bound) {
      return {};
    }
    series.histogram = 1;
  }
  if (series.histogram != 0) series.histogram = others | 1;
  return series;
}

// Whether a series belongs to the one before, as the buckets of a histogram and the modes of a processor
// do: they differ in one label, or not before the bucket's bound.
bool BlockFileWriter::akin(std::span<const LabelRef> labels) const {
  if (labels.size() != before_.size()) return false;
  std::size_t others = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (others == 0 && labels[i].name == bucket_label_ && before_[i].name == bucket_label_)
      return true;
    others += labels[i] == before_[i] ? 0 : 1;
  }
  return others <= 1;
}

// The count of a classic histogram is its bucket without a bound, and is found as such by its values:
// by 128 bits of hash and the span of time.
std::optional<SeriesIndex> BlockFileWriter::twin_of(const GroupBuffer::Series& series,
                                                    std::span<const double> values) {
  if (values.size() < kTwinSamplesMin) return std::nullopt;
  const bool whole = series.histogram != 0 && std::isinf(series.bound);
  // Other buckets lead each other within their group: they stay there.
  if (!whole && (series.histogram != 0 || wholes_.empty())) return std::nullopt;
  const XXH128_hash_t hash = XXH3_128bits(values.data(), values.size_bytes());
  if (whole) {
    const bool flat =
        std::all_of(values.begin(), values.end(), [&](double v) { return v == values.front(); });
    const auto number = static_cast<SeriesIndex>(index_.series_count());
    if (!flat) wholes_.insert_or_assign(hash.low64, Whole{hash.high64, series.span, number});
    return std::nullopt;
  }
  const auto found = wholes_.find(hash.low64);
  if (found == wholes_.end() || found->second.hash != hash.high64 ||
      found->second.span != series.span) {
    return std::nullopt;
  }
  return found->second.series;
}

Result<void> BlockFileWriter::put_region(RegionKind kind, std::string_view bytes) {
  if (bytes.size() > kBlockRegionSizeMax)
    return Error(Code::kTooLarge, "a region of a block is too large");
  index_.add_region(kind, bytes.size(), crc32c(bytes));
  return out_.put(bytes);
}

Result<void> BlockFileWriter::close_group() {
  if (group_.empty()) return {};
  std::string bytes;
  const auto series_count = static_cast<std::uint32_t>(group_.series_count());
  group_.encode(options_.effort, bytes);
  index_.add_group(series_count);
  return put_region(RegionKind::kValues, bytes);
}

Result<void> BlockFileWriter::seal_times() {
  for (const TimePage& page : times_.seal()) {
    ByteWriter out;
    out.varint(page.raw.size());
    out.raw(compress(page.raw, level_of(options_.effort)));
    index_.add_page(page.columns);
    HF_TRY(put_region(RegionKind::kTimes, out.str()));
  }
  return {};
}

Result<void> BlockFileWriter::put_histograms(const SeriesData& data) {
  if (data.histograms.empty()) return {};
  for (const HistogramPiece& piece : encode_histogram_pieces(data.histograms, options_.effort)) {
    index_.add_piece(piece.first, piece.count);
    HF_TRY(put_region(RegionKind::kHistograms, piece.bytes));
  }
  return {};
}

Result<void> BlockFileWriter::add(std::span<const LabelRef> labels, const SeriesData& data) {
  HF_TRY(check(labels, data).context("write metrics block " + path_));
  Symbol metric = UINT32_MAX;
  for (const LabelRef& label : labels) {
    if (label.name == metric_label_) metric = label.value;
  }
  const std::size_t count = data.times->size();
  const auto put = [&]() -> Result<void> {
    const std::size_t held = group_.sample_count();
    if ((metric != metric_ && held >= kGroupSamplesMin) ||
        (held + count > kGroupSamplesMost && !akin(labels)) ||
        (held > 0 && held + count > kGroupSamplesMax) || group_.series_count() >= kGroupSeriesMax) {
      HF_TRY(close_group());
    }
    metric_ = metric;
    GroupBuffer::Series series = bucket_of(labels);
    series.span = times_.add(data.times);
    std::optional<SeriesIndex> twin;
    if (data.histograms.empty()) twin = twin_of(series, data.values);
    if (twin) {
      index_.add_twin(*twin);
      nothing_.resize(count);
      group_.add(series, nothing_);
    } else {
      group_.add(series, data.values);
    }
    HF_TRY(put_histograms(data));
    index_.add_series(labels, series.span);
    return times_.full() ? seal_times() : Result<void>();
  };
  HF_TRY(put().context("write metrics block " + path_));
  any_ = true;
  before_.assign(labels.begin(), labels.end());
  BlockMeta& meta = footer_.meta;
  ++meta.series_count;
  meta.sample_count += count;
  meta.min_time = std::min(meta.min_time, data.times->front());
  meta.max_time = std::max(meta.max_time, data.times->back());
  return {};
}

Result<PartPlace> BlockFileWriter::put_part(std::string_view raw) {
  const std::string packed = compress(raw, level_of(options_.effort));
  const PartPlace place{out_.offset(), packed.size(), raw.size(), crc32c(packed)};
  HF_TRY(out_.put(packed));
  return place;
}

Result<void> BlockFileWriter::put_index() {
  const IndexWriter::Encoded parts = index_.encode(times_.spans());
  for (const std::string* raw : {&parts.symbols, &parts.labels, &parts.directory}) {
    if (raw->size() > kBlockPartSizeMax) return Error(Code::kTooLarge, "the index is too large");
  }
  footer_.symbols = HF_TRY(put_part(parts.symbols));
  footer_.labels = HF_TRY(put_part(parts.labels));
  footer_.directory = HF_TRY(put_part(parts.directory));
  return {};
}

Result<BlockMeta> BlockFileWriter::write_end() {
  if (!any_) return invalid("a block takes at least one series");
  HF_TRY(close_group());
  HF_TRY(seal_times());
  HF_TRY(put_index());
  HF_TRY(out_.put(encode_footer(footer_)));
  HF_TRY(out_.finish());
  HF_TRY(files_.rename(path_ + ".tmp", path_));
  finished_ = true;
  HF_TRY(files_.sync_dir(folder_));
  return footer_.meta;
}

Result<BlockMeta> BlockFileWriter::finish() {
  return write_end().context("write metrics block " + path_);
}

}  // namespace holdfast::metrics
