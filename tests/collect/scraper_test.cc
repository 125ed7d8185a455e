#include "collect/scrape/scraper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "memory_store.h"
#include "net/transport.h"
#include "sim_target.h"

namespace holdfast::collect {
namespace {

using ::testing::HasSubstr;

class ScraperTest : public ::testing::Test {
 protected:
  SimWorld world;
  SimTarget target{world};
  MemoryStore store;

  model::Target spec(Duration interval = 10s) const {
    model::Target t;
    t.job = "app";
    t.address = target.address;
    t.interval = interval;
    t.timeout = interval / 2;
    return t;
  }
  static std::string series(const std::string& name, const std::string& more = "") {
    return name + "{instance=\"target:9100\",job=\"app\"" + more + "}";
  }
  double last(const std::string& text) const {
    const auto points = store.points(text);
    return points.empty() ? -1 : points.back().value;
  }
  bool stale(const std::string& text) const {
    const auto points = store.points(text);
    return !points.empty() && model::is_stale(points.back().value);
  }
};

TEST_F(ScraperTest, StoresSamplesUpAndTheScrapeSeries) {
  target.body = "# HELP a Things.\n# TYPE a counter\na{x=\"1\"} 5\na{x=\"2\"} 6\n";
  Scraper scraper(world.env, store);
  scraper.set_targets({spec()});
  world.executor.run_for(15s);
  EXPECT_EQ(last(series("a", ",x=\"1\"")), 5);
  EXPECT_EQ(last(series("a", ",x=\"2\"")), 6);
  EXPECT_EQ(last(series("up")), 1);
  EXPECT_EQ(last(series("scrape_samples_scraped")), 2);
  EXPECT_EQ(last(series("scrape_samples_post_metric_relabeling")), 2);
  EXPECT_EQ(store.points(series("scrape_series_added")).front().value, 2);
  EXPECT_GT(last(series("scrape_duration_seconds")), 0);
  EXPECT_EQ(store.metadata_of("a"), (metrics::Metadata{"counter", "Things.", ""}));
  const auto status = scraper.status();
  ASSERT_EQ(status.size(), 1u);
  EXPECT_EQ(status[0].health, "up");
  EXPECT_EQ(status[0].last_error, "");
  EXPECT_EQ(status[0].scrape_url, "http://target:9100/metrics");
  EXPECT_EQ(status[0].samples_scraped, 2u);
  EXPECT_EQ(status[0].discovered_labels.get("__address__"), "target:9100");
  EXPECT_EQ(status[0].discovered_labels.get("__scrape_interval__"), "10s");
  EXPECT_THAT(target.last_accept, HasSubstr("version=0.0.4"));
}

TEST_F(ScraperTest, ASteadyTargetCostsNoLabelsAndNoMetadata) {
  target.body = "# TYPE a counter\na{x=\"1\"} 5\na{x=\"2\"} 6\nb 7\n";
  Scraper scraper(world.env, store);
  scraper.set_targets({spec()});
  world.executor.run_for(15s);
  const auto lookups = store.label_lookups();
  const auto writes = store.metadata_writes();
  world.executor.run_for(100s);
  EXPECT_GE(target.requests, 10);
  EXPECT_EQ(store.label_lookups(), lookups);
  EXPECT_EQ(store.metadata_writes(), writes);
  EXPECT_EQ(last(series("scrape_series_added")), 0);
}

TEST_F(ScraperTest, SamplesLieEvenly) {
  target.body = "a 1\n";
  Scraper scraper(world.env, store);
  scraper.set_targets({spec(1s)});
  world.executor.run_for(20s);
  const auto points = store.points(series("a"));
  ASSERT_GE(points.size(), 18u);
  for (std::size_t i = 1; i < points.size(); ++i) EXPECT_EQ(points[i].t - points[i - 1].t, 1000);
}

TEST_F(ScraperTest, AVanishedSeriesEndsAloneAndMayComeBack) {
  target.body = "a 1\nb 2\n";
  Scraper scraper(world.env, store);
  scraper.set_targets({spec()});
  world.executor.run_for(15s);
  target.body = "a 1\n";
  world.executor.run_for(30s);
  EXPECT_TRUE(stale(series("b")));
  EXPECT_EQ(store.points(series("b")).size(), store.points(series("a")).size() - 2) << "one marker only";
  EXPECT_FALSE(stale(series("a")));
  target.body = "b 3\na 1\n";
  world.executor.run_for(10s);
  EXPECT_EQ(last(series("b")), 3);
}

struct FailureCase {
  const char* name;
  std::function<void(SimTarget&)> breaks;
  const char* error;
};

TEST_F(ScraperTest, EveryFailureIsUpZeroEndsAllSeriesAndNamesItself) {
  const FailureCase cases[] = {
      {"status", [](SimTarget& t) { t.status = 500; }, "the target answered with HTTP status 500"},
      {"bad line", [](SimTarget& t) { t.body = "a 1\nb one\n"; }, "line 2: value \"one\" is not a number"},
      {"silence", [](SimTarget& t) { t.silent = true; }, ""},
      {"too large", [](SimTarget& t) { t.body = "a 1\n" + std::string(5000, '#'); },
       "the body is larger than the limit of 4000 bytes"},
      {"too many", [](SimTarget& t) { t.body = "a 1\nb 1\nc 1\nd 1\n"; },
       "the target exposes more than the limit of 3 samples"},
      {"too wide", [](SimTarget& t) { t.body = "a{p=\"1\",q=\"1\",r=\"1\",s=\"1\"} 1\n"; },
       "line 1: the series has more than the limit of 5 labels"},
      {"not openmetrics", [](SimTarget& t) { t.content_type = "application/openmetrics-text"; },
       "line 2: the exposition ends without \"# EOF\""},
  };
  for (const auto& c : cases) {
    SimWorld w;
    SimTarget t(w);
    MemoryStore s;
    t.body = "a 1\n";
    ScrapeLimits limits;
    limits.body_size_max = 4000;
    limits.sample_count_max = 3;
    limits.label_count_max = 5;
    Scraper scraper(w.env, s, limits);
    scraper.set_targets({spec()});
    w.executor.run_for(15s);
    ASSERT_EQ(s.last("up"), 1) << c.name;
    c.breaks(t);
    w.executor.run_for(21s);
    EXPECT_EQ(s.last("up"), 0) << c.name;
    EXPECT_TRUE(model::is_stale(s.points(series("a")).back().value)) << c.name;
    ASSERT_EQ(scraper.status()[0].health, "down") << c.name;
    EXPECT_THAT(scraper.status()[0].last_error, HasSubstr(c.error)) << c.name;
    EXPECT_FALSE(scraper.status()[0].last_error.empty()) << c.name;
    EXPECT_FALSE(s.has(series("b"))) << c.name << ": nothing of a failed scrape is stored";
    t.status = 200;
    t.silent = false;
    t.body = "a 9\n";
    t.content_type = "text/plain";
    w.executor.run_for(25s);
    EXPECT_EQ(s.last("up"), 1) << c.name;
    EXPECT_EQ(s.points(series("a")).back().value, 9) << c.name;
  }
}

TEST_F(ScraperTest, ATargetThatRefusesIsDownFromTheFirstTime) {
  auto nobody = spec();
  nobody.address = "target:9";
  Scraper scraper(world.env, store);
  scraper.set_targets({nobody});
  EXPECT_EQ(scraper.status()[0].health, "unknown");
  world.executor.run_for(12s);
  EXPECT_EQ(store.last("up"), 0);
  EXPECT_EQ(scraper.status()[0].health, "down");
  EXPECT_FALSE(scraper.status()[0].last_error.empty());
}

TEST_F(ScraperTest, ARemovedTargetEndsWithMarkersAndTheOthersGoOn) {
  target.body = "a 1\n";
  auto other = spec();
  other.job = "other";
  Scraper scraper(world.env, store);
  scraper.set_targets({spec(), other});
  world.executor.run_for(15s);
  scraper.set_targets({other});
  world.executor.run_for(30s);
  EXPECT_TRUE(stale(series("a")));
  EXPECT_TRUE(stale(series("up")));
  EXPECT_EQ(store.points("a{instance=\"target:9100\",job=\"other\"}").back().value, 1);
  EXPECT_GE(store.points("a{instance=\"target:9100\",job=\"other\"}").size(), 4u);
  EXPECT_EQ(scraper.status().size(), 1u);
}

TEST_F(ScraperTest, AReloadWithTheSameTargetsDisturbsNothing) {
  target.body = "a 1\n";
  Scraper scraper(world.env, store);
  scraper.set_targets({spec()});
  for (int i = 0; i < 50; ++i) {
    world.executor.run_for(1s);
    scraper.set_targets({spec(), spec()});
  }
  const auto points = store.points(series("a"));
  ASSERT_GE(points.size(), 4u);
  for (std::size_t i = 1; i < points.size(); ++i) EXPECT_EQ(points[i].t - points[i - 1].t, 10'000);
}

TEST_F(ScraperTest, TargetLabelsWinUnlessLabelsAreHonored) {
  target.body = "a{job=\"own\",version=\"5.0\",exported_version=\"x\"} 1\n";
  auto labelled = spec();
  labelled.labels = {{"version", "5.1"}, {"service", "s"}};
  Scraper scraper(world.env, store);
  scraper.set_targets({labelled});
  world.executor.run_for(12s);
  EXPECT_TRUE(store.has("a{exported_exported_version=\"5.0\",exported_job=\"own\",exported_version=\"x\","
                        "instance=\"target:9100\",job=\"app\",service=\"s\",version=\"5.1\"}"));
  labelled.honor_labels = true;
  scraper.set_targets({labelled});
  world.executor.run_for(12s);
  EXPECT_TRUE(store.has("a{exported_version=\"x\",instance=\"target:9100\",job=\"own\",service=\"s\",version=\"5.0\"}"));
}

TEST_F(ScraperTest, SamplesWithTheirOwnTimeKeepItAndGetNoMarker) {
  const auto t = to_ms(world.clock.now()) - 5000;
  target.body = "a 1 " + std::to_string(t) + "\nb 1\n";
  Scraper scraper(world.env, store);
  scraper.set_targets({spec()});
  world.executor.run_for(12s);
  target.body = "b 1\n";
  world.executor.run_for(12s);
  const auto points = store.points(series("a"));
  ASSERT_EQ(points.size(), 1u);
  EXPECT_EQ(points[0].t, t);
}

TEST_F(ScraperTest, OpenMetricsTimesAreSeconds) {
  target.content_type = "application/openmetrics-text; version=1.0.0";
  target.body = "a 1 1800000000.250 # {t=\"x\"} 1\n# EOF\n";
  Scraper scraper(world.env, store);
  scraper.set_targets({spec()});
  world.executor.run_for(12s);
  ASSERT_TRUE(store.has(series("a"))) << scraper.status()[0].last_error;
  EXPECT_EQ(store.points(series("a"))[0].t, 1800000000250);
}

TEST_F(ScraperTest, ASeriesThatStandsTwiceIsReportedAndTheRestStands) {
  target.body = "a 1\na 2\nb 3\n";
  Scraper scraper(world.env, store);
  scraper.set_targets({spec()});
  world.executor.run_for(12s);
  EXPECT_EQ(last(series("up")), 1);
  EXPECT_EQ(last(series("a")), 1);
  EXPECT_EQ(last(series("b")), 3);
  EXPECT_THAT(scraper.status()[0].last_rejection, HasSubstr("1 samples rejected"));
}

TEST_F(ScraperTest, AFullDiskIsAnErrorAndScrapingGoesOnAfterIt) {
  target.body = "a 1\n";
  Scraper scraper(world.env, store);
  scraper.set_targets({spec()});
  store.set_full(true);
  world.executor.run_for(12s);
  EXPECT_THAT(scraper.status()[0].last_error, HasSubstr("no space left"));
  store.set_full(false);
  world.executor.run_for(12s);
  EXPECT_EQ(last(series("a")), 1);
  EXPECT_EQ(scraper.status()[0].health, "up");
}

TEST_F(ScraperTest, DestructionDuringARequestIsQuiet) {
  target.silent = true;
  auto scraper = std::make_unique<Scraper>(world.env, store);
  scraper->set_targets({spec()});
  world.executor.run_until([&] { return target.requests > 0; }, 11s);
  ASSERT_GT(target.requests, 0);
  scraper.reset();
  world.executor.run_for(30s);
  EXPECT_FALSE(store.has(series("up")));
}

TEST_F(ScraperTest, ManyTargetsAreSpreadOverTheInterval) {
  target.body = "a 1\n";
  std::vector<model::Target> targets;
  for (int i = 0; i < 40; ++i) {
    targets.push_back(spec());
    targets.back().labels = {{"n", std::to_string(i)}};
  }
  Scraper scraper(world.env, store);
  scraper.set_targets(targets);
  world.executor.run_for(5s);
  EXPECT_GT(target.requests, 8);
  EXPECT_LT(target.requests, 32);
  world.executor.run_for(5s);
  EXPECT_EQ(target.requests, 40);
}

// Threads and sockets for real: targets come and go while answers are being stored.
TEST(ScraperOnTheMachine, SurvivesTargetsThatComeAndGo) {
  SystemClock clock;
  SystemRandom random;
  PosixFileSystem files;
  ThreadExecutor executor(3);
  net::AsioTransport transport(2);
  Env env{clock, random, files, transport, executor};
  std::atomic<int> requests = 0;
  net::Router router;
  router.add("GET", "/metrics", [&](const net::Request&, net::ResponderPtr responder) {
    ++requests;
    responder->send(net::Response::text(200, "a 1\nb{x=\"1\"} 2\n"));
  });
  net::Server server(env, router);
  const auto at = server.listen({"127.0.0.1", 0, ""});
  ASSERT_TRUE(at);
  MemoryStore store;
  {
    Scraper scraper(env, store);
    for (int round = 0; requests < 200; ++round) {
      std::vector<model::Target> targets;
      for (int i = 0; i < 8; ++i) {
        model::Target t;
        t.job = "app";
        t.address = at->text();
        t.interval = 5ms;
        t.timeout = 5ms;
        t.labels = {{"n", std::to_string(i)}, {"round", std::to_string(i % 2 == 0 ? 0 : round)}};
        targets.push_back(std::move(t));
      }
      scraper.set_targets(std::move(targets));
      const int before = requests;
      const auto deadline = std::chrono::steady_clock::now() + 5s;
      while (requests < before + 10 && std::chrono::steady_clock::now() < deadline) {
        EXPECT_EQ(scraper.status().size(), 8u);
        std::this_thread::yield();
      }
    }
  }
  EXPECT_FALSE(store.all().empty());
  std::promise<void> closed;
  server.shutdown(1s, [&] { closed.set_value(); });
  closed.get_future().wait();
  executor.stop();
}

}  // namespace
}  // namespace holdfast::collect
