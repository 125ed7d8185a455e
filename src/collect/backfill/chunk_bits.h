// collect/backfill/chunk_bits.h: the bits Prometheus' chunks are written in.
//
// Purpose     BitReader and BitWriter: most significant bit first, with the number forms all kinds of chunks share:
//
//               varint    7 bits a byte, as Go's encoding/binary; signed ones zigzag
//               varbit    a prefix of ones says the width: 0 | 10+3 | 110+6 | 1110+9 | 11110+12 | 111110+18 |
//                         1111110+25 | 11111110+56 | 11111111+64 bits
//               XOR       of a double with the one before: 0 same | 10 bits in the last window | 11 leading 5, size 6, bits
//
// Errors      A reader never reads past its bytes: it goes bad, answers zeros, and ok() tells.
// Threads     One object, one thread.
// Source      Prometheus, tsdb/docs/format/chunks.md; Pelkonen et al., "Gorilla", VLDB 2015, section 4.1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::collect {

// What XOR needs to know of the double before.
struct XorState {
  static constexpr int kNoWindow = 0xff;
  double value = 0;
  int leading = kNoWindow;
  int trailing = 0;
};

class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}

  bool bit();
  std::uint64_t bits(int count);  // at most 64
  std::uint64_t varint();
  std::int64_t signed_varint();
  std::uint64_t varbit();
  std::int64_t signed_varbit();
  double number() { return real(bits(64)); }
  void xored(XorState& state);

  bool ok() const { return ok_; }
  std::size_t bits_left() const { return bytes_.size() * 8 - at_; }

 private:
  static double real(std::uint64_t bits);
  int varbit_width();

  std::string_view bytes_;
  std::size_t at_ = 0;  // in bits
  bool ok_ = true;
};

class BitWriter {
 public:
  explicit BitWriter(std::size_t header_size) : out_(header_size, '\0') {}

  void bit(bool one);
  void bits(std::uint64_t value, int count);
  void varbit(std::uint64_t value);
  void signed_varbit(std::int64_t value);
  void number(double value);
  void xored(XorState& state, double value);

  std::string& bytes() { return out_; }

 private:
  std::string out_;
  int free_bits_ = 0;  // of the last byte
};

}  // namespace holdfast::collect
