#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/sim.h"

namespace holdfast {
namespace {

class SimNetworkTest : public ::testing::Test {
 protected:
  // A server on "server" that keeps what it accepts.
  void serve() {
    auto listener = network_.host("server").listen(
        {"", 80, ""}, [this](std::unique_ptr<Connection> c) { accepted_.push_back(std::move(c)); });
    ASSERT_TRUE(listener) << listener.error().message();
    listener_ = std::move(*listener);
  }
  Result<std::unique_ptr<Connection>> connect(const Endpoint& to = {"server", 80, ""},
                                              const std::string& from = "client") {
    std::optional<Result<std::unique_ptr<Connection>>> answer;
    network_.host(from).connect(to, 5s, [&](auto result) { answer = std::move(result); });
    EXPECT_FALSE(answer) << "never inside the call";
    EXPECT_TRUE(executor_.run_until([&] { return answer.has_value(); }, 1min));
    return std::move(*answer);
  }
  // Both ends of one connection.
  void join() {
    serve();
    auto connected = connect();
    ASSERT_TRUE(connected) << connected.error().message();
    client_ = std::move(*connected);
    ASSERT_EQ(accepted_.size(), 1u);
    server_ = std::move(accepted_[0]);
  }
  std::optional<Result<std::string>> read(Connection& connection, std::size_t max = 4096,
                                          Duration limit = 10s) {
    auto answer = std::make_shared<std::optional<Result<std::string>>>();
    connection.read(max, [answer](auto result) { *answer = std::move(result); });
    executor_.run_until([&] { return answer->has_value(); }, limit);
    return *answer;
  }
  void send(Connection& connection, std::string bytes) {
    connection.write(std::move(bytes), [](Result<void>) {});
  }

