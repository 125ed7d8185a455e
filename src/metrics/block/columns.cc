#include "metrics/block/columns.h"

namespace holdfast::metrics {

namespace {

enum Mode : std::uint8_t {
  kEach = 0,  // a step for each value
  kRuns = 1,  // lengths of runs, then their steps
};

std::uint64_t zigzag(std::int64_t v) {
  return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}

// ByteReader checks each byte; an index holds millions of varints, nearly all of one or two bytes.
class Varints {
 public:
  explicit Varints(std::string_view bytes)
      : at_(reinterpret_cast<const std::uint8_t*>(bytes.data())), end_(at_ + bytes.size()) {}
  std::uint64_t next() {
    if (at_ == end_) return fail();
    std::uint64_t value = *at_++;
    if (value < 0x80) return value;
    value &= 0x7f;
    for (unsigned shift = 7; shift < 64; shift += 7) {
      if (at_ == end_) return fail();
      const std::uint64_t byte = *at_++;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return fail();
  }
  std::int64_t step() {
    const std::uint64_t v = next();
    return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
  }
  bool ok() const { return ok_; }
  bool at_end() const { return at_ == end_; }

 private:
  std::uint64_t fail() {
    ok_ = false;
    return 0;
  }
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  bool ok_ = true;
};

bool get_each(std::string_view bytes, std::size_t count, std::uint64_t limit, std::uint32_t* out,
              std::size_t stride) {
  if (bytes.size() < count) return false;
  Varints in(bytes);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    value += static_cast<std::uint64_t>(in.step());
    if (value >= limit) return false;
    out[i * stride] = static_cast<std::uint32_t>(value);
  }
  return in.ok() && in.at_end();
}

bool get_runs(std::string_view lengths_bytes, std::string_view steps_bytes, std::size_t count,
              std::uint64_t limit, std::uint32_t* out, std::size_t stride) {
  Varints lengths(lengths_bytes);
  Varints steps(steps_bytes);
  std::uint64_t value = 0;
  std::size_t done = 0;
  while (done < count) {
    const std::uint64_t length = lengths.next() + 1;
    value += static_cast<std::uint64_t>(steps.step());
    if (!lengths.ok() || !steps.ok() || length > count - done || value >= limit) return false;
    for (const std::size_t end = done + length; done < end; ++done)
      out[done * stride] = static_cast<std::uint32_t>(value);
  }
  return lengths.at_end() && steps.at_end();
}

}  // namespace

void put_column(ByteWriter& out, std::span<const std::uint32_t> values) {
  ByteWriter lengths;
  ByteWriter steps;
  std::size_t run_count = 0;
  std::int64_t before = 0;
  for (std::size_t i = 0; i < values.size();) {
    std::size_t end = i + 1;
    while (end < values.size() && values[end] == values[i]) ++end;
    lengths.varint(end - i - 1);
    steps.varint(zigzag(static_cast<std::int64_t>(values[i]) - before));
    before = values[i];
    ++run_count;
    i = end;
  }
  // Lengths that are nearly all one cost more than they save.
  if (run_count * 10 <= values.size() * 8) {
    out.u8(kRuns);
    out.text(lengths.str());
    out.text(steps.str());
    return;
  }
  ByteWriter each;
  before = 0;
  for (const std::uint32_t value : values) {
    each.varint(zigzag(static_cast<std::int64_t>(value) - before));
    before = value;
  }
  out.u8(kEach);
  out.text(each.str());
}

bool get_column(ByteReader& in, std::size_t count, std::uint64_t limit, std::uint32_t* out,
                std::size_t stride) {
  const std::uint8_t mode = in.u8();
  if (mode > kRuns) return false;
  const std::string_view first = in.text();
  if (mode == kEach) return in.ok() && get_each(first, count, limit, out, stride);
  const std::string_view steps = in.text();
  return in.ok() && get_runs(first, steps, count, limit, out, stride);
}

}  // namespace holdfast::metrics
