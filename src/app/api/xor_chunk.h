// app/api/xor_chunk.h: float samples as Prometheus' XOR chunks, for streamed remote read.
//
// Purpose     Remote read's streamed answer carries chunks in Prometheus' own encoding, not ours.
// Format      | count u16be | bits: t0 varint, v0 64 | t1-t0 uvarint, xor | then delta-of-delta, xor ... |
// Limits      65,535 samples a chunk; callers keep to 120 as Prometheus does.
// Threads     One object, one thread.
// Source      Prometheus' tsdb/docs/format/chunks.md, "XOR chunk data"; Pelkonen et al., "Gorilla", VLDB 2015.
#pragma once

#include <cstdint>
#include <string>

#include "model/sample.h"

namespace holdfast::app {

class XorChunk {
 public:
  static constexpr std::size_t kSamplesPerChunk = 120;

  void append(model::Timestamp t, double value);
  std::size_t count() const { return count_; }
  model::Timestamp min_time() const { return first_; }
  model::Timestamp max_time() const { return time_; }
  std::string take();  // and begins anew

 private:
  void bit(bool one);
  void bits(std::uint64_t value, int count);
  void byte(std::uint8_t value) { bits(value, 8); }
  void append_delta_of_delta(std::int64_t delta);
  void append_xor(double value);

  std::string out_ = std::string(2, '\0');
  int free_bits_ = 0;  // of the last byte
  std::uint16_t count_ = 0;
  model::Timestamp first_ = 0, time_ = 0;
  std::uint64_t delta_ = 0;
  std::uint64_t value_bits_ = 0;
  int leading_ = 0xff;  // none yet
  int trailing_ = 0;
};

}  // namespace holdfast::app
