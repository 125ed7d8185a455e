// The driver against a real HAProxy with real HTTP servers behind it.

#include "act/traffic/haproxy.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "act/platform/posix_processes.h"
#include "act/traffic/share.h"
#include "net/http.h"
#include "net/transport.h"

namespace holdfast::act {
namespace {

using haproxy_detail::batches_of;
using haproxy_detail::commands_for;
using haproxy_detail::complaints_in;

HaproxyServerState slot(const std::string& name, int port, int weight, bool maint,
                        bool drain = false) {
  return {"b", name, "127.0.0.1", port, weight, true, maint, drain};
}

TEST(HaproxyCommands, SendDifferencesOnlyAndOpenBeforeClosing) {
  struct Case {
    const char* name;
    std::vector<HaproxyServerState> now;
    std::vector<WantedServer> wanted;
    std::vector<std::string> want;
  };
  const Case cases[] = {
      {"nothing to do",
       {slot("stable1", 80, 100, false), slot("stable2", 9, 1, true)},
       {{"stable1", "127.0.0.1:80", 100, false}},
       {}},
      {"a server comes",
       {slot("stable1", 9, 1, true)},
       {{"stable1", "127.0.0.1:80", 100, false}},
       {"set server b/stable1 addr 127.0.0.1 port 80", "set weight b/stable1 100",
        "set server b/stable1 state ready"}},
      {"a server moves",
       {slot("stable1", 80, 100, false)},
       {{"stable1", "127.0.0.1:81", 100, false}},
       {"set server b/stable1 state maint", "set server b/stable1 addr 127.0.0.1 port 81",
        "set server b/stable1 state ready"}},
      {"a server drains",
       {slot("stable1", 80, 100, false)},
       {{"stable1", "127.0.0.1:80", 100, true}},
       {"set server b/stable1 state drain"}},
      {"a server is undrained",
       {slot("stable1", 80, 100, false, true)},
       {{"stable1", "127.0.0.1:80", 100, false}},
       {"set server b/stable1 state ready"}},
      {"one goes, one comes",
       {slot("stable1", 80, 100, false), slot("stable2", 81, 100, true)},
       {{"stable2", "127.0.0.1:81", 100, false}},
       {"set server b/stable2 state ready", "set server b/stable1 state maint"}},
      {"a free slot is named",
       {slot("stable1", 80, 100, false)},
       {{"stable1", "", 0, false}},
       {"set server b/stable1 state maint"}},
  };
  for (const auto& c : cases) {
    const auto commands = commands_for("b", c.now, c.wanted);
    ASSERT_TRUE(commands.has_value()) << c.name;
    EXPECT_EQ(*commands, c.want) << c.name;
  }
  EXPECT_EQ(commands_for("b", {}, {{"stable9", "127.0.0.1:80", 1, false}}).error().message(),
            "haproxy backend b has no server slot stable9");
  EXPECT_FALSE(
      commands_for("b", {slot("stable1", 80, 1, false)}, {{"stable1", "127.0.0.1:80", 257, false}})
          .has_value());
  EXPECT_FALSE(
      commands_for("b", {slot("stable1", 80, 1, false)}, {{"stable1", "nowhere", 1, false}})
          .has_value());
}

TEST(HaproxyBatches, StayBelowTheLimit) {
  const std::vector<std::string> commands(1000, "set weight b/stable1 100");
  std::size_t count = 0;
  for (const auto& batch : batches_of(commands, 1000)) {
    EXPECT_LE(batch.size(), 1000U);
    count += static_cast<std::size_t>(std::ranges::count(batch, ';')) + 1;
  }
  EXPECT_EQ(count, commands.size());
}

TEST(HaproxyComplaints, LeaveReportsOut) {
  EXPECT_EQ(complaints_in("no need to change the addr, port changed from '9' to '80' by 'stats "
                          "socket command'\n\n\n"),
            "");
  EXPECT_EQ(complaints_in("\nNo such server.\n\n\n"), "No such server.");
}

TEST(HaproxyTables, NameWhatIsWrongWithThem) {
  struct Case {
    const char* text;
    const char* want;
  };
  const Case stat_cases[] = {
      {"", "haproxy show stat, line 1: there is no table: "},
      {"No such proxy.\n", "haproxy show stat, line 2: there is no table: No such proxy."},
      {"# pxname,svname,\nb,\"s1\n", "haproxy show stat, line 2: a quote is not closed: b,\"s1"},
      {"# pxname,svname\nb,s,t\n", "haproxy show stat, line 2: more fields than columns: b,s,t"},
  };
  for (const auto& c : stat_cases) EXPECT_EQ(parse_haproxy_stat(c.text).error().message(), c.want);
  const Case state_cases[] = {
      {"Can't find backend.\n",
       "haproxy show servers state, line 2: there is no table: Can't find backend."},
      {"# be_id be_name srv_name srv_addr srv_port\n2 b s 127.0.0.1 80\n",
       "haproxy show servers state: column srv_uweight is missing"},
      {"# be_id be_name srv_name srv_addr srv_port srv_uweight\n2 b s 127.0.0.1 x 1\n",
       "haproxy show servers state: srv_port is no number: x"},
      {"# be_id be_name srv_name srv_addr srv_port srv_uweight\n2 b s 127.0.0.1 70000 1\n",
       "haproxy show servers state: srv_port is no port: 70000"},
  };
  for (const auto& c : state_cases)
    EXPECT_EQ(parse_haproxy_servers(c.text).error().message(), c.want);
  const auto rows = parse_haproxy_stat("# pxname,svname,note,\nb,s1,\"a \"\"b\"\", c\",\nb,s2\n");
  ASSERT_TRUE(rows.has_value());
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].at("note"), "a \"b\", c");
  EXPECT_FALSE((*rows)[1].contains("note"));
}

