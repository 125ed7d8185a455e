// Reading series one after another. Neighbours lie in one group and their times in one column, so a
// cursor keeps the group it is in, and for each span of time the part of it that was asked for last.
#include <xxhash.h>

#include <algorithm>
#include <unordered_map>

#include "metrics/block/block_file.h"

namespace holdfast::metrics {

namespace {

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
  Result<void> open_group(SeriesIndex series);
  Result<void> read_histograms(SeriesIndex series, std::uint32_t begin, std::size_t count,
                               SeriesData& out);
  void drop_hidden(SeriesIndex series, SeriesData& out);

  std::shared_ptr<const BlockFile> file_;
  BlockIndexPtr index_;
  CacheUse use_;

  std::uint32_t group_number_ = 0;
  ColumnGroupPtr group_;
  ColumnGroup::Scratch scratch_;  // buckets of a histogram are decoded together
  std::uint32_t page_number_ = 0;
  TimesPage page_;
  std::unordered_map<std::uint32_t, Part> parts_;                // by span
  std::unordered_multimap<std::uint64_t, TimesPtr> by_content_;  // equal times, equal pointers
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
  } else if (low == whole->begin() && high == whole->end()) {
    times = shared(whole);
  } else {
    times = shared(std::make_shared<const std::vector<Timestamp>>(low, high));
  }
  part = {from, to, static_cast<std::uint32_t>(low - first), std::move(times)};
  return &part;
}

Result<void> FileCursor::open_group(SeriesIndex series) {
  if (group_) {
    const BlockIndex::Group& open = index_->groups()[group_number_];
    if (series - open.series_begin < open.series_count) return {};
  }
  const std::uint32_t number = index_->group_of(series);
  group_ = nullptr;
  group_ = HF_TRY(file_->group(*index_, number, use_));
  group_number_ = number;
  return {};
}

Result<void> FileCursor::read(SeriesIndex series, Timestamp from, Timestamp to, SeriesData& out) {
  out.histograms.clear();
  if (series >= index_->series_count()) return invalid("the block has no such series");
  const Part* part = HF_TRY(part_of(series, from, to));
  out.times = part->times;
  const std::size_t count = part->times->size();
  out.values.resize(count);
  if (count == 0) return {};
  HF_TRY(open_group(series));
  const BlockIndex::Group& group = index_->groups()[group_number_];
  const std::uint32_t column = series - group.series_begin;
  if (auto decoded = group_->decode(column, part->begin, count, out.values.data(), scratch_);
      !decoded) {
    return std::move(decoded).error().context("metrics block " + file_->path() +
                                              ": group at byte " +
                                              std::to_string(index_->region(group.region).offset));
  }
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
