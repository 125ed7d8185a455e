#include "collect/receive/remote_write_v1.h"

#include <snappy.h>

#include <cstring>

#include "base/wire.h"
#include "collect/receive/handlers.h"
#include "collect/receive/histogram_proto.h"
#include "collect/receive/payload.h"

namespace holdfast::collect {
namespace {

// Fields of prometheus.TimeSeries.
constexpr std::uint32_t kLabels = 1;
constexpr std::uint32_t kSamples = 2;
constexpr std::uint32_t kExemplars = 3;
constexpr std::uint32_t kHistograms = 4;

// One prometheus.Label. Short fields in the usual order are read without the general reader.
bool read_label(std::string_view message, metrics::LabelView& out) {
  out = {};
  const auto* p = reinterpret_cast<const unsigned char*>(message.data());
  const std::size_t size = message.size();
  if (size > 4 && p[0] == 0x0a && p[1] < 0x80) {
    const std::size_t name = p[1];
    const std::size_t at = 2 + name;
    if (at + 2 <= size && p[at] == 0x12 && p[at + 1] < 0x80 && at + 2 + p[at + 1] == size) {
      out.name = message.substr(2, name);
      out.value = message.substr(at + 2);
      return true;
    }
  }
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(1, WireType::kBytes)) out.name = reader.bytes();
    if (reader.is(2, WireType::kBytes)) out.value = reader.bytes();
  }
  return !reader.failed();
}

Result<bool> views_of(std::string_view series, metrics::LabelViews& out) {
  const std::size_t begin = out.size();
  WireReader reader(series);
  while (reader.next()) {
    if (!reader.is(kLabels, WireType::kBytes)) continue;
    if (!read_label(reader.bytes(), out.emplace_back()))
      return invalid("remote write: bad bytes in a label");
  }
  return normalise_views(out, begin);
}

Result<model::Labels> labels_of(std::string_view series) {
  metrics::LabelViews views;
  HF_TRY(views_of(series, views));
  return metrics::to_labels(views);
}

bool read_sample(std::string_view message, metrics::FlatSample& out) {
  out = {};
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(1, WireType::kFixed64)) out.value = reader.fixed_double();
    if (reader.is(2, WireType::kVarint)) out.t = reader.int64();
  }
  return !reader.failed();
}

Error bad_bytes(std::string_view what) {
  return invalid("remote write: bad bytes in " + std::string(what));
}

// Histograms and exemplars of one series; rare enough to be read a second time.
Result<void> read_rest(std::string_view series, Batch& rest) {
  auto labels = labels_of(series);
  if (!labels) {
    rest.refusals.add(labels.error().message());
    return {};
  }
  const std::uint32_t index = rest.add_series(std::move(*labels));
  WireReader reader(series);
  while (reader.next()) {
    if (reader.is(kHistograms, WireType::kBytes)) {
      auto sample = read_histogram(reader.bytes());
      if (sample) {
        rest.add(index, std::move(*sample));
      } else {
        rest.refusals.add(rest.series[index].text() + ": " + sample.error().message());
      }
    } else if (reader.is(kExemplars, WireType::kBytes)) {
      auto exemplar = read_exemplar(reader.bytes());
      if (exemplar) {
        rest.exemplars.push_back({index, std::move(*exemplar)});
      } else {
        rest.refusals.add(rest.series[index].text() + ": " + exemplar.error().message());
      }
    }
  }
  return {};
}

char* put_text(char* at, std::string_view text) {
  text.copy(at, text.size());
  at[text.size()] = '\xff';
  return at + text.size() + 1;
}

Result<void> read_series(std::string_view message, RemoteWriteV1& out) {
  auto& floats = out.floats;
  auto& series = floats.series.emplace_back();
  series.encoded = message;
  series.sample_begin = static_cast<std::uint32_t>(floats.samples.size());
  // A label's two separators take what its tags and sizes took.
  if (out.canonical.size() < message.size()) out.canonical.resize(message.size() * 2);
  char* at = out.canonical.data();
  bool has_rest = false;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(kLabels, WireType::kBytes)) {
      metrics::LabelView label;
      if (!read_label(reader.bytes(), label)) return bad_bytes("a label");
      if (label.value.empty()) continue;
      at = put_text(put_text(at, label.name), label.value);
    } else if (reader.is(kSamples, WireType::kBytes)) {
      if (!read_sample(reader.bytes(), floats.samples.emplace_back())) return bad_bytes("a sample");
    } else if (reader.is(kExemplars, WireType::kBytes) ||
               reader.is(kHistograms, WireType::kBytes)) {
      has_rest = true;
    }
  }
  if (reader.failed()) return bad_bytes("a time series");
  series.sample_count = static_cast<std::uint32_t>(floats.samples.size()) - series.sample_begin;
  series.fingerprint = metrics::fingerprint(
      {out.canonical.data(), static_cast<std::size_t>(at - out.canonical.data())});
  if (series.sample_count == 0) floats.series.pop_back();
  if (has_rest) return read_rest(message, out.rest);
  return {};
}

