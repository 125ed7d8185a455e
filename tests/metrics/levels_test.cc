// Downsampled levels: made behind the samples, kept true, and what is left when those are gone.
#include "metrics/levels/buckets.h"

#include <atomic>
#include <thread>

#include "metrics/fixture.h"

namespace holdfast::metrics {
namespace {

constexpr Timestamp kMinute = 60'000, kHour = 60 * kMinute, kDay = 24 * kHour;
const Labels kA{{"__name__", "requests_total"}, {"instance", "a"}};
const Labels kB{{"__name__", "requests_total"}, {"instance", "b"}};
const std::string kFolder = "/data/metrics/levels";

Column column_of(const Labels& labels, Timestamp from, Timestamp to, Timestamp step) {
  Column column{std::make_shared<const Labels>(labels), {}, {}, {}};
  for (Timestamp t = from; t < to; t += step) {
    column.times.push_back(t);
    column.values.push_back(static_cast<double>((t / step) % 1000));
  }
  return column;
}

Timestamp begin_of_day(Machine& m) { return m.now() / kDay * kDay; }

StoreOptions options_of(Machine& m) {
  StoreOptions options = m.options();
  options.retention_5m = options.retention;
  return options;
}

std::vector<std::string> level_files(Machine& m) {
  std::vector<std::string> names;
  const auto files = m.files.list(kFolder);
  if (!files) return names;
  for (const FileInfo& file : *files) names.push_back(file.name);
  return names;
}

// The buckets of one series, null when the store offers none.
std::vector<LevelBucket> buckets_of(const Store& store, const Labels& labels, Timestamp from,
                                    Timestamp to, Timestamp resolution) {
  SelectRequest request;
  for (const model::Label& label : labels)
    request.matchers.push_back(Matcher::equal(label.name, label.value));
  request.from = from;
  request.to = to;
  const auto found = store.find_levels(request, {resolution, kBucketAll});
  EXPECT_TRUE(found) << (found ? "" : found.error().message());
  if (!found || !*found || (*found)->size() == 0) return {};
  EXPECT_EQ((*found)->size(), 1U);
  const auto cursor = (*found)->cursor();
  SeriesData data;
  const auto done = cursor->read(0, data);
  EXPECT_TRUE(done) << (done ? "" : done.error().message());
  return data.buckets ? data.buckets->buckets : std::vector<LevelBucket>();
}

double count_of(const std::vector<LevelBucket>& buckets) {
  double count = 0;
  for (const LevelBucket& bucket : buckets) count += bucket.count;
  return count;
}

TEST(Levels, AreMadeOfOldBlocksAndNotOfYoungOnes) {
  Machine m(1);
  const Timestamp end = begin_of_day(m);
  auto store = m.open(options_of(m));
  ASSERT_TRUE(store->import(std::vector{column_of(kA, end - 5 * kDay, end, 15'000)}));
  ASSERT_TRUE(store->compact());
  std::size_t old = 0;
  for (const BlockInfo& block : store->blocks()) old += block.max_time < end - 15'000 - 2 * kDay;
  EXPECT_GE(old, 1U);
  EXPECT_EQ(level_files(m).size(), 2 * old);  // 5m and 1h
  // The first sample ends a bucket of its own, before this range.
  const auto buckets = buckets_of(*store, kA, end - 5 * kDay + 1, end - 2 * kDay, kHour);
  ASSERT_EQ(buckets.size(), 3U * 24);
  EXPECT_EQ(count_of(buckets), 3.0 * kDay / 15'000);
  // Of young samples alone there are none, and they are asked for samples.
  EXPECT_TRUE(buckets_of(*store, kA, end - 2 * kDay, end, kHour).empty());
}

TEST(Levels, AreMadeInTheBackgroundAndFollowMerges) {
  Machine m(1);
  StoreOptions options = m.options();
  options.retention = 100 * 24h;  // blocks of eight days in the end
  const Timestamp end = begin_of_day(m), from = end - 20 * kDay;
  auto store = m.open(options);
  for (Timestamp day = from; day < end; day += kDay) {
    ASSERT_TRUE(store->import(std::vector{column_of(kA, day, day + kDay, kMinute)}));
    m.executor.run_for(2min);
    const auto buckets = buckets_of(*store, kA, from + 1, day, kHour);
    if (buckets.empty()) continue;
    EXPECT_EQ(count_of(buckets), static_cast<double>((day - from) / kMinute)) << day;
  }
  // One for each block that is old enough, none of a block that is no more.
  std::size_t old = 0;
  for (const BlockInfo& block : store->blocks()) {
    old += block.max_time < end - kMinute - 2 * kDay;
    EXPECT_EQ(m.files.exists(kFolder + "/" + block.name + ".1h"),
              block.max_time < end - kMinute - 2 * kDay);
  }
  EXPECT_GT(old, 1U);
  EXPECT_EQ(level_files(m).size(), old);
}

TEST(Levels, OfADayOfSamplesAreNotMadeHoweverLongAgoItWas) {
  Machine m(1);
  const Timestamp end = begin_of_day(m) - 3 * kDay;
  auto store = m.open(options_of(m));
  ASSERT_TRUE(store->import(std::vector{column_of(kA, end - kDay, end, 15'000)}));
  ASSERT_TRUE(store->compact());
  EXPECT_TRUE(level_files(m).empty());
}

TEST(Levels, ThatWouldNotPayAreNotMadeUnlessTheyOutliveTheSamples) {
  for (const bool outlive : {false, true}) {
    Machine m(1);
    StoreOptions options = options_of(m);
    if (outlive) options.retention_5m = 30 * 24h;
    const Timestamp end = begin_of_day(m);
    auto store = m.open(options);
    ASSERT_TRUE(store->import(std::vector{column_of(kA, end - 5 * kDay, end, 2 * kMinute)}));
    ASSERT_TRUE(store->compact());
    bool fine = false;
    for (const std::string& name : level_files(m)) fine = fine || name.ends_with(".5m");
    EXPECT_EQ(fine, outlive);
    EXPECT_FALSE(level_files(m).empty());  // an hour of them pays
  }
}

TEST(Levels, GoWithDeletedSamplesAndComeAgainWithoutThem) {
  Machine m(1);
  const Timestamp end = begin_of_day(m), from = end - 5 * kDay, old = end - 2 * kDay;
  auto store = m.open(options_of(m));
  ASSERT_TRUE(store->import(
      std::vector{column_of(kA, from, end, 15'000), column_of(kB, from, end, 15'000)}));
  ASSERT_TRUE(store->compact());
  const double all = count_of(buckets_of(*store, kA, from + 1, old, kHour));
  ASSERT_TRUE(store->delete_series({{Matcher::equal("instance", "a")}}, from + kDay + 1,
                                   from + kDay + kHour));
  const double hidden = kHour / 15'000.0;
  const auto left = buckets_of(*store, kA, from + 1, old, kHour);
  if (!left.empty()) {
    EXPECT_EQ(count_of(left), all - hidden);
  }
  ASSERT_TRUE(store->compact());
  EXPECT_EQ(count_of(buckets_of(*store, kA, from + 1, old, kHour)), all - hidden);
  EXPECT_EQ(count_of(buckets_of(*store, kB, from + 1, old, kHour)), all);
}

// Merges, deletions and levels come and go under a reader, who must see each sample once.
TEST(Levels, TellEachSampleOnceWhileBlocksAreMerged) {
  Machine m(1);
  const Timestamp end = begin_of_day(m), from = end - 6 * kDay, old = end - 2 * kDay;
  auto store = m.open();
  ASSERT_TRUE(store->import(std::vector{column_of(kA, from, end, kMinute)}));
  ASSERT_TRUE(store->compact());
  const double want = 4.0 * kDay / kMinute;
  std::atomic<bool> done = false;  // tells nothing but that it is time to go
  std::size_t seen = 0, wrong = 0;
  std::thread reader([&] {
    while (!done) {
      const auto buckets = buckets_of(*store, kA, from + 1, old, kHour);
      if (buckets.empty()) continue;
      ++seen;
      wrong += count_of(buckets) != want;
    }
  });
  for (int round = 0; round < 20; ++round) {
    // Another series in the same time: its blocks go into those of the first.
    const Labels other{{"__name__", "requests_total"}, {"instance", std::to_string(round)}};
    EXPECT_TRUE(store->import(std::vector{column_of(other, from, end, kMinute)}));
    if (round % 5 == 4) {
      EXPECT_TRUE(store->delete_series({{Matcher::equal("instance", std::to_string(round - 1))}},
                                       from, end));
    }
    EXPECT_TRUE(store->compact());
  }
  done = true;
  reader.join();
  EXPECT_GT(seen, 0U);
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(count_of(buckets_of(*store, kA, from + 1, old, kHour)), want);
}

TEST(Levels, SurviveACrashInTheirMiddle) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Machine m(seed);
    const Timestamp end = begin_of_day(m), from = end - 6 * kDay, old = end - 2 * kDay;
    const std::vector columns{column_of(kA, from, end, kMinute), column_of(kB, from, end, kMinute)};
    const double want = 4.0 * kDay / kMinute;
    {
      auto store = m.open(options_of(m));
      ASSERT_TRUE(store->import(columns));
      ASSERT_TRUE(store->sync());
      m.files.set_failing(seed % 4 == 0 ? 0.3 : 0.05);
      (void)store->compact();  // may fail anywhere
      if (seed % 3 == 0) (void)store->compact();
      m.files.set_failing(0);
      const auto buckets = buckets_of(*store, kA, from + 1, old, kHour);
      if (!buckets.empty()) {
        EXPECT_EQ(count_of(buckets), want) << seed;
      }
      m.files.crash();
    }
    auto store = m.open(options_of(m));
    for (int round = 0; round < 2; ++round) {
      const auto buckets = buckets_of(*store, kB, from + 1, old, kHour);
      if (!buckets.empty()) {
        EXPECT_EQ(count_of(buckets), want) << seed;
      }
      ASSERT_TRUE(store->compact()) << seed;
    }
    EXPECT_EQ(count_of(buckets_of(*store, kB, from + 1, old, kHour)), want) << seed;
    EXPECT_TRUE(store->problems().empty()) << seed;
    for (const std::string& name : level_files(m)) EXPECT_FALSE(name.ends_with(".tmp")) << seed;
  }
}

TEST(Levels, ThatAreDamagedAreSetAsideAndMadeAnew) {
  Machine m(1);
  const Timestamp end = begin_of_day(m), from = end - 5 * kDay, old = end - 2 * kDay;
  double want = 0;
  {
    auto store = m.open(options_of(m));
    ASSERT_TRUE(store->import(std::vector{column_of(kA, from, end, 15'000)}));
    ASSERT_TRUE(store->compact());
    want = count_of(buckets_of(*store, kA, from + 1, old, kHour));
  }
  ASSERT_GT(want, 0);
  const auto names = level_files(m);
  ASSERT_FALSE(names.empty());
  for (const std::string& name : names) {
    const std::string path = kFolder + "/" + name;
    std::string bytes = *m.files.read_file(path);
    bytes[bytes.size() / 3] = static_cast<char>(bytes[bytes.size() / 3] ^ 0x10);
    auto file = m.files.open(path, OpenMode::kCreate);
    ASSERT_TRUE(file && (*file)->append(bytes) && (*file)->sync());
  }
  auto store = m.open(options_of(m));
  // Whoever meets damage gets samples, or what is sound; never a part of either.
  for (std::size_t round = 0; round <= names.size(); ++round) {
    for (const Timestamp resolution : {kHour, 5 * kMinute}) {
      const auto buckets = buckets_of(*store, kA, from + 1, old, resolution);
      if (!buckets.empty()) {
        EXPECT_EQ(count_of(buckets), want);
      }
    }
    ASSERT_TRUE(store->compact());
  }
  EXPECT_EQ(count_of(buckets_of(*store, kA, from + 1, old, kHour)), want);
  EXPECT_EQ(count_of(buckets_of(*store, kA, from + 1, old, 5 * kMinute)), want);
  EXPECT_EQ(store->problems().size(), names.size());
}

TEST(Levels, StayWhenTheirSamplesAreGoneAndGoByTheirOwnRetention) {
  Machine m(1);
  StoreOptions options = options_of(m);
  options.retention = 5 * 24h;
  options.retention_5m = 14 * 24h;
  options.retention_1h = 30 * 24h;
  const Timestamp end = begin_of_day(m), from = end - 5 * kDay, old = end - 2 * kDay;
  double want = 0;
  {
    auto store = m.open(options);
    ASSERT_TRUE(store->import(std::vector{column_of(kA, from, end, 15'000)}));
    ASSERT_TRUE(put(*store, kB, m.now(), 1));
    ASSERT_TRUE(store->flush());
    ASSERT_TRUE(store->compact());
    m.clock.step_wall(4 * 24h);
    ASSERT_TRUE(put(*store, kB, m.now(), 1));  // by which all else is old
    ASSERT_TRUE(store->compact());
    want = count_of(buckets_of(*store, kA, from + 1, old, kHour));
    ASSERT_EQ(want, 3.0 * kDay / 15'000);
    m.clock.step_wall(4 * 24h);
    ASSERT_TRUE(store->maintain(m.now()));
  }
  auto store = m.open(options);
  EXPECT_EQ(content_of(*store, from, end)->count(kA.text()), 0U);
  EXPECT_EQ(count_of(buckets_of(*store, kA, from + 1, old, kHour)), want);
  EXPECT_EQ(count_of(buckets_of(*store, kA, from + 1, old, 5 * kMinute)), want);
  EXPECT_EQ(store->series({{any_name()}}, from, end, 0)->size(), 1U);
  EXPECT_EQ(*store->label_values("instance", {}, from, end), std::vector<std::string>{"a"});
  EXPECT_EQ(store->label_names({}, from, end)->size(), 2U);
  const auto snapshot = store->snapshot();
  ASSERT_TRUE(snapshot);
  EXPECT_TRUE(m.files.exists("/data/metrics/snapshots/" + *snapshot + "/levels"));

  m.clock.step_wall(7 * 24h);
  ASSERT_TRUE(store->maintain(m.now()));
  EXPECT_EQ(count_of(buckets_of(*store, kA, from + 1, old, kHour)), want);
  EXPECT_TRUE(buckets_of(*store, kA, from + 1, old, 5 * kMinute).empty());

  ASSERT_TRUE(store->delete_series({{Matcher::equal("instance", "a")}}, from + kDay + 1,
                                   from + kDay + 2 * kHour));
  EXPECT_EQ(count_of(buckets_of(*store, kA, from + 1, old, kHour)), want - 2 * kHour / 15'000.0);
  m.clock.step_wall(30 * 24h);
  ASSERT_TRUE(store->maintain(m.now()));
  EXPECT_TRUE(buckets_of(*store, kA, from + 1, end, kHour).empty());
  EXPECT_TRUE(level_files(m).empty());
}

}  // namespace
}  // namespace holdfast::metrics
