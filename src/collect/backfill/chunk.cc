#include "collect/backfill/chunk.h"

#include <cmath>

#include "collect/receive/histogram_proto.h"

namespace holdfast::collect {
namespace {

constexpr std::size_t kHistogramHeaderSize = 3;
constexpr std::uint8_t kFlagsMask = 0xc0;
constexpr std::uint8_t kFlagsReset = 0x80;
constexpr std::uint8_t kFlagsNoReset = 0x40;
constexpr std::uint8_t kFlagsGauge = 0xc0;
// Of a zero threshold that is a power of two: its exponent, moved into a byte.
constexpr int kThresholdExponent = 243;
constexpr std::uint64_t kThresholdVerbatim = 255;
constexpr std::int32_t kSchemaMax = 8;
constexpr std::int32_t kSchemaReadableMax = 52;

Error bad(std::size_t index, const char* what) {
  return invalid("sample " + std::to_string(index) + ": " + what);
}

// Hostile deltas wrap instead of being undefined.
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

bool in_range(model::Timestamp t) { return t >= model::kTimestampMin && t <= model::kTimestampMax; }

std::size_t count_of(std::string_view bytes) {
  return static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])) << 8 |
         static_cast<unsigned char>(bytes[1]);
}

// Of a float chunk: widths of its own.
std::int64_t read_delta_of_delta(BitReader& in) {
  constexpr int kWidths[] = {0, 14, 17, 20, 64};
  int ones = 0;
  while (ones < 4 && in.bit()) ++ones;
  const int width = kWidths[ones];
  auto value = in.bits(width);
  if (width > 0 && width < 64 && value > std::uint64_t{1} << (width - 1))
    value -= std::uint64_t{1} << width;
  return static_cast<std::int64_t>(value);
}

Result<void> read_xor(std::string_view bytes, std::vector<model::Sample>& out) {
  if (bytes.size() < 2) return invalid("the chunk has no header");
  const auto count = count_of(bytes);
  BitReader in(bytes.substr(2));
  model::Timestamp t = 0;
  std::int64_t delta = 0;
  XorState value;
  for (std::size_t i = 0; i < count; ++i) {
    if (i == 0) {
      t = in.signed_varint();
      value.value = in.number();
    } else {
      delta =
          i == 1 ? static_cast<std::int64_t>(in.varint()) : plus(delta, read_delta_of_delta(in));
      t = plus(t, delta);
      in.xored(value);
    }
    if (!in.ok()) return bad(i, "the chunk ends too early");
    if (!in_range(t)) return bad(i, "its time lies outside all time");
    out.push_back({t, value.value, nullptr});
  }
  return {};
}

// ---- native histograms ----

Result<void> read_spans(BitReader& in, std::vector<model::BucketSpan>& out, std::size_t& buckets) {
  const auto count = in.varbit();
  if (count > kHistogramBucketsMax || count > in.bits_left())
    return invalid("layout: too many spans");
  std::uint64_t total = 0;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const auto length = in.varbit();
    const auto offset = in.signed_varbit();
    total += length;
    if (length > kHistogramBucketsMax || total > kHistogramBucketsMax)
      return invalid("layout: over " + std::to_string(kHistogramBucketsMax) + " buckets");
    if (offset != static_cast<std::int32_t>(offset)) return invalid("layout: a span lies too far");
    out.push_back({static_cast<std::int32_t>(offset), static_cast<std::uint32_t>(length)});
  }
  buckets = total;
  return {};
}

double read_threshold(BitReader& in) {
  const auto byte = in.bits(8);
  if (byte == 0) return 0;
  if (byte == kThresholdVerbatim) return in.number();
  return std::ldexp(0.5, static_cast<int>(byte) - kThresholdExponent);
}

// A bound of at most three decimals is its thousandfold and one; 0 announces all bits.
Result<void> read_bounds(BitReader& in, std::vector<double>& out) {
  const auto count = in.varbit();
  if (count > kHistogramBucketsMax || count > in.bits_left())
    return invalid("layout: too many custom bounds");
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto value = in.varbit();
    out.push_back(value == 0 ? in.number() : static_cast<double>(value - 1) / 1000);
  }
  return {};
}

// One side's buckets, whatever they are written as.
struct Buckets {
  std::vector<std::int64_t> values,
      deltas;  // whole counts: each as difference to its left neighbour
  std::vector<XorState> floats;
};

class HistogramReader {
 public:
  HistogramReader(std::string_view bytes, bool floats)
      : in_(bytes.substr(kHistogramHeaderSize)),
        count_(count_of(bytes)),
        flags_(static_cast<std::uint8_t>(bytes[2]) & kFlagsMask),
        floats_(floats) {}

