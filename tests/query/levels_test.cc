// Downsampled levels answer as the samples they were made of; where those are gone, they say so.
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
};
// Not told from buckets alone: the samples answer.
constexpr const char* kOther[] = {
    "quantile_over_time(0.9, g[1h])", "changes(flat[1h])", "resets(c_total[1h])",
    "stddev_over_time(g[1h])",        "irate(c_total[1h])", "rate(c_total[7m])",
    "g offset 1m",                    "deriv(g[1h])",
};

class Levels : public testing::TestWithParam<std::uint64_t> {
 protected:
  static constexpr std::int64_t kInterval = 30'000;
  Levels() : now_(machine_.now() / kHour * kHour) {}

  metrics::StoreOptions options() {
    auto options = machine_.options();
    options.retention = std::chrono::hours(24 * 60);
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
          young_.push_back({column.times[i], column.labels, {column.times[i], column.values[i], histogram}});
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
    for (const auto& y : young_) batch.push_back({metrics::SeriesRef::kNone, y.labels.get(), y.sample});
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
  fill(*store, 6);
  ASSERT_TRUE(store->compact());
  ASSERT_GT(machine_.files.list("/data/metrics/levels")->size(), 4U);
  expect_all_equal(*store, 6);
  // Levels took part: nine tenths and more of the points were not read.
  EXPECT_GT(expect_equal(*store, "sum by (zone) (rate(c_total[1h]))", kHour, 6), 2);
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Seeds, Levels, testing::Values(1, 2));

}  // namespace holdfast::query::promql
