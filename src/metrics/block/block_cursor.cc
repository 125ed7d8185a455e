// Reading series one after another. Neighbours lie in one group and their times in one column, so a
// cursor keeps the group it is in, and for each span of time the part of it that was asked for last.
#include <xxhash.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "metrics/block/block_file.h"
#include "metrics/codec/partition.h"

namespace holdfast::metrics {

namespace {

constexpr std::uint64_t kTileColumnsMax = 64;

class FileCursor final : public BlockFileCursor {
 public:
  FileCursor(std::shared_ptr<const BlockFile> file, BlockIndexPtr index, CacheUse use)
      : file_(std::move(file)), index_(std::move(index)), use_(use) {}

  Result<void> read(SeriesIndex series, Timestamp from, Timestamp to, SeriesData& out) override;
  std::size_t times_held() const override { return times_held_; }

 private:
  struct Part {  // of a span: what lies in the range asked for
    Timestamp from = 0;
    Timestamp to = 0;
    std::uint32_t begin = 0;  // among the samples of the series
    TimesPtr times;
  };
  Result<const Part*> part_of(SeriesIndex series, Timestamp from, Timestamp to);
  Result<TimesPtr> column(std::uint32_t number);
  TimesPtr shared(TimesPtr times);
  void enter_group(SeriesIndex series);
  Result<void> decode(SeriesIndex series, std::size_t first, std::size_t count, double* out);
  Result<void> read_values(SeriesIndex series, std::size_t first, SeriesData& out);
  Result<void> read_runs(SeriesIndex series, std::size_t first, std::size_t count, double* out);
  Result<void> read_tile(SeriesIndex series, std::size_t first, std::size_t count, double* out);
  Result<TilePtr> decode_tile(SeriesIndex begin, SeriesIndex end);
  Result<void> read_histograms(SeriesIndex series, std::uint32_t begin, std::size_t count,
                               SeriesData& out);
  void drop_hidden(SeriesIndex series, SeriesData& out);

  std::shared_ptr<const BlockFile> file_;
  BlockIndexPtr index_;
  CacheUse use_;

  std::uint32_t group_number_ = UINT32_MAX;
  ColumnGroupPtr group_;          // null until a value of it is to be decoded
  ColumnGroup::Scratch scratch_;  // buckets of a histogram are decoded together
  SeriesIndex tile_begin_ = 0;    // of tile_
  SeriesIndex tile_end_ = 0;
  TilePtr tile_;
  std::vector<double> decoded_;
  bool has_nan_ = false;  // this and the next: of the tiles a read took from, as far as they tell
  bool falls_ = false;
  std::uint32_t page_number_ = 0;
  TimesPage page_;
  std::unordered_map<std::uint32_t, Part> parts_;                       // by span
  std::map<std::pair<std::uint32_t, std::uint64_t>, TimesPtr> slices_;  // by column, begin and size
  std::unordered_multimap<std::uint64_t, TimesPtr> by_content_;         // what tombstones left over
  std::size_t times_held_ = 0;
  TimesPtr none_ = std::make_shared<const std::vector<Timestamp>>();

