// base/wire.h: the protobuf wire format, read and written field by field.
//
// Purpose     Remote write, remote read, OTLP and the protobuf exposition are read without generated code: a
//             reader walks the fields of one message and the caller picks by number.
// Errors      WireReader::next() returns false at the end and at bad bytes; failed() tells which. A bad
//             field never reads past the message.
// Threads     Values; the bytes must outlive the reader and what it handed out.
// Source      The Protocol Buffers encoding document: varints, 64-bit, length-delimited, 32-bit.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace holdfast {

enum class WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

class WireReader {
 public:
  WireReader() = default;
  explicit WireReader(std::string_view message)
      : p_(message.data()), end_(message.data() + message.size()) {}

  // Steps to the next field and takes its value.
  bool next() {
    if (p_ == end_) return false;
    const std::uint64_t key = varint();
    field_ = static_cast<std::uint32_t>(key >> 3);
    type_ = static_cast<WireType>(key & 7);
    if (failed_ || field_ == 0 || key >> 32 != 0) return fail();
    switch (type_) {
      case WireType::kVarint:
        number_ = varint();
        return !failed_;
      case WireType::kFixed64:
        return fixed(8);
      case WireType::kFixed32:
        return fixed(4);
      case WireType::kBytes: {
        const std::uint64_t size = varint();
        if (failed_ || size > static_cast<std::uint64_t>(end_ - p_)) return fail();
        bytes_ = std::string_view(p_, static_cast<std::size_t>(size));
        p_ += size;
        return true;
      }
    }
    return fail();  // groups were never used by what is read here
  }

  std::uint32_t field() const { return field_; }
  WireType type() const { return type_; }
  bool is(std::uint32_t field, WireType type) const { return field_ == field && type_ == type; }
  bool failed() const { return failed_; }
  // Where the next field begins.
  const char* position() const { return p_; }

  std::uint64_t number() const { return number_; }  // varint or fixed, as written
  std::int64_t int64() const { return static_cast<std::int64_t>(number_); }
  std::int64_t zigzag() const {
    return static_cast<std::int64_t>(number_ >> 1) ^ -static_cast<std::int64_t>(number_ & 1);
  }
  double fixed_double() const { return std::bit_cast<double>(number_); }
  float fixed_float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(number_)); }
  std::string_view bytes() const { return bytes_; }

  // One element of a packed repeated field: false at its end or at bad bytes.
  static bool unpack_varint(std::string_view& packed, std::uint64_t& out) {
    WireReader reader(packed);
    if (packed.empty()) return false;
    out = reader.varint();
    if (reader.failed_) return false;
    packed.remove_prefix(static_cast<std::size_t>(reader.p_ - packed.data()));
    return true;
  }
  static bool unpack_double(std::string_view& packed, double& out) {
    if (packed.size() < 8) return false;
    std::memcpy(&out, packed.data(), 8);
    packed.remove_prefix(8);
    return true;
  }

 private:
  bool fail() {
    failed_ = true;
    p_ = end_;
    return false;
  }
  bool fixed(std::size_t size) {
    if (static_cast<std::size_t>(end_ - p_) < size) return fail();
    number_ = 0;
    std::memcpy(&number_, p_, size);
    p_ += size;
    return true;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (p_ == end_) break;
      const auto byte = static_cast<std::uint8_t>(*p_++);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    fail();
    return 0;
  }

  const char* p_ = nullptr;
  const char* end_ = nullptr;
  std::uint64_t number_ = 0;
  std::string_view bytes_;
  std::uint32_t field_ = 0;
  WireType type_ = WireType::kVarint;
  bool failed_ = false;
};

// Appends fields to a message. Nested messages are written as bytes of their own.
class WireWriter {
 public:
  const std::string& text() const { return out_; }
  std::string take() { return std::move(out_); }

  void varint(std::uint32_t field, std::uint64_t value) {
    key(field, WireType::kVarint);
    raw_varint(value);
  }
  void zigzag(std::uint32_t field, std::int64_t value) {
    varint(field,
           (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void fixed64(std::uint32_t field, std::uint64_t value) {
    key(field, WireType::kFixed64);
    raw(&value, 8);
  }
  void fixed32(std::uint32_t field, std::uint32_t value) {
    key(field, WireType::kFixed32);
    raw(&value, 4);
  }
  void number(std::uint32_t field, double value) {
    fixed64(field, std::bit_cast<std::uint64_t>(value));
  }
  void bytes(std::uint32_t field, std::string_view value) {
    key(field, WireType::kBytes);
    raw_varint(value.size());
    out_.append(value);
  }
  void raw_varint(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<char>(value));
  }
  void raw(const void* data, std::size_t size) {
    out_.append(static_cast<const char*>(data), size);
  }

 private:
  void key(std::uint32_t field, WireType type) {
    raw_varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(type));
  }
  std::string out_;
};

}  // namespace holdfast
