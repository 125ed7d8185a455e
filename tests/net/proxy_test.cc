#include "net/proxy.h"

#include <filesystem>

#include "base/bytes.h"
#include "child.h"

namespace holdfast::net {
namespace {

TEST(ProxyChoice, FollowsTheExceptions) {
  const struct {
    std::string host;
    std::uint16_t port;
    std::string no_proxy;
    bool excepted;
  } cases[] = {
      {"example.com", 80, "", false},
      {"localhost", 80, "", true},
      {"127.0.0.9", 80, "", true},
      {"::1", 80, "", true},
      {"example.com", 80, "*", true},
      {"example.com", 80, "other.org, example.com", true},
      {"a.example.com", 80, "example.com", true},
      {"aexample.com", 80, "example.com", false},
      {"example.com", 80, ".example.com", false},
      {"A.Example.Com", 80, ".example.com", true},
      {"a.example.com", 80, "*.example.com", true},
      {"example.com", 8080, "example.com:80", false},
      {"example.com", 8080, "example.com:8080", true},
      {"10.1.2.3", 80, "10.0.0.0/8", true},
      {"11.1.2.3", 80, "10.0.0.0/8", false},
      {"10.1.2.3", 80, "10.1.2.3", true},
      {"10.1.2.3", 81, "10.1.2.3:80", false},
      {"fd00::1", 80, "fd00::/16", true},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(is_excepted(test.host, test.port, test.no_proxy), test.excepted)
        << test.host << " against " << test.no_proxy;
  }
}

TEST(ProxyChoice, IsTheEnvironmentsByScheme) {
  const auto settings = proxy_from_environment([](const std::string& name) {
    if (name == "http_proxy") return std::optional<std::string>("p:3128");
    if (name == "HTTPS_PROXY") return std::optional<std::string>("http://s:3128");
    return std::optional<std::string>();
  });
  EXPECT_EQ(choose_proxy(*parse_url("http://a.example/"), settings), "http://p:3128");
  EXPECT_EQ(choose_proxy(*parse_url("https://a.example/"), settings), "http://s:3128");
  EXPECT_EQ(choose_proxy(*parse_url("http://localhost/"), settings), "");
}

// A proxy that answers CONNECT, then carries bytes both ways; plain requests it answers itself.
class TestProxy {
 public:
  TestProxy(Machine& machine, std::string want_user)
      : machine_(machine), want_(std::move(want_user)) {
    auto made =
        machine.transport.listen({"127.0.0.1", 0, ""}, [this](auto c) { accept(std::move(c)); });
    listener_ = std::move(*made);
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(listener_->local().port); }
  std::string seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  using Shared = std::shared_ptr<Connection>;
  void accept(std::unique_ptr<Connection> made) {
    const Shared client = std::move(made);
    client->read(16384, [this, client](Result<std::string> head) {
      if (!head) return;
      {
        const std::lock_guard lock(mutex_);
        seen_ = *head;
      }
      const auto expected = "Proxy-Authorization: Basic " + base64_encode(want_);
      if (head->find(expected) == std::string::npos) {
        return client->write(
            "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", nullptr);
      }
      if (!head->starts_with("CONNECT ")) {
        return client->write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy", nullptr);
      }
      const auto target = parse_endpoint(head->substr(8, head->find(' ', 8) - 8));
      machine_.transport.connect(
          *target, 5s, [this, client](Result<std::unique_ptr<Connection>> up) {
            const Shared server = std::move(*up);
            {
              const std::lock_guard lock(mutex_);
              servers_.push_back(server);
            }
            client->write("HTTP/1.1 200 Connection established\r\n\r\n", nullptr);
            carry(client, server);
            carry(server, client);
          });
    });
    const std::lock_guard lock(mutex_);
    clients_.push_back(client);
  }
  static void carry(const Shared& from, const Shared& to) {
    from->read(16384, [from, to](Result<std::string> bytes) {
      if (!bytes || bytes->empty()) return to->close();
      to->write(*bytes, nullptr);
      carry(from, to);
    });
  }
  Machine& machine_;
  const std::string want_;
  std::mutex mutex_;
  std::string seen_;
  std::vector<Shared> clients_, servers_;
  std::unique_ptr<Listener> listener_;
};

// openssl's own server, which asks for a client's certificate.
class MutualTls : public ::testing::Test {
 protected:
  MutualTls() {
    const auto make =
        "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext "
        "subjectAltName=DNS:backend.example,IP:127.0.0.1 -keyout " +
        dir + "/key.pem -out " + dir + "/cert.pem >" + dir + "/req.log 2>&1";
    EXPECT_EQ(std::system(make.c_str()), 0);
    port = free_port(machine.transport);
    child = std::make_unique<Child>(
        std::vector<std::string>{"openssl", "s_server", "-accept",
                                 "127.0.0.1:" + std::to_string(port), "-cert", dir + "/cert.pem",
                                 "-key", dir + "/key.pem", "-CAfile", dir + "/cert.pem", "-Verify",
                                 "1", "-verify_return_error", "-tls1_2", "-www", "-quiet"},
        dir + "/server.log");
    EXPECT_TRUE(child->wait_for(port));
  }
  ~MutualTls() override {
    child.reset();
    std::filesystem::remove_all(dir);
  }
  ClientRequest request() const {
    ClientRequest out;
    out.url = "https://127.0.0.1:" + std::to_string(port) + "/";
    out.tls.ca_file = dir + "/cert.pem";
    return out;
  }
  std::string text(const char* name) { return *machine.files.read_file(dir + "/" + name); }

