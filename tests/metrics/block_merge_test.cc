#include <algorithm>

#include "metrics/block_fixture.h"

namespace holdfast::metrics {
namespace {

Result<std::optional<BlockMeta>> merge(Disk& disk, const std::vector<BlockPtr>& sources,
                                       const std::string& name = "merged",
                                       Timestamp from = model::kTimestampMin,
                                       Timestamp to = model::kTimestampMax,
                                       std::stop_token stop = {}) {
  BlockWriterOptions options;
  options.effort = Effort::kSmall;
  options.level = 2;
  for (const BlockPtr& source : sources) options.sources.push_back(source->path());
  return merge_blocks(disk.files, sources, "/blocks", name, options, from, to, std::move(stop));
}

BlockMeta must_merge(Disk& disk, const std::vector<BlockPtr>& sources) {
  const auto meta = merge(disk, sources);
  EXPECT_TRUE(meta.has_value()) << (meta ? "" : meta.error().message());
  EXPECT_TRUE(meta && *meta);
  return meta && *meta ? **meta : BlockMeta();
}

// Of two samples at one time the later source's stays.
BlockContent united(const std::vector<BlockContent>& sources) {
  BlockContent all;
  for (const BlockContent& source : sources) {
    for (const auto& [labels, series] : source) {
      for (const auto& [t, value] : series) all[labels][t] = value;
    }
  }
  return all;
}

TEST(BlockMerge, JoinsSlicesOfTimeIntoWhatWasCut) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Disk disk(seed);
    const BlockContent whole = lived_in(disk.random, 8, 400);
    std::vector<BlockPtr> sources;
    for (int i = 0; i < 4; ++i) {
      const Timestamp from = i == 0 ? model::kTimestampMin : 1'000'000 + i * 1'500'000;
      const Timestamp to = i == 3 ? model::kTimestampMax : 1'000'000 + (i + 1) * 1'500'000 - 1;
      const std::string name = "part" + std::to_string(i);
      disk.write(cut(whole, from, to), name);
      sources.push_back(disk.open(name));
    }
    std::rotate(sources.begin(), sources.begin() + static_cast<long>(seed % 4), sources.end());
    const BlockMeta meta = must_merge(disk, sources);
    EXPECT_EQ(meta.series_count, whole.size());
    EXPECT_EQ(meta.level, 2U);
    EXPECT_EQ(must_read(*disk.open("merged")), whole) << "seed " << seed;
  }
}

TEST(BlockMerge, UnitesWhatOverlapsTheLaterSourceWins) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Disk disk(seed);
    std::vector<BlockContent> contents;
    std::vector<BlockPtr> sources;
    for (int i = 0; i < 3; ++i) {
      BlockContent content;
      for (int s = 0; s < 12; ++s) {
        const Labels labels = {{"__name__", "m"}, {"s", std::to_string(disk.random.next() % 20)}};
        for (int k = 0; k < 40; ++k) {
          const auto t = static_cast<Timestamp>(disk.random.next() % 100);
          Value value{disk.random.next(), std::nullopt};
          if (s % 4 == 0) value = {0, histogram(static_cast<double>(t + i), 3)};
          content[labels][t] = value;
        }
      }
      const std::string name = "part" + std::to_string(i);
      disk.write(content, name);
      contents.push_back(std::move(content));
      sources.push_back(disk.open(name));
    }
    must_merge(disk, sources);
    EXPECT_EQ(must_read(*disk.open("merged")), united(contents)) << "seed " << seed;
  }
}

TEST(BlockMerge, LeavesOutWhatIsHiddenOrOutsideTheRange) {
  Disk disk(4);
  const BlockContent content = lived_in(disk.random, 6, 200);
  disk.write(content, "a");
  const BlockPtr a = disk.open("a");
  ASSERT_TRUE(a->hide({0, 4, 7}, 1'500'000, 2'000'000).has_value());
  ASSERT_TRUE(a->hide({2}, model::kTimestampMin, model::kTimestampMax).has_value());
  const auto meta = merge(disk, {a}, "merged", 1'400'000, 3'000'000);
  ASSERT_TRUE(meta.has_value() && *meta);
  const BlockPtr merged = disk.open("merged");
  EXPECT_FALSE(merged->has_tombstones());
  EXPECT_EQ(must_read(*merged), must_read(*a, 1'400'000, 3'000'000));
}

TEST(BlockMerge, WritesNothingWhenNoSampleIsLeft) {
  Disk disk;
  disk.write({{{{"a", "1"}}, floats({{5, 1}})}}, "a");
  const auto meta = merge(disk, {disk.open("a")}, "merged", 6, 9);
  ASSERT_TRUE(meta.has_value());
  EXPECT_FALSE(meta->has_value());
  EXPECT_FALSE(disk.files.exists("/blocks/merged"));
  EXPECT_FALSE(disk.files.exists("/blocks/merged.tmp"));
}

TEST(BlockMerge, StopsWhenAskedAndLeavesNothing) {
  Disk disk(2);
  disk.write(lived_in(disk.random, 3, 50), "a");
  std::stop_source stop;
  stop.request_stop();
  const auto meta =
      merge(disk, {disk.open("a")}, "merged", 0, model::kTimestampMax, stop.get_token());
  ASSERT_FALSE(meta.has_value());
  EXPECT_EQ(meta.error().code(), Code::kCanceled);
  EXPECT_FALSE(disk.files.exists("/blocks/merged.tmp"));
}

