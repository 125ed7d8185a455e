#include "collect/receive/remote_write_v2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collect/receive/histogram_proto.h"
#include "memory_store.h"
#include "receive_world.h"
#include "write_v2_builder.h"

namespace holdfast::collect {
namespace {

using ::testing::HasSubstr;

const ReceiveWorld::Fields kV2 = {
    {"Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"},
    {"Content-Encoding", "snappy"},
    {"X-Prometheus-Remote-Write-Version", "2.0.0"}};

std::string written(const ReceiveWorld::Answer& answer) {
  std::string out;
  for (const char* kind : {"Samples", "Histograms", "Exemplars"}) {
    out += (out.empty() ? "" : " ") +
           std::string(
               answer.headers.get("X-Prometheus-Remote-Write-" + std::string(kind) + "-Written"));
  }
  return out;
}

TEST(RemoteWriteV2, StoresFloatsHistogramsExemplarsAndMetadata) {
  ReceiveWorld world;
  const auto t = world.now();
  WriteV2Builder builder;
  builder.series({{"__name__", "requests_total"}, {"job", "api"}})
      .sample(t - 1000, 1)
      .sample(t, 2.5)
      .exemplar({{"trace_id", "abc"}}, t, 0.5)
      .metadata(1, "Requests.", "");
  builder.series({{"__name__", "latency"}})
      .histogram({t, false, 6, 12.5, 1, 0.001, 2, {{0, 2}, {3, 1}}, {2, 1, 2}, {}, 0})
      .histogram({t + 1000, true, 3.5, 1, 0, 0, -53, {{0, 2}}, {1.5, 2}, {0.5, 1}, 0});
  const auto answer = world.call("POST", "/api/v1/write", builder.body(), kV2);
  EXPECT_EQ(answer.status, 204) << answer.body;
  const model::Labels requests{{"__name__", "requests_total"}, {"job", "api"}};
  const bool keeps_exemplars = world.store->append_exemplars(requests, {}).has_value();
  EXPECT_EQ(written(answer), keeps_exemplars ? "2 2 1" : "2 2 0");
  const auto at = [](std::int64_t time) { return std::to_string(time); };
  EXPECT_EQ(world.stored("requests_total"), "requests_total{job=\"api\"} " + at(t - 1000) +
                                                " 1\nrequests_total{job=\"api\"} " + at(t) +
                                                " 2.5\n");
  EXPECT_EQ(world.stored("latency"),
            "latency " + at(t) +
                " {schema 2 count 6 sum 12.5 zero 1 positive [0+2] [3+1] 2 1 2}\nlatency " +
                at(t + 1000) +
                " {schema -53 count 3.5 sum 1 zero 0 positive [0+2] 1.5 2 bounds 0.5 1}\n");
  const auto metadata = world.store->metadata("requests_total", 1);
  ASSERT_TRUE(metadata.contains("requests_total"));
  EXPECT_EQ(metadata.at("requests_total")[0].type, "counter");
  EXPECT_EQ(metadata.at("requests_total")[0].help, "Requests.");
}

TEST(RemoteWriteV2, KeepsTheGoodPartAndNamesWhatItRefused) {
  ReceiveWorld world;
  const auto t = world.now();
  WriteV2Builder builder;
  builder.series({{"__name__", "good"}}).sample(t, 1);
  builder.series({{"job", "nameless"}}).sample(t, 1);
  builder.raw_refs({1, 99}).sample(t, 1);
  builder.series({{"__name__", "empty"}});
  builder.series({{"__name__", "wrong"}})
      .histogram({t, false, 1, 0, 0, 0, 0, {{0, 2}}, {1}, {}, 0});
  const auto answer = world.call("POST", "/api/v1/write", builder.body(), kV2);
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(written(answer), "1 0 0");
  EXPECT_THAT(answer.body, HasSubstr("4 refused"));
  EXPECT_THAT(answer.body, HasSubstr("series 1: a series without a metric name"));
  EXPECT_THAT(answer.body, HasSubstr("label reference 99 lies outside"));
  EXPECT_THAT(answer.body, HasSubstr("empty has neither a sample nor a histogram"));
  EXPECT_THAT(answer.body,
              HasSubstr("wrong: histogram: positive spans want 2 buckets, there are 1"));
  EXPECT_EQ(world.stored(".+"), "good " + std::to_string(t) + " 1\n");
}

TEST(RemoteWriteV2, AnOutOfOrderSampleIsRefusedByNameAndTheRestStands) {
  ReceiveWorld world;
  const auto t = world.now();
  WriteV2Builder first, second;
  first.series({{"__name__", "a"}}).sample(t, 1);
  EXPECT_EQ(world.call("POST", "/api/v1/write", first.body(), kV2).status, 204);
  second.series({{"__name__", "a"}}).sample(t - 10'000, 2);
  second.series({{"__name__", "b"}}).sample(t, 3);
  const auto answer = world.call("POST", "/api/v1/write", second.body(), kV2);
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(written(answer), "1 0 0");
  EXPECT_THAT(answer.body, HasSubstr("out of order"));
  EXPECT_THAT(answer.body, HasSubstr("a"));
  EXPECT_EQ(world.stored("b"), "b " + std::to_string(t) + " 3\n");
}

struct Negotiation {
  std::string name, type, coding, body;
  int status;
  std::string says;
};

TEST(RemoteWriteV2, TakesOnlyWhatItWasTold) {
  WriteV2Builder builder;
  builder.series({{"__name__", "a"}}).sample(1'800'000'000'000, 1);
  const auto good = builder.body();
  const std::string v2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
  std::string bomb(20, '\0');
  bomb = std::string("\xff\xff\xff\xff\x0f", 5);  // says it expands to 4 GiB
  const Negotiation cases[] = {
      {"good", v2, "snappy", good, 204, ""},
      {"parameter in quotes and spaces",
       "Application/X-Protobuf ; Proto=\"io.prometheus.write.v2.Request\"", "snappy", good, 204,
       ""},
      {"no coding named", v2, "", good, 204, ""},
      {"another message", "application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy",
       good, 415, "allowed: application/x-protobuf"},
      {"another type", "application/json", "snappy", good, 415,
       "Content-Type is 'application/json'"},
      {"another coding", v2, "br", good, 415, "br"},
      {"not snappy", v2, "snappy", "plain", 400, "not snappy"},
      {"too large", v2, "snappy", bomb, 413, "expands to over"},
      {"not the message", v2, "snappy", std::string("\x04\x0c\x2a\xff", 4), 400, ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    ReceiveWorld world;
    ReceiveWorld::Fields fields = {{"Content-Type", c.type}};
    if (!c.coding.empty()) fields.emplace_back("Content-Encoding", c.coding);
    const auto answer = world.call("POST", "/api/v1/write", c.body, fields);
    EXPECT_EQ(answer.status, c.status) << answer.body;
    EXPECT_THAT(answer.body, HasSubstr(c.says));
  }
}

TEST(RemoteWriteV2, AFullDiskAsksTheSenderToTryAgain) {
  ReceiveWorld world;
  world.world.files.set_full(true);
  WriteV2Builder builder;
  builder.series({{"__name__", "a"}}).sample(world.now(), 1);
  const auto answer = world.call("POST", "/api/v1/write", builder.body(), kV2);
  EXPECT_EQ(answer.status, 503) << answer.body;
  EXPECT_FALSE(answer.headers.get("Retry-After").empty());
  EXPECT_EQ(written(answer), "0 0 0");
  world.world.files.set_full(false);
  EXPECT_EQ(world.call("POST", "/api/v1/write", builder.body(), kV2).status, 204);
}

struct HistogramCase {
  std::string name;
  HistogramSpec spec;
  std::string want;  // the histogram, or what the error says
};

TEST(HistogramProto, ReadsEveryKindAndRefusesWhatContradictsItself) {
  const HistogramCase cases[] = {
      {"integer",
       {5, false, 3, 1.5, 0, 0, 3, {{-2, 2}}, {1, 2}, {}, 0},
       "{schema 3 count 3 sum 1.5 zero 0 positive [-2+2] 1 2}"},
      {"float",
       {5, true, 3, 1.5, 0.5, 1, 3, {{-2, 2}}, {1.25, 1.25}, {}, 0},
       "{schema 3 count 3 sum 1.5 zero 0.5 positive [-2+2] 1.25 1.25}"},
      {"schema above 8 is reduced",
       {5, false, 6, 1, 0, 0, 9, {{0, 4}}, {1, 2, 2, 1}, {}, 0},
       "{schema 8 count 6 sum 1 zero 0 positive [0+3] 1 4 1}"},
      {"schema unknown", {5, false, 1, 1, 1, 0, 77, {}, {}, {}, 0}, "schema 77"},
      {"buckets over count",
       {5, false, 1, 1, 0, 0, 0, {{0, 1}}, {4}, {}, 0},
       "more than its count"},
      {"buckets under count", {5, false, 9, 1, 0, 0, 0, {{0, 1}}, {4}, {}, 0}, "do not add up"},
      {"second span goes back",
       {5, false, 2, 1, 0, 0, 0, {{0, 1}, {-1, 1}}, {1, 1}, {}, 0},
       "negative offset"},
      {"negative bucket", {5, false, 2, 1, 0, 0, 0, {{0, 2}}, {3, -1}, {}, 0}, "negative count"},
      {"custom bounds fall", {5, false, 1, 1, 0, 0, -53, {{0, 1}}, {1}, {2, 1}, 0}, "rise"},
      {"custom without bounds",
       {5, false, 2, 1, 0, 0, -53, {{0, 2}}, {1, 1}, {}, 0},
       "only 0 custom bounds"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto sample = read_histogram(histogram_message(c.spec));
    if (sample) {
      EXPECT_EQ(describe(*sample), c.want);
      EXPECT_EQ(sample->t, 5);
    } else {
      EXPECT_THAT(sample.error().message(), HasSubstr(c.want));
    }
  }
}

TEST(HistogramProto, AStaleSumIsAStaleFloat) {
  const auto sample = read_histogram(
      histogram_message({7, false, 0, model::stale_marker(), 0, 0, 0, {}, {}, {}, 0}));
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->histogram, nullptr);
  EXPECT_TRUE(model::is_stale(sample->value));
}

}  // namespace
}  // namespace holdfast::collect