  SimClock clock_;
  SimExecutor executor_{clock_};
  SeededRandom random_{1};
  SimNetwork network_{executor_, random_};
  std::unique_ptr<Listener> listener_;
  std::vector<std::unique_ptr<Connection>> accepted_;
  std::unique_ptr<Connection> client_, server_;
};

TEST_F(SimNetworkTest, BytesArriveInOrderAndThenTheEnd) {
  join();
  send(*client_, "hello ");
  send(*client_, "world");
  client_->shutdown_write();
  std::string got;
  for (;;) {
    const auto part = read(*server_, 4);
    ASSERT_TRUE(part && *part);
    if ((*part)->empty()) break;
    EXPECT_LE((*part)->size(), 4u);
    got += **part;
  }
  EXPECT_EQ(got, "hello world");
  send(*server_, "answer");
  EXPECT_EQ(**read(*client_), "answer") << "only one direction has ended";
}

TEST_F(SimNetworkTest, LatencyPasses) {
  network_.set_latency(20ms, 20ms);
  join();
  const auto start = clock_.mono();
  send(*client_, "x");
  ASSERT_TRUE(*read(*server_));
  EXPECT_EQ(clock_.mono() - start, 20ms);
}

TEST_F(SimNetworkTest, NamesAddressesAndAliasesReachTheHost) {
  serve();
  network_.set_alias("api.example", "server");
  for (const auto& name :
       {std::string("server"), network_.address("server"), std::string("api.example")}) {
    EXPECT_TRUE(connect({name, 80, ""})) << name;
  }
  EXPECT_TRUE(connect({"localhost", 80, ""}, "server"));
  EXPECT_EQ(connect({"localhost", 80, ""}).error().code(), Code::kUnavailable)
      << "the client's own";
  EXPECT_EQ(connect({"nowhere", 80, ""}).error().code(), Code::kUnavailable);
  std::optional<Result<std::vector<std::string>>> answer;
  network_.host("client").resolve("api.example", 1s,
                                  [&](auto result) { answer = std::move(result); });
  executor_.run_for(1s);
  EXPECT_THAT(**answer, ::testing::ElementsAre(network_.address("server")));
}

TEST_F(SimNetworkTest, WithoutListenerTheConnectionIsRefused) {
  serve();
  EXPECT_EQ(connect({"server", 81, ""}).error().code(), Code::kUnavailable);
  listener_.reset();
  const auto refused = connect();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kUnavailable);
  EXPECT_THAT(refused.error().message(), ::testing::HasSubstr("server:80"));
}

TEST_F(SimNetworkTest, ALoopbackListenerIsReachedFromItsHostAlone) {
  const auto listener = *network_.host("server").listen(
      {"127.0.0.1", 0, ""},
      [&](std::unique_ptr<Connection> c) { accepted_.push_back(std::move(c)); });
  const auto port = listener->local().port;
  EXPECT_NE(port, 0);
  EXPECT_TRUE(connect({"127.0.0.1", port, ""}, "server"));
  EXPECT_FALSE(connect({"server", port, ""}, "client"));
}

TEST_F(SimNetworkTest, TwoListenersDoNotShareAnAddress) {
  serve();
  EXPECT_FALSE(network_.host("server").listen({"", 80, ""}, [](auto) {}));
  EXPECT_TRUE(network_.host("client").listen({"", 80, ""}, [](auto) {}));
  EXPECT_FALSE(network_.host("client").listen({"server", 81, ""}, [](auto) {}))
      << "another's address";
  listener_.reset();
  EXPECT_TRUE(network_.host("server").listen({"", 80, ""}, [](auto) {}));
}

TEST_F(SimNetworkTest, UnixSocketsStayOnTheirHost) {
  const auto listener = *network_.host("server").listen(
      {"", 0, "/run/a"}, [&](auto c) { accepted_.push_back(std::move(c)); });
  EXPECT_TRUE(connect({"", 0, "/run/a"}, "server"));
  EXPECT_FALSE(connect({"", 0, "/run/a"}, "client"));
}

TEST_F(SimNetworkTest, ADroppedAttemptTimesOut) {
  serve();
  network_.set_drop_connect(1);
  const auto start = clock_.mono();
  EXPECT_EQ(connect().error().code(), Code::kTimeout);
  EXPECT_EQ(clock_.mono() - start, 5s);
}

TEST_F(SimNetworkTest, APartitionHoldsBytesAndHealingDeliversThem) {
  join();
  network_.partition("server", "client");
  send(*client_, "held");
  EXPECT_FALSE(read(*server_, 100, 1min)) << "nothing passes";
  EXPECT_EQ(connect().error().code(), Code::kTimeout);
  EXPECT_TRUE(connect({"server", 80, ""}, "third")) << "others still reach it";
  std::string got;
  network_.heal("client", "server");
  // The read of above is still pending and its answer is kept by nobody; the rest comes to this
  // one.
  executor_.run_for(1s);
  send(*client_, "after");
  EXPECT_EQ(**read(*server_), "after");
  EXPECT_TRUE(connect());
}

TEST_F(SimNetworkTest, BytesHeldByAPartitionKeepTheirOrder) {
  join();
  network_.partition("server", "client");
  for (char c = 'a'; c <= 'f'; ++c) {
    send(*client_, std::string(1, c));
    executor_.run_for(10ms);
  }
  client_.reset();
  executor_.run_for(1min);
  network_.heal_all();
  executor_.run_for(1s);
  EXPECT_EQ(**read(*server_), "abcdef");
  EXPECT_EQ(**read(*server_), "") << "then the end";
}

TEST_F(SimNetworkTest, ResetAllBreaksBothSides) {
  join();
  network_.reset_all("server");
  EXPECT_EQ(read(*client_)->error().code(), Code::kUnavailable);
  EXPECT_EQ(read(*server_)->error().code(), Code::kUnavailable);
  std::optional<Result<void>> written;
  client_->write("x", [&](auto result) { written = std::move(result); });
  executor_.run_ready();
  EXPECT_EQ(written->error().code(), Code::kUnavailable);
  EXPECT_TRUE(connect()) << "it keeps listening";
}

TEST_F(SimNetworkTest, RandomResetsBreakConnections) {
  join();
  network_.set_reset(1);
  send(*client_, "x");
  EXPECT_EQ(read(*server_)->error().code(), Code::kUnavailable);
}

TEST_F(SimNetworkTest, ACrashDropsTheHostsCallbacksAndTellsTheOthers) {
  join();
  bool called = false;
  server_->read(10, [&](auto) { called = true; });
  server_->set_timer(1s, [&] { called = true; });
  server_->post([&] { called = true; });
  network_.host("server").connect({"client", 1, ""}, 1s, [&](auto) { called = true; });
  network_.crash("server");
  EXPECT_EQ(read(*client_)->error().code(), Code::kUnavailable);
  executor_.run_for(1min);
  EXPECT_FALSE(called);
  EXPECT_FALSE(connect()) << "nobody listens until the host is back";
  serve();
  EXPECT_TRUE(connect());
}

TEST_F(SimNetworkTest, ADestroyedConnectionCallsNobodyAndEndsTheStream) {
  join();
  bool called = false;
  auto held = std::make_shared<int>(1);
  client_->read(10, [&called, held](auto) { called = true; });
  client_->set_timer(1s, [&called, held] { called = true; });
  client_->post([&called, held] { called = true; });
  client_->write("last words", [&called, held](auto) { called = true; });
  client_.reset();
  EXPECT_EQ(**read(*server_), "last words");
  EXPECT_EQ(**read(*server_), "");
  executor_.run_for(10s);
  EXPECT_FALSE(called);
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(SimNetworkTest, CloseEndsWhatIsPendingWithCanceled) {
  join();
  std::optional<Result<std::string>> answer;
  client_->read(10, [&](auto result) { answer = std::move(result); });
  client_->close();
  executor_.run_ready();
  EXPECT_EQ(answer->error().code(), Code::kCanceled);
  EXPECT_EQ(**read(*server_), "");
}

TEST_F(SimNetworkTest, WritingToAClosedPeerIsReset) {
  join();
  server_.reset();
  std::optional<Result<void>> written;
  for (int i = 0; i < 10 && (!written || *written); ++i) {
    written.reset();
    client_->write("x", [&](auto result) { written = std::move(result); });
    executor_.run_until([&] { return written.has_value(); }, 10s);
    executor_.run_for(10ms);
  }
  ASSERT_TRUE(written);
  EXPECT_EQ(written->error().code(), Code::kUnavailable);
}

TEST_F(SimNetworkTest, AReaderThatDoesNotReadHoldsUpTheWriter) {
  join();
  bool written = false;
  const std::string large(1'000'000, 'x');
  client_->write(large, [&](auto) { written = true; });
  executor_.run_for(1min);
  EXPECT_FALSE(written);
  std::size_t got = 0;
  while (got < large.size()) got += (*read(*server_, 100'000))->size();
  executor_.run_ready();
  EXPECT_TRUE(written);
  EXPECT_EQ(got, large.size());
}

TEST_F(SimNetworkTest, SplitReadsYieldEveryByteInPieces) {
  network_.set_split_reads(1);
  join();
  const std::string text = "GET / HTTP/1.1\r\nHost: server\r\n\r\n";
  send(*client_, text);
  client_->shutdown_write();
  std::string got;
  int reads = 0;
  for (;;) {
    const auto part = **read(*server_);
    if (part.empty()) break;
    got += part;
    ++reads;
  }
  EXPECT_EQ(got, text);
  EXPECT_GT(reads, 1);
}

TEST_F(SimNetworkTest, ALaterTimerReplacesAnEarlierOne) {
  join();
  std::vector<int> seen;
  client_->set_timer(1s, [&] { seen.push_back(1); });
  client_->set_timer(2s, [&] { seen.push_back(2); });
  executor_.run_for(5s);
  EXPECT_THAT(seen, ::testing::ElementsAre(2));
  client_->set_timer(1s, [&] { seen.push_back(3); });
  client_->cancel_timer();
  executor_.run_for(5s);
  EXPECT_THAT(seen, ::testing::ElementsAre(2));
}

// A session that owns its connection and is owned by the connection's pending read.
struct Session : std::enable_shared_from_this<Session> {
  std::unique_ptr<Connection> connection;
  int* alive;
  Session(std::unique_ptr<Connection> c, int* count) : connection(std::move(c)), alive(count) {
    ++*alive;
  }
  ~Session() { --*alive; }
  void echo() {
    connection->read(100, [self = shared_from_this()](Result<std::string> bytes) {
      if (!bytes || bytes->empty()) return;
      self->connection->write(std::move(*bytes), [self](Result<void>) { self->echo(); });
    });
  }
};

TEST(SimNetworkLifetime, SessionsThatOwnThemselvesEndWithPeerCrashOrNetwork) {
  int alive = 0;
  SimClock clock;
  SimExecutor executor(clock);
  SeededRandom random(1);
  {
    SimNetwork network(executor, random);
    const auto listener =
        *network.host("server").listen({"", 80, ""}, [&](std::unique_ptr<Connection> c) {
          std::make_shared<Session>(std::move(c), &alive)->echo();
        });
    std::vector<std::unique_ptr<Connection>> clients;
    for (int i = 0; i < 3; ++i) {
      network.host("client").connect({"server", 80, ""}, 1s,
                                     [&](auto c) { clients.push_back(std::move(*c)); });
    }
    executor.run_for(1s);
    EXPECT_EQ(alive, 3);
    clients[0].reset();
    executor.run_for(1s);
    EXPECT_EQ(alive, 2) << "the end of the stream ended it";
    network.crash("client");
    executor.run_for(1s);
    EXPECT_EQ(alive, 0) << "the reset ended them";
    network.host("client").connect({"server", 80, ""}, 1s,
                                   [&](auto c) { clients.push_back(std::move(*c)); });
    executor.run_for(1s);
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0) << "the network's end ended it";
}

TEST(SimNetworkSeeds, TheSameSeedGivesTheSameRun) {
  const auto run = [](std::uint64_t seed) {
    SimClock clock;
    SimExecutor executor(clock);
    SeededRandom random(seed);
    SimNetwork network(executor, random);
    network.set_drop_connect(0.2);
    network.set_reset(0.05);
    network.set_split_reads(0.3);
    std::string trace;
    int alive = 0;
    const auto listener =
        *network.host("server").listen({"", 80, ""}, [&](std::unique_ptr<Connection> c) {
          std::make_shared<Session>(std::move(c), &alive)->echo();
        });
    for (int i = 0; i < 20; ++i) {
      network.host("client").connect({"server", 80, ""}, 1s, [&, i](auto c) {
        trace += std::to_string(i) + (c ? "+" : "-") + std::to_string(to_ms(clock.now())) + " ";
        if (!c) return;
        const auto shared = std::shared_ptr<Connection>(std::move(*c));
        shared->write("some words", [](auto) {});
        shared->read(100, [&trace, shared, i](auto bytes) {
          trace += std::to_string(i) + (bytes ? "=" + *bytes : "!") + " ";
        });
      });
    }
    executor.run_for(10s);
    return trace;
  };
  EXPECT_EQ(run(3), run(3));
  EXPECT_NE(run(3), run(4));
}

}  // namespace
}  // namespace holdfast
