// Remote write from the tap to a receiver, in virtual time: order, outages, restarts, refusals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <snappy.h>

#include <deque>

#include "base/sim.h"
#include "base/wire.h"
#include "collect/forward/forward_queue.h"
#include "collect/forward/forwarder.h"
#include "collect/forward/remote_message.h"
#include "collect/forward/remote_writer.h"
#include "collect/forward/reshard.h"
#include "collect/receive/histogram_proto.h"
#include "memory_store.h"

namespace holdfast::collect {
namespace {

using model::Labels;

// What a receiver got, by series; it answers as it is told.
class Receiver {
 public:
  explicit Receiver(SimExecutor& executor) : executor_(executor) {}

  SendRequest sender() {
    return [this](net::ClientRequest request, net::Client::Handler handler, std::stop_token stop) {
      executor_.post_after(Lane::kPool, latency,
                           [this, request = std::move(request), handler, stop] {
                             if (stop.stop_requested()) return;
                             ++requests;
                             if (down) return handler(unavailable("connection refused"));
                             net::ClientResponse response;
                             response.status = status;
                             if (!retry_after.empty())
                               response.headers.set("Retry-After", retry_after);
                             if (status / 100 == 2) take(request);
                             handler(std::move(response));
                           });
    };
  }

  void take(const net::ClientRequest& request) {
    std::string plain;
    ASSERT_TRUE(snappy::Uncompress(request.body.data(), request.body.size(), &plain));
    last_headers = request.headers;
    WireReader reader(plain);
    while (reader.next()) {
      if (reader.is(1, WireType::kBytes)) take_series(reader.bytes());
      if (reader.is(3, WireType::kBytes)) ++metadata;
    }
    EXPECT_FALSE(reader.failed());
  }

  void take_series(std::string_view message) {
    std::vector<model::Label> labels;
    std::vector<std::pair<model::Timestamp, double>> samples;
    WireReader reader(message);
    while (reader.next()) {
      WireReader inner(reader.bytes());
      if (reader.field() == 1) {
        std::string name, value;
        while (inner.next()) (inner.field() == 1 ? name : value) = inner.bytes();
        labels.push_back({name, value});
      } else if (reader.field() == 2) {
        double value = 0;
        model::Timestamp t = 0;
        while (inner.next()) {
          if (inner.field() == 1) value = inner.fixed_double();
          if (inner.field() == 2) t = inner.int64();
        }
        samples.emplace_back(t, value);
      } else if (reader.field() == 3) {
        ++exemplars;
      } else if (reader.field() == 4) {
        auto sample = read_histogram(reader.bytes());
        ASSERT_TRUE(sample) << sample.error().message();
        histograms.push_back(*sample);
      }
    }
    auto& all = got[Labels(labels).text()];
    all.insert(all.end(), samples.begin(), samples.end());
  }

  std::size_t count() const {
    std::size_t count = 0;
    for (const auto& [series, samples] : got) count += samples.size();
    return count;
  }
  // Each series' times never fall: what is sent twice stands beside itself.
  void expect_order() const {
    for (const auto& [series, samples] : got) {
      for (std::size_t i = 1; i < samples.size(); ++i)
        EXPECT_LE(samples[i - 1].first, samples[i].first) << series;
    }
  }

  bool down = false;
  int status = 204;
  std::string retry_after;
  Duration latency = 5ms;
  std::map<std::string, std::vector<std::pair<model::Timestamp, double>>> got;
  std::vector<model::Sample> histograms;
  std::size_t requests = 0, metadata = 0, exemplars = 0;
  net::Headers last_headers;

 private:
  SimExecutor& executor_;
};

class Forward : public testing::Test {
 protected:
  Forward() {
    config.name = "peer";
    config.url = "http://peer/api/v1/write";
    config.queue.batch_deadline = 1s;
    config.metadata.send = false;
    open();
  }
  ~Forward() override {
    writer.reset();
    executor.clear();
  }

