#include "metrics/block/block_index.h"

#include <algorithm>

#include "base/bytes.h"
#include "metrics/block/columns.h"

namespace holdfast::metrics {

// Reads the two parts about series into an index, each claim checked before it is believed.
class IndexDecoder {
 public:
  IndexDecoder(BlockIndex& index, const BlockMeta& meta) : index_(index), meta_(meta) {}

  Result<void> labels(std::string_view raw);
  Result<void> directory(std::string_view raw, std::uint64_t data_size);

 private:
  Result<void> shapes(ByteReader& in);
  Result<void> rows();
  Result<void> regions(ByteReader& in, std::uint64_t data_size);
  Result<void> pages(ByteReader& in);
  Result<void> spans(ByteReader& in);
  Result<void> groups(ByteReader& in);
  Result<void> pieces(ByteReader& in);
  Result<void> twins(ByteReader& in);
  std::vector<std::uint32_t> regions_of(RegionKind kind) const;

  BlockIndex& index_;
  const BlockMeta& meta_;
};

Result<void> IndexDecoder::shapes(ByteReader& in) {
  const std::uint64_t shape_count = in.varint();
  if (shape_count > in.left() + 1) return block_damage("the index has too many shapes");
  for (std::uint64_t s = 0; s < shape_count; ++s) {
    BlockIndex::Shape shape;
    const std::uint64_t name_count = in.varint();
    if (name_count > in.left()) return block_damage("a shape has too many labels");
    for (std::uint64_t i = 0; i < name_count; ++i) {
      const std::uint64_t name = in.varint();
      if (name >= index_.symbols_.size() || (i > 0 && name <= shape.names.back()))
        return block_damage("a shape has a wrong label name");
      shape.names.push_back(static_cast<Symbol>(name));
    }
    index_.shapes_.push_back(std::move(shape));
  }
  return in.ok() ? Result<void>() : block_damage("the shapes end early");
}

// Where each series' row is: the rows of a shape lie together, in the order of its series.
Result<void> IndexDecoder::rows() {
  for (const std::uint32_t shape : index_.shape_of_) ++index_.shapes_[shape].series_count;
  std::uint64_t begin = 0;
  std::vector<std::uint32_t> next;
  for (BlockIndex::Shape& shape : index_.shapes_) {
    if (shape.series_count == 0) return block_damage("a shape has no series");
    shape.row_begin = static_cast<std::uint32_t>(begin);
    next.push_back(shape.row_begin);
    begin += std::uint64_t{shape.series_count} * shape.names.size();
    if (begin > UINT32_MAX) return block_damage("the index has too many labels");
  }
  index_.row_of_.resize(index_.shape_of_.size());
  for (std::size_t i = 0; i < index_.shape_of_.size(); ++i) {
    const std::uint32_t shape = index_.shape_of_[i];
    index_.row_of_[i] = next[shape];
    next[shape] += static_cast<std::uint32_t>(index_.shapes_[shape].names.size());
  }
  index_.refs_.resize(begin);
  return {};
}

Result<void> IndexDecoder::labels(std::string_view raw) {
  ByteReader in(raw);
  HF_TRY(shapes(in));
  index_.shape_of_.resize(meta_.series_count);
  if (!get_column(in, meta_.series_count, index_.shapes_.size(), index_.shape_of_.data()))
    return block_damage("the shapes of the series are wrong");
  HF_TRY(rows());
  for (const BlockIndex::Shape& shape : index_.shapes_) {
    const std::size_t width = shape.names.size();
    for (std::size_t i = 0; i < width; ++i) {
      std::uint32_t* column = index_.refs_.data() + shape.row_begin + i;
      if (!get_column(in, shape.series_count, index_.symbols_.size(), column, width))
        return block_damage("a column of labels is wrong");
    }
  }
  if (!in.ok() || !in.at_end()) return block_damage("the labels do not end where they should");
  for (const BlockIndex::Shape& shape : index_.shapes_)
    index_.names_.insert(index_.names_.end(), shape.names.begin(), shape.names.end());
  std::sort(index_.names_.begin(), index_.names_.end());
  index_.names_.erase(std::unique(index_.names_.begin(), index_.names_.end()), index_.names_.end());
  return {};
}

Result<void> IndexDecoder::regions(ByteReader& in, std::uint64_t data_size) {
  const std::uint64_t count = in.varint();
  if (count > in.left()) return block_damage("the index has too many regions");
  index_.regions_.resize(count);
  for (RegionPlace& region : index_.regions_) {
    const std::uint8_t kind = in.u8();
    if (kind >= kRegionKindCount) return block_damage("a region is of no known kind");
    region.kind = static_cast<RegionKind>(kind);
  }
  std::uint64_t at = kBlockFileMagic.size();
  for (RegionPlace& region : index_.regions_) {
    const std::uint64_t size = in.varint();
    if (size > kBlockRegionSizeMax || at > data_size || size > data_size - at)
      return block_damage("a region lies outside the file");
    region.offset = at;
    region.size = static_cast<std::uint32_t>(size);
    at += size;
  }
  for (RegionPlace& region : index_.regions_) region.crc = in.u32();
  if (!in.ok() || at != data_size) return block_damage("the regions do not fill the file");
  return {};
}

std::vector<std::uint32_t> IndexDecoder::regions_of(RegionKind kind) const {
  std::vector<std::uint32_t> found;
  for (std::uint32_t i = 0; i < index_.regions_.size(); ++i) {
    if (index_.regions_[i].kind == kind) found.push_back(i);
  }
  return found;
}

Result<void> IndexDecoder::pages(ByteReader& in) {
  const std::vector<std::uint32_t> regions = regions_of(RegionKind::kTimes);
  if (in.varint() != regions.size()) return block_damage("there are pages without a region");
  Timestamp before = 0;
  for (const std::uint32_t region : regions) {
    BlockIndex::Page page;
    page.region = region;
    page.column_begin = static_cast<std::uint32_t>(index_.time_columns_.size());
    const std::uint64_t count = in.varint();
    if (count > in.left()) return block_damage("a page has too many columns");
    page.column_count = static_cast<std::uint32_t>(count);
    std::uint64_t times = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t length = in.varint();
      before = static_cast<Timestamp>(static_cast<std::uint64_t>(before) +
                                      static_cast<std::uint64_t>(in.zigzag()));
      const auto max = static_cast<Timestamp>(static_cast<std::uint64_t>(before) + in.varint());
      times += length;
      if (length == 0 || length > kSeriesSamplesMax || max < before)
        return block_damage("a column of timestamps is wrong");
      index_.time_columns_.push_back({static_cast<std::uint32_t>(length), before, max});
    }
    if (count > 1 && times > kPageTimesMax) return block_damage("a page has too many timestamps");
    index_.pages_.push_back(page);
  }
  return in.ok() ? Result<void>() : block_damage("the pages end early");
}

