// Blocks in object storage: up, down from the disk, back into answers; outages, crashes, deletions.
#include <functional>

#include "base/objects.h"
#include "metrics/fixture.h"
#include "metrics/objects/manifest.h"

namespace holdfast::metrics {
namespace {

constexpr Timestamp kHourMs = 3600 * 1000;
constexpr Timestamp kDayMs = 24 * kHourMs;
constexpr std::size_t kHosts = 20;

// A folder on a disk of its own, which can be away, be slow to lose, and counts what is asked of it.
class FlakyBucket final : public ObjectStore {
 public:
  explicit FlakyBucket(FileSystem& files) : inner_(files, "/cold") {}
  const std::string& place() const override { return inner_.place(); }
  Result<void> put(const std::string& key, const Source& source) override {
    HF_TRY(step(key));
    return inner_.put(key, source);
  }
  Result<std::string> get(const std::string& key, std::uint64_t offset, std::size_t size) override {
    HF_TRY(step(key));
    if (key.ends_with(".blk")) {
      ++block_reads;
      bytes_read += size;
    }
    std::string bytes = HF_TRY(inner_.get(key, offset, size));
    if (corrupt && key.ends_with(".blk")) bytes[bytes.size() / 2] ^= 1;
    return bytes;
  }
  Result<ObjectInfo> info(const std::string& key) override {
    HF_TRY(step(key));
    return inner_.info(key);
  }
  Result<std::vector<ObjectInfo>> list(const std::string& prefix) override {
    HF_TRY(step(prefix));
    return inner_.list(prefix);
  }
  Result<void> remove(const std::string& key) override {
    HF_TRY(step(key));
    return inner_.remove(key);
  }
  void stop() override {}

  std::size_t count(std::string_view suffix) {
    std::size_t count = 0;
    for (const ObjectInfo& object : inner_.list("").value()) count += object.key.ends_with(suffix);
    return count;
  }

  bool away = false;
  bool corrupt = false;
  int fail_at = -1;                          // the call that is the last
  std::function<void()> at_failure = [] {};  // a crash, perhaps
  int calls = 0;
  std::size_t block_reads = 0;
  std::size_t bytes_read = 0;

 private:
  Result<void> step(const std::string& key) {
    if (calls++ == fail_at) {
      away = true;
      at_failure();
    }
    if (away) return unavailable(place() + ": " + key + ": nobody answers");
    return {};
  }
  DirectoryObjectStore inner_;
};

struct World {
  explicit World(std::uint64_t seed) : machine(std::make_unique<Machine>(seed)), random(seed) {
    for (std::size_t host = 0; host < kHosts; ++host) {
      labels.push_back(
          {{"__name__", "up"}, {"host", std::string(1, static_cast<char>('a' + host))}});
      texts.push_back(labels.back().text());
    }
  }

  StoreOptions options() {
    StoreOptions o = machine->options();
    o.objects = &bucket;
    o.objects_prefix = "p/";
    o.retention = 40 * 24h;
    o.local_retention = 48h;
    o.retention_5m = 0s;  // samples alone
    o.retention_1h = 0s;
    return o;
  }
  std::unique_ptr<Store> open() { return machine->open(options()); }
  // Another machine, empty; the bucket stays.
  void lose_machine() {
    const WallTime now = machine->clock.now();
    machine = std::make_unique<Machine>(99);
    machine->clock.step_wall(now - machine->clock.now());
  }
  // Samples each quarter of an hour, flushes every two hours, the background as it comes.
  void live(Store& store, Duration how_long) {
    const Timestamp end = machine->now() + to_ms(how_long);
    int n = 0;
    while (machine->now() < end) {
      machine->executor.run_for(15min);
      const Timestamp t = machine->now();
      for (std::size_t host = 0; host < kHosts; ++host) {
        const double value = random.unit();  // does not pack: blocks are larger than their ends
        ASSERT_TRUE(put(store, labels[host], t, value));
        written[texts[host]][t] = std::bit_cast<std::uint64_t>(value);
      }
      if (++n % 8 == 0) {
        ASSERT_TRUE(store.flush());
      }
    }
  }
  void settle(Duration time = 30min) { machine->executor.run_for(time); }

