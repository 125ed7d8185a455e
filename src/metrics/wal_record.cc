#include "metrics/wal_record.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "metrics/histogram_bytes.h"

namespace holdfast::metrics {

namespace {

// Codes of a float, four bits each. kDelta + n: n + 1 bytes of decimal difference, zigzag. kBits + n:
// n + 1 low bytes of the difference in bits. kWhole: an exponent, then the value itself.
constexpr unsigned kSame = 0;
constexpr unsigned kDelta = 1;
constexpr unsigned kWhole = 8;
constexpr unsigned kBits = 9;
constexpr std::uint8_t kNotDecimal = 255;
constexpr std::uint8_t kExponentMax = 12;
constexpr double kPowers[kExponentMax + 1] = {1e0, 1e1, 1e2, 1e3,  1e4,  1e5, 1e6,
                                              1e7, 1e8, 1e9, 1e10, 1e11, 1e12};
constexpr double kWholeMax = 4503599627370496.0;  // 2^52: every whole number below is exact

void put_varint(std::string& out, std::uint64_t v) {
  while (v >= 0x80) {
    out.push_back(static_cast<char>(v | 0x80));
    v >>= 7;
  }
  out.push_back(static_cast<char>(v));
}
std::uint64_t zigzag(std::int64_t v) {
  return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}
std::int64_t unzigzag(std::uint64_t v) {
  return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
}
void put_zigzag(std::string& out, std::int64_t v) { put_varint(out, zigzag(v)); }
void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out.append(text);
}
void put_bytes(std::string& out, std::uint64_t bits, unsigned size) {
  char bytes[8];
  std::memcpy(bytes, &bits, 8);  // little endian, as every machine we run on
  out.append(bytes, size);
}
unsigned size_of(std::uint64_t bits) {
  return (static_cast<unsigned>(std::bit_width(bits)) + 7) / 8;
}

// value * 10^exponent when that is whole and gives the value back to the bit.
bool scaled(double value, std::uint8_t exponent, std::int64_t& out) {
  const double power = kPowers[exponent];
  const double product = value * power;
  if (!(std::abs(product) < kWholeMax)) return false;
  out = std::llrint(product);
  return std::bit_cast<std::uint64_t>(static_cast<double>(out) / power) ==
         std::bit_cast<std::uint64_t>(value);
}

std::uint8_t exponent_for(double value) {
  std::int64_t whole = 0;
  for (std::uint8_t e = 0; e <= kExponentMax; ++e) {
    if (scaled(value, e, whole)) return e;
  }
  return kNotDecimal;
}

Error bad(std::string_view what) { return {Code::kDataLoss, "log record: " + std::string(what)}; }

Result<std::vector<WalSeries>> read_series(ByteReader& in) {
  std::vector<WalSeries> result;
  std::vector<model::Label> pairs;
  const std::uint64_t count = in.varint();
  if (count > in.left()) return bad("too many series");
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t id = in.varint();
    const std::uint64_t label_count = in.varint();
    if (!in.ok() || id == 0 || id > UINT32_MAX || label_count > in.left())
      return bad("a series is wrong");
    std::vector<model::Label> labels;
    for (std::uint64_t k = 0; k < label_count; ++k) {
      const std::uint64_t pair = in.varint();
      if (pair == 0) {
        const std::string_view name = in.text();
        const std::string_view value = in.text();
        pairs.push_back({std::string(name), std::string(value)});
        labels.push_back(pairs.back());
      } else {
        if (pair > pairs.size()) return bad("a label is wrong");
        labels.push_back(pairs[pair - 1]);
      }
    }
    if (!in.ok()) return bad("a series ends early");
    result.push_back({static_cast<SeriesId>(id), Labels(std::move(labels))});
  }
  return result;
}

// One value, and the state after it.
Result<void> read_value(unsigned code, ByteReader& in, WalValue& state) {
  if (code == kSame) return {};
  if (code == kWhole) {
    state.exponent = in.u8();
    state.value = std::bit_cast<double>(in.u64());
    if (state.exponent > kExponentMax && state.exponent != kNotDecimal)
      return bad("a scale is wrong");
    return {};
  }
  const unsigned size = code < kWhole ? code - kDelta + 1 : code - kBits + 1;
  const std::string_view bytes = in.raw(size);
  if (!in.ok()) return bad("the samples end early");
  std::uint64_t raw = 0;
  std::memcpy(&raw, bytes.data(), size);
  if (code >= kBits) {
    state.value = std::bit_cast<double>(std::bit_cast<std::uint64_t>(state.value) ^ raw);
    return {};
  }
  std::int64_t before = 0;
  if (state.exponent > kExponentMax || !scaled(state.value, state.exponent, before))
    return bad("a difference has no base");
  state.value = static_cast<double>(before + unzigzag(raw)) / kPowers[state.exponent];
  return {};
}

