#include "collect/scrape/proto_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "collect/receive/histogram_proto.h"

namespace holdfast::collect {
namespace {

enum FamilyType { kCounter, kGauge, kSummary, kUntyped, kHistogram, kGaugeHistogram };
constexpr std::string_view kTypeNames[] = {"counter", "gauge",     "summary",
                                           "unknown", "histogram", "gaugehistogram"};

// As OpenMetrics writes bounds: whole numbers with ".0", an exponent below 1e-4 and from 1e6 on.
std::string bound_text(double value) {
  if (!std::isfinite(value)) return format_double(value);
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                 std::chars_format::scientific)
                       .ptr;
  const std::string_view scientific(digits.data(), static_cast<std::size_t>(end - digits.data()));
  const auto e = scientific.find('e');
  auto exponent = scientific.substr(e + 1);
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  const auto power = parse_int(exponent).value_or(0);
  if (value != 0 && (power < -4 || power >= 6)) return std::string(scientific);
  auto text = format_double(value);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

double plain_nan(double value) {
  return std::isnan(value) ? std::bit_cast<double>(model::kNormalNanBits) : value;
}

// google.protobuf.Timestamp.
std::optional<model::Timestamp> read_time(std::string_view bytes) {
  std::int64_t seconds = 0, nanos = 0;
  WireReader reader(bytes);
  while (reader.next()) {
    if (reader.is(1, WireType::kVarint)) seconds = reader.int64();
    if (reader.is(2, WireType::kVarint)) nanos = reader.int64();
  }
  if (reader.failed() || std::abs(seconds) > model::kTimestampMax / 1000) return std::nullopt;
  return seconds * 1000 + std::clamp<std::int64_t>(nanos, 0, 999'999'999) / 1'000'000;
}

Result<model::Label> read_label(std::string_view bytes) {
  model::Label label;
  WireReader reader(bytes);
  while (reader.next()) {
    if (reader.is(1, WireType::kBytes)) label.name = reader.bytes();
    if (reader.is(2, WireType::kBytes)) label.value = reader.bytes();
  }
  if (reader.failed()) return invalid("a label is cut off");
  if (!is_valid_utf8(label.name) || !is_valid_utf8(label.value)) {
    return invalid("label \"" + printable(label.name, 40) + "\" is not valid UTF-8");
  }
  return label;
}

Result<TextParser::Exemplar> read_exemplar_message(std::string_view bytes) {
  TextParser::Exemplar out;
  WireReader reader(bytes);
  while (reader.next()) {
    if (reader.is(1, WireType::kBytes)) out.labels.push_back(HF_TRY(read_label(reader.bytes())));
    if (reader.is(2, WireType::kFixed64)) out.value = plain_nan(reader.fixed_double());
    if (reader.is(3, WireType::kBytes)) out.timestamp = read_time(reader.bytes());
  }
  if (reader.failed()) return invalid("an exemplar is cut off");
  return out;
}

// Spans and counts of one side of a native histogram, as they come.
struct Side {
  std::vector<model::BucketSpan> spans;
  std::vector<std::int64_t> deltas;
  std::vector<double> counts;

  Result<void> span(std::string_view bytes) {
    model::BucketSpan out;
    WireReader reader(bytes);
    while (reader.next()) {
      if (reader.is(1, WireType::kVarint)) out.offset = static_cast<std::int32_t>(reader.zigzag());
      if (reader.is(2, WireType::kVarint)) out.length = static_cast<std::uint32_t>(reader.number());
    }
    if (reader.failed()) return invalid("a bucket span is cut off");
    spans.push_back(out);
    return {};
  }
  // Repeated numbers come one by one or packed.
  Result<void> delta(const WireReader& reader) {
    if (reader.type() == WireType::kVarint) {
      deltas.push_back(reader.zigzag());
      return {};
    }
    auto packed = reader.bytes();
    std::uint64_t raw = 0;
    while (WireReader::unpack_varint(packed, raw)) {
      deltas.push_back(static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1));
    }
    if (!packed.empty()) return invalid("bucket deltas are cut off");
    return {};
  }
  Result<void> number(const WireReader& reader) {
    if (reader.type() == WireType::kFixed64) {
      counts.push_back(reader.fixed_double());
      return {};
    }
    auto packed = reader.bytes();
    double value = 0;
    while (WireReader::unpack_double(packed, value)) counts.push_back(value);
    if (!packed.empty()) return invalid("bucket counts are cut off");
    return {};
  }
  std::vector<double> absolute(bool is_float) const {
    if (is_float) return counts;
    std::vector<double> out;
    std::uint64_t count = 0;  // unsigned: an absurd delta wraps instead of overflowing
    for (const auto delta : deltas) {
      count += static_cast<std::uint64_t>(delta);
      out.push_back(static_cast<double>(static_cast<std::int64_t>(count)));
    }
    return out;
  }
};

}  // namespace

