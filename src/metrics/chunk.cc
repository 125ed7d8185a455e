#include "metrics/chunk.h"

#include <bit>

#include "base/bytes.h"

namespace holdfast::metrics {

using model::Histogram;
using model::Sample;
using model::Timestamp;

namespace {

// The second difference of time, by prefix: how many payload bits follow. A scrape on schedule is
// one bit, one with a few milliseconds of jitter eight.
struct StepClass {
  std::uint8_t prefix;
  std::uint8_t prefix_size;
  std::uint8_t payload_size;
};
constexpr StepClass kStepClasses[] = {
    {0b10, 2, 6}, {0b110, 3, 10}, {0b1110, 4, 16}, {0b11110, 5, 32}, {0b11111, 5, 64}};

class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}

  std::uint64_t bits(unsigned count) {
    std::uint64_t value = 0;
    while (count > 0) {
      if (held_count_ == 0 && !refill()) return 0;
      const unsigned take = count < held_count_ ? count : held_count_;
      value = take == 64 ? held_ : (value << take) | (held_ >> (64 - take));
      held_ = take == 64 ? 0 : held_ << take;
      held_count_ -= take;
      count -= take;
    }
    return value;
  }
  bool bit() { return bits(1) != 0; }
  bool ok() const { return ok_; }

 private:
  bool refill() {
    if (position_ >= bytes_.size()) {
      ok_ = false;
      return false;
    }
    held_ = 0;
    const std::size_t left = bytes_.size() - position_;
    const unsigned take = left < 8 ? static_cast<unsigned>(left) : 8;
    for (unsigned i = 0; i < take; ++i) {
      held_ |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes_[position_ + i]))
               << (56 - 8 * i);
    }
    position_ += take;
    held_count_ = take * 8;
    return true;
  }

  std::string_view bytes_;
  std::size_t position_ = 0;
  std::uint64_t held_ = 0;  // unread bits, from the top
  unsigned held_count_ = 0;
  bool ok_ = true;
};

std::uint64_t sign_extend(std::uint64_t value, unsigned size) {
  if (size == 64) return value;
  const std::uint64_t sign = 1ULL << (size - 1);
  return (value ^ sign) - sign;
}

std::uint64_t read_step(BitReader& in) {
  if (!in.bit()) return 0;
  unsigned ones = 1;
  while (ones < 5 && in.bit()) ++ones;
  const unsigned size = kStepClasses[ones - 1].payload_size;
  return sign_extend(in.bits(size), size);
}

Error bad_chunk(std::string_view why) {
  return {Code::kDataLoss, "chunk of samples: " + std::string(why)};
}

Result<void> decode_floats(std::uint32_t count, std::string_view bytes, Timestamp from,
                           Timestamp to, Samples& out) {
  BitReader in(bytes);
  std::uint64_t t = in.bits(64);
  std::uint64_t bits = in.bits(64);
  std::uint64_t delta = 0;
  unsigned leading = 0;
  unsigned size = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i > 0) {
      delta += read_step(in);
      t += delta;
      if (in.bit()) {
        if (in.bit()) {
          leading = static_cast<unsigned>(in.bits(5));
          size = static_cast<unsigned>(in.bits(6)) + 1;
        }
        if (size == 0 || leading + size > 64) return bad_chunk("a value's window is wrong");
        bits ^= in.bits(size) << (64 - leading - size);
      }
    }
    if (!in.ok()) return bad_chunk("it ends early");
    const auto time = static_cast<Timestamp>(t);
    if (time > to) return {};
    if (time >= from) out.push(time, std::bit_cast<double>(bits));
  }
  return {};
}

}  // namespace

void Samples::push(Timestamp t, double value) {
  times.push_back(t);
  values.push_back(value);
  if (!histograms.empty()) histograms.emplace_back();
}

void Samples::push(Timestamp t, model::HistogramPtr histogram) {
  histograms.resize(times.size());
  times.push_back(t);
  values.push_back(0);
  histograms.push_back(std::move(histogram));
}

Result<void> decode_chunk(ChunkKind kind, std::uint32_t count, std::string_view bytes,
                          Timestamp from, Timestamp to, Samples& out) {
  if (count == 0) return {};
  // A float takes at least two bits, a histogram more than a byte: a wrong count costs nothing.
  if (count > bytes.size() * 4) return bad_chunk("more samples than its bytes can hold");
  if (kind == ChunkKind::kFloat) return decode_floats(count, bytes, from, to, out);
  if (kind == ChunkKind::kHistogram) return decode_histograms(count, bytes, from, to, out);
  return bad_chunk("unknown kind");
}

Result<void> decode_chunk(const Chunk& chunk, Timestamp from, Timestamp to, Samples& out) {
  return decode_chunk(chunk.kind, chunk.count, chunk.bytes, from, to, out);
}

bool same_value(const Sample& a, const Sample& b) {
  if (static_cast<bool>(a.histogram) != static_cast<bool>(b.histogram)) return false;
  if (!a.histogram) {
    return std::bit_cast<std::uint64_t>(a.value) == std::bit_cast<std::uint64_t>(b.value);
  }
  if (a.histogram == b.histogram) return true;
  // By encoding, not by ==: a NaN sum equals itself here.
  std::string left;
  std::string right;
  encode_histogram(*a.histogram, nullptr, left);
  encode_histogram(*b.histogram, nullptr, right);
  return left == right;
}