  std::unique_ptr<Machine> machine;
  SeededRandom random;
  SimClock far_clock;
  SeededRandom far_random{5};
  SimFileSystem far_files{far_random, &far_clock};
  FlakyBucket bucket{far_files};
  std::vector<Labels> labels;
  std::vector<std::string> texts;
  Content written;
};

std::size_t local_blocks(Machine& m) {
  std::size_t count = 0;
  for (const FileInfo& file : *m.files.list("/data/metrics/blocks"))
    count += file.name.ends_with(".blk");
  return count;
}

TEST(Objects, OldBlocksLeaveTheDiskAndStillAnswer) {
  World s(1);
  auto store = s.open();
  s.live(*store, 5 * 24h);
  s.settle();
  const StoreStats stats = store->stats();
  EXPECT_TRUE(stats.objects.reachable);
  EXPECT_GT(stats.objects.blocks_remote, 0u);
  EXPECT_GT(stats.objects.uploads, stats.objects.blocks_remote);
  EXPECT_EQ(s.bucket.count(".manifest"), stats.objects.blocks);
  EXPECT_EQ(s.bucket.count(".blk"), stats.objects.blocks);
  EXPECT_LT(local_blocks(*s.machine), store->blocks().size());
  EXPECT_EQ(must_content(*store), s.written);
  EXPECT_TRUE(store->problems().empty());
  store.reset();
  store = s.open();
  EXPECT_EQ(must_content(*store), s.written);
}

TEST(Objects, ANewMachineFindsEverythingInTheBucket) {
  World s(2);
  auto store = s.open();
  s.live(*store, 3 * 24h);
  ASSERT_TRUE(store->upload());
  EXPECT_EQ(store->stats().objects.blocks_waiting, 0u);
  store.reset();
  s.lose_machine();
  store = s.open();
  EXPECT_EQ(must_content(*store), s.written);
  // It goes on from there, with numbers of its own, and keeps what it took over.
  s.live(*store, 1 * 24h);
  store.reset();
  store = s.open();
  EXPECT_EQ(must_content(*store), s.written);
  s.settle();
  EXPECT_EQ(must_content(*store), s.written);
}

TEST(Objects, WithoutTheBucketANewMachineSaysSoInsteadOfAnsweringLess) {
  World s(3);
  auto store = s.open();
  s.live(*store, 24h);
  ASSERT_TRUE(store->upload());
  store.reset();
  s.lose_machine();
  s.bucket.away = true;
  store = s.open();
  const auto refused = content_of(*store);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kUnavailable);
  EXPECT_NE(refused.error().message().find("folder /cold"), std::string::npos);
  EXPECT_FALSE(store->label_names({}, 0, s.machine->now()));
  EXPECT_FALSE(store->problems().empty());
  // What is written from now on is answered.
  const Timestamp t = s.machine->now() + 1;
  ASSERT_TRUE(put(*store, {{"__name__", "new"}}, t, 1));
  const auto fresh = content_of(*store, t, t);
  ASSERT_TRUE(fresh) << fresh.error().message();
  EXPECT_EQ(fresh->size(), 1u);
  s.bucket.away = false;
  s.settle();
  Content all = s.written;
  all[Labels{{"__name__", "new"}}.text()][t] = std::bit_cast<std::uint64_t>(1.0);
  EXPECT_EQ(must_content(*store), all);
  EXPECT_TRUE(store->problems().empty());
}

TEST(Objects, AnOutageStopsNeitherWritesNorWhatTheDiskHolds) {
  World s(4);
  auto store = s.open();
  s.live(*store, 5 * 24h);
  s.settle();
  const Timestamp before = s.machine->now();
  store.reset();
  store = s.open();  // nothing is cached in memory
  s.bucket.away = true;
  s.live(*store, 24h);
  const StoreStats stats = store->stats();
  EXPECT_FALSE(stats.objects.reachable);
  EXPECT_GT(stats.objects.blocks_waiting, 3u);
  EXPECT_GT(stats.objects.failures, 0u);
  EXPECT_LT(stats.objects.failures, 24u * 60);  // it waits longer each time
  ASSERT_EQ(store->problems().size(), 1u);
  EXPECT_NE(store->problems()[0].find("folder /cold"), std::string::npos) << store->problems()[0];
  const auto recent = content_of(*store, before);
  ASSERT_TRUE(recent) << recent.error().message();
  EXPECT_EQ(recent->size(), kHosts);
  const auto old = content_of(*store, 0, before - 4 * kDayMs);
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code(), Code::kUnavailable);
  EXPECT_NE(old.error().message().find("nobody answers"), std::string::npos);
  s.bucket.away = false;
  s.settle();
  EXPECT_TRUE(store->stats().objects.reachable);
  EXPECT_EQ(store->stats().objects.blocks_waiting, 0u);
  EXPECT_TRUE(store->problems().empty());
  EXPECT_EQ(must_content(*store), s.written);
}

