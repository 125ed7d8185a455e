// Downsampled levels answer as the samples they were made of; where those are gone, they say so.
#include "base/executor.h"
#include "query/levels_fixture.h"

namespace holdfast::query::promql {
namespace {

using metrics::Machine;

// Told from buckets when steps and ranges are multiples of an hour, or of five minutes.
constexpr const char* kAligned[] = {
    "c_total",
    "g",
    "odd",
    "timestamp(g)",
    "sum by (zone) (rate(c_total[1h]))",
    "rate(c_total[5m])",
    "rate(c_total[2h])",
    "increase(c_total[1h])",
    "increase(n_total[1h])",
    "rate(n_total[10m])",
    "increase(n_total[1d])",
    "rate(g[1h])",
    "delta(g[3h])",
    "sum_over_time(g[1h])",
    "sum_over_time(odd[1h])",
    "avg_over_time(g[2h])",
    "avg_over_time(odd[1h])",
    "avg_over_time(flat[1h])",
    "min_over_time(g[1h])",
    "max_over_time(g[6h])",
    "max_over_time(odd[1h])",
    "min_over_time(odd[20m])",
    "count_over_time(g[1h])",
    "present_over_time(g[5m])",
    "last_over_time(g[1h])",
    "first_over_time(g[1h])",
    "ts_of_last_over_time(g[1h])",
    "rate(h[1h])",
    "h",
    "count({__name__!=\"\"})",
    "absent_over_time(g{host=\"5\"}[5m])",
    "sum(increase(c_total[1h] offset 1h))",
    "max_over_time(rate(c_total[1h])[4h:1h])",
    "rate(c_total[1h] @ end())",
    "sum(g @ start()) + sum(sum_over_time(g[1h] offset -1h))",
    "topk(2, max_over_time(g[1h]))",
    "histogram_count(rate(h[1h]))",
};
// Not told from buckets alone: the samples answer.
constexpr const char* kOther[] = {
    "quantile_over_time(0.9, g[1h])",
    "changes(flat[1h])",
    "resets(c_total[1h])",
    "stddev_over_time(g[1h])",
    "irate(c_total[1h])",
    "rate(c_total[7m])",
    "g offset 1m",
    "deriv(g[1h])",
};

class Levels : public testing::TestWithParam<std::uint64_t> {
 protected:
  static constexpr std::int64_t kInterval = 15'000;
  Levels() : now_(machine_.now() / kHour * kHour) {}

