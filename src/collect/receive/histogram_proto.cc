// Fields may come in any order and counts as deltas, so a message is first read whole, then made into one
// model::Histogram with absolute counts, then checked.
#include "collect/receive/histogram_proto.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "base/wire.h"

namespace holdfast::collect {
namespace {

constexpr std::int32_t kSchemaMin = -4;
constexpr std::int32_t kSchemaMax = 8;           // of what is stored
constexpr std::int32_t kSchemaReadableMax = 52;  // of what is reduced
// How far the buckets of a float histogram may exceed its count by rounding.
constexpr double kCountSlack = 1e-12;

struct Side {
  std::vector<model::BucketSpan> spans;
  std::vector<std::int64_t> deltas;
  std::vector<double> counts;
};

struct Raw {
  model::Histogram out;
  bool is_float = false;
  Side positive, negative;
  std::uint64_t reset_hint = 0;
  model::Timestamp t = 0;
};

Result<model::BucketSpan> read_span(std::string_view message) {
  model::BucketSpan span;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(1, WireType::kVarint)) span.offset = static_cast<std::int32_t>(reader.zigzag());
    if (reader.is(2, WireType::kVarint)) span.length = static_cast<std::uint32_t>(reader.number());
  }
  if (reader.failed()) return invalid("histogram: bad bytes in a bucket span");
  return span;
}

// Repeated scalars come packed, or one a field from old encoders.
Result<void> read_deltas(const WireReader& reader, std::vector<std::int64_t>& out) {
  const auto zigzag = [](std::uint64_t v) {
    return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
  };
  if (reader.type() == WireType::kVarint) {
    out.push_back(reader.zigzag());
    return {};
  }
  auto packed = reader.bytes();
  for (std::uint64_t v = 0; WireReader::unpack_varint(packed, v);) out.push_back(zigzag(v));
  if (reader.type() != WireType::kBytes || !packed.empty())
    return invalid("histogram: bad bytes in bucket deltas");
  return {};
}

Result<void> read_doubles(const WireReader& reader, std::vector<double>& out) {
  if (reader.type() == WireType::kFixed64) {
    out.push_back(reader.fixed_double());
    return {};
  }
  auto packed = reader.bytes();
  for (double v = 0; WireReader::unpack_double(packed, v);) out.push_back(v);
  if (reader.type() != WireType::kBytes || !packed.empty())
    return invalid("histogram: bad bytes in bucket counts");
  return {};
}

Result<void> read_side(const WireReader& reader, std::uint32_t which, Side& side) {
  if (which == 0) {
    if (reader.type() != WireType::kBytes) return invalid("histogram: a bucket span is no message");
    side.spans.push_back(HF_TRY(read_span(reader.bytes())));
    return {};
  }
  return which == 1 ? read_deltas(reader, side.deltas) : read_doubles(reader, side.counts);
}

Result<void> read_field(const WireReader& reader, Raw& raw) {
  auto& out = raw.out;
  const auto field = reader.field();
  if (field >= 8 && field <= 10) return read_side(reader, field - 8, raw.negative);
  if (field >= 11 && field <= 13) return read_side(reader, field - 11, raw.positive);
  if (field == 16) return read_doubles(reader, out.custom_values);
  if (reader.is(1, WireType::kVarint)) {
    out.count = static_cast<double>(reader.number());
  } else if (reader.is(2, WireType::kFixed64)) {
    out.count = reader.fixed_double();
    raw.is_float = true;
  } else if (reader.is(3, WireType::kFixed64)) {
    out.sum = reader.fixed_double();
  } else if (reader.is(4, WireType::kVarint)) {
    out.schema = static_cast<std::int32_t>(reader.zigzag());
  } else if (reader.is(5, WireType::kFixed64)) {
    out.zero_threshold = reader.fixed_double();
  } else if (reader.is(6, WireType::kVarint)) {
    out.zero_count = static_cast<double>(reader.number());
  } else if (reader.is(7, WireType::kFixed64)) {
    out.zero_count = reader.fixed_double();
  } else if (reader.is(14, WireType::kVarint)) {
    raw.reset_hint = reader.number();
  } else if (reader.is(15, WireType::kVarint)) {
    raw.t = reader.int64();
  }
  return {};
}

