// Writing a level. The file wants the counts of all series first, then the sums, and so on; a source
// gives all numbers of one series at once. To hold everything between would take gigabytes for large
// blocks, so the source is read several times and each time as many columns are gathered as memory
// allows. What is gathered is a twentieth of what is read, or less.
#include <algorithm>
#include <unordered_map>

#include "metrics/block/block_file.h"
#include "metrics/levels/level_file.h"

namespace holdfast::metrics {

namespace {

// What the series of a block are summed up to, one after another, as often as asked.
class Summaries {
 public:
  virtual ~Summaries() = default;
  virtual SeriesIndex size() const = 0;
  virtual void labels(SeriesIndex series, LabelViews& out) const = 0;
  // Either fills `buckets`, or, for a series with histograms, `samples`. Neither: nothing is left.
  virtual Result<void> read(SeriesIndex series, std::vector<LevelBucket>& buckets,
                            SeriesData& samples) = 0;
};

bool has_histograms(const SeriesData& data) {
  return std::any_of(data.histograms.begin(), data.histograms.end(),
                     [](const auto& h) { return h != nullptr; });
}

// Whether counts fell, or the layout changed so that nobody can say.
bool may_be_reset(const model::Histogram& before, const model::Histogram& now) {
  return now.counter_reset == model::CounterReset::kReset || now.count < before.count ||
         now.zero_count < before.zero_count || now.schema != before.schema ||
         now.zero_threshold != before.zero_threshold ||
         now.positive_spans != before.positive_spans ||
         now.negative_spans != before.negative_spans || now.custom_values != before.custom_values ||
         !std::equal(before.positive_buckets.begin(), before.positive_buckets.end(),
                     now.positive_buckets.begin(), now.positive_buckets.end(),
                     [](double a, double b) { return a <= b; }) ||
         !std::equal(before.negative_buckets.begin(), before.negative_buckets.end(),
                     now.negative_buckets.begin(), now.negative_buckets.end(),
                     [](double a, double b) { return a <= b; });
}

// The samples that the increase over whole buckets depends on.
void thin_out(const SeriesData& in, std::int64_t resolution, SeriesData& out) {
  const std::vector<Timestamp>& times = *in.times;
  std::vector<Timestamp> kept;
  out.values.clear();
  out.histograms.clear();
  const auto end_of = [&](std::size_t i) { return bucket_end(times[i], resolution); };
  const auto breaks = [&](std::size_t i) {  // between i - 1 and i
    const auto &a = in.histograms[i - 1], &b = in.histograms[i];
    if (!a || !b) return true;  // floats and markers among histograms are rare: kept
    return end_of(i - 1) != end_of(i) || may_be_reset(*a, *b);
  };
  for (std::size_t i = 0; i < times.size(); ++i) {
    const bool last = i + 1 == times.size();
    if (i > 0 && !last && !breaks(i) && !breaks(i + 1)) continue;
    kept.push_back(times[i]);
    out.values.push_back(in.values[i]);
    out.histograms.push_back(in.histograms[i]);
  }
  out.times = std::make_shared<const std::vector<Timestamp>>(std::move(kept));
}

class SamplesSummed final : public Summaries {
 public:
  SamplesSummed(const BlockPtr& block, std::shared_ptr<const Block::View> view,
                std::int64_t resolution)
      : file_(std::static_pointer_cast<const BlockFile>(block)),
        view_(std::move(view)),
        resolution_(resolution),
        builder_(resolution) {}
  SeriesIndex size() const override { return static_cast<SeriesIndex>(view_->series_count()); }
  void labels(SeriesIndex series, LabelViews& out) const override { view_->labels(series, out); }
  Result<void> read(SeriesIndex series, std::vector<LevelBucket>& buckets,
                    SeriesData& samples) override {
    // Queries need what the caches hold more than this does.
    if (!cursor_ || cursor_->times_held() > kTimesHeldMax)
      cursor_ = HF_TRY(file_->cursor(CacheUse::kPass));
    HF_TRY(cursor_->read(series, model::kTimestampMin, model::kTimestampMax, data_));
    if (has_histograms(data_)) {
      thin_out(data_, resolution_, samples);
    } else {
      (void)builder_.add(data_);  // one part: there is nothing it could overlap
      builder_.take(buckets);
    }
    return {};
  }

