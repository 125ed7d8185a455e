#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collect/receive/otlp_names.h"
#include "collect/receive/otlp_translate.h"
#include "otlp_builder.h"
#include "receive_world.h"

namespace holdfast::collect {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kT = 1'800'000'000'000;
const OtlpPairs kService = {{"service.name", "api"},
                            {"service.namespace", "shop"},
                            {"service.instance.id", "i-1"},
                            {"host.name", "node7"}};
const std::string kIdentity = "instance=\"i-1\",job=\"shop/api\"";

std::string at(std::int64_t t) { return " " + std::to_string(t) + " "; }

// What a request becomes; deltas by totals of its own.
struct Translation {
  std::string points, targets, refusals;
};
Translation translate(const std::string& message, OtlpOptions options = {}) {
  const auto request = decode_otlp_proto(message);
  if (!request) return {request.error().message(), "", ""};
  OtlpDelta delta(options.delta_series_max, options.delta_expiry);
  OtlpDelta::Round round(delta, {});
  const auto out = translate_otlp(*request, options, &round);
  return {describe(out.points), describe(out.targets), out.points.refusals.text()};
}

struct NameCase {
  std::string name, unit;
  OtlpKind kind;
  bool monotonic;
  std::string want[4];  // by strategy, in the order of NameTranslation
};

TEST(OtlpNames, FollowEveryStrategy) {
  const auto gauge = OtlpKind::kGauge;
  const auto sum = OtlpKind::kSum;
  const NameCase cases[] = {
      {"system.io",
       "By",
       sum,
       true,
       {"system_io_bytes_total", "system_io", "system.io_bytes_total", "system.io"}},
      {"system.cpu.time",
       "s",
       sum,
       true,
       {"system_cpu_time_seconds_total", "system_cpu_time", "system.cpu.time_seconds_total",
        "system.cpu.time"}},
      {"system.network.io",
       "By/s",
       gauge,
       false,
       {"system_network_io_bytes_per_second", "system_network_io",
        "system.network.io_bytes_per_second", "system.network.io"}},
      {"system.network.dropped",
       "{packets}",
       sum,
       true,
       {"system_network_dropped_total", "system_network_dropped", "system.network.dropped_total",
        "system.network.dropped"}},
      {"hw.gpu.memory.utilization",
       "1",
       gauge,
       false,
       {"hw_gpu_memory_utilization_ratio", "hw_gpu_memory_utilization",
        "hw.gpu.memory.utilization_ratio", "hw.gpu.memory.utilization"}},
      {"apache.requests",
       "1",
       sum,
       true,
       {"apache_requests_total", "apache_requests", "apache.requests_total", "apache.requests"}},
      {"broken.metric.speed.km",
       "km/h",
       gauge,
       false,
       {"broken_metric_speed_km_per_hour", "broken_metric_speed_km",
        "broken.metric.speed.km_per_hour", "broken.metric.speed.km"}},
      {"my_total_count",
       "",
       sum,
       true,
       {"my_count_total", "my_total_count", "my_total_count_total", "my_total_count"}},
      {"temperature.seconds",
       "s",
       gauge,
       false,
       {"temperature_seconds", "temperature_seconds", "temperature.seconds",
        "temperature.seconds"}},
      {"odd.unit",
       "\xc2\xb0"
       "F",
       gauge,
       false,
       {"odd_unit_F", "odd_unit",
        "odd.unit_\xc2\xb0"
        "F",
        "odd.unit"}},
      {"4_temperature",
       "",
       gauge,
       false,
       {"_4_temperature", "_4_temperature", "4_temperature", "4_temperature"}},
      {"a__b..c", "", gauge, false, {"a_b_c", "a__b_c", "a__b..c", "a__b..c"}},
      {"...", "", gauge, false, {"", "", "...", "..."}},
  };
  for (const auto& c : cases) {
    OtlpMetric metric;
    metric.name = c.name;
    metric.unit = c.unit;
    metric.kind = c.kind;
    metric.monotonic = c.monotonic;
    for (int i = 0; i < 4; ++i) {
      SCOPED_TRACE(c.name + " by strategy " + std::to_string(i));
      EXPECT_EQ(OtlpNames(static_cast<NameTranslation>(i)).metric(metric), c.want[i]);
    }
  }
}

TEST(OtlpNames, LabelsKeepToTheirAlphabet) {
  const OtlpNames names(NameTranslation::kUnderscoreEscapingWithSuffixes);
  const std::pair<const char*, const char*> cases[] = {
      {"http.method", "http_method"},   {"1st", "key_1st"}, {"_private", "key_private"},
      {"__reserved__", "__reserved__"}, {"a:b", "a_b"},     {"....", ""}};
  for (const auto& [from, to] : cases) EXPECT_EQ(names.label(from), to) << from;
  EXPECT_EQ(OtlpNames(NameTranslation::kNoTranslation).label("http.method"), "http.method");
}

TEST(OtlpTranslate, GaugesAndSumsCarryJobInstanceAndAttributes) {
  const auto out = translate(otlp_request(
      kService, {{"queue.depth", "", 5, {otlp_number_point({0, kT}, 3, {{"http.method", "GET"}})}},
                 {"requests", "1", 7, {otlp_number_point({0, kT}, 9)}}}));
  EXPECT_EQ(out.points, "queue_depth{http_method=\"GET\"," + kIdentity + "}" + at(kT) + "3\n" +
                            "requests_total{" + kIdentity + "}" + at(kT) + "9\n");
  EXPECT_EQ(out.targets, "target_info{host_name=\"node7\"," + kIdentity + "}" + at(kT) + "1\n");
}

TEST(OtlpTranslate, PromotedAttributesAndScopesBecomeLabels) {
  OtlpOptions options;
  options.promote_resource_attributes = {"host.name"};
  options.promote_scope_metadata = true;
  const auto message = otlp_request(
      kService, {{"a", "", 5, {otlp_number_point({0, kT}, 1, {{"job", "own"}})}}}, "lib");
  EXPECT_EQ(translate(message, options).points,
            "a{host_name=\"node7\"," + kIdentity + ",otel_scope_name=\"lib\"}" + at(kT) + "1\n");
}

TEST(OtlpTranslate, AttributesThatCollideAreJoined) {
  const auto message = otlp_request(
      {}, {{"a", "", 5, {otlp_number_point({0, kT}, 1, {{"x_y", "2"}, {"x.y", "1"}})}}});
  EXPECT_EQ(translate(message).points, "a{x_y=\"1;2\"}" + at(kT) + "1\n");
}

TEST(OtlpTranslate, ExplicitHistogramsBecomeClassicSeriesWithExemplarsAtTheirBucket) {
  WireWriter exemplar;
  exemplar.fixed64(2, static_cast<std::uint64_t>(kT) * 1'000'000);
  exemplar.number(3, 0.7);
  exemplar.bytes(5, std::string("\x01\xab", 2));
  const auto out = translate(otlp_request(
      {}, {{"latency",
            "s",
            9,
            {otlp_explicit_point({0, kT}, {0.5, 1}, {2, 1, 4}, 12.5, exemplar.text())}}}));
  EXPECT_EQ(out.points, "latency_seconds_bucket{le=\"0.5\"}" + at(kT) + "2\n" +
                            "latency_seconds_bucket{le=\"1\"}" + at(kT) + "3\n" +
                            "latency_seconds_bucket{le=\"+Inf\"}" + at(kT) + "7\n" +
                            "latency_seconds_sum" + at(kT) + "12.5\n" + "latency_seconds_count" +
                            at(kT) + "7\n" + "exemplar latency_seconds_bucket{le=\"1\"} " +
                            "{trace_id=\"01ab\"}" + at(kT) + "0.7\n");
  OtlpOptions options;
  options.explicit_to_custom_buckets = true;
  EXPECT_EQ(
      translate(
          otlp_request(
              {}, {{"latency", "s", 9, {otlp_explicit_point({0, kT}, {0.5, 1}, {2, 0, 4}, 9)}}}),
          options)
          .points,
      "latency_seconds" + at(kT) +
          "{schema -53 count 6 sum 9 zero 0 positive [0+3] 2 0 4 bounds 0.5 1}\n");
}

TEST(OtlpTranslate, ExponentialHistogramsBecomeNativeOnes) {
  // OTLP's bucket at offset -1 is our bucket 0; of scale 9 two buckets fall into one of 8.
  EXPECT_EQ(
      translate(otlp_request(
                    {}, {{"e", "", 10, {otlp_exponential_point({0, kT}, 3, 2, -1, {1, 0, 5}, 7)}}}))
          .points,
      "e" + at(kT) + "{schema 3 count 8 sum 7 zero 2 positive [0+3] 1 0 5}\n");
  EXPECT_EQ(
      translate(
          otlp_request(
              {}, {{"e", "", 10, {otlp_exponential_point({0, kT}, 9, 0, 0, {1, 2, 3, 4}, 7)}}}))
          .points,
      "e" + at(kT) + "{schema 8 count 10 sum 7 zero 0 positive [1+2] 3 7}\n");
  EXPECT_THAT(
      translate(
          otlp_request({}, {{"e", "", 10, {otlp_exponential_point({0, kT}, -5, 0, 0, {1}, 7)}}}))
          .refusals,
      HasSubstr("metric e: scale -5; allowed: -4 and above"));
}

TEST(OtlpTranslate, SummariesBecomeQuantilesSumAndCount) {
  WireWriter quantile, point;
  quantile.number(1, 0.9);
  quantile.number(2, 4.5);
  otlp_times(point, {0, kT});
  point.fixed64(4, 10);
  point.number(5, 20);
  point.bytes(6, quantile.text());
  EXPECT_EQ(
      translate(otlp_request({}, {{"s", "", 11, {point.text()}}})).points,
      "s_sum" + at(kT) + "20\ns_count" + at(kT) + "10\ns{quantile=\"0.9\"}" + at(kT) + "4.5\n");
}

TEST(OtlpTranslate, NoRecordedValueEndsTheSeries) {
  EXPECT_EQ(
      translate(otlp_request({}, {{"a", "", 5, {otlp_number_point({0, kT}, 0, {}, 1)}}})).points,
      "a" + at(kT) + "stale\n");
}

TEST(OtlpTranslate, DeltasAddUpAndRepeatedOnesAreRefused) {
  const auto sum = [](std::int64_t t, double value) {
    return otlp_number_point({t - 10, t}, value);
  };
  const auto out = translate(otlp_request(
      {}, {{"n", "", 7, {sum(kT, 2), sum(kT + 10, 3), sum(kT + 10, 3), sum(kT + 20, 0.5)}, 1},
           {"h",
            "",
            9,
            {otlp_explicit_point({0, kT}, {1}, {1, 1}, 2),
             otlp_explicit_point({0, kT + 10}, {1}, {0, 2}, 5),
             otlp_explicit_point({0, kT + 20}, {2}, {3, 0}, 1)},
            1},
           {"e",
            "",
            10,
            {otlp_exponential_point({0, kT}, 3, 1, 0, {1, 1}, 2),
             otlp_exponential_point({0, kT + 10}, 2, 1, 0, {4}, 2)},
            1}}));
  EXPECT_THAT(out.points, HasSubstr("n_total" + at(kT) + "2\nn_total" + at(kT + 10) + "5\nn_total" +
                                    at(kT + 20) + "5.5\n"));
  EXPECT_THAT(out.points, HasSubstr("h_bucket{le=\"+Inf\"}" + at(kT + 10) + "4\n"));
  EXPECT_THAT(out.points, HasSubstr("h_sum" + at(kT + 10) + "7\n"));
  EXPECT_THAT(out.points, HasSubstr("h_bucket{le=\"2\"}" + at(kT + 20) + "3\n"))
      << "other bounds begin anew";
  EXPECT_THAT(out.points,
              HasSubstr("e" + at(kT + 10) + "{schema 2 count 8 sum 4 zero 2 positive [1+1] 6}\n"));
  EXPECT_THAT(out.refusals,
              HasSubstr("1 refused: metric n: a delta point of n_total is not newer"));
}

TEST(OtlpTranslate, RefusesWhatItCannotRead) {
  WireWriter no_time;
  no_time.number(4, 1);
  EXPECT_THAT(translate(otlp_request({}, {{"a", "", 5, {no_time.text()}}})).refusals,
              HasSubstr("metric a: a point without a time"));
  EXPECT_THAT(
      translate(otlp_request({}, {{"a", "", 7, {otlp_number_point({0, kT}, 1)}, 0}})).refusals,
      HasSubstr("no aggregation temporality"));
  EXPECT_THAT(
      translate(otlp_request({}, {{"...", "", 5, {otlp_number_point({0, kT}, 1)}}})).refusals,
      HasSubstr("leaves no metric name"));
  EXPECT_THAT(
      translate(otlp_request({}, {{"h", "", 9, {otlp_explicit_point({0, kT}, {1, 2}, {1, 1}, 2)}}}))
          .refusals,
      HasSubstr("2 bucket counts for 2 bounds"));
}

TEST(OtlpDelta, KeepsNothingOfARoundThatWasNotCommitted) {
  OtlpDelta delta(10, 5min);
  const model::Labels series{{"__name__", "a"}};
  const auto add = [&](std::uint64_t t, double value, bool commit) {
    OtlpDelta::Round round(delta, {});
    const auto total = round.add(series, t, {{}, {value}, {}});
    if (commit) round.commit();
    return total ? (*total)->values[0] : -1;
  };
  EXPECT_EQ(add(1, 2, false), 2);
  EXPECT_EQ(delta.series_count(), 0u);
  EXPECT_EQ(add(1, 2, true), 2);
  EXPECT_EQ(add(2, 3, false), 5);
  EXPECT_EQ(add(2, 3, true), 5);
  EXPECT_EQ(add(2, 3, true), -1);
}

TEST(OtlpDelta, IsBoundedAndForgetsWhatFellSilent) {
  OtlpDelta delta(2, 5min);
  const auto add = [&](const std::string& name, Duration now, std::uint64_t t) {
    OtlpDelta::Round round(delta, MonoTime(now));
    const auto total = round.add(model::Labels{{"__name__", name}}, t, {{}, {1}, {}});
    round.commit();
    return total ? format_double((*total)->values[0]) : total.error().message();
  };
  EXPECT_EQ(add("a", 0s, 1), "1");
  EXPECT_EQ(add("b", 4min, 1), "1");
  EXPECT_THAT(add("c", 5min, 1), HasSubstr("over 2 series of delta temporality; c was not added"));
  EXPECT_EQ(add("c", 6min, 1), "1") << "a fell silent";
  EXPECT_EQ(add("b", 7min, 2), "2");
  EXPECT_EQ(add("b", 20min, 3), "1") << "after its silence it begins anew";
}

}  // namespace
}  // namespace holdfast::collect
