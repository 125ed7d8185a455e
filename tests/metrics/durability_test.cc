#include <atomic>
#include <cstdlib>
#include <thread>

#include "metrics/fixture.h"
#include "metrics/wal.h"

namespace holdfast::metrics {
namespace {

const Labels kA{{"__name__", "up"}, {"instance", "a"}};
const Labels kB{{"__name__", "up"}, {"instance", "b"}};
const std::string kWalFolder = "/data/metrics/wal";

std::vector<std::string> segments(Machine& m) {
  std::vector<std::string> result;
  for (const FileInfo& file : *m.files.list(kWalFolder))
    result.push_back(kWalFolder + "/" + file.name);
  return result;
}

void overwrite(Machine& m, const std::string& path, const std::string& bytes) {
  auto file = m.files.open(path, OpenMode::kCreate);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->append(bytes));
  ASSERT_TRUE((*file)->sync());
}

TEST(WalReplay, KeepsEverythingBeforeATornTailAtEveryByte) {
  Machine m(1);
  const Timestamp t = m.now();
  Content before;
  std::string whole;
  std::size_t last_begins = 0;
  std::string path;
  {
    auto store = m.open();
    ASSERT_TRUE(put(*store, kA, t, 1));
    ASSERT_TRUE(put(*store, kA, t + 1, 2));
    before = must_content(*store);
    path = segments(m).back();
    last_begins = m.files.read_file(path)->size();
    ASSERT_TRUE(put(*store, kB, t + 2, 3));
    whole = *m.files.read_file(path);
  }
  ASSERT_LT(last_begins, whole.size());
  const auto torn_before = probe_hits()["wal: torn tail repaired"];
  for (std::size_t size = last_begins; size < whole.size(); ++size) {
    ASSERT_TRUE(m.files.remove_all("/data/metrics"));
    ASSERT_TRUE(m.files.create_directories(kWalFolder));
    overwrite(m, path, whole.substr(0, size));
    auto store = m.open();
    ASSERT_TRUE(store);
    EXPECT_EQ(must_content(*store), before) << size;
    EXPECT_TRUE(store->problems().empty());
    ASSERT_TRUE(put(*store, kB, t + 5, 4));
    store.reset();
    EXPECT_EQ(must_content(*m.open()).at(kB.text()).size(), 1U) << size;
  }
  EXPECT_GT(probe_hits()["wal: torn tail repaired"], torn_before);
}

TEST(WalReplay, FlippedBitsNeverYieldAnotherAnswer) {
  Machine m(2);
  const Timestamp t = m.now();
  std::string path;
  Content all;
  {
    auto store = m.open();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(put(*store, i % 2 ? kA : kB, t + i, i));
    all = must_content(*store);
    path = segments(m).back();
  }
  const std::string whole = *m.files.read_file(path);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    ASSERT_TRUE(m.files.remove_all("/data/metrics"));
    ASSERT_TRUE(m.files.create_directories(kWalFolder));
    std::string bad = whole;
    bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
    overwrite(m, path, bad);
    auto store = m.open();
    ASSERT_TRUE(store) << at;
    for (const auto& [series, samples] : must_content(*store)) {
      for (const auto& [time, bits] : samples) EXPECT_EQ(all.at(series).at(time), bits) << at;
    }
  }
}

TEST(WalReplay, SetsACorruptMiddleSegmentAsideAndServesTheRest) {
  Machine m(1);
  StoreOptions options = m.options();
  options.wal_segment_size_max = 40;  // a segment for each batch
  const Timestamp t = m.now();
  {
    auto store = m.open(options);
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(put(*store, kA, t + i, i));
  }
  const auto names = segments(m);
  ASSERT_GT(names.size(), 4U);
  std::string bytes = *m.files.read_file(names[2]);
  bytes[bytes.size() - 6] = static_cast<char>(bytes[bytes.size() - 6] ^ 0x40);
  overwrite(m, names[2], bytes);
  auto store = m.open(options);
  const Content content = must_content(*store);
  ASSERT_EQ(store->problems().size(), 1U);
  EXPECT_NE(store->problems()[0].find(names[2]), std::string::npos);
  EXPECT_TRUE(m.files.exists(names[2] + ".corrupt"));
  EXPECT_GE(content.at(kA.text()).size(), 4U);
  EXPECT_LT(content.at(kA.text()).size(), 6U);
  EXPECT_TRUE(content.at(kA.text()).contains(t + 5));
  store.reset();
  store = m.open(options);  // what was saved of it stays, and the loss is not told twice
  EXPECT_EQ(must_content(*store), content);
  EXPECT_TRUE(store->problems().empty());
}

