#include "collect/remote_read/remote_read_message.h"

#include <algorithm>
#include <map>

#include "base/bytes.h"
#include "base/wire.h"
#include "collect/backfill/chunk.h"
#include "collect/forward/remote_message.h"
#include "collect/receive/histogram_proto.h"
#include "collect/receive/payload.h"

namespace holdfast::collect {
namespace {

constexpr std::uint64_t kSamples = 0;
constexpr std::uint64_t kStreamedChunks = 1;

std::uint64_t matcher_type(model::MatchOp op) {
  switch (op) {
    case model::MatchOp::kEqual:
      return 0;
    case model::MatchOp::kNotEqual:
      return 1;
    case model::MatchOp::kRegex:
      return 2;
    case model::MatchOp::kNotRegex:
      return 3;
  }
  return 0;
}

Error cut_off() { return invalid("the answer is cut off"); }

Result<model::Label> read_label(std::string_view message) {
  model::Label label;
  WireReader in(message);
  while (in.next()) {
    if (in.is(1, WireType::kBytes)) label.name = in.bytes();
    if (in.is(2, WireType::kBytes)) label.value = in.bytes();
  }
  if (in.failed()) return cut_off();
  return label;
}

// Samples by series, of one message or of many frames.
class Gathered {
 public:
  Gathered(model::Timestamp from, model::Timestamp to, const ReadAnswerLimits& limits)
      : from_(from), to_(to), limits_(limits) {}

  Result<void> add(std::vector<model::Label> labels, std::vector<model::Sample> samples) {
    std::erase_if(samples, [this](const auto& one) { return one.t < from_ || one.t > to_; });
    count_ += samples.size();
    if (count_ > limits_.sample_count_max) {
      return Error(Code::kTooLarge,
                   "over " + std::to_string(limits_.sample_count_max) + " samples");
    }
    auto& into = series_[model::Labels(std::move(labels))];
    std::move(samples.begin(), samples.end(), std::back_inserter(into));
    return {};
  }

  std::vector<metrics::Column> take() {
    std::vector<metrics::Column> columns;
    for (auto& [labels, samples] : series_) {
      if (samples.empty()) continue;
      const auto by_time = [](const auto& a, const auto& b) { return a.t < b.t; };
      if (!std::is_sorted(samples.begin(), samples.end(), by_time))
        std::stable_sort(samples.begin(), samples.end(), by_time);
      metrics::Column column;
      column.labels = std::make_shared<const model::Labels>(labels);
      for (auto& sample : samples) {
        if (!column.times.empty() && column.times.back() == sample.t) continue;
        column.times.push_back(sample.t);
        column.values.push_back(sample.value);
        if (!sample.histogram) continue;
        column.histograms.resize(column.times.size());
        column.histograms.back() = std::move(sample.histogram);
      }
      if (!column.histograms.empty()) column.histograms.resize(column.times.size());
      columns.push_back(std::move(column));
    }
    return columns;
  }

