#include "metrics/levels/level_file.h"

#include <algorithm>

namespace holdfast::metrics {

namespace {

constexpr std::string_view kColumnLabel;  // no label of a series has the empty name
constexpr char kHistogramColumn = 'h';

bool wanted(LevelColumn column, unsigned fields) {
  switch (column) {
    case LevelColumn::kSum:
      return (fields & kBucketSum) != 0;
    case LevelColumn::kMin:
      return (fields & kBucketMin) != 0;
    case LevelColumn::kMax:
      return (fields & kBucketMax) != 0;
    // An extreme may say that it is as these are.
    case LevelColumn::kFirst:
      return (fields & (kBucketFirst | kBucketDrops | kBucketMin)) != 0;
    case LevelColumn::kLast:
      return (fields & (kBucketLast | kBucketDrops | kBucketMax)) != 0;
    case LevelColumn::kDrops:
      return (fields & kBucketDrops) != 0;
    default:
      return true;
  }
}

void put(LevelColumn column, double value, LevelBucket& bucket) {
  const auto back = [&] { return bucket.end - static_cast<Timestamp>(value); };
  switch (column) {
    case LevelColumn::kCount:
      bucket.count = value;
      break;
    case LevelColumn::kSum:
      bucket.sum = value;
      break;
    case LevelColumn::kFirst:
      bucket.first = value;
      break;
    case LevelColumn::kLast:
      bucket.last = value;
      break;
    case LevelColumn::kMin:
      bucket.min = model::is_stale(value) ? bucket.first : value;
      break;
    case LevelColumn::kMax:
      bucket.max = model::is_stale(value) ? bucket.last : value;
      break;
    case LevelColumn::kFirstBack:
      bucket.first_time = back();
      break;
    case LevelColumn::kLastBack:
      bucket.last_time = back();
      break;
    case LevelColumn::kDrops:
      bucket.drops = value;
      break;
    case LevelColumn::kStale:
      bucket.ends_stale = value != 0;
      break;
  }
}

// The extremes come after what they may refer to.
constexpr std::array kReadOrder = {
    LevelColumn::kCount, LevelColumn::kFirstBack, LevelColumn::kLastBack, LevelColumn::kStale,
    LevelColumn::kFirst, LevelColumn::kLast,      LevelColumn::kMin,      LevelColumn::kMax,
    LevelColumn::kSum,   LevelColumn::kDrops,
};

Error damaged(const Block& block, std::string_view what) {
  return Error(Code::kDataLoss, "metrics level " + block.path() + ": " + std::string(what));
}

}  // namespace

LevelReader::LevelReader(LevelFilePtr file, std::size_t series_count)
    : file_(std::move(file)), series_count_(series_count) {}

Result<bool> LevelReader::read_column(LevelColumn column, SeriesIndex series, Timestamp from,
                                      Timestamp to) {
  const auto number = static_cast<std::size_t>(column);
  auto& cursor = cursors_[number];
  if (!cursor) cursor = HF_TRY(file_->block()->cursor());
  HF_TRY(cursor->read(static_cast<SeriesIndex>(number * series_count_ + series), from, to, data_));
  return data_.size() > 0;
}

Result<void> LevelReader::read(SeriesIndex series, Timestamp from, Timestamp to, unsigned fields,
                               std::vector<LevelBucket>& out) {
  out.clear();
  for (const LevelColumn column : kReadOrder) {
    if (!wanted(column, fields)) continue;
    const bool any = HF_TRY(read_column(column, series, from, to));
    if (column == LevelColumn::kCount) {
      if (!any) return {};
      out.resize(data_.size());
      for (std::size_t i = 0; i < out.size(); ++i) out[i].end = (*data_.times)[i];
    }
    if (data_.size() != out.size()) return damaged(*file_->block(), "its columns differ in length");
    for (std::size_t i = 0; i < out.size(); ++i) put(column, data_.values[i], out[i]);
  }
  return {};
}

Result<void> LevelReader::read_samples(SeriesIndex series, Timestamp from, Timestamp to,
                                       SeriesData& out) {
  auto& cursor = cursors_[kLevelColumns];
  if (!cursor) cursor = HF_TRY(file_->block()->cursor());
  return cursor->read(series, from, to, out);
}

Result<LevelFilePtr> LevelFile::open(FileSystem& files, const std::string& path,
                                     std::shared_ptr<Block::Caches> caches) {
  BlockPtr block = HF_TRY(Block::open(files, path, std::move(caches)));
  const BlockMeta& meta = block->meta();
  if (meta.resolution <= 0 || meta.sources.size() != 1)
    return damaged(*block, "it does not say what it sums up");
  std::string source = meta.sources.front();
  return LevelFilePtr(new LevelFile(std::move(block), std::move(source)));
}

Result<LevelFile::Found> LevelFile::find(const std::vector<Matcher>& matchers, Timestamp from,
                                         Timestamp to) const {
  Found found;
  found.view = HF_TRY(block_->view());
  std::vector<Matcher> all = matchers;
  const auto select = [&](char column, Timestamp until) {
    all.push_back(Matcher::equal(std::string(kColumnLabel), std::string(1, column)));
    auto series = found.view->select(all, from, until);
    all.pop_back();
    return series;
  };
  found.with_samples = select(kHistogramColumn, to);
  {
    const std::lock_guard lock(mutex_);
    if (!with_buckets_) {
      const auto histograms = found.view->select(
          {Matcher::equal(std::string(kColumnLabel), std::string(1, kHistogramColumn))},
          model::kTimestampMin, model::kTimestampMax);
      with_buckets_ = (found.view->series_count() - histograms.size()) / kLevelColumns;
    }
    found.series_count = *with_buckets_;
  }
  // A sample at `to` lies in a bucket that ends up to a resolution later.
  found.with_buckets = select('0', to + resolution() - 1);
  return found;
}

void LevelFile::labels(const Block::View& view, SeriesIndex series, LabelViews& out) {
  view.labels(series, out);
  if (!out.empty() && out.front().name == kColumnLabel) out.erase(out.begin());
}

Fingerprint LevelFile::fingerprint_of(const Found& found, SeriesIndex series) const {
  // Each series once: by its first column, those with histograms behind them.
  const std::size_t others = found.series_count * (kLevelColumns - 1);
  const std::size_t place = series < found.series_count ? series : series - others;
  const std::lock_guard lock(mutex_);
  fingerprints_.resize(found.view->series_count() - others);
  Fingerprint& known = fingerprints_[place];
  if (known == Fingerprint()) {
    LabelViews views;
    labels(*found.view, series, views);
    std::string canonical;
    for (const LabelView& label : views) {
      canonical.append(label.name).push_back('\xff');
      canonical.append(label.value).push_back('\xff');
    }
    known = fingerprint(canonical);
  }
  return known;
}

}  // namespace holdfast::metrics