TEST(BlockMerge, ToldOfDamageInASourceWritesNothing) {
  Disk disk(2);
  disk.write(lived_in(disk.random, 3, 200), "a");
  std::string bytes = disk.bytes("a");
  bytes[200] = static_cast<char>(bytes[200] ^ 1);
  disk.put_bytes("a", bytes);
  const auto meta = merge(disk, {disk.open("a")});
  ASSERT_FALSE(meta.has_value());
  EXPECT_EQ(meta.error().code(), Code::kDataLoss);
  EXPECT_NE(meta.error().message().find("/blocks/a"), std::string::npos);
  EXPECT_FALSE(disk.files.exists("/blocks/merged"));
  EXPECT_FALSE(disk.files.exists("/blocks/merged.tmp"));
}

TEST(BlockMerge, KeepsTheTimesOfAScrapeShared) {
  Disk disk;
  std::vector<BlockPtr> sources;
  for (int part = 0; part < 3; ++part) {
    BlockContent content;
    for (int s = 0; s < 50; ++s) {
      for (int i = 0; i < 100; ++i) {
        const Timestamp t = part * 1'000'000 + i * 1000 + (i * i) % 7;  // not regular
        content[{{"__name__", "m"}, {"s", std::to_string(s)}}][t] = {0, std::nullopt};
      }
    }
    const std::string name = "part" + std::to_string(part);
    disk.write(content, name);
    sources.push_back(disk.open(name));
  }
  must_merge(disk, sources);
  const auto cursor = *disk.open("merged")->cursor();
  SeriesData first, other;
  ASSERT_TRUE(cursor->read(0, model::kTimestampMin, model::kTimestampMax, first).has_value());
  EXPECT_EQ(first.size(), 300U);
  for (SeriesIndex s = 1; s < 50; ++s) {
    ASSERT_TRUE(cursor->read(s, model::kTimestampMin, model::kTimestampMax, other).has_value());
    EXPECT_EQ(first.times, other.times);
  }
}

// A histogram of 700 samples whose count is that of its bucket without a bound, or not always.
BlockContent histogram_series(SeededRandom& random, bool equal) {
  BlockContent content;
  double small = 0;
  double all = 0;
  for (Timestamp t = 0; t < 700; ++t) {
    small += static_cast<double>(random.next() % 9);
    all = small + static_cast<double>(random.next() % 5 + static_cast<std::uint64_t>(t) / 3);
    const auto put = [&](const Labels& labels, double v) {
      content[labels][t * 15'000] = {std::bit_cast<std::uint64_t>(v), std::nullopt};
    };
    put({{"__name__", "h_bucket"}, {"le", "+Inf"}}, all);
    put({{"__name__", "h_bucket"}, {"le", "1"}}, small);
    put({{"__name__", "h_bucket"}, {"le", "2"}}, all);
    put({{"__name__", "h_count"}}, equal || t != 333 ? all : all + 1);
  }
  return content;
}

TEST(BlockMerge, ACountThatIsItsHistogramsLastBucketTakesNoSpaceAndComesBack) {
  for (const bool equal : {true, false}) {
    Disk disk;
    const BlockContent content = histogram_series(disk.random, equal);
    BlockContent without = content;
    without.erase({{"__name__", "h_count"}});
    disk.write(content, "a");
    disk.write(without, "b");
    EXPECT_EQ(must_read(*disk.open("a")), content);
    const std::size_t more = disk.bytes("a").size() - disk.bytes("b").size();
    if (equal) {
      EXPECT_LT(more, 40U);
    } else {
      EXPECT_GT(more, 200U);
    }
    // Also from the middle, and when only one of the two is left after a merge.
    const BlockPtr block = disk.open("a");
    EXPECT_EQ(must_read(*block, 100 * 15'000, 400 * 15'000),
              cut(content, 100 * 15'000, 400 * 15'000));
    ASSERT_TRUE(block->hide({0}, model::kTimestampMin, model::kTimestampMax).has_value());
    must_merge(disk, {block});
    BlockContent left = content;
    left.erase({{"__name__", "h_bucket"}, {"le", "+Inf"}});
    EXPECT_EQ(must_read(*disk.open("merged")), left);
  }
}

TEST(BlockMerge, SurvivesPowerLossWholeOrAbsent) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Disk disk(seed);
    const BlockContent content = lived_in(disk.random, 3, 60);
    disk.write(content, "a");
    const BlockPtr source = disk.open("a");
    disk.files.set_failing(0.03);
    const auto meta = merge(disk, {source});
    disk.files.set_failing(0);
    disk.files.crash();
    EXPECT_EQ(must_read(*disk.open("a")), content);
    if (!disk.files.exists("/blocks/merged")) {
      EXPECT_FALSE(meta.has_value());
      continue;
    }
    EXPECT_EQ(must_read(*disk.open("merged")), content) << "seed " << seed;
  }
}

}  // namespace
}  // namespace holdfast::metrics