std::vector<double> absolute(const Side& side, bool is_float) {
  if (is_float) return side.counts;
  std::vector<double> counts;
  counts.reserve(side.deltas.size());
  std::uint64_t sum = 0;  // unsigned, so that hostile deltas wrap instead of being undefined
  for (const auto delta : side.deltas) {
    sum += static_cast<std::uint64_t>(delta);
    counts.push_back(static_cast<double>(static_cast<std::int64_t>(sum)));
  }
  return counts;
}

Result<double> check_side(std::string_view name, const std::vector<model::BucketSpan>& spans,
                          const std::vector<double>& buckets) {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    length += spans[i].length;
    if (i > 0 && spans[i].offset < 0)
      return invalid("histogram: " + std::string(name) + " span " + std::to_string(i) +
                     " has a negative offset");
  }
  if (length != buckets.size())
    return invalid("histogram: " + std::string(name) + " spans want " + std::to_string(length) +
                   " buckets, there are " + std::to_string(buckets.size()));
  if (buckets.size() > kHistogramBucketsMax)
    return Error(Code::kTooLarge,
                 "histogram: over " + std::to_string(kHistogramBucketsMax) + " buckets");
  double sum = 0;
  for (const double count : buckets) {
    if (!(count >= 0))
      return invalid("histogram: a " + std::string(name) + " bucket has a negative count");
    sum += count;
  }
  return sum;
}

Result<void> check_custom(const model::Histogram& histogram) {
  if (!histogram.negative_spans.empty() || histogram.zero_count != 0 ||
      histogram.zero_threshold != 0)
    return invalid("histogram: custom buckets have neither a zero bucket nor negative ones");
  const auto& bounds = histogram.custom_values;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (std::isnan(bounds[i]) || bounds[i] == std::numeric_limits<double>::infinity() ||
        (i > 0 && bounds[i] <= bounds[i - 1]))
      return invalid("histogram: custom bounds must be finite and rise");
  }
  std::int64_t end = 0;
  for (const auto& span : histogram.positive_spans) {
    if (span.offset < 0) return invalid("histogram: a custom bucket lies before the first bound");
    end += span.offset;
    end += span.length;
  }
  if (end > static_cast<std::int64_t>(bounds.size()) + 1)
    return invalid("histogram: only " + std::to_string(bounds.size()) +
                   " custom bounds for buckets up to " + std::to_string(end));
  return {};
}

// Bucket i of a schema lies in bucket ceil(i / 2) of the next coarser one.
void halve(std::vector<model::BucketSpan>& spans, std::vector<double>& buckets, unsigned times) {
  std::vector<std::pair<std::int32_t, double>> merged;
  std::int64_t index = 0;
  std::size_t at = 0;
  for (const auto& span : spans) {
    index += span.offset;
    for (std::uint32_t i = 0; i < span.length && at < buckets.size(); ++i, ++index) {
      const auto target = static_cast<std::int32_t>(((index - 1) >> times) + 1);
      if (merged.empty() || merged.back().first != target) merged.emplace_back(target, 0);
      merged.back().second += buckets[at++];
    }
  }
  set_buckets(merged, spans, buckets);
}

double held(const model::Histogram& histogram) {
  const auto& positive = histogram.positive_buckets;
  const auto& negative = histogram.negative_buckets;
  return std::accumulate(positive.begin(), positive.end(), histogram.zero_count) +
         std::accumulate(negative.begin(), negative.end(), 0.0);
}

}  // namespace

void set_buckets(const std::vector<std::pair<std::int32_t, double>>& from,
                 std::vector<model::BucketSpan>& spans, std::vector<double>& buckets) {
  constexpr std::int64_t kGapMax = 2;
  spans.clear();
  buckets.clear();
  std::int64_t next = 0;  // the index after the last bucket
  for (const auto& [index, count] : from) {
    const std::int64_t gap = index - next;
    if (spans.empty() || gap > kGapMax) {
      spans.push_back({static_cast<std::int32_t>(gap), 0});
    } else {
      for (std::int64_t i = 0; i < gap; ++i, ++spans.back().length) buckets.push_back(0);
    }
    ++spans.back().length;
    buckets.push_back(count);
    next = std::int64_t{index} + 1;
  }
}

