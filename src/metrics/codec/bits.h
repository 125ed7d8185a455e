// metrics/codec/bits.h: runs of bits over plain bytes, lowest bit of the first
// byte first.
//
// Errors      read_bits() reads eight bytes (nine for more than 56 bits) from
// the byte it begins in:
//             the caller keeps kBitPadding bytes behind the data and checks
//             positions against its end.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

namespace holdfast::metrics::codec {

inline constexpr std::size_t kBitPadding = 16;

inline std::uint64_t low_mask(unsigned count) {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

inline std::uint64_t load_u64(const char* bytes) {
  std::uint64_t v;
  std::memcpy(&v, bytes, sizeof v);
  if constexpr (std::endian::native == std::endian::big) v = __builtin_bswap64(v);
  return v;
}

// `count` <= 56.
inline std::uint64_t read_short(const char* bytes, std::size_t position, unsigned count) {
  return (load_u64(bytes + (position >> 3)) >> (position & 7)) & low_mask(count);
}

// `count` <= 64.
inline std::uint64_t read_bits(const char* bytes, std::size_t position, unsigned count) {
  if (count <= 56) return read_short(bytes, position, count);
  return read_short(bytes, position, 32) | read_short(bytes, position + 32, count - 32) << 32;
}

inline std::uint64_t fold_sign(std::int64_t v) {
  return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}
inline std::int64_t unfold_sign(std::uint64_t v) {
  return static_cast<std::int64_t>((v >> 1) ^ (0 - (v & 1)));
}

class BitWriter {
 public:
  // `count` <= 64; bits of `value` above it are ignored.
  void put(std::uint64_t value, unsigned count) {
    if (count > 32) {
      put32(value & 0xffffffff, 32);
      put32((value >> 32) & low_mask(count - 32), count - 32);
    } else {
      put32(value & low_mask(count), count);
    }
  }
  std::size_t bit_size() const { return size_ * 8 + used_; }
  // Ends on a whole byte.
  std::string take() {
    out_.resize(size_);
    while (used_ > 0) {
      out_.push_back(static_cast<char>(held_));
      held_ >>= 8;
      used_ = used_ > 8 ? used_ - 8 : 0;
    }
    held_ = 0;
    size_ = 0;
    return std::move(out_);
  }

 private:
  void put32(std::uint64_t value, unsigned count) {
    held_ |= value << used_;
    used_ += count;
    if (used_ < 32) return;
    auto word = static_cast<std::uint32_t>(held_);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap32(word);
    if (size_ + sizeof word > out_.size()) out_.resize(2 * out_.size() + 64);
    std::memcpy(out_.data() + size_, &word, sizeof word);
    size_ += sizeof word;
    held_ >>= 32;
    used_ -= 32;
  }

  std::string out_;
  std::size_t size_ = 0;  // of out_ that is written
  std::uint64_t held_ = 0;
  unsigned used_ = 0;  // bits in held_, < 32 between calls
};

}  // namespace holdfast::metrics::codec
