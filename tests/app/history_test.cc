// What comes in as history and goes out to peers: import over HTTP, histograms in remote read and on /federate, and who
// brings the samples.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "app/api/remote_read.h"
#include "app/app_host.h"
#include "base/wire.h"
#include "collect/backfill/import_message.h"
#include "collect/remote_read/remote_read_message.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

model::HistogramPtr histogram(double step,
                              model::CounterReset reset = model::CounterReset::kUnknown) {
  model::Histogram h;
  h.schema = 2;
  h.counter_reset = reset;
  h.zero_threshold = 0.001;
  h.zero_count = 1;
  h.positive_spans = {{0, 2}, {3, 1}};
  h.positive_buckets = {step, 2 * step, 0.5};
  h.count = 1.5 + 3 * step;
  h.sum = 7 * step;
  return std::make_shared<const model::Histogram>(std::move(h));
}

class History : public ::testing::Test {
 protected:
  void append(const model::Labels& labels, std::vector<model::Sample> samples) {
    std::vector<metrics::SampleIn> batch;
    for (auto& sample : samples)
      batch.push_back({metrics::SeriesRef::kNone, &labels, std::move(sample)});
    const auto done = host_.plane->store->append(batch);
    ASSERT_TRUE(done.has_value());
    ASSERT_EQ(done->rejected(), 0u) << done->first_error;
  }
  AppHost host_;
  const model::Timestamp now_ = to_ms(host_.clock.now());
};

TEST_F(History, IsTakenOverHttpAndSeenAtOnce) {
  metrics::Column column;
  column.labels =
      std::make_shared<const model::Labels>(model::Labels{{"__name__", "old"}, {"a", "b"}});
  for (int i = 0; i < 10; ++i) {
    column.times.push_back(now_ - 86'400'000 + i * 1000);
    column.values.push_back(i);
  }
  const auto body = collect::write_import_message(std::span(&column, 1));
  for (int round = 0; round < 2; ++round) {  // twice is as good as once
    ASSERT_EQ(host_.ask("POST", "/api/holdfast/v1/metrics/import", body).status, 204);
    const auto at = std::to_string((now_ - 86'400'000 + 9500) / 1000);
    const auto answer = host_.get("/api/v1/query?query=sum_over_time(old[1h])&time=" + at);
    ASSERT_EQ(answer["data"]["result"].size(), 1u);
    EXPECT_EQ(answer["data"]["result"][0]["value"][1], "45");
    EXPECT_EQ(answer["data"]["result"][0]["metric"], (json{{"a", "b"}}));
  }
  const auto refused = host_.ask("POST", "/api/holdfast/v1/metrics/import", "no snappy");
  EXPECT_EQ(refused.status, 400) << refused.body;
  EXPECT_TRUE(json::parse(refused.body)["error"].contains("message"));
}

TEST_F(History, SamplesAreCountedByWhoBringsThem) {
  append({{"__name__", "much"}, {"job", "a"}},
         {{now_ - 3000, 1, nullptr}, {now_ - 2000, 2, nullptr}, {now_, 3, nullptr}});
  append({{"__name__", "little"}, {"job", "b"}}, {{now_ - 1000, 1, nullptr}});
  const auto answer = host_.get("/api/holdfast/v1/metrics/samples?top=1&window=1m");
  EXPECT_EQ(answer["samples"], 4);
  EXPECT_EQ(answer["window_seconds"], 60);
  EXPECT_EQ(answer["samples_by_metric"], json::array({{{"name", "much"}, {"count", 3}}}));
  EXPECT_EQ(answer["samples_by_job"], json::array({{{"name", "a"}, {"count", 3}}}));
  for (const char* bad : {"window=0s", "window=2h", "window=x", "top=0"})
    EXPECT_EQ(host_.ask("GET", std::string("/api/holdfast/v1/metrics/samples?") + bad).status, 400)
        << bad;
}