TEST(Blocks, ACorruptBlockIsSetAsideAndNamedAndTheRestServed) {
  for (const std::size_t from_end : {std::size_t{5}, std::size_t{100}, std::size_t{0}}) {
    Machine m(1);
    const Timestamp t = m.now();
    auto store = m.open();
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(put(*store, kA, t + i, i * 0.37));
    ASSERT_TRUE(store->flush());
    ASSERT_TRUE(put(*store, kA, t + 1000, 7));
    ASSERT_TRUE(store->flush());
    store.reset();
    const std::string path =
        "/data/metrics/blocks/" + m.files.list("/data/metrics/blocks")->front().name;
    std::string bytes = *m.files.read_file(path);
    const std::size_t at = from_end == 0 ? 20 : bytes.size() - from_end;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    overwrite(m, path, bytes);
    store = m.open();
    ASSERT_TRUE(store);
    const Content content = must_content(*store);
    EXPECT_EQ(content.at(kA.text()).size(), 1U) << from_end;
    ASSERT_EQ(store->problems().size(), 1U) << from_end;
    EXPECT_NE(store->problems()[0].find(path), std::string::npos);
    EXPECT_TRUE(m.files.exists(path + ".corrupt"));
    EXPECT_EQ(put(*store, kA, t + 2000, 1)->appended, 1U);
  }
}

TEST(FullDisk, RefusesTheWholeBatchUnseenAndRecovers) {
  Machine m(1);
  auto store = m.open();
  const Timestamp t = m.now();
  ASSERT_TRUE(put(*store, kA, t, 1));
  const Content before = must_content(*store);
  m.files.set_full(true);
  const std::vector<SampleIn> batch = {{SeriesRef::kNone, &kA, {t + 1, 1, nullptr}},
                                       {SeriesRef::kNone, &kB, {t + 1, 1, nullptr}}};
  for (int i = 0; i < 3; ++i) {
    const auto refused = store->append(batch);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::kExhausted) << refused.error().message();
    EXPECT_EQ(must_content(*store), before);
  }
  EXPECT_FALSE(store->flush());
  EXPECT_EQ(must_content(*store), before);
  m.files.set_full(false);
  ASSERT_EQ(store->append(batch)->appended, 2U);
  const Content after = must_content(*store);
  EXPECT_EQ(after.size(), 2U);
  store.reset();
  store = m.open();
  EXPECT_EQ(must_content(*store), after);
}

TEST(FullDisk, APartlyWrittenRecordIsTakenBack) {
  for (std::uint64_t spare = 0; spare < 60; ++spare) {
    Machine m(spare + 1);
    auto store = m.open();
    const Timestamp t = m.now();
    ASSERT_TRUE(put(*store, kA, t, 1));
    m.files.set_capacity(m.files.used() + spare);
    const auto tight = put(*store, kB, t + 1, 2);
    m.files.set_capacity(1 << 30);
    ASSERT_TRUE(put(*store, kA, t + 2, 3));
    const Content want = must_content(*store);
    EXPECT_EQ(want.contains(kB.text()), tight.has_value());
    store.reset();
    store = m.open();
    EXPECT_EQ(must_content(*store), want) << spare;
    EXPECT_TRUE(store->problems().empty());
  }
}

TEST(FullDisk, AStartStillServesWhatIsThere) {
  Machine m(1);
  auto store = m.open();
  ASSERT_TRUE(put(*store, kA, m.now(), 1));
  const Content want = must_content(*store);
  store.reset();
  m.files.set_full(true);
  store = m.open();
  ASSERT_TRUE(store);
  EXPECT_EQ(must_content(*store), want);
  EXPECT_EQ(put(*store, kA, m.now() + 1, 1).error().code(), Code::kExhausted);
  m.files.set_full(false);
  EXPECT_EQ(put(*store, kA, m.now() + 1, 1)->appended, 1U);
}

