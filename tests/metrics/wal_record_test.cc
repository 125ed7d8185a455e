#include "metrics/wal_record.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "metrics/histogram_bytes.h"

namespace holdfast::metrics {
namespace {

struct Written {
  SeriesId id;
  Timestamp t;
  double value;
};

void expect_same(const std::vector<Written>& in, const std::vector<WalSample>& out) {
  ASSERT_EQ(in.size(), out.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    EXPECT_EQ(in[i].id, out[i].id);
    EXPECT_EQ(in[i].t, out[i].sample.t);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(in[i].value),
              std::bit_cast<std::uint64_t>(out[i].sample.value))
        << in[i].value << " came back as " << out[i].sample.value;
  }
}

TEST(WalRecord, GivesBackEveryBitOfHardValues) {
  const double kHard[] = {0.0,
                          -0.0,
                          1,
                          -1,
                          0.1,
                          0.2,
                          0.30000000000000004,
                          1e15,
                          -1e15,
                          1e16,
                          1e300,
                          std::numeric_limits<double>::denorm_min(),
                          std::numeric_limits<double>::infinity(),
                          -std::numeric_limits<double>::infinity(),
                          std::nan(""),
                          model::stale_marker(),
                          4503599627370496.0,
                          9007199254740993.0,
                          123456.789,
                          123456.79,
                          1.0 / 3};
  // Every value after every other: each step of a series' state.
  std::vector<Written> in;
  WalBatchWriter writer;
  WalBatchReader reader;
  WalValue state;
  Timestamp t = 0;
  for (const double a : kHard) {
    for (const double b : kHard) {
      for (const double v : {a, b}) {
        in.push_back({7, ++t, v});
        writer.add_float(7, t, v, state);
      }
    }
  }
  const auto batch = reader.read(writer.take());
  ASSERT_TRUE(batch) << batch.error().message();
  expect_same(in, batch->samples);
}

TEST(WalRecord, CarriesTheStateOfSeriesFromRecordToRecord) {
  SeededRandom random(11);
  WalBatchWriter writer;
  WalBatchReader reader;
  std::vector<WalValue> states(50);
  std::vector<double> values(50, 1000);
  Timestamp t = 1'800'000'000'000;
  for (int round = 0; round < 200; ++round) {
    std::vector<Written> in;
    t += 15'000 + static_cast<Timestamp>(random.below(3));
    for (SeriesId id = 0; id < 50; ++id) {
      if (random.chance(0.1)) continue;  // a gap in the run of ids
      if (random.chance(0.5)) values[id] += static_cast<double>(random.below(1000)) / 100;
      if (random.chance(0.05)) values[id] = random.chance(0.5) ? model::stale_marker() : 1.0 / 7;
      in.push_back({id + 1, t, values[id]});
      writer.add_float(id + 1, t, values[id], states[id]);
    }
    const auto batch = reader.read(writer.take());
    ASSERT_TRUE(batch) << batch.error().message();
    expect_same(in, batch->samples);
  }
}

TEST(WalRecord, NamingASeriesAgainSetsItsStateToTheStart) {
  HeadIndex index;
  const PairList labels = index.add(1, {{"__name__", "m"}, {"job", "a"}});
  const PairList other = index.add(2, {{"__name__", "m"}, {"job", "b"}});
  WalBatchWriter writer;
  WalValue state;
  writer.add_series(1, labels, index, state);
  writer.add_series(2, other, index, state);
  writer.add_float(1, 5, 1234.5, state);
  const std::string lost = writer.take();  // never read, as after a flush
  writer.add_series(1, labels, index, state);
  writer.add_float(1, 6, 1234.75, state);
  const auto batch = WalBatchReader().read(writer.take());
  ASSERT_TRUE(batch);
  ASSERT_EQ(batch->series.size(), 1U);
  EXPECT_EQ(batch->series[0].labels.text(), "m{job=\"a\"}");
  expect_same({{1, 6, 1234.75}}, batch->samples);
}

TEST(WalRecord, NamesEachOfManyPairsOnceAndAnewInTheNextRecord) {
  HeadIndex index;
  std::vector<Labels> series;
  std::vector<PairList> lists;
  for (SeriesId id = 1; id <= 3000; ++id) {
    series.push_back(Labels{{"__name__", "m" + std::to_string(id % 7)},
                            {"id", std::to_string(id)},
                            {"job", "a job of " + std::to_string(id / 40)}});
    LabelViews views;
    for (const model::Label& label : series.back()) views.push_back({label.name, label.value});
    lists.push_back(index.add(id, views));
  }
  WalBatchWriter writer;
  for (const std::size_t count : {std::size_t{3000}, std::size_t{40}, std::size_t{3000}}) {
    WalValue state;
    for (std::size_t i = 0; i < count; ++i)
      writer.add_series(static_cast<SeriesId>(i + 1), lists[i], index, state);
    const std::string bytes = writer.take();
    const auto batch = WalBatchReader().read(bytes);
    ASSERT_TRUE(batch) << batch.error().message();
    ASSERT_EQ(batch->series.size(), count);
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(batch->series[i].labels, series[i]);
    EXPECT_LT(bytes.size(), count * 20);  // said once: a few bytes where it is said again
  }
}

TEST(WalRecord, AQuietScrapeCostsHalfAByteASample) {
  WalBatchWriter writer;
  std::vector<WalValue> states(1000);
  for (int round = 0; round < 2; ++round) {
    for (SeriesId id = 0; id < 1000; ++id) writer.add_float(id + 1, round, 42.5, states[id]);
    const std::size_t size = writer.take().size();
    if (round == 1) {
      EXPECT_LT(size, 520U);
    }
  }
}

TEST(WalRecord, RefusesEveryShortenedPayload) {
  HeadIndex index;
  const PairList labels = index.add(1, {{"__name__", "m"}, {"job", "a"}});
  WalBatchWriter writer;
  WalValue state;
  writer.add_series(1, labels, index, state);
  for (int i = 0; i < 20; ++i) writer.add_float(1, i * 1000, i * 1.25, state);
  model::Histogram histogram;
  histogram.count = 3;
  histogram.positive_spans = {{0, 2}};
  histogram.positive_buckets = {1, 2};
  writer.add_histogram(1, 99'000, histogram);
  const std::string whole = writer.take();
  ASSERT_TRUE(WalBatchReader().read(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(WalBatchReader().read(std::string_view(whole).substr(0, size))) << size;
}

}  // namespace
}  // namespace holdfast::metrics
