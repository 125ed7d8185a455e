#include "metrics/wal_record.h"

#include <algorithm>
#include <bit>

#include "base/bytes.h"
#include "metrics/chunk.h"

namespace holdfast::metrics {

namespace {

void put_varint(std::string& out, std::uint64_t v) {
  while (v >= 0x80) {
    out.push_back(static_cast<char>(v | 0x80));
    v >>= 7;
  }
  out.push_back(static_cast<char>(v));
}
void put_zigzag(std::string& out, std::int64_t v) {
  put_varint(out, (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63));
}
void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out.append(text);
}
void put_double(std::string& out, double v) {
  const auto bits = std::bit_cast<std::uint64_t>(v);
  for (unsigned i = 0; i < 8; ++i) out.push_back(static_cast<char>(bits >> (8 * i)));
}

Error bad(std::string_view what) { return {Code::kDataLoss, "log record: " + std::string(what)}; }

Result<std::vector<WalSeries>> read_series(ByteReader& in) {
  std::vector<WalSeries> result;
  const std::uint64_t count = in.varint();
  if (count > in.left()) return bad("too many series");
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t id = in.varint();
    const std::uint64_t label_count = in.varint();
    if (!in.ok() || id == 0 || id > UINT32_MAX || label_count > in.left())
      return bad("a series is wrong");
    std::vector<model::Label> labels;
    for (std::uint64_t k = 0; k < label_count; ++k) {
      const std::string_view name = in.text();
      const std::string_view value = in.text();
      labels.push_back({std::string(name), std::string(value)});
    }
    if (!in.ok()) return bad("a series ends early");
    result.push_back({static_cast<SeriesId>(id), Labels(std::move(labels))});
  }
  return result;
}

Result<void> read_floats(ByteReader& in, std::vector<WalSample>& out) {
  const std::uint64_t count = in.varint();
  if (count > in.left()) return bad("too many samples");
  std::uint32_t id = 0;
  std::uint64_t t = 0;
  out.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    id += static_cast<std::uint32_t>(in.zigzag());
    t += static_cast<std::uint64_t>(in.zigzag());
    const auto value = std::bit_cast<double>(in.u64());
    if (!in.ok()) return bad("the samples end early");
    out.push_back({id, {static_cast<Timestamp>(t), value, nullptr}});
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

void WalBatchWriter::add_series(SeriesId id, const Labels& labels) {
  ++series_count_;
  put_varint(series_, id);
  put_varint(series_, labels.size());
  for (const model::Label& label : labels) {
    put_text(series_, label.name);
    put_text(series_, label.value);
  }
}

void WalBatchWriter::add_sample(SeriesId id, const Sample& sample) {
  if (sample.histogram) {
    ++histogram_count_;
    std::string bytes;
    put_zigzag(bytes, sample.t);
    encode_histogram(*sample.histogram, nullptr, bytes);
    put_varint(histograms_, id);
    put_text(histograms_, bytes);
    return;
  }
  ++float_count_;
  put_zigzag(floats_, static_cast<std::int64_t>(id) - static_cast<std::int64_t>(float_id_));
  put_zigzag(floats_, static_cast<std::int64_t>(static_cast<std::uint64_t>(sample.t) -
                                                static_cast<std::uint64_t>(float_time_)));
  put_double(floats_, sample.value);
  float_id_ = id;
  float_time_ = sample.t;
}

std::string WalBatchWriter::take() {
  std::string out;
  out.reserve(series_.size() + floats_.size() + histograms_.size() + 16);
  put_varint(out, series_count_);
  out += series_;
  put_varint(out, float_count_);
  out += floats_;
  put_varint(out, histogram_count_);
  out += histograms_;
  *this = WalBatchWriter();
  return out;
}

Result<WalBatch> decode_wal_batch(std::string_view payload) {
  ByteReader in(payload);
  WalBatch batch;
  batch.series = HF_TRY(read_series(in));
  HF_TRY(read_floats(in, batch.samples));
  HF_TRY(read_histograms(in, batch.samples));
  if (!in.ok() || !in.at_end()) return bad("it does not end where it should");
  // Kinds are stored apart; by time, a series that has both is in its order again.
  std::stable_sort(batch.samples.begin(), batch.samples.end(),
                   [](const WalSample& a, const WalSample& b) { return a.sample.t < b.sample.t; });
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

}  // namespace holdfast::metrics