TEST(Objects, AQueryReadsOnlyWhatItNeedsAndNotTwice) {
  World s(5);
  auto store = s.open();
  s.live(*store, 6 * 24h);
  s.settle();
  store.reset();
  store = s.open();
  s.bucket.block_reads = s.bucket.bytes_read = 0;
  const Timestamp newest = s.machine->now();
  ASSERT_TRUE(content_of(*store, newest - kDayMs));
  EXPECT_EQ(s.bucket.block_reads, 0u);
  ASSERT_TRUE(content_of(*store, 0, newest - 5 * kDayMs));
  const std::size_t reads = s.bucket.block_reads;
  EXPECT_GT(reads, 0u);
  EXPECT_LE(reads, 2 * store->stats().objects.blocks_remote);
  store.reset();
  store = s.open();  // kept pages outlive the process
  ASSERT_TRUE(content_of(*store, 0, newest - 5 * kDayMs));
  EXPECT_EQ(s.bucket.block_reads, reads);
  EXPECT_GT(store->stats().objects.cache_hits, 0u);
}

TEST(Objects, RetentionEmptiesTheBucketToo) {
  World s(6);
  auto store = s.machine->open([&] {
    StoreOptions o = s.options();
    o.retention = 4 * 24h;
    o.local_retention = 24h;
    return o;
  }());
  s.live(*store, 8 * 24h);
  s.settle();
  const Timestamp floor = s.machine->now() - 4 * kDayMs;
  std::size_t live = 0;
  for (const BlockInfo& block : store->blocks()) {
    EXPECT_GE(block.max_time, floor - kDayMs);
    live += block.max_time >= floor;
  }
  EXPECT_GT(live, 0u);
  EXPECT_EQ(s.bucket.count(".manifest"), store->stats().objects.blocks);
  EXPECT_EQ(s.bucket.count(".blk"), store->stats().objects.blocks);
}

TEST(Objects, DeletedSeriesStayDeletedOnTheNextMachine) {
  World s(7);
  auto store = s.open();
  s.live(*store, 4 * 24h);
  ASSERT_TRUE(store->upload());
  s.settle();
  ASSERT_GT(store->stats().objects.blocks_remote, 0u);
  const auto gone = Matcher::make(model::MatchOp::kEqual, "host", "b");
  const Timestamp from = s.machine->now() - 4 * kDayMs;
  ASSERT_TRUE(store->delete_series({{*gone}}, from, s.machine->now()));
  auto& samples = s.written[Labels{{"__name__", "up"}, {"host", "b"}}.text()];
  samples.erase(samples.lower_bound(from), samples.end());
  if (samples.empty()) s.written.erase(Labels{{"__name__", "up"}, {"host", "b"}}.text());
  EXPECT_EQ(must_content(*store), s.written);
  ASSERT_TRUE(store->upload());
  EXPECT_GT(s.bucket.count(".tombstones"), 0u);
  store.reset();
  s.lose_machine();
  store = s.open();
  EXPECT_EQ(must_content(*store), s.written);
}

