#include "metrics/codec/column_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace holdfast::metrics {
namespace {

using Values = std::vector<double>;
using Table = std::vector<Values>;

constexpr std::size_t kSamplesMax = 10'000'000;
const double kStale = std::bit_cast<double>(std::uint64_t{0x7ff0000000000002});

std::string pack(const Table& table, Effort effort, const std::vector<int>& references = {}) {
  std::vector<ValueColumn> columns;
  for (std::size_t i = 0; i < table.size(); ++i) {
    columns.push_back({table[i], references.empty() ? -1 : references[i]});
  }
  std::string out;
  encode_column_group(columns, effort, out);
  return out;
}

bool same_bits(std::span<const double> a, std::span<const double> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

// Whole columns and parts of them, with and without a scratch, are what went in. The bytes taken.
std::size_t expect_round_trip(const Table& table, Effort effort,
                              const std::vector<int>& references = {}) {
  const std::string bytes = pack(table, effort, references);
  const auto group = ColumnGroup::open(bytes, kSamplesMax);
  EXPECT_TRUE(group) << group.error().message();
  if (!group) return 0;
  EXPECT_EQ((*group)->column_count(), table.size());
  std::mt19937_64 random(table.size());
  ColumnGroup::Scratch scratch;
  for (std::size_t c = 0; c < table.size(); ++c) {
    const Values& values = table[c];
    EXPECT_EQ((*group)->sample_count(c), values.size());
    Values out(values.size());
    EXPECT_TRUE((*group)->decode(c, 0, out.size(), out.data(), scratch));
    EXPECT_TRUE(same_bits(out, values)) << "column " << c;
    for (int i = 0; i < 4; ++i) {
      const std::size_t first = random() % values.size();
      const std::size_t count = 1 + random() % (values.size() - first);
      out.assign(count, 0);
      EXPECT_TRUE((*group)->decode(c, first, count, out.data()));
      EXPECT_TRUE(same_bits(out, std::span(values).subspan(first, count)))
          << "column " << c << " from " << first;
    }
  }
  return bytes.size();
}

void expect_round_trips(const Table& table, const std::vector<int>& references = {}) {
  expect_round_trip(table, Effort::kFast, references);
  expect_round_trip(table, Effort::kSmall, references);
}

Values made(std::size_t count, auto&& next) {
  Values values(count);
  for (double& v : values) v = next();
  return values;
}

// A counter of steps with a mean, in hundredths when `scale` is 100.
Values counter(std::mt19937_64& random, std::size_t count, double mean, double scale = 1) {
  std::poisson_distribution<std::int64_t> step(mean);
  std::int64_t sum = 0;
  return made(count, [&] { return static_cast<double>(sum += step(random)) / scale; });
}

double bits_per_sample(const Table& table, Effort effort = Effort::kSmall,
                       const std::vector<int>& references = {}) {
  std::size_t samples = 0;
  for (const Values& values : table) samples += values.size();
  return 8.0 * static_cast<double>(expect_round_trip(table, effort, references)) /
         static_cast<double>(samples);
}

TEST(ColumnGroup, KeepsEveryDoubleToTheBit) {
  const double inf = std::numeric_limits<double>::infinity();
  const double tiny = std::numeric_limits<double>::denorm_min();
  const double largest = std::numeric_limits<double>::max();
  const double payload = std::bit_cast<double>(std::uint64_t{0xfff8dead00000001});
  expect_round_trips({
      {0.0},
      {-0.0},
      {kStale},
      {payload, payload, kStale},
      {inf, -inf, inf},
      {0.0, -0.0, 0.0, -0.0, 1},
      {tiny, 2 * tiny, 0, -tiny},
      {largest, -largest, tiny, 1, -0.0, kStale, inf},
      {9007199254740991, 9007199254740992, 9007199254740994, -9007199254740992},
      {1e300, 1e-300, 1e15, 0.1, 123456789.123456},
      {1, 2, 3, kStale},
      {kStale, 1, 2, kStale, 3},
      {0.1, 0.2, 0.3, 0.30000000000000004},
      {-1.5, -2.25, -1e-9, 4e9},
  });
}

TEST(ColumnGroup, KeepsColumnsOfEveryLengthAroundARun) {
  Table table;
  for (const std::size_t count : {1U, 2U, 3U, 1023U, 1024U, 1025U, 2047U, 2048U, 2049U, 5000U}) {
    double v = 0;
    table.push_back(made(count, [&] { return v += 0.25; }));
    table.push_back(made(count, [&] { return v = std::fmod(v * 1.37 + 0.111, 9.0); }));
  }
  expect_round_trips(table);
}

TEST(ColumnGroup, ACounterThatStartsAgainIsOneStepThatCostsMore) {
  std::mt19937_64 random(3);
  Values values = counter(random, 4000, 20);
  for (std::size_t i = 1500; i < values.size(); ++i) values[i] -= values[1500];
  EXPECT_LT(bits_per_sample({values}), bits_per_sample({counter(random, 4000, 20)}) + 0.1);
}

TEST(ColumnGroup, AStepDownDoesNotSpoilWhatIsForeseenAfterIt) {
  std::mt19937_64 random(8);
  std::uniform_int_distribution<int> step(40'000, 160'000);
  Values values{5e12};
  while (values.size() < 5000) values.push_back(values.back() + step(random));
  const double whole = bits_per_sample({values});
  for (std::size_t i = values.size(); i-- > 900;) values[i] -= values[900];
  EXPECT_LT(bits_per_sample({values}), whole + 0.1);
}

class Shapes : public testing::TestWithParam<int> {};

TEST_P(Shapes, OfChanceComeBack) {
  std::mt19937_64 random(static_cast<std::uint64_t>(GetParam()));
  Table table;
  std::vector<int> references;
  const std::size_t columns = 1 + random() % 20;
  const std::size_t count = 1 + random() % (GetParam() % 4 == 0 ? 3000 : 300);
  for (std::size_t c = 0; c < columns; ++c) {
    double v = static_cast<double>(random() % 1000);
    const auto step = std::pow(10.0, static_cast<double>(random() % 12) - 4);
    const auto kind = random() % 8;
    const double digits = std::pow(10.0, static_cast<double>(random() % 6));
    table.push_back(made(random() % 3 == 0 ? 1 + random() % 2000 : count, [&] {
      const double u = static_cast<double>(random() >> 11) * 0x1p-53;
      switch (kind) {
        case 0:
          return v;
        case 1:
          return v += std::floor(u * step);
        case 2:
          return v += u * step;
        case 3:
          return std::round(u * step * digits) / digits;
        case 4:
          return u < 0.01 ? kStale : v += u < 0.5 ? 1 : 0;
        case 5:
          return std::bit_cast<double>(random());
        case 6:
          return std::round((v += (u - 0.5) * step) * digits) / digits;
        default:
          return u < 0.9 ? v : (v = u);
      }
    }));
    references.push_back(static_cast<int>(random() % (columns + 3)) - 1);
  }
  expect_round_trips(table, references);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Shapes, testing::Range(0, 60));

TEST(ColumnGroup, HintsInACircleOrOutOfTheGroupAreNotFollowed) {
  std::mt19937_64 random(1);
  Table table;
  for (int i = 0; i < 40; ++i) table.push_back(counter(random, 200, 3));
  std::vector<int> references(40);
  for (int i = 0; i < 40; ++i) references[static_cast<std::size_t>(i)] = (i + 1) % 40;
  references[7] = 7;
  references[9] = 4000;
  expect_round_trips(table, references);
}

// Buckets le=k of a histogram, each the sum of those below and its own.
Table buckets(std::mt19937_64& random, std::size_t count) {
  Table table;
  for (const double mean : {0.1, 1.0, 6.0, 2.0, 0.3, 0.0, 0.01, 0.0}) {
    Values own = counter(random, count, std::max(mean, 1e-9));
    if (!table.empty()) {
      for (std::size_t i = 0; i < count; ++i) own[i] += table.back()[i];
    }
    table.push_back(std::move(own));
  }
  return table;
}

TEST(ColumnGroup, BucketsCostWhatFallsBetweenThem) {
  std::mt19937_64 random(5);
  const Table table = buckets(random, 4000);
  std::vector<int> references;
  for (int i = 1; i < 8; ++i) references.push_back(i);
  references.push_back(-1);
  const double apart = bits_per_sample(table, Effort::kFast);
  EXPECT_LT(bits_per_sample(table, Effort::kFast, references), 0.6 * apart);
  EXPECT_LT(bits_per_sample(table, Effort::kSmall, references), 0.6 * apart);
}

TEST(ColumnGroup, WhatAddsUpToTheClockCostsNextToNothing) {
  std::mt19937_64 random(6);
  Table table{{},
              counter(random, 3000, 15, 100),
              counter(random, 3000, 120, 100),
              counter(random, 3000, 300, 100)};
  for (std::size_t i = 0; i < 3000; ++i) {
    const auto hundredths = [&](std::size_t c) { return std::round(table[c][i] * 100); };
    table[0].push_back(
        (1500.0 * static_cast<double>(i) - hundredths(1) - hundredths(2) - hundredths(3) + 1e6) /
        100);
  }
  const double four = bits_per_sample(table);
  const double three = bits_per_sample({table[1], table[2], table[3]});
  EXPECT_LT(4 * four, 3 * three + 1);
}

TEST(ColumnGroup, EachProcessorAddsUpToItsOwnClock) {
  // All follow one load, so that a column of one processor looks like one of the next.
  std::mt19937_64 random(12);
  Table table(16);
  std::vector<double> sum(16, 1000);
  for (int i = 0; i < 3000; ++i) {
    const double load = 1 + 0.5 * std::sin(i / 40.0);
    for (std::size_t c = 0; c < table.size(); c += 4) {
      double left = 1500;
      for (std::size_t mode = 1; mode < 4; ++mode) {
        const auto mean = load * 40 * static_cast<double>(mode * (c + 4));
        const double spent = std::poisson_distribution<int>(std::min(mean, 400.0))(random);
        sum[c + mode] += spent;
        left -= spent;
      }
      sum[c] += left;
    }
    for (std::size_t c = 0; c < table.size(); ++c) table[c].push_back(sum[c] / 100);
  }
  Table three;
  for (std::size_t c = 0; c < table.size(); ++c) {
    if (c % 4 != 3) three.push_back(table[c]);
  }
  EXPECT_LT(16 * bits_per_sample(table), 12 * bits_per_sample(three) + 4);
}

struct Density {
  const char* name;
  double bits_max;
  Values (*make)(std::mt19937_64&);
};

class Densities : public testing::TestWithParam<Density> {};

TEST_P(Densities, StayNearTheEntropy) {
  Table table;
  for (std::uint64_t i = 0; i < 8; ++i) {
    std::mt19937_64 random(i);
    table.push_back(GetParam().make(random));
  }
  EXPECT_LT(bits_per_sample(table, Effort::kSmall), GetParam().bits_max);
  EXPECT_LT(bits_per_sample(table, Effort::kFast), 1.2 * GetParam().bits_max + 0.1);
}

constexpr std::size_t kDay = 5760;

// The limits lie a little above the entropy of each shape.
INSTANTIATE_TEST_SUITE_P(
    Of, Densities,
    testing::Values(
        Density{"constants", 0.05, [](std::mt19937_64&) { return Values(kDay, 1048576.0); }},
        Density{"rare_events", 0.12, [](std::mt19937_64& r) { return counter(r, kDay, 0.005); }},
        Density{"small_counters", 2.45, [](std::mt19937_64& r) { return counter(r, kDay, 1.5); }},
        Density{"processor_times", 6.4,
                [](std::mt19937_64& r) { return counter(r, kDay, 300, 100); }},
        Density{"booleans", 0.45,
                [](std::mt19937_64& r) {
                  double v = 0;
                  return made(kDay, [&] { return v = r() % 16 == 0 ? 1 - v : v; });
                }},
        Density{"pages", 8.9,
                [](std::mt19937_64& r) {
                  double v = 1e6;
                  return made(kDay, [&] {
                    return 4096 * (v += static_cast<double>(r() % 200) +
                                        static_cast<double>(r() % 200) - 199);
                  });
                }},
        Density{"durations", 20.1,
                [](std::mt19937_64& r) {
                  return made(kDay,
                              [&] { return static_cast<double>(700000 + r() % 1000000) / 1e9; });
                }},
        Density{"sums_of_seconds", 44.5,
                [](std::mt19937_64& r) {
                  double v = 1000;
                  return made(kDay, [&] { return v += static_cast<double>(r() >> 11) * 0x1p-53; });
                }},
        Density{"ratios", 54.5,
                [](std::mt19937_64& r) {
                  return made(kDay,
                              [&] { return static_cast<double>(1 + r() % 100000) / 99991.0 / 3; });
                }},
        Density{"full_precision_that_rests", 4.5,
                [](std::mt19937_64& r) {
                  double v = 0.5;
                  return made(kDay, [&] {
                    return r() % 20 == 0 ? v = static_cast<double>(r() >> 11) * 0x1p-53 : v;
                  });
                }}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(ColumnGroup, ManyShortColumnsShareTheirTables) {
  std::mt19937_64 random(8);
  Table table;
  for (int i = 0; i < 2000; ++i) table.push_back(counter(random, 20, 4));
  // Three bits of entropy; the rest is where a column begins, and its head.
  EXPECT_LT(bits_per_sample(table), 6.5);
}

TEST(ColumnGroup, EveryCutIsDataLoss) {
  std::mt19937_64 random(2);
  const std::string bytes =
      pack({counter(random, 100, 3), Values{1.25, kStale}, Values(3, 7)}, Effort::kSmall);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto group = ColumnGroup::open(bytes.substr(0, size), kSamplesMax);
    ASSERT_FALSE(group) << size;
    EXPECT_EQ(group.error().code(), Code::kDataLoss);
  }
  EXPECT_FALSE(ColumnGroup::open(bytes + "x", kSamplesMax));
}

TEST(ColumnGroup, AFlippedBitNeverCrashes) {
  std::mt19937_64 random(4);
  Table table = buckets(random, 40);
  double sum = 0;
  table.push_back(made(1100, [&] { return sum += static_cast<double>(random()) * 0x1p-64; }));
  table.push_back({1, kStale, 2.5, 1e9});
  const std::string bytes = pack(table, Effort::kSmall, {1, 2, 3, 4, 5, 6, 7, -1, -1, -1});
  Values out(1100);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const auto group = ColumnGroup::open(damaged, 20'000);
    if (!group) {
      EXPECT_EQ(group.error().code(), Code::kDataLoss);
      continue;
    }
    for (std::size_t c = 0; c < (*group)->column_count(); ++c) {
      const std::size_t count = (*group)->sample_count(c);
      if (count > out.size()) out.resize(count);
      const auto decoded = (*group)->decode(c, 0, count, out.data());
      EXPECT_TRUE(decoded || decoded.error().code() == Code::kDataLoss);
    }
  }
}

TEST(ColumnGroup, RefusesMoreSamplesThanTheCallerExpects) {
  const std::string bytes = pack({Values(1000, 1), Values(1000, 2)}, Effort::kFast);
  EXPECT_TRUE(ColumnGroup::open(bytes, 2000));
  EXPECT_FALSE(ColumnGroup::open(bytes, 1999));
}

TEST(ColumnGroup, AScratchGoesFromGroupToGroup) {
  std::mt19937_64 random(9);
  const std::vector<int> references{1, 2, 3, 4, 5, 6, 7, -1};
  ColumnGroup::Scratch scratch;
  for (int i = 0; i < 3; ++i) {
    const Table table = buckets(random, 1500);
    const auto group = ColumnGroup::open(pack(table, Effort::kSmall, references), kSamplesMax);
    ASSERT_TRUE(group);
    Values out(1500);
    for (std::size_t c = 0; c < table.size(); ++c) {
      ASSERT_TRUE((*group)->decode(c, 0, out.size(), out.data(), scratch));
      EXPECT_TRUE(same_bits(out, table[c]));
    }
  }
}

}  // namespace
}  // namespace holdfast::metrics