// A blocking keep-alive client of the front door; what a user's browser would do.
class FrontDoor {
 public:
  explicit FrontDoor(std::string path) : path_(std::move(path)) {}
  ~FrontDoor() { disconnect(); }

  // The body of a 200, or "error: ..." otherwise.
  std::string get() {
    if (fd_ < 0 && !connect()) return "error: connect";
    const std::string request = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
    if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) < 0) return broken("send");
    std::string answer;
    std::size_t head_end = 0, body_size = 0;
    while (head_end == 0 || answer.size() < head_end + body_size) {
      char buffer[4096];
      const auto got = ::recv(fd_, buffer, sizeof buffer, 0);
      if (got <= 0) return broken("closed");
      answer.append(buffer, static_cast<std::size_t>(got));
      const auto at = answer.find("\r\n\r\n");
      if (head_end != 0 || at == std::string::npos) continue;
      head_end = at + 4;
      auto head = answer.substr(0, at);
      for (auto& c : head) c = static_cast<char>(std::tolower(c));
      const auto length = head.find("content-length: ");
      if (length == std::string::npos) return broken(answer.substr(0, 40));
      body_size = std::stoul(head.substr(length + 16));
    }
    if (!answer.starts_with("HTTP/1.1 200")) return broken(answer.substr(0, 40));
    return answer.substr(head_end);
  }

 private:
  bool connect() {
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    return ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  void disconnect() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  std::string broken(const std::string& why) {
    disconnect();
    return "error: " + why;
  }

  std::string path_;
  int fd_ = -1;
};

class HaproxyTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/holdfast-hap-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    dir_ = name;
    router_ =
        std::make_unique<HaproxyRouter>(env_, HaproxyOptions{dir_ + "/haproxy.sock", "enhancer"});
  }
  void TearDown() override {
    if (balancer_.pid != 0) [[maybe_unused]]
      const auto gone = processes_.signal(balancer_, SIGKILL);
    router_.reset();
    for (auto& server : servers_) {
      std::promise<void> closed;
      server->shutdown(1s, [&] { closed.set_value(); });
      closed.get_future().wait_for(5s);
    }
    servers_.clear();
    executor_.stop();
    std::filesystem::remove_all(dir_);
  }

  void start_balancer() {
    std::ofstream(dir_ + "/haproxy.cfg") << R"(
global
    stats socket "$HOLDFAST_DATA/haproxy.sock" mode 600 level admin
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 3s
    option http-keep-alive
    http-reuse safe
    retries 3
    option redispatch 1
    retry-on conn-failure empty-response response-timeout 503
frontend door
    bind "unix@$HOLDFAST_DATA/door.sock"
    default_backend enhancer
backend enhancer
    balance roundrobin
    server-template stable 1-8 127.0.0.1:9 disabled check inter 500ms
    server-template canary 1-8 127.0.0.1:9 disabled check inter 500ms
)";
    const ProcessSpec spec{{"haproxy", "-db", "-f", dir_ + "/haproxy.cfg"},
                           {{"HOLDFAST_DATA", dir_}},
                           dir_,
                           dir_ + "/haproxy.log"};
    const auto ref = processes_.spawn(spec, [](ProcessExit) {});
    ASSERT_TRUE(ref.has_value()) << ref.error().message();
    balancer_ = *ref;
    for (int i = 0; i < 2000 && !observe().has_value(); ++i) std::this_thread::sleep_for(5ms);
    ASSERT_TRUE(observe().has_value());
  }

  // Answers its name after a while; the address it serves on.
  std::string start_server(const std::string& name, Duration takes = 0s) {
    auto router = std::make_unique<net::Router>();
    router->add("GET", "/", [this, name, takes](const net::Request&, net::ResponderPtr responder) {
      executor_.post_after(Lane::kPool, takes,
                           [name, responder] { responder->send(net::Response::text(200, name)); });
    });
    routers_.push_back(std::move(router));
    servers_.push_back(std::make_unique<net::Server>(env_, *routers_.back()));
    const auto at = servers_.back()->listen({"127.0.0.1", 0, {}});
    EXPECT_TRUE(at.has_value());
    return at ? at->text() : "";
  }

  Result<void> apply(std::vector<WantedServer> servers) {
    auto promise = std::make_shared<std::promise<Result<void>>>();
    executor_.post(Lane::kControl, [&, promise] {
      router_->apply(std::move(servers),
                     [promise](Result<void> r) { promise->set_value(std::move(r)); });
    });
    return promise->get_future().get();
  }
  Result<std::vector<ServerView>> observe() {
    auto promise = std::make_shared<std::promise<Result<std::vector<ServerView>>>>();
    executor_.post(Lane::kControl, [&, promise] {
      router_->observe([promise](auto r) { promise->set_value(std::move(r)); });
    });
    return promise->get_future().get();
  }
  ServerView view_of(const std::string& name) {
    const auto views = observe();
    if (!views) return {};
    for (const auto& view : *views) {
      if (view.name == name) return view;
    }
    return {};
  }
  std::string door() const { return dir_ + "/door.sock"; }

  std::string dir_;
  SystemClock clock_;
  SystemRandom random_;
  PosixFileSystem files_;
  net::AsioTransport transport_{2};
  ThreadExecutor executor_{4};
  Env env_{clock_, random_, files_, transport_, executor_};
  PosixProcesses processes_{executor_};
  ProcessRef balancer_;
  std::vector<std::unique_ptr<net::Router>> routers_;
  std::vector<std::unique_ptr<net::Server>> servers_;
  std::unique_ptr<HaproxyRouter> router_;
};