  Result<void> read(std::vector<model::Sample>& out) {
    if (count_ == 0) return {};
    HF_TRY(read_layout());
    for (index_ = 0; index_ < count_; ++index_) {
      if (floats_)
        step_floats();
      else
        step_whole();
      if (!in_.ok()) return bad(index_, "the chunk ends too early");
      if (!in_range(t_)) return bad(index_, "its time lies outside all time");
      if (model::is_stale(sum_.value)) {
        out.push_back({t_, model::stale_marker(), nullptr});
        continue;
      }
      auto histogram = make();
      reduce_schema(histogram, kSchemaMax);
      if (auto good = check_histogram(histogram); !good)
        return bad(index_, good.error().message().c_str());
      out.push_back({t_, 0, std::make_shared<const model::Histogram>(std::move(histogram))});
    }
    return {};
  }

 private:
  Result<void> read_layout() {
    layout_.zero_threshold = read_threshold(in_);
    const auto schema = in_.signed_varbit();
    if (schema < model::Histogram::kCustomBuckets || schema > kSchemaReadableMax)
      return invalid("layout: schema " + std::to_string(schema) + "; allowed: -4 to 52 and -53");
    layout_.schema = static_cast<std::int32_t>(schema);
    std::size_t positive = 0, negative = 0;
    HF_TRY(read_spans(in_, layout_.positive_spans, positive));
    HF_TRY(read_spans(in_, layout_.negative_spans, negative));
    if (layout_.uses_custom_buckets()) HF_TRY(read_bounds(in_, layout_.custom_values));
    // Each bucket of the first histogram takes a bit at least.
    if (!in_.ok() || positive + negative > in_.bits_left())
      return invalid("layout: the chunk ends too early");
    for (auto& [side, size] : {std::pair(&positive_, positive), std::pair(&negative_, negative)}) {
      side->values.assign(floats_ ? 0 : size, 0);
      side->deltas.assign(floats_ ? 0 : size, 0);
      side->floats.assign(floats_ ? size : 0, {});
    }
    return {};
  }

  void step_time() {
    if (index_ == 0) {
      t_ = in_.signed_varbit();
      return;
    }
    delta_ = plus(delta_, in_.signed_varbit());
    t_ = plus(t_, delta_);
  }
  void step_sum() {
    if (index_ == 0)
      sum_.value = in_.number();
    else
      in_.xored(sum_);
  }

  void step_whole() {
    step_time();
    const auto step = [this](std::int64_t& value, std::int64_t& delta) {
      if (index_ == 0) {
        value = static_cast<std::int64_t>(in_.varbit());
        return;
      }
      delta = plus(delta, in_.signed_varbit());
      value = plus(value, delta);
    };
    step(whole_, whole_delta_);
    step(zero_, zero_delta_);
    step_sum();
    if (index_ > 0 && model::is_stale(sum_.value)) return;
    for (auto* side : {&positive_, &negative_}) {
      for (std::size_t i = 0; i < side->values.size(); ++i) {
        const auto read = in_.signed_varbit();
        if (index_ > 0) side->deltas[i] = plus(side->deltas[i], read);
        side->values[i] = index_ == 0 ? read : plus(side->values[i], side->deltas[i]);
      }
    }
  }

  void step_floats() {
    step_time();
    const auto step = [this](XorState& state) {
      if (index_ == 0)
        state.value = in_.number();
      else
        in_.xored(state);
    };
    step(count_state_);
    step(zero_state_);
    step(sum_);
    if (index_ > 0 && model::is_stale(sum_.value)) return;
    for (auto* side : {&positive_, &negative_}) {
      for (auto& state : side->floats) step(state);
    }
  }

  model::CounterReset hint() const {
    if (flags_ == kFlagsGauge) return model::CounterReset::kGauge;
    if (index_ > 0) return model::CounterReset::kNotReset;
    if (flags_ == kFlagsReset) return model::CounterReset::kReset;
    return model::CounterReset::kUnknown;  // the chunk before may be gone
  }

  std::vector<double> counts(const Buckets& side) const {
    std::vector<double> out;
    if (floats_) {
      for (const auto& state : side.floats) out.push_back(state.value);
      return out;
    }
    std::int64_t sum = 0;
    for (const auto value : side.values) {
      sum = plus(sum, value);
      out.push_back(static_cast<double>(sum));
    }
    return out;
  }

  model::Histogram make() const {
    model::Histogram out = layout_;
    out.counter_reset = hint();
    out.count =
        floats_ ? count_state_.value : static_cast<double>(static_cast<std::uint64_t>(whole_));
    out.zero_count =
        floats_ ? zero_state_.value : static_cast<double>(static_cast<std::uint64_t>(zero_));
    out.sum = sum_.value;
    out.positive_buckets = counts(positive_);
    out.negative_buckets = counts(negative_);
    return out;
  }

  BitReader in_;
  const std::size_t count_;
  const std::uint8_t flags_;
  const bool floats_;
  std::size_t index_ = 0;
  model::Histogram layout_;
  model::Timestamp t_ = 0;
  std::int64_t delta_ = 0;
  std::int64_t whole_ = 0, whole_delta_ = 0, zero_ = 0, zero_delta_ = 0;
  XorState count_state_, zero_state_, sum_;
  Buckets positive_, negative_;
};

}  // namespace

