#include "metrics/codec/layout.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "metrics/frame.h"

namespace holdfast::metrics::codec {
namespace {

constexpr std::uint8_t kFormat = 2;

constexpr std::uint8_t kHasReferences = 1;
constexpr std::uint8_t kHasExceptions = 2;
constexpr std::uint8_t kHasDivisor = 4;
constexpr std::uint8_t kRepeats = 8;

enum Stream : std::size_t {
  kCounts,
  kForms,
  kFlags,
  kDigits,
  kDivisors,
  kReferences,
  kExceptions,
  kTables,
  kWidths,
  kBins,
  kValues,
  kSizes,
  kStreamCount,
};

Error loss() { return Error(Code::kDataLoss, "the heads of a column group are damaged"); }

std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

bool has_value(const Head& head) {
  return head.scale != Scale::kBinary && head.predictor != Predictor::kNothing;
}

void write_shape(const Shape& shape, ByteWriter& out) {
  std::size_t first = 0;
  std::size_t end = kBinCount;
  while (first < end && shape.level[first] == 0) ++first;
  while (end > first && shape.level[end - 1] == 0) --end;
  out.u8(static_cast<std::uint8_t>(first));
  out.u8(static_cast<std::uint8_t>(end));
  for (std::size_t s = first; s < end; ++s) out.u8(shape.level[s]);
  for (std::size_t s = kBinCount; s < kSymbolCount; ++s) {
    if (shape.level[s] == 0) continue;
    out.u8(static_cast<std::uint8_t>(s));
    out.u8(shape.level[s]);
  }
  out.u8(0);
}

Result<Shape> read_shape(ByteReader& in) {
  Shape shape;
  const std::size_t first = in.u8();
  const std::size_t end = in.u8();
  if (first > end || end > kBinCount) return loss();
  for (std::size_t s = first; s < end; ++s) shape.level[s] = in.u8();
  while (const std::size_t s = in.u8()) {
    if (s < kBinCount || s >= kSymbolCount) return loss();
    shape.level[s] = in.u8();
  }
  if (!in.ok()) return loss();
  return shape;
}

class Writer {
 public:
  explicit Writer(const Heads& heads) : heads_(heads) {}

  void column(std::size_t index) {
    const Head& head = heads_.columns[index];
    at(kCounts).zigzag(minus(head.count, last_.count));
    at(kForms).u8(static_cast<std::uint8_t>(static_cast<unsigned>(head.scale) |
                                            static_cast<unsigned>(head.predictor) << 2));
    const bool divided = head.divisor != 1 || head.offset != 0;
    at(kFlags).u8(static_cast<std::uint8_t>((head.references_count > 0 ? kHasReferences : 0) |
                                            (head.exceptions_count > 0 ? kHasExceptions : 0) |
                                            (divided ? kHasDivisor : 0) |
                                            (head.repeats ? kRepeats : 0)));
    if (head.scale == Scale::kDecimal) at(kDigits).u8(head.digits);
    if (divided) {
      at(kDivisors).varint(head.divisor);
      at(kDivisors).zigzag(head.offset);
    }
    if (head.references_count > 0) references(index, head);
    if (head.exceptions_count > 0) exceptions(head);
    if (has_value(head)) {
      at(kValues).zigzag(minus(head.value, last_.value));
      last_.value = head.value;
    }
    last_.count = head.count;
    if (head.flat()) return;
    at(kTables).u8(head.table);
    at(kWidths).zigzag(head.width);
    at(kBins).zigzag(head.first_bin);
    at(kSizes).varint(head.payload_size);
  }

  std::string take() {
    ByteWriter out;
    out.varint(heads_.columns.size());
    out.u8(static_cast<std::uint8_t>(heads_.table_bits));
    out.varint(heads_.tables.size());
    for (const auto& stream : streams_) out.varint(stream.str().size());
    for (const auto& shape : heads_.tables) write_shape(shape, out);
    for (const auto& stream : streams_) out.raw(stream.str());
    return out.take();
  }

 private:
  ByteWriter& at(Stream stream) { return streams_[stream]; }

  void references(std::size_t index, const Head& head) {
    at(kReferences).u8(static_cast<std::uint8_t>(head.references_count));
    for (std::uint32_t i = 0; i < head.references_count; ++i) {
      const Reference& other = heads_.references[head.references_begin + i];
      const std::int64_t distance = minus(other.column, static_cast<std::int64_t>(index));
      const bool one = std::abs(other.weight) == Reference::kOne;
      const unsigned kind = one ? (other.weight < 0 ? 0 : 1) : 2;
      at(kReferences).varint(fold_sign(distance) << 2 | kind);
      if (!one) at(kReferences).zigzag(other.weight);
    }
  }

