#include "metrics/block/decoded_columns.h"

#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <thread>

#include "gtest/gtest.h"
#include "model/sample.h"

namespace holdfast::metrics {
namespace {

std::vector<std::uint64_t> bits_of(const std::vector<double>& values) {
  std::vector<std::uint64_t> bits;
  for (const double v : values) bits.push_back(std::bit_cast<std::uint64_t>(v));
  return bits;
}

std::vector<double> given(const TilePtr& tile, std::size_t column, std::size_t first,
                          std::size_t count) {
  std::vector<double> out(count, -1);
  tile->give(column, first, count, out.data());
  return out;
}

struct TileCase {
  std::string name;
  std::vector<double> values;
  bool has_nan;
  bool falls;
};

class Tiles : public ::testing::TestWithParam<TileCase> {};

TEST_P(Tiles, GiveBackEveryBitAndKnowWhatTheyHold) {
  const TileCase& c = GetParam();
  const TilePtr tile = Tile::make(c.values, {});
  EXPECT_EQ(bits_of(given(tile, 0, 0, c.values.size())), bits_of(c.values));
  EXPECT_EQ(tile->has_nan(), c.has_nan);
  EXPECT_EQ(tile->falls(), c.falls);
  for (std::size_t first = 0; first < c.values.size(); ++first) {
    const std::vector<double> part(c.values.begin() + static_cast<std::ptrdiff_t>(first),
                                   c.values.end());
    EXPECT_EQ(bits_of(given(tile, 0, first, part.size())), bits_of(part));
  }
}

std::vector<double> climbing(std::size_t count, double step) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<double>(i) * step);
  return values;
}

std::vector<double> with(std::vector<double> values, std::size_t at, double value) {
  values[at] = value;
  return values;
}

constexpr double kInf = std::numeric_limits<double>::infinity();
INSTANTIATE_TEST_SUITE_P(
    Of, Tiles,
    ::testing::Values(
        TileCase{"one", {0.1}, false, false},
        TileCase{"all_the_same", std::vector<double>(37, 0.3), false, false},
        TileCase{"whole_numbers", climbing(100, 1), false, false},
        TileCase{"decimals", climbing(100, 0.1), false, false},
        TileCase{"zeros_of_both_signs", {0.0, -0.0, 0.0}, false, false},
        TileCase{"a_fall_at_the_end", with(climbing(50, 1), 49, 3), false, true},
        TileCase{"a_fall_in_a_lane", with(climbing(50, 0.1), 17, 0.05), false, true},
        TileCase{"a_marker_within", with(climbing(33, 1), 20, model::stale_marker()), true, true},
        TileCase{"a_marker_last", with(climbing(33, 1), 32, model::stale_marker()), true, true},
        TileCase{"markers_alone", std::vector<double>(9, model::stale_marker()), true, true},
        TileCase{"another_nan", {1, std::nan("7")}, true, true},
        TileCase{"infinities", {-kInf, 1, kInf}, false, false},
        TileCase{"beyond_float", {1, 1e300}, false, false}),
    [](const auto& c) { return c.param.name; });

TEST(Tiles, HoldColumnsSideBySideAndSeeFallsOnlyWithinThem) {
  const std::vector<double> values{5, 6, 1, 2, 3, 0.5};
  const std::vector<std::uint32_t> ends{2, 2, 5, 6};
  const TilePtr tile = Tile::make(values, ends);
  EXPECT_EQ(given(tile, 0, 0, 2), (std::vector<double>{5, 6}));
  EXPECT_EQ(given(tile, 2, 1, 2), (std::vector<double>{2, 3}));
  EXPECT_EQ(given(tile, 3, 0, 1), (std::vector<double>{0.5}));
  EXPECT_FALSE(tile->falls());
}

TilePtr numbered(std::uint64_t block, SeriesIndex series, std::uint32_t place) {
  const double base = static_cast<double>(block * 1'000'000 + series * 100 + place);
  return Tile::make(std::vector<double>{base, base + 0.1, base + 0.3}, {});
}

TEST(DecodedColumns, KeepsWhatItWasGivenApartAndItsBound) {
  constexpr std::size_t kBytes = 200'000;
  DecodedColumns columns(kBytes);
  std::mt19937_64 random(7);
  std::size_t hits = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::uint64_t block = random() % 3;
    const auto series = static_cast<SeriesIndex>(random() % 400);
    const auto place = static_cast<std::uint32_t>(random() % 5);
    if (const TilePtr tile = columns.get(block, series, place)) {
      ++hits;
      ASSERT_EQ(given(tile, 0, 0, 3), given(numbered(block, series, place), 0, 0, 3));
    } else {
      columns.put(block, series, place, numbered(block, series, place));
    }
    if (i % 50'000 == 49'999) columns.forget(1);
    ASSERT_LE(columns.size(), kBytes);
  }
  EXPECT_GT(hits, 20'000u);
  columns.forget(0);
  columns.forget(2);
  columns.forget(1);
  EXPECT_EQ(columns.size(), 0u);
}

TEST(DecodedColumns, AdmitsWhatIsMissedTwiceAndOnlySomeWhenFull) {
  DecodedColumns columns(1 << 20);
  EXPECT_FALSE(columns.admits(1, 2, 3));
  EXPECT_TRUE(columns.admits(1, 2, 3));
  for (SeriesIndex i = 0; i < 4000; ++i) {
    std::vector<double> values(1024, 0.1);
    values[0] = i;
    columns.put(9, i, 1, Tile::make(values, {}));
  }
  int admitted = 0;
  for (SeriesIndex i = 0; i < 800; ++i) {
    columns.admits(5, i, 1);
    admitted += columns.admits(5, i, 1);
  }
  EXPECT_GT(admitted, 40);
  EXPECT_LT(admitted, 200);
}

TEST(DecodedColumns, ServesManyThreads) {
  DecodedColumns columns(100'000);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&columns, t] {
      std::mt19937_64 random(static_cast<std::uint64_t>(t));
      for (int i = 0; i < 20'000; ++i) {
        const auto series = static_cast<SeriesIndex>(random() % 300);
        const TilePtr tile = columns.get(1, series, 1);
        if (tile) {
          EXPECT_EQ(given(tile, 0, 0, 3), given(numbered(1, series, 1), 0, 0, 3));
        } else if (columns.admits(1, series, 1)) {
          columns.put(1, series, 1, numbered(1, series, 1));
        }
        if (i % 5000 == 0) columns.forget(1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(columns.size(), 100'000u);
}

}  // namespace
}  // namespace holdfast::metrics
