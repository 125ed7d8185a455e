// Users, tokens, sessions and the audit log over HTTP: what each role may, what a token may, what is written down.
#include "app/api/access_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "app/app_host.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

using Fields = AppHost::Fields;
using nlohmann::json;
using testing::HasSubstr;
const std::string kBase = "/api/holdfast/v1";

class AccessApi : public testing::Test {
 protected:
  AccessApi() : admin{{"authorization", "Bearer " + host.token()}} {}

  net::ClientResponse ask(const std::string& method, const std::string& path, const Fields& who,
                          const json& body = {}) {
    return host.ask(method, path.starts_with("/api") ? path : kBase + path,
                    body.is_null() ? "" : body.dump(), who);
  }
  json got(const std::string& path, const Fields& who) {
    const auto answer = ask("GET", path, who);
    EXPECT_EQ(answer.status, 200) << path << ": " << answer.body;
    return json::parse(answer.body, nullptr, false);
  }
  std::string error_of(const net::ClientResponse& answer) {
    return std::to_string(answer.status) + " " +
           json::parse(answer.body)["error"]["message"].get<std::string>();
  }
  void user(const std::string& id, const std::string& role, const json& grants = json::array(),
            const std::string& password = "") {
    json body{{"id", id}, {"role", role}, {"grants", grants}};
    if (!password.empty()) body["password"] = password;
    const auto made = ask("POST", "/users", admin, body);
    ASSERT_EQ(made.status, 201) << made.body;
  }
  // The header of a new token.
  Fields token(json body) {
    if (!body.contains("name")) body["name"] = "t" + std::to_string(++tokens);
    const auto made = ask("POST", "/tokens", admin, body);
    EXPECT_EQ(made.status, 201) << made.body;
    return {{"authorization", "Bearer " + json::parse(made.body)["token"].get<std::string>()}};
  }
  Fields as(const std::string& role) {
    user(role + "1", role);
    return token({{"user", role + "1"}});
  }
  std::string sign_in(const std::string& user, const std::string& password) {
    const auto answer =
        host.ask("POST", kBase + "/session", json{{"user", user}, {"password", password}}.dump());
    if (answer.status != 204) return error_of(answer);
    const std::string set(answer.headers.get("set-cookie"));
    return set.substr(0, set.find(';'));
  }
  // "actor action resource: result", oldest first.
  std::vector<std::string> audit(const std::string& query = "") {
    std::vector<std::string> lines;
    const auto page = got("/audit?limit=1000&" + query, admin);
    for (const auto& record : page["records"]) {
      lines.insert(lines.begin(), record["user_id"].get<std::string>() + " " +
                                      record["action"].get<std::string>() + " " +
                                      record["resource"].get<std::string>() + ": " +
                                      record["result"].get<std::string>());
    }
    return lines;
  }

  AppHost host{AppHost::Access::kGuarded};
  Fields admin;
  int tokens = 0;
};

struct RoleCase {
  const char* method;
  const char* path;
  const char* roles;  // those that may
};

TEST_F(AccessApi, EachRoleMayWhatItsRowSays) {
  const RoleCase cases[] = {
      {"GET", "/overview", "viewer auditor responder operator admin"},
      {"GET", "/api/v1/query?query=1", "viewer auditor responder operator admin"},
      {"POST", "/api/v1/query?query=1", "viewer auditor responder operator admin"},
      {"GET", "/tokens", "viewer auditor responder operator admin"},
      {"GET", "/audit", "auditor admin"},
      {"GET", "/journal", "auditor admin"},
      {"POST", "/incidents/INC-1/ack", "responder operator admin"},
      {"POST", "/services/shop/restart", "operator admin"},
      {"POST", "/drills", "operator admin"},
      {"POST", "/automation", "operator admin"},
      {"POST", "/storage/flush", "admin"},
      {"POST", "/api/v1/admin/tsdb/clean_tombstones", "admin"},
      {"GET", "/api/v1/status/config", "admin"},
      {"GET", "/users", "admin"},
      {"POST", "/users/ann/password", "admin"},
  };
  for (const auto& role : role_names()) {
    const auto who = as(role);
    for (const auto& c : cases) {
      const auto allowed = split(c.roles, ' ');
      const bool may = std::ranges::find(allowed, role) != allowed.end();
      const auto answer = ask(c.method, c.path, who);
      EXPECT_EQ(answer.status != 403 && answer.status != 401, may)
          << role << " " << c.method << " " << c.path << ": " << answer.status;
    }
  }
}