  std::uint64_t tombstones_version_ = 0;
  std::shared_ptr<const Tombstones> tombstones_;
  std::vector<TimeRange> hidden_;
};

Result<TimesPtr> FileCursor::column(std::uint32_t number) {
  const std::uint32_t page = index_->page_of(number);
  if (!page_ || page != page_number_) {
    page_ = HF_TRY(file_->page(*index_, page, use_));
    page_number_ = page;
  }
  return (*page_)[number - index_->pages()[page].column_begin];
}

TimesPtr FileCursor::shared(TimesPtr times) {
  const std::uint64_t hash = XXH3_64bits(times->data(), times->size() * sizeof(Timestamp));
  const auto [begin, end] = by_content_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (*it->second == *times) return it->second;
  }
  times_held_ += times->size();
  return by_content_.emplace(hash, std::move(times))->second;
}

Result<const FileCursor::Part*> FileCursor::part_of(SeriesIndex series, Timestamp from,
                                                    Timestamp to) {
  Part& part = parts_[index_->span_index(series)];
  if (part.times && part.from == from && part.to == to) return &part;
  const TimeSpan& span = index_->span_of(series);
  const TimesPtr whole = HF_TRY(column(span.column));
  const auto first = whole->begin() + span.first;
  const auto end = first + span.count;
  if (*first != span.min || *(end - 1) != span.max)
    return block_damage("a span of time differs from its column")
        .context("metrics block " + file_->path());
  const auto low = std::lower_bound(first, end, from);
  const auto high = std::upper_bound(low, end, to);
  TimesPtr times;
  if (low >= high) {
    times = none_;
  } else {
    // Spans of one column that come to the same part of it are the same times. Columns differ.
    const auto begin = static_cast<std::uint64_t>(low - whole->begin());
    const auto size = static_cast<std::uint64_t>(high - low);
    TimesPtr& slice = slices_[{span.column, begin << 32 | size}];
    if (!slice) {
      slice =
          size == whole->size() ? whole : std::make_shared<const std::vector<Timestamp>>(low, high);
      times_held_ += size;
    }
    times = slice;
  }
  part = {from, to, static_cast<std::uint32_t>(low - first), std::move(times)};
  return &part;
}

void FileCursor::enter_group(SeriesIndex series) {
  if (group_number_ != UINT32_MAX) {
    const BlockIndex::Group& entered = index_->groups()[group_number_];
    if (series - entered.series_begin < entered.series_count) return;
  }
  group_number_ = index_->group_of(series);
  group_ = nullptr;
}

Result<void> FileCursor::decode(SeriesIndex series, std::size_t first, std::size_t count,
                                double* out) {
  if (!group_) group_ = HF_TRY(file_->group(*index_, group_number_, use_));
  const BlockIndex::Group& place = index_->groups()[group_number_];
  auto decoded = group_->decode(series - place.series_begin, first, count, out, scratch_);
  if (decoded) return {};
  return std::move(decoded).error().context("metrics block " + file_->path() + ": group at byte " +
                                            std::to_string(index_->region(place.region).offset));
}

Result<void> FileCursor::read_values(SeriesIndex series, std::size_t first, SeriesData& out) {
  series = index_->values_of(series);
  enter_group(series);
  double* const values = out.values.data();
  const std::size_t count = out.values.size();
  if (use_ == CacheUse::kPass || !file_->keeps_decoded())
    return decode(series, first, count, values);
  has_nan_ = falls_ = false;
  if (index_->span_of(series).count > codec::kRun) {
    HF_TRY(read_runs(series, first, count, values));
  } else {
    HF_TRY(read_tile(series, first, count, values));
  }
  out.no_nan = !has_nan_;
  out.never_falls = !falls_;
  return {};
}

// A long column, run by run. Runs that are not kept and lie side by side are decoded together.
Result<void> FileCursor::read_runs(SeriesIndex series, std::size_t first, std::size_t count,
                                   double* out) {
  const codec::Partition runs(index_->span_of(series).count);
  const std::size_t last = runs.run_of(first + count - 1);
  const auto give = [&](const Tile& tile, std::size_t run, bool given = false) {
    const std::size_t begin = std::max(runs.begin(run), first);
    const std::size_t end = std::min(runs.begin(run) + runs.size(run), first + count);
    double* const to = out + (begin - first);
    if (!given) tile.give(0, begin - runs.begin(run), end - begin, to);
    has_nan_ |= tile.has_nan();
    falls_ |= tile.falls() || (begin > first && to[0] < to[-1]);
  };
  // Of a run that is not kept: nothing is known of its values.
  const auto take = [&](std::span<const double> values, std::size_t run, bool given) {
    const std::size_t begin = std::max(runs.begin(run), first);
    const std::size_t end = std::min(runs.begin(run) + runs.size(run), first + count);
    if (!given)
      std::copy_n(values.data() + (begin - runs.begin(run)), end - begin, out + (begin - first));
    has_nan_ = falls_ = true;
  };
  const auto place_of = [](std::size_t run) { return static_cast<std::uint32_t>(run + 1); };
  for (std::size_t run = runs.run_of(first); run <= last;) {
    TilePtr kept = file_->tile(series, place_of(run));
    if (kept) {
      give(*kept, run++);
      continue;
    }
    const std::size_t missing = run;
    for (++run; run <= last && !kept; run += !kept) kept = file_->tile(series, place_of(run));
    const std::size_t begin = runs.begin(missing);
    const std::size_t end = runs.begin(run - 1) + runs.size(run - 1);
    // Where all of it is asked for it is decoded in its place.
    const bool whole = begin >= first && end <= first + count;
    if (!whole) decoded_.resize(end - begin);
    double* const decoded = whole ? out + (begin - first) : decoded_.data();
    HF_TRY(decode(series, begin, end - begin, decoded));
    for (std::size_t i = missing; i < run; ++i) {
      const std::span<const double> values(decoded + (runs.begin(i) - begin), runs.size(i));
      if (!file_->worth_keeping(series, place_of(i))) {
        take(values, i, whole);
        continue;
      }
      TilePtr tile = Tile::make(values, {});
      give(*tile, i, whole);
      file_->keep(series, place_of(i), std::move(tile));
    }
    if (kept) give(*kept, run++);
  }
  return {};
}

// A short column, with its neighbours.
Result<void> FileCursor::read_tile(SeriesIndex series, std::size_t first, std::size_t count,
                                   double* out) {
  if (!tile_ || series < tile_begin_ || series >= tile_end_) {
    const BlockIndex::Group& group = index_->groups()[group_number_];
    const std::uint64_t mean = std::max<std::uint64_t>(1, group.sample_count / group.series_count);
    const auto width = static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(codec::kRun / mean, 1, kTileColumnsMax));
    tile_ = {};
    tile_begin_ = series - (series - group.series_begin) % width;
    tile_end_ = std::min(tile_begin_ + width, group.series_begin + group.series_count);
    TilePtr tile = file_->tile(tile_begin_, 0);
    if (!tile) {
      if (!file_->worth_keeping(tile_begin_, 0)) {
        has_nan_ = falls_ = true;  // as far as is known
        return decode(series, first, count, out);
      }
      tile = HF_TRY(decode_tile(tile_begin_, tile_end_));
      file_->keep(tile_begin_, 0, tile);
    }
    tile_ = std::move(tile);
  }
  tile_->give(series - tile_begin_, first, count, out);
  has_nan_ = tile_->has_nan();
  falls_ = tile_->falls();
  return {};
}