Result<void> read_chunk(std::uint8_t encoding, std::string_view bytes,
                        std::vector<model::Sample>& out) {
  switch (static_cast<ChunkEncoding>(encoding)) {
    case ChunkEncoding::kXor:
      return read_xor(bytes, out).context("float chunk");
    case ChunkEncoding::kHistogram:
    case ChunkEncoding::kFloatHistogram: {
      if (bytes.size() < kHistogramHeaderSize) return invalid("the histogram chunk has no header");
      const bool floats = encoding == static_cast<std::uint8_t>(ChunkEncoding::kFloatHistogram);
      return HistogramReader(bytes, floats).read(out).context("histogram chunk");
    }
  }
  return Error(Code::kUnsupported, "chunk encoding " + std::to_string(encoding) +
                                       "; known: 1 (XOR), 2 (histogram), 3 (float histogram)");
}

// ---- writing ----

namespace {

void write_spans(BitWriter& out, const std::vector<model::BucketSpan>& spans) {
  out.varbit(spans.size());
  for (const auto& span : spans) {
    out.varbit(span.length);
    out.signed_varbit(span.offset);
  }
}

bool same_layout(const model::Histogram& a, const model::Histogram& b) {
  return a.schema == b.schema && a.zero_threshold == b.zero_threshold &&
         a.positive_spans == b.positive_spans && a.negative_spans == b.negative_spans &&
         a.custom_values == b.custom_values;
}

bool any_less(const std::vector<double>& a, const std::vector<double>& b) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (a[i] < b[i]) return true;
  }
  return false;
}

}  // namespace

bool HistogramChunkWriter::fits(const model::Histogram& histogram) const {
  if (count_ == 0) return true;
  if (count_ >= kSamplesPerChunk || !same_layout(layout_, histogram)) return false;
  const bool gauge = layout_.counter_reset == model::CounterReset::kGauge;
  if (gauge != (histogram.counter_reset == model::CounterReset::kGauge)) return false;
  // Readers take every histogram behind the first of a chunk for no reset.
  return gauge ||
         (histogram.counter_reset != model::CounterReset::kReset &&
          !(histogram.count < layout_.count) && !(histogram.zero_count < layout_.zero_count) &&
          !any_less(histogram.positive_buckets, layout_.positive_buckets) &&
          !any_less(histogram.negative_buckets, layout_.negative_buckets));
}

std::vector<double> HistogramChunkWriter::values_of(const model::Histogram& histogram) const {
  std::vector<double> values{histogram.count, histogram.zero_count, histogram.sum};
  for (const auto* side : {&histogram.positive_buckets, &histogram.negative_buckets})
    values.insert(values.end(), side->begin(), side->end());
  return values;
}

void HistogramChunkWriter::begin(model::Timestamp t, const model::Histogram& histogram) {
  first_ = t;
  const auto reset = histogram.counter_reset;
  const auto flags = reset == model::CounterReset::kGauge      ? kFlagsGauge
                     : reset == model::CounterReset::kReset    ? kFlagsReset
                     : reset == model::CounterReset::kNotReset ? kFlagsNoReset
                                                               : std::uint8_t{0};
  out_.bytes()[2] = static_cast<char>(flags);
  int exponent = 0;
  const double fraction = std::frexp(histogram.zero_threshold, &exponent);
  if (histogram.zero_threshold == 0) {
    out_.bits(0, 8);
  } else if (fraction != 0.5 || exponent < -242 || exponent > 11) {
    out_.bits(kThresholdVerbatim, 8);
    out_.number(histogram.zero_threshold);
  } else {
    out_.bits(static_cast<std::uint64_t>(exponent + kThresholdExponent), 8);
  }
  out_.signed_varbit(histogram.schema);
  write_spans(out_, histogram.positive_spans);
  write_spans(out_, histogram.negative_spans);
  if (histogram.uses_custom_buckets()) {
    out_.varbit(histogram.custom_values.size());
    for (const double bound : histogram.custom_values) {
      out_.varbit(0);  // all bits follow: exact for every bound
      out_.number(bound);
    }
  }
  out_.signed_varbit(t);
}

void HistogramChunkWriter::append(model::Timestamp t, const model::Histogram& histogram) {
  const auto values = values_of(histogram);
  if (count_ == 0) {
    begin(t, histogram);
    numbers_.assign(values.size(), {});
    for (std::size_t i = 0; i < values.size(); ++i) {
      numbers_[i].value = values[i];
      out_.number(values[i]);
    }
  } else {
    const auto delta = t - time_;
    out_.signed_varbit(delta - delta_);
    delta_ = delta;
    for (std::size_t i = 0; i < values.size(); ++i) out_.xored(numbers_[i], values[i]);
  }
  layout_ = histogram;
  time_ = t;
  ++count_;
}

std::string HistogramChunkWriter::take() {
  auto& bytes = out_.bytes();
  bytes[0] = static_cast<char>(count_ >> 8);
  bytes[1] = static_cast<char>(count_ & 0xff);
  auto out = std::move(bytes);
  *this = HistogramChunkWriter();
  return out;
}

}  // namespace holdfast::collect
