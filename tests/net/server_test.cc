#include <atomic>

#include "base/text.h"
#include "net/codec.h"
#include "fixture.h"

namespace holdfast::net {
namespace {

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    router.add("GET", "/hello", [](const Request&, ResponderPtr r) { r->send(Response::text(200, "hello")); });
    router.add("POST", "/echo", [](const Request& q, ResponderPtr r) { r->send(Response::text(200, q.body)); });
    router.add("GET", "/path/{rest...}",
               [](const Request& q, ResponderPtr r) { r->send(Response::text(200, q.path_params.at("rest"))); });
    router.add("GET", "/item/{id}",
               [](const Request& q, ResponderPtr r) { r->send(Response::text(200, "item " + q.path_params.at("id"))); });
    router.add("GET", "/item/new", [](const Request&, ResponderPtr r) { r->send(Response::text(200, "new")); });
    router.add("GET", "/query", [](const Request& q, ResponderPtr r) {
      std::string all;
      for (const auto& [name, value] : q.form()) all += name + "=" + value + ";";
      r->send(Response::text(200, all));
    });
    router.add("GET", "/large", [](const Request&, ResponderPtr r) {
      r->send(Response::text(200, std::string(3'000'000, 'x')));
    });
    router.add("GET", "/dropped", [](const Request&, ResponderPtr) {});
    router.add("GET", "/empty", [](const Request&, ResponderPtr r) {
      Response none;
      none.status = 204;
      r->send(none);
    });
    router.add("GET", "/pool", [](const Request&, ResponderPtr r) { r->send(Response::text(200, "pool")); },
               {.blocking = true});
    router.add("GET", "/split", [](const Request&, ResponderPtr r) {
      auto response = Response::text(200, "x");
      response.headers.add("X-Evil", "a\r\nX-Injected: b");
      r->send(response);
    });
    router.add("GET", "/wait", [this](const Request&, ResponderPtr r) {
      waiting.set_value(std::move(r));
    });
    router.add("GET", "/events", [this](const Request&, ResponderPtr r) {
      events.set_value(r->start_events());
    });
  }

  Endpoint serve(ServerLimits limits = {}) {
    server = std::make_unique<Server>(machine.env, router, limits);
    auto at = server->listen({"127.0.0.1", 0, ""});
    EXPECT_TRUE(at) << at.error().message();
    return *at;
  }

  Machine machine;
  Router router;
  std::promise<ResponderPtr> waiting;
  std::promise<std::shared_ptr<EventStream>> events;
  std::unique_ptr<Server> server;
};

struct WireCase {
  std::string name;
  std::string bytes;
  std::string status;  // what the answer's status line holds
  std::string body;    // exactly, without the line's end
};

