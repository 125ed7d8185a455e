#include "app/api/remote_read.h"

#include <algorithm>

#include "app/api/xor_chunk.h"
#include "base/bytes.h"
#include "base/wire.h"
#include "collect/backfill/chunk.h"
#include "collect/forward/remote_message.h"

namespace holdfast::app {
namespace {

using collect::label_message;
using model::Matcher;

constexpr std::size_t kSampleCountMax = 50'000'000;
constexpr std::size_t kFrameSize = 1024 * 1024;

Result<Matcher> parse_matcher(std::string_view message) {
  WireReader reader(message);
  std::uint64_t type = 0;
  std::string name, value;
  while (reader.next()) {
    if (reader.is(1, WireType::kVarint)) type = reader.number();
    if (reader.is(2, WireType::kBytes)) name = reader.bytes();
    if (reader.is(3, WireType::kBytes)) value = reader.bytes();
  }
  if (reader.failed()) return invalid("remote read: a matcher is cut off");
  switch (type) {
    case 0:
      return Matcher::make(model::MatchOp::kEqual, std::move(name), std::move(value));
    case 1:
      return Matcher::make(model::MatchOp::kNotEqual, std::move(name), std::move(value));
    case 2:
      return Matcher::make(model::MatchOp::kRegex, std::move(name), std::move(value));
    case 3:
      return Matcher::make(model::MatchOp::kNotRegex, std::move(name), std::move(value));
    default:
      return invalid("invalid matcher type");
  }
}

Result<RemoteReadQuery> parse_query(std::string_view message) {
  RemoteReadQuery query;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(1, WireType::kVarint)) query.from = reader.int64();
    if (reader.is(2, WireType::kVarint)) query.to = reader.int64();
    if (reader.is(3, WireType::kBytes))
      query.matchers.push_back(HF_TRY(parse_matcher(reader.bytes())));
  }
  if (reader.failed()) return invalid("remote read: a query is cut off");
  query.from = std::clamp(query.from, model::kTimestampMin, model::kTimestampMax);
  query.to = std::clamp(query.to, model::kTimestampMin, model::kTimestampMax);
  return query;
}

// Our series do not carry the external labels: a condition on one is met when it asks for our value.
Result<std::vector<Matcher>> local_matchers(std::vector<Matcher> matchers,
                                            const model::Labels& external) {
  for (auto& matcher : matchers) {
    const auto value = external.get(matcher.name());
    if (!value.empty() && matcher.op() == model::MatchOp::kEqual && matcher.value() == value)
      matcher = Matcher::equal(matcher.name(), "");
  }
  if (std::ranges::all_of(matchers, [](const auto& one) { return one.matches_empty(); })) {
    matchers.push_back(
        HF_TRY(Matcher::make(model::MatchOp::kNotEqual, std::string(model::kMetricName), "")));
  }
  return matchers;
}

// The label fields of a series, field 1 of both messages, the external ones merged in order.
void write_labels(WireWriter& out, const metrics::LabelViews& labels,
                  const model::Labels& external) {
  auto more = external.begin();
  const auto external_before = [&](std::string_view name) {
    for (; more != external.end() && more->name < name; ++more)
      out.bytes(1, label_message(more->name, more->value));
    if (more != external.end() && more->name == name) ++more;  // the series' own wins
  };
  for (const auto& label : labels) {
    external_before(label.name);
    out.bytes(1, label_message(label.name, label.value));
  }
  for (; more != external.end(); ++more) out.bytes(1, label_message(more->name, more->value));
}

// Counts over all queries of a request.
struct Budget {
  std::size_t left = kSampleCountMax;
  Result<void> take(std::size_t count) {
    if (count > left)
      return invalid("exceeded sample limit (" + std::to_string(kSampleCountMax) + ")");
    left -= count;
    return {};
  }
};

// Reads the series of one query one after another.
template <typename Each>
Result<void> for_each_series(const metrics::Reader& reader, const RemoteReadQuery& query,
                             const model::Labels& external, std::stop_token stop, Each each) {
  metrics::SelectRequest request;
  request.matchers = HF_TRY(local_matchers(query.matchers, external));
  request.from = query.from;
  request.to = query.to;
  request.stop = std::move(stop);
  const auto found = HF_TRY(reader.find(request));
  const auto cursor = found->cursor();
  metrics::LabelViews labels;
  metrics::SeriesData data;
  for (std::size_t i = 0; i < found->size(); ++i) {
    HF_TRY(cursor->read(i, data));
    if (data.size() == 0) continue;
    found->labels(i, labels);
    HF_TRY(each(labels, data));
  }
  return {};
}

Result<std::string> samples_answer(const metrics::Reader& reader, const RemoteReadRequest& request,
                                   const model::Labels& external, std::stop_token stop) {
  WireWriter out;
  Budget budget;
  for (const auto& query : request.queries) {
    WireWriter result;
    const auto add = [&](const auto& labels, const auto& data) -> Result<void> {
      HF_TRY(budget.take(data.size()));
      WireWriter series;
      write_labels(series, labels, external);
      for (std::size_t i = 0; i < data.size(); ++i) {
        if (data.histograms.empty() || !data.histograms[i])
          series.bytes(2, collect::sample_message((*data.times)[i], data.values[i]));
      }
      for (std::size_t i = 0; i < data.histograms.size(); ++i) {
        if (data.histograms[i])
          series.bytes(4, collect::histogram_message((*data.times)[i], *data.histograms[i]));
      }
      result.bytes(1, series.text());
      return {};
    };
    HF_TRY(for_each_series(reader, query, external, stop, add));
    out.bytes(1, result.text());
  }
  return collect::pack_snappy(out.text());
}