Result<void> IndexDecoder::spans(ByteReader& in) {
  const std::uint64_t count = in.varint();
  if (count > in.left()) return block_damage("the index has too many spans of time");
  std::int64_t column = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    column += in.zigzag();
    const std::uint64_t first = in.varint();
    const std::uint64_t behind = in.varint();
    if (!in.ok() || column < 0 || column >= static_cast<std::int64_t>(index_.time_columns_.size()))
      return block_damage("a span of time is wrong");
    const TimeColumnInfo& whole = index_.time_columns_[static_cast<std::size_t>(column)];
    if (first >= whole.count || behind >= whole.count - first)
      return block_damage("a span of time lies outside its column");
    TimeSpan span{static_cast<std::uint32_t>(column), static_cast<std::uint32_t>(first),
                  static_cast<std::uint32_t>(whole.count - first - behind), whole.min, whole.max};
    if (span.count < whole.count) {
      span.min = static_cast<Timestamp>(static_cast<std::uint64_t>(whole.min) + in.varint());
      span.max = static_cast<Timestamp>(static_cast<std::uint64_t>(whole.max) - in.varint());
      if (span.min < whole.min || span.max > whole.max || span.min > span.max)
        return block_damage("a span of time lies outside its column");
    }
    index_.spans_.push_back(span);
  }
  index_.span_of_.resize(meta_.series_count);
  if (!get_column(in, meta_.series_count, index_.spans_.size(), index_.span_of_.data()))
    return block_damage("the spans of the series are wrong");
  return {};
}

Result<void> IndexDecoder::groups(ByteReader& in) {
  const std::vector<std::uint32_t> regions = regions_of(RegionKind::kValues);
  if (in.varint() != regions.size()) return block_damage("there are groups without a region");
  std::uint64_t series = 0;
  std::uint64_t samples = 0;
  for (const std::uint32_t region : regions) {
    BlockIndex::Group group;
    group.region = region;
    group.series_begin = static_cast<SeriesIndex>(series);
    const std::uint64_t count = in.varint();
    if (count == 0 || count > meta_.series_count - series)
      return block_damage("a group has a wrong number of series");
    group.series_count = static_cast<std::uint32_t>(count);
    for (std::uint32_t i = 0; i < group.series_count; ++i)
      group.sample_count += index_.spans_[index_.span_of_[series + i]].count;
    series += group.series_count;
    samples += group.sample_count;
    index_.groups_.push_back(group);
  }
  if (!in.ok() || series != meta_.series_count || samples != meta_.sample_count)
    return block_damage("the groups do not hold all series");
  return {};
}

