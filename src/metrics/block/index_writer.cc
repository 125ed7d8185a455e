#include "metrics/block/index_writer.h"

#include "base/bytes.h"
#include "metrics/block/columns.h"

namespace holdfast::metrics {

void IndexWriter::add_series(std::span<const LabelRef> labels, std::uint32_t span) {
  bool same = labels.size() == names_before_.size() && !shape_names_.empty();
  for (std::size_t i = 0; same && i < labels.size(); ++i) same = labels[i].name == names_before_[i];
  if (!same) {
    names_before_.clear();
    for (const LabelRef& label : labels) names_before_.push_back(label.name);
    const auto [it, added] =
        shapes_.try_emplace(names_before_, static_cast<std::uint32_t>(shapes_.size()));
    if (added) {
      shape_names_.push_back(&it->first);
      shape_values_.emplace_back();
    }
    shape_before_ = it->second;
  }
  std::vector<Symbol>& values = shape_values_[shape_before_];
  for (const LabelRef& label : labels) values.push_back(label.value);
  shape_of_.push_back(shape_before_);
  span_of_.push_back(span);
}

void IndexWriter::add_region(RegionKind kind, std::uint64_t size, std::uint32_t crc) {
  regions_.push_back({kind, static_cast<std::uint32_t>(size), crc});
}
void IndexWriter::add_group(std::uint32_t series_count) { groups_.push_back(series_count); }
void IndexWriter::add_page(const std::vector<TimeColumnInfo>& columns) {
  pages_.push_back(columns);
}
void IndexWriter::add_piece(std::uint32_t first, std::uint32_t count) {
  pieces_.push_back({static_cast<std::uint32_t>(series_count()), first, count});
}
void IndexWriter::add_twin(SeriesIndex source) {
  twins_.push_back({static_cast<SeriesIndex>(series_count()), source});
}

std::string IndexWriter::encode_labels(const std::vector<Symbol>& rank) const {
  ByteWriter out;
  out.varint(shape_names_.size());
  for (const std::vector<Symbol>* names : shape_names_) {
    out.varint(names->size());
    for (const Symbol name : *names) out.varint(rank[name]);
  }
  put_column(out, shape_of_);
  std::vector<std::uint32_t> column;
  for (std::size_t shape = 0; shape < shape_names_.size(); ++shape) {
    const std::size_t width = shape_names_[shape]->size();
    const std::vector<Symbol>& values = shape_values_[shape];
    for (std::size_t i = 0; i < width; ++i) {
      column.clear();
      for (std::size_t at = i; at < values.size(); at += width) column.push_back(rank[values[at]]);
      put_column(out, column);
    }
  }
  return out.take();
}

std::string IndexWriter::encode_directory(const std::vector<TimeSpan>& spans) const {
  ByteWriter out;
  out.varint(regions_.size());
  for (const Region& region : regions_) out.u8(static_cast<std::uint8_t>(region.kind));
  for (const Region& region : regions_) out.varint(region.size);
  for (const Region& region : regions_) out.u32(region.crc);
  out.varint(pages_.size());
  std::vector<TimeColumnInfo> columns;
  Timestamp before = 0;
  for (const std::vector<TimeColumnInfo>& page : pages_) {
    out.varint(page.size());
    for (const TimeColumnInfo& column : page) {
      out.varint(column.count);
      out.zigzag(column.min - before);
      out.varint(static_cast<std::uint64_t>(column.max) - static_cast<std::uint64_t>(column.min));
      before = column.min;
      columns.push_back(column);
    }
  }
  out.varint(spans.size());
  std::int64_t column_before = 0;
  for (const TimeSpan& span : spans) {
    const TimeColumnInfo& column = columns[span.column];
    out.zigzag(std::int64_t{span.column} - column_before);
    column_before = span.column;
    out.varint(span.first);
    out.varint(column.count - span.first - span.count);
    if (span.count == column.count) continue;
    out.varint(static_cast<std::uint64_t>(span.min) - static_cast<std::uint64_t>(column.min));
    out.varint(static_cast<std::uint64_t>(column.max) - static_cast<std::uint64_t>(span.max));
  }
  put_column(out, span_of_);
  out.varint(groups_.size());
  for (const std::uint32_t series_count : groups_) out.varint(series_count);
  out.varint(pieces_.size());
  std::uint32_t series_before = 0;
  for (const Piece& piece : pieces_) {
    out.varint(piece.series - series_before);
    out.varint(piece.first);
    out.varint(piece.count);
    series_before = piece.series;
  }
  out.varint(twins_.size());
  series_before = 0;
  for (const Twin& twin : twins_) {
    out.varint(twin.series - series_before);
    out.varint(twin.series - twin.source);
    series_before = twin.series;
  }
  return out.take();
}

IndexWriter::Encoded IndexWriter::encode(const std::vector<TimeSpan>& spans) {
  std::vector<std::string_view> sorted;
  const std::vector<Symbol> rank = interner_.ranks(sorted);
  return {encode_symbols(sorted), encode_labels(rank), encode_directory(spans)};
}

}  // namespace holdfast::metrics
