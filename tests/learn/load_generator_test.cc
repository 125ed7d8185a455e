#include "learn/load/load_generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "base/sim.h"
#include "collect/scrape/text_parser.h"
#include "net/http.h"
#include "net/transport.h"

namespace holdfast::learn {
namespace {

using ::testing::HasSubstr;

// A server on a simulated machine that answers as its members say.
class LoadTest : public ::testing::Test {
 protected:
  LoadTest() {
    router.add("GET", "/work", [this](const net::Request&, net::ResponderPtr responder) {
      ++received;
      if (silent) {
        held.push_back(std::move(responder));
        return;
      }
      const int status = error_every != 0 && received % error_every == 0 ? 500 : 200;
      executor.post_after(Lane::kPool, delay, [responder, status] { responder->send(net::Response::text(status, "x")); });
    });
    EXPECT_TRUE(server.listen({"service", 80, ""}));
  }
  LoadOptions options(double rate, Duration duration) const {
    LoadOptions o;
    o.url = "http://service/work";
    o.rate = rate;
    o.duration = duration;
    o.timeout = 2s;
    return o;
  }
  LoadReport run(const LoadOptions& o) {
    LoadGenerator generator(env, o);
    bool done = false;
    EXPECT_TRUE(generator.start([&] { done = true; }));
    EXPECT_TRUE(executor.run_until([&] { return done; }, o.duration + 10s));
    return generator.report();
  }