TEST_F(AccessApi, ARefusalNamesThePermissionAndIsWrittenDown) {
  const auto viewer = as("viewer");
  EXPECT_EQ(error_of(ask("POST", "/services/shop/restart", viewer)),
            "403 user 'viewer1' (role viewer) lacks the permission 'operate' on service 'shop'; it "
            "comes with the roles: operator, admin");
  EXPECT_EQ(audit("result=denied"),
            std::vector<std::string>{
                "viewer1 service.restart shop: denied: user 'viewer1' (role viewer) lacks the "
                "permission 'operate' on service 'shop'; it comes with the roles: operator, admin"});
}

TEST_F(AccessApi, AGrantReachesTheIncidentsOfItsServiceAndNoOther) {
  const auto mine = host.declare("Checkout is slow").id.value;
  const auto other = host.declare("Bank is slow", "bank").id.value;
  user("ann", "viewer", {{{"services", {"shop"}}, {"role", "responder"}}});
  const auto ann = token({{"user", "ann"}});
  EXPECT_EQ(ask("POST", "/incidents/" + mine + "/ack", ann).status, 200);
  EXPECT_EQ(error_of(ask("POST", "/incidents/" + other + "/ack", ann)),
            "403 user 'ann' (role viewer) lacks the permission 'respond' on service 'bank'; it "
            "comes with the roles: responder, operator, admin");
  EXPECT_EQ(ask("POST", "/incidents/nosuch/ack", ann).status, 403);
  EXPECT_EQ(ask("POST", "/services/shop/restart", ann).status, 403);
  const auto limited = token({{"user", "ann"}, {"services", {"shop"}}, {"scopes", {"read"}}});
  EXPECT_EQ(ask("GET", "/incidents/" + mine, limited).status, 200);
  EXPECT_EQ(ask("GET", "/incidents/" + other, limited).status, 403);
  EXPECT_EQ(ask("GET", "/services/shop", limited).status, 200);
  EXPECT_EQ(ask("GET", "/overview", limited).status, 403);
  EXPECT_EQ(ask("POST", "/incidents/" + mine + "/resolve", limited).status, 403);
}

TEST_F(AccessApi, ATokenIsShownOnceAndRevokedAtOnce) {
  user("ann", "operator");
  const auto made = ask("POST", "/tokens", admin,
                        {{"user", "ann"}, {"name", "ci"}, {"scopes", {"send"}}, {"expires_in", "1d"}});
  ASSERT_EQ(made.status, 201) << made.body;
  const auto shown = json::parse(made.body);
  const Fields ci{{"authorization", "Bearer " + shown["token"].get<std::string>()}};
  EXPECT_EQ(got("/tokens", admin).dump().find(shown["token"]), std::string::npos);
  const auto listed = got("/tokens?user=ann", admin)["tokens"];
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0]["scopes"], json{"send"});
  EXPECT_FALSE(listed[0].contains("hash"));
  EXPECT_EQ(ask("GET", "/overview", ci).status, 403);
  // A narrowed token makes no wider one, and revokes none.
  EXPECT_EQ(ask("POST", "/tokens", ci, {{"name", "wide"}}).status, 403);
  EXPECT_EQ(ask("DELETE", "/tokens/" + listed[0]["id"].get<std::string>(), ci).status, 403);
  EXPECT_EQ(ask("GET", "/openapi.json", ci).status, 200);
  EXPECT_EQ(ask("DELETE", "/tokens/" + listed[0]["id"].get<std::string>(), admin).status, 204);
  EXPECT_EQ(ask("GET", "/openapi.json", ci).status, 401);
}

TEST_F(AccessApi, NobodyTouchesAnothersTokens) {
  user("ann", "operator");
  user("bob", "operator");
  const auto ann = token({{"user", "ann"}});
  const auto bob = token({{"user", "bob"}, {"name", "bobs"}});
  EXPECT_EQ(ask("POST", "/tokens", ann, {{"name", "x"}, {"user", "bob"}}).status, 403);
  const auto id = got("/tokens?user=bob", admin)["tokens"][0]["id"].get<std::string>();
  EXPECT_EQ(ask("DELETE", "/tokens/" + id, ann).status, 404);
  const auto shown = got("/tokens?user=bob", ann);
  for (const auto& one : shown["tokens"]) EXPECT_EQ(one["user"], "ann");
  EXPECT_EQ(ask("DELETE", "/tokens/" + id, bob).status, 204);
}

