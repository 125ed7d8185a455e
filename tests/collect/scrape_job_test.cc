#include <gmock/gmock.h>

#include "base/wire.h"
#include "job_fixture.h"

namespace holdfast::collect {
namespace {

using ::testing::HasSubstr;

const std::string kStatic = "static_configs: [{targets: ['target:9100']}]";
const std::string kOn = "{instance=\"target:9100\",job=\"j\"";

TEST_F(JobTest, RelabelsTargetsAndSamples) {
  target.body = "keep_me{x=\"1\"} 5\ndrop_me 6\n";
  run("- job_name: j\n"
      "  static_configs: [{targets: ['target:9100', 'other:1'], labels: {env: prod}}]\n"
      "  relabel_configs:\n"
      "  - {source_labels: [__address__], regex: 'other:.*', action: drop}\n"
      "  - {source_labels: [__address__], regex: '([^:]+):.*', target_label: host}\n"
      "  metric_relabel_configs:\n"
      "  - {source_labels: [__name__], regex: 'drop_.*', action: drop}\n"
      "  - {source_labels: [x], target_label: y, replacement: 'v$1'}\n");
  EXPECT_EQ(last("keep_me{env=\"prod\",host=\"target\",instance=\"target:9100\",job=\"j\",x=\"1\","
                 "y=\"v1\"}"),
            5);
  EXPECT_EQ(store.last("scrape_samples_scraped"), 2);
  EXPECT_EQ(store.last("scrape_samples_post_metric_relabeling"), 1);
  EXPECT_EQ(scraper->status()[0].scrape_pool, "j");
  const auto dropped = manager->dropped();
  ASSERT_EQ(dropped.size(), 1u);
  EXPECT_EQ(dropped[0].discovered_labels.get("__address__"), "other:1");
  const auto steps = manager->relabel_steps("j", dropped[0].discovered_labels);
  ASSERT_TRUE(steps);
  EXPECT_FALSE(steps->at(0).keep);
  EXPECT_FALSE(manager->relabel_steps("none", {}));
  const auto lookups = store.label_lookups();
  world.executor.run_for(60s);
  EXPECT_EQ(store.label_lookups(), lookups) << "a steady target is not relabelled again";
}

TEST_F(JobTest, EveryLimitFailsTheWholeScrapeWithPrometheusWords) {
  const struct {
    std::string limit, body, error;
  } cases[] = {
      {"sample_limit: 2", "a 1\nb 1\nc 1\n", "sample limit exceeded"},
      {"label_limit: 3", "a{x=\"1\"} 1\n",
       "label_limit exceeded (metric: a, number of labels: 4, limit: 3)"},
      {"label_name_length_limit: 10", "a{a_long_name_indeed=\"1\"} 1\n",
       "label_name_length_limit exceeded (metric: a"},
      {"label_value_length_limit: 12", "a{x=\"0123456789abc\"} 1\n",
       "label_value_length_limit exceeded (metric: a"},
      {"body_size_limit: 8B", "a 1\nb 1\nc 1\n", "body size limit exceeded"},
      {"metric_name_validation_scheme: legacy", "{\"a.b\"} 1\n",
       "invalid metric name or label names"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.limit);
    target.body = test.body;
    run("- {job_name: j, " + kStatic + ", " + test.limit + "}\n");
    EXPECT_EQ(last("up" + kOn + "}"), 0);
    EXPECT_THAT(error(), HasSubstr(test.error));
    manager->set_jobs({});
    world.executor.run_for(1s);
  }
}

TEST_F(JobTest, TooManyTargetsFailAll) {
  target.body = "a 1\n";
  run("- {job_name: j, target_limit: 1, static_configs: [{targets: ['target:9100', "
      "'target:9101']}]}\n");
  EXPECT_EQ(store.last("up"), 0);
  EXPECT_THAT(error(), HasSubstr("target_limit exceeded (number of targets: 2, limit: 1)"));
  EXPECT_EQ(target.requests, 0);
}

TEST_F(JobTest, KeepsOnlySomeDroppedTargetsAndCountsAll) {
  run("- {job_name: j, keep_dropped_targets: 1, static_configs: [{targets: ['a:1', 'b:1', "
      "'c:1']}], "
      "relabel_configs: [{source_labels: [__address__], action: drop}]}\n");
  EXPECT_EQ(manager->dropped().size(), 1u);
  EXPECT_EQ(manager->pools()[0].dropped_count, 3u);
}

TEST_F(JobTest, AsksForTheProtocolsOfTheJobAndSendsItsParameters) {
  target.body = "a 1\n";
  run("- {job_name: j, " + kStatic +
      ", scrape_protocols: [PrometheusText1.0.0, OpenMetricsText1.0.0], params: {m: [x, y]}}\n");
  EXPECT_EQ(target.last_accept,
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.4");
  EXPECT_EQ(scraper->status()[0].scrape_url, "http://target:9100/metrics?m=x&m=y");
}

TEST_F(JobTest, ExtraMetricsComeWhenAskedFor) {
  target.body = "a 1\n";
  run("- {job_name: j, " + kStatic +
      ", extra_scrape_metrics: true, sample_limit: 7, scrape_timeout: 4s}\n");
  EXPECT_EQ(last("scrape_timeout_seconds" + kOn + "}"), 4);
  EXPECT_EQ(last("scrape_sample_limit" + kOn + "}"), 7);
  EXPECT_EQ(last("scrape_body_size_bytes" + kOn + "}"), 4);
}

TEST_F(JobTest, TimestampsAreHonoredOrNotAndTrackedOrNot) {
  const auto t = to_ms(world.clock.now()) - 5000;
  target.body = "a 1 " + std::to_string(t) + "\n";
  run("- {job_name: j, " + kStatic + ", honor_timestamps: false}\n");
  EXPECT_NE(store.points("a" + kOn + "}").at(0).t, t);
  manager->set_jobs({});
  world.executor.run_for(1s);
  target.body = "b 1 " + std::to_string(t) + "\n";
  run("- {job_name: j, " + kStatic + ", track_timestamps_staleness: true}\n");
  EXPECT_EQ(store.points("b" + kOn + "}").at(0).t, t);
  target.body = "c 1\n";
  world.executor.run_for(11s);
  EXPECT_TRUE(model::is_stale(store.points("b" + kOn + "}").back().value));
}

TEST_F(JobTest, AChangedJobGoesOnWithItsSeriesAndARemovedOneEnds) {
  target.body = "a 1\n";
  run("- {job_name: j, " + kStatic + "}\n");
  run("- {job_name: j, " + kStatic + ", sample_limit: 50}\n", 12s);
  for (const auto& point : store.points("a" + kOn + "}"))
    EXPECT_FALSE(model::is_stale(point.value));
  manager->set_jobs({});
  world.executor.run_for(1s);
  EXPECT_TRUE(model::is_stale(store.points("a" + kOn + "}").back().value));
  EXPECT_TRUE(scraper->status().empty());
}

TEST_F(JobTest, MetadataIsKeptByTarget) {
  target.body = "# HELP a Help.\n# TYPE a counter\na 1\n";
  run("- {job_name: j, " + kStatic + "}\n");
  const auto all = scraper->metadata();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].labels.get("job"), "j");
  EXPECT_EQ(all[0].families->at("a"), (metrics::Metadata{"counter", "Help.", ""}));
}

// A host of the simulated network that counts what is asked of each path.
class Host {
 public:
  Host(SimWorld& world, const std::string& name, std::uint16_t port)
      : env_{world.clock, world.random, world.files, world.network.host(name), world.executor} {
    router_.add("GET", "/{path...}", [this](const net::Request& request, net::ResponderPtr to) {
      ++asked[request.path];
      to->send(net::Response::text(200, "a 1\n"));
    });
    server_ = std::make_unique<net::Server>(env_, router_);
    HF_CHECK(server_->listen({name, port, ""}).has_value(), "listen");
  }
  std::map<std::string, int> asked;

