// Every step of a range query answers as the instant query at its time does.
#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "base/sim.h"
#include "conformance/table_reader.h"
#include "query/promql/engine.h"

namespace holdfast::query::promql {
namespace {

using conformance::TableReader;

constexpr std::int64_t kStep = 30'000;
constexpr int kSteps = 24;

// Counters with resets, gauges, gaps and staleness markers; classic buckets and native histograms.
void fill(TableReader& table, std::uint64_t seed) {
  SeededRandom random(seed);
  for (int k = 0; k < 6; ++k) {
    std::vector<Sample> counter, gauge, native;
    double total = 0;
    for (int i = 0; i < 80; ++i) {
      const Timestamp t = i * 10'000 + static_cast<Timestamp>(random.below(900));
      if (random.below(12) == 0) continue;
      if (random.below(25) == 0) total = 0;
      total += static_cast<double>(random.below(20));
      counter.push_back({t, random.below(30) == 0 ? model::stale_marker() : total, nullptr});
      gauge.push_back({t, static_cast<double>(random.below(100)) - 50, nullptr});
      model::Histogram h;
      h.schema = static_cast<std::int32_t>(random.below(3));
      h.positive_spans = {{0, 3}};
      h.positive_buckets = {total, total / 2, 1};
      h.count = total * 1.5 + 1;
      h.sum = total * 2;
      native.push_back({t, 0, std::make_shared<const model::Histogram>(h)});
    }
    const auto zone = k % 2 == 0 ? "eu" : "us";
    const auto host = std::to_string(k);
    table.add(Labels{{"__name__", "c_total"}, {"zone", zone}, {"host", host}}, counter);
    table.add(Labels{{"__name__", "g"}, {"zone", zone}, {"host", host}}, gauge);
    table.add(Labels{{"__name__", "b_bucket"}, {"zone", zone}, {"le", std::to_string(k + 1)}},
              counter);
    table.add(Labels{{"__name__", "h"}, {"zone", zone}, {"host", host}}, native);
  }
}

using Answer = std::map<Labels, std::string>;

std::string text_of(const Sample& point) {
  QueryResult one;
  one.value = Vector{{Series{Labels{}, {{0, point.value, point.histogram}}}}};
  return result_json(one);
}

Answer at_instant(const QueryResult& result) {
  Answer answer;
  if (const auto* scalar = std::get_if<Scalar>(&result.value))
    answer[Labels{}] = text_of({0, scalar->value, nullptr});
  if (const auto* vector = std::get_if<Vector>(&result.value)) {
    for (const auto& s : vector->series) answer[s.labels] = text_of(s.points[0]);
  }
  return answer;
}

Answer at_step(const QueryResult& result, Timestamp t) {
  Answer answer;
  for (const auto& s : std::get<Matrix>(result.value).series) {
    for (const auto& p : s.points) {
      if (p.t == t) answer[s.labels] = text_of(p);
    }
  }
  return answer;
}

TEST(PromqlSteps, AnswerAsInstantQueriesDo) {
  const char* queries[] = {
      "c_total",
      "g offset 35s",
      "g @ 300",
      "rate(c_total[1m])",
      "increase(c_total[95s] offset 20s)",
      "irate(c_total[1m])",
      "sum by (zone) (rate(c_total[2m]))",
      "avg(g)",
      "topk(2, g)",
      "bottomk by (zone) (1, g)",
      "quantile(0.3, g)",
      "stddev by (zone) (g)",
      "count_values(\"v\", g > 30)",
      "g > 0",
      "g * on(host, zone) c_total",
      "g / on(zone) group_left sum by (zone) (g)",
      "g and c_total > 50",
      "g or on(host) h",
      "c_total unless g > 0",
      "histogram_quantile(0.7, sum by (le) (rate(b_bucket[2m])))",
      "histogram_quantile(0.7, h)",
      "sum by (zone) (h)",
      "rate(h[90s])",
      "histogram_count(sum(h))",
      "h - ignoring(host) group_left avg by (zone) (h)",
      "max_over_time(rate(c_total[1m])[2m:20s])",
      "avg_over_time(g[100s])",
      "quantile_over_time(0.4, g[2m])",
      "stddev_over_time(g[2m])",
      "changes(g[1m])",
      "resets(c_total[3m])",
      "deriv(g[2m])",
      "predict_linear(g[2m], 60)",
      "absent(g > 45)",
      "absent_over_time(c_total{host=\"1\"}[5s])",
      "last_over_time(h[40s])",
      "timestamp(g)",
      "label_replace(g, \"host\", \"h$1\", \"host\", \"(.)\")",
      "scalar(g{host=\"1\"})",
      "time() - 5",
      "vector(1)",
      "clamp(g, -10, scalar(avg(g)))",
      "limitk(2, g)",
      "limit_ratio(0.5, g)",
      "g + fill(0) c_total",
      "rate(c_total[50s] anchored)",
      "rate(c_total[50s] smoothed)",
      "g smoothed",
      "sum(sum_over_time(h[1m]))",
  };
  for (const std::uint64_t seed : {1, 2, 3}) {
    TableReader table;
    fill(table, seed);
    SimClock clock;
    const Engine engine(table, clock);
    for (const auto* query : queries) {
      const auto range = engine.range(query, kStep, kStep * kSteps, kStep);
      ASSERT_TRUE(range) << query << ": " << range.error().message();
      std::size_t cells = 0;
      for (int i = 1; i <= kSteps; ++i) {
        const auto instant = engine.instant(query, kStep * i);
        ASSERT_TRUE(instant) << query << ": " << instant.error().message();
        const auto expected = at_instant(*instant);
        cells += expected.size();
        ASSERT_EQ(at_step(*range, kStep * i), expected)
            << query << " at " << kStep * i << ", seed " << seed;
      }
      EXPECT_GT(cells, 0U) << query << " answers nothing: it proves nothing";
    }
  }
}

}  // namespace
}  // namespace holdfast::query::promql
