// What the tests of block files share: a disk in memory, series by the hand, and what a block holds.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/sim.h"
#include "metrics/block/block.h"

namespace holdfast::metrics {

using Times = std::shared_ptr<const std::vector<Timestamp>>;

inline Times times_of(Timestamp first, Timestamp step, std::size_t count) {
  std::vector<Timestamp> times;
  for (std::size_t i = 0; i < count; ++i) times.push_back(first + step * static_cast<Timestamp>(i));
  return std::make_shared<const std::vector<Timestamp>>(std::move(times));
}

inline LabelViews views_of(const Labels& labels) {
  LabelViews views;
  for (const model::Label& label : labels) views.push_back({label.name, label.value});
  return views;
}

// What is in a block, or should be: NaNs and histograms compare by their bits.
struct Value {
  std::uint64_t bits = 0;
  std::optional<model::Histogram> histogram;
  bool operator==(const Value&) const = default;
};
using SeriesContent = std::map<Timestamp, Value>;
using BlockContent = std::map<Labels, SeriesContent>;

inline SeriesContent content_of(const SeriesData& data) {
  SeriesContent content;
  for (std::size_t i = 0; i < data.size(); ++i) {
    Value value{std::bit_cast<std::uint64_t>(data.values[i]), std::nullopt};
    if (!data.histograms.empty() && data.histograms[i]) value.histogram = *data.histograms[i];
    content[(*data.times)[i]] = value;
  }
  return content;
}

inline SeriesData data_of(const SeriesContent& content) {
  SeriesData data;
  std::vector<Timestamp> times;
  bool histograms = false;
  for (const auto& [t, value] : content) {
    times.push_back(t);
    data.values.push_back(std::bit_cast<double>(value.bits));
    data.histograms.push_back(
        value.histogram ? std::make_shared<const model::Histogram>(*value.histogram) : nullptr);
    histograms = histograms || value.histogram;
  }
  if (!histograms) data.histograms.clear();
  data.times = std::make_shared<const std::vector<Timestamp>>(std::move(times));
  return data;
}

inline SeriesContent floats(const std::vector<std::pair<Timestamp, double>>& samples) {
  SeriesContent content;
  for (const auto& [t, v] : samples) content[t] = {std::bit_cast<std::uint64_t>(v), std::nullopt};
  return content;
}

struct Disk {
  explicit Disk(std::uint64_t seed = 1) : random(seed), files(random) {
    EXPECT_TRUE(files.create_directories("/blocks").has_value());
  }

  Result<BlockMeta> try_write(const BlockContent& content, const std::string& name,
                              BlockWriterOptions options = {}) {
    auto writer = HF_TRY(BlockWriter::create(files, "/blocks", name, options));
    // Series with equal times share a pointer, as those of a scrape do.
    std::map<std::vector<Timestamp>, Times> shared;
    for (const auto& [labels, series] : content) {
      SeriesData data = data_of(series);
      data.times = shared.try_emplace(*data.times, data.times).first->second;
      HF_TRY(writer->add(views_of(labels), data));
    }
    return writer->finish();
  }
  BlockMeta write(const BlockContent& content, const std::string& name = "b",
                  BlockWriterOptions options = {}) {
    auto meta = try_write(content, name, std::move(options));
    EXPECT_TRUE(meta.has_value()) << (meta ? "" : meta.error().message());
    return meta ? *meta : BlockMeta();
  }
  BlockPtr open(const std::string& name = "b") {
    auto block = Block::open(files, "/blocks/" + name, caches);
    EXPECT_TRUE(block.has_value()) << (block ? "" : block.error().message());
    return block ? *block : nullptr;
  }
  std::string bytes(const std::string& name = "b") { return *files.read_file("/blocks/" + name); }
  void put_bytes(const std::string& name, std::string_view bytes) {
    ASSERT_TRUE(files.write_file_atomic("/blocks/" + name, bytes).has_value());
  }