struct ClassicBucket {
  double bound = 0;
  double count = 0;
  std::optional<TextParser::Exemplar> exemplar;
};

struct ClassicHistogram {
  double count = 0;
  double sum = 0;
  std::vector<ClassicBucket> buckets;
  std::vector<TextParser::Exemplar> exemplars;
};

struct ProtoParser::Metric {
  std::string_view bytes;
  std::string key;  // the labels as they came
  std::optional<model::Timestamp> timestamp;
};

Error ProtoParser::error(const std::string& message) const {
  return invalid("family " + std::to_string(family_count_) + " (" + printable(name_, 60) +
                 "): " + message);
}

Result<ProtoParser::Entry> ProtoParser::next(std::string_view) {
  if (at_ + 1 < items_.size()) {
    ++at_;
    return item().entry;
  }
  do {
    items_.clear();
    at_ = 0;
    if (!HF_TRY(read_family())) {
      items_.resize(1);  // what the accessors show after the end
      return Entry::kEnd;
    }
  } while (items_.empty());
  return item().entry;
}

Result<bool> ProtoParser::read_family() {
  if (body_.empty()) return false;
  ++family_count_;
  name_.clear();
  std::uint64_t size = 0;
  if (!WireReader::unpack_varint(body_, size) || size > body_.size()) {
    return error("the message is cut off");
  }
  const auto message = body_.substr(0, static_cast<std::size_t>(size));
  body_.remove_prefix(static_cast<std::size_t>(size));
  type_ = kCounter;
  std::string help, unit;
  std::vector<std::string_view> metrics;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(1, WireType::kBytes))
      name_ = reader.bytes();
    else if (reader.is(2, WireType::kBytes))
      help = reader.bytes();
    else if (reader.is(3, WireType::kVarint))
      type_ = static_cast<int>(reader.number() & 0xff);
    else if (reader.is(4, WireType::kBytes))
      metrics.push_back(reader.bytes());
    else if (reader.is(5, WireType::kBytes))
      unit = reader.bytes();
  }
  if (reader.failed()) return error("the message is broken");
  if (name_.empty() || !is_valid_utf8(name_)) return error("the family has no valid name");
  if (type_ > kGaugeHistogram) return error("type " + std::to_string(type_) + " is not known");
  if (!is_valid_utf8(help)) return error("the help text is not valid UTF-8");
  add_text(Entry::kHelp, help);
  add_text(Entry::kType, std::string(kTypeNames[type_]));
  if (!unit.empty()) add_text(Entry::kUnit, unit);
  for (const auto metric : metrics) HF_TRY(read_metric(metric));
  return true;
}

void ProtoParser::add_text(Entry entry, std::string text) {
  auto& item = items_.emplace_back();
  item.entry = entry;
  item.series = name_ + '\xff' + text;
  item.text = std::move(text);
}

ProtoParser::Item& ProtoParser::add(const Metric& metric, std::string_view suffix, double value) {
  auto& item = items_.emplace_back();
  item.labels = metric.bytes;
  item.suffix = suffix;
  item.series = name_ + std::string(suffix) + '\xff' + metric.key;
  item.value = plain_nan(value);
  item.timestamp = metric.timestamp;
  return item;
}

