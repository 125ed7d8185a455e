// From a declared incident to its closed postmortem, over HTTP, each answer as openapi.json documents it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "app/alert_listeners.h"
#include "app/app_host.h"
#include "app/config_incident.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

const std::string kApi = "/api/holdfast/v1";

const std::string kConfig = std::string(kHostConfig) + R"yaml(
roles:
  - { role: commander, person: "@ann", backup: "@bob" }
contacts:
  hotline: "+1-555-INCIDENT"
  hotline_dialled: "15554624336"
  support_mail: problems@example.com
  emergency_mail: urgent@example.com
  team: [ { name: 张三, role: 技术负责人, phone: "+86-138-0000-0001", email: z@example.com, slack: "@ann" } ]
vendors: [ { provider: 云服务商, contact: 技术支持, phone: "+86-400-000-0000", email: s@example.com, service: 基础设施 } ]
words: { receivers: { users_mail: [console] } }
kpi: { mtta: 1m }
)yaml";

class IncidentApi : public testing::Test {
 protected:
  IncidentApi() : host(AppHost::Access::kOpen, kConfig) {}

  json act(const std::string& verb, const json& body, int status = 200) {
    return host.post(kApi + "/incidents/" + id + "/" + verb, body, status);
  }
  json read() { return host.get(kApi + "/incidents/" + id)["incident"]; }
  void declare() {
    const auto answer = host.post(
        kApi + "/incidents",
        {{"title", "checkout fails"}, {"service", "shop"}, {"level", "P1"}, {"by", "support"}},
        201);
    id = answer["incident"]["id"];
  }

  AppHost host;
  std::string id;
};

TEST_F(IncidentApi, LeadsFromTheReportToTheClosedPostmortem) {
  declare();
  EXPECT_EQ(read()["source"], "user_report");
  EXPECT_EQ(read()["roles"][0]["person"], "@ann");
  EXPECT_EQ(read()["tasks"].size(), 5U);
  act("confirm", json::object(), 400);
  EXPECT_EQ(act("confirm", {{"extent", "all users"}})["incident"]["phase"], "handling");
  act("role", {{"role", "scribe"}, {"person", "@eve"}});
  act("role", {{"role", "scribe"}, {"person", "@fay"}, {"hand_over", true}});
  act("act", {{"axis", "rollback"}, {"text", "to version 1"}});
  act("update", {{"text", "half is back"}});
  act("chat", {{"text", "looking"}, {"by", "eve"}, {"where", "#incident"}});
  act("fields", {{"root_cause", "a bad release"}, {"permanent_fix", "a test"}});
  act("task", {{"title", "test it"},
               {"kind", "improvement"},
               {"category", "technical"},
               {"owner", "@eve"},
               {"due_at", "2030-01-01T00:00:00Z"}});
  act("impact", {{"at", "2001-01-01T00:00:00Z"}, {"why", "first complaint"}});
  act("line", {{"entry", "e1"}, {"pinned", true}});
  act("line", {{"entry", "e1"}, {"text", "other"}}, 400);
  act("close", json::object(), 409);
  act("resolve", {{"text", "over"}});
  for (const char* check : {"function_verified", "users_informed", "metrics_confirmed"})
    act("check", {{"name", check}});
  EXPECT_EQ(act("close", json::object())["incident"]["phase"], "closed");

  host.run_until([&] { return !host.plane->desk->postmortems.list().empty(); });
  const auto path = kApi + "/postmortems/" + id;
  EXPECT_EQ(host.get(path)["postmortem"]["root_cause"], "a bad release");
  host.post(path, {{"impact", "no sales"}}, 200);
  host.post(path + "/action",
            {{"title", "more tests"}, {"owner", "@eve"}, {"due_at", "2030-01-01T00:00:00Z"}}, 200);
  for (const char* state : {"in_review", "reviewed", "closed"})
    host.post(path + "/state", {{"state", state}}, 200);
  EXPECT_NE(host.answer("GET", path + "?format=markdown").find("a bad release"), std::string::npos);
  EXPECT_NE(host.answer("GET", path + "?format=word").find("400"), std::string::npos);
}