 private:
  Env env_;
  net::Router router_;
  std::unique_ptr<net::Server> server_;
};

TEST_F(JobTest, TheMissionsJobsAreAskedAtTheirIntervals) {
  Host api(world, "claude-api", 8080), ml(world, "ml-service", 9000),
      postgres(world, "postgres-exporter", 9187), redis(world, "redis-exporter", 9121),
      nginx(world, "nginx-exporter", 9113), agents(world, "claude-enhancer", 9091),
      workflow(world, "claude-enhancer-w", 9092);
  auto read = read_jobs(R"(
- {job_name: claude-api, static_configs: [{targets: ['claude-api:8080']}], metrics_path: /metrics, scrape_interval: 10s}
- {job_name: claude-ml-service, static_configs: [{targets: ['ml-service:9000']}], metrics_path: /metrics, scrape_interval: 30s}
- {job_name: database-exporter, static_configs: [{targets: ['postgres-exporter:9187']}]}
- {job_name: redis-exporter, static_configs: [{targets: ['redis-exporter:9121']}]}
- {job_name: nginx-exporter, static_configs: [{targets: ['nginx-exporter:9113']}]}
- {job_name: claude-enhancer-agents, static_configs: [{targets: ['claude-enhancer:9091']}], metrics_path: /metrics/agents}
- {job_name: claude-enhancer-workflow, static_configs: [{targets: ['claude-enhancer-w:9092']}], metrics_path: /metrics/workflow}
)",
                        "{scrape_interval: 15s}");
  ASSERT_EQ(read.findings, "");
  manager->set_jobs(std::move(read.jobs));
  world.executor.run_for(300s);
  EXPECT_EQ(api.asked["/metrics"], 30);
  EXPECT_EQ(ml.asked["/metrics"], 10);
  for (auto* host : {&postgres, &redis, &nginx})
    EXPECT_EQ(host->asked["/metrics"], 20) << "15 s are global";
  EXPECT_EQ(agents.asked["/metrics/agents"], 20);
  EXPECT_EQ(workflow.asked["/metrics/workflow"], 20);
  for (const auto& [job, instance] :
       std::map<std::string, std::string>{{"claude-api", "claude-api:8080"},
                                          {"database-exporter", "postgres-exporter:9187"},
                                          {"redis-exporter", "redis-exporter:9121"},
                                          {"nginx-exporter", "nginx-exporter:9113"}}) {
    EXPECT_EQ(last("up{instance=\"" + instance + "\",job=\"" + job + "\"}"), 1) << job;
  }
}