Result<void> ProtoParser::read_metric(std::string_view bytes) {
  Metric metric{bytes, {}, {}};
  std::string_view body;
  std::uint32_t kind = 0;
  WireReader reader(bytes);
  while (reader.next()) {
    const auto field = reader.field();
    if (reader.is(1, WireType::kBytes)) metric.key.append(reader.bytes()).push_back('\xff');
    if (reader.is(6, WireType::kVarint)) metric.timestamp = reader.int64();
    if (reader.type() == WireType::kBytes && (field == 7 || (field >= 2 && field <= 5))) {
      kind = field;
      body = reader.bytes();
    }
  }
  if (reader.failed()) return error("a metric is broken");
  if (metric.timestamp &&
      (*metric.timestamp > model::kTimestampMax || *metric.timestamp < model::kTimestampMin)) {
    return error("a timestamp is out of range");
  }
  if (metric.timestamp == 0) metric.timestamp.reset();
  if (type_ == kHistogram || type_ == kGaugeHistogram) {
    return kind == 7 ? read_histogram(body, metric)
                     : Result<void>(error("a metric is no histogram"));
  }
  if (type_ == kSummary) {
    return kind == 4 ? read_summary(body, metric) : Result<void>(error("a metric is no summary"));
  }
  constexpr std::uint32_t kFields[] = {3, 2, 0, 5};  // where counter, gauge and untyped stand
  if (kind != kFields[type_]) return error("a metric's value is not of the family's type");
  auto& item = add(metric, "", 0);
  WireReader value(body);
  while (value.next()) {
    if (value.is(1, WireType::kFixed64)) item.value = plain_nan(value.fixed_double());
    if (type_ == kCounter && value.is(2, WireType::kBytes)) {
      auto exemplar = read_exemplar_message(value.bytes());
      if (!exemplar) return error(exemplar.error().message());
      item.exemplars.push_back(std::move(*exemplar));
    }
  }
  return value.failed() ? Result<void>(error("a value is broken")) : Result<void>();
}

Result<void> ProtoParser::read_summary(std::string_view bytes, const Metric& metric) {
  double count = 0, sum = 0;
  std::vector<std::pair<double, double>> quantiles;
  WireReader reader(bytes);
  while (reader.next()) {
    if (reader.is(1, WireType::kVarint)) count = static_cast<double>(reader.number());
    if (reader.is(2, WireType::kFixed64)) sum = reader.fixed_double();
    if (!reader.is(3, WireType::kBytes)) continue;
    auto& quantile = quantiles.emplace_back();
    WireReader inner(reader.bytes());
    while (inner.next()) {
      if (inner.is(1, WireType::kFixed64)) quantile.first = inner.fixed_double();
      if (inner.is(2, WireType::kFixed64)) quantile.second = inner.fixed_double();
    }
    if (inner.failed()) return error("a quantile is broken");
  }
  if (reader.failed()) return error("a summary is broken");
  add(metric, "_count", count);
  add(metric, "_sum", sum);
  for (const auto& [quantile, value] : quantiles) {
    auto& item = add(metric, "", value);
    item.extra_name = "quantile";
    item.extra_value = bound_text(quantile);
    item.series += item.extra_value;
  }
  return {};
}

namespace {

Result<ClassicBucket> read_bucket(std::string_view bytes) {
  ClassicBucket bucket;
  WireReader reader(bytes);
  while (reader.next()) {
    if (reader.is(1, WireType::kVarint)) bucket.count = static_cast<double>(reader.number());
    if (reader.is(2, WireType::kFixed64)) bucket.bound = reader.fixed_double();
    if (reader.is(3, WireType::kBytes)) {
      bucket.exemplar = HF_TRY(read_exemplar_message(reader.bytes()));
    }
    if (reader.is(4, WireType::kFixed64)) {
      if (const auto count = reader.fixed_double(); count > 0) bucket.count = count;
    }
  }
  if (reader.failed()) return invalid("a bucket is cut off");
  return bucket;
}

// All of a Histogram message: the classic part and the native one.
struct HistogramMessage {
  ClassicHistogram classic;
  model::Histogram native;
  Side positive, negative;
  double count_float = 0, zero_float = 0;

  Result<void> take(const WireReader& r) {
    const auto field = r.field();
    if (r.is(1, WireType::kVarint))
      classic.count = static_cast<double>(r.number());
    else if (r.is(2, WireType::kFixed64))
      classic.sum = r.fixed_double();
    else if (r.is(3, WireType::kBytes))
      classic.buckets.push_back(HF_TRY(read_bucket(r.bytes())));
    else if (r.is(4, WireType::kFixed64))
      count_float = r.fixed_double();
    else if (r.is(5, WireType::kVarint))
      native.schema = static_cast<std::int32_t>(r.zigzag());
    else if (r.is(6, WireType::kFixed64))
      native.zero_threshold = r.fixed_double();
    else if (r.is(7, WireType::kVarint))
      native.zero_count = static_cast<double>(r.number());
    else if (r.is(8, WireType::kFixed64))
      zero_float = r.fixed_double();
    else if (r.is(9, WireType::kBytes))
      return negative.span(r.bytes());
    else if (field == 10)
      return negative.delta(r);
    else if (field == 11)
      return negative.number(r);
    else if (r.is(12, WireType::kBytes))
      return positive.span(r.bytes());
    else if (field == 13)
      return positive.delta(r);
    else if (field == 14)
      return positive.number(r);
    else if (r.is(16, WireType::kBytes)) {
      classic.exemplars.push_back(HF_TRY(read_exemplar_message(r.bytes())));
    }
    return {};
  }

