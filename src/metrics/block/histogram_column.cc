#include "metrics/block/histogram_column.h"

#include <bit>

#include "base/bytes.h"
#include "metrics/block/format.h"
#include "metrics/frame.h"

namespace holdfast::metrics {

using model::BucketSpan;
using model::Histogram;
using model::HistogramPtr;

namespace {

constexpr std::uint64_t kBucketsMax = 1 << 20;
constexpr std::uint64_t kValuesMax = 1 << 22;
constexpr std::size_t kLayoutSizeMax = 64 << 20;
constexpr std::size_t kFixedColumns = 3;  // count, zero count, sum
constexpr int kLevelFast = 1;
constexpr int kLevelSmall = 9;

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

std::size_t width_of(const Histogram& h) {
  return kFixedColumns + h.positive_buckets.size() + h.negative_buckets.size();
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

void put_layout(ByteWriter& out, const Histogram& h) {
  out.zigzag(h.schema);
  out.u8(static_cast<std::uint8_t>(h.counter_reset));
  out.f64(h.zero_threshold);
  put_spans(out, h.positive_spans);
  put_spans(out, h.negative_spans);
  out.varint(h.positive_buckets.size());
  out.varint(h.negative_buckets.size());
  out.varint(h.custom_values.size());
  for (const double bound : h.custom_values) out.f64(bound);
}

// Everything of `h` but its counts; those vectors get their sizes.
bool get_layout(ByteReader& in, Histogram& h) {
  h.schema = static_cast<std::int32_t>(in.zigzag());
  const std::uint8_t reset = in.u8();
  if (reset > static_cast<std::uint8_t>(model::CounterReset::kGauge)) return false;
  h.counter_reset = static_cast<model::CounterReset>(reset);
  h.zero_threshold = in.f64();
  h.positive_spans = get_spans(in);
  h.negative_spans = get_spans(in);
  const std::uint64_t positive = in.varint();
  const std::uint64_t negative = in.varint();
  const std::uint64_t bounds = in.varint();
  if (!in.ok() || positive > kBucketsMax || negative > kBucketsMax || bounds > in.left() / 8)
    return false;
  h.custom_values.resize(bounds);
  for (double& bound : h.custom_values) bound = in.f64();
  h.positive_buckets.resize(positive);
  h.negative_buckets.resize(negative);
  return in.ok();
}

// A run of the piece: histograms of one layout, or a gap.
struct Run {
  std::size_t begin = 0;
  std::size_t count = 0;
  bool gap = false;
};

std::vector<Run> runs_of(std::span<const HistogramPtr> samples) {
  std::vector<Run> runs;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const bool gap = !samples[i];
    if (!runs.empty() && runs.back().gap == gap &&
        (gap || same_layout(*samples[i - 1], *samples[i]))) {
      ++runs.back().count;
    } else {
      runs.push_back({i, 1, gap});
    }
  }
  return runs;
}

double& number_of(Histogram& h, std::size_t column) {
  if (column == 0) return h.count;
  if (column == 1) return h.zero_count;
  if (column == 2) return h.sum;
  column -= kFixedColumns;
  if (column < h.positive_buckets.size()) return h.positive_buckets[column];
  return h.negative_buckets[column - h.positive_buckets.size()];
}
double number_of(const Histogram& h, std::size_t column) {
  return number_of(const_cast<Histogram&>(h), column);
}

// | expanded size of the layouts | their frame, with its size | column group |
std::string encode_piece(std::span<const HistogramPtr> samples, Effort effort) {
  ByteWriter layouts;
  std::vector<double> numbers;
  std::vector<std::size_t> lengths;
  const std::vector<Run> runs = runs_of(samples);
  layouts.varint(runs.size());
  for (const Run& run : runs) {
    layouts.u8(run.gap ? 1 : 0);
    layouts.varint(run.count);
    if (run.gap) continue;
    const Histogram& shape = *samples[run.begin];
    put_layout(layouts, shape);
    const std::size_t width = width_of(shape);
    for (std::size_t column = 0; column < width; ++column) {
      for (std::size_t i = 0; i < run.count; ++i)
        numbers.push_back(number_of(*samples[run.begin + i], column));
      lengths.push_back(run.count);
    }
  }
  std::vector<ValueColumn> columns;
  const double* at = numbers.data();
  for (const std::size_t length : lengths) {
    columns.push_back({{at, length}, -1});
    at += length;
  }
  const std::string raw = layouts.take();
  ByteWriter out;
  out.varint(raw.size());
  out.text(compress(raw, effort == Effort::kFast ? kLevelFast : kLevelSmall));
  std::string bytes = out.take();
  encode_column_group(columns, effort, bytes);
  return bytes;
}

}  // namespace

std::vector<HistogramPiece> encode_histogram_pieces(std::span<const HistogramPtr> histograms,
                                                    Effort effort) {
  std::vector<HistogramPiece> pieces;
  std::size_t i = 0;
  while (i < histograms.size()) {
    if (!histograms[i]) {
      ++i;
      continue;
    }
    const std::size_t first = i;
    std::size_t end = i;  // behind the last histogram taken
    std::size_t numbers = 0;
    for (; i < histograms.size() && i - first < kPieceHistogramsMax; ++i) {
      if (!histograms[i]) continue;
      const std::size_t width = width_of(*histograms[i]);
      if (end > first && numbers + width > kPieceValuesMax) break;
      numbers += width;
      end = i + 1;
    }
    i = end;
    HistogramPiece piece;
    piece.first = static_cast<std::uint32_t>(first);
    piece.count = static_cast<std::uint32_t>(end - first);
    piece.bytes = encode_piece(histograms.subspan(first, end - first), effort);
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

Result<std::vector<HistogramPtr>> decode_histogram_piece(std::string_view bytes,
                                                         std::uint32_t count) {
  const Error bad = block_damage("a piece of histograms is wrong");
  if (count == 0 || count > kPieceHistogramsMax) return bad;
  ByteReader in(bytes);
  const std::uint64_t raw_size = in.varint();
  const std::string_view frame = in.text();
  if (!in.ok()) return bad;
  const std::string raw = HF_TRY(expand(frame, raw_size, kLayoutSizeMax));
  const auto group =
      HF_TRY(ColumnGroup::open(std::string(bytes.substr(bytes.size() - in.left())), kValuesMax));
  ByteReader layouts(raw);
  const std::uint64_t run_count = layouts.varint();
  std::vector<HistogramPtr> out;
  std::vector<double> numbers;
  std::size_t next_column = 0;
  std::uint64_t values = 0;
  for (std::uint64_t r = 0; r < run_count; ++r) {
    const std::uint8_t gap = layouts.u8();
    const std::uint64_t length = layouts.varint();
    if (!layouts.ok() || gap > 1 || length == 0 || length > count - out.size()) return bad;
    if (gap == 1) {
      out.resize(out.size() + length);
      continue;
    }
    Histogram shape;
    if (!get_layout(layouts, shape)) return bad;
    const std::size_t width = width_of(shape);
    values += width * length;
    if (values > kValuesMax || width > group->column_count() - next_column) return bad;
    std::vector<std::shared_ptr<Histogram>> made;
    for (std::uint64_t i = 0; i < length; ++i) made.push_back(std::make_shared<Histogram>(shape));
    numbers.resize(length);
    for (std::size_t column = 0; column < width; ++column, ++next_column) {
      if (group->sample_count(next_column) != length) return bad;
      HF_TRY(group->decode(next_column, 0, length, numbers.data()));
      for (std::uint64_t i = 0; i < length; ++i) number_of(*made[i], column) = numbers[i];
    }
    out.insert(out.end(), made.begin(), made.end());
  }
  if (!layouts.at_end() || out.size() != count || next_column != group->column_count()) return bad;
  return out;
}

}  // namespace holdfast::metrics
