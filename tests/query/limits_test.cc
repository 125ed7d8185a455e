// Limits, cancellation in the middle of a query, statistics, the plan, and the tracker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/clock.h"
#include "conformance/table_reader.h"
#include "query/promql/engine.h"
#include "query/promql/tracker.h"

namespace holdfast::query::promql {
namespace {

using conformance::TableReader;
using testing::HasSubstr;

constexpr Timestamp kMinute = 60'000;

// Moves when told to, also while others look.
class HandClock final : public Clock {
 public:
  WallTime now() const override { return from_ms(1'800'000'000'000); }
  MonoTime mono() const override { return MonoTime(Duration(elapsed_.load())); }
  void advance(Duration by) { elapsed_ += by.count(); }

 private:
  std::atomic<Duration::rep> elapsed_{0};
};

// A table that calls back at each series read, and counts what is asked of it.
class Watched final : public metrics::Reader {
 public:
  explicit Watched(TableReader& table) : table_(table) {}
  std::function<void(std::size_t reads)> on_read = [](std::size_t) {};
  mutable std::size_t finds = 0, reads = 0;

  Result<metrics::SelectionPtr> find(const metrics::SelectRequest& request) const override {
    ++finds;
    return metrics::SelectionPtr(std::make_shared<Found>(*this, HF_TRY(table_.find(request))));
  }
  Result<std::vector<metrics::Column>> select(const metrics::SelectRequest& r) const override {
    return table_.select(r);
  }
  Result<std::vector<Labels>> series(const std::vector<std::vector<model::Matcher>>& any_of,
                                     Timestamp from, Timestamp to,
                                     std::size_t limit) const override {
    return table_.series(any_of, from, to, limit);
  }
  Result<std::vector<std::string>> label_names(
      const std::vector<std::vector<model::Matcher>>& any_of, Timestamp from,
      Timestamp to) const override {
    return table_.label_names(any_of, from, to);
  }
  Result<std::vector<std::string>> label_values(
      const std::string& name, const std::vector<std::vector<model::Matcher>>& any_of,
      Timestamp from, Timestamp to) const override {
    return table_.label_values(name, any_of, from, to);
  }
  std::map<std::string, std::vector<metrics::Metadata>> metadata(const std::string& metric,
                                                                 std::size_t limit) const override {
    return table_.metadata(metric, limit);
  }

 private:
  struct Found final : metrics::Selection {
    Found(const Watched& owner_in, metrics::SelectionPtr inner_in)
        : owner(owner_in), inner(std::move(inner_in)) {}
    std::size_t size() const override { return inner->size(); }
    void labels(std::size_t i, metrics::LabelViews& out) const override { inner->labels(i, out); }
    std::string_view label(std::size_t i, std::string_view name) const override {
      return inner->label(i, name);
    }
    std::unique_ptr<Cursor> cursor() const override { return std::make_unique<Reading>(*this); }
    struct Reading final : Cursor {
      explicit Reading(const Found& found_in) : found(found_in), inner(found_in.inner->cursor()) {}
      Result<void> read(std::size_t i, metrics::SeriesData& out) override {
        found.owner.on_read(++found.owner.reads);
        return inner->read(i, out);
      }
      const Found& found;
      std::unique_ptr<Cursor> inner;
    };
    const Watched& owner;
    metrics::SelectionPtr inner;
  };
  TableReader& table_;
};

class LimitsTest : public testing::Test {
 protected:
  LimitsTest() {
    for (int host = 0; host < 200; ++host) {
      std::vector<Sample> samples;
      for (int i = 0; i <= 60; ++i) samples.push_back({i * kMinute, 1.0 * i * (host + 1), nullptr});
      table_.add(Labels{{"__name__", "hits_total"}, {"host", std::to_string(host)}}, samples);
    }
  }