  void exceptions(const Head& head) {
    at(kExceptions).varint(head.exceptions_count);
    std::uint32_t last = 0;
    for (std::uint32_t i = 0; i < head.exceptions_count; ++i) {
      const Exception& e = heads_.exceptions[head.exceptions_begin + i];
      at(kExceptions).varint(std::uint64_t{e.index - last} << 1 | (e.bits == kStaleBits ? 0 : 1));
      if (e.bits != kStaleBits) at(kExceptions).u64(e.bits);
      last = e.index;
    }
  }

  const Heads& heads_;
  std::array<ByteWriter, kStreamCount> streams_;
  Head last_;
};

class Reader {
 public:
  Reader(std::string_view bytes, std::size_t sample_count_max)
      : in_(bytes), samples_left_(sample_count_max) {}

  Result<Heads> read() {
    const std::uint64_t columns = in_.varint();
    heads_.table_bits = in_.u8();
    const std::uint64_t tables = in_.varint();
    std::array<std::uint64_t, kStreamCount> sizes;
    for (auto& size : sizes) size = in_.varint();
    if (!in_.ok() || columns > samples_left_ || columns > sizes[kForms] ||
        tables > kTableCountMax || heads_.table_bits < kTableBitsMin ||
        heads_.table_bits > kTableBitsMax) {
      return loss();
    }
    for (std::uint64_t i = 0; i < tables; ++i) {
      heads_.tables.push_back(HF_TRY(read_shape(in_)));
      std::array<std::uint16_t, kSymbolCount> states;
      if (!share_states(heads_.tables.back(), heads_.table_bits, states)) return loss();
    }
    for (std::size_t i = 0; i < kStreamCount; ++i) streams_.emplace_back(in_.raw(sizes[i]));
    if (!in_.ok() || !in_.at_end()) return loss();
    heads_.columns.reserve(columns);
    for (std::uint64_t i = 0; i < columns; ++i) HF_TRY(column(i, columns));
    for (const auto& stream : streams_) {
      if (!stream.ok() || !stream.at_end()) return loss();
    }
    return std::move(heads_);
  }

 private:
  ByteReader& at(Stream stream) { return streams_[stream]; }

  Result<void> column(std::uint64_t index, std::uint64_t columns) {
    Head head;
    const std::int64_t count = plus(last_.count, at(kCounts).zigzag());
    if (count <= 0 || static_cast<std::uint64_t>(count) > samples_left_ || count > 0x7fffffff) {
      return loss();
    }
    head.count = static_cast<std::uint32_t>(count);
    samples_left_ -= head.count;
    const unsigned form = at(kForms).u8();
    const unsigned flags = at(kFlags).u8();
    if ((form & 3) > 2 || form >> 2 >= kPredictorCount || flags > 15) return loss();
    head.scale = static_cast<Scale>(form & 3);
    head.predictor = static_cast<Predictor>(form >> 2);
    head.repeats = (flags & kRepeats) != 0;
    if (head.scale == Scale::kDecimal) head.digits = at(kDigits).u8();
    if (head.digits > kDigitsMax) return loss();
    if ((flags & kHasDivisor) != 0) {
      head.divisor = at(kDivisors).varint();
      head.offset = at(kDivisors).zigzag();
    }
    if ((flags & kHasReferences) != 0) HF_TRY(references(index, columns, head));
    if ((flags & kHasExceptions) != 0) HF_TRY(exceptions(head));
    if (has_value(head)) {
      head.value = plus(last_.value, at(kValues).zigzag());
      last_.value = head.value;
    } else if (head.flat()) {
      return loss();
    }
    last_.count = head.count;
    if (!head.flat()) HF_TRY(coded(head));
    heads_.columns.push_back(head);
    return {};
  }

  Result<void> coded(Head& head) {
    head.table = at(kTables).u8();
    const std::int64_t width = at(kWidths).zigzag();
    head.first_bin = at(kBins).zigzag();
    head.payload_size = at(kSizes).varint();
    head.payload_begin = payload_;
    if (head.payload_size > (std::uint64_t{1} << 40)) return loss();
    payload_ += head.payload_size;
    const bool binary = head.scale == Scale::kBinary;
    if (head.table >= heads_.tables.size() || width < (binary ? -2000 : 0) ||
        width > (binary ? 2000 : 63)) {
      return loss();
    }
    head.width = static_cast<std::int16_t>(width);
    return {};
  }

  Result<void> references(std::uint64_t index, std::uint64_t columns, Head& head) {
    head.references_begin = static_cast<std::uint32_t>(heads_.references.size());
    head.references_count = at(kReferences).u8();
    if (head.references_count >= kFamilyMax || head.scale != Scale::kDecimal) return loss();
    for (std::uint32_t i = 0; i < head.references_count; ++i) {
      const std::uint64_t coded = at(kReferences).varint();
      const std::int64_t other = plus(static_cast<std::int64_t>(index), unfold_sign(coded >> 2));
      std::int64_t weight = (coded & 1) != 0 ? Reference::kOne : -Reference::kOne;
      if ((coded & 2) != 0) weight = at(kReferences).zigzag();
      if (!at(kReferences).ok() || weight > Reference::kWeightMax ||
          weight < -Reference::kWeightMax || other < 0 ||
          static_cast<std::uint64_t>(other) >= columns) {
        return loss();
      }
      heads_.references.push_back(
          {static_cast<std::uint32_t>(other), static_cast<std::int32_t>(weight)});
    }
    return {};
  }

