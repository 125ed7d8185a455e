// Who may call what: tokens, sessions, forged calls, guessing.
#include "app/api/auth.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "app/app_host.h"
#include "base/bytes.h"

namespace holdfast::app {
namespace {

using Fields = AppHost::Fields;
using Access = AppHost::Access;
constexpr const char* kSession = "/api/holdfast/v1/session";

std::string cookie_of(const net::ClientResponse& response) {
  const std::string set(response.headers.get("set-cookie"));
  return set.substr(0, set.find(';'));
}

std::string sign_in(AppHost& host) {
  const auto response = host.ask("POST", kSession, nlohmann::json{{"token", host.token()}}.dump());
  EXPECT_EQ(response.status, 204) << response.body;
  return cookie_of(response);
}

TEST(Token, IsMadeOnceAndKeptAndNeverShown) {
  SeededRandom random(3);
  SimClock clock;
  SimExecutor executor(clock);
  SimFileSystem files(random, &clock);
  SimNetwork network(executor, random);
  Env env{clock, random, files, network.host("here"), executor};
  ASSERT_TRUE(files.create_directories("/data"));
  auto first = Auth::open(env, "/data", true);
  ASSERT_TRUE(first);
  EXPECT_TRUE((*first)->token_is_new());
  EXPECT_EQ((*first)->token_path(), "/data/admin-token");
  const auto token = *files.read_file("/data/admin-token");
  EXPECT_EQ(token.size(), 65U);  // 32 bytes in hex, a line end
  auto second = Auth::open(env, "/data", true);
  ASSERT_TRUE(second);
  EXPECT_FALSE((*second)->token_is_new());
  EXPECT_EQ(*files.read_file("/data/admin-token"), token);
  // A file that lost its content would let the empty token in: a new one is made.
  ASSERT_TRUE(files.write_file_atomic("/data/admin-token", "\n"));
  auto third = Auth::open(env, "/data", true);
  ASSERT_TRUE(third);
  EXPECT_TRUE((*third)->token_is_new());
  // An unreadable one is no reason to make another.
  ASSERT_TRUE(files.remove("/data/admin-token"));
  ASSERT_TRUE(files.create_directories("/data/admin-token"));
  auto fourth = Auth::open(env, "/data", true);
  ASSERT_FALSE(fourth);
  EXPECT_EQ(fourth.error().message(), "admin token: open /data/admin-token: Is a directory");
}

struct OpenCase {
  const char* method;
  const char* path;
  int status;  // without a token
};

TEST(Authorisation, IsNeededForAllButHealthSignInAndTheConsole) {
  AppHost host(Access::kGuarded);
  const OpenCase cases[] = {
      {"GET", "/api/holdfast/v1/session", 200},
      {"GET", "/api/holdfast/v1/overview", 401},
      {"GET", "/api/holdfast/v1/events", 401},
      {"GET", "/api/holdfast/v1/openapi.json", 401},
      {"GET", "/api/v1/query?query=1", 401},
      {"POST", "/api/v1/query?query=1", 401},
      {"GET", "/api/nowhere", 401},
      {"GET", "/federate?match[]=up", 401},
      {"GET", "/query?q=show+databases", 401},
      {"GET", "/pushgateway/metrics", 401},
      {"POST", "/write", 401},
      {"POST", "/", 401},
      {"PUT", "/assets/a", 401},
      {"POST", "/api/holdfast/v1/storage/flush", 401},
      {"POST", "/api/holdfast/v1/services/shop/restart", 401},
      {"DELETE", "/api/holdfast/v1/incidents", 401},
  };
  for (const auto& c : cases)
    EXPECT_EQ(host.ask(c.method, c.path).status, c.status) << c.method << " " << c.path;
  const auto refused = host.ask("GET", "/api/holdfast/v1/overview");
  EXPECT_EQ(refused.headers.get("www-authenticate"), "Bearer");
}

TEST(Authorisation, TakesTheTokenInAnyCaseOfTheSchemeAndNothingElse) {
  AppHost host(Access::kGuarded);
  const auto token = host.token();
  const auto status = [&](const std::string& field) {
    return host.ask("GET", "/api/holdfast/v1/automation", "", {{"authorization", field}}).status;
  };
  EXPECT_EQ(status("Bearer " + token), 200);
  EXPECT_EQ(status("bearer  " + token + " "), 200);
  EXPECT_EQ(status("BEARER " + token), 200);
  for (const auto& wrong : {"Bearer " + token + "0", "Bearer " + token.substr(1), token,
                            "Basic " + token, std::string("Bearer"), std::string("Bearer ")}) {
    EXPECT_EQ(status(wrong), 401) << wrong;
  }
}

TEST(Authorisation, TakesTheTokenInTheFormOtherSendersKnow) {
  AppHost host(Access::kGuarded);
  const auto token = host.token();
  const auto basic = [](const std::string& pair) { return "Basic " + base64_encode(pair); };
  struct Case {
    std::string field;
    bool good;
  };
  for (const auto& [field, good] :
       {Case{"Token " + token, true}, Case{"token " + token, true},
        Case{"Token admin:" + token, true}, Case{basic("admin:" + token), true},
        Case{basic(":" + token), true}, Case{basic(token + ":"), false},
        Case{basic("admin:x" + token), false}, Case{"Basic ?", false}, Case{"Token ", false},
        Case{"Digest " + token, false}}) {
    const auto answer =
        host.ask("GET", "/api/holdfast/v1/automation", "", {{"authorization", field}});
    EXPECT_EQ(answer.status, good ? 200 : 401) << field;
  }
}

TEST(Authorisation, TakesAPasswordInTheAddressOnInfluxPathsAlone) {
  AppHost host(Access::kGuarded);
  const auto check = [&](const std::string& path, const std::string& p, bool header) {
    net::Request request;
    request.method = "POST";
    request.path = path;
    request.query = {{"u", "admin"}, {"p", p}};
    if (header) request.headers.set("authorization", "Token wrong");
    return !host.auth->check(request).has_value();
  };
  EXPECT_TRUE(check("/write", host.token(), false));
  EXPECT_TRUE(check("/query", host.token(), false));
  EXPECT_FALSE(check("/write", host.token() + "0", false));
  EXPECT_FALSE(check("/write", "", false));
  EXPECT_FALSE(check("/write", host.token(), true));  // what the header says counts
  EXPECT_FALSE(check("/api/v1/write", host.token(), false));
}

TEST(Authorisation, TheCallersNameIsOursAndNotWhatACallClaims) {
  AppHost host(Access::kGuarded);
  const auto claimed = host.ask("GET", kSession, "", {{"x-holdfast-user", "root"}});
  EXPECT_EQ(nlohmann::json::parse(claimed.body),
            (nlohmann::json{{"signed_in", false},
                            {"auth", "on"},
                            {"version", HOLDFAST_VERSION},
                            {"user", ""},
                            {"name", ""},
                            {"role", ""},
                            {"permissions", nlohmann::json::array()},
                            {"provider", ""}}));
  AppHost open;
  open.ask("POST", "/api/holdfast/v1/automation", R"({"stopped": true})",
           {{"x-holdfast-user", "root"}});
  EXPECT_EQ(open.get("/api/holdfast/v1/automation")["by"], "local");
}

TEST(Session, BeginsWithTheTokenAndEndsBySigningOut) {
  AppHost host(Access::kGuarded);
  const auto response = host.ask("POST", kSession, nlohmann::json{{"token", host.token()}}.dump());
  EXPECT_EQ(response.status, 204);
  const std::string set(response.headers.get("set-cookie"));
  EXPECT_NE(set.find("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"), std::string::npos)
      << set;
  const Fields with{{"cookie", "a=b; " + cookie_of(response) + "; c=d"}};
  EXPECT_EQ(host.ask("GET", "/api/holdfast/v1/automation", "", with).status, 200);
  const auto session = nlohmann::json::parse(host.ask("GET", kSession, "", with).body);
  EXPECT_EQ(session["signed_in"], true);
  EXPECT_EQ(session["user"], "admin");
  EXPECT_EQ(host.ask("DELETE", kSession, "", with).status, 204);
  EXPECT_EQ(host.ask("GET", "/api/holdfast/v1/automation", "", with).status, 401);
}

TEST(Session, EndsAfterTwelveHours) {
  AppHost host(Access::kGuarded);
  net::Request request;
  request.method = "GET";
  request.path = "/api/holdfast/v1/automation";
  request.headers.set("cookie", sign_in(host));
  EXPECT_FALSE(host.auth->check(request).has_value());
  host.executor.clear();  // nothing else needs to live through the night
  host.executor.run_for(12h - 1min);
  EXPECT_FALSE(host.auth->check(request).has_value());
  host.executor.run_for(2min);
  EXPECT_TRUE(host.auth->check(request).has_value());
}

struct OriginCase {
  const char* what;
  Fields fields;
  int status;
};

TEST(Session, AChangeByCookieNeedsAPageOfThisServer) {
  AppHost host(Access::kGuarded);
  const auto cookie = sign_in(host);
  const OriginCase cases[] = {
      {"no origin", {}, 403},
      {"our own", {{"origin", AppHost::kOrigin}}, 200},
      {"our own by referer", {{"referer", std::string(AppHost::kOrigin) + "/incidents"}}, 200},
      {"another host", {{"origin", "http://evil.example.com"}}, 403},
      {"another port", {{"origin", "http://127.0.0.1:9999"}}, 403},
      {"null, of a sandboxed frame", {{"origin", "null"}}, 403},
      {"a name that begins as ours", {{"origin", "http://127.0.0.1:8040.evil.example.com"}}, 403},
      {"ours in the path", {{"origin", "http://evil.example.com/127.0.0.1:8040"}}, 403},
      {"an origin beats a referer",
       {{"origin", "http://evil.example.com"}, {"referer", AppHost::kOrigin}},
       403},
      // A form can make a browser send a Basic header; it must not pass for a token.
      {"a wrong authorization beside the cookie", {{"authorization", "Basic eDp5"}}, 403},
      {"the token beside the cookie", {{"authorization", "Bearer " + host.token()}}, 200},
  };
  for (const auto& c : cases) {
    auto fields = c.fields;
    fields.emplace_back("cookie", cookie);
    const auto response =
        host.ask("POST", "/api/holdfast/v1/automation", R"({"stopped": false})", fields);
    EXPECT_EQ(response.status, c.status) << c.what << ": " << response.body;
  }
  EXPECT_EQ(host.ask("GET", "/api/holdfast/v1/automation", "", {{"cookie", cookie}}).status, 200);
}

TEST(WithoutAuthorisation, PagesOfOtherOriginsMayChangeNothing) {
  AppHost host;
  const OriginCase cases[] = {
      {"a program", {}, 200},
      {"our own page", {{"origin", AppHost::kOrigin}}, 200},
      {"our own page, by name",
       {{"origin", "http://localhost:8040"}, {"host", "localhost:8040"}},
       200},
      {"another page", {{"origin", "http://evil.example.com"}}, 403},
      {"another page of this machine", {{"origin", "http://127.0.0.1:3000"}}, 403},
      {"a sandboxed frame", {{"origin", "null"}}, 403},
      {"a foreign name made to point here",
       {{"origin", "http://evil.example.com:8040"}, {"host", "evil.example.com:8040"}},
       403},
  };
  for (const auto& c : cases) {
    const auto response =
        host.ask("POST", "/api/holdfast/v1/automation", R"({"stopped": false})", c.fields);
    EXPECT_EQ(response.status, c.status) << c.what << ": " << response.body;
  }
}

TEST(SignIn, IsRefusedForAWhileAfterThirtyAttemptsFromOneAddress) {
  AppHost host(Access::kGuarded);
  const auto attempt = [&](const std::string& token) {
    return host.ask("POST", kSession, nlohmann::json{{"token", token}}.dump());
  };
  for (int i = 0; i < 30; ++i) ASSERT_EQ(attempt("guess" + std::to_string(i)).status, 401) << i;
  EXPECT_EQ(attempt("guess").status, 429);
  const auto right = attempt(host.token());
  EXPECT_EQ(right.status, 429);
  EXPECT_EQ(right.headers.get("retry-after"), "2");
  EXPECT_EQ(right.body,
            R"({"error":{"code":"exhausted","message":"too many attempts from here; wait 2 s"}})");
  // Whoever has the token goes on by it meanwhile.
  EXPECT_EQ(host.ask("GET", "/api/holdfast/v1/automation", "",
                     {{"authorization", "Bearer " + host.token()}})
                .status,
            200);
  host.executor.run_for(2s);
  EXPECT_EQ(attempt(host.token()).status, 204);
}

TEST(SignIn, IsNotForAPageOfAnotherServer) {
  AppHost host(Access::kGuarded);
  const auto body = nlohmann::json{{"token", host.token()}}.dump();
  EXPECT_EQ(host.ask("POST", kSession, body, {{"origin", "http://evil.example.com"}}).status, 403);
  EXPECT_EQ(host.ask("POST", kSession, body, {{"origin", AppHost::kOrigin}}).status, 204);
}

TEST(Metrics, NeedATokenOnlyFromAfar) {
  AppHost host(Access::kGuarded);
  const std::pair<const char*, bool> peers[] = {{"127.0.0.1:5", true},  {"127.9.9.9:5", true},
                                                {"[::1]:5", true},      {"10.0.0.1:5", false},
                                                {"1.127.0.0:5", false}, {"", false}};
  for (const auto& [peer, open] : peers) {
    net::Request request;
    request.method = "GET";
    request.path = "/metrics";
    request.peer = peer;
    EXPECT_EQ(!host.auth->check(request).has_value(), open) << peer;
  }
}

}  // namespace
}  // namespace holdfast::app
