// The command line's side: how a running Holdfast is asked, and what is said when it cannot be.
#include "app/cli/commands.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "app/cli/remote.h"
#include "app/machine.h"
#include "net/http.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

TEST(SecondsBetween, IsTheDifferenceOrADash) {
  const struct {
    const char *from, *to, *want;
  } cases[] = {
      {"2026-11-21T10:00:00.000Z", "2026-11-21T10:00:02.130Z", "2.13 s"},
      {"2026-11-21T10:00:00.000Z", "2026-11-21T10:00:00.000Z", "0.00 s"},
      {"2026-11-21T10:00:00.000Z", "2026-11-21T11:00:00.005Z", "3600.01 s"},
      {"2026-11-21T10:00:01.000Z", "2026-11-21T10:00:00.000Z", "-1.00 s"},
      {"", "2026-11-21T10:00:00.000Z", "-"},
      {"2026-11-21T10:00:00.000Z", "", "-"},
      {"", "", "-"},
      {"yesterday", "2026-11-21T10:00:00.000Z", "-"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(seconds_between(c.from, c.to), c.want) << c.from << " to " << c.to;
}

// A server on the loopback that says what a test wants, and the token it was asked with.
class RemoteTest : public testing::Test {
 protected:
  RemoteTest() {
    say("/api/holdfast/v1/good", 200, R"({"a":1})");
    say("/api/v1/good", 200, R"({"b":2})");
    say("/api/holdfast/v1/nothing", 204, "");
    say("/api/holdfast/v1/refused", 409,
        R"({"error":{"code":"conflict","message":"incident INC-1 is resolved"}})");
    say("/api/holdfast/v1/missing", 404,
        R"({"error":{"code":"not_found","message":"no incident 'x'"}})");
    say("/api/holdfast/v1/locked", 401,
        R"({"error":{"code":"unauthorized","message":"sign in first"}})");
    say("/api/holdfast/v1/config/reload", 400,
        R"({"error":{"code":"invalid","message":"refused"},"findings":["h.yaml:1:2: bad","h.yaml:3:4: worse"]})");
    say_stories();
    say("/api/holdfast/v1/page", 200, "<html>");
    say("/api/holdfast/v1/list", 200, "[1]");
    say("/api/holdfast/v1/proxy", 502, "<html>\nBad Gateway");
    for (const char* method : {"GET", "POST"}) {
      router_.add(method, "/api/holdfast/v1/echo",
                  [](const net::Request& request, net::ResponderPtr to) {
                    to->send(net::Response::json(
                        200, json{{"authorization", request.headers.get("authorization")},
                                  {"type", request.headers.get("content-type")},
                                  {"body", request.body}}
                                 .dump()));
                  });
    }
    server_ = std::make_unique<net::Server>(machine_.env, router_);
    const auto at = server_->listen({"127.0.0.1", 0, ""});
    EXPECT_TRUE(at) << at.error().message();
    url = "http://" + at->text();
    ::unsetenv("HOLDFAST_TOKEN");
  }
  ~RemoteTest() override {
    server_.reset();
    machine_.stop_executor();
    ::unsetenv("HOLDFAST_TOKEN");
  }
  void say(const std::string& path, int status, const std::string& body) {
    for (const char* method : {"GET", "POST"}) {
      router_.add(method, path, [status, body](const net::Request&, net::ResponderPtr to) {
        auto response = net::Response::json(status, body);
        to->send(std::move(response));
      });
    }
  }
  std::string why(const std::string& path) {
    Remote remote({url, "", "nowhere"});
    const auto answer = remote.get(path);
    EXPECT_FALSE(answer) << path;
    return answer ? ""
                  : std::string(code_name(answer.error().code())) + ": " + answer.error().message();
  }
  template <typename F>
  std::string out(F&& run, int want_status = 0) {
    Remote remote({url, "", "nowhere"});
    testing::internal::CaptureStdout();
    const int status = run(remote);
    std::fflush(stdout);
    EXPECT_EQ(status, want_status);
    return testing::internal::GetCapturedStdout();
  }
  void say_stories();
  std::string url;

 private:
  Machine machine_{1, 1};
  net::Router router_;
  std::unique_ptr<net::Server> server_;
};

// What the commands below ask for.
void RemoteTest::say_stories() {
  const json incident{{"id", "INC-20270115-001"},
                      {"state", "resolved"},
                      {"rank", "high"},
                      {"service", "shop"},
                      {"title", "Shop fails"},
                      {"started_at", "2027-01-15T08:00:00.000Z"},
                      {"opened_at", "2027-01-15T08:00:02.000Z"},
                      {"acknowledged_at", "2027-01-15T08:00:03.000Z"},
                      {"mitigated_at", nullptr},
                      {"resolved_at", "2027-01-15T08:00:09.500Z"}};
  auto with_timeline = incident;
  with_timeline["timeline"] = {{{"at", "2027-01-15T08:00:02.000Z"},
                                {"kind", "opened"},
                                {"text", "it began"},
                                {"evidence",
                                 {{"value", "0.5"},
                                  {"threshold", "<= 0.05"},
                                  {"window", "5s"},
                                  {"query", "errors"},
                                  {"source", "rules.yml:1:2"}}}}};
  const json drill{{"id", "d1"},
                   {"name", "hang"},
                   {"state", "passed"},
                   {"started_at", "2027-01-15T08:00:00.000Z"},
                   {"injected_at", "2027-01-15T08:00:01.000Z"},
                   {"detected_at", "2027-01-15T08:00:02.500Z"},
                   {"closed_at", "2027-01-15T08:00:05.000Z"},
                   {"requests", 100},
                   {"requests_lost", 2},
                   {"verdict", "all good"}};
  say("/api/holdfast/v1/incidents/INC-20270115-001", 200, json{{"incident", with_timeline}}.dump());
  say("/api/holdfast/v1/incidents/INC-20270115-001/ack", 200, json{{"incident", incident}}.dump());
  router_.add("GET", "/api/holdfast/v1/incidents",
              [incident](const net::Request& request, net::ResponderPtr to) {
                to->send(net::Response::json(200, json{{"incidents", request.param("state") == "all"
                                                                         ? json::array({incident})
                                                                         : json::array()}}
                                                      .dump()));
              });
  router_.add("POST", "/api/holdfast/v1/drills",
              [drill](const net::Request&, net::ResponderPtr to) {
                to->send(net::Response::json(202, json{{"drill", drill}}.dump()));
              });
  router_.add("GET", "/api/holdfast/v1/drills", [drill](const net::Request&, net::ResponderPtr to) {
    to->send(net::Response::json(
        200,
        json{{"kinds", {{{"name", "hang"}, {"what", "stops answering"}, {"expect", "a restart"}}}},
             {"runs", {drill}}}
            .dump()));
  });
  router_.add("GET", "/api/v1/query", [](const net::Request& request, net::ResponderPtr to) {
    const auto query = request.param("query");
    if (query == "bad")
      return to->send(net::Response::json(
          400,
          R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:1: parse error"})"));
    if (query == "empty") return to->send(net::Response::json(200, R"({"status":"success"})"));
    to->send(net::Response::json(
        200,
        query == "scalar"
            ? R"({"status":"success","data":{"resultType":"scalar","result":[5,"7"]}})"
            : R"({"status":"success","data":{"resultType":"vector","result":[)"
              R"({"metric":{"__name__":"up","instance":"a","job":"b"},"value":[1.5,"1"]},)"
              R"({"metric":{"x":"y"},"value":[2,"+Inf"]},{"metric":{"__name__":"up"},"value":[3,"0"]}]}})"));
  });
  say("/api/v1/query_range", 200,
      R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up"},"values":[[1,"1"],[2,"2"]]}]}})");
}

TEST_F(RemoteTest, PathsAreBelowOurApiUnlessTheyNameOne) {
  Remote remote({url + "//", "", "nowhere"});  // a last slash does no harm
  EXPECT_EQ(*remote.get("/good"), (json{{"a", 1}}));
  EXPECT_EQ(*remote.get("/api/v1/good"), (json{{"b", 2}}));
  EXPECT_EQ(*remote.post("/nothing", {}), json::object());
  const auto echo = *remote.post("/echo", {{"x", 1}});
  EXPECT_EQ(echo["body"], R"({"x":1})");
  EXPECT_EQ(echo["type"], "application/json");
}

TEST_F(RemoteTest, RefusalsComeInTheServersWords) {
  EXPECT_EQ(why("/refused"), "invalid: incident INC-1 is resolved");
  EXPECT_EQ(why("/missing"), "not_found: no incident 'x'");
  EXPECT_EQ(why("/locked"), "unauthorized: sign in first");
  EXPECT_EQ(why("/config/reload"), "invalid: refused\n  h.yaml:1:2: bad\n  h.yaml:3:4: worse");
  EXPECT_EQ(why("/api/v1/query?query=bad"),
            "invalid: invalid parameter \"query\": 1:1: parse error");
  EXPECT_EQ(why("/proxy"), "invalid: status 502: <html>\\nBad Gateway");
  EXPECT_EQ(why("/page"),
            "unavailable: " + url + " answered something that is no JSON object: <html>");
  EXPECT_EQ(why("/list"),
            "unavailable: " + url + " answered something that is no JSON object: [1]");
}

TEST(RemoteAway, NobodyListeningIsSaidWithTheAddressAndWhatToTry) {
  // A port that was free a moment ago.
  std::string url;
  {
    Machine machine(1, 1);
    net::Router router;
    net::Server server(machine.env, router);
    const auto at = server.listen({"127.0.0.1", 0, ""});
    ASSERT_TRUE(at);
    url = "http://" + at->text();
  }
  Remote remote({url, "", "nowhere"});
  const auto answer = remote.get("/good");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::kUnavailable);
  EXPECT_TRUE(answer.error().message().starts_with(
      "no answer from " + url + " (is Holdfast running there? --url names another): "))
      << answer.error().message();
  EXPECT_EQ(run_query(remote, {"up", "", "", "", "15s"}, false), 1);
  EXPECT_EQ(run_incident_list(remote, "active", false), 1);
  EXPECT_EQ(run_drill(remote, "hang", "", false), 1);
}

TEST_F(RemoteTest, TheTokenIsTheOptionsThenTheEnvironmentsThenTheFiles) {
  const auto folder = testing::TempDir() + "holdfast-remote-test";
  PosixFileSystem files;
  ASSERT_TRUE(files.create_directories(folder));
  ASSERT_TRUE(files.write_file_atomic(folder + "/admin-token", "from-file\n"));
  const auto sent = [&](const RemoteOptions& options) {
    Remote remote(options);
    return (*remote.get("/echo"))["authorization"].get<std::string>();
  };
  EXPECT_EQ(sent({url, "", folder}), "Bearer from-file");
  EXPECT_EQ(sent({url, "", folder + "/none"}), "");
  ::setenv("HOLDFAST_TOKEN", "from-environment", 1);
  EXPECT_EQ(sent({url, "", folder}), "Bearer from-environment");
  EXPECT_EQ(sent({url, "given", folder}), "Bearer given");
  ASSERT_TRUE(files.remove_all(folder));
}

// ---- what the commands print

TEST_F(RemoteTest, AQueryPrintsALineAPoint) {
  EXPECT_EQ(out([](Remote& remote) {
              return run_query(remote, {"vector", "", "", "", "15s"}, false);
            }),
            "up{instance=\"a\", job=\"b\"} => 1 @1.5\n{x=\"y\"} => +Inf @2\nup => 0 @3\n");
  EXPECT_EQ(out([](Remote& remote) {
              return run_query(remote, {"vector", "", "1", "2", "15s"}, false);
            }),
            "up => 1 @1\nup => 2 @2\n");
  EXPECT_EQ(out([](Remote& remote) {
              return run_query(remote, {"scalar", "5", "", "", "15s"}, false);
            }),
            "scalar => 7 @5\n");
  EXPECT_EQ(out([](Remote& remote) {
              return run_query(remote, {"empty", "", "", "", "15s"}, false);
            }),
            "");
  EXPECT_EQ(out([](Remote& remote) {
              return run_query(remote, {"scalar", "", "", "", "15s"}, true);
            }),
            "{\"data\":{\"result\":[5,\"7\"],\"resultType\":\"scalar\"},\"status\":\"success\"}\n");
}

TEST_F(RemoteTest, AnIncidentIsALineAndItsStoryTheRest) {
  const std::string line =
      "INC-20270115-001   resolved      high      shop           2027-01-15T08:00:02.000Z   Shop "
      "fails\n";
  EXPECT_EQ(out([](Remote& remote) { return run_incident_list(remote, "all", false); }), line);
  EXPECT_EQ(out([](Remote& remote) { return run_incident_list(remote, "active", false); }),
            "no incidents (active)\n");
  EXPECT_EQ(
      out([](Remote& remote) { return run_incident_show(remote, "INC-20270115-001", false); }),
      line +
          "detected after 2.00 s, acknowledged after 3.00 s, mitigated after -, resolved after "
          "9.50 s\n"
          "2027-01-15T08:00:02.000Z  +2.00 s    opened            it began\n"
          "    saw 0.5 (fine: <= 0.05) over 5s: errors  [rules.yml:1:2]\n");
  EXPECT_EQ(out([](Remote& remote) {
              return run_incident_act(remote, "INC-20270115-001", "ack", "ann", "", false);
            }),
            line);
  EXPECT_EQ(out(
                [](Remote& remote) {
                  return run_incident_act(remote, "INC-20270115-001", "explode", "ann", "", false);
                },
                1),
            "");
}

TEST_F(RemoteTest, ADrillPrintsItsStatesAndItsSeconds) {
  EXPECT_EQ(out([](Remote& remote) { return run_drill(remote, "hang", "shop", false); }),
            "hang: passed\nhang             passed    detected   1.50 s  acknowledged        -  "
            "repaired        -  closed   4.00 s  requests 100 lost 2  all good\n");
  EXPECT_EQ(out([](Remote& remote) { return run_drill_list(remote, false); }),
            "hang             stops answering\n                 expect: a restart\n"
            "hang             passed    detected   1.50 s  acknowledged        -  repaired        "
            "-  closed   4.00 s  requests 100 lost 2  all good\n");
}

}  // namespace
}  // namespace holdfast::app
