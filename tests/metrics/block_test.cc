#include <algorithm>
#include <thread>

#include "metrics/block_fixture.h"

namespace holdfast::metrics {
namespace {

TEST(BlockFile, GivesBackEveryBitOfLivedInSeries) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Disk disk(seed);
    const BlockContent content = lived_in(disk.random, 12, 300);
    BlockWriterOptions options;
    options.effort = seed % 2 == 0 ? Effort::kSmall : Effort::kFast;
    disk.write(content, "b", options);
    EXPECT_EQ(must_read(*disk.open()), content) << "seed " << seed;
  }
}

TEST(BlockFile, AnswersAnyRangeAsTheObviousWayDoes) {
  Disk disk(3);
  const BlockContent content = lived_in(disk.random, 5, 700);
  disk.write(content);
  const BlockPtr block = disk.open();
  for (int i = 0; i < 60; ++i) {
    const auto from = static_cast<Timestamp>(900'000 + disk.random.next() % 11'000'000);
    const auto to =
        from + static_cast<Timestamp>(disk.random.next() % (i < 30 ? 60'000 : 9'000'000));
    EXPECT_EQ(must_read(*block, from, to), cut(content, from, to)) << from << " to " << to;
  }
}

TEST(BlockFile, RemembersWhatItIs) {
  Disk disk;
  BlockWriterOptions options;
  options.level = 3;
  options.wal_segment = 77;
  options.resolution = 300'000;
  for (int i = 0; i < 300; ++i) options.sources.push_back("a-source-" + std::to_string(i));
  const BlockContent content = {{{{"a", "1"}}, floats({{-5, 1}, {10, 2}})},
                                {{{"a", "2"}}, floats({{7, 1}})}};
  const BlockMeta written = disk.write(content, "b", options);
  const BlockPtr block = disk.open();
  for (const BlockMeta& meta : {written, block->meta()}) {
    EXPECT_EQ(meta.min_time, -5);
    EXPECT_EQ(meta.max_time, 10);
    EXPECT_EQ(meta.series_count, 2U);
    EXPECT_EQ(meta.sample_count, 3U);
    EXPECT_EQ(meta.level, 3U);
    EXPECT_EQ(meta.wal_segment, 77U);
    EXPECT_EQ(meta.resolution, 300'000);
    EXPECT_EQ(meta.sources, options.sources);
  }
  EXPECT_EQ(block->size(), disk.bytes().size());
  EXPECT_TRUE(block->overlaps(10, 20));
  EXPECT_FALSE(block->overlaps(11, 20));
}

TEST(BlockFile, SharesTheTimesOfAScrape) {
  Disk disk;
  const Times whole = times_of(0, 15'000, 400);
  auto writer = BlockWriter::create(disk.files, "/blocks", "b", {});
  ASSERT_TRUE(writer.has_value());
  const auto add = [&](const std::string& name, Times times) {
    SeriesData data;
    data.values.assign(times->size(), 1);
    data.times = std::move(times);
    ASSERT_TRUE((*writer)->add({{"__name__", name}}, data).has_value());
  };
  add("early", times_of(0, 15'000, 100));  // met before the column it is a part of
  add("late", times_of(300 * 15'000, 15'000, 100));
  add("whole_by_content", times_of(0, 15'000, 400));
  add("whole_by_pointer", whole);
  ASSERT_TRUE((*writer)->finish().has_value());
  const BlockPtr block = disk.open();
  const auto cursor = *block->cursor();
  SeriesData a, b, c, d;
  ASSERT_TRUE(cursor->read(0, 0, 90 * 15'000, a).has_value());
  ASSERT_TRUE(cursor->read(2, 0, 90 * 15'000, b).has_value());
  EXPECT_EQ(a.times, b.times);
  EXPECT_EQ(a.size(), 91U);
  ASSERT_TRUE(cursor->read(2, 0, model::kTimestampMax, c).has_value());
  ASSERT_TRUE(cursor->read(3, -7, model::kTimestampMax, d).has_value());
  EXPECT_EQ(c.times, d.times);
  ASSERT_TRUE(cursor->read(1, 310 * 15'000, model::kTimestampMax, a).has_value());
  ASSERT_TRUE(cursor->read(3, 310 * 15'000, model::kTimestampMax, b).has_value());
  EXPECT_EQ(a.times, b.times);
}

TEST(BlockFile, StoresAPartOfAColumnForFree) {
  const auto size_with = [](std::size_t parts) {
    Disk disk;
    SeededRandom random(5);
    std::vector<Timestamp> jittered;
    for (int i = 0; i < 4000; ++i)
      jittered.push_back(i * 1000 + static_cast<int>(random.next() % 500));
    BlockContent content;
    const auto add = [&](const std::string& name, std::size_t first, std::size_t end) {
      for (; first < end; ++first)
        content[{{"__name__", name}}][jittered[first]] = {0, std::nullopt};
    };
    for (std::size_t i = 0; i < parts; ++i) add("a" + std::to_string(i), 10 * i, 4000 - 7 * i);
    add("whole", 0, 4000);
    disk.write(content);
    return disk.bytes().size();
  };
  EXPECT_LT(size_with(10) - size_with(1), 1000U);  // ten columns of their own would be over 40,000
}

TEST(BlockFile, TakesSeriesInOrderAndOnceOnly) {
  Disk disk;
  const Times times = times_of(0, 1, 1);
  struct Case {
    std::string name;
    LabelViews first;
    LabelViews second;
    bool taken;
  };
  const std::vector<Case> cases = {
      {"ascending values", {{"a", "1"}}, {{"a", "2"}}, true},
      {"descending values", {{"a", "2"}}, {{"a", "1"}}, false},
      {"twice", {{"a", "1"}}, {{"a", "1"}}, false},
      {"a longer one after its prefix", {{"a", "1"}}, {{"a", "1"}, {"b", "1"}}, true},
      {"a prefix after its longer one", {{"a", "1"}, {"b", "1"}}, {{"a", "1"}}, false},
      {"names out of order", {{"a", "1"}}, {{"b", "1"}, {"a", "1"}}, false},
      {"the empty set first", {}, {{"a", "1"}}, true},
  };
  for (const Case& c : cases) {
    auto writer = *BlockWriter::create(disk.files, "/blocks", "b", {});
    SeriesData data;
    data.times = times;
    data.values = {1};
    ASSERT_TRUE(writer->add(c.first, data).has_value()) << c.name;
    EXPECT_EQ(writer->add(c.second, data).has_value(), c.taken) << c.name;
  }
  EXPECT_FALSE(disk.files.exists("/blocks/b.tmp"));  // what was not finished leaves nothing
}

TEST(BlockFile, RefusesDataThatIsNoSeries) {
  Disk disk;
  auto writer = *BlockWriter::create(disk.files, "/blocks", "b", {});
  SeriesData data;
  EXPECT_FALSE(writer->add({{"a", "1"}}, data).has_value());
  data.times = times_of(0, 1, 2);
  data.values = {1};
  EXPECT_FALSE(writer->add({{"a", "1"}}, data).has_value());
  EXPECT_FALSE(writer->finish().has_value());
  EXPECT_FALSE(disk.files.exists("/blocks/b"));
}

TEST(BlockFile, NamesFileAndPlaceOfEveryFlippedByte) {
  Disk disk(2);
  const BlockContent content = lived_in(disk.random, 3, 60);
  disk.write(content);
  const std::string good = disk.bytes();
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    disk.put_bytes("bad", bytes);
    auto opened = Block::open(disk.files, "/blocks/bad", disk.caches);
    const auto read = opened ? try_read(**opened) : Result<BlockContent>(opened.error());
    ASSERT_FALSE(read.has_value()) << "byte " << at << " of " << good.size();
    EXPECT_EQ(read.error().code(), Code::kDataLoss) << "byte " << at;
    EXPECT_NE(read.error().message().find("/blocks/bad"), std::string::npos)
        << read.error().message();
  }
}

TEST(BlockFile, RefusesEveryTruncation) {
  Disk disk(2);
  disk.write(lived_in(disk.random, 2, 30));
  const std::string good = disk.bytes();
  for (std::size_t size = 0; size < good.size(); ++size) {
    disk.put_bytes("bad", good.substr(0, size));
    const auto opened = Block::open(disk.files, "/blocks/bad", disk.caches);
    ASSERT_FALSE(opened.has_value()) << size;
    EXPECT_EQ(opened.error().code(), Code::kDataLoss);
  }
}

TEST(BlockFile, IsWholeOrAbsentAfterPowerLoss) {
  int whole = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Disk disk(seed);
    const BlockContent content = lived_in(disk.random, 4, 50);
    if (seed % 3 != 0) disk.files.set_failing(0.05);
    const bool written = disk.try_write(content, "b").has_value();
    disk.files.set_failing(0);
    disk.files.crash();
    if (!disk.files.exists("/blocks/b")) {
      EXPECT_FALSE(written) << "seed " << seed;
      continue;
    }
    EXPECT_EQ(must_read(*disk.open()), content) << "seed " << seed;
    ++whole;
  }
  EXPECT_GT(whole, 15);
}

TEST(BlockFile, GivesSpaceBackWhenTheDiskIsFull) {
  Disk disk(4);
  const BlockContent content = lived_in(disk.random, 6, 200);
  disk.files.set_capacity(disk.files.used() + 3000);
  const auto written = disk.try_write(content, "b");
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code(), Code::kExhausted);
  EXPECT_FALSE(disk.files.exists("/blocks/b.tmp"));
  EXPECT_FALSE(disk.files.exists("/blocks/b"));
}

TEST(BlockFile, IsReadByManyThreadsThroughASmallCache) {
  Disk disk(6);
  disk.caches = Block::make_caches({1 << 16, 1 << 14, 1 << 14});
  const BlockContent content = lived_in(disk.random, 20, 200);
  disk.write(content);
  const BlockPtr block = disk.open();
  std::vector<std::thread> threads;
  std::array<BlockContent, 4> read;
  for (BlockContent& into : read) {
    threads.emplace_back([&] {
      for (int i = 0; i < 3; ++i) into = must_read(*block);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const BlockContent& got : read) EXPECT_EQ(got, content);
}

TEST(BlockTombstones, HideSamplesFromEveryLaterRead) {
  Disk disk(8);
  const BlockContent content = lived_in(disk.random, 6, 100);
  disk.write(content);
  const BlockPtr block = disk.open();
  const auto view = *block->view();
  const auto cursor = *block->cursor();  // opened before: honours them too
  EXPECT_FALSE(block->has_tombstones());
  BlockContent left = content;
  const auto hide = [&](const std::vector<SeriesIndex>& series, Timestamp from, Timestamp to) {
    ASSERT_TRUE(block->hide(series, from, to).has_value());
    for (const SeriesIndex s : series) {
      SeriesContent& samples = left[labels_of(*view, s)];
      std::erase_if(samples, [&](const auto& e) { return from <= e.first && e.first <= to; });
      if (samples.empty()) left.erase(labels_of(*view, s));
    }
  };
  hide({3, 1, 2, 9}, 1'200'000, 1'500'000);
  hide({1, 30}, 1'400'000, 1'900'000);
  hide({5}, model::kTimestampMin, model::kTimestampMax);
  EXPECT_TRUE(block->has_tombstones());
  EXPECT_EQ(must_read(*block), left);
  EXPECT_EQ(must_read(*block, 1'300'000, 1'450'000), cut(left, 1'300'000, 1'450'000));
  SeriesData data;
  ASSERT_TRUE(cursor->read(5, 0, model::kTimestampMax, data).has_value());
  EXPECT_EQ(data.size(), 0U);
  disk.files.crash();  // durable on return
  EXPECT_EQ(must_read(*disk.open()), left);
}

TEST(BlockTombstones, DamageIsToldAtOpen) {
  Disk disk;
  disk.write({{{{"a", "1"}}, floats({{1, 1}})}});
  ASSERT_TRUE(disk.open()->hide({0}, 0, 5).has_value());
  std::string bytes = disk.bytes("b.tombstones");
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string bad = bytes;
    bad[at] = static_cast<char>(bad[at] ^ 4);
    disk.put_bytes("b.tombstones", bad);
    const auto opened = Block::open(disk.files, "/blocks/b", disk.caches);
    ASSERT_FALSE(opened.has_value()) << at;
    EXPECT_EQ(opened.error().code(), Code::kDataLoss);
  }
}

TEST(BlockCaches, StayWithinTheirBound) {
  Disk disk(9);
  for (int i = 0; i < 6; ++i) disk.write(lived_in(disk.random, 10, 200), "b" + std::to_string(i));
  struct Case {
    std::size_t index_max;
    std::size_t group_max;
  };
  for (const Case& c : {Case{0, 0}, Case{20'000, 50'000}, Case{1 << 20, 1 << 20}}) {
    disk.caches = Block::make_caches({c.index_max, c.group_max, c.group_max});
    for (int i = 0; i < 6; ++i) {
      const BlockPtr block = disk.open("b" + std::to_string(i));
      EXPECT_EQ(must_read(*block), must_read(*block));
    }
  }
}

}  // namespace
}  // namespace holdfast::metrics