// Mission M13-01: from the death of a process to the closed postmortem, all of it on the one incident.
TEST_F(IncidentApi, AFaultIsFollowedFromItsDiscoveryToTheClosedPostmortem) {
  ASSERT_TRUE(host.run_until_ready());
  host.processes.crash("shop/1/0", 9);
  const auto over = [&] {
    const auto all = host.get(kApi + "/incidents")["incidents"];
    if (all.size() != 1) return false;
    id = all[0]["id"];
    return all[0]["state"] == "resolved";
  };
  ASSERT_TRUE(host.run_until(over)) << "found, repaired and resolved by itself";
  for (const char* check : {"function_verified", "users_informed", "metrics_confirmed"})
    act("check", {{"name", check}});
  act("confirm", {{"extent", "one of two instances"}, {"ticket", "T-1"}});
  act("close", json::object());
  const auto incident = read();
  EXPECT_EQ(incident["source"], "automatic");
  std::string kinds;
  for (const auto& line : incident["timeline"]) kinds += " " + line["kind"].get<std::string>();
  std::size_t at = 0;
  for (const char* kind : {"opened", "remedy", "mitigated", "resolved", "closed"}) {
    const auto found = kinds.find(std::string(" ") + kind, at);
    EXPECT_NE(found, std::string::npos) << kind << " in" << kinds;
    if (found != std::string::npos) at = found;
  }
  EXPECT_NE(kinds.find(" notif"), std::string::npos) << kinds;

  ASSERT_TRUE(host.run_until([&] { return !host.plane->desk->postmortems.list().empty(); }));
  const auto path = kApi + "/postmortems/" + id;
  host.post(path, {{"root_cause", "a bad pointer"}, {"impact", "half of the capacity"}}, 200);
  host.post(path + "/action",
            {{"title", "a test"}, {"owner", "@eve"}, {"due_at", "2030-01-01T00:00:00Z"}}, 200);
  for (const char* state : {"in_review", "reviewed", "closed"})
    host.post(path + "/state", {{"state", state}}, 200);
  EXPECT_EQ(host.get(path)["postmortem"]["state"], "closed");
  const auto text = host.answer("GET", path + "?format=markdown");
  EXPECT_NE(text.find("restart_service"), std::string::npos) << text;
}

TEST_F(IncidentApi, RefusesWithTheMemberAndWhatIsAllowed) {
  declare();
  const struct {
    const char *verb, *body, *message;
  } cases[] = {
      {"act", R"({"axis":"pray"})", "'axis' is 'pray'; allowed: restart, rollback, scale_out"},
      {"act", R"({"axis":1})", "'axis' must be a text"},
      {"task", R"({"title":"x","due_at":"soon"})", "'due_at'"},
      {"role", R"({"role":"x"})", "'person' is missing"},
      {"split", R"({"alerts":"x"})", "'alerts' must be a list of texts"},
      {"merge", R"({})", "'into' is missing"},
      {"merge", R"({"into":"INC-1"})", "no incident 'INC-1'"},
      {"impact", R"({"why":"x"})", "'at' is missing"},
      {"line", R"({"entry":"e99","text":"x","why":"y"})", "no line 'e99'"},
      {"fields", R"({"colour":"red"})", "no field 'colour'"},
      {"confirm", "nonsense", "the body is not JSON"},
  };
  for (const auto& test : cases) {
    const auto answer = host.answer("POST", kApi + "/incidents/" + id + "/" + test.verb, test.body);
    EXPECT_NE(answer.find(test.message), std::string::npos) << test.verb << ": " << answer;
  }
  EXPECT_NE(host.answer("POST", kApi + "/incidents", R"({"title":"x","level":"P7"})")
                .find("allowed in scheme A: P1, P2, P3, P4"),
            std::string::npos);
}

TEST_F(IncidentApi, MergesSplitsAndLinks) {
  declare();
  const auto first = id;
  declare();
  act("link", {{"incident", first}, {"kind", "caused_by"}});
  const auto merged = act("merge", {{"into", first}});
  EXPECT_EQ(merged["incident"]["id"], first);
  EXPECT_EQ(read()["merged_into"], first);
}

TEST_F(IncidentApi, ShowsSeveritiesAndContacts) {
  const auto schemes = host.get(kApi + "/severity")["schemes"];
  EXPECT_EQ(schemes[0]["levels"][0]["name"], "P1");
  EXPECT_EQ(schemes[1]["levels"][0]["resolve_within_seconds"], 3600.0);
  const auto contacts = host.get(kApi + "/contacts");
  const json vendor{{"provider", "云服务商"},
                    {"contact", "技术支持"},
                    {"phone", "+86-400-000-0000"},
                    {"email", "s@example.com"},
                    {"service", "基础设施"}};
  EXPECT_EQ(contacts["vendors"][0], vendor);
  EXPECT_EQ(contacts["hotline"], "+1-555-INCIDENT");
  EXPECT_EQ(contacts["hotline_dialled"], "15554624336")
      << "its letters are one too many to be dialled";
  EXPECT_EQ(contacts["support_mail"], "problems@example.com");
  EXPECT_EQ(contacts["emergency_mail"], "urgent@example.com");
  const json member{{"name", "张三"},
                    {"role", "技术负责人"},
                    {"email", "z@example.com"},
                    {"phone", "+86-138-0000-0001"},
                    {"slack", "@ann"}};
  for (const auto& [name, value] : member.items()) EXPECT_EQ(contacts["team"][0][name], value);
  EXPECT_EQ(contacts["roles"][0]["backup"], "@bob");
}

TEST_F(IncidentApi, DraftsApprovesAndSendsWords) {
  declare();
  const auto preview =
      host.post(kApi + "/texts/incident_notice/zh/preview", {{"incident", id}}, 200);
  EXPECT_NE(preview["body"].get<std::string>().find("联系方式: +86-138-0000-0001"),
            std::string::npos)
      << preview;
  host.post(kApi + "/texts/deployment_start/en/preview", json::object(), 400);
  const auto draft =
      host.post(kApi + "/drafts", {{"text", "user_email"}, {"language", "en"}, {"incident", id}},
                201)["draft"];
  const auto path = kApi + "/drafts/" + draft["id"].get<std::string>();
  host.post(path + "/send", json::object(), 409);
  host.post(path + "/approve", json::object(), 200);
  EXPECT_EQ(host.post(path + "/send", json::object(), 200)["draft"]["receivers"][0], "console");
  EXPECT_EQ(host.get(kApi + "/drafts?incident=" + id)["drafts"].size(), 1U);
}

