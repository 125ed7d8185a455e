// Symbols may stand anywhere, so a first pass gathers them and the series; then each series by itself.
#include "collect/receive/remote_write_v2.h"

#include <algorithm>

#include "base/text.h"
#include "base/wire.h"
#include "collect/receive/histogram_proto.h"

namespace holdfast::collect {
namespace {

constexpr std::uint32_t kSymbols = 4;
constexpr std::uint32_t kTimeSeries = 5;
constexpr char kSeparator = '\xff';

using Symbols = std::vector<std::string_view>;

struct Pair {
  std::string_view name, value;
  auto operator<=>(const Pair&) const = default;
};

Result<bool> views_of(std::string_view encoded, metrics::LabelViews& out) {
  const auto take = [&] {
    const auto end = encoded.find(kSeparator);
    const auto part = encoded.substr(0, end);
    encoded.remove_prefix(end == std::string_view::npos ? encoded.size() : end + 1);
    return part;
  };
  while (!encoded.empty()) {
    const auto name = take();
    out.push_back({name, take()});
  }
  return true;
}

Result<model::Labels> labels_of(std::string_view encoded) {
  metrics::LabelViews views;
  HF_TRY(views_of(encoded, views));
  return metrics::to_labels(views);
}

// The refs of a packed field, or of one field a ref.
bool read_refs(const WireReader& reader, std::vector<std::uint32_t>& refs) {
  if (reader.type() == WireType::kVarint) {
    refs.push_back(static_cast<std::uint32_t>(reader.number()));
    return true;
  }
  if (reader.type() != WireType::kBytes) return false;
  auto packed = reader.bytes();
  for (std::uint64_t ref = 0; WireReader::unpack_varint(packed, ref);)
    refs.push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>(ref, ~std::uint32_t{0})));
  return packed.empty();
}

Result<std::vector<Pair>> resolve(const std::vector<std::uint32_t>& refs, const Symbols& symbols) {
  if (refs.size() % 2 != 0) return invalid("an odd number of label references");
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < refs.size(); i += 2) {
    if (refs[i] >= symbols.size() || refs[i + 1] >= symbols.size()) {
      return invalid("label reference " + std::to_string(std::max(refs[i], refs[i + 1])) +
                     " lies outside " + std::to_string(symbols.size()) + " symbols");
    }
    pairs.push_back({symbols[refs[i]], symbols[refs[i + 1]]});
  }
  return pairs;
}

std::string_view type_word(std::uint64_t type) {
  constexpr std::string_view kWords[] = {"unknown",        "counter", "gauge", "histogram",
                                         "gaugehistogram", "summary", "info",  "stateset"};
  return type < std::size(kWords) ? kWords[type] : kWords[0];
}

std::string family_of(std::string_view metric, std::string_view type) {
  if (type == "histogram" || type == "gaugehistogram" || type == "summary") {
    for (const std::string_view suffix : {"_bucket", "_sum", "_count"}) {
      if (metric.ends_with(suffix))
        return std::string(metric.substr(0, metric.size() - suffix.size()));
    }
  }
  return std::string(metric);
}

class Decoder {
 public:
  explicit Decoder(RemoteWriteV2& out) : out_(out) {
    out_.floats.labels_of = labels_of;
    out_.floats.views_of = views_of;
  }

  Result<void> run(std::string_view message) {
    std::vector<std::string_view> series;
    WireReader reader(message);
    while (reader.next()) {
      if (reader.is(kSymbols, WireType::kBytes)) symbols_.push_back(reader.bytes());
      if (reader.is(kTimeSeries, WireType::kBytes)) series.push_back(reader.bytes());
    }
    if (reader.failed()) return invalid("the body is no io.prometheus.write.v2.Request");
    for (const auto symbol : symbols_) valid_.push_back(is_valid_utf8(symbol) ? 1 : 0);
    for (index_ = 0; index_ < series.size(); ++index_) HF_TRY(read_series(series[index_]));
    fix_views();
    return {};
  }

 private:
  struct Parts {
    std::vector<std::string_view> histograms, exemplars;
    std::string_view metadata;
  };

  // Bad bytes refuse the request, a series that makes no sense only itself.
  Result<void> read_series(std::string_view message) {
    refs_.clear();
    Parts parts;
    const auto begin = out_.floats.samples.size();
    WireReader reader(message);
    while (reader.next()) {
      bool good = true;
      if (reader.field() == 1) good = read_refs(reader, refs_);
      if (reader.is(2, WireType::kBytes)) good = read_sample(reader.bytes());
      if (reader.is(3, WireType::kBytes)) parts.histograms.push_back(reader.bytes());
      if (reader.is(4, WireType::kBytes)) parts.exemplars.push_back(reader.bytes());
      if (reader.is(5, WireType::kBytes)) parts.metadata = reader.bytes();
      if (!good) return invalid("series " + std::to_string(index_) + ": bad bytes");
    }
    if (reader.failed()) return invalid("series " + std::to_string(index_) + ": bad bytes");
    const auto count = out_.floats.samples.size() - begin;
    if (auto done = take_series(begin, count, parts); !done) {
      out_.floats.samples.resize(begin);
      out_.rest.refusals.add("series " + std::to_string(index_) + ": " + done.error().message(),
                             std::max<std::size_t>(1, count + parts.histograms.size()));
    }
    return {};
  }

  bool read_sample(std::string_view message) {
    metrics::FlatSample sample;
    WireReader reader(message);
    while (reader.next()) {
      if (reader.is(1, WireType::kFixed64)) sample.value = reader.fixed_double();
      if (reader.is(2, WireType::kVarint)) sample.t = reader.int64();
    }
    out_.floats.samples.push_back(sample);
    return !reader.failed();
  }