TEST_F(AccessApi, APasswordSignsInAndChangingItEndsTheOtherSessions) {
  user("ann", "responder", json::array(), "correct horse");
  const auto first = sign_in("ann", "correct horse");
  const auto second = sign_in("ann", "correct horse");
  ASSERT_TRUE(first.starts_with("holdfast_session=")) << first;
  const Fields mine{{"cookie", first}, {"origin", AppHost::kOrigin}}, other{{"cookie", second}};
  const auto session = got("/session", mine);
  EXPECT_EQ(session["user"], "ann");
  EXPECT_EQ(session["role"], "responder");
  EXPECT_EQ(session["permissions"], (json{"read", "respond"}));
  EXPECT_EQ(got("/sessions", mine)["sessions"].size(), 2U);
  EXPECT_EQ(error_of(ask("POST", "/password", mine, {{"old", "wrong one"}, {"new", "battery staple"}})),
            "403 the old password is wrong");
  EXPECT_EQ(ask("POST", "/password", mine, {{"old", "correct horse"}, {"new", "battery staple"}}).status,
            204);
  EXPECT_EQ(ask("GET", "/overview", mine).status, 200);
  EXPECT_EQ(ask("GET", "/overview", other).status, 401);
  EXPECT_EQ(sign_in("ann", "correct horse"), "401 the user or the password is wrong");
  EXPECT_EQ(sign_in("nobody", "correct horse"), "401 the user or the password is wrong");
  EXPECT_EQ(ask("DELETE", "/sessions", mine).status, 204);
  EXPECT_EQ(ask("GET", "/overview", mine).status, 401);
}

TEST_F(AccessApi, AUserWhoIsDisabledIsOutAtOnce) {
  user("ann", "operator", json::array(), "correct horse");
  const auto ann = token({{"user", "ann"}});
  const Fields session{{"cookie", sign_in("ann", "correct horse")}};
  EXPECT_EQ(ask("POST", "/users/ann", admin, {{"disabled", true}}).status, 200);
  EXPECT_EQ(ask("GET", "/overview", ann).status, 401);
  EXPECT_EQ(ask("GET", "/overview", session).status, 401);
  EXPECT_EQ(sign_in("ann", "correct horse"), "401 the user or the password is wrong");
  EXPECT_EQ(ask("POST", "/users/ann", admin, {{"disabled", false}, {"role", "viewer"}}).status, 200);
  EXPECT_EQ(ask("GET", "/overview", ann).status, 200);
  EXPECT_EQ(ask("POST", "/services/shop/restart", ann).status, 403);
  EXPECT_EQ(ask("GET", "/overview", session).status, 401);  // it was ended, not paused
}

TEST_F(AccessApi, GuessingOneUsersPasswordIsSlowedFromWherever) {
  user("ann", "viewer");
  int tried = 0;
  std::string last;
  while (tried < 12 && !last.starts_with("429")) {
    last = sign_in("ann", "guess number " + std::to_string(++tried));
  }
  EXPECT_EQ(tried, 11);
  EXPECT_THAT(last, HasSubstr("429 too many attempts; wait"));
}

TEST_F(AccessApi, EveryActStandsInTheAuditLogOnceWithItsOutcome) {
  const auto incident = host.declare("Checkout is slow").id.value;
  const auto ann = as("responder");
  ask("POST", "/incidents/" + incident + "/note", ann, {{"text", "seen"}});
  ask("POST", "/incidents/nosuch/note", ann, {{"text", "seen"}});
  ask("POST", "/automation", admin, {{"stopped", true}});
  ask("POST", "/config/reload", admin, json::object());
  host.ask("POST", kBase + "/session", json{{"token", "wrong"}}.dump());
  const auto lines = audit();
  EXPECT_EQ(lines, (std::vector<std::string>{
                       "admin security_policy_change responder1: ok",
                       "admin token.create responder1/t1: ok",
                       "responder1 incident.note " + incident + ": ok",
                       "responder1 incident.note nosuch: failed: no incident 'nosuch'",
                       "admin automation.set automation stopped: ok",
                       "admin configuration_change /api/holdfast/v1/config/reload: ok",
                       " user_login session: denied: this token is not known here",
                   }));
  // Looking at the log is in the log.
  EXPECT_EQ(audit("action=data_access").size(), 1U);
}