 private:
  const model::Timestamp from_, to_;
  const ReadAnswerLimits& limits_;
  std::size_t count_ = 0;
  std::map<model::Labels, std::vector<model::Sample>> series_;
};

Result<model::Sample> read_sample(std::string_view message) {
  model::Sample sample;
  WireReader in(message);
  while (in.next()) {
    if (in.is(1, WireType::kFixed64)) sample.value = in.fixed_double();
    if (in.is(2, WireType::kVarint)) sample.t = in.int64();
  }
  if (in.failed()) return cut_off();
  return sample;
}

// prometheus.Chunk.
Result<void> read_chunk_message(std::string_view message, std::vector<model::Sample>& out) {
  std::uint64_t type = 0;
  std::string_view data;
  WireReader in(message);
  while (in.next()) {
    if (in.is(3, WireType::kVarint)) type = in.number();
    if (in.is(4, WireType::kBytes)) data = in.bytes();
  }
  if (in.failed()) return cut_off();
  return read_chunk(type > 255 ? std::uint8_t{0} : static_cast<std::uint8_t>(type), data, out);
}

// prometheus.TimeSeries, or prometheus.ChunkedSeries.
Result<void> read_series(std::string_view message, bool chunks, Gathered& into) {
  std::vector<model::Label> labels;
  std::vector<model::Sample> samples;
  WireReader in(message);
  while (in.next()) {
    if (in.type() != WireType::kBytes) continue;
    if (in.field() == 1) labels.push_back(HF_TRY(read_label(in.bytes())));
    if (in.field() == 2 && chunks) HF_TRY(read_chunk_message(in.bytes(), samples));
    if (in.field() == 2 && !chunks) samples.push_back(HF_TRY(read_sample(in.bytes())));
    if (in.field() == 4 && !chunks) samples.push_back(HF_TRY(read_histogram(in.bytes())));
  }
  if (in.failed()) return cut_off();
  return into.add(std::move(labels), std::move(samples));
}

Result<void> read_samples(std::string_view message, Gathered& into) {
  WireReader response(message);
  while (response.next()) {
    if (!response.is(1, WireType::kBytes)) continue;
    WireReader result(response.bytes());
    while (result.next()) {
      if (result.is(1, WireType::kBytes)) HF_TRY(read_series(result.bytes(), false, into));
    }
    if (result.failed()) return cut_off();
  }
  if (response.failed()) return cut_off();
  return {};
}

Result<void> read_frames(std::string_view rest, Gathered& into) {
  while (!rest.empty()) {
    std::uint64_t size = 0;
    if (!WireReader::unpack_varint(rest, size) || rest.size() < 4 || size > rest.size() - 4)
      return cut_off();
    std::uint32_t crc = 0;
    for (const char c : rest.substr(0, 4)) crc = crc << 8 | static_cast<unsigned char>(c);
    const auto message = rest.substr(4, size);
    if (crc != crc32c(message)) return Error(Code::kDataLoss, "the checksum of a frame is wrong");
    rest.remove_prefix(4 + size);
    WireReader frame(message);
    while (frame.next()) {
      if (frame.is(1, WireType::kBytes)) HF_TRY(read_series(frame.bytes(), true, into));
    }
    if (frame.failed()) return cut_off();
  }
  return {};
}

}  // namespace

std::string write_read_request(const std::vector<model::Matcher>& matchers, model::Timestamp from,
                               model::Timestamp to) {
  WireWriter query;
  query.varint(1, static_cast<std::uint64_t>(from));
  query.varint(2, static_cast<std::uint64_t>(to));
  for (const auto& matcher : matchers) {
    WireWriter one;
    one.varint(1, matcher_type(matcher.op()));
    one.bytes(2, matcher.name());
    one.bytes(3, matcher.value());
    query.bytes(3, one.text());
  }
  WireWriter out;
  out.bytes(1, query.text());
  out.varint(2, kStreamedChunks);  // in the order of preference
  out.varint(2, kSamples);
  return pack_snappy(out.text());
}

bool is_streamed_answer(std::string_view content_type) {
  return content_type.starts_with("application/x-streamed-protobuf");
}

Result<std::vector<metrics::Column>> read_read_answer(std::string_view body, bool streamed,
                                                      model::Timestamp from, model::Timestamp to,
                                                      const ReadAnswerLimits& limits) {
  Gathered gathered(from, to, limits);
  if (streamed) {
    HF_TRY(read_frames(body, gathered));
  } else {
    const auto plain = HF_TRY(unpack_snappy(body, limits.size_max));
    HF_TRY(read_samples(plain, gathered));
  }
  return gathered.take();
}

metrics::Column merge_columns(std::vector<metrics::Column> parts) {
  if (parts.size() == 1) return std::move(parts[0]);
  std::vector<model::Sample> samples;
  for (const auto& part : parts) {
    for (std::size_t i = 0; i < part.times.size(); ++i) {
      samples.push_back(
          {part.times[i], part.values[i], part.histograms.empty() ? nullptr : part.histograms[i]});
    }
  }
  const ReadAnswerLimits limits{.sample_count_max = samples.size()};
  Gathered gathered(model::kTimestampMin, model::kTimestampMax, limits);
  // Cannot fail: the limit is what there is.
  if (auto added = gathered.add(parts[0].labels->all(), std::move(samples)); !added) return {};
  auto merged = gathered.take();
  return merged.empty() ? metrics::Column{parts[0].labels, {}, {}, {}} : std::move(merged[0]);
}

}  // namespace holdfast::collect