Result<void> read_floats(ByteReader& in, std::unordered_map<SeriesId, WalValue>& states,
                         std::vector<WalSample>& out) {
  struct Run {
    SeriesId first;
    std::uint32_t count;
    Timestamp t;
  };
  std::vector<Run> runs;
  const std::uint64_t run_count = in.varint();
  const std::uint64_t float_count = in.varint();
  if (run_count > in.left() || float_count / 2 > in.left()) return bad("too many samples");
  SeriesId next = 0;
  Timestamp t = 0;
  std::uint64_t total = 0;
  for (std::uint64_t i = 0; i < run_count; ++i) {
    const auto first = static_cast<SeriesId>(next + static_cast<std::uint32_t>(in.zigzag()));
    const std::uint64_t count = in.varint();
    t = static_cast<Timestamp>(static_cast<std::uint64_t>(t) +
                               static_cast<std::uint64_t>(in.zigzag()));
    if (!in.ok() || count > float_count) return bad("a run of samples is wrong");
    runs.push_back({first, static_cast<std::uint32_t>(count), t});
    next = static_cast<SeriesId>(first + count);
    total += count;
  }
  if (total != float_count) return bad("the runs do not cover the samples");
  const std::string_view codes = in.raw((float_count + 1) / 2);
  if (!in.ok()) return bad("the samples end early");
  out.reserve(float_count);
  std::size_t at = 0;
  for (const Run& run : runs) {
    for (std::uint32_t i = 0; i < run.count; ++i, ++at) {
      const auto byte = static_cast<std::uint8_t>(codes[at / 2]);
      const SeriesId id = run.first + i;
      WalValue& state = states[id];
      HF_TRY(read_value(at % 2 == 0 ? byte & 15U : byte >> 4U, in, state));
      out.push_back({id, {run.t, state.value, nullptr}});
    }
  }
  return {};
}

Result<void> read_histograms(ByteReader& in, std::vector<WalSample>& out) {
  const std::uint64_t count = in.varint();
  if (count > in.left()) return bad("too many histograms");
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t id = in.varint();
    const std::string_view bytes = in.text();
    if (!in.ok() || id > UINT32_MAX) return bad("the histograms end early");
    Samples one;
    HF_TRY(decode_histograms(1, bytes, model::kTimestampMin, model::kTimestampMax, one));
    if (one.size() != 1) return bad("a histogram's time is wrong");
    out.push_back({static_cast<SeriesId>(id), {one.times[0], 0, one.histograms[0]}});
  }
  return {};
}

}  // namespace

void WalBatchWriter::add_series(SeriesId id, PairList labels, const HeadIndex& index,
                                WalValue& state) {
  state = WalValue();
  ++series_count_;
  put_varint(series_, id);
  put_varint(series_, labels.count);
  for (std::uint32_t i = 0; i < labels.count; ++i) {
    std::uint32_t& number = number_of(labels.pairs[i]);
    if (number != 0) {
      put_varint(series_, number);
      continue;
    }
    number = ++named_count_;
    const LabelView pair = index.pair(labels.pairs[i]);
    put_varint(series_, 0);
    put_text(series_, pair.name);
    put_text(series_, pair.value);
  }
}

// 0 when the record has not named it yet: for the caller to set.
std::uint32_t& WalBatchWriter::number_of(PairId pair) {
  if (named_count_ * 2 >= named_.size()) {
    const auto old =
        std::exchange(named_, std::vector<Named>(std::max<std::size_t>(64, named_.size() * 2)));
    named_count_ = 0;
    for (const Named& named : old) {
      if (named.pair == 0) continue;
      number_of(named.pair) = named.number;
      ++named_count_;
    }
  }
  // Ids of new pairs are neighbours; the product leaves room between them.
  std::size_t at = (pair * std::uint32_t{2654435769}) & (named_.size() - 1);
  while (named_[at].pair != 0 && named_[at].pair != pair) at = (at + 1) & (named_.size() - 1);
  named_[at].pair = pair;
  return named_[at].number;
}

void WalBatchWriter::end_run() {
  if (run_next_ == run_first_) return;
  ++run_count_;
  put_zigzag(runs_, static_cast<std::int32_t>(run_first_ - written_next_));
  put_varint(runs_, run_next_ - run_first_);
  put_zigzag(runs_, static_cast<std::int64_t>(static_cast<std::uint64_t>(run_time_) -
                                              static_cast<std::uint64_t>(written_time_)));
  written_next_ = run_next_;
  written_time_ = run_time_;
}

void WalBatchWriter::push_code(unsigned code) {
  if (float_count_ % 2 == 0) {
    codes_.push_back(static_cast<char>(code));
  } else {
    codes_.back() = static_cast<char>(static_cast<std::uint8_t>(codes_.back()) | code << 4);
  }
  ++float_count_;
}