 private:
  static constexpr std::size_t kTimesHeldMax = 8 << 20;
  std::shared_ptr<const BlockFile> file_;
  std::shared_ptr<const Block::View> view_;
  std::unique_ptr<BlockFileCursor> cursor_;
  const std::int64_t resolution_;
  BucketBuilder builder_;
  SeriesData data_;
};

class LevelSummed final : public Summaries {
 public:
  LevelSummed(const LevelFilePtr& finer, LevelFile::Found all, std::int64_t resolution)
      : all_(std::move(all)),
        reader_(finer, all_.series_count),
        resolution_(resolution),
        builder_(resolution) {}
  // In the order of labels: those with histograms stand apart in the file, and keep apart in the next.
  SeriesIndex size() const override {
    return static_cast<SeriesIndex>(all_.series_count + all_.with_samples.size());
  }
  void labels(SeriesIndex series, LabelViews& out) const override {
    LevelFile::labels(*all_.view, place(series), out);
  }
  Result<void> read(SeriesIndex series, std::vector<LevelBucket>& buckets,
                    SeriesData& samples) override {
    if (series < all_.series_count) {
      HF_TRY(reader_.read(series, model::kTimestampMin, model::kTimestampMax, kBucketAll, finer_));
      if (!builder_.add(finer_)) return internal("the buckets of a level overlap");
      builder_.take(buckets);
      return {};
    }
    HF_TRY(reader_.read_samples(place(series), model::kTimestampMin, model::kTimestampMax, data_));
    if (has_histograms(data_)) thin_out(data_, resolution_, samples);
    return {};
  }

 private:
  SeriesIndex place(SeriesIndex series) const {
    return series < all_.series_count ? series : all_.with_samples[series - all_.series_count];
  }

  LevelFile::Found all_;
  LevelReader reader_;
  const std::int64_t resolution_;
  BucketBuilder builder_;
  std::vector<LevelBucket> finer_;
  SeriesData data_;
};

double number_of(LevelColumn column, const LevelBucket& bucket) {
  switch (column) {
    case LevelColumn::kCount:
      return bucket.count;
    case LevelColumn::kSum:
      return bucket.sum;
    case LevelColumn::kMin:
      return bucket.min;
    case LevelColumn::kMax:
      return bucket.max;
    case LevelColumn::kFirst:
      return bucket.first;
    case LevelColumn::kLast:
      return bucket.last;
    case LevelColumn::kFirstBack:
      return static_cast<double>(bucket.end - bucket.first_time);
    case LevelColumn::kLastBack:
      return static_cast<double>(bucket.end - bucket.last_time);
    case LevelColumn::kDrops:
      return bucket.drops;
    case LevelColumn::kStale:
      return bucket.ends_stale ? 1 : 0;
  }
  return 0;
}

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

// The least of a counter's bucket is its first, the largest its last: said once where most are so.
void fill_column(LevelColumn column, const std::vector<LevelBucket>& buckets,
                 std::vector<double>& out) {
  out.clear();
  for (const LevelBucket& bucket : buckets) out.push_back(number_of(column, bucket));
  if (column != LevelColumn::kMin && column != LevelColumn::kMax) return;
  const auto other = [&](const LevelBucket& b) {
    return column == LevelColumn::kMin ? b.first : b.last;
  };
  std::size_t same = 0;
  for (std::size_t i = 0; i < out.size(); ++i) same += same_bits(out[i], other(buckets[i]));
  if (same * 4 < out.size() * 3) return;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (same_bits(out[i], other(buckets[i]))) out[i] = model::stale_marker();
  }
}

class LevelWriter {
 public:
  LevelWriter(FileSystem& files, Summaries& source, const LevelWrite& level)
      : files_(files), source_(source), level_(level) {}

  Result<bool> run() {
    HF_TRY(look());
    if (series_.empty() && histograms_.empty()) return false;
    BlockWriterOptions options;
    options.effort = Effort::kSmall;
    options.resolution = level_.resolution;
    options.sources = {level_.source};
    writer_ = HF_TRY(BlockWriter::create(files_, level_.folder, level_.name, options));
    const std::size_t column_bytes = std::max<std::size_t>(bucket_count_ * sizeof(double), 1);
    const auto at_once = static_cast<unsigned>(
        std::clamp<std::size_t>(kLevelMemoryMax / column_bytes, 1, kLevelColumns));
    for (unsigned first = 0; first < kLevelColumns; first += at_once)
      HF_TRY(write_columns(first, std::min(first + at_once, kLevelColumns)));
    HF_TRY(write_histograms());
    HF_TRY(writer_->finish());
    return true;
  }