  metrics::StoreOptions options() {
    auto options = machine_.options();
    options.retention = options.retention_5m = std::chrono::hours(24 * 60);
    return options;
  }
  // Days in blocks, the newest hours in memory.
  void fill(metrics::Store& store, int days) {
    const Timestamp from = now_ - days * kDay, head = now_ - 5 * kHour;
    const UnrulySeries series(GetParam(), from, now_, kInterval);
    std::vector<metrics::Column> old;
    for (const auto& column : series.columns) {
      metrics::Column part{column.labels, {}, {}, {}};
      for (std::size_t i = 0; i < column.times.size(); ++i) {
        const auto histogram = column.histograms.empty() ? nullptr : column.histograms[i];
        if (column.times[i] >= head) {
          young_.push_back(
              {column.times[i], column.labels, {column.times[i], column.values[i], histogram}});
          continue;
        }
        part.times.push_back(column.times[i]);
        part.values.push_back(column.values[i]);
        if (!column.histograms.empty()) part.histograms.push_back(histogram);
      }
      if (!part.times.empty()) old.push_back(std::move(part));
    }
    ASSERT_TRUE(store.import(old));
    std::vector<metrics::SampleIn> batch;
    for (const auto& y : young_)
      batch.push_back({metrics::SeriesRef::kNone, y.labels.get(), y.sample});
    const auto appended = store.append(batch);
    ASSERT_TRUE(appended);
    ASSERT_EQ(appended->rejected(), 0U) << appended->first_error;
  }
  Result<QueryResult> ask(const metrics::Reader& reader, const char* query, std::int64_t step,
                          int days, Timestamp shift = 0) {
    return Engine(reader, machine_.clock)
        .range(query, now_ - days * kDay + shift, now_ + shift, step);
  }
  // How many times fewer points were read in the best case.
  double expect_equal(const metrics::Store& store, const char* query, std::int64_t step, int days,
                      Timestamp shift = 0) {
    const auto mine = ask(store, query, step, days, shift);
    const auto wanted = ask(SamplesOnly(store), query, step, days, shift);
    const auto what = std::string(query) + " step " + std::to_string(step / 1000) + "s";
    EXPECT_TRUE(mine) << what << ": " << mine.error().message();
    EXPECT_TRUE(wanted) << what << ": " << wanted.error().message();
    if (!mine || !wanted) return 0;
    EXPECT_GT(cells_of(*wanted).size(), 0U) << what << " answers nothing: it proves nothing";
    expect_same(cells_of(*mine), cells_of(*wanted), what);
    EXPECT_EQ(mine->annotations.infos, wanted->annotations.infos) << what;
    EXPECT_EQ(mine->annotations.warnings, wanted->annotations.warnings) << what;
    EXPECT_EQ(mine->stats.samples_queryable, wanted->stats.samples_queryable) << what;
    return static_cast<double>(wanted->stats.samples_read) /
           static_cast<double>(std::max<std::uint64_t>(mine->stats.samples_read, 1));
  }
  void expect_all_equal(const metrics::Store& store, int days) {
    for (const auto* query : kAligned) {
      for (const auto step : {5 * kMinute, kHour}) expect_equal(store, query, step, days);
    }
    for (const auto* query : kOther) expect_equal(store, query, kHour, days);
    for (const auto* query : kAligned) expect_equal(store, query, kHour, days, 90'000);
  }

  // Where the first block begins that still has samples.
  static Timestamp metrics_begin(const metrics::Store& store) {
    Timestamp begin = model::kTimestampMax;
    for (const auto& block : store.blocks()) begin = std::min(begin, block.min_time);
    return begin;
  }

  struct Young {
    Timestamp t;
    std::shared_ptr<const Labels> labels;
    Sample sample;
  };
  Machine machine_{GetParam()};
  const Timestamp now_;
  std::vector<Young> young_;
};

TEST_P(Levels, AnswerAsTheSamples) {
  auto store = machine_.open(options());
  fill(*store, 5);
  ASSERT_TRUE(store->compact());
  ASSERT_GT(machine_.files.list("/data/metrics/levels")->size(), 4U);
  expect_all_equal(*store, 5);
  // Levels took part.
  EXPECT_GT(expect_equal(*store, "sum by (zone) (rate(c_total[1h]))", kHour, 5), 1.5);
}

TEST_P(Levels, AnswerTheSameBytesWithAnyNumberOfThreads) {
  auto store = machine_.open(options());
  fill(*store, 5);
  ASSERT_TRUE(store->compact());
  ThreadExecutor executor(4);
  for (const auto* query : {"last_over_time({__name__!=\"\"}[5m])", "sum_over_time(g[1h])",
                            "count({__name__!=\"\"})"}) {
    const auto ask = [&](std::size_t threads) {
      return Engine(*store, machine_.clock, {&executor, threads, nullptr})
          .range(query, now_ - 5 * kDay, now_, 5 * kMinute);
    };
    const auto one = ask(1), four = ask(4);
    ASSERT_TRUE(one && four) << query;
    EXPECT_EQ(result_json(*one), result_json(*four)) << query;
    EXPECT_EQ(one->stats.samples_read, four->stats.samples_read) << query;
  }
  executor.stop();
}

// Late samples overlap what blocks hold; those blocks' series are read as samples.
TEST_P(Levels, AnswerAsTheSamplesWhereBlocksOverlap) {
  auto store = machine_.open(options());
  fill(*store, 5);
  ASSERT_TRUE(store->compact());
  std::vector<metrics::Column> late;
  for (const auto& column :
       UnrulySeries(GetParam() + 100, now_ - 5 * kDay, now_ - 4 * kDay, 170'000).columns) {
    if (column.labels->get("host") < "4") late.push_back(column);
  }
  ASSERT_TRUE(store->import(late));
  for (const auto* query : kAligned) expect_equal(*store, query, kHour, 5);
  ASSERT_TRUE(store->compact());
  for (const auto* query : kAligned) expect_equal(*store, query, kHour, 5);
}

TEST_P(Levels, AnswerAsTheSamplesThatDeletionLeft) {
  auto store = machine_.open(options());
  fill(*store, 5);
  ASSERT_TRUE(store->compact());
  const auto host = [](const char* value) {
    return std::vector{model::Matcher::equal("host", value)};
  };
  ASSERT_TRUE(
      store->delete_series({host("1"), host("2")}, now_ - 4 * kDay - 1234, now_ - 3 * kDay));
  for (const auto* query : kAligned) expect_equal(*store, query, kHour, 5);
  ASSERT_TRUE(store->compact());
  for (const auto* query : kAligned) expect_equal(*store, query, kHour, 5);
}

// Retention dropped the samples: aligned questions still have their exact answers, others say what
// they are made of.
class GoneSamples : public Levels {
 protected:
  metrics::StoreOptions short_options() {
    auto options = machine_.options();
    options.retention = std::chrono::hours(8 * 24);
    options.retention_5m = std::chrono::hours(60 * 24);
    options.retention_1h = std::chrono::hours(90 * 24);
    return options;
  }
  // The answers of samples while there were any, then a store without them.
  std::unique_ptr<metrics::Store> lose_samples(const std::vector<const char*>& queries,
                                               std::int64_t step, Timestamp shift) {
    auto store = machine_.open(short_options());
    fill(*store, 4);
    EXPECT_TRUE(store->flush());
    EXPECT_TRUE(store->compact());
    const Labels now{{"__name__", "now"}};
    machine_.clock.step_wall(std::chrono::hours(3 * 24));  // by which all of it is old
    EXPECT_TRUE(metrics::put(*store, now, machine_.now(), 1));
    EXPECT_TRUE(store->compact());
    for (const auto* query : queries)
      before_[query] = *ask(SamplesOnly(*store), query, step, 3, shift);
    machine_.clock.step_wall(std::chrono::hours(6 * 24));
    EXPECT_TRUE(metrics::put(*store, now, machine_.now(), 1));
    EXPECT_TRUE(store->maintain(machine_.now()));
    EXPECT_EQ(cells_of(*ask(SamplesOnly(*store), "g", kHour, 3)).size(), 0U);
    return store;
  }
  std::map<std::string, QueryResult> before_;
};

constexpr const char* kExact[] = {
    "c_total",
    "g",
    "odd",
    "timestamp(g)",
    "rate(c_total[1h])",
    "increase(n_total[2h])",
    "delta(g[3h])",
    "sum_over_time(g[1h])",
    "avg_over_time(flat[2h])",
    "min_over_time(g[1h])",
    "max_over_time(odd[6h])",
    "count_over_time(g[1h])",
    "last_over_time(g[1h])",
    "sum by (zone) (rate(c_total[1h]))",
};

TEST_P(GoneSamples, AreNotMissedWhereBucketsTellAll) {
  for (const auto step : {5 * kMinute, kHour}) {
    auto store = lose_samples({std::begin(kExact), std::end(kExact)}, step, 0);
    for (const auto* query : kExact) {
      const auto mine = ask(*store, query, step, 3);
      ASSERT_TRUE(mine) << query << ": " << mine.error().message();
      EXPECT_GT(cells_of(*mine).size(), 0U) << query;
      expect_same(cells_of(*mine), cells_of(before_[query]), query);
      EXPECT_TRUE(mine->annotations.infos.empty()) << query << ": " << mine->annotations.infos[0];
    }
    store.reset();
    ASSERT_TRUE(machine_.files.remove_all("/data/metrics"));
    machine_.clock.step_wall(std::chrono::hours(-9 * 24));
    young_.clear();
  }
}

TEST_P(GoneSamples, AreSaidToBeGoneWhereBucketsOnlyComeNear) {
  struct Case {
    const char* query;
    double tolerance;  // of the mean over all cells; 0: any number
  };
  constexpr Case kNear[] = {
      {"c_total", 0},  // falls from a million to a thousand: no mean to compare
      {"flat", 0.01},
      {"rate(c_total[1h])", 0.05},
      {"sum_over_time(flat[30m])", 0.1},
      {"count_over_time(g[20m])", 0.1},
      {"avg_over_time(flat[17m])", 0.01},
      {"max_over_time(flat[7m])", 0.01},
      {"quantile_over_time(0.5, flat[1h])", 0.01},
      {"stddev_over_time(g[1h])", 0},
      {"changes(g[1h])", 0},
      {"irate(c_total[5m])", 0},
      {"rate(h[1h])", 0},
      {"h", 0},
  };
  std::vector<const char*> queries;
  for (const auto& c : kNear) queries.push_back(c.query);
  const auto store = lose_samples(queries, kHour, 137'000);
  const auto mean = [](const Cells& cells) {
    double sum = 0;
    for (const auto& [key, v] : cells) sum += v;
    return sum / static_cast<double>(std::max<std::size_t>(cells.size(), 1));
  };
  for (const auto& c : kNear) {
    const auto mine = ask(*store, c.query, kHour, 3, 137'000);
    ASSERT_TRUE(mine) << c.query << ": " << mine.error().message();
    const auto cells = cells_of(*mine), wanted = cells_of(before_[c.query]);
    EXPECT_GT(cells.size() * 10, wanted.size() * 9) << c.query;
    EXPECT_LT(cells.size() * 9, wanted.size() * 10) << c.query;
    ASSERT_FALSE(mine->annotations.infos.empty()) << c.query;
    EXPECT_NE(mine->annotations.infos[0].find("are gone by retention, what was kept of each 5m"),
              std::string::npos)
        << mine->annotations.infos[0];
    if (c.tolerance > 0) {
      EXPECT_NEAR(mean(cells), mean(wanted), std::abs(mean(wanted)) * c.tolerance) << c.query;
    }
  }
}

// Half of the range has samples, half has not.
TEST_P(GoneSamples, LeaveThoseThatAreThereAsTheyAre) {
  auto store = machine_.open(short_options());
  fill(*store, 4);
  ASSERT_TRUE(store->flush());
  machine_.clock.step_wall(std::chrono::hours(3 * 24));
  ASSERT_TRUE(metrics::put(*store, Labels{{"__name__", "now"}}, machine_.now(), 1));
  ASSERT_TRUE(store->compact());
  const auto wanted = cells_of(*ask(SamplesOnly(*store), "rate(c_total[7m])", kHour, 3, 137'000));
  // By now a part of the blocks is too old.
  bool some = false;
  for (int day = 0; day < 6; ++day) {
    machine_.clock.step_wall(24h);
    ASSERT_TRUE(store->maintain(machine_.now()));
    const auto left = cells_of(*ask(SamplesOnly(*store), "rate(c_total[7m])", kHour, 3, 137'000));
    const auto mine = ask(*store, "rate(c_total[7m])", kHour, 3, 137'000);
    ASSERT_TRUE(mine);
    const auto cells = cells_of(*mine);
    some = some || (!left.empty() && left.size() < wanted.size());
    EXPECT_GT(cells.size() * 10, wanted.size() * 9) << day;
    EXPECT_EQ(mine->annotations.infos.empty(), left.size() == wanted.size()) << day;
    const Timestamp begin = metrics_begin(*store);
    for (const auto& [key, v] : left) {
      if (key.second - 7 * kMinute < begin) continue;
      const auto found = cells.find(key);
      ASSERT_NE(found, cells.end()) << key.first.text() << " at " << key.second;
      EXPECT_TRUE(near(found->second, v)) << found->second << " for " << v;
    }
  }
  EXPECT_TRUE(some);
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Seeds, Levels, testing::Values(1, 2));
INSTANTIATE_TEST_SUITE_P(Seeds, GoneSamples, testing::Values(1, 2));

}  // namespace holdfast::query::promql
