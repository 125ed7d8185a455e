// What the store does beyond taking and giving back samples: late samples, merges, deletion, limits.
#include "metrics/fixture.h"

namespace holdfast::metrics {
namespace {

const Labels kA{{"__name__", "up"}, {"instance", "a"}};
const Labels kB{{"__name__", "up"}, {"instance", "b"}};

std::size_t count_of(const Content& content) {
  std::size_t count = 0;
  for (const auto& [series, samples] : content) count += samples.size();
  return count;
}

TEST(LateSamples, AreTakenWithinTheWindowAndReadInOrder) {
  Machine m(1);
  StoreOptions options = m.options();
  options.out_of_order_window = 1h;
  Content want;
  const Timestamp t = m.now();
  {
    auto store = m.open(options);
    const auto add = [&](Timestamp at, double value) {
      const auto put_result = put(*store, kA, at, value);
      ASSERT_TRUE(put_result);
      ASSERT_EQ(put_result->appended, 1U) << put_result->first_error;
      want[kA.text()][at] = std::bit_cast<std::uint64_t>(value);
    };
    add(t, 1);
    add(t + 60'000, 2);
    add(t + 30'000, 3);
    EXPECT_EQ(must_content(*store), want);
    ASSERT_TRUE(store->flush());
    EXPECT_EQ(must_content(*store), want);
    add(t + 45'000, 4);  // older than what was flushed
    add(t + 90'000, 5);
    EXPECT_EQ(must_content(*store), want);
    const auto too_old = put(*store, kA, t - to_ms(Duration(2h)), 6);
    ASSERT_TRUE(too_old);
    EXPECT_EQ(too_old->too_old, 1U);
  }
  auto store = m.open(options);  // from the log
  EXPECT_EQ(must_content(*store), want);
  ASSERT_TRUE(store->flush());
  EXPECT_GT(store->blocks().size(), 1U);
  EXPECT_EQ(must_content(*store), want);
  ASSERT_TRUE(store->compact());
  EXPECT_EQ(store->blocks().size(), 1U);
  EXPECT_EQ(must_content(*store), want);
}

TEST(Compaction, LeavesEverySampleAndSurvivesItsOwnCrash) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Machine m(seed);
    SeededRandom random(seed);
    Content want;
    {
      auto store = m.open();
      Timestamp t = m.now();
      for (int block = 0; block < 4; ++block) {
        for (int i = 0; i < 30; ++i) {
          t += 1000;
          for (const Labels& labels : {kA, kB}) {
            if (random.chance(0.3)) continue;
            const double value = static_cast<double>(random.below(100)) / 10;
            ASSERT_TRUE(put(*store, labels, t, value));
            want[labels.text()][t] = std::bit_cast<std::uint64_t>(value);
          }
        }
        ASSERT_TRUE(store->flush());
      }
      ASSERT_EQ(store->blocks().size(), 4U);
      if (random.chance(0.7)) m.files.set_failing(0.02);
      (void)store->compact();  // may fail anywhere
      m.files.set_failing(0);
      EXPECT_EQ(must_content(*store), want) << seed;
      m.files.crash();
    }
    auto store = m.open();
    EXPECT_EQ(must_content(*store), want) << seed;
    ASSERT_TRUE(store->compact());
    EXPECT_EQ(store->blocks().size(), 1U) << seed;
    EXPECT_EQ(must_content(*store), want) << seed;
  }
}

TEST(Deletion, HidesAtOnceAndForGood) {
  Machine m(1);
  const Timestamp t = m.now();
  {
    auto store = m.open();
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(put(*store, kA, t + i * 1000, i));
      ASSERT_TRUE(put(*store, kB, t + i * 1000, i));
    }
    ASSERT_TRUE(store->delete_series({{Matcher::equal("instance", "a")}}, t + 2000, t + 5000));
    EXPECT_EQ(must_content(*store)[kA.text()].size(), 6U);
    EXPECT_EQ(must_content(*store)[kB.text()].size(), 10U);
    ASSERT_TRUE(store->delete_series({{Matcher::equal("instance", "b")}}, 0, model::kTimestampMax));
  }
  auto store = m.open();
  EXPECT_EQ(count_of(must_content(*store)), 6U);
  const std::uint64_t before = store->blocks()[0].samples;
  ASSERT_TRUE(store->compact());
  ASSERT_EQ(store->blocks().size(), 1U);
  EXPECT_EQ(store->blocks()[0].samples, before - 14);
  EXPECT_EQ(count_of(must_content(*store)), 6U);
}

TEST(Snapshot, OpensAsAStoreOfItsOwn) {
  Machine m(1);
  auto store = m.open();
  ASSERT_TRUE(put(*store, kA, m.now(), 1));
  const auto name = store->snapshot();
  ASSERT_TRUE(name) << name.error().message();
  ASSERT_TRUE(put(*store, kA, m.now() + 1000, 2));  // not in it
  StoreOptions options = m.options();
  options.directory += "/snapshots/" + *name;
  EXPECT_EQ(count_of(must_content(*m.open(options))), 1U);
}

TEST(Import, WritesBlocksThatReadersSee) {
  Machine m(1);
  auto store = m.open();
  const Timestamp day = 24 * 3600 * 1000;
  const Timestamp t = m.now() - 5 * day;
  Column column{std::make_shared<const Labels>(kA), {t, t + day, t + 2 * day}, {1, 2, 3}, {}};
  ASSERT_TRUE(store->import({&column, 1}));
  EXPECT_EQ(count_of(must_content(*store)), 3U);
  EXPECT_EQ(store->blocks().size(), 3U);  // by days
  column.times[1] = t;
  const auto refused = store->import({&column, 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kInvalid);
  column.times[1] = t + day;
  m.files.set_capacity(m.files.used() +
                       store->blocks()[0].bytes * 3 / 2);  // a day fits, three do not
  EXPECT_FALSE(store->import({&column, 1}));
  m.files.set_capacity(std::uint64_t{1} << 30);
  store.reset();
  EXPECT_EQ(m.open()->blocks().size(), 3U);  // nothing of what was refused
}

TEST(Limits, NameTheLimitAndTheSeriesTheyRefuse) {
  Machine m(1);
  struct Case {
    SeriesLimits limits;
    const char* want;
  };
  SeriesLimits per_metric, labels, value, per_label, tenant;
  per_metric.per_metric = 1;
  labels.labels_per_series = 1;
  value.label_value_size = 1;
  per_label.per_label = {{"instance", 1}};
  tenant.tenant_label = "__name__";
  tenant.per_tenant = 1;
  const Case cases[] = {
      {per_metric, "the number of series of metric up is over the limit of 1"},
      {labels, "its number of labels is over the limit of 1"},
      {value, "the size of the value of label __name__ is over the limit of 1"},
      {per_label, "the number of values of label instance is over the limit of 1"},
      {tenant, "the number of series of tenant \"up\" is over the limit of 1"}};
  for (const Case& c : cases) {
    ASSERT_TRUE(m.files.remove_all("/data/metrics"));
    auto store = m.open();
    ASSERT_TRUE(put(*store, kA, m.now(), 1));
    store->set_limits(c.limits);
    const auto refused = put(*store, kB, m.now(), 1);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->over_limit, 1U) << c.want;
    EXPECT_NE(refused->first_error.find(c.want), std::string::npos) << refused->first_error;
    EXPECT_EQ(put(*store, kA, m.now() + 1, 1)->appended, 1U);  // what is known goes on
  }
}

TEST(FlatBatch, MeetsTheSeriesThatOtherAppendsMade) {
  Machine m(1);
  auto store = m.open();
  ASSERT_TRUE(put(*store, kA, m.now(), 1));
  FlatBatch batch;
  batch.labels_of = [](std::string_view) -> Result<Labels> { return kB; };
  const auto add = [&](const Labels& labels, Timestamp t, double value) {
    std::string canonical;
    for (const model::Label& label : labels)
      canonical += label.name + '\xff' + label.value + '\xff';
    batch.series.push_back(
        {fingerprint(canonical), {}, static_cast<std::uint32_t>(batch.samples.size()), 1});
    batch.samples.push_back({t, value});
  };
  add(kA, m.now() + 1000, 2);
  add(kB, m.now() + 1000, 3);
  add(kA, m.now(), 9);  // another value at a time that is taken
  const auto result = store->append(batch);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->appended, 2U);
  EXPECT_EQ(result->rejected(), 1U);
  EXPECT_EQ(store->stats().series, 2U);
  EXPECT_EQ(must_content(*store)[kA.text()].size(), 2U);
  EXPECT_EQ(must_content(*store)[kB.text()].size(), 1U);
}

TEST(Exemplars, SurviveAFlushAndARestart) {
  Machine m(1);
  const Exemplar exemplar{Labels{{"trace_id", "abc"}}, m.now(), 0.25};
  {
    auto store = m.open();
    ASSERT_TRUE(store->append_exemplars(kA, {&exemplar, 1}));
    ASSERT_TRUE(store->append_exemplars(kA, {&exemplar, 1}));  // shown again by the next scrape
    ASSERT_TRUE(store->flush());
  }
  auto store = m.open();
  const auto found = store->exemplars({{Matcher::equal("instance", "a")}}, 0, model::kTimestampMax);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].series, kA);
  ASSERT_EQ(found[0].exemplars.size(), 1U);
  EXPECT_EQ(found[0].exemplars[0], exemplar);
  EXPECT_TRUE(
      store->exemplars({{Matcher::equal("instance", "b")}}, 0, model::kTimestampMax).empty());
}

TEST(Times, AreSharedBySeriesOfOneScrape) {
  Machine m(1);
  auto store = m.open();
  for (int i = 0; i < 40; ++i) {
    const SampleIn batch[] = {{SeriesRef::kNone, &kA, {m.now() + i * 1000, 1.0 * i, nullptr}},
                              {SeriesRef::kNone, &kB, {m.now() + i * 1000, 2.0 * i, nullptr}}};
    ASSERT_TRUE(store->append(batch));
  }
  for (int round = 0; round < 2; ++round) {
    SelectRequest request;
    request.matchers = {any_name()};
    const auto selection = store->find(request);
    ASSERT_TRUE(selection);
    ASSERT_EQ((*selection)->size(), 2U);
    const auto cursor = (*selection)->cursor();
    SeriesData first, second;
    ASSERT_TRUE(cursor->read(0, first));
    ASSERT_TRUE(cursor->read(1, second));
    EXPECT_EQ(first.times.get(), second.times.get()) << (round == 0 ? "head" : "block");
    ASSERT_TRUE(store->flush());
  }
}

}  // namespace
}  // namespace holdfast::metrics
