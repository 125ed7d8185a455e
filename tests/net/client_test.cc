#include <filesystem>

#include "net/codec.h"
#include "fixture.h"

namespace holdfast::net {
namespace {

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    router.add("GET", "/hello", [](const Request& q, ResponderPtr r) {
      r->send(Response::text(200, "hello from " + q.peer));
    });
    router.add("GET", "/large", [](const Request&, ResponderPtr r) {
      r->send(Response::text(200, std::string(1'000'000, 'x')));
    });
    router.add("POST", "/echo", [](const Request& q, ResponderPtr r) {
      r->send(Response::text(200, q.method + " " + q.body));
    });
    router.add("GET", "/never", [this](const Request&, ResponderPtr r) { kept.push_back(std::move(r)); });
    router.add("GET", "/fields", [](const Request& q, ResponderPtr r) {
      r->send(Response::text(200, std::string(q.headers.get("Authorization"))));
    });
    router.add("GET", "/hop/{left}", [](const Request& q, ResponderPtr r) {
      const int left = std::stoi(q.path_params.at("left"));
      auto response = Response::text(left ? 302 : 200, "hop");
      if (left) response.headers.set("Location", std::to_string(left - 1));
      r->send(response);
    });
    server = std::make_unique<Server>(machine.env, router);
    at = *server->listen({"127.0.0.1", 0, ""});
  }

  std::string url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(at.port) + path; }

  Router router;
  std::vector<ResponderPtr> kept;
  Machine machine;
  std::unique_ptr<Server> server;
  Endpoint at;
  Client client{machine.env};
};

TEST_F(ClientTest, ReusesItsConnection) {
  const auto first = fetch(client, {.url = url("/hello")});
  ASSERT_TRUE(first) << first.error().message();
  const auto second = fetch(client, {.url = url("/hello")});
  ASSERT_TRUE(second);
  EXPECT_EQ(first->body, second->body);  // the same port at the other end
  EXPECT_EQ(server->stats().connections, 1u);
}

TEST_F(ClientTest, ResolvesNamesAndTimesItsStages) {
  const auto got = fetch(client, {.url = "http://localhost:" + std::to_string(at.port) + "/hello"});
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_GT(got->timings.resolved, 0ns);
  EXPECT_GE(got->timings.connected, got->timings.resolved);
  EXPECT_GE(got->timings.first_byte, got->timings.connected);
  EXPECT_GE(got->timings.total, got->timings.first_byte);
}

TEST_F(ClientTest, SendsBodiesAndDecodesAnswers) {
  const auto echo = fetch(client, {.method = "POST", .url = url("/echo"), .body = "abc"});
  ASSERT_TRUE(echo);
  EXPECT_EQ(echo->body, "POST abc");
  const auto large = fetch(client, {.url = url("/large")});
  ASSERT_TRUE(large);
  EXPECT_EQ(large->body.size(), 1'000'000u);
  EXPECT_FALSE(large->headers.has("Content-Encoding"));
}

TEST_F(ClientTest, RefusesAnswersOverItsLimitPackedOrNot) {
  for (const bool plain : {false, true}) {
    ClientRequest request{.url = url("/large"), .response_size_max = 999'999};
    if (plain) request.headers.set("Accept-Encoding", "identity");
    const auto got = fetch(client, request);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), Code::kTooLarge) << got.error().message();
  }
}

TEST_F(ClientTest, EndsAtItsTimeout) {
  const auto got = fetch(client, {.url = url("/never"), .timeout = 30ms});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Code::kTimeout);
  EXPECT_NE(got.error().message().find("no answer within 30ms"), std::string::npos) << got.error().message();
}

TEST_F(ClientTest, EndsWhenItIsCanceled) {
  std::stop_source stop;
  std::promise<Code> code;
  client.send({.url = url("/never")}, [&](Result<ClientResponse> r) { code.set_value(r.error().code()); },
              stop.get_token());
  stop.request_stop();
  EXPECT_EQ(code.get_future().get(), Code::kCanceled);
}

TEST_F(ClientTest, FollowsRedirectsOnlyWhenAskedAndOnlySoFar) {
  EXPECT_EQ(fetch(client, {.url = url("/hop/1")})->status, 302);
  EXPECT_EQ(fetch(client, {.url = url("/hop/5"), .follow_redirects = true})->status, 200);
  const auto lost = fetch(client, {.url = url("/hop/6"), .follow_redirects = true});
  ASSERT_FALSE(lost);
  EXPECT_NE(lost.error().message().find("more than 5 redirects"), std::string::npos);
}