TEST(Objects, ADeletionThatCannotReachABlockDeletesNothing) {
  World s(12);
  for (std::size_t host = 0; host < kHosts; ++host) {
    // An index that is larger than the end of the block which the manifest holds.
    s.labels[host] = {{"__name__", "up"}, {"host", s.machine->random.hex(400)}};
    s.texts[host] = s.labels[host].text();
  }
  auto store = s.open();
  s.live(*store, 5 * 24h);
  s.settle();
  ASSERT_GT(store->stats().objects.blocks_remote, 0u);
  store.reset();
  store = s.open();
  s.bucket.away = true;
  const auto refused = store->delete_series({{any_name()}}, 0, s.machine->now());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kUnavailable);
  s.bucket.away = false;
  s.settle();
  EXPECT_EQ(must_content(*store), s.written);
}

// The mission's long-term store: two years in the bucket, ninety days on the disk.
TEST(Objects, SamplesOlderThanNinetyDaysAreAnsweredFromTheBucket) {
  World s(13);
  StoreOptions o = s.options();
  o.retention = 2 * 365 * 24h;
  o.local_retention = 90 * 24h;
  auto store = s.machine->open(o);
  std::vector<Column> series(1);
  series[0].labels = std::make_shared<const Labels>(s.labels[0]);
  for (int day = 700; day > 0; --day) {
    for (int quarter = 0; quarter < 4; ++quarter) {
      const Timestamp t = s.machine->now() - day * kDayMs + quarter * 6 * kHourMs;
      series[0].times.push_back(t);
      series[0].values.push_back(day + quarter * 0.25);
      s.written[s.texts[0]][t] = std::bit_cast<std::uint64_t>(series[0].values.back());
    }
  }
  ASSERT_TRUE(store->import(series));
  s.settle(10min);
  EXPECT_GT(store->stats().objects.blocks_remote, 0u);
  ASSERT_TRUE(store->upload());
  const Timestamp floor = s.machine->now() - 90 * kDayMs;
  for (const FileInfo& file : *s.machine->files.list("/data/metrics/blocks")) {
    for (const BlockInfo& block : store->blocks()) {
      if (block.name == file.name) {
        EXPECT_GE(block.max_time, floor);
      }
    }
  }
  EXPECT_EQ(must_content(*store), s.written);
  const auto old =
      content_of(*store, s.machine->now() - 400 * kDayMs, s.machine->now() - 399 * kDayMs);
  ASSERT_TRUE(old) << old.error().message();
  EXPECT_EQ(old->at(s.texts[0]).size(), 4u);
}

TEST(Objects, WhatComesBackWrongIsNotTakenForStored) {
  World s(8);
  auto store = s.open();
  s.bucket.corrupt = true;
  s.live(*store, 12h);
  EXPECT_FALSE(store->upload());
  EXPECT_EQ(s.bucket.count(".manifest"), 0u);
  s.bucket.corrupt = false;
  ASSERT_TRUE(store->upload());
  EXPECT_GT(s.bucket.count(".manifest"), 0u);
  EXPECT_EQ(must_content(*store), s.written);
}

TEST(Objects, ABadFileOnTheDiskIsReplacedByTheBucket) {
  World s(9);
  auto store = s.open();
  s.live(*store, 24h);
  ASSERT_TRUE(store->upload());
  const std::string bad = "/data/metrics/blocks/" + store->blocks().front().name;
  store.reset();
  auto file = s.machine->files.open(bad, OpenMode::kReadWrite);
  ASSERT_TRUE((*file)->write_at((*file)->size().value() - 6, "xx"));
  ASSERT_TRUE((*file)->sync());
  file->reset();
  store = s.open();
  EXPECT_EQ(must_content(*store), s.written);
  EXPECT_EQ(store->problems().size(), 1u);
}

