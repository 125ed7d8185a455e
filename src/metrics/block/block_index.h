// metrics/block/block_index.h: the decoded index of a block: who the series are and where they lie.
//
// Purpose     Answers matchers and labels, and tells where the samples of a series are.
// Memory      32 bits a label and three words a series; the labels of series with the same label names (a
//             shape) are rows of one matrix of symbols. Postings are made at the first question about a
//             label name, by counting, and kept: 32 bits a series.
// Errors      decode() answers kDataLoss for bytes encode_index() did not write.
// Threads     From any thread; postings are made under a lock.
// Source      Matcher evaluation as in any inverted index (Manning et al., "Introduction to Information
//             Retrieval", chapter 1); the rule for matchers that accept the empty value is PromQL's.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/block/block.h"
#include "metrics/block/format.h"
#include "metrics/block/symbols.h"
#include "metrics/block/time_columns.h"

namespace holdfast::metrics {

struct LabelRef {
  Symbol name = 0;
  Symbol value = 0;
  auto operator<=>(const LabelRef&) const = default;
};

// The series of a label name by value: ids[begin[i]..begin[i+1]) have values[i], ascending.
struct Postings {
  std::vector<Symbol> values;  // ascending
  std::vector<std::uint32_t> begin;
  std::vector<SeriesIndex> ids;
  std::span<const SeriesIndex> of(std::size_t value_index) const {
    return std::span(ids).subspan(begin[value_index], begin[value_index + 1] - begin[value_index]);
  }
};
using PostingsPtr = std::shared_ptr<const Postings>;

struct RegionPlace {
  RegionKind kind = RegionKind::kValues;
  std::uint64_t offset = 0;
  std::uint32_t size = 0;
  std::uint32_t crc = 0;
};

class BlockIndex final : public Block::View {
 public:
  struct Parts {  // expanded
    std::string_view symbols;
    std::string_view labels;
    std::string_view directory;
  };
  struct Limits {
    std::uint64_t series_max = kBlockSeriesMax;
    std::uint64_t symbol_size_max = kBlockSymbolSizeMax;
  };
  static Result<std::shared_ptr<const BlockIndex>> decode(const BlockMeta& meta, const Parts& parts,
                                                          std::uint64_t data_size,
                                                          const Limits& limits);

  std::vector<SeriesIndex> select(const std::vector<Matcher>& matchers, Timestamp from,
                                  Timestamp to) const override;
  std::optional<SeriesIndex> find(const LabelViews& labels) const override;
  std::size_t series_count() const override { return shape_of_.size(); }
  void labels(SeriesIndex series, LabelViews& out) const override;
  std::string_view label(SeriesIndex series, std::string_view name) const override;
  int compare(SeriesIndex series, const LabelViews& other) const override;
  Timestamp min_time(SeriesIndex series) const override { return span_of(series).min; }
  Timestamp max_time(SeriesIndex series) const override { return span_of(series).max; }
  std::uint64_t sample_count(SeriesIndex series) const override { return span_of(series).count; }
  std::vector<std::string_view> label_names() const override;
  std::vector<std::string_view> label_values(std::string_view name) const override;

  // ---- for merges: labels as symbols ----
  const Symbols& symbols() const { return symbols_; }
  std::size_t label_count(SeriesIndex series) const {
    return shapes_[shape_of_[series]].names.size();
  }
  LabelRef label_ref(SeriesIndex series, std::size_t i) const {
    return {shapes_[shape_of_[series]].names[i], refs_[row_of_[series] + i]};
  }

  // ---- for reads: where the samples are ----
  struct Group {
    std::uint32_t region = 0;
    SeriesIndex series_begin = 0;
    std::uint32_t series_count = 0;
    std::uint64_t sample_count = 0;
  };
  struct Page {
    std::uint32_t region = 0;
    std::uint32_t column_begin = 0;
    std::uint32_t column_count = 0;
  };
  struct Piece {
    std::uint32_t region = 0;
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };
  const TimeSpan& span_of(SeriesIndex series) const { return spans_[span_of_[series]]; }
  std::uint32_t span_index(SeriesIndex series) const { return span_of_[series]; }
  const std::vector<Group>& groups() const { return groups_; }
  // The series in whose column the values of `series` stand: itself, or its twin.
  SeriesIndex values_of(SeriesIndex series) const;
  std::uint32_t group_of(SeriesIndex series) const;  // of one that values_of() names
  const std::vector<Page>& pages() const { return pages_; }
  std::uint32_t page_of(std::uint32_t time_column) const;
  const std::vector<TimeColumnInfo>& time_columns() const { return time_columns_; }
  std::span<const Piece> pieces_of(SeriesIndex series) const;
  const RegionPlace& region(std::uint32_t index) const { return regions_[index]; }
  std::size_t region_count() const { return regions_.size(); }
  std::size_t memory_size() const;  // with all postings

 private:
  friend class IndexDecoder;
  friend class Selector;
  struct Shape {
    std::vector<Symbol> names;  // ascending
    std::uint32_t series_count = 0;
    std::uint32_t row_begin = 0;  // of its first series in refs_
    int position(Symbol name) const;
  };
  struct Histograms {
    SeriesIndex series = 0;
    std::uint32_t piece_begin = 0;
    std::uint32_t piece_count = 0;
  };
  struct Twin {
    SeriesIndex series = 0;
    SeriesIndex source = 0;
  };
  int compare_refs(SeriesIndex series, const std::vector<LabelRef>& refs) const;
  PostingsPtr postings(std::size_t name_index) const;
  PostingsPtr make_postings(Symbol name) const;

  Timestamp min_time_ = 0;
  Timestamp max_time_ = 0;
  Symbols symbols_;
  std::vector<Symbol> names_;  // all label names, ascending
  std::vector<Shape> shapes_;
  std::vector<std::uint32_t> shape_of_;
  std::vector<std::uint32_t> row_of_;
  std::vector<Symbol> refs_;
  std::vector<RegionPlace> regions_;
  std::vector<TimeColumnInfo> time_columns_;
  std::vector<Page> pages_;
  std::vector<TimeSpan> spans_;
  std::vector<std::uint32_t> span_of_;
  std::vector<Group> groups_;
  std::vector<Histograms> histograms_;  // by series
  std::vector<Piece> pieces_;
  std::vector<Twin> twins_;  // by series

  mutable std::mutex mutex_;
  mutable std::vector<PostingsPtr> postings_
      HF_GUARDED_BY(mutex_);  // as names_; null: not made yet
};

}  // namespace holdfast::metrics
