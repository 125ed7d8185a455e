#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/wire.h"
#include "collect/receive/push_groups.h"
#include "receive_world.h"

namespace holdfast::collect {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct PathCase {
  std::string path;
  std::string want;  // the labels, or what the refusal says
};

TEST(PushPath, NamesItsGroup) {
  const PathCase cases[] = {
      {"/job/a", "job=a"},
      {"/job/a/instance/b", "instance=b job=a"},
      {"/job/a%2Fb/x/y%20z", "job=a/b x=y z"},
      {"/job@base64/YS9i/x@base64/eQ==", "job=a/b x=y"},
      {"/job@base64/4pyT", "job=\xe2\x9c\x93"},
      {"/job/a/x@base64/=", "job=a x="},
      {"/job/a/x@base64/_-8", "the value of label x is not UTF-8"},
      {"/job/a/job/b", "job=a"},
      {"/job/a/x", "odd number of components"},
      {"/job/", "job name is required"},
      {"/job/a/1x/y", "improper label name \"1x\""},
      {"/job/a/__x/y", "improper label name \"__x\""},
      {"/job/a/x@base64/a", "invalid base64 encoding for label x"},
      {"/job/a/x@base64/a+b=", "invalid base64"},
      {"/task/a", "begins with /metrics/job"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.path);
    const auto key = push_group_of(c.path);
    if (!key) {
      EXPECT_THAT(key.error().message(), HasSubstr(c.want));
      continue;
    }
    std::string text;
    for (const auto& [name, value] : *key) text += (text.empty() ? "" : " ") + name + "=" + value;
    EXPECT_EQ(text, c.want);
  }
}

ReceiveOptions push_options() {
  ReceiveOptions options;
  options.push.file = "data/push-groups";
  options.push.interval = 10s;
  return options;
}

// One line a series of the newest round, times left out.
std::string newest(const ReceiveWorld& world, const std::string& metric) {
  std::string out;
  std::string last_series;
  const auto all = world.stored(metric);
  for (const auto line : split(all, '\n')) {
    if (line.empty()) continue;
    const auto space = line.rfind(' ', line.rfind(' ') - 1);
    const auto text =
        std::string(line.substr(0, space)) + std::string(line.substr(line.rfind(' ')));
    const std::string series(line.substr(0, space));
    if (series == last_series) out.erase(out.rfind(series));
    out += text + "\n";
    last_series = series;
  }
  return out;
}

TEST(PushHttp, PutReplacesTheGroupPostTheFamilyDeleteAll) {
  ReceiveWorld world(push_options());
  const std::string group = "/metrics/job/backup/instance/db1";
  EXPECT_EQ(world.call("PUT", group, "# TYPE a counter\na 1\nb{job=\"other\",x=\"y\"} 2\n").status,
            200);
  world.world.executor.run_for(10s);
  EXPECT_EQ(newest(world, "a|b"),
            "a{instance=\"db1\",job=\"backup\"} 1\n"
            "b{instance=\"db1\",job=\"backup\",x=\"y\"} 2\n");
  EXPECT_EQ(world.call("POST", group, "# TYPE a counter\na 5\n").status, 200);
  world.world.executor.run_for(10s);
  EXPECT_THAT(newest(world, "a|b"), HasSubstr("a{instance=\"db1\",job=\"backup\"} 5\n"));
  EXPECT_THAT(newest(world, "a|b"), HasSubstr("x=\"y\"} 2\n"));
  EXPECT_EQ(world.call("PUT", group, "c 3\n").status, 200);
  world.world.executor.run_for(10s);
  EXPECT_THAT(newest(world, "a|b|c"), HasSubstr("a{instance=\"db1\",job=\"backup\"} stale\n"));
  EXPECT_THAT(newest(world, "a|b|c"), HasSubstr("c{instance=\"db1\",job=\"backup\"} 3\n"));
  EXPECT_THAT(newest(world, "push_time_seconds"), Not(HasSubstr("} 0\n")));
  EXPECT_EQ(newest(world, "push_failure_time_seconds"),
            "push_failure_time_seconds{instance=\"db1\",job=\"backup\"} 0\n");
  EXPECT_EQ(world.call("DELETE", group).status, 202);
  world.world.executor.run_for(10s);
  EXPECT_THAT(newest(world, "c|push_time_seconds"),
              HasSubstr("c{instance=\"db1\",job=\"backup\"} stale\n"));
}

struct BadPush {
  std::string name, path, body, says;
};

TEST(PushHttp, WhatContradictsItselfOrOthersIsRefusedAndChangesNothing) {
  const BadPush cases[] = {
      {"twice", "/metrics/job/b", "n 1\nn 2\n",
       "collected before with the same name and label values"},
      {"another type", "/metrics/job/b", "# TYPE a gauge\na 2\n",
       "metric family a is a gauge but a counter in another group"},
      {"a series of another group", "/metrics/job/a", "# TYPE a counter\na{x=\"1\"} 1\n",
       "was collected before"},
      {"a time", "/metrics/job/b", "a 1 1000\n", "must not have timestamps"},
      {"no text format", "/metrics/job/b", "a{ 1\n", "line 1"},
      {"a bad path", "/metrics/job/b/x", "a 1\n", "odd number of components"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    ReceiveWorld world(push_options());
    EXPECT_EQ(world.call("PUT", "/metrics/job/a/x/1", "# TYPE a counter\na 1\n").status, 200);
    const auto answer = world.call("POST", c.path, c.body);
    EXPECT_EQ(answer.status, 400);
    EXPECT_THAT(answer.body, HasSubstr(c.says));
    const auto all = world.call("GET", "/pushgateway/metrics").body;
    EXPECT_THAT(all, HasSubstr("a{job=\"a\",x=\"1\"} 1\n"));
    EXPECT_THAT(all, Not(HasSubstr("\nn{")));
  }
}

TEST(PushHttp, AFailedPushTellsItsTime) {
  ReceiveWorld world(push_options());
  EXPECT_EQ(world.call("PUT", "/metrics/job/a", "n 1\nn 2\n").status, 400);
  EXPECT_EQ(world.call("PUT", "/metrics/job/b", "no text\n").status, 400);
  const auto all = world.call("GET", "/pushgateway/metrics").body;
  EXPECT_THAT(all, Not(HasSubstr("job=\"b\""))) << "what cannot be read is no push";
  EXPECT_THAT(all, HasSubstr("push_time_seconds{job=\"a\"} 0\n"));
  EXPECT_THAT(all, HasSubstr("push_failure_time_seconds{job=\"a\"} 18"));
  EXPECT_THAT(world.call("GET", "/pushgateway/api/v1/metrics").body,
              HasSubstr("\"last_push_successful\":false"));
}

std::string delimited(const std::string& message) {
  WireWriter out;
  out.raw_varint(message.size());
  return out.take() + message;
}

TEST(PushHttp, ProtobufIsReadWithItsHistograms) {
  ReceiveWorld world(push_options());
  WireWriter bucket, histogram, metric, family;
  bucket.varint(1, 3);
  bucket.number(2, 0.5);
  histogram.varint(1, 4);
  histogram.number(2, 2.5);
  histogram.bytes(3, bucket.text());
  metric.bytes(7, histogram.text());
  family.bytes(1, "lat");
  family.varint(3, 4);
  family.bytes(4, metric.text());
  const auto answer =
      world.call("PUT", "/metrics/job/a", delimited(family.text()),
                 {{"Content-Type",
                   "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                   "encoding=delimited"}});
  EXPECT_EQ(answer.status, 200) << answer.body;
  world.world.executor.run_for(10s);
  EXPECT_EQ(newest(world, "lat.*"),
            "lat_bucket{job=\"a\",le=\"+Inf\"} 4\n"
            "lat_bucket{job=\"a\",le=\"0.5\"} 3\n"
            "lat_count{job=\"a\"} 4\nlat_sum{job=\"a\"} 2.5\n");
}

TEST(PushHttp, TheListingIsThePushgateways) {
  ReceiveWorld world(push_options());
  EXPECT_EQ(world
                .call("PUT", "/pushgateway/metrics/job/a",
                      "# HELP h Sizes.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\n"
                      "h_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 3\n# TYPE g gauge\ng 1.5\n")
                .status,
            200);
  for (const char* path : {"/api/v1/metrics", "/pushgateway/api/v1/metrics"}) {
    const auto body = nlohmann::json::parse(world.call("GET", path).body);
    EXPECT_EQ(body["status"], "success");
    ASSERT_EQ(body["data"].size(), 1u);
    const auto& group = body["data"][0];
    EXPECT_EQ(group["labels"].dump(), R"({"job":"a"})");
    EXPECT_EQ(group["last_push_successful"], true);
    EXPECT_EQ(group["g"]["type"], "GAUGE");
    EXPECT_EQ(group["g"]["metrics"].dump(), R"([{"labels":{"job":"a"},"value":"1.5"}])");
    EXPECT_EQ(group["h"]["help"], "Sizes.");
    EXPECT_EQ(group["h"]["metrics"].dump(),
              R"([{"buckets":{"+Inf":"3","1":"2"},"count":"3","labels":{"job":"a"},"sum":"4"}])");
  }
  EXPECT_EQ(world.call("PUT", "/pushgateway/api/v1/admin/wipe").status, 202);
  EXPECT_EQ(world.call("GET", "/api/v1/metrics").body, R"({"data":[],"status":"success"})");
}

TEST(PushHttp, GroupsOutliveACrashAndADamagedFileIsSetAside) {
  ReceiveWorld world(push_options());
  EXPECT_EQ(world.call("PUT", "/metrics/job/a/x@base64/=", "# TYPE n counter\nn NaN\nm 1\n").status,
            200);
  const auto before = world.call("GET", "/pushgateway/metrics").body;
  world.stop();
  world.world.files.crash();
  world.start();
  EXPECT_EQ(world.call("GET", "/pushgateway/metrics").body, before);
  world.stop();
  ASSERT_TRUE(world.world.files.write_file_atomic("data/push-groups", "x"));
  world.start();
  EXPECT_EQ(world.call("GET", "/pushgateway/metrics").body, "");
  EXPECT_TRUE(world.world.files.exists("data/push-groups.damaged"));
}

TEST(PushHttp, APushTheDiskCannotKeepIsNotAcknowledged) {
  ReceiveWorld world(push_options());
  world.world.files.set_full(true);
  const auto answer = world.call("PUT", "/metrics/job/a", "n 1\n");
  EXPECT_EQ(answer.status, 503);
  EXPECT_FALSE(answer.headers.get("Retry-After").empty());
  world.world.files.set_full(false);
  EXPECT_EQ(world.call("PUT", "/metrics/job/a", "n 1\n").status, 200);
}

TEST(PushHttp, GroupsAreBounded) {
  auto options = push_options();
  options.push.group_count_max = 1;
  ReceiveWorld world(options);
  EXPECT_EQ(world.call("PUT", "/metrics/job/a", "n 1\n").status, 200);
  const auto answer = world.call("PUT", "/metrics/job/b", "n 1\n");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("over 1 push groups"));
}

}  // namespace
}  // namespace holdfast::collect
