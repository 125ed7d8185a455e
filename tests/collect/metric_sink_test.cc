#include "collect/metric_sink.h"

#include <gtest/gtest.h>

#include "base/sim.h"
#include "collect/scrape/text_parser.h"
#include "collect/source_loop.h"
#include "collect/ticker.h"
#include "memory_store.h"

namespace holdfast::collect {
namespace {

TEST(SeriesWriter, StoresUnderTheBaseLabelsAndASamplesOwnLabelWins) {
  MemoryStore store;
  SeriesWriter writer(store, {{"job", "node"}, {"instance", "here"}});
  writer.begin(1000);
  writer.gauge("temperature", "How warm.", 21.5, {{"room", "a"}, {"instance", "there"}});
  ASSERT_TRUE(writer.commit());
  EXPECT_TRUE(store.has("temperature{instance=\"there\",job=\"node\",room=\"a\"}"));
  EXPECT_EQ(store.metadata_of("temperature"), (metrics::Metadata{"gauge", "How warm.", ""}));
}

TEST(SeriesWriter, EndsASeriesThatIsGoneOnceAndBeginsItAnew) {
  MemoryStore store;
  SeriesWriter writer(store, {});
  const auto write = [&](model::Timestamp t, bool with_b) {
    writer.begin(t);
    writer.sample("a", 1);
    if (with_b) writer.sample("b", 2);
    ASSERT_TRUE(writer.commit());
  };
  write(1, true);
  write(2, false);
  write(3, false);
  write(4, true);
  const auto b = store.points("b");
  ASSERT_EQ(b.size(), 3u);
  EXPECT_TRUE(model::is_stale(b[1].value));
  EXPECT_EQ(b[2].t, 4);
  EXPECT_EQ(store.points("a").size(), 4u);
}

TEST(SeriesWriter, WritesAStalenessMarkerStillAfterAFullDisk) {
  MemoryStore store;
  SeriesWriter writer(store, {});
  writer.begin(1);
  writer.sample("a", 1);
  ASSERT_TRUE(writer.commit());
  store.set_full(true);
  writer.begin(2);
  ASSERT_FALSE(writer.commit());
  store.set_full(false);
  writer.begin(3);
  ASSERT_TRUE(writer.commit());
  ASSERT_EQ(store.points("a").size(), 2u);
  EXPECT_TRUE(model::is_stale(store.last("a")));
}

TEST(TextExposition, WritesWhatTheParserReads) {
  TextExposition text;
  text.counter("requests_total", "All\nrequests.", 3, {{"path", "a\"b\\c\nd"}});
  text.sample("requests_total", 0.5, {{"path", "x"}, {"code", "200"}});
  const auto body = text.take();
  EXPECT_EQ(body,
            "# HELP requests_total All\\nrequests.\n# TYPE requests_total counter\n"
            "requests_total{path=\"a\\\"b\\\\c\\nd\"} 3\nrequests_total{path=\"x\",code=\"200\"} 0.5\n");
  TextParser parser(body, Dialect::kPrometheus);
  for (;;) {
    const auto entry = parser.next();
    ASSERT_TRUE(entry) << entry.error().message();
    if (*entry == TextParser::Entry::kEnd) break;
  }
}

struct SimWorld {
  SimClock clock;
  SimExecutor executor{clock};
  SeededRandom random{7};
  SimFileSystem files{random};
  SimNetwork network{executor, random};
  Env env{clock, random, files, network.host("here"), executor};
};

TEST(Ticker, RunsAtItsOffsetAndEvenlyAfter) {
  SimWorld world;
  std::vector<std::int64_t> at;
  Ticker ticker(world.env, 10s, static_cast<std::uint64_t>(Duration(3s).count()),
                [&](WallTime planned) { at.push_back(to_ms(planned)); });
  world.executor.run_for(35s);
  ASSERT_GE(at.size(), 3u);
  EXPECT_EQ(at[0] % 10'000, 3'000);
  for (std::size_t i = 1; i < at.size(); ++i) EXPECT_EQ(at[i] - at[i - 1], 10'000);
}

TEST(Ticker, StopsWhenDestroyed) {
  SimWorld world;
  int runs = 0;
  auto ticker = std::make_unique<Ticker>(world.env, 1s, 0, [&](WallTime) { ++runs; });
  world.executor.run_for(3500ms);
  EXPECT_GE(runs, 3);
  const int before = runs;
  ticker.reset();
  world.executor.run_for(10s);
  EXPECT_EQ(runs, before);
}

TEST(Ticker, MayBeDestroyedByItsOwnWork) {
  SimWorld world;
  int runs = 0;
  std::unique_ptr<Ticker> ticker;
  ticker = std::make_unique<Ticker>(world.env, 1s, 0, [&](WallTime) {
    ++runs;
    ticker.reset();
  });
  world.executor.run_for(5s);
  EXPECT_EQ(runs, 1);
}

TEST(SourceLoop, StoresWhatTheSourceMeasuresWithUp) {
  SimWorld world;
  MemoryStore store;
  int calls = 0;
  SourceLoop loop(world.env, store, 5s, {{"job", "own"}},
                  [&](MetricSink& sink) { sink.gauge("calls", "How often.", ++calls); });
  world.executor.run_for(20s);
  EXPECT_GE(store.points("calls{job=\"own\"}").size(), 4u);
  EXPECT_EQ(store.last("calls"), calls);
  EXPECT_EQ(store.points("up{job=\"own\"}").size(), store.points("calls{job=\"own\"}").size());
}

}  // namespace
}  // namespace holdfast::collect