  void open() {
    auto opened = ForwardQueue::open(env, "/forward", limits);
    ASSERT_TRUE(opened) << opened.error().message();
    queue = std::move(*opened);
  }
  void start() {
    writer = std::make_unique<RemoteWriter>(env, *queue, config, receiver.sender(),
                                            [this] { return metadata; });
    queue->set_listener([this] {
      if (writer) writer->notify();
    });
    writer->start();
  }
  // One sample of each of `series` series at second `t`.
  void append(int series, int t) {
    std::vector<Labels> labels;
    for (int i = 0; i < series; ++i)
      labels.push_back({{"__name__", "m"}, {"i", std::to_string(i)}});
    std::vector<ForwardItem> items;
    for (const auto& one : labels)
      items.push_back({&one, {model::Timestamp{t} * 1000, t + 0.5, nullptr}});
    const auto done = queue->append(items);
    ASSERT_TRUE(done) << done.error().message();
  }
  void run(Duration by) { executor.run_for(by); }

  SeededRandom random{3};
  SimClock clock;
  SimExecutor executor{clock};
  SimFileSystem files{random, &clock};
  SimNetwork network{executor, random};
  Env env{clock, random, files, network.host("here"), executor};
  ForwardLimits limits;
  RemoteWriteConfig config;
  std::map<std::string, std::vector<metrics::Metadata>> metadata;
  std::unique_ptr<ForwardQueue> queue;
  Receiver receiver{executor};
  std::unique_ptr<RemoteWriter> writer;
};

TEST_F(Forward, EverySampleArrivesOnceAndInOrder) {
  config.queue.shards_min = 4;
  config.queue.samples_per_send_max = 50;
  start();
  for (int t = 1; t <= 100; ++t) {
    append(30, t);
    run(100ms);
  }
  run(5s);
  EXPECT_EQ(receiver.got.size(), 30u);
  for (const auto& [series, samples] : receiver.got) {
    ASSERT_EQ(samples.size(), 100u) << series;
    for (int t = 1; t <= 100; ++t)
      EXPECT_EQ(samples[static_cast<std::size_t>(t - 1)],
                std::pair(model::Timestamp{t} * 1000, t + 0.5));
  }
  EXPECT_EQ(writer->stats().samples_sent, 3000u);
  EXPECT_EQ(writer->committed(), queue->end());
  EXPECT_EQ(receiver.last_headers.get("X-Prometheus-Remote-Write-Version"), "0.1.0");
}

TEST_F(Forward, AnOutageOfAnHourDelaysAndLosesNothing) {
  config.queue.capacity = 100;
  start();
  append(20, 1);
  run(3s);
  EXPECT_EQ(receiver.count(), 20u);
  receiver.down = true;
  for (int t = 2; t <= 200; ++t) {
    append(20, t);
    run(18s);
  }
  EXPECT_EQ(receiver.count(), 20u);
  EXPECT_LE(writer->stats().samples_pending, 150u) << "the rest waits on disk";
  receiver.down = false;
  receiver.status = 503;
  run(30s);
  receiver.status = 200;
  run(2min);
  EXPECT_EQ(receiver.count(), 4000u);
  receiver.expect_order();
  EXPECT_GT(writer->stats().samples_retried, 0u);
  EXPECT_EQ(writer->stats().samples_failed, 0u);
  EXPECT_EQ(writer->stats().last_error, "");
}

TEST_F(Forward, ARestartInAnOutageLosesNothing) {
  start();
  append(10, 1);
  run(3s);
  receiver.down = true;
  for (int t = 2; t <= 50; ++t) append(10, t);
  run(10s);
  writer.reset();
  queue.reset();
  receiver.down = false;
  open();
  append(10, 51);
  start();
  run(10s);
  receiver.expect_order();
  EXPECT_EQ(receiver.got.size(), 10u);
  for (const auto& [series, samples] : receiver.got) {
    std::set<model::Timestamp> times;
    for (const auto& [t, value] : samples) times.insert(t);
    EXPECT_EQ(times.size(), 51u) << series;
  }
}

// The whole of it, and not the writer alone: what waits for a receiver outlives the time before the receiver is known.
TEST_F(Forward, ARestartKeepsWhatWaitsUntilTheReceiversAreKnown) {
  config.url = "http://nobody:9090/api/v1/write";
  const auto open_all = [&] {
    auto opened = Forwarder::open(env, "/all");
    EXPECT_TRUE(opened);
    return std::move(*opened);
  };
  {
    const auto forwarder = open_all();
    const auto store = forwarder->wrap(std::make_unique<MemoryStore>());
    forwarder->configure({config});
    run(2s);
    const Labels labels{{"__name__", "m"}};
    const metrics::SampleIn sample{metrics::SeriesRef::kNone, &labels, {1000, 1, nullptr}};
    ASSERT_TRUE(store->append(std::span(&sample, 1)));
    run(3s);
    forwarder->stop();
  }
  ASSERT_TRUE(files.exists("/all/00000001.fwd"));
  const auto again = open_all();
  run(3s);
  EXPECT_TRUE(files.exists("/all/00000001.fwd"));
  again->configure({config});
  run(10s);
  EXPECT_TRUE(files.exists("/all/00000001.fwd"));
  EXPECT_EQ(again->stats()[0].samples_pending, 1u);
  again->configure({});  // wanted by nobody any more
  run(3s);
  EXPECT_FALSE(files.exists("/all/00000001.fwd"));
  again->stop();
}

TEST_F(Forward, WhatIsRefusedForGoodIsDroppedAndCountedAndTheRestGoesOn) {
  start();
  receiver.status = 400;
  append(10, 1);
  run(3s);
  EXPECT_EQ(writer->stats().samples_failed, 10u);
  EXPECT_THAT(writer->stats().last_error, testing::HasSubstr("the receiver answered 400"));
  EXPECT_EQ(writer->committed(), queue->end());
  receiver.status = 200;
  append(10, 2);
  run(3s);
  EXPECT_EQ(receiver.count(), 10u);
}

TEST_F(Forward, TooManyRequestsAreTriedAgainOnlyWhenAskedFor) {
  receiver.status = 429;
  start();
  append(10, 1);
  run(3s);
  EXPECT_EQ(writer->stats().samples_failed, 10u);
  writer->stop();
  config.queue.retry_on_429 = true;
  receiver.retry_after = "7";
  start();
  append(10, 2);
  run(2s);
  const auto requests = receiver.requests;
  run(4s);
  EXPECT_EQ(receiver.requests, requests) << "Retry-After is kept to";
  receiver.status = 200;
  run(5s);
  EXPECT_EQ(receiver.count(), 10u);
}

TEST_F(Forward, RelabellingDropsAndRenames) {
  model::RelabelSpec drop;
  drop.source_labels = {"i"};
  drop.regex = "[5-9]";
  drop.action = model::RelabelAction::kDrop;
  model::RelabelSpec add;
  add.target_label = "site";
  add.replacement = "north";
  for (const auto& spec : {drop, add}) {
    auto rule = model::RelabelRule::make(spec);
    ASSERT_TRUE(rule);
    config.relabel.push_back(*rule);
  }
  start();
  append(10, 1);
  append(10, 2);
  run(3s);
  EXPECT_EQ(receiver.got.size(), 5u);
  EXPECT_TRUE(receiver.got.contains("m{i=\"0\",site=\"north\"}")) << receiver.got.begin()->first;
  EXPECT_EQ(writer->stats().samples_dropped, 10u);
}

TEST_F(Forward, HistogramsAndExemplarsGoOnlyWhenConfigured) {
  const Labels labels{{"__name__", "h"}};
  auto histogram = std::make_shared<model::Histogram>();
  histogram->schema = 1;
  histogram->count = 7;
  histogram->sum = 3.5;
  histogram->zero_threshold = 0.001;
  histogram->zero_count = 1;
  histogram->positive_spans = {{-2, 2}, {1, 1}};
  histogram->positive_buckets = {1, 2, 3};
  const ForwardItem item{&labels, {1000, 0, histogram}};
  const metrics::Exemplar exemplar{{{"trace_id", "abc"}}, 1000, 0.25};
  for (const bool on : {false, true}) {
    config.send_native_histograms = config.send_exemplars = on;
    start();
    ASSERT_TRUE(queue->append({&item, 1}));
    ASSERT_TRUE(queue->append_exemplars(labels, {&exemplar, 1}));
    run(3s);
    EXPECT_EQ(receiver.histograms.size(), on ? 1u : 0u);
    EXPECT_EQ(receiver.exemplars, on ? 1u : 0u);
    writer->stop();
  }
  EXPECT_EQ(*receiver.histograms[0].histogram, *histogram);
}

TEST_F(Forward, OldSamplesAreLetGoWhenAnAgeLimitSaysSo) {
  config.queue.age_limit = 1min;
  start();
  receiver.down = true;
  append(10, static_cast<int>(to_ms(clock.now()) / 1000));
  run(30s);
  EXPECT_EQ(writer->stats().samples_too_old, 0u);
  run(1min);
  EXPECT_EQ(writer->stats().samples_too_old, 10u);
  receiver.down = false;
  append(10, static_cast<int>(to_ms(clock.now()) / 1000));
  run(3s);
  EXPECT_EQ(receiver.count(), 10u);
}

TEST_F(Forward, MetadataIsToldOnItsOwn) {
  config.metadata.send = true;
  metadata["m"] = {{"counter", "What was counted.", ""}};
  start();
  run(150s);
  EXPECT_EQ(receiver.metadata, 3u) << "at the start and each minute";
}

TEST_F(Forward, TheQueueIsTrimmedOfWhatWasDeliveredAndOverItsLimits) {
  limits.segment_size_max = 2000;
  limits.size_max = 20'000;
  open();
  start();
  for (int t = 1; t <= 300; ++t) append(10, t);
  run(5s);
  const auto before = queue->size();
  const ForwardPosition committed = writer->committed();
  ASSERT_TRUE(queue->trim({&committed, 1}));
  EXPECT_LT(queue->size(), before);
  EXPECT_EQ(queue->lost_records(), 0u);
  receiver.down = true;
  for (int t = 301; t <= 2000; ++t) append(10, t);
  run(1s);
  ASSERT_TRUE(queue->trim({&committed, 1}));
  EXPECT_LE(queue->size(), limits.size_max);
  EXPECT_GT(queue->lost_records(), 0u);
  receiver.down = false;
  run(30s);
  receiver.expect_order();
  EXPECT_EQ(receiver.got.begin()->second.back().first, 2'000'000);
}

TEST_F(Forward, ATornTailIsSkippedAndWhatFollowsIsRead) {
  append(5, 1);
  const auto end = queue->end();
  queue.reset();
  auto file = files.open("/forward/00000001.fwd", OpenMode::kReadWrite);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->append(std::string("\x40\x00\x00\x00half", 8)));
  ASSERT_TRUE(files.write_file_atomic("/forward/x.position", "none"));
  open();
  ForwardQueue::Reader reader(*queue, "new");
  ASSERT_TRUE(reader.commit({1, 0}));
  append(5, 2);
  ForwardQueue::Reader again(*queue, "new");
  std::vector<model::Timestamp> times;
  while (true) {
    auto record = again.next();
    ASSERT_TRUE(record) << record.error().message();
    if (!*record) break;
    for (const auto& item : (*record)->items) times.push_back(item.sample.t);
  }
  EXPECT_EQ(times, (std::vector<model::Timestamp>{1000, 1000, 1000, 1000, 1000, 2000, 2000, 2000,
                                                  2000, 2000}));
  EXPECT_GT(end.offset, 0u);
}

TEST(Reshard, FollowsTheTraffic) {
  struct Case {
    const char* name;
    ReshardInput step;
    int now, want;
  };
  for (const auto& [name, step, now, want] : std::initializer_list<Case>{
           {"nothing sent: stay", {100, 0, 0, 0, 0}, 4, 4},
           {"one connection's time is enough", {10'000, 10'000, 0, 8, 0}, 1, 1},
           {"busy four times over", {10'000, 10'000, 0, 40, 0}, 1, 4},
           {"within a third: stay", {10'000, 10'000, 0, 50, 0}, 4, 4},
           {"idle: fewer", {10'000, 10'000, 0, 10, 0}, 8, 1},
           {"idle but behind: stay", {10'000, 10'000, 0, 10, 60}, 8, 8},
           {"far behind: up to the limit", {10'000, 10'000, 0, 40, 3600}, 1, 50},
           {"half is dropped by relabelling", {10'000, 5'000, 5'000, 20, 0}, 1, 2},
       }) {
    ShardPlanner planner;
    EXPECT_EQ(planner.desired(step, now, 1, 50), want) << name;
  }
}

TEST_F(Forward, MoreShardsAreOpenedUnderLoadAndOrderIsKept) {
  config.queue.samples_per_send_max = 20;
  receiver.latency = 200ms;
  start();
  for (int t = 1; t <= 600; ++t) {
    append(40, t);
    run(100ms);
  }
  EXPECT_GT(writer->stats().shards, 1);
  run(10min);
  EXPECT_EQ(receiver.count(), 24'000u);
  receiver.expect_order();
}

}  // namespace
}  // namespace holdfast::collect