  Result<void> take_series(std::size_t begin, std::size_t count, const Parts& parts) {
    auto pairs = HF_TRY(resolve(refs_, symbols_));
    HF_TRY(check(pairs));
    const auto at = out_.arena.size();
    for (const auto& pair : pairs) {
      for (const auto text : {pair.name, pair.value}) {
        out_.arena.insert(out_.arena.end(), text.begin(), text.end());
        out_.arena.push_back(kSeparator);
      }
    }
    const std::string_view encoded(out_.arena.data() + at, out_.arena.size() - at);
    if (count == 0 && parts.histograms.empty())
      return invalid(HF_TRY(labels_of(encoded)).text() + " has neither a sample nor a histogram");
    if (count > 0) {
      out_.floats.series.push_back({metrics::fingerprint(encoded),
                                    {},
                                    static_cast<std::uint32_t>(begin),
                                    static_cast<std::uint32_t>(count)});
      places_.emplace_back(at, encoded.size());
    }
    take_rest(encoded, parts);
    return {};
  }

  Result<void> check(std::vector<Pair>& pairs) {
    std::erase_if(pairs, [](const Pair& pair) { return pair.value.empty(); });
    if (!std::is_sorted(pairs.begin(), pairs.end())) std::sort(pairs.begin(), pairs.end());
    for (const auto ref : refs_) {
      if (valid_[ref] == 0) return invalid("symbol " + std::to_string(ref) + " is not UTF-8");
    }
    bool named = false;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (pairs[i].name.empty()) return invalid("a label without a name");
      if (i > 0 && pairs[i].name == pairs[i - 1].name)
        return invalid("label " + printable(pairs[i].name) + " stands twice");
      named = named || pairs[i].name == model::kMetricName;
    }
    if (!named) return invalid("a series without a metric name");
    return {};
  }

  void take_rest(std::string_view encoded, const Parts& parts) {
    if (parts.histograms.empty() && parts.exemplars.empty() && parts.metadata.empty()) return;
    auto labels = labels_of(encoded).value();
    if (!parts.metadata.empty()) take_metadata(labels, parts.metadata);
    if (parts.histograms.empty() && parts.exemplars.empty()) return;
    auto& rest = out_.rest;
    const auto name = labels.text();
    const auto series = rest.add_series(std::move(labels));
    for (const auto message : parts.histograms) {
      if (auto sample = read_histogram(message)) {
        rest.add(series, std::move(*sample));
      } else {
        rest.refusals.add(name + ": " + sample.error().message());
      }
    }
    for (const auto message : parts.exemplars) {
      if (auto exemplar = take_exemplar(message)) {
        rest.exemplars.push_back({series, std::move(*exemplar)});
      } else {
        rest.refusals.add(name + ": " + exemplar.error().message());
      }
    }
  }

  Result<metrics::Exemplar> take_exemplar(std::string_view message) {
    metrics::Exemplar exemplar;
    std::vector<std::uint32_t> refs;
    bool good = true;
    WireReader reader(message);
    while (reader.next()) {
      if (reader.field() == 1) good = read_refs(reader, refs) && good;
      if (reader.is(2, WireType::kFixed64)) exemplar.value = reader.fixed_double();
      if (reader.is(3, WireType::kVarint)) exemplar.t = reader.int64();
    }
    if (reader.failed() || !good) return invalid("exemplar: bad bytes");
    std::vector<model::Label> labels;
    for (const auto& pair : HF_TRY(resolve(refs, symbols_).context("exemplar")))
      labels.push_back({std::string(pair.name), std::string(pair.value)});
    exemplar.labels = model::Labels(std::move(labels));
    return exemplar;
  }

  void take_metadata(const model::Labels& labels, std::string_view message) {
    std::uint64_t type = 0, help = 0, unit = 0;
    WireReader reader(message);
    while (reader.next()) {
      if (reader.is(1, WireType::kVarint)) type = reader.number();
      if (reader.is(3, WireType::kVarint)) help = reader.number();
      if (reader.is(4, WireType::kVarint)) unit = reader.number();
    }
    const auto symbol = [&](std::uint64_t ref) {
      return ref < symbols_.size() && valid_[ref] != 0 ? std::string(symbols_[ref]) : std::string();
    };
    metrics::Metadata metadata{std::string(type_word(type)), symbol(help), symbol(unit)};
    if (type == 0 && metadata.help.empty() && metadata.unit.empty()) return;  // says nothing
    auto family = family_of(labels.metric_name(), metadata.type);
    out_.rest.metadata.insert_or_assign(std::move(family), std::move(metadata));
  }

  // The arena moved while it grew; now it stands still.
  void fix_views() {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const auto [at, size] = places_[i];
      out_.floats.series[i].encoded = std::string_view(out_.arena.data() + at, size);
    }
  }

  RemoteWriteV2& out_;
  Symbols symbols_;
  std::vector<char> valid_;  // by symbol: is UTF-8
  std::vector<std::uint32_t> refs_;
  std::vector<std::pair<std::size_t, std::size_t>> places_;  // in the arena, by floats.series
  std::size_t index_ = 0;
};

}  // namespace

Result<RemoteWriteV2> decode_remote_write_v2(std::string_view message) {
  RemoteWriteV2 out;
  HF_TRY(Decoder(out).run(message));
  return out;
}

Result<Stored> store_remote_write_v2(metrics::Store& store, const RemoteWriteV2& request) {
  std::size_t floats = 0;
  Refusals refused;
  if (!request.floats.series.empty()) {
    const auto result = HF_TRY(store.append(request.floats));
    floats = result.appended;
    refused.add(result);
  }
  auto stored = HF_TRY(store_batch(store, request.rest));
  stored.floats += floats;
  stored.refusals.add(refused);
  return stored;
}

}  // namespace holdfast::collect
