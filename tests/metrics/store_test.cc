#include "metrics/store.h"

#include <cmath>

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

TEST(Store, AnswersWhatWasAppendedInOrderOfLabels) {
  Machine m(1);
  auto store = m.open();
  const Timestamp t = m.now();
  ASSERT_TRUE(put(*store, kB, t, 2));
  ASSERT_TRUE(put(*store, kA, t, 1));
  ASSERT_TRUE(put(*store, kA, t + 1000, 1.5));
  SelectRequest request;
  request.matchers = {Matcher::equal("__name__", "up")};
  request.from = t;
  request.to = t + 1000;
  const auto columns = store->select(request);
  ASSERT_TRUE(columns);
  ASSERT_EQ(columns->size(), 2U);
  EXPECT_EQ(*(*columns)[0].labels, kA);
  EXPECT_EQ((*columns)[0].times, (std::vector<Timestamp>{t, t + 1000}));
  EXPECT_EQ((*columns)[0].values, (std::vector<double>{1, 1.5}));
  EXPECT_TRUE((*columns)[0].histograms.empty());
  EXPECT_EQ(*(*columns)[1].labels, kB);
  EXPECT_EQ((*columns)[1].values, (std::vector<double>{2}));
}

TEST(Store, KeepsTheStalenessMarkerToTheBit) {
  Machine m(1);
  auto store = m.open();
  const Timestamp t = m.now();
  ASSERT_TRUE(put(*store, kA, t, model::stale_marker()));
  ASSERT_TRUE(put(*store, kA, t + 1, std::bit_cast<double>(model::kNormalNanBits)));
  ASSERT_TRUE(store->flush());
  const Content content = must_content(*store);
  EXPECT_EQ(content.at(kA.text()).at(t), model::kStaleBits);
  EXPECT_EQ(content.at(kA.text()).at(t + 1), model::kNormalNanBits);
}

TEST(Store, JudgesEachSampleAloneAndCountsWhy) {
  Machine m(1);
  auto store = m.open();
  const Timestamp t = m.now();
  ASSERT_TRUE(put(*store, kA, t, 1));
  struct Case {
    const char* name;
    Timestamp t;
    double value;
    std::size_t appended, too_old, out_of_order, duplicate;
  };
  const Case cases[] = {
      {"newer", t + 10, 2, 1, 0, 0, 0},
      {"the same again", t + 10, 2, 1, 0, 0, 0},
      {"another value at the same time", t + 10, 3, 0, 0, 0, 1},
      {"older than the newest", t + 5, 3, 0, 0, 1, 0},
      {"older than retention", t - to_ms(Duration(16 * 24h)), 3, 0, 1, 0, 0},
      {"beyond all time", model::kTimestampMax + 1, 3, 0, 0, 1, 0},
      {"stale after all that", t + 11, model::stale_marker(), 1, 0, 0, 0},
  };
  for (const Case& c : cases) {
    const auto result = put(*store, kA, c.t, c.value);
    ASSERT_TRUE(result) << c.name;
    EXPECT_EQ(result->appended, c.appended) << c.name;
    EXPECT_EQ(result->too_old, c.too_old) << c.name;
    EXPECT_EQ(result->out_of_order, c.out_of_order) << c.name;
    EXPECT_EQ(result->duplicate, c.duplicate) << c.name;
    EXPECT_EQ(result->first_error.empty(), result->rejected() == 0)
        << c.name << result->first_error;
  }
  EXPECT_EQ(count_of(must_content(*store)), 3U);
  EXPECT_EQ(store->stats().samples_rejected, 4U);
}

TEST(Store, JudgesASampleAgainstOthersOfItsBatch) {
  Machine m(1);
  auto store = m.open();
  const Timestamp t = m.now();
  const std::vector<SampleIn> batch = {
      {SeriesRef::kNone, &kA, {t, 1, nullptr}},     {SeriesRef::kNone, &kA, {t + 2, 2, nullptr}},
      {SeriesRef::kNone, &kA, {t + 1, 3, nullptr}}, {SeriesRef::kNone, &kA, {t + 2, 9, nullptr}},
      {SeriesRef::kNone, &kA, {t + 2, 2, nullptr}}, {SeriesRef::kNone, &kB, {t, 4, nullptr}}};
  const auto result = store->append(batch);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->appended, 4U);
  EXPECT_EQ(result->out_of_order, 1U);
  EXPECT_EQ(result->duplicate, 1U);
  EXPECT_EQ(count_of(must_content(*store)), 3U);
  store.reset();
  EXPECT_EQ(count_of(must_content(*m.open())), 3U);
}

