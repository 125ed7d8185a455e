// The engine's limits, errors and forms of answers. What queries mean is told by the scripts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sim.h"
#include "conformance/table_reader.h"
#include "query/promql/engine.h"

namespace holdfast::query::promql {
namespace {

using conformance::TableReader;
using testing::HasSubstr;

constexpr Timestamp kMinute = 60'000;

class EngineTest : public testing::Test {
 protected:
  EngineTest() {
    for (int host = 0; host < 10; ++host) {
      std::vector<Sample> samples;
      for (int i = 0; i <= 60; ++i) samples.push_back({i * kMinute, 1.0 * i * (host + 1), nullptr});
      table_.add(Labels{{"__name__", "hits_total"}, {"host", std::to_string(host)}}, samples);
    }
  }

  TableReader table_;
  SimClock clock_;
  Engine engine_{table_, clock_};
};

TEST_F(EngineTest, TheSampleLimitStopsAQueryAndIsNamed) {
  QueryOptions options;
  options.sample_count_max = 100;
  const auto result = engine_.range("hits_total", 0, 60 * kMinute, kMinute, options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kTooLarge);
}

TEST_F(EngineTest, ASubqueryOfTooManyStepsIsRefusedBeforeItIsEvaluated) {
  const auto result = engine_.instant("sum_over_time(vector(1)[10y:1ms])", 0);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kTooLarge);
  EXPECT_THAT(result.error().message(), HasSubstr("50000000 samples"));
}

TEST_F(EngineTest, TooManyPointsOfARangeAreRefused) {
  const auto result = engine_.range("1", 0, 12'000'000, 1000);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kTooLarge);
  EXPECT_THAT(result.error().message(), HasSubstr("11000 points"));
}

TEST_F(EngineTest, ADeadlineInThePastIsATimeout) {
  QueryOptions options;
  options.deadline = clock_.mono() - 1s;
  const auto result = engine_.instant("sum(hits_total)", kMinute, options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kTimeout);
}

TEST_F(EngineTest, AStoppedQueryIsCanceled) {
  std::stop_source source;
  source.request_stop();
  QueryOptions options;
  options.stop = source.get_token();
  const auto result = engine_.instant("sum(hits_total)", kMinute, options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kCanceled);
}

TEST_F(EngineTest, RangesThatCannotBeAreInvalid) {
  struct Case {
    const char* name;
    Timestamp from, to;
    std::int64_t step;
    const char* query;
    const char* message;
  };
  const Case cases[] = {
      {"no step", 0, 1000, 0, "1", "zero or negative query resolution"},
      {"negative step", 0, 1000, -5, "1", "zero or negative query resolution"},
      {"backwards", 1000, 0, 5, "1", "end timestamp must not be before start time"},
      {"a range vector", 0, 1000, 500, "hits_total[1m]",
       "invalid expression type \"range vector\""},
      {"a string", 0, 1000, 500, "\"a\"", "invalid expression type \"string\""},
  };
  for (const auto& c : cases) {
    const auto result = engine_.range(c.query, c.from, c.to, c.step);
    ASSERT_FALSE(result) << c.name;
    EXPECT_EQ(result.error().code(), Code::kInvalid) << c.name;
    EXPECT_THAT(result.error().message(), HasSubstr(c.message)) << c.name;
  }
}

TEST_F(EngineTest, FarTimesAndOffsetsDoNotOverflow) {
  for (const auto* query :
       {"hits_total offset 290y", "hits_total offset -290y", "rate(hits_total[290y])",
        "hits_total @ 9e12", "hits_total @ -9e12", "max_over_time(hits_total[290y:200y])"}) {
    for (const Timestamp at : {Timestamp{0}, model::kTimestampMax, model::kTimestampMin}) {
      (void)engine_.instant(query, at);
    }
  }
  EXPECT_FALSE(engine_.instant("hits_total", model::kTimestampMax + 1));
}

TEST_F(EngineTest, StatsCountWhatWasRead) {
  const auto result = engine_.instant("sum(rate(hits_total[5m]))", 10 * kMinute);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->stats.samples_read, 50U);
  EXPECT_GE(result->stats.samples_peak, 1U);
  EXPECT_EQ(result->stats.samples_queryable, 50U);
}

TEST_F(EngineTest, AParsedExpressionAnswersLikeItsText) {
  const auto expr = parse_expr("sum(rate(hits_total[5m]))");
  ASSERT_TRUE(expr);
  const auto parsed = engine_.instant(**expr, 10 * kMinute);
  const auto text = engine_.instant("sum(rate(hits_total[5m]))", 10 * kMinute);
  ASSERT_TRUE(parsed && text);
  EXPECT_EQ(result_json(*parsed), result_json(*text));
}

TEST_F(EngineTest, AnswersHavePrometheusJson) {
  model::Histogram h;
  h.count = 5;
  h.sum = 6.5;
  h.zero_count = 1;
  h.zero_threshold = 0.25;
  h.positive_spans = {{0, 2}};
  h.positive_buckets = {1, 2};
  h.negative_spans = {{0, 1}};
  h.negative_buckets = {1};
  table_.add(Labels{{"__name__", "h"}}, {{0, 0, std::make_shared<const model::Histogram>(h)}});
  table_.add(Labels{{"__name__", "odd"}, {"text", "a\"b\n\xff"}}, {{0, 1.5, nullptr}});
  struct Case {
    const char* query;
    bool range;
    const char* json;
  };
  const Case cases[] = {
      {"1 / 0", false, R"({"resultType":"scalar","result":[0,"+Inf"]})"},
      {"\"a\\nb\"", false, R"({"resultType":"string","result":[0,"a\nb"]})"},
      {"nothing", false, R"({"resultType":"vector","result":[]})"},
      {"odd", false,
       "{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"__name__\":\"odd\",\"text\":"
       "\"a\\\"b\\n\xEF\xBF\xBD\"},"
       "\"value\":[0,\"1.5\"]}]}"},
      {"h", false,
       R"({"resultType":"vector","result":[{"metric":{"__name__":"h"},"histogram":[0,{"count":"5","sum":"6.5","buckets":)"
       R"([[1,"-1","-0.5","1"],[3,"-0.25","0.25","1"],[0,"0.5","1","1"],[0,"1","2","2"]]}]}]})"},
      {"h", true,
       R"({"resultType":"matrix","result":[{"metric":{"__name__":"h"},"histograms":[[0,{"count":"5","sum":"6.5","buckets":)"
       R"([[1,"-1","-0.5","1"],[3,"-0.25","0.25","1"],[0,"0.5","1","1"],[0,"1","2","2"]]}]]}]})"},
      {"time()", true,
       R"({"resultType":"matrix","result":[{"metric":{},"values":[[0,"0"],[0.500,"0.5"]]}]})"},
  };
  for (const auto& c : cases) {
    const auto result = c.range ? engine_.range(c.query, 0, *c.query == 't' ? 500 : 0, 500)
                                : engine_.instant(c.query, 0);
    ASSERT_TRUE(result) << c.query << ": " << result.error().message();
    EXPECT_EQ(result_json(*result), c.json) << c.query;
  }
}

}  // namespace
}  // namespace holdfast::query::promql
