// What the store does beyond taking and giving back samples: late samples, merges, deletion, limits.
#include <algorithm>
#include <deque>

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

// A receiver's bytes: "name=value,name=value", in any order; "!" is what it refuses.
Result<bool> read_views(std::string_view encoded, LabelViews& out) {
  const std::size_t begin = out.size();
  if (encoded == "!") return Error(Code::kInvalid, "bad bytes");
  while (!encoded.empty()) {
    const std::size_t end = std::min(encoded.find(','), encoded.size());
    const std::string_view label = encoded.substr(0, end);
    out.push_back({label.substr(0, label.find('=')), label.substr(label.find('=') + 1)});
    encoded.remove_prefix(std::min(end + 1, encoded.size()));
  }
  const auto by_name = [](const LabelView& a, const LabelView& b) { return a.name < b.name; };
  const auto first = out.begin() + static_cast<std::ptrdiff_t>(begin);
  const bool in_order = std::is_sorted(first, out.end(), by_name);
  std::sort(first, out.end(), by_name);
  return in_order;
}
Result<Labels> read_labels(std::string_view encoded) {
  LabelViews views;
  HF_TRY(read_views(encoded, views));
  return to_labels(views);
}

struct Flat {
  std::deque<std::string> texts;
  FlatBatch batch;

  void add(const std::string& text, Timestamp t, double value) {
    LabelViews views;
    std::string canonical;
    texts.push_back(text);
    for (std::string_view rest = text; !rest.empty() && text != "!";) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      std::string label(rest.substr(0, end));
      label[label.find('=')] = '\xff';
      canonical += label + '\xff';
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    batch.series.push_back({fingerprint(canonical), texts.back(),
                            static_cast<std::uint32_t>(batch.samples.size()), 1});
    batch.samples.push_back({t, value});
  }
};

TEST(FlatBatch, MakesEachNewSeriesOnceHoweverItIsWritten) {
  for (const bool with_views : {false, true}) {
    Machine m(1);
    auto store = m.open();
    Flat flat;
    flat.batch.labels_of = read_labels;
    if (with_views) flat.batch.views_of = read_views;
    Content want;
    const Timestamp t = m.now();
    for (int i = 0; i < 500; ++i) {
      const std::string pod = "pod=p" + std::to_string(i);
      const std::string text = "__name__=m" + std::to_string(i % 3) + "," + pod;
      flat.add(text, t, i);
      want[read_labels(text)->text()][t] = std::bit_cast<std::uint64_t>(double(i));
      if (i % 7 == 0) flat.add(pod + ",__name__=m" + std::to_string(i % 3), t, i);  // not in order
      if (i % 11 == 0) {                                                            // again, later
        flat.add(text, t + 1, -i);
        want[read_labels(text)->text()][t + 1] = std::bit_cast<std::uint64_t>(double(-i));
      }
    }
    flat.add("!", t, 1);
    const auto first = store->append(flat.batch);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->unknown_series, 1U);
    EXPECT_NE(first->first_error.find("bad bytes"), std::string::npos);
    EXPECT_EQ(first->appended, flat.batch.samples.size() - 1);
    EXPECT_EQ(store->stats().series, 500U);
    EXPECT_EQ(must_content(*store), want);
    const auto created = store->cardinality(10).created_by_metric;
    ASSERT_EQ(created.size(), 3U);
    EXPECT_EQ(created[0].count + created[1].count + created[2].count, 500U);
    ASSERT_TRUE(store->append(flat.batch));  // all known, and all said before
    EXPECT_EQ(must_content(*store), want);
    store.reset();
    EXPECT_EQ(must_content(*m.open()), want);  // from the log
  }
}

TEST(FlatBatch, StopsAtTheLimitOfSeriesAndKeepsOrderAgainstBlocks) {
  Machine m(1);
  StoreOptions options = m.options();
  options.series_count_max = 150;
  const Timestamp t = m.now();
  Flat flat;
  flat.batch.labels_of = read_labels;
  flat.batch.views_of = read_views;
  for (int i = 0; i < 100; ++i) flat.add("__name__=m,pod=p" + std::to_string(i), t, i);
  {
    auto store = m.open(options);
    ASSERT_EQ(store->append(flat.batch)->appended, 100U);
    ASSERT_TRUE(store->flush());
  }
  auto store = m.open(options);  // the series are in a block alone now
  EXPECT_EQ(store->stats().series, 0U);
  flat.batch.samples[7].t = t - 1;  // older than what the block holds
  flat.batch.samples[8].value = 1234;
  for (int i = 100; i < 200; ++i) flat.add("__name__=m,pod=p" + std::to_string(i), t, i);
  const auto result = store->append(flat.batch);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->out_of_order, 1U);
  EXPECT_EQ(result->duplicate, 1U);
  EXPECT_EQ(result->over_limit, 50U);
  EXPECT_NE(result->first_error.find("the limit of 150 series"), std::string::npos);
  EXPECT_EQ(store->stats().series, 150U);
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
