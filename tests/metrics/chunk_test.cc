#include "metrics/chunk.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/random.h"

namespace holdfast::metrics {
namespace {

using model::Histogram;
using model::Sample;

std::vector<Sample> unpack(const Samples& s) {
  std::vector<Sample> result;
  for (std::size_t i = 0; i < s.size(); ++i) {
    result.push_back({s.times[i], s.values[i], s.histograms.empty() ? nullptr : s.histograms[i]});
  }
  return result;
}

void expect_same(const std::vector<Sample>& want, const std::vector<Sample>& got) {
  ASSERT_EQ(want.size(), got.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(want[i].t, got[i].t) << i;
    EXPECT_TRUE(same_value(want[i], got[i])) << i << ": " << want[i].value << " " << got[i].value;
  }
}

std::vector<Sample> round_trip(const std::vector<Sample>& samples) {
  ChunkBuilder builder;
  Samples out;
  for (const Sample& s : samples) {
    if (!builder.fits(s)) {
      EXPECT_TRUE(decode_chunk(builder.finish(), model::kTimestampMin, model::kTimestampMax, out));
    }
    builder.append(s);
  }
  EXPECT_TRUE(decode_chunk(builder.copy(), model::kTimestampMin, model::kTimestampMax, out));
  const Chunk last = builder.finish();
  EXPECT_TRUE(builder.empty());
  Samples again;
  EXPECT_TRUE(decode_chunk(last, model::kTimestampMin, model::kTimestampMax, again));
  EXPECT_EQ(again.size(), last.count);
  return unpack(out);
}

double odd_value(Random& random) {
  switch (random.below(10)) {
    case 0:
      return model::stale_marker();
    case 1:
      return std::bit_cast<double>(0x7ff0000000000000ULL |
                                   (random.next() & 0xfffffffffffffULL));  // any NaN
    case 2:
      return std::numeric_limits<double>::infinity();
    case 3:
      return -std::numeric_limits<double>::infinity();
    case 4:
      return -0.0;
    case 5:
      return std::numeric_limits<double>::denorm_min();
    case 6:
      return std::bit_cast<double>(random.next());
    case 7:
      return static_cast<double>(random.below(1000));
    default:
      return 12.5;
  }
}

std::int64_t odd_step(Random& random) {
  switch (random.below(8)) {
    case 0:
      return 1;
    case 1:
      return static_cast<std::int64_t>(1 + random.below(1ULL << 52));
    case 2:
      return static_cast<std::int64_t>(14990 + random.below(20));
    case 3:
      return static_cast<std::int64_t>(1 + random.below(1ULL << random.below(40)));
    default:
      return 15000;
  }
}

TEST(Chunk, GivesBackEveryBitOfAnyFloatAtAnyTime) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SeededRandom random(seed);
    std::vector<Sample> samples;
    std::int64_t t =
        static_cast<std::int64_t>(random.below(1ULL << 61)) * (random.chance(0.5) ? 1 : -1);
    const std::size_t count = 1 + random.below(600);
    for (std::size_t i = 0; i < count && t < model::kTimestampMax; ++i) {
      samples.push_back({t, odd_value(random), nullptr});
      t += odd_step(random);
    }
    SCOPED_TRACE(seed);
    expect_same(samples, round_trip(samples));
  }
}

TEST(Chunk, HoldsTheLargestStepThereIs) {
  const std::vector<Sample> samples = {{model::kTimestampMin, 1, nullptr},
                                       {0, 2, nullptr},
                                       {1, 3, nullptr},
                                       {model::kTimestampMax, 4, nullptr}};
  expect_same(samples, round_trip(samples));
}

Histogram odd_histogram(Random& random, const Histogram* before) {
  Histogram h;
  if (before && random.chance(0.8)) {
    h = *before;
    for (double& v : h.positive_buckets) v += static_cast<double>(random.below(3));
  } else {
    h.schema = random.chance(0.3) ? Histogram::kCustomBuckets
                                  : static_cast<std::int32_t>(random.below(13)) - 4;
    h.counter_reset = static_cast<model::CounterReset>(random.below(4));
    h.zero_threshold = 1e-128;
    for (std::uint64_t i = random.below(4); i > 0; --i) {
      const auto length = static_cast<std::uint32_t>(1 + random.below(5));
      h.positive_spans.push_back({static_cast<std::int32_t>(random.below(9)) - 4, length});
      for (std::uint32_t k = 0; k < length; ++k) h.positive_buckets.push_back(odd_value(random));
    }
    if (random.chance(0.4)) {
      h.negative_spans.push_back({-3, 2});
      h.negative_buckets = {1, 2};
    }
    if (h.uses_custom_buckets()) h.custom_values = {0.5, 1, 2.5};
  }
  h.count += static_cast<double>(random.below(10));
  h.zero_count += 1;
  h.sum = odd_value(random);
  return h;
}

TEST(Chunk, GivesBackEveryBitOfAnyHistogram) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SeededRandom random(seed);
    std::vector<Sample> samples;
    std::int64_t t = 1'700'000'000'000;
    model::HistogramPtr last;
    for (int i = 0; i < 50; ++i) {
      last = std::make_shared<const Histogram>(odd_histogram(random, last.get()));
      samples.push_back({t, 0, last});
      t += odd_step(random);
      if (random.chance(0.1)) {  // a stale histogram is a stale float
        samples.push_back({t, model::stale_marker(), nullptr});
        t += 1;
      }
    }
    SCOPED_TRACE(seed);
    expect_same(samples, round_trip(samples));
  }
}

TEST(Chunk, DecodesOnlyTheRangeAsked) {
  ChunkBuilder builder;
  for (int i = 0; i < 100; ++i) builder.append({i * 10, static_cast<double>(i), nullptr});
  const Chunk chunk = builder.finish();
  Samples out;
  ASSERT_TRUE(decode_chunk(chunk, 95, 120, out));
  EXPECT_EQ(out.times, (std::vector<model::Timestamp>{100, 110, 120}));
  EXPECT_EQ(out.values, (std::vector<double>{10, 11, 12}));
}

TEST(Chunk, ASteadyScrapeOfASteadyValueCostsAQuarterByte) {
  ChunkBuilder builder;
  for (int i = 0; i < 240; ++i) builder.append({i * 15000, 42, nullptr});
  EXPECT_LE(builder.finish().bytes.size(), 16U + 80U);
}

TEST(Chunk, RefusesACountItsBytesCannotHold) {
  Samples out;
  const auto result = decode_chunk(ChunkKind::kFloat, 4'000'000'000U, "abc", 0, 1, out);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kDataLoss);
}

TEST(Chunk, SurvivesAnyBytesThrownAtIt) {
  SeededRandom random(7);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes(random.below(60), '\0');
    for (char& c : bytes) c = static_cast<char>(random.next());
    Samples out;
    const auto kind = static_cast<ChunkKind>(random.below(4));
    (void)decode_chunk(kind, static_cast<std::uint32_t>(random.below(200)), bytes, 0, 1'000'000,
                       out);
    EXPECT_EQ(out.times.size(), out.values.size());
  }
}

}  // namespace
}  // namespace holdfast::metrics
