// The fast ways of evaluating answer as the slow, obvious ones do; threads change no digit.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "base/executor.h"
#include "base/random.h"
#include "base/sim.h"
#include "conformance/table_reader.h"
#include "query/promql/engine.h"
#include "query/promql/parallel.h"

namespace holdfast::query::promql {
namespace {

using conformance::TableReader;

constexpr std::int64_t kInterval = 15'000;
constexpr int kSamples = 240;
constexpr double kTolerance = 1e-9;

// Many series, so that a scan has several parts: counters that restart, gauges with NaN and
// infinities, gaps, staleness markers, a constant, and native histograms among floats.
class Columns {
 public:
  Columns(TableReader& table, std::uint64_t seed) : table_(table), random_(seed) {
    for (int k = 0; k < 96; ++k) {
      const Labels base{{"zone", k % 3 == 0 ? "eu" : "us"}, {"host", std::to_string(k)}};
      double total = 1e6;
      add(base.with("__name__", "c_total"), k, [&](int) {
        if (random_.below(60) == 0) total = 0;
        return total += static_cast<double>(random_.below(50));
      });
      add(base.with("__name__", "g"), k,
          [&](int) { return static_cast<double>(random_.below(1'000'000)) / 997 - 500; });
      add(base.with("__name__", "flat"), k, [&](int i) { return i < 100 ? 0.1 : 0.1 * k; });
      if (k % 4 == 0) add(base.with("__name__", "odd"), k, [&](int) { return odd(); });
      if (k % 8 == 0) add_histograms(base.with("__name__", "h"), k);
      add(base.with("__name__", "b_bucket").with("le", k % 4 == 3 ? "+Inf" : std::to_string(k % 4)),
          k, [&](int i) { return static_cast<double>(i * (k % 4 + 1)); });
    }
  }

 private:
  double odd() {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    switch (random_.below(20)) {
      case 0:
        return kInfinity;
      case 1:
        return std::nan("");
      case 2:
        return 1e300;
      default:
        return static_cast<double>(random_.below(10)) - 5;
    }
  }
  template <typename F>
  void add(const Labels& labels, int k, F&& value) {
    std::vector<Sample> samples;
    for (int i = 0; i < kSamples; ++i) {
      // Eight targets: series of one share their times where none has a gap.
      const Timestamp t = i * kInterval + 100 * (k % 8) + 1;
      const double v = value(i);
      if (k % 5 == 0 && random_.below(12) == 0) continue;
      samples.push_back(
          {t, k % 7 == 0 && random_.below(40) == 0 ? model::stale_marker() : v, nullptr});
    }
    table_.add(labels, samples);
  }
  void add_histograms(const Labels& labels, int k) {
    std::vector<Sample> samples;
    double total = 0;
    for (int i = 0; i < kSamples; ++i) {
      total += static_cast<double>(random_.below(9));
      model::Histogram h;
      h.schema = 1;
      h.positive_spans = {{0, 2}};
      h.positive_buckets = {total, total / 2};
      h.count = total * 1.5;
      h.sum = total * 3;
      const Timestamp t = i * kInterval + k;
      if (k == 16 && i % 50 == 0) {
        samples.push_back({t, 3, nullptr});  // a float among histograms
      } else {
        samples.push_back({t, 0, std::make_shared<const model::Histogram>(h)});
      }
    }
    table_.add(labels, samples);
  }

  TableReader& table_;
  SeededRandom random_;
};

constexpr const char* kQueries[] = {
    "c_total",
    "count by (zone) ({__name__!=\"\"})",
    "sum by (zone) (rate(c_total[2m]))",
    "sum without (host) (increase(c_total[5m] offset 1m))",
    "avg(rate(c_total[1m]))",
    "rate(c_total[3m])",
    "rate(g[2m])",
    "irate(c_total[1m])",
    "idelta(g[1m])",
    "delta(g[4m])",
    "changes(flat[20m])",
    "resets(c_total[20m])",
    "sum_over_time(g[10m])",
    "sum_over_time(odd[10m])",
    "avg_over_time(g[17m])",
    "avg_over_time(odd[5m])",
    "min_over_time(g[12m])",
    "max_over_time(g[50m])",
    "max_over_time(odd[5m])",
    "min_over_time(odd[30m])",
    "count_over_time(odd[7m])",
    "present_over_time(g[1m])",
    "last_over_time(g[2m])",
    "stddev_over_time(g[10m])",
    "stdvar_over_time(flat[10m])",
    "stddev_over_time(odd[5m])",
    "quantile_over_time(0.3, g[10m])",
    "quantile_over_time(0.9, odd[3m])",
    "deriv(g[10m])",
    "predict_linear(g[10m], 600)",
    "mad_over_time(g[5m])",
    "sum(h)",
    "avg by (zone) (rate(h[5m]))",
    "max(h or g)",
    "stddev by (zone) (g)",
    "stdvar(flat)",
    "min by (zone) (odd)",
    "quantile by (zone) (0.5, g)",
    "group by (host) (c_total)",
    "sum(odd)",
    "avg(odd)",
    "topk(3, rate(c_total[2m]))",
    "count_values(\"v\", flat)",
    "g * on (host, zone) flat",
    "g > bool on (zone, host) group_left flat",
    "2 - g",
    "100 < g",
    "g and on (host) c_total > 1000",
    "histogram_quantile(0.9, sum by (le, zone) (rate(b_bucket[5m])))",
    "max_over_time(rate(c_total[1m])[10m:30s])",
    "sum(rate(c_total[5m])) / count(rate(c_total[5m]))",
    "g - g offset 5m + g",
    "absent_over_time(odd{host=\"0\"}[5s] offset 7s)",
};

// One number per step and series; histograms by their count.
using Cells = std::map<std::pair<Labels, Timestamp>, double>;

Cells cells_of(const QueryResult& result) {
  Cells cells;
  for (const auto& s : std::get<Matrix>(result.value).series) {
    for (const auto& p : s.points)
      cells[{s.labels, p.t}] = p.histogram == nullptr ? p.value : p.histogram->count;
  }
  return cells;
}

bool near(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return true;
  return std::abs(a - b) <= kTolerance * std::max(std::abs(a), std::abs(b));
}

class FastPaths : public testing::TestWithParam<std::uint64_t> {
 protected:
  FastPaths() { Columns(table_, GetParam()); }
  ~FastPaths() override { executor_.stop(); }

