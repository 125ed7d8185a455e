#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "otlp_builder.h"
#include "receive_world.h"

namespace holdfast::collect {
namespace {

using ::testing::HasSubstr;

const ReceiveWorld::Fields kProto = {{"Content-Type", "application/x-protobuf"}};
const ReceiveWorld::Fields kJson = {{"Content-Type", "application/json"}};

std::string json_request(std::int64_t t) {
  const auto ns = "\"" + std::to_string(t) + "000000\"";
  return R"({"resourceMetrics":[{"resource":{"attributes":[
      {"key":"service.name","value":{"stringValue":"api"}},
      {"key":"pid","value":{"intValue":"42"}},
      {"key":"tags","value":{"arrayValue":{"values":[{"stringValue":"a"},{"boolValue":true}]}}}]},
    "scopeMetrics":[{"scope":{"name":"lib"},"metrics":[
      {"name":"temp","unit":"Cel","description":"Warmth.","gauge":{"dataPoints":[
        {"asDouble":21.5,"timeUnixNano":)" +
         ns + R"(,"attributes":[{"key":"room","value":{"stringValue":"k"}}]}]}},
      {"name":"hits","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[
        {"asInt":"7","timeUnixNano":)" +
         ns + R"(}]}},
      {"name":"lat","unit":"ms","histogram":{"aggregationTemporality":2,"dataPoints":[
        {"count":"3","sum":4,"bucketCounts":["1","2"],"explicitBounds":[1.5],"timeUnixNano":)" +
         ns + R"(}]}},
      {"name":"exp","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[
        {"count":3,"sum":4,"scale":1,"zeroCount":"1","positive":{"offset":2,"bucketCounts":[2]},
         "timeUnixNano":)" +
         ns + R"(}]}}
    ]}]}]})";
}

TEST(OtlpHttp, IsServedOnAPortOfItsOwnWithNothingBeside) {
  ReceiveOptions options;
  options.otlp.http_listen = "holdfast:4318";
  options.otlp.http_listen_required = true;
  ReceiveWorld world(options);
  ASSERT_TRUE(world.receivers->otlp_http_endpoint());
  EXPECT_EQ(world.receivers->otlp_http_endpoint()->port, 4318);
  const auto post = [&](const std::string& path) {
    net::ClientRequest request;
    request.method = "POST";
    request.url = "http://holdfast:4318" + path;
    request.body = json_request(world.now());
    request.headers.set("Content-Type", "application/json");
    std::optional<int> status;
    world.client.send(std::move(request), [&](Result<net::ClientResponse> response) {
      status = response ? response->status : -1;
    });
    world.world.executor.run_until([&] { return status.has_value(); }, 30s);
    return status.value_or(0);
  };
  EXPECT_EQ(post("/v1/metrics"), 200);
  EXPECT_NE(world.stored("temp_.*"), "");
  EXPECT_EQ(post("/api/v1/write"), 404);
}

TEST(OtlpHttp, JsonAndProtobufAreStoredTheSame) {
  ReceiveWorld world;
  const auto t = world.now();
  const auto at = " " + std::to_string(t) + " ";
  const auto answer = world.call("POST", "/v1/metrics", json_request(t), kJson);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "{}");
  EXPECT_EQ(answer.headers.get("Content-Type"), "application/json");
  EXPECT_EQ(world.stored("temp_.*"), "temp_celsius{job=\"api\",room=\"k\"}" + at + "21.5\n");
  EXPECT_EQ(world.stored("hits_total"), "hits_total{job=\"api\"}" + at + "7\n");
  EXPECT_EQ(world.stored("lat_milliseconds_bucket"),
            "lat_milliseconds_bucket{job=\"api\",le=\"+Inf\"}" + at +
                "3\nlat_milliseconds_bucket{job=\"api\",le=\"1.5\"}" + at + "1\n");
  EXPECT_EQ(world.stored("exp"),
            "exp{job=\"api\"}" + at + "{schema 1 count 3 sum 4 zero 1 positive [3+1] 2}\n");
  EXPECT_EQ(world.stored("target_info"),
            "target_info{job=\"api\",pid=\"42\",tags=\"[\\\"a\\\",true]\"}" + at + "1\n");
  EXPECT_EQ(world.store->metadata("temp_celsius", 1).at("temp_celsius")[0].help, "Warmth.");

  const auto proto = otlp_request({{"service.name", "api"}},
                                  {{"hits", "", 7, {otlp_number_point({0, t + 1000}, 8)}}});
  for (const char* path : {"/otlp/v1/metrics", "/api/v1/otlp/v1/metrics"}) {
    const auto again = world.call("POST", path, proto, kProto);
    EXPECT_EQ(again.status, 200) << path;
    EXPECT_EQ(again.body, "");
  }
  EXPECT_THAT(world.stored("hits_total"), HasSubstr(std::to_string(t + 1000) + " 8\n"));
}

TEST(OtlpHttp, PartialSuccessTellsWhatWasRefused) {
  ReceiveWorld world;
  const auto t = world.now();
  const auto body = otlp_request({}, {{"good", "", 5, {otlp_number_point({0, t}, 1)}},
                                      {"bad", "", 7, {otlp_number_point({0, t}, 1)}, 0}});
  const auto answer = world.call("POST", "/v1/metrics", body, kProto);
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("1 refused: metric bad: it has no aggregation temporality"));
  EXPECT_EQ(world.stored("good"), "good " + std::to_string(t) + " 1\n");

  const auto older = otlp_request({}, {{"good", "", 5, {otlp_number_point({0, t - 5000}, 2)}}});
  EXPECT_THAT(world.call("POST", "/v1/metrics", older, kProto).body, HasSubstr("out of order"));
}

struct RefusalCase {
  std::string name, type, body;
  int status;
  std::string says;
};

TEST(OtlpHttp, WhatCannotBeReadIsRefusedWithItsPlace) {
  const RefusalCase cases[] = {
      {"type", "text/plain", "x", 415, "allowed: application/x-protobuf, application/json"},
      {"not JSON", "application/json", "{", 400, "not JSON"},
      {"not an object", "application/json", "[]", 400, "expected an object"},
      {"not protobuf", "application/x-protobuf", "\x0a\xff", 400, "no ExportMetricsServiceRequest"},
      {"a wrong member", "application/json",
       R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":5}]}]}]})", 400,
       "resourceMetrics[0].scopeMetrics[0].metrics[0].name: expected a text"},
      {"a wrong number", "application/json",
       R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{},{"asInt":"x"}]}}]}]}]})",
       400, "metrics[0].gauge.dataPoints[1].asInt: expected an integer"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    ReceiveWorld world;
    const auto answer = world.call("POST", "/v1/metrics", c.body, {{"Content-Type", c.type}});
    EXPECT_EQ(answer.status, c.status);
    EXPECT_THAT(answer.body, HasSubstr(c.says));
  }
}

TEST(OtlpHttp, DeltasOfARefusedBatchCountOnceWhenSentAgain) {
  ReceiveWorld world;
  const auto t = world.now();
  const auto body = otlp_request({}, {{"n", "", 7, {otlp_number_point({0, t}, 4)}, 1}});
  world.world.files.set_full(true);
  const auto refused = world.call("POST", "/v1/metrics", body, kProto);
  EXPECT_EQ(refused.status, 503);
  EXPECT_FALSE(refused.headers.get("Retry-After").empty());
  world.world.files.set_full(false);
  EXPECT_EQ(world.call("POST", "/v1/metrics", body, kProto).body, "");
  const auto more = otlp_request({}, {{"n", "", 7, {otlp_number_point({0, t + 1000}, 2)}, 1}});
  EXPECT_EQ(world.call("POST", "/v1/metrics", more, kProto).body, "");
  EXPECT_EQ(world.stored("n_total"),
            "n_total " + std::to_string(t) + " 4\nn_total " + std::to_string(t + 1000) + " 6\n");
}

}  // namespace
}  // namespace holdfast::collect
