// metrics/codec/tokens.h: residuals cut into a symbol for the entropy coder and
// plain low bits.
//
// Purpose     A column's residuals mostly fall within kBinCount bins of equal
// width 2^width, from
//             `first_bin` on: the symbol is the bin, the place within it
//             follows as plain bits. Bins keep the shape of any distribution,
//             one-sided, uniform or bell, for the coder to use. Beyond the
//             bins, symbols count the bits of the distance to them.
// Invariants  Arithmetic is modulo 2^64: every residual has a token and every
// token a residual.
#pragma once

#include <bit>
#include <cstdint>

namespace holdfast::metrics::codec {

inline constexpr unsigned kBinCount = 96;
inline constexpr unsigned kAbove = kBinCount;     // + bit width of the distance above, 0 ... 64
inline constexpr unsigned kBelow = kAbove + 65;   // + bit width of the distance below, 0 ... 64
inline constexpr unsigned kRepeat = kBelow + 65;  // the residual is zero: no low bits follow

// Which bins a column uses.
struct Bins {
  unsigned width = 0;  // low bits of a residual that lie within a bin, < 64
  std::int64_t first = 0;
};

struct Token {
  std::uint8_t symbol = 0;
  std::uint64_t extra = 0;  // the distance without its top bit, extra_bits(symbol) of them
};

inline unsigned extra_bits(unsigned symbol) {
  if (symbol < kAbove || symbol == kRepeat) return 0;
  const unsigned bits = symbol < kBelow ? symbol - kAbove : symbol - kBelow;
  return bits > 0 ? bits - 1 : 0;
}

inline Token token_of(std::uint64_t residual, const Bins& bins) {
  const auto bin = static_cast<std::uint64_t>(static_cast<std::int64_t>(residual) >> bins.width) -
                   static_cast<std::uint64_t>(bins.first);
  if (bin < kBinCount) return {static_cast<std::uint8_t>(bin), 0};
  const bool above = static_cast<std::int64_t>(bin) >= 0;
  const std::uint64_t distance = above ? bin - kBinCount : ~bin;
  const auto bits = static_cast<unsigned>(std::bit_width(distance));
  return {static_cast<std::uint8_t>((above ? kAbove : kBelow) + bits),
          distance ^ (bits > 0 ? std::uint64_t{1} << (bits - 1) : 0)};
}

// The lowest residual of a token that is not kRepeat.
inline std::uint64_t residual_of(unsigned symbol, std::uint64_t extra, const Bins& bins) {
  std::uint64_t bin = symbol;
  if (symbol >= kAbove) {
    const bool above = symbol < kBelow;
    const unsigned bits = symbol - (above ? kAbove : kBelow);
    const std::uint64_t distance = bits > 0 ? extra | std::uint64_t{1} << (bits - 1) : 0;
    bin = above ? distance + kBinCount : ~distance;
  }
  return (bin + static_cast<std::uint64_t>(bins.first)) << bins.width;
}

}  // namespace holdfast::metrics::codec