  bool is_native() const {
    return !positive.spans.empty() || !negative.spans.empty() || native.zero_threshold > 0 ||
           native.zero_count > 0 || zero_float > 0;
  }

  Result<model::HistogramPtr> finish(bool is_gauge) {
    const bool is_float =
        count_float > 0 || zero_float > 0 || !positive.counts.empty() || !negative.counts.empty();
    native.count = is_float ? count_float : classic.count;
    native.sum = plain_nan(classic.sum);
    if (is_float) native.zero_count = zero_float;
    if (is_gauge) native.counter_reset = model::CounterReset::kGauge;
    // A span without buckets only says that the histogram is a native one.
    const auto is_empty = [](const auto& span) { return span.length == 0 && span.offset == 0; };
    std::erase_if(positive.spans, is_empty);
    std::erase_if(negative.spans, is_empty);
    native.positive_spans = std::move(positive.spans);
    native.negative_spans = std::move(negative.spans);
    native.positive_buckets = positive.absolute(is_float);
    native.negative_buckets = negative.absolute(is_float);
    HF_TRY(check_histogram(native));
    return model::HistogramPtr(std::make_shared<const model::Histogram>(std::move(native)));
  }
};

}  // namespace

Result<void> ProtoParser::read_histogram(std::string_view bytes, const Metric& metric) {
  HistogramMessage message;
  WireReader reader(bytes);
  while (reader.next()) {
    if (auto taken = message.take(reader); !taken) return error(taken.error().message());
  }
  if (reader.failed()) return error("a histogram is broken");
  if (message.count_float > 0) message.classic.count = message.count_float;
  const bool native = options_.native && message.is_native();
  if (native) {
    auto made = message.finish(type_ == kGaugeHistogram);
    if (!made) return error(made.error().message());
    auto& item = add(metric, "", 0);
    item.histogram = std::move(*made);
    item.exemplars = message.classic.exemplars;
    if (item.exemplars.empty()) {
      for (const auto& bucket : message.classic.buckets) {
        if (bucket.exemplar) item.exemplars.push_back(*bucket.exemplar);
      }
    }
  }
  if (!native || (options_.classic_too && !message.classic.buckets.empty())) {
    return add_classic(metric, message.classic);
  }
  return {};
}

Result<void> ProtoParser::add_classic(const Metric& metric, ClassicHistogram& classic) {
  add(metric, "_count", classic.count);
  add(metric, "_sum", classic.sum);
  const bool has_last = !classic.buckets.empty() && std::isinf(classic.buckets.back().bound);
  if (!has_last) {
    classic.buckets.push_back({std::numeric_limits<double>::infinity(), classic.count, {}});
  }
  for (auto& bucket : classic.buckets) {
    auto& item = add(metric, "_bucket", bucket.count);
    item.extra_name = "le";
    item.extra_value = bound_text(bucket.bound);
    item.series += item.extra_value;
    if (bucket.exemplar) item.exemplars.push_back(std::move(*bucket.exemplar));
  }
  return {};
}

Result<void> ProtoParser::labels(std::vector<model::Label>& out) const {
  const auto& from = item();
  out.push_back({std::string(model::kMetricName), name_ + std::string(from.suffix)});
  const auto add_one = [&](model::Label label) -> Result<void> {
    for (const auto& other : out) {
      if (other.name == label.name) {
        return error("label \"" + printable(label.name, 40) + "\" stands twice");
      }
    }
    out.push_back(std::move(label));
    return {};
  };
  WireReader reader(from.labels);
  while (reader.next()) {
    if (!reader.is(1, WireType::kBytes)) continue;
    auto label = read_label(reader.bytes());
    if (!label) return error(label.error().message());
    if (label->name.empty()) return error("a label has no name");
    HF_TRY(add_one(std::move(*label)));
  }
  if (!from.extra_name.empty()) {
    HF_TRY(add_one({std::string(from.extra_name), from.extra_value}));
  }
  return {};
}

}  // namespace holdfast::collect