Result<TilePtr> FileCursor::decode_tile(SeriesIndex begin, SeriesIndex end) {
  decoded_.clear();
  std::vector<std::uint32_t> ends;
  ends.reserve(end - begin);
  for (SeriesIndex series = begin; series < end; ++series) {
    const std::size_t count = index_->span_of(series).count;
    if (count <= codec::kRun) {  // a long one has runs of its own
      const std::size_t at = decoded_.size();
      decoded_.resize(at + count);
      HF_TRY(decode(series, 0, count, decoded_.data() + at));
    }
    ends.push_back(static_cast<std::uint32_t>(decoded_.size()));
  }
  return Tile::make(decoded_, ends);
}

Result<void> FileCursor::read(SeriesIndex series, Timestamp from, Timestamp to, SeriesData& out) {
  out.histograms.clear();
  if (series >= index_->series_count()) return invalid("the block has no such series");
  const Part* part = HF_TRY(part_of(series, from, to));
  out.times = part->times;
  const std::size_t count = part->times->size();
  out.values.resize(count);
  if (count == 0) return {};
  HF_TRY(read_values(series, part->begin, out));
  HF_TRY(read_histograms(series, part->begin, count, out));
  if (tombstones_version_ != file_->tombstones_version()) {
    tombstones_version_ = file_->tombstones_version();
    tombstones_ = file_->tombstones();
  }
  if (!tombstones_->empty()) drop_hidden(series, out);
  return {};
}

Result<void> FileCursor::read_histograms(SeriesIndex series, std::uint32_t begin, std::size_t count,
                                         SeriesData& out) {
  const std::size_t end = begin + count;
  for (const BlockIndex::Piece& piece : index_->pieces_of(series)) {
    if (piece.first >= end) break;
    const std::size_t piece_end = std::size_t{piece.first} + piece.count;
    if (piece_end <= begin) continue;
    auto histograms = HF_TRY(file_->piece(*index_, piece));
    for (std::size_t at = std::max<std::size_t>(begin, piece.first); at < std::min(end, piece_end);
         ++at) {
      if (!histograms[at - piece.first]) continue;
      if (out.histograms.empty()) out.histograms.resize(count);
      out.histograms[at - begin] = std::move(histograms[at - piece.first]);
    }
  }
  return {};
}

void FileCursor::drop_hidden(SeriesIndex series, SeriesData& out) {
  tombstones_->ranges(series, hidden_);
  const std::vector<Timestamp>& times = *out.times;
  std::erase_if(hidden_,
                [&](const TimeRange& r) { return r.from > times.back() || r.to < times.front(); });
  if (hidden_.empty()) return;
  std::vector<Timestamp> left;
  bool histograms = false;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const Timestamp t = times[i];
    const bool gone = std::any_of(hidden_.begin(), hidden_.end(),
                                  [t](const TimeRange& r) { return r.from <= t && t <= r.to; });
    if (gone) continue;
    out.values[left.size()] = out.values[i];
    if (!out.histograms.empty()) {
      if (left.size() != i) out.histograms[left.size()] = std::move(out.histograms[i]);
      histograms = histograms || out.histograms[left.size()];
    }
    left.push_back(t);
  }
  out.values.resize(left.size());
  if (!out.histograms.empty()) out.histograms.resize(histograms ? left.size() : 0);
  out.times = left.empty()
                  ? none_
                  : shared(std::make_shared<const std::vector<Timestamp>>(std::move(left)));
}

}  // namespace

Result<std::unique_ptr<BlockFileCursor>> BlockFile::cursor(CacheUse use) const {
  auto self = std::static_pointer_cast<const BlockFile>(shared_from_this());
  return std::unique_ptr<BlockFileCursor>(
      std::make_unique<FileCursor>(std::move(self), HF_TRY(index()), use));
}

Result<std::unique_ptr<Block::Cursor>> BlockFile::cursor() const {
  return std::unique_ptr<Cursor>(HF_TRY(cursor(CacheUse::kKeep)));
}

}  // namespace holdfast::metrics