TEST_F(HaproxyTest, SharesRequestsByThePercentage) {
  start_balancer();
  const auto weights = share_weights(2, 1, 20);
  ASSERT_TRUE(apply({{"stable1", start_server("stable"), weights.stable[0], false},
                     {"stable2", start_server("stable"), weights.stable[1], false},
                     {"canary1", start_server("canary"), weights.canary[0], false}}));
  FrontDoor door(this->door());
  std::map<std::string, int> count;
  for (int i = 0; i < 2000; ++i) ++count[door.get()];
  EXPECT_EQ(count["stable"] + count["canary"], 2000);
  EXPECT_NEAR(count["canary"] / 20.0, 20, 2);
  const auto views = observe();
  ASSERT_TRUE(views.has_value());
  EXPECT_NEAR(effective_percent(*views).at("canary"), 20, kShareErrorMax);
  EXPECT_EQ(view_of("canary1").requests_total, count["canary"]);
  EXPECT_EQ(view_of("canary1").group, "canary");
  EXPECT_EQ(view_of("stable8").status, "maint");
}

TEST_F(HaproxyTest, LosesNoRequestWhenAServerDrains) {
  start_balancer();
  const auto a = start_server("a", 20ms), b = start_server("b", 20ms);
  ASSERT_TRUE(apply({{"stable1", a, 100, false}, {"stable2", b, 100, false}}));
  std::atomic<int> sent{0}, lost{0};
  std::atomic<bool> enough{false};
  std::vector<std::thread> users;
  for (int i = 0; i < 8; ++i) {
    users.emplace_back([&] {
      FrontDoor door(this->door());
      while (!enough) {
        ++sent;
        if (door.get().starts_with("error")) ++lost;
      }
    });
  }
  for (int round = 0; round < 5; ++round) {
    const bool drain_first = round % 2 == 0;
    ASSERT_TRUE(apply({{"stable1", a, 100, drain_first}, {"stable2", b, 100, !drain_first}}));
    const auto drained = drain_first ? "stable1" : "stable2";
    EXPECT_EQ(view_of(drained).status, "drain");
    for (int i = 0; i < 2000 && view_of(drained).sessions > 0; ++i)
      std::this_thread::sleep_for(2ms);
    const auto before = view_of(drained).requests_total;
    const auto sent_before = sent.load();
    for (int i = 0; i < 2000 && sent < sent_before + 50; ++i) std::this_thread::sleep_for(2ms);
    EXPECT_EQ(view_of(drained).requests_total, before);
    ASSERT_TRUE(apply({{"stable1", a, 100, false}, {"stable2", b, 100, false}}));
  }
  enough = true;
  for (auto& user : users) user.join();
  EXPECT_GT(sent, 100);
  EXPECT_EQ(lost, 0);
}

TEST_F(HaproxyTest, SetsEverySlotInOneApply) {
  start_balancer();
  const auto address = start_server("x");
  std::vector<WantedServer> servers;
  for (int i = 1; i <= 8; ++i) {
    servers.push_back({"stable" + std::to_string(i), address, i, false});
    servers.push_back({"canary" + std::to_string(i), address, i, true});
  }
  ASSERT_TRUE(apply(servers));
  const auto views = observe();
  ASSERT_TRUE(views.has_value());
  EXPECT_TRUE(matches_plan(servers, *views));
  ASSERT_TRUE(apply({}));
  for (const auto& view : *observe()) EXPECT_EQ(view.status, "maint") << view.name;
}

TEST_F(HaproxyTest, SaysWhatItCannotReach) {
  const auto applied = apply({{"stable1", "127.0.0.1:80", 1, false}});
  ASSERT_FALSE(applied.has_value());
  EXPECT_EQ(applied.error().code(), Code::kUnavailable);
  EXPECT_NE(applied.error().message().find("haproxy unix:" + dir_ + "/haproxy.sock: "),
            std::string::npos)
      << applied.error().message();
}

TEST_F(HaproxyTest, NamesASlotThatTheBackendDoesNotHave) {
  start_balancer();
  EXPECT_EQ(apply({{"stable9", "127.0.0.1:80", 1, false}}).error().message(),
            "haproxy backend enhancer has no server slot stable9");
}

}  // namespace
}  // namespace holdfast::act
