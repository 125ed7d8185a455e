#include "base/sim.h"
#include "gtest/gtest.h"
#include "net/http.h"

namespace holdfast::net {
namespace {

struct World {
  explicit World(std::uint64_t seed) : random(seed) {}
  SimClock clock;
  SimExecutor executor{clock};
  SeededRandom random;
  SimFileSystem files{random, &clock};
  SimNetwork network{executor, random};
  Env here{clock, random, files, network.host("here"), executor};
  Env there{clock, random, files, network.host("there"), executor};
};

TEST(SimulatedHttp, ServesWhateverTheNetworkSplits) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world(seed);
    world.network.set_split_reads(0.7);
    Router router;
    router.add("POST", "/echo", [](const Request& q, ResponderPtr r) { r->send(Response::text(200, q.body)); },
               {.blocking = true});
    Server server(world.there, router);
    ASSERT_TRUE(server.listen({"", 80, ""}));
    Client client(world.here);
    int answered = 0;
    for (int i = 0; i < 5; ++i) {
      const std::string body(static_cast<std::size_t>(i) * 100'000, static_cast<char>('a' + i));
      client.send({.method = "POST", .url = "http://there/echo", .body = body}, [&, body](Result<ClientResponse> r) {
        ASSERT_TRUE(r) << r.error().message();
        EXPECT_TRUE(r->body == body);
        ++answered;
      });
    }
    EXPECT_TRUE(world.executor.run_until([&] { return answered == 5; }, 60s)) << "seed " << seed;
  }
}

TEST(SimulatedHttp, TimesOutBehindAPartitionAndRecoversAfterIt) {
  World world(7);
  Router router;
  router.add("GET", "/x", [](const Request&, ResponderPtr r) { r->send(Response::text(200, "x")); });
  Server server(world.there, router);
  ASSERT_TRUE(server.listen({"", 80, ""}));
  Client client(world.here);
  std::vector<std::string> story;
  const auto ask = [&] {
    client.send({.url = "http://there/x", .timeout = 10s}, [&](Result<ClientResponse> r) {
      story.push_back(r ? "ok" : std::string(code_name(r.error().code())));
    });
  };
  ask();
  world.executor.run_for(1s);
  world.network.partition("here", "there");
  ask();
  world.executor.run_for(11s);
  world.network.heal("here", "there");
  ask();
  world.executor.run_for(5s);
  EXPECT_EQ(story, (std::vector<std::string>{"ok", "timeout", "ok"}));
}

TEST(SimulatedHttp, KeepsAnEventStreamAliveWithHeartbeats) {
  World world(3);
  Router router;
  std::shared_ptr<EventStream> stream;
  router.add("GET", "/events", [&](const Request&, ResponderPtr r) { stream = r->start_events(); });
  Server server(world.there, router);
  ASSERT_TRUE(server.listen({"", 80, ""}));
  std::unique_ptr<Connection> connection;
  std::string got;
  std::function<void()> read = [&] {
    connection->read(4096, [&](Result<std::string> chunk) {
      if (!chunk || chunk->empty()) return;
      got += *chunk;
      read();
    });
  };
  world.here.transport.connect({"there", 80, ""}, 5s, [&](Result<std::unique_ptr<Connection>> made) {
    connection = std::move(*made);
    connection->write("GET /events HTTP/1.1\r\nHost: there\r\n\r\n", nullptr);
    read();
  });
  world.executor.run_for(10min);  // far beyond the idle limit
  std::size_t beats = 0;
  for (auto at = got.find("\n:\n\n"); at != std::string::npos; at = got.find("\n:\n\n", at + 1)) ++beats;
  EXPECT_NEAR(static_cast<double>(beats), 40, 1);
  ASSERT_TRUE(stream);
  EXPECT_TRUE(stream->open());
  connection.reset();
  world.executor.run_for(1s);
  EXPECT_FALSE(stream->open());
}

TEST(SimulatedHttp, ClosesAClientThatSendsAByteEverySecond) {
  World world(5);
  Router router;
  Server server(world.there, router);
  ASSERT_TRUE(server.listen({"", 80, ""}));
  std::unique_ptr<Connection> connection;
  std::string got;
  MonoTime ended{};
  world.here.transport.connect({"there", 80, ""}, 5s, [&](Result<std::unique_ptr<Connection>> made) {
    connection = std::move(*made);
    connection->read(4096, [&](Result<std::string> chunk) {
      got = chunk ? *chunk : "";
      ended = world.clock.mono();
    });
  });
  world.executor.run_for(1s);
  for (const char c : std::string("GET / HTTP/1.1\r\nHost: there\r\n")) {
    connection->write(std::string(1, c), nullptr);
    world.executor.run_for(1s);
  }
  EXPECT_TRUE(got.starts_with("HTTP/1.1 408 ")) << got;
  EXPECT_NEAR(to_seconds(ended - MonoTime{}), 11, 0.1);
  world.executor.run_for(5s);
  EXPECT_EQ(server.stats().connections, 0u);
}

}  // namespace
}  // namespace holdfast::net