TEST_F(ServerTest, AnswersEveryOddRequestWithItsOwnStatusAndReason) {
  ServerLimits limits;
  limits.header_size_max = 2000;
  limits.body_size_max = 100;
  const auto at = serve(limits);
  const std::string close = "Host: h\r\nConnection: close\r\n\r\n";
  const auto get = [&](const std::string& target) { return "GET " + target + " HTTP/1.1\r\n" + close; };
  const auto post = [&](const std::string& rest) {
    return "POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + rest;
  };
  const WireCase cases[] = {
      {"plain", get("/hello"), "200", "hello"},
      {"absolute form", get("http://other/hello"), "200", "hello"},
      {"leading empty lines", "\r\n\r\n" + get("/hello"), "200", "hello"},
      {"HTTP/1.0 needs no Host", "GET /hello HTTP/1.0\r\n\r\n", "200", "hello"},
      {"encoded path", get("/h%65llo"), "200", "hello"},
      {"dot segments", get("/a/./../hello"), "200", "hello"},
      {"encoded dots", get("/a/%2e%2E/hello"), "200", "hello"},
      {"repeated slashes", get("//hello"), "200", "hello"},
      {"encoded slash stays in its segment", get("/item/a%2Fb"), "200", "item a/b"},
      {"literal beats parameter", get("/item/new"), "200", "new"},
      {"rest parameter", get("/path/a/b/c"), "200", "a/b/c"},
      {"rest keeps a last slash", get("/path/a/"), "200", "a/"},
      {"query decoded", get("/query?a=1&b=%20x+y&a=2"), "200", "a=1;b= x y;a=2;"},
      {"broken escape in query is kept", get("/query?a=%zz"), "200", "a=%zz;"},
      {"trailing slash is another path", get("/hello/"), "404", "nothing is served at /hello/"},
      {"unknown path", get("/nowhere"), "404", "nothing is served at /nowhere"},
      {"empty parameter", get("/item/"), "404", "nothing is served at /item/"},
      {"wrong method", "PUT /hello HTTP/1.1\r\n" + close, "405", "PUT is not served at /hello"},
      {"climbs out", get("/../etc/passwd"), "400", "path climbs above the root"},
      {"climbs out encoded", get("/%2e%2e/etc"), "400", "path climbs above the root"},
      {"broken escape in path", get("/a%2"), "400", "broken percent escape in 'a%2'"},
      {"null in path", get("/a%00b"), "400", "control character in path"},
      {"not a path", get("hello"), "400", "request target is not a path"},
      {"no Host", "GET /hello HTTP/1.1\r\n\r\n", "400", "no Host"},
      {"two Hosts", "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400", "more than one Host"},
      {"lower-case method", "get /hello HTTP/1.1\r\nHost: h\r\n\r\n", "400", "not an HTTP request"},
      {"TLS to a plain port", std::string("\x16\x03\x01\x02", 4), "400", "not an HTTP request"},
      {"method with a bad character", "GE@T /hello HTTP/1.1\r\n" + close, "400", "bad method"},
      {"space in target", "GET /a b HTTP/1.1\r\n" + close, "400", "bad request line"},
      {"no version", "GET /hello\r\n" + close, "400", "bad request target"},
      {"HTTP/2", "GET /hello HTTP/2.0\r\n" + close, "505", "only HTTP/1.0 and HTTP/1.1 are served"},
      {"bare line feed", "GET /hello HTTP/1.1\nHost: h\n\n\r\n\r\n", "400", "bad request line"},
      {"space before colon", "GET /hello HTTP/1.1\r\nHost : h\r\n\r\n", "400", "bad field name"},
      {"no colon", "GET /hello HTTP/1.1\r\nHost\r\n\r\n", "400", "bad field name"},
      {"control in value", "GET /hello HTTP/1.1\r\nHost: a\x01z\r\n\r\n", "400", "bad field value"},
      {"header over the limit", "GET /hello HTTP/1.1\r\nHost: h\r\nX: " + std::string(3000, 'a'), "431",
       "request line and fields over 2000 bytes"},
      {"target over the limit", "GET /" + std::string(3000, 'a'), "431",
       "request line and fields over 2000 bytes"},
      {"many small fields over the limit",
       [] {
         std::string s = "GET /hello HTTP/1.1\r\nHost: h\r\n";
         for (int i = 0; i < 500; ++i) s += "a: b\r\n";
         return s + "\r\n";
       }(),
       "431", "request line and fields over 2000 bytes"},
      {"body", post("Content-Length: 3\r\n\r\nabc"), "200", "abc"},
      {"body over the limit", post("Content-Length: 101\r\n\r\n"), "413", "body over 100 bytes"},
      {"chunked", post("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"), "200", "abcde"},
      {"chunked with trailer", post("Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n"), "200", "a"},
      {"chunked over the limit", post("Transfer-Encoding: chunked\r\n\r\n65\r\n"), "413", "body over 100 bytes"},
      {"bad chunk size", post("Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "400", "bad chunk"},
      {"length and chunked", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), "400",
       "bad Transfer-Encoding"},
      {"two lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n\r\n"), "400", "more than one Content-Length"},
      {"negative length", post("Content-Length: -1\r\n\r\n"), "400", "bad Content-Length"},
      {"length with plus", post("Content-Length: +3\r\n\r\n"), "400", "bad Content-Length"},
      {"other transfer coding", post("Transfer-Encoding: gzip\r\n\r\n"), "501",
       "Transfer-Encoding other than chunked"},
      {"chunked twice", post("Transfer-Encoding: chunked, chunked\r\n\r\n"), "501",
       "Transfer-Encoding other than chunked"},
      {"chunked in HTTP/1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400",
       "Transfer-Encoding in HTTP/1.0"},
      {"unknown Expect", post("Expect: tea\r\n\r\n"), "417", "unknown Expect"},
      {"bad gzip", post("Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"), "400", "body is not valid gzip"},
      {"unknown coding", post("Content-Encoding: br\r\nContent-Length: 3\r\n\r\nabc"), "415",
       "Content-Encoding 'br' is not known; allowed are gzip, zstd, identity"},
      {"dropped by its handler", get("/dropped"), "500", "the handler gave no answer"},
      {"on the pool", get("/pool"), "200", "pool"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    RawClient client(at);
    client.send(one.bytes);
    auto answer = client.read_all();
    const auto head_end = answer.find("\r\n\r\n");
    ASSERT_NE(head_end, std::string::npos) << answer;
    EXPECT_EQ(answer.substr(9, 3), one.status) << answer;
    EXPECT_EQ(trim(answer.substr(head_end + 4)), one.body);
    EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
  }
}

TEST_F(ServerTest, AnswersTheSameWhateverTheSplit) {
  const auto at = serve();
  const std::string bytes =
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  RawClient client(at);
  for (std::size_t cut = 1; cut < bytes.size(); cut += 3) {
    client.send(bytes.substr(0, cut));
    std::this_thread::yield();
    EXPECT_TRUE(client.ask(bytes.substr(cut)).ends_with("\r\n\r\nabcde")) << cut;
  }
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrderAndReadsNoFurtherAheadThanItsLimit) {
  ServerLimits limits;
  limits.pipeline_count_max = 4;
  const auto at = serve(limits);
  RawClient client(at);
  std::string bytes = "GET /pool HTTP/1.1\r\nHost: h\r\n\r\n";
  for (int i = 0; i < 200; ++i) bytes += "GET /item/" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  client.send(bytes);
  EXPECT_TRUE(client.read_response().ends_with("\r\n\r\npool"));
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(client.read_response().ends_with("\r\n\r\nitem " + std::to_string(i)));
  }
}