TEST(Objects, AnObjectThatIsGoneIsUploadedAgainOrNamed) {
  World s(10);
  auto store = s.open();
  s.live(*store, 5 * 24h);
  s.settle();
  const std::size_t count = s.bucket.count(".manifest");
  for (const ObjectInfo& object : s.bucket.list("p/").value()) {
    if (object.key.ends_with(".blk")) {
      ASSERT_TRUE(s.bucket.remove(object.key));
    }
  }
  s.settle(2h);
  EXPECT_LT(s.bucket.count(".blk"), count);
  EXPECT_GT(s.bucket.count(".blk"), 0u);  // of those whose file is here
  EXPECT_FALSE(store->problems().empty());
  EXPECT_NE(store->problems()[0].find("is gone"), std::string::npos);
  const auto recent = content_of(*store, s.machine->now() - kDayMs);
  ASSERT_TRUE(recent) << recent.error().message();
}

TEST(Objects, TheDiskHoldsNoMoreThanItMayAndNothingIsLost) {
  World s(11);
  auto store = s.machine->open([&] {
    StoreOptions o = s.options();
    o.local_retention = 0s;
    o.retention_bytes = 20'000;
    return o;
  }());
  s.live(*store, 3 * 24h);
  s.settle();
  EXPECT_LT(local_blocks(*s.machine), store->blocks().size());
  EXPECT_EQ(must_content(*store), s.written);
}

// The power goes at each of many calls to the bucket, while a backlog goes up, is merged and leaves the
// disk; whatever was under way, the next start answers all, and so does the next machine.
TEST(Objects, ACrashAtAnyCallLosesNothingAndDoublesNothing) {
  int crashes = 0;
  for (int at = 0;; ++at) {
    SCOPED_TRACE(at);
    World s(20);
    auto store = s.open();
    s.live(*store, 20h);
    s.bucket.away = true;
    s.live(*store, 8h);
    s.bucket.away = false;
    s.bucket.calls = 0;
    s.bucket.fail_at = at;
    s.bucket.at_failure = [&] { s.machine->files.crash(); };
    for (int minute = 0; minute < 60 && !s.bucket.away; ++minute) s.machine->executor.run_for(1min);
    if (!s.bucket.away) s.machine->clock.step_wall(2 * 24h);
    for (int minute = 0; minute < 60 && !s.bucket.away; ++minute) s.machine->executor.run_for(1min);
    const bool crashed = s.bucket.away;
    crashes += crashed;
    store.reset();
    s.bucket.fail_at = -1;
    s.bucket.away = false;
    store = s.open();
    ASSERT_TRUE(store);
    EXPECT_EQ(must_content(*store), s.written);
    s.settle(2h);
    EXPECT_EQ(must_content(*store), s.written);
    EXPECT_TRUE(store->problems().empty()) << store->problems()[0];
    ASSERT_TRUE(store->upload());
    store.reset();
    s.lose_machine();
    store = s.open();
    EXPECT_EQ(must_content(*store), s.written);
    std::uint64_t samples = 0;
    for (const BlockInfo& block : store->blocks()) samples += block.samples;
    EXPECT_EQ(samples, s.written.size() * s.written.begin()->second.size());  // each in one block
    if (!crashed) break;
  }
  EXPECT_GT(crashes, 10);
}

TEST(ObjectRecords, AreReadBackAndDamageIsSeen) {
  Record record;
  record.state = ObjectState::kRemote;
  record.heir = "0000000007.blk";
  record.tombstones_crc = 77;
  record.manifest = {"0000000001-00ff", 1000,   0x1234567890abcdefULL,
                     "HFBLK02\n",       "tail", {"0000000002-aa", "0000000003-bb"}};
  const std::string bytes = encode_record(record);
  const auto back = decode_record(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, record);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 0x20);
    EXPECT_FALSE(decode_record(bad)) << i;
    EXPECT_FALSE(decode_record(bytes.substr(0, i))) << i;
  }
  for (const char* id : {"", "../x", "a/b", "A", "a.blk"}) EXPECT_FALSE(is_object_id(id)) << id;
}

}  // namespace
}  // namespace holdfast::metrics
