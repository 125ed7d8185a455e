// metrics/block/index_writer.h: gathers what the index of a block will say, and encodes it.
//
// Memory      32 bits a label and two words a series, until the end.
// Threads     One.
// Source      docs/formats/block.md draws the bytes; block_index.h reads them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "metrics/block/block_index.h"

namespace holdfast::metrics {

class IndexWriter {
 public:
  Interner& interner() { return interner_; }
  const Interner& interner() const { return interner_; }
  // In label order. `labels` hold numbers of the interner.
  void add_series(std::span<const LabelRef> labels, std::uint32_t span);
  void add_region(RegionKind kind, std::uint64_t size, std::uint32_t crc);
  void add_group(std::uint32_t series_count);  // of the next that many series
  void add_page(const std::vector<TimeColumnInfo>& columns);
  void add_piece(std::uint32_t first, std::uint32_t count);  // of the series added next
  void add_twin(SeriesIndex source);  // whose values are those of the series added next

  std::uint64_t series_count() const { return shape_of_.size(); }

  struct Encoded {
    std::string symbols;
    std::string labels;
    std::string directory;
  };
  // `spans` as add_series() names them.
  Encoded encode(const std::vector<TimeSpan>& spans);

 private:
  struct Piece {
    std::uint32_t series = 0;
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };
  struct Twin {
    SeriesIndex series = 0;
    SeriesIndex source = 0;
  };
  struct Region {
    RegionKind kind = RegionKind::kValues;
    std::uint32_t size = 0;
    std::uint32_t crc = 0;
  };
  std::string encode_labels(const std::vector<Symbol>& rank) const;
  std::string encode_directory(const std::vector<TimeSpan>& spans) const;

  Interner interner_;
  std::vector<Symbol> names_before_;
  std::uint32_t shape_before_ = 0;
  std::map<std::vector<Symbol>, std::uint32_t> shapes_;
  std::vector<const std::vector<Symbol>*> shape_names_;
  std::vector<std::vector<Symbol>> shape_values_;  // rows of the series of a shape
  std::vector<std::uint32_t> shape_of_;
  std::vector<std::uint32_t> span_of_;
  std::vector<Region> regions_;
  std::vector<std::uint32_t> groups_;  // their series counts
  std::vector<std::vector<TimeColumnInfo>> pages_;
  std::vector<Piece> pieces_;
  std::vector<Twin> twins_;
};

}  // namespace holdfast::metrics