TEST_F(ServerTest, AnswersThePipelinedRequestsBeforeAMalformedOne) {
  const auto at = serve();
  RawClient client(at);
  client.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/9.9\r\n\r\n");
  EXPECT_TRUE(client.read_response().starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 505 "));
}

TEST_F(ServerTest, AsksForABodyThatWaitsForItsPermission) {
  const auto at = serve();
  RawClient client(at);
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(client.ask("ok").ends_with("\r\n\r\nok"));
}

TEST_F(ServerTest, RefusesABodyThatIsTooBigWithoutAskingForIt) {
  ServerLimits limits;
  limits.body_size_max = 10;
  const auto at = serve(limits);
  RawClient client(at);
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n");
  EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 413 "));
  EXPECT_EQ(server->stats().refused, 1u);
}

TEST_F(ServerTest, DecodesRequestBodiesAndStopsBombs) {
  ServerLimits limits;
  limits.body_size_max = 100'000;
  const auto at = serve(limits);
  Compressor compressor;
  for (const auto coding : {Coding::kGzip, Coding::kZstd}) {
    for (const std::size_t size : {1'000u, 100'000u, 100'001u, 20'000'000u}) {
      const auto packed = compressor.compress(coding, std::string(size, 'a'));
      RawClient client(at);
      const auto answer = client.ask("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Encoding: " +
                                     std::string(coding_name(coding)) + "\r\nContent-Length: " +
                                     std::to_string(packed.size()) + "\r\n\r\n" + packed);
      if (size <= limits.body_size_max) {
        EXPECT_TRUE(answer.ends_with("\r\n\r\n" + std::string(size, 'a'))) << size;
      } else {
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << size;
      }
    }
  }
}

TEST_F(ServerTest, CompressesWhatTheClientAccepts) {
  const auto at = serve();
  const struct {
    const char* accept;
    const char* coding;
  } cases[] = {{"gzip", "gzip"},          {"gzip, zstd", "zstd"}, {"zstd;q=0.1, gzip", "gzip"},
               {"gzip;q=0", ""},          {"br", ""},             {"*", "zstd"},
               {"zstd;q=0, *;q=0.5", "gzip"}};
  for (const auto& one : cases) {
    RawClient client(at);
    const auto answer = client.ask(std::string("GET /large HTTP/1.1\r\nHost: h\r\nAccept-Encoding: ") +
                                   one.accept + "\r\n\r\n");
    const auto body = answer.substr(answer.find("\r\n\r\n") + 4);
    const auto field = answer.find("Content-Encoding: ");
    const std::string coding =
        field == std::string::npos ? "" : answer.substr(field + 18, answer.find('\r', field) - field - 18);
    EXPECT_EQ(coding, one.coding) << one.accept;
    const auto plain = decode_body(coding, body, 4'000'000);
    ASSERT_TRUE(plain) << one.accept;
    EXPECT_EQ(plain->size(), 3'000'000u) << one.accept;
    EXPECT_NE(answer.find("Vary: Accept-Encoding\r\n"), std::string::npos);
  }
}

TEST_F(ServerTest, AnswersHeadWithTheLengthAndNoBody) {
  const auto at = serve();
  RawClient client(at);
  client.send("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /empty HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const auto answer = client.read_all();
  EXPECT_NE(answer.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_EQ(answer.find("hello"), std::string::npos);
  const auto second = answer.find("HTTP/1.1 204 No Content\r\n");
  ASSERT_NE(second, std::string::npos);
  EXPECT_EQ(answer.find("Content-Length", second), std::string::npos);
}

TEST_F(ServerTest, TellsTheMethodsThatAreServed) {
  const auto at = serve();
  RawClient client(at);
  EXPECT_NE(client.ask("POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").find("Allow: GET, HEAD\r\n"),
            std::string::npos);
}

TEST_F(ServerTest, LetsNoHandlerInjectFields) {
  const auto at = serve();
  RawClient client(at);
  EXPECT_EQ(client.ask("GET /split HTTP/1.1\r\nHost: h\r\n\r\n").find("\r\nX-Injected"), std::string::npos);
}

TEST_F(ServerTest, LetsTheFilterAnswerBeforeAnyRoute) {
  router.set_filter([](Request& request) -> std::optional<Response> {
    if (request.headers.get("authorization") == "yes") return std::nullopt;
    return Response::text(401, "who are you?");
  });
  const auto at = serve();
  RawClient client(at);
  EXPECT_TRUE(client.ask("GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n").starts_with("HTTP/1.1 401 "));
  EXPECT_TRUE(client.ask("GET /hello HTTP/1.1\r\nHost: h\r\nAuthorization: yes\r\n\r\n").ends_with("hello"));
}

TEST_F(ServerTest, SendsEventsUntilTheClientGoes) {
  const auto at = serve();
  std::shared_ptr<EventStream> stream;
  {
    RawClient client(at);
    client.send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
    stream = events.get_future().get();
    EXPECT_TRUE(stream->send("news", "one\ntwo", "7"));
    EXPECT_NE(client.read_until("\r\n\r\n").find("Content-Type: text/event-stream\r\n"), std::string::npos);
    EXPECT_EQ(client.read_until("\n\n\r\n"), "27\r\nid: 7\nevent: news\ndata: one\ndata: two\n\n\r\n");
  }
  while (stream->open()) std::this_thread::yield();
  EXPECT_FALSE(stream->send("news", "late"));
}

TEST_F(ServerTest, EndsTheEventStreamWhenItsSenderLetsGo) {
  const auto at = serve();
  RawClient client(at);
  client.send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
  auto stream = events.get_future().get();
  stream->send("", "x");
  stream.reset();
  EXPECT_TRUE(client.read_all().ends_with("9\r\ndata: x\n\n\r\n0\r\n\r\n"));
}

TEST_F(ServerTest, ClosesTheEventStreamOfAClientThatDoesNotRead) {
  const auto at = serve();
  RawClient client(at);
  client.send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
  auto stream = events.get_future().get();
  const std::string data(100'000, 'x');
  int sent = 0;
  while (stream->send("", data) && sent < 100'000) ++sent;
  EXPECT_FALSE(stream->open());
}

TEST_F(ServerTest, TellsTheHandlerThatTheClientHasGone) {
  const auto at = serve();
  ResponderPtr responder;
  {
    RawClient client(at);
    client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    responder = waiting.get_future().get();
    EXPECT_FALSE(responder->stop().stop_requested());
  }
  while (!responder->stop().stop_requested()) std::this_thread::yield();
}

TEST_F(ServerTest, TellsAHandlerThatBlocksThatItsClientHasGone) {
  std::promise<std::stop_token> began;
  std::promise<void> ended;
  router.add("GET", "/block", [&](const Request&, const ResponderPtr& responder) {
    began.set_value(responder->stop());
    while (!responder->stop().stop_requested()) std::this_thread::yield();
    ended.set_value();
    responder->send(Response::text(200, "late"));
  }, {.blocking = true});
  const auto at = serve();
  {
    RawClient client(at);
    client.send("GET /block HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_FALSE(began.get_future().get().stop_requested());
  }
  ended.get_future().wait();
}

TEST_F(ServerTest, AnswersOthersWhileHandlersBlock) {
  // More handlers than there is leave to block: the pool takes the rest.
  constexpr int kBlocked = 3;
  std::promise<void> go;
  const auto open = go.get_future().share();
  std::atomic<int> inside = 0;
  router.add("GET", "/block", [&](const Request&, const ResponderPtr& responder) {
    ++inside;
    open.wait();
    responder->send(Response::text(200, "done"));
  }, {.blocking = true});
  const auto at = serve();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < kBlocked; ++i) {
    clients.push_back(std::make_unique<RawClient>(at));
    clients.back()->send("GET /block HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  while (inside < kBlocked) std::this_thread::yield();
  RawClient other(at);
  EXPECT_TRUE(other.ask("GET /item/new HTTP/1.1\r\nHost: h\r\n\r\n").ends_with("new"));
  go.set_value();
  for (auto& client : clients) EXPECT_TRUE(client->read_response().ends_with("done"));
}

TEST_F(ServerTest, StillAnswersAClientThatClosedItsSendingHalf) {
  const auto at = serve();
  RawClient client(at);
  client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  client.half_close();
  waiting.get_future().get()->send(Response::text(200, "still here"));
  EXPECT_TRUE(client.read_all().ends_with("\r\n\r\nstill here"));
}

TEST_F(ServerTest, FinishesTheRequestUnderWayWhenItShutsDown) {
  const auto at = serve();
  RawClient idle(at);
  idle.ask("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  RawClient busy(at);
  busy.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  auto responder = waiting.get_future().get();
  std::promise<void> done;
  server->shutdown(30s, [&] { done.set_value(); });
  EXPECT_EQ(idle.read_all(), "");  // closed at once
  auto future = done.get_future();
  EXPECT_EQ(future.wait_for(0s), std::future_status::timeout);
  std::exchange(responder, nullptr)->send(Response::text(200, "finished"));
  const auto answer = busy.read_all();
  EXPECT_TRUE(answer.ends_with("\r\n\r\nfinished"));
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  future.wait();
  EXPECT_EQ(server->stats().connections, 0u);
}

TEST_F(ServerTest, CutsOffWhatOutlivesTheShutdownsDeadline) {
  const auto at = serve();
  RawClient client(at);
  client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  auto responder = waiting.get_future().get();
  shut_down(*server, 20ms);
  EXPECT_EQ(client.read_all(), "");
  EXPECT_TRUE(responder->stop().stop_requested());
}

TEST_F(ServerTest, RefusesConnectionsOverItsLimit) {
  ServerLimits limits;
  limits.connection_count_max = 1;
  const auto at = serve(limits);
  RawClient first(at);
  first.ask("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  RawClient second(at);
  EXPECT_TRUE(second.read_all().starts_with("HTTP/1.1 503 "));
  EXPECT_TRUE(first.ask("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n").ends_with("hello"));
}

TEST_F(ServerTest, ClosesSlowAndIdleClients) {
  ServerLimits limits;
  limits.header_timeout = limits.body_timeout = limits.idle_timeout = 30ms;
  const auto at = serve(limits);
  RawClient idle(at), header(at), body(at);
  header.send("GET /hello HTTP/1.1\r\nHo");
  body.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab");
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_NE(header.read_all().find("request header came too slowly"), std::string::npos);
  EXPECT_NE(body.read_all().find("request body came too slowly"), std::string::npos);
}

TEST_F(ServerTest, CountsWhatItDid) {
  const auto at = serve();
  RawClient client(at);
  client.ask("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  client.ask("GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto stats = server->stats();
  EXPECT_EQ(stats.requests, 2u);
  EXPECT_EQ(stats.connections, 1u);
  EXPECT_EQ(stats.by_status.at(200), 1u);
  EXPECT_EQ(stats.by_status.at(404), 1u);
  const auto latency = server->latency();
  EXPECT_EQ(latency.count, 2u);
  EXPECT_EQ(latency.buckets.back().count, 2u);
  EXPECT_GT(latency.sum, 0);
}

TEST_F(ServerTest, SurvivesItsDestructionUnderLoad) {
  const auto at = serve();
  std::atomic<bool> stop{false};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!stop) {
        RawClient client(at);
        if (client.ask("GET /pool HTTP/1.1\r\nHost: h\r\n\r\n").empty()) break;
      }
    });
  }
  while (server->stats().requests < 100) std::this_thread::yield();
  stop = true;
  server.reset();
  for (auto& client : clients) client.join();
}

}  // namespace
}  // namespace holdfast::net
