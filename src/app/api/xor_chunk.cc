#include "app/api/xor_chunk.h"

#include <algorithm>
#include <bit>

namespace holdfast::app {

void XorChunk::bit(bool one) {
  if (free_bits_ == 0) {
    out_ += '\0';
    free_bits_ = 8;
  }
  --free_bits_;
  if (one)
    out_.back() = static_cast<char>(static_cast<unsigned char>(out_.back()) | (1U << free_bits_));
}

void XorChunk::bits(std::uint64_t value, int count) {
  for (int i = count - 1; i >= 0; --i) bit((value >> i) & 1);
}

namespace {

std::uint64_t zigzag(std::int64_t v) {
  return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}

}  // namespace

void XorChunk::append(model::Timestamp t, double value) {
  const auto varint = [this](std::uint64_t v) {
    for (; v >= 0x80; v >>= 7) byte(static_cast<std::uint8_t>(v | 0x80));
    byte(static_cast<std::uint8_t>(v));
  };
  const auto bits_of = std::bit_cast<std::uint64_t>(value);
  if (count_ == 0) {
    first_ = t;
    varint(zigzag(t));
    bits(bits_of, 64);
  } else {
    const auto delta = static_cast<std::uint64_t>(t) - static_cast<std::uint64_t>(time_);
    if (count_ == 1)
      varint(delta);
    else
      append_delta_of_delta(static_cast<std::int64_t>(delta - delta_));
    append_xor(value);
    delta_ = delta;
  }
  value_bits_ = bits_of;
  time_ = t;
  ++count_;
}

void XorChunk::append_delta_of_delta(std::int64_t dod) {
  const auto fits = [dod](int width) {
    return -((std::int64_t{1} << (width - 1)) - 1) <= dod && dod <= std::int64_t{1} << (width - 1);
  };
  if (dod == 0) {
    bit(false);
    return;
  }
  struct Width {
    int bits;
    std::uint8_t prefix;
    int prefix_bits;
  };
  for (const auto& [width, prefix, prefix_bits] :
       {Width{14, 0b10, 2}, Width{17, 0b110, 3}, Width{20, 0b1110, 4}}) {
    if (!fits(width)) continue;
    bits(prefix, prefix_bits);
    bits(static_cast<std::uint64_t>(dod), width);
    return;
  }
  bits(0b1111, 4);
  bits(static_cast<std::uint64_t>(dod), 64);
}

void XorChunk::append_xor(double value) {
  const auto changed = std::bit_cast<std::uint64_t>(value) ^ value_bits_;
  if (changed == 0) {
    bit(false);
    return;
  }
  bit(true);
  const int leading = std::min(std::countl_zero(changed), 31);
  const int trailing = std::countr_zero(changed);
  if (leading_ != 0xff && leading >= leading_ && trailing >= trailing_) {
    bit(false);
    bits(changed >> trailing_, 64 - leading_ - trailing_);
    return;
  }
  leading_ = leading;
  trailing_ = trailing;
  const int significant = 64 - leading - trailing;
  bit(true);
  bits(static_cast<std::uint64_t>(leading), 5);
  bits(static_cast<std::uint64_t>(significant & 63), 6);  // 64 does not fit and is written as 0
  bits(changed >> trailing, significant);
}

std::string XorChunk::take() {
  out_[0] = static_cast<char>(count_ >> 8);
  out_[1] = static_cast<char>(count_ & 0xff);
  auto out = std::move(out_);
  *this = XorChunk();
  return out;
}

}  // namespace holdfast::app