TEST(Store, TakesSamplesByRefAndSaysWhenItKnowsNone) {
  Machine m(1);
  auto store = m.open();
  const Timestamp t = m.now();
  const auto first = put(*store, kA, t, 1);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->refs.size(), 1U);
  const SampleIn known{first->refs[0], nullptr, {t + 1, 2, nullptr}};
  EXPECT_EQ(store->append({&known, 1})->appended, 1U);
  const SampleIn unknown{static_cast<SeriesRef>(0x7700000123ULL), nullptr, {t + 1, 2, nullptr}};
  const auto refused = store->append({&unknown, 1});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->unknown_series, 1U);
  const SampleIn stale_ref{static_cast<SeriesRef>(0x7700000123ULL), &kB, {t + 1, 2, nullptr}};
  EXPECT_EQ(store->append({&stale_ref, 1})->appended, 1U);
}

TEST(Store, HoldsTheSeriesLimit) {
  Machine m(1);
  StoreOptions options = m.options();
  options.series_count_max = 1;
  auto store = m.open(options);
  ASSERT_TRUE(put(*store, kA, m.now(), 1));
  const auto result = put(*store, kB, m.now(), 1);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->over_limit, 1U);
  EXPECT_NE(result->first_error.find("limit"), std::string::npos);
  EXPECT_EQ(put(*store, kA, m.now() + 1, 2)->appended, 1U);
}

TEST(Store, AFloatAndAHistogramOfOneBatchAreReplayedInOrder) {
  Machine m(1);
  const Timestamp t = m.now();
  model::Histogram h;
  h.count = 3;
  h.sum = 4.5;
  h.positive_spans = {{0, 2}};
  h.positive_buckets = {1, 2};
  const auto histogram = std::make_shared<const model::Histogram>(h);
  auto store = m.open();
  const std::vector<SampleIn> batch = {
      {SeriesRef::kNone, &kA, {t, 0, histogram}},
      {SeriesRef::kNone, &kA, {t + 1, model::stale_marker(), nullptr}},
      {SeriesRef::kNone, &kA, {t + 2, 0, histogram}}};
  ASSERT_EQ(store->append(batch)->appended, 3U);
  for (int round = 0; round < 3; ++round) {
    SelectRequest request;
    request.matchers = {any_name()};
    const auto columns = store->select(request);
    ASSERT_TRUE(columns);
    ASSERT_EQ((*columns)[0].times.size(), 3U) << round;
    ASSERT_EQ((*columns)[0].histograms.size(), 3U);
    EXPECT_EQ(*(*columns)[0].histograms[0], h);
    EXPECT_EQ((*columns)[0].histograms[1], nullptr);
    EXPECT_TRUE(model::is_stale((*columns)[0].values[1]));
    EXPECT_EQ(*(*columns)[0].histograms[2], h);
    if (round == 1) {
      ASSERT_TRUE(store->flush());
    }
    store.reset();
    store = m.open();
  }
}