TEST_F(History, HistogramsGoInChunksAndComeBackWhole) {
  std::vector<model::Sample> samples;
  for (int i = 0; i < 300; ++i) {
    const auto t = now_ - 300'000 + i * 1000;
    if (i % 100 == 50)
      samples.push_back({t, model::stale_marker(), nullptr});
    else
      samples.push_back({t, 0, histogram(i < 200 ? i : i - 200)});
  }
  append({{"__name__", "h"}}, samples);
  const auto name = model::Matcher::equal("__name__", "h");
  const auto packed = collect::write_read_request({name}, now_ - 300'000, now_);
  const auto answer = host_.ask("POST", "/api/v1/read", packed, {{"Content-Encoding", "snappy"}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto type = answer.headers.get("Content-Type");
  ASSERT_TRUE(collect::is_streamed_answer(type)) << type;
  const auto got = collect::read_read_answer(answer.body, true, now_ - 300'000, now_, {});
  ASSERT_TRUE(got.has_value()) << got.error().message();
  ASSERT_EQ(got->size(), 1u);
  const auto& column = (*got)[0];
  ASSERT_EQ(column.times.size(), samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(column.times[i], samples[i].t);
    if (!samples[i].histogram) {
      EXPECT_TRUE(model::is_stale(column.values[i])) << i;
      continue;
    }
    ASSERT_TRUE(column.histograms[i]) << i;
    auto back = *column.histograms[i];
    // A chunk says of all but its first that nothing was reset.
    if (back.counter_reset == model::CounterReset::kNotReset) {
      EXPECT_NE(i, 200u);
    }
    back.counter_reset = samples[i].histogram->counter_reset;
    EXPECT_EQ(back, *samples[i].histogram) << i;
  }
}

TEST_F(History, FederationSpeaksProtobufWhenAsked) {
  append({{"__name__", "f"}, {"i", "1"}}, {{now_, 2.5, nullptr}});
  append({{"__name__", "h"}}, {{now_, 0, histogram(4)}});
  const auto page = [&](const std::string& accept) {
    return host_.ask("GET", "/federate?match[]=f&match[]=h", "", {{"Accept", accept}});
  };
  const std::string proto =
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
  for (const auto& [accept, wants] : std::initializer_list<std::pair<std::string, bool>>{
           {proto, true},
           {proto + ";q=0.7,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", true},
           {proto + ";q=0.3,text/plain;q=0.5", false},
           {"application/vnd.google.protobuf;encoding=text", false},
           {"*/*", false},
           {"", false}}) {
    EXPECT_EQ(page(accept).headers.get("Content-Type").starts_with("application/vnd"), wants)
        << accept;
  }
  const auto body = page(proto).body;
  std::string_view rest = body;
  std::vector<std::string> names;
  while (!rest.empty()) {
    std::uint64_t size = 0;
    ASSERT_TRUE(WireReader::unpack_varint(rest, size));
    ASSERT_LE(size, rest.size());
    WireReader family(rest.substr(0, size));
    rest.remove_prefix(size);
    std::uint64_t type = 0;
    while (family.next()) {
      if (family.field() == 1) names.emplace_back(family.bytes());
      if (family.field() == 3) type = family.number();
      if (family.field() != 4) continue;
      std::map<std::uint32_t, std::string> fields;
      WireReader metric(family.bytes());
      while (metric.next()) {
        if (metric.type() == WireType::kBytes) fields[metric.field()] = metric.bytes();
        if (metric.field() == 6) {
          EXPECT_EQ(metric.int64(), now_);
        }
      }
      WireReader value(fields[type == 3 ? 5 : 7]);
      while (value.next()) {
        if (type == 3) {
          EXPECT_EQ(value.fixed_double(), 2.5);
        }
        if (type == 4 && value.field() == 4) {
          EXPECT_EQ(value.fixed_double(), 13.5);
        }
        if (type == 4 && value.field() == 5) {
          EXPECT_EQ(value.zigzag(), 2);
        }
        if (type == 4 && value.field() == 14) {
          EXPECT_EQ(value.bytes().size(), 24u);
        }
      }
    }
    EXPECT_FALSE(family.failed());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"f", "h"}));
}

}  // namespace
}  // namespace holdfast::app