Result<void> IndexDecoder::pieces(ByteReader& in) {
  const std::vector<std::uint32_t> regions = regions_of(RegionKind::kHistograms);
  if (in.varint() != regions.size()) return block_damage("there are histograms without a region");
  std::uint64_t series = 0;
  for (const std::uint32_t region : regions) {
    series += in.varint();
    const std::uint64_t first = in.varint();
    const std::uint64_t count = in.varint();
    if (!in.ok() || series >= meta_.series_count) return block_damage("histograms of no series");
    const std::uint64_t samples = index_.span_of(static_cast<SeriesIndex>(series)).count;
    if (count == 0 || first >= samples || count > samples - first)
      return block_damage("histograms lie outside their series");
    const BlockIndex::Piece piece{region, static_cast<std::uint32_t>(first),
                                  static_cast<std::uint32_t>(count)};
    std::vector<BlockIndex::Histograms>& all = index_.histograms_;
    if (all.empty() || all.back().series != series) {
      all.push_back(
          {static_cast<SeriesIndex>(series), static_cast<std::uint32_t>(index_.pieces_.size()), 0});
    } else if (const BlockIndex::Piece& last = index_.pieces_.back();
               piece.first < last.first + last.count) {
      return block_damage("histograms overlap");
    }
    ++all.back().piece_count;
    index_.pieces_.push_back(piece);
  }
  return {};
}

Result<void> IndexDecoder::twins(ByteReader& in) {
  const std::uint64_t count = in.varint();
  if (count > in.left()) return block_damage("the index has too many twins");
  std::uint64_t series = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t step = in.varint();
    const std::uint64_t back = in.varint();
    if (!in.ok() || (i > 0 && step == 0) || step >= meta_.series_count - series)
      return block_damage("a twin is of no series");
    series += step;
    if (back == 0 || back > series) return block_damage("a twin is of no series before it");
    const auto source = static_cast<SeriesIndex>(series - back);
    // One look is enough for a reader: a source is no twin itself.
    if (index_.values_of(source) != source || index_.span_of_[series] != index_.span_of_[source])
      return block_damage("a twin differs from its source");
    index_.twins_.push_back({static_cast<SeriesIndex>(series), source});
  }
  return {};
}

Result<void> IndexDecoder::directory(std::string_view raw, std::uint64_t data_size) {
  ByteReader in(raw);
  HF_TRY(regions(in, data_size));
  HF_TRY(pages(in));
  HF_TRY(spans(in));
  HF_TRY(groups(in));
  HF_TRY(pieces(in));
  HF_TRY(twins(in));
  if (!in.at_end()) return block_damage("the directory does not end where it should");
  return {};
}

Result<std::shared_ptr<const BlockIndex>> BlockIndex::decode(const BlockMeta& meta,
                                                             const Parts& parts,
                                                             std::uint64_t data_size,
                                                             const Limits& limits) {
  if (meta.series_count > limits.series_max) return block_damage("the index has too many series");
  auto index = std::make_shared<BlockIndex>();
  index->min_time_ = meta.min_time;
  index->max_time_ = meta.max_time;
  index->symbols_ = HF_TRY(Symbols::decode(parts.symbols, limits.symbol_size_max));
  IndexDecoder decoder(*index, meta);
  HF_TRY(decoder.labels(parts.labels));
  HF_TRY(decoder.directory(parts.directory, data_size));
  index->postings_.resize(index->names_.size());
  return std::shared_ptr<const BlockIndex>(std::move(index));
}

SeriesIndex BlockIndex::values_of(SeriesIndex series) const {
  const auto it = std::lower_bound(twins_.begin(), twins_.end(), series,
                                   [](const Twin& t, SeriesIndex s) { return t.series < s; });
  return it == twins_.end() || it->series != series ? series : it->source;
}

std::uint32_t BlockIndex::group_of(SeriesIndex series) const {
  const auto it =
      std::upper_bound(groups_.begin(), groups_.end(), series,
                       [](SeriesIndex s, const Group& g) { return s < g.series_begin; });
  return static_cast<std::uint32_t>(it - groups_.begin()) - 1;
}

std::uint32_t BlockIndex::page_of(std::uint32_t time_column) const {
  const auto it =
      std::upper_bound(pages_.begin(), pages_.end(), time_column,
                       [](std::uint32_t c, const Page& p) { return c < p.column_begin; });
  return static_cast<std::uint32_t>(it - pages_.begin()) - 1;
}

std::span<const BlockIndex::Piece> BlockIndex::pieces_of(SeriesIndex series) const {
  const auto it = std::lower_bound(histograms_.begin(), histograms_.end(), series,
                                   [](const Histograms& h, SeriesIndex s) { return h.series < s; });
  if (it == histograms_.end() || it->series != series) return {};
  return std::span(pieces_).subspan(it->piece_begin, it->piece_count);
}

std::size_t BlockIndex::memory_size() const {
  return sizeof(*this) + symbols_.memory_size() + refs_.size() * 8 + shape_of_.size() * 12 +
         shapes_.size() * 64 + regions_.size() * sizeof(RegionPlace) +
         time_columns_.size() * sizeof(TimeColumnInfo) + spans_.size() * sizeof(TimeSpan) +
         groups_.size() * sizeof(Group) + pieces_.size() * sizeof(Piece) +
         twins_.size() * sizeof(Twin) + pages_.size() * sizeof(Page) +
         histograms_.size() * sizeof(Histograms);
}

}  // namespace holdfast::metrics
