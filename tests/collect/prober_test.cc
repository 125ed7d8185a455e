#include "collect/probe/prober.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "memory_store.h"
#include "net/transport.h"
#include "sim_target.h"

namespace holdfast::collect {
namespace {

using ::testing::HasSubstr;

model::Probe probe(std::string kind, std::string target) {
  model::Probe p;
  p.name = "front";
  p.kind = std::move(kind);
  p.target = std::move(target);
  p.interval = 5s;
  p.timeout = 2s;
  return p;
}

class ProberTest : public ::testing::Test {
 protected:
  SimWorld world;
  SimTarget target{world};
  MemoryStore store;
  ProbeStatus run(const model::Probe& p) {
    Prober prober(world.env, store);
    prober.set_probes({p});
    world.executor.run_for(9s);
    return prober.status().at(0);
  }
};

TEST_F(ProberTest, HttpSuccessWritesBlackboxNames) {
  target.body = "all is well";
  auto p = probe("http", "http://target:9100/health");
  p.labels = {{"service", "s"}};
  p.body_contains = "well";
  const auto status = run(p);
  EXPECT_TRUE(status.success) << status.last_error;
  const std::string base = "instance=\"http://target:9100/health\",job=\"probe\"";
  const auto at = [&](const std::string& name) {
    const auto points = store.points(name + "{" + base + ",probe=\"front\",service=\"s\"}");
    return points.empty() ? -1 : points.back().value;
  };
  EXPECT_EQ(at("probe_success"), 1);
  EXPECT_GT(at("probe_duration_seconds"), 0);
  EXPECT_EQ(at("probe_http_status_code"), 200);
  EXPECT_EQ(at("probe_http_ssl"), 0);
  EXPECT_EQ(at("probe_http_content_length"), 11);
  EXPECT_EQ(at("probe_failed_due_to_regex"), 0);
  for (const char* phase : {"resolve", "connect", "tls", "processing", "transfer"}) {
    EXPECT_TRUE(store.has("probe_http_duration_seconds{" + base + ",phase=\"" + phase +
                          "\",probe=\"front\",service=\"s\"}"))
        << phase;
  }
}

TEST_F(ProberTest, HttpFailuresSayWhy) {
  struct Case {
    const char* name;
    std::function<void(SimTarget&, model::Probe&)> breaks;
    const char* error;
  };
  const Case cases[] = {
      {"status", [](SimTarget& t, model::Probe&) { t.status = 503; }, "HTTP status 503"},
      {"other status wanted", [](SimTarget&, model::Probe& p) { p.statuses = {204}; }, "HTTP status 200"},
      {"body", [](SimTarget&, model::Probe& p) { p.body_contains = "gold"; }, "the body does not contain \"gold\""},
      {"silence", [](SimTarget& t, model::Probe&) { t.silent = true; }, ""},
      {"nobody", [](SimTarget&, model::Probe& p) { p.target = "http://target:9/"; }, ""},
      {"no url", [](SimTarget&, model::Probe& p) { p.target = "target"; }, ""},
  };
  for (const auto& c : cases) {
    target.status = 200;
    target.silent = false;
    auto p = probe("http", "http://target:9100/");
    c.breaks(target, p);
    const auto status = run(p);
    EXPECT_TRUE(status.done) << c.name;
    EXPECT_FALSE(status.success) << c.name;
    EXPECT_FALSE(status.last_error.empty()) << c.name;
    EXPECT_THAT(status.last_error, HasSubstr(c.error)) << c.name;
  }
}

TEST_F(ProberTest, AcceptedStatusesMayBeAnything) {
  target.status = 401;
  auto p = probe("http", "http://target:9100/");
  p.statuses = {401, 403};
  EXPECT_TRUE(run(p).success);
}

TEST_F(ProberTest, TcpTellsOpenFromClosed) {
  EXPECT_TRUE(run(probe("tcp", "target:9100")).success);
  EXPECT_EQ(store.last("probe_success"), 1);
  const auto closed = run(probe("tcp", "target:9"));
  EXPECT_FALSE(closed.success);
  EXPECT_FALSE(closed.last_error.empty());
  EXPECT_THAT(run(probe("tcp", "nonsense")).last_error, HasSubstr("nonsense"));
}

TEST_F(ProberTest, TlsAgainstAServerThatNeverAnswersEndsByTheTimeout) {
  target.silent = true;
  const auto status = run(probe("tls", "target:9100"));
  EXPECT_TRUE(status.done);
  EXPECT_FALSE(status.success);
}

TEST_F(ProberTest, ARemovedProbeEndsItsSeries) {
  Prober prober(world.env, store);
  prober.set_probes({probe("tcp", "target:9100")});
  world.executor.run_for(9s);
  prober.set_probes({});
  world.executor.run_for(1s);
  EXPECT_TRUE(model::is_stale(store.last("probe_success")));
}

// A certificate of ten days and a TLS server that shows it, by the openssl program.
class TlsServer {
 public:
  TlsServer() {
    char name[] = "/tmp/holdfast-tls-XXXXXX";
    folder_ = ::mkdtemp(name);
    const std::string make = "openssl req -x509 -newkey rsa:2048 -nodes -days 10 -subj /CN=localhost -keyout " + folder_ +
                             "/key.pem -out " + folder_ + "/cert.pem >/dev/null 2>&1";
    if (std::system(make.c_str()) != 0) return;
    const std::string out = folder_ + "/out";
    pid_ = ::fork();
    if (pid_ == 0) {
      const int log = ::open(out.c_str(), O_CREAT | O_WRONLY, 0600);
      ::dup2(log, 1);
      ::dup2(log, 2);
      const auto key = folder_ + "/key.pem", cert = folder_ + "/cert.pem";
      ::execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-key", key.c_str(), "-cert", cert.c_str(),
               "-www", nullptr);
      ::_exit(127);
    }
    // s_server prints "ACCEPT 127.0.0.1:port" once it listens.
    for (int i = 0; i < 1000 && port_ == 0; ++i) {
      PosixFileSystem files;
      const auto text = files.read_file(out).value_or(std::string());
      const auto at = text.find("ACCEPT 127.0.0.1:");
      if (at != std::string::npos && text.find('\n', at) != std::string::npos) port_ = std::atoi(text.c_str() + at + 17);
      else std::this_thread::sleep_for(10ms);
    }
  }
  ~TlsServer() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  int port() const { return port_; }

 private:
  std::string folder_;
  pid_t pid_ = -1;
  int port_ = 0;
};

TEST(ProberOnTheMachine, ReadsTheExpiryOfARealCertificate) {
  TlsServer server;
  ASSERT_NE(server.port(), 0) << "openssl s_server did not start";
  SystemClock clock;
  SystemRandom random;
  PosixFileSystem files;
  ThreadExecutor executor(2);
  net::AsioTransport transport(1);
  Env env{clock, random, files, transport, executor};
  MemoryStore store;
  auto p = probe("tls", "127.0.0.1:" + std::to_string(server.port()));
  p.interval = 500ms;
  p.timeout = 400ms;
  {
    Prober prober(env, store);
    prober.set_probes({p});
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!prober.status()[0].success && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(5ms);
    EXPECT_TRUE(prober.status()[0].success) << prober.status()[0].last_error;
  }
  executor.stop();
  EXPECT_NEAR(store.last("probe_ssl_earliest_cert_expiry"), static_cast<double>(to_ms(clock.now())) / 1000 + 10 * 86400, 120);
}

}  // namespace
}  // namespace holdfast::collect
