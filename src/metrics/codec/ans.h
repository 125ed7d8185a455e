// metrics/codec/ans.h: the entropy coder: symbols of one table as close to
// their entropy as is cheap.
//
// Purpose     A Shape says how likely each symbol is, coarsely enough to be
// stored in a few dozen
//             bytes; AnsEncoder writes symbols by it, AnsDecoder reads them
//             again.
// Idea        Table-driven asymmetric numeral systems: one table look-up and
// one short read of bits
//             for each symbol. The encoder walks backwards so that the decoder
//             walks forwards.
// Units       Probabilities are quarter steps of the logarithm to base 2 (a
// `level`), 0 is absent. Errors      build() of an encoder or decoder answers
// false for levels that give no table. Source      Duda, "Asymmetric numeral
// systems", arXiv 1311.2540; the spreading of symbols as in
//             Collet's finite state entropy.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "metrics/codec/bits.h"

namespace holdfast::metrics::codec {

inline constexpr std::size_t kSymbolCount = 227;  // see tokens.h
inline constexpr unsigned kTableBitsMin = 8;
inline constexpr unsigned kTableBitsMax = 12;
inline constexpr std::uint8_t kLevelMax = 61;

struct Shape {
  std::array<std::uint8_t, kSymbolCount> level{};

  // The levels nearest to how often symbols occurred.
  static Shape of(std::span<const std::uint32_t, kSymbolCount> counts);
};

// How many of the 2^table_bits states each symbol gets; false when `shape` is
// empty or too rich.
bool share_states(const Shape& shape, unsigned table_bits,
                  std::array<std::uint16_t, kSymbolCount>& states);

class AnsEncoder {
 public:
  bool build(const Shape& shape, unsigned table_bits);
  // Bits a symbol costs; very many for one the table does not have.
  double cost(std::uint8_t symbol) const { return cost_[symbol]; }
  // All symbols must be in the table; not empty.
  void write(std::span<const std::uint8_t> symbols, BitWriter& out);

 private:
  unsigned table_bits_ = 0;
  std::array<std::uint16_t, kSymbolCount> states_{};
  std::array<std::uint16_t, kSymbolCount> begin_{};
  std::array<float, kSymbolCount> cost_{};
  std::vector<std::uint16_t> next_;
  std::vector<std::uint32_t> bits_;
};

class AnsDecoder {
 public:
  struct Entry {
    std::uint16_t base;
    std::uint8_t symbol;
    std::uint8_t bits;
  };

  // Where a stream of symbols is read from.
  struct Stream {
    const char* bytes = nullptr;
    std::size_t position = 0;  // in bits; moves past the symbols
    std::size_t end = 0;       // reading stops there at the latest
    std::uint8_t* out = nullptr;
    std::size_t count = 0;  // > 0
  };

  bool build(const Shape& shape, unsigned table_bits);
  unsigned table_bits() const { return table_bits_; }
  std::size_t memory_size() const { return table_.capacity() * sizeof(Entry); }
  // False when a stream ends early.
  bool read(Stream& stream) const;
  // Two streams at once take little longer than one.
  bool read(Stream& a, Stream& b) const;

 private:
  unsigned table_bits_ = 0;
  std::vector<Entry> table_;
};

}  // namespace holdfast::metrics::codec