// One life of a store on a machine that loses power: everything synced must be there after it,
// everything there must have been appended, with exactly its bits.
class CrashStory {
 public:
  explicit CrashStory(std::uint64_t seed) : m_(seed), random_(seed * 7919) {
    for (int i = 0; i < 12; ++i)
      series_.push_back({{"__name__", "m" + std::to_string(i % 3)}, {"id", std::to_string(i)}});
    options_ = m_.options();
    options_.wal_segment_size_max = 200 + random_.below(3000);
    if (random_.chance(0.5)) options_.out_of_order_window = 1h;
  }

  void run() {
    t_ = m_.now();
    for (int life = 0; life < 4 && !testing::Test::HasFailure(); ++life) {
      auto store = m_.open(options_);
      ASSERT_TRUE(store);
      check(must_content(*store));
      live(*store);
      m_.files.crash();
      store.reset();
      m_.executor.clear();
    }
    auto store = m_.open(options_);
    ASSERT_TRUE(store);
    check(must_content(*store));
  }

 private:
  void live(Store& store) {
    const std::uint64_t steps = 5 + random_.below(60);
    for (std::uint64_t step = 0; step < steps; ++step) {
      append(store);
      if (random_.chance(0.1) && store.sync()) synced_ = written_;
      if (random_.chance(0.04) && store.flush()) synced_ = written_;
      if (random_.chance(0.02)) {
        ASSERT_TRUE(store.compact());
      }
    }
  }

  void append(Store& store) {
    t_ += static_cast<Timestamp>(1 + random_.below(20000));
    std::vector<SampleIn> batch;
    struct Bits {
      std::string series;
      Timestamp t;
      std::uint64_t value;
    };
    std::vector<Bits> bits;
    for (const Labels& labels : series_) {
      if (!random_.chance(0.5)) continue;
      const double value = random_.chance(0.1) ? model::stale_marker() : random_.unit();
      batch.push_back({SeriesRef::kNone, &labels, {time_for(labels), value, nullptr}});
      bits.push_back({labels.text(), batch.back().sample.t, std::bit_cast<std::uint64_t>(value)});
    }
    const auto result = store.append(batch);
    ASSERT_TRUE(result);
    ASSERT_EQ(result->rejected(), 0U) << result->first_error;
    for (const Bits& bit : bits) written_[bit.series][bit.t] = bit.value;
  }