  SimClock clock;
  SimExecutor executor{clock};
  SeededRandom random{3};
  SimFileSystem files{random};
  SimNetwork network{executor, random};
  Env env{clock, random, files, network.host("client"), executor};
  Env service_env{clock, random, files, network.host("service"), executor};
  net::Router router;
  std::vector<net::ResponderPtr> held;
  net::Server server{service_env, router};
  int received = 0;
  int error_every = 0;
  bool silent = false;
  Duration delay = 10ms;
};

TEST_F(LoadTest, SendsExactlyTheRate) {
  const auto report = run(options(100, 10s));
  EXPECT_EQ(report.scheduled, 1000u);
  EXPECT_EQ(report.ok, 1000u);
  EXPECT_EQ(report.errors + report.lost + report.in_flight, 0u);
  EXPECT_EQ(received, 1000);
  EXPECT_GE(report.latency.quantile(0.5), 10ms);
  EXPECT_LT(report.latency.quantile(0.99), 20ms);
}

TEST_F(LoadTest, CountsEveryErrorOnce) {
  error_every = 4;
  const auto report = run(options(100, 4s));
  EXPECT_EQ(report.errors, 100u);
  EXPECT_EQ(report.ok, 300u);
  EXPECT_EQ(report.lost, 0u);
}

TEST_F(LoadTest, KeepsItsRateWhenNothingIsAnsweredAndCountsAllAsLost) {
  silent = true;
  const auto report = run(options(50, 10s));
  EXPECT_EQ(report.scheduled, 500u);
  EXPECT_EQ(report.lost, 500u);
  EXPECT_EQ(report.ok + report.in_flight, 0u);
  EXPECT_EQ(received, 500) << "an open model sends whatever happened to the requests before";
  EXPECT_FALSE(report.first_loss.empty());
}

TEST_F(LoadTest, RequestsToNobodyAreLost) {
  auto o = options(20, 1s);
  o.url = "http://service:81/work";
  const auto report = run(o);
  EXPECT_EQ(report.lost, 20u);
  EXPECT_THAT(report.text(), HasSubstr("20 lost"));
  EXPECT_THAT(report.text(), HasSubstr("first loss: "));
}

TEST_F(LoadTest, MoreThanTheBoundUnderWayIsLostUnsent) {
  silent = true;
  auto o = options(100, 1s);
  o.in_flight_max = 10;
  const auto report = run(o);
  EXPECT_EQ(report.lost, 100u);
  EXPECT_EQ(received, 10);
}

TEST_F(LoadTest, LatencyCountsFromWhenARequestWasDue) {
  LoadGenerator generator(env, options(10, 1s));
  bool done = false;
  ASSERT_TRUE(generator.start([&] { done = true; }));
  executor.run_for(50ms);
  delay = 700ms;
  executor.run_until([&] { return done; }, 10s);
  EXPECT_GE(generator.report().latency.max(), 700ms);
  EXPECT_EQ(generator.report().ok, 10u);
}

TEST_F(LoadTest, StopWaitsForWhatIsUnderWay) {
  delay = 500ms;
  auto o = options(10, {});
  LoadGenerator generator(env, o);
  bool done = false;
  ASSERT_TRUE(generator.start([&] { done = true; }));
  executor.run_for(2s);
  generator.stop();
  EXPECT_FALSE(done);
  EXPECT_GT(generator.report().in_flight, 0u);
  executor.run_for(1s);
  EXPECT_TRUE(done);
  const auto report = generator.report();
  EXPECT_EQ(report.in_flight, 0u);
  EXPECT_EQ(report.scheduled, report.ok);
}

TEST_F(LoadTest, MetricsAddUpAndParse) {
  error_every = 10;
  LoadGenerator generator(env, options(100, 1s));
  ASSERT_TRUE(generator.start());
  executor.run_for(5s);
  const auto text = generator.metrics_text();
  for (const char* line : {"load_requests_scheduled_total 100\n", "load_requests_total{outcome=\"ok\"} 90\n",
                           "load_requests_total{outcome=\"error\"} 10\n", "load_requests_total{outcome=\"lost\"} 0\n",
                           "load_request_duration_seconds_bucket{le=\"+Inf\"} 100\n",
                           "load_request_duration_seconds_bucket{le=\"0.005\"} 0\n",
                           "load_request_duration_seconds_bucket{le=\"0.03\"} 100\n",
                           "load_request_duration_seconds_count 100\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  collect::TextParser parser(text, collect::Dialect::kPrometheus);
  for (;;) {
    const auto entry = parser.next();
    ASSERT_TRUE(entry) << entry.error().message();
    if (*entry == collect::TextParser::Entry::kEnd) break;
  }
}

TEST_F(LoadTest, BadOptionsAreRefusedWithTheReason) {
  auto o = options(0, 1s);
  EXPECT_EQ(LoadGenerator(env, o).start().error().message(),
            "rate 0 is not between 0 and 1000000 requests per second");
  o = options(1, 1s);
  o.url = "nowhere";
  EXPECT_FALSE(LoadGenerator(env, o).start());
}

TEST(LatencyBuckets, QuantilesAreWithinTwoPercent) {
  LatencyBuckets buckets;
  for (int i = 1; i <= 10'000; ++i) buckets.add(std::chrono::microseconds(i * 10));
  for (const double q : {0.01, 0.5, 0.95, 0.99, 1.0}) {
    EXPECT_NEAR(to_seconds(buckets.quantile(q)), q * 0.1, q * 0.1 * 0.021) << q;
  }
  EXPECT_EQ(buckets.max(), 100ms);
  EXPECT_EQ(LatencyBuckets().quantile(0.5), Duration::zero());
}

TEST(RunLoad, OnTheMachineServesItsMetricsAndEndsWhenStopped) {
  SystemClock clock;
  SystemRandom random;
  PosixFileSystem files;
  ThreadExecutor executor(2);
  net::AsioTransport transport(2);
  Env env{clock, random, files, transport, executor};
  net::Router router;
  std::atomic<int> received = 0;
  std::stop_source stop;
  router.add("GET", "/", [&](const net::Request&, net::ResponderPtr r) {
    r->send(net::Response::text(200, "x"));
    if (++received == 30) stop.request_stop();
  });
  net::Server server(env, router);
  const auto at = server.listen({"127.0.0.1", 0, ""});
  ASSERT_TRUE(at);
  LoadOptions o;
  o.url = "http://" + at->text() + "/";
  o.rate = 200;
  o.listen = Endpoint{"127.0.0.1", 0, ""};
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(run_load(env, o, stop.get_token()), 0);
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), HasSubstr(" 0 errors, 0 lost; p50 "));
  EXPECT_GE(received, 30);
  o.url = "nowhere";
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run_load(env, o, {}), 1);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("load: "));
  std::promise<void> closed;
  server.shutdown(1s, [&] { closed.set_value(); });
  closed.get_future().wait();
  executor.stop();
}

}  // namespace
}  // namespace holdfast::learn