TEST(Store, AnswersLabelsAndSeriesOfTheRange) {
  Machine m(1);
  auto store = m.open();
  const Timestamp t = m.now();
  ASSERT_TRUE(put(*store, kA, t, 1));
  ASSERT_TRUE(put(*store, kA, t + 100, 1));
  ASSERT_TRUE(put(*store, Labels({{"__name__", "down"}, {"zone", "x"}}), t + 1000, 1));
  for (int round = 0; round < 2; ++round) {
    const auto all = model::kTimestampMax;
    EXPECT_EQ(*store->label_names({}, 0, all),
              (std::vector<std::string>{"__name__", "instance", "zone"}));
    EXPECT_EQ(*store->label_names({}, t + 2000, all), std::vector<std::string>{});
    if (round > 0) {  // the head answers as a whole
      EXPECT_EQ(*store->label_names({}, 0, t + 500),
                (std::vector<std::string>{"__name__", "instance"}));
      EXPECT_EQ(*store->label_values("__name__", {}, 0, t + 500), std::vector<std::string>{"up"});
    }
    EXPECT_EQ(*store->label_values("__name__", {}, 0, all),
              (std::vector<std::string>{"down", "up"}));
    EXPECT_EQ(*store->label_values("zone", {{Matcher::equal("__name__", "up")}}, 0, all),
              std::vector<std::string>{});
    EXPECT_EQ(store->series({{Matcher::equal("__name__", "up")}}, 0, all, 0)->size(), 1U);
    EXPECT_EQ(
        store
            ->series({{Matcher::equal("__name__", "up")}, {Matcher::equal("zone", "x")}}, 0, all, 0)
            ->size(),
        2U);
    EXPECT_EQ(store->series({}, 0, all, 1)->size(), 1U);
    // A series is judged by its first and last sample: between two it lives.
    EXPECT_EQ(store->series({{Matcher::equal("__name__", "up")}}, t + 40, t + 60, 0)->size(), 1U);
    EXPECT_EQ(store->series({{Matcher::equal("__name__", "up")}}, t + 200, t + 900, 0)->size(), 0U);
    ASSERT_TRUE(store->flush());
  }
}

TEST(Store, RefusesASelectorThatBindsNothingAndAReadThatIsTooLarge) {
  Machine m(1);
  auto store = m.open();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(put(*store, kA, m.now() + i, i));
  SelectRequest request;
  request.matchers = {*Matcher::make(model::MatchOp::kRegex, "instance", ".*")};
  EXPECT_EQ(store->select(request).error().code(), Code::kInvalid);
  request.matchers = {any_name()};
  request.sample_count_max = 9;
  EXPECT_EQ(store->select(request).error().code(), Code::kTooLarge);
  request.sample_count_max = 10;
  EXPECT_TRUE(store->select(request));
  std::stop_source stop;
  stop.request_stop();
  request.stop = stop.get_token();
  EXPECT_EQ(store->select(request).error().code(), Code::kCanceled);
}

TEST(Store, KeepsMetadataOverRestartAndFlush) {
  Machine m(1);
  auto store = m.open();
  store->set_metadata("up", {"gauge", "whether it is", ""});
  store->set_metadata("http_seconds", {"histogram", "", "seconds"});
  for (int round = 0; round < 4; ++round) {
    const auto all = store->metadata("", 0);
    ASSERT_EQ(all.size(), 2U) << round;
    EXPECT_EQ(all.at("http_seconds")[0].unit, "seconds");
    EXPECT_EQ(store->metadata("up", 0).size(), 1U);
    EXPECT_EQ(store->metadata("", 1).size(), 1U);
    if (round % 2 == 0) {
      ASSERT_TRUE(store->flush());
    }
    store.reset();
    store = m.open();
  }
}

TEST(Store, FlushAndReopenChangeNoAnswer) {
  Machine m(3);
  Content want;
  auto store = m.open();
  SeededRandom random(11);
  Timestamp t = m.now();
  std::vector<Labels> series;
  for (int i = 0; i < 60; ++i)
    series.push_back({{"__name__", "m" + std::to_string(i % 7)}, {"id", std::to_string(i)}});
  for (int step = 0; step < 400; ++step) {
    t += 15000;
    std::vector<SampleIn> batch;
    for (const Labels& labels : series) {
      if (!random.chance(0.9)) continue;
      const double value =
          random.chance(0.02) ? model::stale_marker() : std::floor(random.unit() * 100);
      batch.push_back({SeriesRef::kNone, &labels, {t, value, nullptr}});
      want[labels.text()][t] = std::bit_cast<std::uint64_t>(value);
    }
    ASSERT_EQ(store->append(batch)->rejected(), 0U);
    if (step % 90 == 50) {
      ASSERT_TRUE(store->flush());
    }
    if (step % 130 == 99) {
      store.reset();
      store = m.open();
    }
  }
  EXPECT_EQ(must_content(*store), want);
  const auto part = content_of(*store, t - 100 * 15000, t - 50 * 15000);
  ASSERT_TRUE(part);
  EXPECT_EQ(count_of(*part) / 60, 45U);
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(store->stats().samples_in_memory, 0U);
  EXPECT_LT(store->stats().wal_bytes, 1000U);
  EXPECT_EQ(must_content(*store), want);
  store.reset();
  store = m.open();
  EXPECT_EQ(must_content(*store), want);
  EXPECT_TRUE(store->problems().empty());
}