void reduce_schema(model::Histogram& histogram, std::int32_t schema_max) {
  if (histogram.uses_custom_buckets() || histogram.schema <= schema_max) return;
  const auto times = static_cast<unsigned>(histogram.schema - schema_max);
  halve(histogram.positive_spans, histogram.positive_buckets, times);
  halve(histogram.negative_spans, histogram.negative_buckets, times);
  histogram.schema = schema_max;
}

Result<void> check_histogram(const model::Histogram& histogram) {
  const bool custom = histogram.uses_custom_buckets();
  if (!custom && (histogram.schema < kSchemaMin || histogram.schema > kSchemaMax))
    return invalid("histogram: schema " + std::to_string(histogram.schema) +
                   "; allowed: -4 to 8 and -53");
  if (!custom && !histogram.custom_values.empty())
    return invalid("histogram: custom bounds stand with an exponential schema");
  if (custom) HF_TRY(check_custom(histogram));
  const auto positive =
      HF_TRY(check_side("positive", histogram.positive_spans, histogram.positive_buckets));
  const auto negative =
      HF_TRY(check_side("negative", histogram.negative_spans, histogram.negative_buckets));
  if (!(histogram.count >= 0)) return invalid("histogram: the count is negative");
  if (!(histogram.zero_count >= 0)) return invalid("histogram: the zero bucket is negative");
  if (!(histogram.zero_threshold >= 0)) return invalid("histogram: the zero threshold is negative");
  const double sum = positive + negative + histogram.zero_count;
  // Observations of NaN count and fall into no bucket, so fewer is fine.
  if (sum > histogram.count * (1 + kCountSlack))
    return invalid("histogram: its buckets hold more than its count");
  return {};
}

Result<model::Sample> read_histogram(std::string_view message) {
  Raw raw;
  WireReader reader(message);
  while (reader.next()) HF_TRY(read_field(reader, raw));
  if (reader.failed()) return invalid("histogram: bad bytes");
  auto& out = raw.out;
  if (model::is_stale(out.sum)) return model::Sample{raw.t, model::stale_marker(), nullptr};
  out.counter_reset = raw.reset_hint == 1   ? model::CounterReset::kReset
                      : raw.reset_hint == 2 ? model::CounterReset::kNotReset
                      : raw.reset_hint == 3 ? model::CounterReset::kGauge
                                            : model::CounterReset::kUnknown;
  out.positive_buckets = absolute(raw.positive, raw.is_float);
  out.negative_buckets = absolute(raw.negative, raw.is_float);
  out.positive_spans = std::move(raw.positive.spans);
  out.negative_spans = std::move(raw.negative.spans);
  if (out.schema > kSchemaMax && out.schema <= kSchemaReadableMax) {
    HF_TRY(check_side("positive", out.positive_spans, out.positive_buckets));
    HF_TRY(check_side("negative", out.negative_spans, out.negative_buckets));
    reduce_schema(out, kSchemaMax);
  }
  HF_TRY(check_histogram(out));
  if (!raw.is_float && !std::isnan(out.sum) && held(out) != out.count)
    return invalid("histogram: its buckets do not add up to its count");
  return model::Sample{raw.t, 0, std::make_shared<const model::Histogram>(std::move(out))};
}

Result<metrics::Exemplar> read_exemplar(std::string_view message) {
  metrics::Exemplar exemplar;
  std::vector<model::Label> labels;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(1, WireType::kBytes)) {
      auto& label = labels.emplace_back();
      WireReader pair(reader.bytes());
      while (pair.next()) {
        if (pair.is(1, WireType::kBytes)) label.name = pair.bytes();
        if (pair.is(2, WireType::kBytes)) label.value = pair.bytes();
      }
      if (pair.failed()) return invalid("exemplar: bad bytes in a label");
    } else if (reader.is(2, WireType::kFixed64)) {
      exemplar.value = reader.fixed_double();
    } else if (reader.is(3, WireType::kVarint)) {
      exemplar.t = reader.int64();
    }
  }
  if (reader.failed()) return invalid("exemplar: bad bytes");
  exemplar.labels = model::Labels(std::move(labels));
  return exemplar;
}

}  // namespace holdfast::collect