  Result<QueryResult> ask(const char* query, std::int64_t step, std::size_t threads, bool slow) {
    const Engine engine(table_, clock_, {&executor_, threads, nullptr});
    QueryOptions options;
    options.slow_paths = slow;
    return engine.range(query, 20 * 60'000 + 7, 58 * 60'000, step, options);
  }

  TableReader table_;
  SimClock clock_;
  ThreadExecutor executor_{4};
};

TEST_P(FastPaths, AnswerAsTheSlowOnes) {
  for (const auto* query : kQueries) {
    for (const std::int64_t step : {17'000, 240'000}) {
      const auto fast = ask(query, step, 1, false), slow = ask(query, step, 1, true);
      ASSERT_TRUE(fast) << query << ": " << fast.error().message();
      ASSERT_TRUE(slow) << query << ": " << slow.error().message();
      const auto mine = cells_of(*fast), wanted = cells_of(*slow);
      EXPECT_GT(wanted.size(), 0U) << query << " answers nothing: it proves nothing";
      ASSERT_EQ(mine.size(), wanted.size()) << query;
      for (const auto& [key, v] : wanted) {
        const auto found = mine.find(key);
        ASSERT_NE(found, mine.end()) << query << " " << key.first.text() << " at " << key.second;
        ASSERT_TRUE(near(found->second, v)) << query << " " << key.first.text() << " at "
                                            << key.second << ": " << found->second << " for " << v;
      }
      EXPECT_EQ(fast->annotations.warnings, slow->annotations.warnings) << query;
      EXPECT_EQ(fast->annotations.infos, slow->annotations.infos) << query;
    }
  }
}

TEST_P(FastPaths, AnswerTheSameBytesWithAnyNumberOfThreads) {
  for (const auto* query : kQueries) {
    const auto one = ask(query, 30'000, 1, false), four = ask(query, 30'000, 4, false);
    ASSERT_TRUE(one && four) << query;
    EXPECT_EQ(result_json(*one), result_json(*four)) << query;
    EXPECT_EQ(one->annotations.infos, four->annotations.infos) << query;
    EXPECT_EQ(one->stats.samples_queryable, four->stats.samples_queryable) << query;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, FastPaths, testing::Values(1, 2));

TEST(Parallel, NeverWaitsForAPoolThatDoesNotCome) {
  // An executor that keeps what it is given, as a full pool does.
  struct Lazy final : Executor {
    std::vector<Task> kept;
    void post(Lane, Task task) override { kept.push_back(std::move(task)); }
    TimerId post_after(Lane, Duration, Task) override { return TimerId::kNone; }
    bool cancel(TimerId) override { return false; }
    bool on_control() const override { return false; }
  } lazy;
  std::vector<int> done(10);
  {
    const Parallel parallel(&lazy, 4);
    ASSERT_TRUE(parallel.run(done.size(), 4, [&](std::size_t k) -> Result<void> {
      ++done[k];
      return {};
    }));
  }
  EXPECT_EQ(done, std::vector<int>(10, 1));
  EXPECT_EQ(lazy.kept.size(), 3U);
  for (auto& task : lazy.kept) task();  // late, when the run and its parts are gone
  EXPECT_EQ(done, std::vector<int>(10, 1));
}

TEST(Parallel, TellsTheErrorOfTheLowestPart) {
  ThreadExecutor executor(3);
  const Parallel parallel(&executor, 4);
  const auto result = parallel.run(8, 4, [](std::size_t k) -> Result<void> {
    if (k == 0) return invalid("part 0");
    return {};
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "part 0");
  executor.stop();
}

}  // namespace
}  // namespace holdfast::query::promql