  // Now, or somewhat late at a time that is still free.
  Timestamp time_for(const Labels& labels) {
    if (options_.out_of_order_window == 0s || !random_.chance(0.2)) return t_;
    const Timestamp late = t_ - static_cast<Timestamp>(random_.below(600'000));
    return written_[labels.text()].contains(late) ? t_ : late;
  }

  void check(const Content& found) {
    for (const auto& [series, samples] : synced_) {
      for (const auto& [t, bits] : samples) {
        ASSERT_TRUE(found.contains(series) && found.at(series).contains(t))
            << series << " lost " << t;
      }
    }
    for (const auto& [series, samples] : found) {
      for (const auto& [t, bits] : samples) {
        ASSERT_TRUE(written_[series].contains(t)) << series << " never had " << t;
        ASSERT_EQ(written_[series][t], bits) << series << " " << t;
      }
    }
    written_ = found;
    synced_ = found;  // a crash leaves nothing unsynced behind: what it left is on the disk
  }

  Machine m_;
  SeededRandom random_;
  StoreOptions options_;
  std::vector<Labels> series_;
  Timestamp t_ = 0;
  Content written_;
  Content synced_;
};

// HOLDFAST_SEEDS=1000 is the long form.
TEST(PowerLoss, KeepsWhatWasSyncedAndInventsNothing) {
  const char* seeds = std::getenv("HOLDFAST_SEEDS");
  const std::uint64_t count = seeds ? std::strtoull(seeds, nullptr, 10) : 200;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CrashStory(seed).run();
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

TEST(PowerLoss, TheBackgroundJobSyncsWithinTheDeclaredInterval) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Machine m(seed);
    auto store = m.open();
    const Timestamp t = m.now();
    ASSERT_TRUE(put(*store, kA, t, 1));
    m.executor.run_for(1s);
    m.files.crash();
    store.reset();
    m.executor.clear();
    store = m.open();
    EXPECT_EQ(must_content(*store)[kA.text()].size(), 1U) << seed;
  }
}

TEST(Kill, KeepsEveryAcknowledgedSampleWithoutASync) {
  Machine m(1);
  auto store = m.open();
  const Timestamp t = m.now();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(put(*store, kA, t + i, i));
  // A second store sees what the kernel holds, as after kill -9 of the first, which never closes.
  auto after = m.open();
  EXPECT_EQ(must_content(*after), must_content(*store));
}

TEST(FailingDisk, NeverAnswersWrongOn60Seeds) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Machine m(seed);
    auto store = m.open();
    const Timestamp t = m.now();
    Content acknowledged;
    m.files.set_failing(0.1);
    for (int i = 0; i < 80; ++i) {
      const double value = i * 0.5;
      const auto result = put(*store, i % 3 ? kA : kB, t + i, value);
      if (result)
        acknowledged[(i % 3 ? kA : kB).text()][t + i] = std::bit_cast<std::uint64_t>(value);
      if (i % 20 == 19) (void)store->flush();
    }
    m.files.set_failing(0);
    ASSERT_EQ(must_content(*store), acknowledged);
    ASSERT_TRUE(store->flush());
    ASSERT_EQ(must_content(*store), acknowledged);
    store.reset();
    store = m.open();
    ASSERT_EQ(must_content(*store), acknowledged);
  }
}

TEST(Concurrency, ReadersSeeEverySampleAcknowledgedBeforeTheyAsked) {
  Machine m(1);
  PosixFileSystem files;
  SystemClock clock;
  ThreadExecutor executor(2);
  Env env{clock, m.random, files, m.env.transport, executor};
  StoreOptions options;
  options.directory = testing::TempDir() + "holdfast_metrics_" + std::to_string(to_ms(clock.now()));
  options.sync_interval = 10ms;
  options.wal_segment_size_max = 16 * 1024;
  auto opened = Store::open(env, options);
  ASSERT_TRUE(opened) << opened.error().message();
  auto store = std::move(*opened);
  constexpr int kSteps = 20000;
  const Timestamp t = to_ms(clock.now());
  std::atomic<int> done{-1};
  std::atomic<bool> stop{false};
  const auto write = [&](const Labels& labels, bool counts) {
    for (int i = 0; i < kSteps; ++i) {
      const auto result = put(*store, labels, t + i, i);
      ASSERT_TRUE(result);
      ASSERT_EQ(result->appended, 1U);
      if (counts) done.store(i);
    }
  };
  const auto read = [&] {
    SelectRequest request;
    request.matchers = {Matcher::equal("instance", "a")};
    while (!stop.load()) {
      const int seen = done.load();
      const auto columns = store->select(request);
      ASSERT_TRUE(columns) << columns.error().message();
      const int count = columns->empty() ? 0 : static_cast<int>((*columns)[0].times.size());
      ASSERT_GE(count, seen + 1);
      (void)store->stats();
      (void)store->label_values("instance", {}, t, t + 10);
    }
  };
  const auto flush = [&] {
    while (!stop.load()) ASSERT_TRUE(store->flush());
  };
  std::thread reader(read);
  std::thread flusher(flush);
  std::thread other([&] { write(kB, false); });
  write(kA, true);
  other.join();
  stop.store(true);
  reader.join();
  flusher.join();
  const Content want = must_content(*store);
  EXPECT_EQ(want.at(kA.text()).size(), static_cast<std::size_t>(kSteps));
  EXPECT_EQ(want.at(kB.text()).size(), static_cast<std::size_t>(kSteps));
  store.reset();
  executor.stop();
  EXPECT_TRUE(files.remove_all(options.directory));
}

}  // namespace
}  // namespace holdfast::metrics