TEST_F(IncidentApi, CountsAndLooksBack) {
  declare();
  act("ack", {{"by", "ann"}});
  const auto kpi = host.get(kApi + "/kpi?by=service");
  EXPECT_EQ(kpi["groups"][1]["name"], "shop");
  EXPECT_EQ(kpi["groups"][0]["statistics"]["mtta"]["target"], 60.0) << "as configured";
  EXPECT_NE(host.answer("GET", kApi + "/kpi?format=csv").find("total,mtta,1,"), std::string::npos);
  EXPECT_EQ(host.get(kApi + "/review")["incidents"].size(), 1U);
  for (const char* bad :
       {"/kpi?by=colour", "/kpi?rank=9", "/kpi?from=2030-01-01T00:00:00Z", "/review?month=2026-13"})
    EXPECT_NE(host.answer("GET", kApi + bad).find("400"), std::string::npos) << bad;
}

// M14-18: what was up of a day, and how long it took to recover.
TEST_F(IncidentApi, ADaysReportHasTheUptimeAndTheMeanTimeToRecover) {
  const auto begin = host.clock.now();
  declare();
  act("confirm", {{"extent", "all users"}});
  host.executor.run_for(864s);
  act("resolve", {{"text", "over"}});
  const auto end = begin + std::chrono::hours(24);
  const auto group =
      host.get(kApi + "/kpi?from=" + format_time(begin) + "&to=" + format_time(end))["groups"][0];
  EXPECT_NEAR(group["uptime_percent"].get<double>(), 99.0, 0.01) << "all but a hundredth of a day";
  EXPECT_NEAR(group["statistics"]["mttr"]["mean"].get<double>(), 864, 5);
}

// M02-28: on the port where everybody looks for it, what is posted is listed.
TEST(AlertmanagerListener, TakesAlertsOnItsUsualPortAndListsThem) {
  AppHost host(AppHost::Access::kOpen,
               std::string(kHostConfig) + "alerting: { listen: \"127.0.0.1:9093\" }\n");
  auto listeners = AlertListeners::open(
      host.env, *host.plane->alert_desk, host.plane->config.alert_desk, {host.clock.now(), {}},
      [&](net::Request& request) { return host.auth->check(request); }, host.auth->audit());
  ASSERT_TRUE(listeners) << listeners.error().message();
  const auto ask = [&](const std::string& method, const std::string& body) {
    net::ClientRequest request;
    request.method = method;
    request.url = "http://127.0.0.1:9093/api/v2/alerts";
    request.body = body;
    request.headers.set("content-type", "application/json");
    std::optional<Result<net::ClientResponse>> answer;
    host.client->send(std::move(request), [&](auto response) { answer = std::move(response); });
    EXPECT_TRUE(host.run_until([&] { return answer.has_value(); }));
    if (!answer || !*answer) return json(answer ? answer->error().message() : "no answer");
    EXPECT_EQ((*answer)->status, 200) << (*answer)->body;
    return (*answer)->body.empty() ? json() : json::parse((*answer)->body);
  };
  EXPECT_EQ(ask("GET", ""), json::array());
  const json labels{{"alertname", "DiskFull"}, {"severity", "critical"}};
  ask("POST", json::array({{{"labels", labels}}}).dump());
  const auto listed = ask("GET", "");
  ASSERT_EQ(listed.size(), 1U) << listed;
  EXPECT_EQ(listed[0]["labels"], labels);
  EXPECT_EQ(listed[0]["status"]["state"], "active");
}

TEST(IncidentConfig, NamesEveryMistake) {
  SeededRandom random(1);
  SimFileSystem files(random);
  const auto result = parse_config(files, "/h.yaml", R"yaml(
severity_schemes: [ { name: x, levels: [ { name: S1 } ] } ]
working_days: { zone: Mars/Base, weekdays: [moonday], holidays: ["2026-13-40"], begin: "25:00" }
roles: [ { role: commander } ]
war_room: { kind: slack }
words: { receivers: { neighbours: [a] } }
postmortems: { language: fr }
services: [ { name: a, severity_scheme: y } ]
)yaml",
                                   {});
  std::string all;
  for (const auto& finding : result.findings) all += finding.text() + "\n";
  for (const char* part :
       {"four 'levels'", "Mars/Base", "'moonday' is no weekday", "'2026-13-40' is no date",
        "'begin' is '25:00'", "needs 'person'", "one of 'token' and 'token_file'", "'neighbours'",
        "'fr'", "'severity_scheme' is 'y'; allowed: A, B"})
    EXPECT_NE(all.find(part), std::string::npos) << part << "\n" << all;
}

}  // namespace
}  // namespace holdfast::app