void WalBatchWriter::add_float(SeriesId id, Timestamp t, double value, WalValue& state) {
  if (id != run_next_ || t != run_time_) {
    end_run();
    run_first_ = id;
    run_time_ = t;
  }
  run_next_ = id + 1;
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto bits_before = std::bit_cast<std::uint64_t>(state.value);
  if (bits == bits_before) return push_code(kSame);
  if (state.exponent != kNotDecimal) {
    std::int64_t now = 0;
    std::int64_t before = 0;
    if (scaled(value, state.exponent, now) && scaled(state.value, state.exponent, before)) {
      const std::uint64_t delta = zigzag(now - before);
      const unsigned size = size_of(delta);
      put_bytes(payload_, delta, size);
      state.value = value;
      return push_code(kDelta + size - 1);
    }
    state.exponent = exponent_for(value);
    state.value = value;
    payload_.push_back(static_cast<char>(state.exponent));
    put_bytes(payload_, bits, 8);
    return push_code(kWhole);
  }
  const std::uint64_t difference = bits ^ bits_before;
  const unsigned size = size_of(difference);
  state.value = value;
  if (size == 8) {
    payload_.push_back(static_cast<char>(kNotDecimal));
    put_bytes(payload_, bits, 8);
    return push_code(kWhole);
  }
  put_bytes(payload_, difference, size);
  push_code(kBits + size - 1);
}

void WalBatchWriter::add_histogram(SeriesId id, Timestamp t, const model::Histogram& histogram) {
  ++histogram_count_;
  std::string bytes;
  put_zigzag(bytes, t);
  encode_histogram(histogram, nullptr, bytes);
  put_varint(histograms_, id);
  put_text(histograms_, bytes);
}

std::string WalBatchWriter::take() {
  end_run();
  std::string out;
  out.reserve(series_.size() + runs_.size() + codes_.size() + payload_.size() + histograms_.size() +
              32);
  put_varint(out, series_count_);
  out += series_;
  put_varint(out, run_count_);
  put_varint(out, float_count_);
  out += runs_;
  out += codes_;
  out += payload_;
  put_varint(out, histogram_count_);
  out += histograms_;
  for (std::string* buffer : {&series_, &runs_, &codes_, &payload_, &histograms_}) buffer->clear();
  series_count_ = run_count_ = float_count_ = histogram_count_ = 0;
  run_first_ = run_next_ = written_next_ = 0;
  run_time_ = written_time_ = 0;
  if (named_count_ > 0) std::fill(named_.begin(), named_.end(), Named());
  named_count_ = 0;
  return out;
}

Result<WalBatch> WalBatchReader::read(std::string_view payload) {
  ByteReader in(payload);
  WalBatch batch;
  batch.series = HF_TRY(read_series(in));
  for (const WalSeries& series : batch.series) states_[series.id] = WalValue();
  HF_TRY(read_floats(in, states_, batch.samples));
  HF_TRY(read_histograms(in, batch.samples));
  if (!in.ok() || !in.at_end()) return bad("it does not end where it should");
  return batch;
}

std::string encode_wal_metadata(const std::string& metric, const Metadata& metadata) {
  ByteWriter out;
  out.text(metric);
  out.text(metadata.type);
  out.text(metadata.help);
  out.text(metadata.unit);
  return out.take();
}

Result<WalMetadata> decode_wal_metadata(std::string_view payload) {
  ByteReader in(payload);
  WalMetadata result;
  result.metric = in.text();
  result.metadata.type = in.text();
  result.metadata.help = in.text();
  result.metadata.unit = in.text();
  if (!in.ok() || !in.at_end()) return bad("metadata is wrong");
  return result;
}

namespace {
void write_labels(ByteWriter& out, const Labels& labels) {
  out.varint(labels.size());
  for (const model::Label& label : labels) {
    out.text(label.name);
    out.text(label.value);
  }
}
Labels read_labels(ByteReader& in) {
  std::vector<model::Label> labels;
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const std::string_view name = in.text();
    const std::string_view value = in.text();
    labels.push_back({std::string(name), std::string(value)});
  }
  return Labels(std::move(labels));
}
}  // namespace

std::string encode_wal_exemplars(const Labels& series, std::span<const Exemplar> exemplars) {
  ByteWriter out;
  write_labels(out, series);
  out.varint(exemplars.size());
  for (const Exemplar& exemplar : exemplars) {
    write_labels(out, exemplar.labels);
    out.zigzag(exemplar.t);
    out.u64(std::bit_cast<std::uint64_t>(exemplar.value));
  }
  return out.take();
}

Result<SeriesExemplars> decode_wal_exemplars(std::string_view payload) {
  ByteReader in(payload);
  SeriesExemplars result;
  result.series = read_labels(in);
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    Exemplar exemplar;
    exemplar.labels = read_labels(in);
    exemplar.t = in.zigzag();
    exemplar.value = std::bit_cast<double>(in.u64());
    result.exemplars.push_back(std::move(exemplar));
  }
  if (!in.ok() || !in.at_end()) return bad("exemplars are wrong");
  return result;
}

}  // namespace holdfast::metrics