void append_frame(std::string& out, std::string_view message) {
  WireWriter size;
  size.raw_varint(message.size());
  out += size.text();
  const auto crc = crc32c(message);
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>((crc >> shift) & 0xff);
  out += message;
}

// The samples of one series as frames: a series of many chunks is spread over several.
class SeriesFrames {
 public:
  SeriesFrames(std::string& out, std::uint64_t query, std::string labels)
      : out_(out), query_(query), labels_(std::move(labels)) {}

  void append(model::Timestamp t, double value) {
    if (histograms_.count() > 0) end_chunk();
    floats_.append(t, value);
    if (floats_.count() == XorChunk::kSamplesPerChunk) end_chunk();
  }
  void append(model::Timestamp t, const model::Histogram& histogram) {
    if (floats_.count() > 0 || !histograms_.fits(histogram)) end_chunk();
    histograms_.append(t, histogram);
  }
  void end() {
    end_chunk();
    if (!chunks_.empty()) end_frame();
  }

 private:
  template <typename Chunk>
  void add_chunk(collect::ChunkEncoding encoding, Chunk& chunk) {
    WireWriter message;
    message.varint(1, static_cast<std::uint64_t>(chunk.min_time()));
    message.varint(2, static_cast<std::uint64_t>(chunk.max_time()));
    message.varint(3, static_cast<std::uint64_t>(encoding));
    message.bytes(4, chunk.take());
    WireWriter field;
    field.bytes(2, message.text());
    chunks_ += field.text();
    if (labels_.size() + chunks_.size() >= kFrameSize) end_frame();
  }
  // Of the two at most one holds samples, so chunks come in the order of time.
  void end_chunk() {
    if (floats_.count() > 0) add_chunk(collect::ChunkEncoding::kXor, floats_);
    if (histograms_.count() > 0) add_chunk(collect::ChunkEncoding::kFloatHistogram, histograms_);
  }
  void end_frame() {
    WireWriter message;
    message.bytes(1, labels_ + chunks_);
    if (query_ != 0) message.varint(2, query_);
    append_frame(out_, message.text());
    chunks_.clear();
  }

  std::string& out_;
  const std::uint64_t query_;
  const std::string labels_;
  std::string chunks_;
  XorChunk floats_;
  collect::HistogramChunkWriter histograms_;
};

Result<std::string> chunks_answer(const metrics::Reader& reader, const RemoteReadRequest& request,
                                  const model::Labels& external, std::stop_token stop) {
  std::string out;
  Budget budget;
  for (std::size_t q = 0; q < request.queries.size(); ++q) {
    const auto add = [&](const auto& labels, const auto& data) -> Result<void> {
      HF_TRY(budget.take(data.size()));
      WireWriter names;
      write_labels(names, labels, external);
      SeriesFrames frames(out, q, names.take());
      for (std::size_t i = 0; i < data.size(); ++i) {
        if (!data.histograms.empty() && data.histograms[i])
          frames.append((*data.times)[i], *data.histograms[i]);
        else
          frames.append((*data.times)[i], data.values[i]);
      }
      frames.end();
      return {};
    };
    HF_TRY(for_each_series(reader, request.queries[q], external, stop, add));
  }
  return out;
}

}  // namespace

Result<RemoteReadRequest> parse_remote_read(std::string_view message) {
  RemoteReadRequest request;
  bool said = false, samples = false;
  const auto take_type = [&](std::uint64_t type) {
    said = true;
    if (type == 0) samples = true;
    if (type == 1 && !samples) request.takes_chunks = true;  // the first we know is preferred
  };
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(1, WireType::kBytes))
      request.queries.push_back(HF_TRY(parse_query(reader.bytes())));
    if (reader.is(2, WireType::kVarint)) take_type(reader.number());
    if (reader.is(2, WireType::kBytes)) {
      auto packed = reader.bytes();
      std::uint64_t type = 0;
      while (WireReader::unpack_varint(packed, type)) take_type(type);
    }
  }
  if (reader.failed()) return invalid("remote read: the request is cut off");
  request.takes_samples = !said || samples;
  if (said && !samples && !request.takes_chunks) {
    return invalid(
        "server does not support any of the requested response types; supported: SAMPLES, "
        "STREAMED_XOR_CHUNKS");
  }
  return request;
}

Result<RemoteReadAnswer> remote_read(const metrics::Reader& reader, RemoteReadRequest request,
                                     const model::Labels& external, std::stop_token stop) {
  if (request.takes_chunks) {
    auto chunks = HF_TRY(chunks_answer(reader, request, external, std::move(stop)));
    return RemoteReadAnswer{std::move(chunks), true};
  }
  return RemoteReadAnswer {
    HF_TRY(samples_answer(reader, request, external, std::move(stop)))
    , false
  };
}

}  // namespace holdfast::app