TEST_F(AccessApi, ARecordShowsItsEightMembersAndNoSecret) {
  user("ann", "viewer", json::array(), "correct horse");
  const auto cookie = sign_in("ann", "correct horse");
  ask("DELETE", "/session", {{"cookie", cookie}, {"user-agent", "browser"}});
  const auto answer = ask("GET", "/audit?user=ann", admin);
  EXPECT_EQ(answer.body.find("correct horse"), std::string::npos);
  const auto records = json::parse(answer.body)["records"];
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1]["action"], "user_login");
  const auto& record = records[0];
  EXPECT_EQ(record.size(), 8U);
  EXPECT_TRUE(parse_time(record["timestamp"].get<std::string>()));
  EXPECT_EQ(record["user_id"], "ann");
  EXPECT_EQ(record["action"], "user_logout");
  EXPECT_EQ(record["resource"], "session");
  EXPECT_EQ(record["result"], "ok");
  EXPECT_NE(record["ip_address"], "");
  EXPECT_EQ(record["user_agent"], "browser");
  EXPECT_EQ(record["additional_info"]["method"], "DELETE");
}

TEST_F(AccessApi, TheLogIsFilteredPagedAndExported) {
  for (int i = 0; i < 5; ++i) user("u" + std::to_string(i), "viewer");
  const auto first = got("/audit?limit=2&action=security_policy_change", admin);
  EXPECT_EQ(first["records"].size(), 2U);
  const auto next = got("/audit?limit=9&action=security_policy_change&before=" +
                            std::to_string(first["next"].get<int>()),
                        admin);
  EXPECT_EQ(next["records"].size(), 3U);
  EXPECT_EQ(next["next"], 0);
  EXPECT_TRUE(audit("user=nobody").empty());
  EXPECT_TRUE(audit("result=denied").empty());
  EXPECT_TRUE(audit("to=2001-01-01T00:00:00Z").empty());
  const auto csv = ask("GET", "/audit?format=csv&action=security_policy_change", admin);
  EXPECT_EQ(csv.headers.get("content-type"), "text/csv; charset=utf-8");
  EXPECT_EQ(split(csv.body, '\n').size(), 7U);  // its head, five records, the end
  EXPECT_THAT(csv.body, HasSubstr("timestamp,user_id,action,resource,result,ip_address,user_agent,additional_info\r\n"));
  EXPECT_EQ(error_of(ask("GET", "/audit?limit=0", admin)), "400 'limit' is '0'; allowed: 1 to 10000");
  EXPECT_EQ(error_of(ask("GET", "/audit?result=maybe", admin)),
            "400 'result' is 'maybe'; allowed: ok, accepted, denied, failed");
}

TEST_F(AccessApi, AFloodOfRefusalsIsCountedAndNotWrittenOneByOne) {
  for (int i = 0; i < 100; ++i) ask("GET", "/overview", {});
  host.executor.run_for(2min);
  const auto records = got("/audit?limit=1000&result=denied", admin)["records"];
  EXPECT_EQ(records.size(), 21U);
  EXPECT_EQ(records[0]["additional_info"]["count"], 80);
}

TEST_F(AccessApi, WrongBodiesAreRefusedWithTheirMember) {
  const std::pair<json, const char*> cases[] = {
      {{{"role", "viewer"}}, "400 'id' is missing"},
      {{{"id", 1}}, "400 'id' must be a text"},
      {{{"id", "ann"}, {"grants", 1}}, "400 'grants' must be a list of {services, role}"},
      {{{"id", "ann"}, {"grants", {{{"role", "viewer"}}}}},
       "400 'grants' must be a list of {services, role}"},
      {{{"id", "ann"}, {"grants", {{{"role", "king"}, {"services", {"shop"}}}}}},
       "400 a grant's role is 'king'; allowed: viewer, auditor, responder, operator, admin"},
      {{{"id", "ann"}, {"password", "short"}}, "400 a password has at least 10 characters"},
      {json::array(), "400 the body must be a JSON object"},
  };
  for (const auto& [body, message] : cases)
    EXPECT_EQ(error_of(ask("POST", "/users", admin, body)), message) << body;
  EXPECT_EQ(error_of(ask("POST", "/users/nobody", admin, {{"role", "viewer"}})),
            "404 no user 'nobody'");
  EXPECT_EQ(error_of(ask("POST", "/tokens", admin, {{"name", "x"}, {"expires_in", "-1d"}})),
            "400 'expires_in' is '-1d'; allowed: a duration such as 90d, up to 3650d");
}

}  // namespace
}  // namespace holdfast::app