  Result<void> exceptions(Head& head) {
    head.exceptions_begin = static_cast<std::uint32_t>(heads_.exceptions.size());
    const std::uint64_t count = at(kExceptions).varint();
    if (count > head.count) return loss();
    head.exceptions_count = static_cast<std::uint32_t>(count);
    std::uint64_t at_index = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t coded = at(kExceptions).varint();
      const std::uint64_t step = coded >> 1;
      if (!at(kExceptions).ok() || step >= head.count - at_index || (i > 0 && step == 0)) {
        return loss();
      }
      at_index += step;
      const std::uint64_t bits = (coded & 1) != 0 ? at(kExceptions).u64() : kStaleBits;
      heads_.exceptions.push_back({static_cast<std::uint32_t>(at_index), bits});
    }
    return {};
  }

  ByteReader in_;
  std::size_t samples_left_;
  std::vector<ByteReader> streams_;
  Heads heads_;
  Head last_;
  std::uint64_t payload_ = 0;
};

// Columns that need each other in a circle, or too many others, were not
// written by us.
Result<void> check_families(const Heads& heads) {
  if (heads.references.empty()) return {};
  std::vector<std::uint32_t> size(heads.columns.size(), 0);  // 0 is unknown
  std::vector<std::uint32_t> open;
  for (std::uint32_t root = 0; root < size.size(); ++root) {
    open.assign(1, root);
    while (!open.empty()) {
      const std::uint32_t column = open.back();
      const Head& head = heads.columns[column];
      std::uint32_t family = 1;
      bool ready = true;
      for (std::uint32_t i = 0; i < head.references_count && ready; ++i) {
        const std::uint32_t other = heads.references[head.references_begin + i].column;
        const Head& second = heads.columns[other];
        if (second.count != head.count || second.scale != Scale::kDecimal ||
            second.digits != head.digits) {
          return loss();
        }
        ready = size[other] != 0;
        if (!ready) open.push_back(other);
        family += size[other];
      }
      if (open.size() > kFamilyMax) return loss();
      if (!ready) continue;
      if (family > kFamilyMax) return loss();
      size[column] = family;
      open.pop_back();
    }
  }
  return {};
}

}  // namespace

void write_heads(const Heads& heads, int level, std::string& out) {
  Writer writer(heads);
  for (std::size_t i = 0; i < heads.columns.size(); ++i) writer.column(i);
  const std::string raw = writer.take();
  const std::string packed = compress(raw, level);
  ByteWriter begin;
  begin.u8(kFormat);
  begin.varint(raw.size());
  const bool smaller = packed.size() < raw.size();
  begin.varint(smaller ? packed.size() : 0);
  out += begin.str();
  out += smaller ? packed : raw;
}

Result<Heads> read_heads(std::string_view bytes, std::size_t sample_count_max) {
  ByteReader in(bytes);
  if (in.u8() != kFormat) return loss();
  const std::uint64_t raw_size = in.varint();
  const std::uint64_t packed_size = in.varint();
  constexpr std::size_t kTablesSizeMax = kTableCountMax * 2 * kSymbolCount;
  // No column has fewer than one sample, and no member of a head takes more
  // than a few bytes.
  constexpr std::size_t kSizePerSample = 128;
  const std::size_t samples = std::min<std::size_t>(sample_count_max, std::size_t{1} << 32);
  const std::size_t raw_size_max = kTablesSizeMax + kSizePerSample * (samples + 2);
  if (!in.ok() || raw_size > raw_size_max) return loss();
  std::string expanded;
  std::string_view raw;
  if (packed_size == 0) {
    raw = in.raw(raw_size);
  } else {
    expanded = HF_TRY(expand(in.raw(packed_size), raw_size, raw_size_max));
    raw = expanded;
  }
  if (!in.ok()) return loss();
  Heads heads = HF_TRY(Reader(raw, sample_count_max).read());
  HF_TRY(check_families(heads));
  heads.size = bytes.size() - in.left();
  const std::uint64_t payload = heads.columns.empty() ? 0 : in.left();
  std::uint64_t end = 0;
  for (Head& head : heads.columns) {
    head.payload_begin += heads.size;
    end += head.payload_size;
    if (end > payload) return loss();
  }
  if (end != in.left()) return loss();
  return heads;
}

}  // namespace holdfast::metrics::codec