TEST_F(ClientTest, SpeaksOverUnixSockets) {
  const auto path = (std::filesystem::temp_directory_path() / ("hf-net-" + std::to_string(::getpid()))).string();
  ASSERT_TRUE(server->listen({"", 0, path}));
  const auto got = fetch(client, {.url = "http+unix://" + percent_encode(path) + "/hello"});
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->body, "hello from unix:" + path);
  server.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ClientTest, SendsTheUrlsUserAsBasicAuthorization) {
  const auto got = fetch(client, {.url = "http://me:se%20cret@127.0.0.1:" + std::to_string(at.port) + "/fields"});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->body, "Basic bWU6c2UgY3JldA==");
}

TEST_F(ClientTest, NamesWhatItCouldNotReach) {
  const auto port = at.port;
  server.reset();
  const auto got = fetch(client, {.url = "http://127.0.0.1:" + std::to_string(port) + "/x"});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Code::kUnavailable);
  EXPECT_NE(got.error().message().find("Connection refused"), std::string::npos) << got.error().message();
}

TEST_F(ClientTest, RefusesToSmuggleFields) {
  ClientRequest request{.url = url("/hello")};
  request.headers.add("X", "a\r\nY: b");
  const auto got = fetch(client, request);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Code::kInvalid);
}

TEST_F(ClientTest, DropsPendingHandlersAtItsEnd) {
  auto mine = std::make_unique<Client>(machine.env);
  bool called = false;
  for (int i = 0; i < 20; ++i) mine->send({.url = url("/never")}, [&](auto) { called = true; });
  mine.reset();
  EXPECT_FALSE(called);
}

// A server that speaks exactly what the test says, one string for each connection, then closes.
class Scripted {
 public:
  Scripted(Transport& transport, std::vector<std::string> answers)
      : answers_(std::make_shared<std::vector<std::string>>(std::move(answers))) {
    auto made = transport.listen({"127.0.0.1", 0, ""}, [answers = answers_, count = count_](auto accepted) {
      const std::shared_ptr<Connection> connection = std::move(accepted);
      const auto turn = (*count)++;
      const auto answer = turn < answers->size() ? (*answers)[turn] : std::string();
      serve(connection, answer);
    });
    listener_ = std::move(*made);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(listener_->local().port) + "/"; }
  std::size_t connections() const { return *count_; }

 private:
  // Answers each request on it with the next part; '|' separates them.
  static void serve(const std::shared_ptr<Connection>& connection, const std::string& answer) {
    connection->read(65536, [connection, answer](Result<std::string> got) {
      if (!got || got->empty() || answer.empty()) return connection->close();
      const auto end = answer.find('|');
      connection->write(answer.substr(0, end), [connection, answer, end](Result<void>) {
        if (end == std::string::npos) return connection->close();
        serve(connection, answer.substr(end + 1));
      });
    });
  }
  std::shared_ptr<std::vector<std::string>> answers_;
  std::shared_ptr<std::atomic<std::size_t>> count_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::unique_ptr<Listener> listener_;
};

constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(ClientTest, TriesAgainWhenAReusedConnectionDiesSilently) {
  // The first connection answers once and dies on the second request without a byte.
  Scripted peer(machine.transport, {std::string(kOk) + "|", kOk});
  ASSERT_TRUE(fetch(client, {.url = peer.url()}));
  const auto second = fetch(client, {.url = peer.url()});
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(peer.connections(), 2u);
}

TEST_F(ClientTest, DoesNotRepeatAPost) {
  Scripted peer(machine.transport, {std::string(kOk) + "|", kOk});
  ASSERT_TRUE(fetch(client, {.url = peer.url()}));
  EXPECT_FALSE(fetch(client, {.method = "POST", .url = peer.url(), .body = "pay"}));
}

TEST_F(ClientTest, ReadsEveryFormOfAnswer) {
  const struct {
    const char* name;
    std::string answer;
    std::string want;  // the body, or '!' and a part of the error
  } cases[] = {
      {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "abc"},
      {"to the end", "HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end"},
      {"interim first", std::string("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n") + kOk, "ok"},
      {"no content", "HTTP/1.1 204 No Content\r\n\r\n", ""},
      {"cut off", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "!message is cut off"},
      {"garbage", "SSH-2.0-OpenSSH\r\n\r\n", "!answer: "},
      {"nothing", "", "!answer: message is cut off"},
  };
  for (const auto& one : cases) {
    Scripted peer(machine.transport, {one.answer});
    const auto got = fetch(client, {.url = peer.url()});
    if (one.want.starts_with("!")) {
      ASSERT_FALSE(got) << one.name;
      EXPECT_NE(got.error().message().find(one.want.substr(1)), std::string::npos)
          << one.name << ": " << got.error().message();
    } else {
      ASSERT_TRUE(got) << one.name << ": " << got.error().message();
      EXPECT_EQ(got->body, one.want) << one.name;
    }
  }
}

}  // namespace
}  // namespace holdfast::net