 private:
  struct Series {
    SeriesIndex index;
    TimesPtr ends;
  };

  Result<void> go_on() const {
    if (level_.stop.stop_requested()) return Error(Code::kCanceled, "the level was stopped");
    return {};
  }

  // Which series there are, and the ends of their buckets, which many share.
  Result<void> look() {
    std::unordered_multimap<std::size_t, TimesPtr> known;
    std::vector<Timestamp> ends;
    for (SeriesIndex i = 0; i < source_.size(); ++i) {
      HF_TRY(go_on());
      HF_TRY(read(i));
      if (samples_.size() > 0) histograms_.push_back(i);
      if (buckets_.empty()) continue;
      ends.clear();
      std::size_t hash = buckets_.size();
      for (const LevelBucket& bucket : buckets_) {
        ends.push_back(bucket.end);
        hash = hash * 0x9e3779b97f4a7c15ULL + static_cast<std::size_t>(bucket.end);
      }
      TimesPtr shared;
      const auto [begin, end] = known.equal_range(hash);
      for (auto it = begin; it != end && !shared; ++it) {
        if (*it->second == ends) shared = it->second;
      }
      if (!shared) {
        shared = std::make_shared<const std::vector<Timestamp>>(ends);
        known.emplace(hash, shared);
      }
      bucket_count_ += buckets_.size();
      series_.push_back({i, std::move(shared)});
    }
    return {};
  }

  Result<void> read(SeriesIndex series) {
    buckets_.clear();
    samples_ = {};
    return source_.read(series, buckets_, samples_);
  }

  Result<void> add(char column, SeriesIndex series, const SeriesData& data) {
    source_.labels(series, labels_);
    const char text[] = {column};
    labels_.insert(labels_.begin(), {std::string_view(), std::string_view(text, 1)});
    return writer_->add(labels_, data);
  }

  Result<void> write_columns(unsigned first, unsigned end) {
    std::vector<std::vector<std::vector<double>>> gathered(end - first);
    for (auto& column : gathered) column.resize(series_.size());
    for (std::size_t s = 0; s < series_.size(); ++s) {
      HF_TRY(go_on());
      HF_TRY(read(series_[s].index));
      if (buckets_.size() != series_[s].ends->size())
        return internal("a block changed while its level was written");
      for (unsigned c = first; c < end; ++c)
        fill_column(static_cast<LevelColumn>(c), buckets_, gathered[c - first][s]);
    }
    SeriesData data;
    for (unsigned c = first; c < end; ++c) {
      for (std::size_t s = 0; s < series_.size(); ++s) {
        data.times = series_[s].ends;
        data.values = std::move(gathered[c - first][s]);
        HF_TRY(add(static_cast<char>('0' + c), series_[s].index, data));
      }
    }
    return {};
  }

  Result<void> write_histograms() {
    for (const SeriesIndex series : histograms_) {
      HF_TRY(go_on());
      HF_TRY(read(series));
      HF_TRY(add('h', series, samples_));
    }
    return {};
  }

  FileSystem& files_;
  Summaries& source_;
  const LevelWrite& level_;
  std::unique_ptr<BlockWriter> writer_;
  std::vector<Series> series_;
  std::vector<SeriesIndex> histograms_;
  std::size_t bucket_count_ = 0;
  std::vector<LevelBucket> buckets_;
  SeriesData samples_;
  LabelViews labels_;
};

}  // namespace

Result<bool> write_level(FileSystem& files, const BlockPtr& source, const LevelWrite& level) {
  const auto run = [&]() -> Result<bool> {
    SamplesSummed summaries(source, HF_TRY(source->view()), level.resolution);
    return LevelWriter(files, summaries, level).run();
  };
  return run().context("write metrics level " + level.name);
}

Result<bool> write_level(FileSystem& files, const LevelFilePtr& finer, const LevelWrite& level) {
  const auto run = [&]() -> Result<bool> {
    auto all = HF_TRY(finer->find({}, model::kTimestampMin, model::kTimestampMax));
    LevelSummed summaries(finer, std::move(all), level.resolution);
    return LevelWriter(files, summaries, level).run();
  };
  return run().context("write metrics level " + level.name);
}

}  // namespace holdfast::metrics
