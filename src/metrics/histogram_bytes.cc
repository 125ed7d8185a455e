// Native histograms as bytes. Consecutive histograms of a series mostly share their layout (schema,
// spans, bounds) and differ little in their counts. So the layout is written only when it changes,
// and every double as the XOR with its predecessor, bytes reversed so that the zeros of a small
// whole number's mantissa vanish in a varint.
#include <bit>

#include "base/bytes.h"
#include "metrics/histogram_bytes.h"

namespace holdfast::metrics {

using model::BucketSpan;
using model::Histogram;
using model::Timestamp;

namespace {

constexpr std::uint8_t kSameLayout = 1;
// Bounds what a corrupt count can make us allocate; real histograms have a few hundred.
constexpr std::uint64_t kBucketCountMax = 1 << 20;

std::uint64_t bits_of(double v) { return std::bit_cast<std::uint64_t>(v); }

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (bits_of(a[i]) != bits_of(b[i])) return false;
  }
  return true;
}

bool same_layout(const Histogram& a, const Histogram& b) {
  return a.schema == b.schema && a.counter_reset == b.counter_reset &&
         bits_of(a.zero_threshold) == bits_of(b.zero_threshold) &&
         a.positive_spans == b.positive_spans && a.negative_spans == b.negative_spans &&
         a.positive_buckets.size() == b.positive_buckets.size() &&
         a.negative_buckets.size() == b.negative_buckets.size() &&
         same_bits(a.custom_values, b.custom_values);
}

void put_double(ByteWriter& out, double value, double previous) {
  out.varint(__builtin_bswap64(bits_of(value) ^ bits_of(previous)));
}
double get_double(ByteReader& in, double previous) {
  return std::bit_cast<double>(__builtin_bswap64(in.varint()) ^ bits_of(previous));
}

void put_spans(ByteWriter& out, const std::vector<BucketSpan>& spans) {
  out.varint(spans.size());
  for (const BucketSpan& span : spans) {
    out.zigzag(span.offset);
    out.varint(span.length);
  }
}
std::vector<BucketSpan> get_spans(ByteReader& in) {
  std::vector<BucketSpan> spans;
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const auto offset = static_cast<std::int32_t>(in.zigzag());
    spans.push_back({offset, static_cast<std::uint32_t>(in.varint())});
  }
  return spans;
}

// With a predecessor's values as the base; those beyond its end, against zero.
void put_doubles(ByteWriter& out, const std::vector<double>& values,
                 const std::vector<double>* base) {
  for (std::size_t i = 0; i < values.size(); ++i) put_double(out, values[i], base ? (*base)[i] : 0);
}
bool get_doubles(ByteReader& in, std::size_t count, const std::vector<double>* base,
                 std::vector<double>& values) {
  if (count > in.left()) return false;  // each is at least a byte
  values.resize(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = get_double(in, base ? (*base)[i] : 0);
  return in.ok();
}

Error bad() { return {Code::kDataLoss, "chunk of histograms: the bytes are wrong"}; }

bool get_layout(ByteReader& in, Histogram& h, std::uint64_t& positive, std::uint64_t& negative) {
  h.schema = static_cast<std::int32_t>(in.zigzag());
  const std::uint8_t reset = in.u8();
  if (reset > static_cast<std::uint8_t>(model::CounterReset::kGauge)) return false;
  h.counter_reset = static_cast<model::CounterReset>(reset);
  h.zero_threshold = in.f64();
  h.positive_spans = get_spans(in);
  h.negative_spans = get_spans(in);
  positive = in.varint();
  negative = in.varint();
  const std::uint64_t bounds = in.varint();
  if (!in.ok() || positive > kBucketCountMax || negative > kBucketCountMax ||
      bounds > kBucketCountMax)
    return false;
  return get_doubles(in, bounds, nullptr, h.custom_values);
}

}  // namespace

void encode_histogram(const Histogram& h, const Histogram* previous, std::string& bytes) {
  ByteWriter out;
  const bool same = previous != nullptr && same_layout(h, *previous);
  out.u8(same ? kSameLayout : 0);
  if (!same) {
    out.zigzag(h.schema);
    out.u8(static_cast<std::uint8_t>(h.counter_reset));
    out.f64(h.zero_threshold);
    put_spans(out, h.positive_spans);
    put_spans(out, h.negative_spans);
    out.varint(h.positive_buckets.size());
    out.varint(h.negative_buckets.size());
    out.varint(h.custom_values.size());
    put_doubles(out, h.custom_values, nullptr);
  }
  const Histogram* base = same ? previous : nullptr;
  put_double(out, h.zero_count, base ? base->zero_count : 0);
  put_double(out, h.count, base ? base->count : 0);
  put_double(out, h.sum, base ? base->sum : 0);
  put_doubles(out, h.positive_buckets, base ? &base->positive_buckets : nullptr);
  put_doubles(out, h.negative_buckets, base ? &base->negative_buckets : nullptr);
  bytes += out.str();
}

Result<void> decode_histograms(std::uint32_t count, std::string_view bytes, Timestamp from,
                               Timestamp to, Samples& out) {
  ByteReader in(bytes);
  std::uint64_t t = 0;
  model::HistogramPtr previous;
  for (std::uint32_t i = 0; i < count; ++i) {
    t += static_cast<std::uint64_t>(in.zigzag());
    const std::uint8_t flags = in.u8();
    if (!in.ok() || flags > kSameLayout || (flags == kSameLayout && !previous)) return bad();
    auto h = std::make_shared<Histogram>();
    const Histogram* base = flags == kSameLayout ? previous.get() : nullptr;
    std::uint64_t positive = 0;
    std::uint64_t negative = 0;
    if (base) {
      h->schema = base->schema;
      h->counter_reset = base->counter_reset;
      h->zero_threshold = base->zero_threshold;
      h->positive_spans = base->positive_spans;
      h->negative_spans = base->negative_spans;
      h->custom_values = base->custom_values;
      positive = base->positive_buckets.size();
      negative = base->negative_buckets.size();
    } else if (!get_layout(in, *h, positive, negative)) {
      return bad();
    }
    h->zero_count = get_double(in, base ? base->zero_count : 0);
    h->count = get_double(in, base ? base->count : 0);
    h->sum = get_double(in, base ? base->sum : 0);
    if (!get_doubles(in, positive, base ? &base->positive_buckets : nullptr, h->positive_buckets) ||
        !get_doubles(in, negative, base ? &base->negative_buckets : nullptr, h->negative_buckets)) {
      return bad();
    }
    const auto time = static_cast<Timestamp>(t);
    if (time > to) return {};
    if (time >= from) out.push(time, h);
    previous = std::move(h);
  }
  return {};
}

void Samples::push(Timestamp t, model::HistogramPtr histogram) {
  times.push_back(t);
  values.push_back(0);
  histograms.push_back(std::move(histogram));
}

bool same_histogram(const Histogram& a, const Histogram& b) {
  std::string left;
  std::string right;
  encode_histogram(a, nullptr, left);
  encode_histogram(b, nullptr, right);
  return left == right;
}

}  // namespace holdfast::metrics