TEST(Store, KeepsOrderAgainstABlockAfterARestart) {
  Machine m(1);
  const Timestamp t = m.now();
  auto store = m.open();
  ASSERT_TRUE(put(*store, kA, t, 1));
  ASSERT_TRUE(put(*store, kA, t + 10, 2));
  ASSERT_TRUE(store->flush());
  store.reset();
  store = m.open();
  EXPECT_EQ(put(*store, kA, t + 5, 9)->out_of_order, 1U);
  EXPECT_EQ(put(*store, kA, t + 10, 9)->duplicate, 1U);
  EXPECT_EQ(put(*store, kA, t + 10, 2)->appended, 1U);
  EXPECT_EQ(put(*store, kA, t + 11, 3)->appended, 1U);
  EXPECT_EQ(put(*store, kB, t + 5, 3)->appended, 1U);  // nothing of it is anywhere
  EXPECT_EQ(count_of(must_content(*store)), 4U);
}

TEST(Store, RetentionDropsBlocksOnceTheirLastSampleIsTooOld) {
  Machine m(1);
  StoreOptions options = m.options();
  options.retention = 1h;
  auto store = m.open(options);
  const Timestamp t = m.now();
  ASSERT_TRUE(put(*store, kA, t, 1));
  ASSERT_TRUE(store->flush());
  ASSERT_TRUE(put(*store, kB, t + to_ms(Duration(30min)), 2));
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(store->blocks().size(), 2U);
  ASSERT_TRUE(store->maintain(t + to_ms(Duration(70min))));
  EXPECT_EQ(store->blocks().size(), 1U);
  const Content content = must_content(*store);
  EXPECT_FALSE(content.contains(kA.text()));
  EXPECT_TRUE(content.contains(kB.text()));
  ASSERT_TRUE(store->flush());  // the second without samples: idle series go
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(store->stats().series, 0U);
}

TEST(Store, RetentionBySizeDropsTheOldestBlocks) {
  Machine m(1);
  StoreOptions options = m.options();
  {
    auto store = m.open(options);
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(put(*store, kA, m.now() + i * 1000, i));
      ASSERT_TRUE(store->flush());
    }
    ASSERT_EQ(store->blocks().size(), 3U);
    options.retention_bytes = store->blocks()[0].bytes * 2 + 100;
  }
  auto store = m.open(options);
  ASSERT_TRUE(store->maintain(m.now()));
  ASSERT_EQ(store->blocks().size(), 2U);
  EXPECT_EQ(store->blocks()[0].min_time, m.now() + 1000);
}

TEST(Store, ASeriesThatStaysAwayOverTwoFlushesCostsNoMemoryAndMayComeBack) {
  Machine m(1);
  auto store = m.open();
  const Timestamp t = m.now();
  ASSERT_TRUE(put(*store, kA, t, 1));
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(put(*store, kB, t + i, i));
    ASSERT_TRUE(store->flush());
  }
  EXPECT_EQ(store->stats().series, 1U);
  EXPECT_EQ(put(*store, kA, t - 1, 5)->out_of_order, 1U);
  EXPECT_EQ(put(*store, kA, t + 9, 5)->appended, 1U);
  EXPECT_EQ(count_of(must_content(*store)), 5U);
}

TEST(Store, FlushesByItselfWhenTheHeadSpansHours) {
  Machine m(1);
  auto store = m.open();
  const Timestamp t = m.now();
  ASSERT_TRUE(put(*store, kA, t, 1));
  ASSERT_TRUE(put(*store, kA, t + to_ms(Duration(3h)), 2));
  m.executor.run_for(10min);
  EXPECT_EQ(store->stats().samples_in_memory,
            2U);  // not at each tick: an old sample would cause a storm
  m.executor.run_for(6min);
  EXPECT_EQ(store->stats().samples_in_memory, 0U);
  EXPECT_EQ(count_of(must_content(*store)), 2U);
}

}  // namespace
}  // namespace holdfast::metrics
