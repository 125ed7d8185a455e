// metrics/codec/scaling.h: doubles as integers, exactly.
//
// Purpose     A column is scaled in one of three ways: as decimals (value =
// integer / 10^digits), as
//             binary fractions (value = integer / 2^places, the places chosen
//             run by run), or as the bits of the doubles in the order of their
//             values. What a way cannot hold (staleness markers, other NaN
//             payloads, -0.0) is an exception; its place is filled with
//             something that costs little.
// Invariants  to_double(scaled(v)) has the same bits as v for all but the
// exceptions. Source      Decimals after Afroozeh et al., "ALP", SIGMOD 2023.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace holdfast::metrics::codec {

inline constexpr std::uint64_t kStaleBits = 0x7ff0000000000002;

enum class Scale : std::uint8_t { kDecimal = 0, kBinary = 1, kBits = 2 };

inline constexpr unsigned kDigitsMax = 15;
inline constexpr double kPowersOfTen[kDigitsMax + 1] = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
inline constexpr int kPlacesMax = 1100;
inline constexpr int kPlacesMin = -1000;

// The bits of doubles, turned so that greater values are greater integers.
inline std::int64_t ordered_bits(double v) {
  const auto bits = std::bit_cast<std::int64_t>(v);
  return bits ^ static_cast<std::int64_t>(static_cast<std::uint64_t>(bits >> 63) >> 1);
}
inline double from_ordered_bits(std::int64_t v) {
  return std::bit_cast<double>(v ^
                               static_cast<std::int64_t>(static_cast<std::uint64_t>(v >> 63) >> 1));
}

struct Exception {
  std::uint32_t index = 0;
  std::uint64_t bits = 0;
};

struct Scaled {
  Scale scale = Scale::kDecimal;
  std::uint8_t digits = 0;             // kDecimal
  std::vector<std::int64_t> integers;  // one per value
  std::vector<int> places;             // kBinary: one per run
  std::vector<Exception> exceptions;   // by index
};

// The values of a run (partition.h) share their binary places.
void scale(std::span<const double> values, Scaled& out);

// How many low bits of a binary integer are zero because a double has no more
// than 53 of them.
inline unsigned idle_bits(std::int64_t v) {
  const std::uint64_t magnitude =
      v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
  const auto width = static_cast<unsigned>(std::bit_width(magnitude));
  return width > 53 ? width - 53 : 0;
}

// How many low bits are idle in all integers of [low, low + 2^width), width <
// 64; rounds low up to a multiple of them.
inline unsigned idle_below(std::uint64_t& low, unsigned width) {
  const auto first = static_cast<std::int64_t>(low);
  const auto last = static_cast<std::int64_t>(low + ((std::uint64_t{1} << width) - 1));
  if ((first < 0) != (last < 0)) return 0;
  const unsigned idle = std::min({idle_bits(first), idle_bits(last), width});
  const std::uint64_t mask = (std::uint64_t{1} << idle) - 1;
  low = (low + mask) & ~mask;
  return idle;
}

// Back again; `out` may not overlap.
void unscale_decimal(std::span<const std::int64_t> integers, unsigned digits, double* out);
void unscale_binary(std::span<const std::int64_t> integers, int places, double* out);
void unscale_bits(std::span<const std::int64_t> integers, double* out);

}  // namespace holdfast::metrics::codec
