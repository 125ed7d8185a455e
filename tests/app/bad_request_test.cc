// Calls that ask for what is not, each with the exact answer, over the whole stack from the socket to the control plane.
#include <gtest/gtest.h>

#include <sstream>

#include "app/app_host.h"
#include "app/case_file.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

// "METHOD target", lines "Field: value", an empty line, the body.
struct Call {
  std::string method, target, body;
  AppHost::Fields fields;
};

Call call_of(const std::string& text) {
  Call call;
  std::istringstream in(text);
  std::string line;
  std::getline(in, line);
  const auto space = line.find(' ');
  call.method = line.substr(0, space);
  call.target = line.substr(space + 1);
  while (std::getline(in, line) && !line.empty()) {
    const auto colon = line.find(": ");
    call.fields.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  while (std::getline(in, line)) call.body += (call.body.empty() ? "" : "\n") + line;
  return call;
}

TEST(BadRequest, IsAnsweredExactlyAndChangesNothing) {
  AppHost host;
  ASSERT_TRUE(host.run_until_ready());
  host.append("requests", 1, model::Labels{{"service", "shop"}});
  host.append("requests", 2, model::Labels{{"service", "bank"}});
  host.declare("Checkout is slow");
  const auto resolved = host.declare("It was slow");
  host.post("/api/holdfast/v1/incidents/" + resolved.id.value + "/resolve", {{"text", "over"}},
            200);
  const auto incidents = host.get("/api/holdfast/v1/incidents");
  const auto wanted = host.plane->conductor->wanted("shop");
  const auto count = run_case_file("bad_request.txt", [&](const TextCase& one) {
    const auto call = call_of(one.bytes());
    const auto response = host.ask(call.method, call.target, call.body, call.fields);
    EXPECT_GE(response.status, 400) << one.name << " was answered with " << response.body;
    EXPECT_LT(response.status, 500) << one.name;
    EXPECT_TRUE(is_valid_utf8(response.body)) << one.name;
    return std::to_string(response.status) + " " + response.body;
  });
  EXPECT_GE(count, 50U);
  host.executor.run_for(5s);
  EXPECT_EQ(host.get("/api/holdfast/v1/incidents"), incidents);
  EXPECT_EQ(host.plane->conductor->wanted("shop").size(), wanted.size());
  EXPECT_FALSE(host.plane->healer->automation().stopped);
  EXPECT_EQ(host.plane->drills->active(), nullptr);
}

TEST(BadRequest, WithoutATokenNothingIsTold) {
  AppHost host(AppHost::Access::kGuarded);
  const auto count = run_case_file("unauthorized.txt", [&](const TextCase& one) {
    const auto call = call_of(one.bytes());
    return host.answer(call.method, call.target, call.body, call.fields);
  });
  EXPECT_GE(count, 8U);
}

// The ends of time are good timestamps: arithmetic on them must not wrap.
TEST(BadRequest, TheEndsOfTimeHarmNothing) {
  AppHost host;
  host.append("requests", 1);
  for (const char* query :
       {"requests", "requests[5m]", "rate(requests[5m])", "requests%20offset%201y",
        "requests%20offset%20-1y", "requests%20@%201e15", "max_over_time(requests[1h:1m])",
        "requests%20@%20end()", "time()", "timestamp(requests)", "year()"}) {
    for (const char* time : {"-9200000000000000", "9200000000000000", "0", "-1"}) {
      const auto at = std::string(time);
      EXPECT_LT(host.ask("GET", std::string("/api/v1/query?query=") + query + "&time=" + at).status,
                500)
          << query << " at " << at;
      EXPECT_LT(host.ask("GET", std::string("/api/v1/query_range?query=") + query +
                                    "&step=1&start=" + at + "&end=" + at)
                    .status,
                500)
          << query << " at " << at;
    }
  }
  for (const char* path :
       {"/api/v1/series?match[]=requests&", "/api/v1/labels?", "/api/v1/label/a/values?"}) {
    EXPECT_EQ(
        host.ask("GET", std::string(path) + "start=-9200000000000000&end=9200000000000000").status,
        200)
        << path;
  }
}

TEST(BadRequest, ATextOfTenThousandBytesIsTheMost) {
  AppHost host;
  const auto incident = host.declare("Checkout is slow");
  const auto path = "/api/holdfast/v1/incidents/" + incident.id.value + "/note";
  host.post(path, {{"text", std::string(10'000, 'x')}}, 200);
  const auto refused = host.post(path, {{"text", std::string(10'001, 'x')}}, 413);
  EXPECT_EQ(refused["error"]["message"], "'text' has more than 10000 bytes");
}

TEST(BadRequest, ADeeplyNestedBodyIsRefusedLikeAnyOther) {
  AppHost host;
  const std::string deep(200'000, '[');
  EXPECT_EQ(host.answer("POST", "/api/holdfast/v1/drills", deep),
            R"(400 {"error":{"code":"invalid","message":"the body is not JSON"}})");
  EXPECT_EQ(host.answer("POST", "/api/holdfast/v1/drills", deep + std::string(deep.size(), ']')),
            R"(400 {"error":{"code":"invalid","message":"the body must be a JSON object"}})");
}

TEST(BadReload, KeepsWhatRunsAndTellsEveryMistake) {
  AppHost host;
  host.write(AppHost::kConfigPath, "services:\n- name: Shop\n- name: bank\n  tier: gold\n");
  const auto refused = host.post("/api/holdfast/v1/config/reload", nlohmann::json::object(), 400);
  EXPECT_EQ(refused["error"]["message"], "the configuration was refused; the old one stays");
  EXPECT_EQ(
      refused["findings"],
      (nlohmann::json{
          "/etc/holdfast.yaml:2:9: service name 'Shop'; allowed: lower-case letters, digits and -, "
          "beginning with a letter",
          "/etc/holdfast.yaml:4:9: 'tier' is 'gold'; allowed: critical, standard, best_effort"}));
  EXPECT_EQ(host.get("/api/holdfast/v1/config/status")["errors"], refused["findings"]);
  EXPECT_EQ(host.get("/api/holdfast/v1/services")["services"].size(), 2U);
  host.write(AppHost::kConfigPath, kHostConfig);
  EXPECT_EQ(host.post("/api/holdfast/v1/config/reload", nlohmann::json::object(), 200)["ok"], true);
  EXPECT_EQ(host.get("/api/holdfast/v1/config/status")["errors"].size(), 0U);
}

TEST(Audit, EveryChangeLeavesWhoWhatAndHowItWent) {
  AppHost host;
  ASSERT_TRUE(host.run_until_ready());
  const auto incident = host.declare("Checkout is slow").id.value;
  host.post("/api/holdfast/v1/incidents/" + incident + "/ack", {{"by", "ann"}}, 200);
  host.post("/api/holdfast/v1/incidents/" + incident + "/resolve",
            {{"by", "ann"}, {"text", "over"}}, 200);
  host.post("/api/holdfast/v1/incidents/" + incident + "/note", {{"text", "late"}}, 409);
  host.post("/api/holdfast/v1/automation", {{"stopped", true}, {"reason", "maintenance"}}, 200);
  host.post("/api/holdfast/v1/services/shop/restart", {{"target", "shop/1/0"}}, 202);
  host.executor.run_for(30s);
  std::vector<std::string> records;
  const auto journal = host.get("/api/holdfast/v1/journal?topic=audit");
  for (const auto& entry : journal["entries"]) {
    const auto& body = entry["body"];
    records.push_back(body["actor"].get<std::string>() + " " + body["action"].get<std::string>() +
                      " " + body["resource"].get<std::string>() + ": " +
                      body["result"].get<std::string>());
  }
  EXPECT_EQ(records, (std::vector<std::string>{
                         "local incident.ack " + incident + ": ok",
                         "local incident.resolve " + incident + ": ok",
                         "local incident.note " + incident + ": failed: incident " + incident +
                             " is resolved: it cannot be changed any more",
                         "local automation.set automation stopped: ok",
                         "local service.restart shop: accepted",
                         "local service.restart shop: ok",
                     }));
}

}  // namespace
}  // namespace holdfast::app