std::string_view metadata_type(std::uint64_t type) {
  constexpr std::string_view kTypes[] = {"unknown",        "counter", "gauge", "histogram",
                                         "gaugehistogram", "summary", "info",  "stateset"};
  return type < std::size(kTypes) ? kTypes[type] : kTypes[0];
}

void read_metadata(std::string_view message, Batch& rest) {
  metrics::Metadata metadata;
  std::string family;
  metadata.type = "unknown";
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(1, WireType::kVarint)) metadata.type = metadata_type(reader.number());
    if (reader.is(2, WireType::kBytes)) family = reader.bytes();
    if (reader.is(4, WireType::kBytes)) metadata.help = reader.bytes();
    if (reader.is(5, WireType::kBytes)) metadata.unit = reader.bytes();
  }
  if (reader.failed() || family.empty()) {
    rest.refusals.add("metadata: bad bytes or no metric name");
    return;
  }
  rest.metadata[family] = std::move(metadata);
}

}  // namespace

Result<void> decode_remote_write_v1(std::string_view message, RemoteWriteV1& out) {
  out.floats.series.clear();
  out.floats.samples.clear();
  out.floats.labels_of = labels_of;
  out.floats.views_of = views_of;
  out.rest = Batch();
  WireReader reader(message);
  while (reader.next()) {
    if (reader.is(1, WireType::kBytes)) HF_TRY(read_series(reader.bytes(), out));
    if (reader.is(3, WireType::kBytes)) read_metadata(reader.bytes(), out.rest);
  }
  if (reader.failed()) return bad_bytes("the request");
  return {};
}

Result<Stored> store_remote_write_v1(metrics::Store& store, const RemoteWriteV1& request) {
  const metrics::AppendResult floats = HF_TRY(store.append(request.floats));
  Stored stored = HF_TRY(store_batch(store, request.rest));
  stored.floats += floats.appended;
  stored.refusals.add(floats);
  return stored;
}

// Decoded requests are large and alike: their buffers go from one to the next.
class RemoteWriteV1Buffers {
 public:
  struct Buffers {
    std::string message;
    RemoteWriteV1 request;
  };
  std::unique_ptr<Buffers> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<Buffers>();
    auto buffers = std::move(free_.back());
    free_.pop_back();
    return buffers;
  }
  void give(std::unique_ptr<Buffers> buffers) {
    constexpr std::size_t kKeptSizeMax = 8 << 20;  // a giant among requests does not stay
    if (buffers->message.capacity() > kKeptSizeMax) return;
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(buffers));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Buffers>> free_;
};

std::shared_ptr<RemoteWriteV1Buffers> make_remote_write_v1_buffers() {
  return std::make_shared<RemoteWriteV1Buffers>();
}

net::Response answer_remote_write_v1(Intake& intake, RemoteWriteV1Buffers& all,
                                     const net::Request& request) {
  auto buffers = all.take();
  const auto handle = [&]() -> Result<Stored> {
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(request.body.data(), request.body.size(), &size))
      return invalid("remote write: the body is not snappy's block format");
    if (size > intake.options.body_size_max)
      return Error(Code::kTooLarge, "remote write: the body expands to " + std::to_string(size) +
                                        " bytes; allowed are " +
                                        std::to_string(intake.options.body_size_max));
    if (!snappy::Uncompress(request.body.data(), request.body.size(), &buffers->message))
      return invalid("remote write: the body is not snappy's block format");
    HF_TRY(decode_remote_write_v1(buffers->message, buffers->request));
    return store_remote_write_v1(intake.store, buffers->request);
  };
  auto stored = intake.count(Protocol::kRemoteWrite, handle());
  all.give(std::move(buffers));
  if (!stored) return refuse(stored.error());
  if (!stored->refusals.empty()) return net::Response::text(400, stored->refusals.text() + "\n");
  net::Response response;
  response.status = 204;
  return response;
}

}  // namespace holdfast::collect