  TableReader table_;
  Watched watched_{table_};
  HandClock clock_;
};

TEST_F(LimitsTest, TheMemoryLimitStopsAQueryAndIsNamed) {
  const Engine engine(table_, clock_);
  QueryOptions options;
  options.memory_bytes_max = 50'000;
  const auto result = engine.range("hits_total", 0, 60 * kMinute, kMinute, options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kTooLarge);
  EXPECT_THAT(result.error().message(), HasSubstr("50000 bytes"));
  // What is added up as it is read holds next to nothing.
  EXPECT_TRUE(engine.range("sum(hits_total)", 0, 60 * kMinute, kMinute, options));
}

TEST_F(LimitsTest, ASeriesLargerThanTheLimitIsRefusedInAFusedQueryToo) {
  const Engine engine(table_, clock_);
  QueryOptions options;
  options.sample_count_max = 40;
  const auto result = engine.instant("sum(rate(hits_total[1h]))", 60 * kMinute, options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kTooLarge);
}

TEST_F(LimitsTest, AQueryEndsSoonAfterItIsCancelledInItsMiddle) {
  std::stop_source source;
  watched_.on_read = [&](std::size_t reads) {
    if (reads == 50) source.request_stop();
  };
  const Engine engine(watched_, clock_);
  QueryOptions options;
  options.stop = source.get_token();
  for (const auto* query :
       {"sum(rate(hits_total[5m]))", "hits_total", "max_over_time(hits_total[5m])"}) {
    watched_.reads = 0;
    source = std::stop_source();
    options.stop = source.get_token();
    const auto result = engine.range(query, 0, 60 * kMinute, kMinute, options);
    ASSERT_FALSE(result) << query;
    EXPECT_EQ(result.error().code(), Code::kCanceled) << query;
    EXPECT_LT(watched_.reads, 100U) << query;
  }
}

TEST_F(LimitsTest, TheDeadlineHoldsInTheMiddleOfAQuery) {
  watched_.on_read = [&](std::size_t) { clock_.advance(1s); };
  const Engine engine(watched_, clock_);
  QueryOptions options;
  options.deadline = clock_.mono() + 20s;
  const auto result = engine.instant("sum(rate(hits_total[5m]))", 60 * kMinute, options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kTimeout);
  EXPECT_LT(watched_.reads, 60U);
}

TEST_F(LimitsTest, WhatAQueryAsksTwiceIsReadOnce) {
  const Engine engine(watched_, clock_);
  ASSERT_TRUE(
      engine.instant("sum(rate(hits_total[5m])) / count(rate(hits_total[5m]))", 60 * kMinute));
  EXPECT_EQ(watched_.finds, 1U);
  EXPECT_EQ(watched_.reads, 200U);
  ASSERT_TRUE(engine.instant("hits_total - hits_total offset 5m", 60 * kMinute));
  EXPECT_EQ(watched_.finds, 3U);
}

TEST_F(LimitsTest, StatsCountSamplesStepByStep) {
  const Engine engine(table_, clock_);
  QueryOptions options;
  options.per_step_stats = true;
  const auto result =
      engine.range("sum(rate(hits_total[5m]))", 10 * kMinute, 12 * kMinute, kMinute, options);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->stats.samples_queryable, 3000U);
  EXPECT_EQ(result->stats.samples_per_step, (std::vector<std::uint64_t>{1000, 1000, 1000}));
  const auto json = nlohmann::json::parse(stats_json(result->stats));
  EXPECT_EQ(json["samples"]["totalQueryableSamples"], 3000);
  EXPECT_EQ(json["samples"]["totalQueryableSamplesPerStep"],
            nlohmann::json::parse("[[600,1000],[660,1000],[720,1000]]"));
  for (const auto* name : {"evalTotalTime", "resultSortTime", "queryPreparationTime",
                           "innerEvalTime", "execQueueTime", "execTotalTime"}) {
    EXPECT_TRUE(json["timings"][name].is_number()) << name;
  }
}

TEST_F(LimitsTest, ThePlanTellsWhatIsFusedSharedAndDoneOnce) {
  const Engine engine(table_, clock_);
  const auto text = engine.explain(
      "sum by (host) (rate(hits_total[5m])) / (topk(2, hits_total) + topk(2, hits_total) * "
      "vector(3))",
      0, 60 * kMinute, kMinute);
  ASSERT_TRUE(text) << text.error().message();
  const auto plan = nlohmann::json::parse(*text);
  EXPECT_EQ(plan["steps"], 61);
  const auto& sum = plan["plan"]["parts"][0];
  EXPECT_EQ(sum["path"], nlohmann::json::parse("[\"adds up series as they are read\"]"));
  EXPECT_EQ(sum["parts"][0]["series"], 200);
  EXPECT_THAT(sum["parts"][0]["path"].dump(), HasSubstr("fused into the aggregation above"));
  EXPECT_THAT(*text, HasSubstr("shared with an equal part"));
  EXPECT_THAT(*text, HasSubstr("once, spread over all steps"));
}

// ---- the tracker ----

TEST(QueryTracker, LetsInAsManyAsItMayAndTheNextWhenOneLeaves) {
  HandClock clock;
  TrackerOptions options;
  options.running_max = 1;
  QueryTracker tracker(clock, options);
  auto first = tracker.admit({"up", "ann", false}, {}, std::nullopt);
  ASSERT_TRUE(first);
  std::atomic<bool> second_in = false;
  std::thread waiting([&] {
    const auto second = tracker.admit({"down", "ben", true}, {}, std::nullopt);
    second_in = second.has_value();
  });
  while (tracker.active().size() < 2) std::this_thread::yield();
  const auto active = tracker.active();
  EXPECT_TRUE(active[0].running);
  EXPECT_FALSE(active[1].running);
  EXPECT_EQ(active[1].query.text, "down");
  EXPECT_FALSE(second_in);
  { const auto gone = *std::move(first); }
  waiting.join();
  EXPECT_TRUE(second_in);
  EXPECT_TRUE(tracker.active().empty());
}

TEST(QueryTracker, OneUserDoesNotTakeThePlacesOfAnother) {
  HandClock clock;
  TrackerOptions options;
  options.running_max = 2;
  options.running_per_user_max = 1;
  options.queue_max = 1;
  QueryTracker tracker(clock, options);
  const auto ann = tracker.admit({"a", "ann", false}, {}, std::nullopt);
  std::stop_source stop;
  std::thread again([&] {
    const auto second = tracker.admit({"b", "ann", false}, stop.get_token(), std::nullopt);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Code::kCanceled);
  });
  while (tracker.active().size() < 2) std::this_thread::yield();
  const auto ben = tracker.admit({"c", "ben", false}, {}, std::nullopt);
  EXPECT_TRUE(ben);
  const auto full = tracker.admit({"d", "cid", false}, {}, std::nullopt);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), Code::kExhausted);
  EXPECT_THAT(full.error().message(), HasSubstr("2 at once and 1 of one user, 1 waiting"));
  stop.request_stop();
  again.join();
}