  SeededRandom random;
  SimFileSystem files;
  std::shared_ptr<Block::Caches> caches = Block::make_caches({64 << 20, 64 << 20, 16 << 20});
};

inline Labels labels_of(const Block::View& view, SeriesIndex series) {
  LabelViews views;
  view.labels(series, views);
  return to_labels(views);
}

// Everything in [from, to], read through one cursor.
inline Result<BlockContent> try_read(const Block& block, Timestamp from = model::kTimestampMin,
                                     Timestamp to = model::kTimestampMax) {
  const auto view = HF_TRY(block.view());
  const auto cursor = HF_TRY(block.cursor());
  BlockContent content;
  SeriesData data;
  for (SeriesIndex i = 0; i < view->series_count(); ++i) {
    HF_TRY(cursor->read(i, from, to, data));
    if (data.size() > 0) content[labels_of(*view, i)] = content_of(data);
  }
  return content;
}
inline BlockContent must_read(const Block& block, Timestamp from = model::kTimestampMin,
                              Timestamp to = model::kTimestampMax) {
  auto content = try_read(block, from, to);
  EXPECT_TRUE(content.has_value()) << (content ? "" : content.error().message());
  return content ? *content : BlockContent();
}

// The slow and obvious way to a range of a content.
inline BlockContent cut(const BlockContent& content, Timestamp from, Timestamp to) {
  BlockContent out;
  for (const auto& [labels, series] : content) {
    for (const auto& [t, value] : series) {
      if (from <= t && t <= to) out[labels][t] = value;
    }
  }
  return out;
}

inline model::Histogram histogram(double count, std::uint32_t buckets, std::int32_t offset = 0) {
  model::Histogram h;
  h.schema = 3;
  h.zero_threshold = 1e-128;
  h.count = count;
  h.sum = count * 1.5;
  h.zero_count = 1;
  h.positive_spans = {{offset, buckets}};
  for (std::uint32_t i = 0; i < buckets; ++i) h.positive_buckets.push_back(count / (i + 1));
  return h;
}

// Series as they come in life: targets with times of their own, histograms classic and native, series
// that come late, leave early or have gaps.
inline BlockContent lived_in(SeededRandom& random, std::size_t targets, std::size_t samples) {
  BlockContent content;
  const auto pick = [&](std::uint64_t n) { return random.next() % n; };
  for (std::size_t target = 0; target < targets; ++target) {
    const Timestamp begin = 1'000'000 + static_cast<Timestamp>(pick(15'000));
    const std::string instance = "host-" + std::to_string(pick(1000)) + ":9100";
    const auto add = [&](Labels labels, auto value) {
      const std::size_t first = pick(5) == 0 ? pick(samples) : 0;
      const std::size_t last = pick(5) == 0 ? first + pick(samples - first) : samples - 1;
      const bool gaps = pick(8) == 0;
      SeriesContent series;
      for (std::size_t i = first; i <= last; ++i) {
        if (gaps && i != first && pick(4) == 0) continue;
        const Timestamp jitter = target % 3 == 0 ? static_cast<Timestamp>(pick(20)) : 0;
        series[begin + static_cast<Timestamp>(i) * 15'000 + jitter] = value(i);
      }
      content[labels] = series;
    };
    const auto number = [&](std::size_t i) {
      return Value{std::bit_cast<std::uint64_t>(static_cast<double>(i * target) * 0.25),
                   std::nullopt};
    };
    for (const char* le : {"0.1", "2.5", "10", "+Inf"})
      add({{"__name__", "rpc_bucket"}, {"instance", instance}, {"le", le}}, number);
    add({{"__name__", "up"}, {"instance", instance}, {"job", "node"}}, number);
    add({{"Zone", "eu"}, {"__name__", "load"}, {"instance", instance}}, [&](std::size_t i) {
      return i % 7 == 3 ? Value{model::kStaleBits, std::nullopt}
                        : Value{random.next() | 1, std::nullopt};
    });
    add({{"__name__", "latency"}, {"instance", instance}}, [&](std::size_t i) {
      if (i % 11 == 5) return Value{model::kStaleBits, std::nullopt};
      return Value{0, histogram(static_cast<double>(i), 4 + static_cast<std::uint32_t>(i / 40))};
    });
  }
  return content;
}

}  // namespace holdfast::metrics
