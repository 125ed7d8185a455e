// base/bytes.h: little-endian integers, varints, checksums, hex and base64 over plain strings.
//
// Errors      ByteReader never reads past the end: it goes bad, answers zeros, and ok() tells.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace holdfast {

std::uint32_t crc32c(std::string_view bytes);
std::string to_hex(std::string_view bytes);
std::string base64_encode(std::string_view bytes);
Result<std::string> base64_decode(std::string_view text);
// Lower-case hex.
std::string sha256_hex(std::string_view bytes);

namespace bytes_detail {
// crc32c() where the processor has no instruction for it.
std::uint32_t crc32c_portable(std::string_view bytes);
}  // namespace bytes_detail

class ByteWriter {
 public:
  void u8(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void u32(std::uint32_t v) { fixed(v); }
  void u64(std::uint64_t v) { fixed(v); }
  void f64(double v);
  void varint(std::uint64_t v);
  void zigzag(std::int64_t v) { varint((static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63)); }
  void text(std::string_view v) { varint(v.size()); out_.append(v); }
  void raw(std::string_view v) { out_.append(v); }
  const std::string& str() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  template <typename T>
  void fixed(T v) {
    for (std::size_t i = 0; i < sizeof(T); ++i) out_.push_back(static_cast<char>(v >> (8 * i)));
  }
  std::string out_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}
  std::uint8_t u8();
  std::uint32_t u32() { return fixed<std::uint32_t>(); }
  std::uint64_t u64() { return fixed<std::uint64_t>(); }
  double f64();
  std::uint64_t varint();
  std::int64_t zigzag() { const auto v = varint(); return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1); }
  std::string_view text() { return raw(varint()); }
  std::string_view raw(std::uint64_t size);
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  std::size_t left() const { return rest_.size(); }

 private:
  template <typename T>
  T fixed() {
    const auto bytes = raw(sizeof(T));
    T v = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) v |= static_cast<T>(static_cast<std::uint8_t>(bytes[i])) << (8 * i);
    return v;
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace holdfast