TEST(QueryTracker, AWaitEndsAtTheDeadline) {
  HandClock clock;
  TrackerOptions options;
  options.running_max = 1;
  QueryTracker tracker(clock, options);
  const auto first = tracker.admit({"a", "", false}, {}, std::nullopt);
  std::thread waiting([&] {
    const auto second = tracker.admit({"b", "", false}, {}, clock.mono() + 5s);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Code::kTimeout);
  });
  while (tracker.active().size() < 2) std::this_thread::yield();
  clock.advance(6s);
  waiting.join();
}

TEST_F(LimitsTest, ARunningQueryIsCancelledByItsId) {
  QueryTracker tracker(clock_, {});
  watched_.on_read = [&](std::size_t reads) {
    if (reads != 40) return;
    EXPECT_TRUE(tracker.cancel(tracker.active().front().id));
  };
  const Engine engine(watched_, clock_, {nullptr, 1, &tracker});
  const auto result = engine.instant("sum(hits_total)", 60 * kMinute);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kCanceled);
  EXPECT_FALSE(tracker.cancel(QueryId{1}));
}

TEST_F(LimitsTest, SlowQueriesAreRememberedWithWhatTheyCost) {
  TrackerOptions options;
  options.slow_from = 10s;
  std::vector<std::string> told;
  options.on_slow = [&](const SlowQuery& q) { told.push_back(q.query.text); };
  QueryTracker tracker(clock_, options);
  const Engine engine(watched_, clock_, {nullptr, 1, &tracker});
  ASSERT_TRUE(engine.instant("count(hits_total)", 60 * kMinute));
  EXPECT_TRUE(tracker.slow().empty());
  watched_.on_read = [&](std::size_t) { clock_.advance(100ms); };
  QueryOptions query;
  query.user = "ann";
  ASSERT_TRUE(engine.instant("sum(hits_total)", 60 * kMinute, query));
  const auto slow = tracker.slow();
  ASSERT_EQ(slow.size(), 1U);
  EXPECT_EQ(slow[0].query.user, "ann");
  EXPECT_EQ(slow[0].took, 20s);
  EXPECT_EQ(slow[0].samples_read, 1000U);
  EXPECT_EQ(told, std::vector<std::string>{"sum(hits_total)"});
}

}  // namespace
}  // namespace holdfast::query::promql
