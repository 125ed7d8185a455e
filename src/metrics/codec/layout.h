// metrics/codec/layout.h: the heads of a column group, as values and as bytes.
//
// Purpose     What decoding needs to know about each column before its payload,
// and where that lies.
//             write_heads() and read_heads() are each other's inverse.
// Idea        Each member of the heads is a stream of its own, neighbours
// differ little, and zstd
//             takes what they share: most columns cost a byte or two.
// Errors      read_heads() answers kDataLoss for what write_heads() cannot have
// written. Source      docs/formats/column_group.md draws the bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "metrics/codec/ans.h"
#include "metrics/codec/predictor.h"
#include "metrics/codec/scaling.h"
#include "metrics/codec/tokens.h"

namespace holdfast::metrics::codec {

inline constexpr std::size_t kTableCountMax = 64;
// How many columns, itself included, must be decoded for one at most.
inline constexpr std::size_t kFamilyMax = 24;

// Another column of the group, a multiple of which is added before a column's integers are coded.
struct Reference {
  static constexpr std::int32_t kOne = 1 << 16;
  static constexpr std::int32_t kWeightMax = 1 << 26;

  std::uint32_t column = 0;
  std::int32_t weight = -kOne;

  // What is added for an integer of the other column.
  std::uint64_t of(std::int64_t other) const {
    if (weight == kOne) return static_cast<std::uint64_t>(other);
    if (weight == -kOne) return 0 - static_cast<std::uint64_t>(other);
    __extension__ using Wide = __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(other) * weight) >> 16);
  }
};

struct Head {
  std::uint32_t count = 0;
  Scale scale = Scale::kDecimal;
  std::uint8_t digits = 0;
  Predictor predictor = Predictor::kFlat;
  bool repeats = false;  // kRepeat may occur: low bits stand beside their symbols
  std::uint8_t table = 0;
  std::int16_t width = 0;  // of a bin: low bits; kBinary: the exponent of its true width
  std::int64_t first_bin = 0;
  std::uint64_t divisor = 1;  // integer = value-stream integer * divisor + offset
  std::int64_t offset = 0;
  std::int64_t value = 0;  // the first integer; kFlat: all of them
  std::uint64_t payload_begin = 0;
  std::uint64_t payload_size = 0;
  std::uint32_t references_begin = 0;
  std::uint32_t references_count = 0;
  std::uint32_t exceptions_begin = 0;
  std::uint32_t exceptions_count = 0;

  bool flat() const { return predictor == Predictor::kFlat; }
  // Low bits stand beside their symbols because there are not equally many of
  // them each time.
  bool mixed() const { return scale == Scale::kBinary || repeats; }
};

struct Heads {
  unsigned table_bits = 0;
  std::vector<Shape> tables;
  std::vector<Head> columns;
  std::vector<Reference> references;
  std::vector<Exception> exceptions;
  std::size_t size = 0;  // bytes the heads take before the payloads
};

// `level` of zstd. Appends to `out`; payloads follow in the order of their
// columns.
void write_heads(const Heads& heads, int level, std::string& out);
Result<Heads> read_heads(std::string_view bytes, std::size_t sample_count_max);

}  // namespace holdfast::metrics::codec