double ChunkBuilder::value_of(std::uint64_t bits) { return std::bit_cast<double>(bits); }

void ChunkBuilder::set_last(const Sample& sample) {
  HF_CHECK(count_ == 0, "set_last() on a chunk that has samples");
  last_time_ = sample.t;
  last_bits_ = std::bit_cast<std::uint64_t>(sample.value);
  last_histogram_ = sample.histogram;
  has_last_ = true;
}

bool ChunkBuilder::fits(const Sample& sample) const {
  if (count_ == 0) return true;
  const ChunkKind kind = sample.histogram ? ChunkKind::kHistogram : ChunkKind::kFloat;
  return kind == kind_ && count_ < kChunkSampleCountMax && bytes_.size() < kChunkSizeMax;
}

void ChunkBuilder::append(const Sample& sample) {
  HF_CHECK(!has_last_ || sample.t > last_time_, "samples of a series strictly increase in time");
  if (count_ == 0) {
    kind_ = sample.histogram ? ChunkKind::kHistogram : ChunkKind::kFloat;
    min_time_ = sample.t;
  }
  const std::uint64_t bits = sample.histogram ? 0 : std::bit_cast<std::uint64_t>(sample.value);
  if (sample.histogram) {
    append_histogram(sample.t, *sample.histogram);
  } else {
    append_float(sample.t, bits);
  }
  last_bits_ = bits;
  last_histogram_ = sample.histogram;
  last_time_ = sample.t;
  has_last_ = true;
  ++count_;
}

void ChunkBuilder::append_float(Timestamp t, std::uint64_t bits) {
  if (count_ == 0) {
    push_bits(static_cast<std::uint64_t>(t), 64);
    push_bits(bits, 64);
    last_delta_ = 0;
    return;
  }
  // Differences wrap in unsigned arithmetic, and unwrap the same way: any two times are fine.
  const std::uint64_t delta =
      static_cast<std::uint64_t>(t) - static_cast<std::uint64_t>(last_time_);
  push_time_step(static_cast<std::int64_t>(delta - last_delta_));
  last_delta_ = delta;
  push_value(bits);
}

void ChunkBuilder::push_time_step(std::int64_t step) {
  if (step == 0) return push_bits(0, 1);
  for (const StepClass& c : kStepClasses) {
    const std::int64_t half = c.payload_size == 64 ? 0 : std::int64_t{1} << (c.payload_size - 1);
    if (c.payload_size < 64 && (step < -half || step >= half)) continue;
    push_bits(c.prefix, c.prefix_size);
    const auto payload = static_cast<std::uint64_t>(step);
    return push_bits(c.payload_size == 64 ? payload : payload & ((1ULL << c.payload_size) - 1),
                     c.payload_size);
  }
}

void ChunkBuilder::push_value(std::uint64_t bits) {
  const std::uint64_t diff = bits ^ last_bits_;
  if (diff == 0) return push_bits(0, 1);
  auto leading = static_cast<unsigned>(std::countl_zero(diff));
  const auto trailing = static_cast<unsigned>(std::countr_zero(diff));
  if (leading > 31) leading = 31;  // five bits hold it
  if (leading_ != kNoWindow && leading >= leading_ && trailing >= trailing_) {
    push_bits(0b10, 2);
    return push_bits(diff >> trailing_, 64U - leading_ - trailing_);
  }
  leading_ = static_cast<std::uint8_t>(leading);
  trailing_ = static_cast<std::uint8_t>(trailing);
  const unsigned size = 64 - leading - trailing;
  push_bits(0b11, 2);
  push_bits(leading, 5);
  push_bits(size - 1, 6);
  push_bits(diff >> trailing, size);
}

void ChunkBuilder::push_bits(std::uint64_t value, unsigned count) {
  while (count > 0) {
    if (bits_free_ == 0) {
      bytes_.push_back(0);
      bits_free_ = 8;
    }
    const unsigned take = count < bits_free_ ? count : bits_free_;
    const auto part = static_cast<std::uint8_t>((value >> (count - take)) & ((1U << take) - 1));
    bits_free_ = static_cast<std::uint8_t>(bits_free_ - take);
    bytes_.back() =
        static_cast<char>(static_cast<std::uint8_t>(bytes_.back()) | (part << bits_free_));
    count -= take;
  }
}

void ChunkBuilder::append_histogram(Timestamp t, const Histogram& histogram) {
  ByteWriter out;
  const std::uint64_t delta =
      count_ == 0 ? static_cast<std::uint64_t>(t)
                  : static_cast<std::uint64_t>(t) - static_cast<std::uint64_t>(last_time_);
  out.zigzag(static_cast<std::int64_t>(delta));
  bytes_ += out.str();
  encode_histogram(histogram, count_ == 0 ? nullptr : last_histogram_.get(), bytes_);
}

Chunk ChunkBuilder::copy() const { return {kind_, count_, min_time_, last_time_, bytes_}; }

Chunk ChunkBuilder::finish() {
  bytes_.shrink_to_fit();
  Chunk chunk{kind_, count_, min_time_, last_time_, std::move(bytes_)};
  bytes_ = std::string();
  count_ = 0;
  bits_free_ = 0;
  leading_ = kNoWindow;
  trailing_ = 0;
  last_delta_ = 0;
  return chunk;
}

}  // namespace holdfast::metrics