  Machine machine;
  const std::string dir = temporary_dir();
  std::uint16_t port = 0;
  std::unique_ptr<Child> child;
  Client client{machine.env};
};

TEST_F(MutualTls, ShowsItsCertificateFromFilesOrTexts) {
  EXPECT_FALSE(fetch(client, request()));  // none shown
  auto by_file = request();
  by_file.tls.cert_file = dir + "/cert.pem";
  by_file.tls.key_file = dir + "/key.pem";
  const auto one = fetch(client, by_file);
  ASSERT_TRUE(one) << one.error().message();
  EXPECT_EQ(one->status, 200);
  ClientRequest by_text;
  by_text.url = request().url;
  by_text.tls.ca_text = text("cert.pem");
  by_text.tls.cert_text = text("cert.pem");
  by_text.tls.key_text = text("key.pem");
  const auto two = fetch(client, by_text);
  ASSERT_TRUE(two) << two.error().message();
  EXPECT_EQ(two->status, 200);
}

TEST_F(MutualTls, RefusesVersionsBelowTheMinimumAndNamesBadFiles) {
  auto newer = request();
  newer.tls.cert_file = dir + "/cert.pem";
  newer.tls.key_file = dir + "/key.pem";
  newer.tls.min_version = "TLS13";
  const auto got = fetch(client, newer);
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().message().find("protocol version"), std::string::npos)
      << got.error().message();
  auto missing = request();
  missing.tls.cert_file = dir + "/nothing.pem";
  const auto bad = fetch(client, missing);
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message().find(dir + "/nothing.pem"), std::string::npos)
      << bad.error().message();
}

TEST_F(MutualTls, GoesThroughATunnel) {
  TestProxy proxy(machine, "user:word");
  auto through = request();
  through.tls.cert_file = dir + "/cert.pem";
  through.tls.key_file = dir + "/key.pem";
  through.proxy.url = "http://user:word@" + proxy.address();
  through.proxy.connect_headers.add("X-Reason", "scrape");
  const auto got = fetch(client, through);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->status, 200);
  EXPECT_TRUE(
      proxy.seen().starts_with("CONNECT 127.0.0.1:" + std::to_string(port) + " HTTP/1.1\r\n"));
  EXPECT_NE(proxy.seen().find("X-Reason: scrape"), std::string::npos);
  through.proxy.url = "http://user:wrong@" + proxy.address();
  const auto refused = fetch(client, through);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("407 Proxy Authentication Required"), std::string::npos);
}

TEST(Proxy, TakesPlainRequestsInAbsoluteForm) {
  Machine machine;
  TestProxy proxy(machine, "user:word");
  Client client(machine.env);
  const auto got = fetch(client, {.url = "http://unknown.example:81/metrics?a=b",
                                  .proxy = {.url = "http://user:word@" + proxy.address()}});
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->body, "proxy");
  EXPECT_TRUE(proxy.seen().starts_with("GET http://unknown.example:81/metrics?a=b HTTP/1.1\r\n"))
      << proxy.seen();
}

TEST(ClientStream, HandsOverTheBodyAsItArrives) {
  Machine machine;
  std::shared_ptr<Connection> server;
  std::promise<void> asked, first;
  auto listener = machine.transport.listen({"127.0.0.1", 0, ""}, [&](auto connection) {
    server = std::move(connection);
    server->read(4096, [&](Result<std::string>) { asked.set_value(); });
  });
  Client client(machine.env);
  std::string got;
  std::promise<Result<ClientResponse>> ended;
  ClientRequest request;
  request.url = "http://127.0.0.1:" + std::to_string((*listener)->local().port) + "/watch";
  request.on_body = [&](const ClientResponse& head, std::string_view bytes) {
    EXPECT_EQ(head.status, 200);
    if (got.empty()) first.set_value();
    got += bytes;
  };
  std::stop_source stop;
  client.send(
      request, [&](Result<ClientResponse> r) { ended.set_value(std::move(r)); }, stop.get_token());
  asked.get_future().wait();
  server->write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n", nullptr);
  first.get_future().wait();  // the answer has not ended yet
  server->write("4\r\ntwo\n\r\n0\r\n\r\n", nullptr);
  const auto result = ended.get_future().get();
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(got, "one\ntwo\n");
  EXPECT_EQ(result->body, "");
}

}  // namespace
}  // namespace holdfast::net