// ---- protobuf ----

std::string delimited(const WireWriter& message) {
  WireWriter out;
  out.raw_varint(message.text().size());
  return out.text() + message.text();
}
WireWriter label(const std::string& name, const std::string& value) {
  WireWriter out;
  out.bytes(1, name);
  out.bytes(2, value);
  return out;
}

std::string native_exposition() {
  WireWriter span, bucket, histogram, metric, family;
  span.zigzag(1, 2);
  span.varint(2, 2);
  bucket.varint(1, 3);
  bucket.number(2, 1.0);
  histogram.varint(1, 6);
  histogram.number(2, 12.5);
  histogram.bytes(3, bucket.text());
  histogram.zigzag(5, 3);
  histogram.number(6, 0.001);
  histogram.varint(7, 1);
  histogram.bytes(12, span.text());
  histogram.zigzag(13, 2);
  histogram.zigzag(13, 1);
  metric.bytes(1, label("x", "1").text());
  metric.bytes(7, histogram.text());
  family.bytes(1, "h");
  family.bytes(2, "Help.");
  family.varint(3, 4);
  family.bytes(4, metric.text());
  WireWriter counter_value, counter, counters;
  counter_value.number(1, 41);
  counter.bytes(3, counter_value.text());
  counters.bytes(1, "c_total");
  counters.varint(3, 0);
  counters.bytes(4, counter.text());
  return delimited(family) + delimited(counters);
}

TEST_F(JobTest, ProtobufBringsNativeHistogramsAndTheirClassicSeriesWhenAsked) {
  target.content_type =
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
      "encoding=delimited";
  target.body = native_exposition();
  run("- {job_name: j, " + kStatic + ", scrape_native_histograms: true}\n");
  EXPECT_EQ(error(), "");
  EXPECT_EQ(last("c_total" + kOn + "}"), 41);
  EXPECT_TRUE(store.has("h" + kOn + ",x=\"1\"}"));
  EXPECT_FALSE(store.has("h_count" + kOn + ",x=\"1\"}"));
  EXPECT_THAT(target.last_accept, ::testing::StartsWith("application/vnd.google.protobuf;proto="));
  manager->set_jobs({});
  world.executor.run_for(1s);
  run("- {job_name: j, " + kStatic + ", scrape_classic_histograms: true}\n");
  EXPECT_EQ(last("h_count" + kOn + ",x=\"1\"}"), 6);
  EXPECT_EQ(last("h_sum" + kOn + ",x=\"1\"}"), 12.5);
  EXPECT_EQ(last("h_bucket{instance=\"target:9100\",job=\"j\",le=\"1.0\",x=\"1\"}"), 3);
  EXPECT_EQ(last("h_bucket{instance=\"target:9100\",job=\"j\",le=\"+Inf\",x=\"1\"}"), 6);
}

TEST_F(JobTest, TooManyNativeBucketsFailTheScrape) {
  target.content_type = "application/vnd.google.protobuf";
  target.body = native_exposition();
  run("- {job_name: j, " + kStatic + ", native_histogram_bucket_limit: 1}\n");
  EXPECT_EQ(error(), "") << "a coarser schema holds it";
  EXPECT_EQ(last("up" + kOn + "}"), 1);
}

TEST_F(JobTest, ClassicHistogramsBecomeCustomBucketsWhenAskedFor) {
  target.body =
      "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 5\nh_sum 9\nh_count 5\ng "
      "1\n";
  run("- {job_name: j, " + kStatic + ", convert_classic_histograms_to_nhcb: true}\n");
  EXPECT_EQ(error(), "");
  EXPECT_TRUE(store.has("h" + kOn + "}"));
  EXPECT_FALSE(store.has("h_count" + kOn + "}"));
  EXPECT_TRUE(store.has("g" + kOn + "}"));
}

}  // namespace
}  // namespace holdfast::collect
