#include "collect/backfill/chunk_bits.h"

#include <algorithm>
#include <bit>

namespace holdfast::collect {
namespace {

// Widths of a varbit by the number of ones before it; eight ones have no zero behind them.
constexpr int kVarbitWidths[] = {0, 3, 6, 9, 12, 18, 25, 56, 64};
constexpr int kOnesMax = 8;

}  // namespace

double BitReader::real(std::uint64_t bits) { return std::bit_cast<double>(bits); }

bool BitReader::bit() {
  if (at_ >= bytes_.size() * 8) {
    ok_ = false;
    return false;
  }
  const auto byte = static_cast<unsigned char>(bytes_[at_ / 8]);
  const bool one = ((byte >> (7 - at_ % 8)) & 1) != 0;
  ++at_;
  return one;
}

std::uint64_t BitReader::bits(int count) {
  if (static_cast<std::size_t>(count) > bits_left()) {
    ok_ = false;
    at_ = bytes_.size() * 8;
    return 0;
  }
  std::uint64_t value = 0;
  while (count > 0) {
    const auto byte = static_cast<unsigned char>(bytes_[at_ / 8]);
    const int left = 8 - static_cast<int>(at_ % 8);
    const int take = std::min(left, count);
    const unsigned part = (static_cast<unsigned>(byte) >> (left - take)) & ((1U << take) - 1);
    value = value << take | part;
    at_ += static_cast<std::size_t>(take);
    count -= take;
  }
  return value;
}

std::uint64_t BitReader::varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = bits(8);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  ok_ = false;
  return 0;
}

std::int64_t BitReader::signed_varint() {
  const auto v = varint();
  return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
}

int BitReader::varbit_width() {
  int ones = 0;
  while (ones < kOnesMax && bit()) ++ones;
  return kVarbitWidths[ones];
}

std::uint64_t BitReader::varbit() { return bits(varbit_width()); }

std::int64_t BitReader::signed_varbit() {
  const int width = varbit_width();
  auto value = bits(width);
  // The upper half is negative, but for its smallest value: 3 bits say -3 to 4.
  if (width > 0 && width < 64 && value > std::uint64_t{1} << (width - 1))
    value -= std::uint64_t{1} << width;
  return static_cast<std::int64_t>(value);
}

void BitReader::xored(XorState& state) {
  if (!bit()) return;
  if (bit()) {
    state.leading = static_cast<int>(bits(5));
    int size = static_cast<int>(bits(6));
    if (size == 0) size = 64;
    if (state.leading + size > 64) {
      ok_ = false;
      return;
    }
    state.trailing = 64 - state.leading - size;
  }
  if (state.leading == XorState::kNoWindow) {  // as Prometheus' reader, which begins with zeros
    state.leading = 0;
    state.trailing = 0;
  }
  const auto changed = bits(64 - state.leading - state.trailing) << state.trailing;
  state.value = real(std::bit_cast<std::uint64_t>(state.value) ^ changed);
}

void BitWriter::bit(bool one) { bits(one ? 1 : 0, 1); }

void BitWriter::bits(std::uint64_t value, int count) {
  while (count > 0) {
    if (free_bits_ == 0) {
      out_ += '\0';
      free_bits_ = 8;
    }
    const int take = std::min(free_bits_, count);
    const auto part = static_cast<unsigned>(value >> (count - take)) & ((1U << take) - 1);
    out_.back() =
        static_cast<char>(static_cast<unsigned char>(out_.back()) | (part << (free_bits_ - take)));
    free_bits_ -= take;
    count -= take;
  }
}

namespace {

void write_prefix(BitWriter& out, int ones) {
  for (int i = 0; i < ones; ++i) out.bit(true);
  if (ones < kOnesMax) out.bit(false);
}

}  // namespace

void BitWriter::varbit(std::uint64_t value) {
  int ones = 0;
  while (kVarbitWidths[ones] < 64 && value >> kVarbitWidths[ones] != 0) ++ones;
  write_prefix(*this, ones);
  bits(value, kVarbitWidths[ones]);
}

void BitWriter::signed_varbit(std::int64_t value) {
  const auto fits = [value](int width) {
    if (width == 0) return value == 0;
    if (width == 64) return true;
    const auto half = std::int64_t{1} << (width - 1);
    return -half + 1 <= value && value <= half;
  };
  int ones = 0;
  while (!fits(kVarbitWidths[ones])) ++ones;
  write_prefix(*this, ones);
  bits(static_cast<std::uint64_t>(value), kVarbitWidths[ones]);
}

void BitWriter::number(double value) { bits(std::bit_cast<std::uint64_t>(value), 64); }

void BitWriter::xored(XorState& state, double value) {
  const auto changed =
      std::bit_cast<std::uint64_t>(value) ^ std::bit_cast<std::uint64_t>(state.value);
  state.value = value;
  bit(changed != 0);
  if (changed == 0) return;
  const int leading = std::min(std::countl_zero(changed), 31);
  const int trailing = std::countr_zero(changed);
  const bool in_window = state.leading != XorState::kNoWindow && leading >= state.leading &&
                         trailing >= state.trailing;
  bit(!in_window);
  if (!in_window) {
    state.leading = leading;
    state.trailing = trailing;
    bits(static_cast<std::uint64_t>(leading), 5);
    bits(static_cast<std::uint64_t>((64 - leading - trailing) & 63), 6);  // 64 is written as 0
  }
  bits(changed >> state.trailing, 64 - state.leading - state.trailing);
}

}  // namespace holdfast::collect
