// openapi.json against the handlers: the same routes, and answers made of what is documented.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "app/app_host.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

using nlohmann::json;
constexpr std::string_view kBase = "/api/holdfast/v1";

// Checks a value against the part of JSON Schema that our document uses; each difference is a line.
class SchemaCheck {
 public:
  explicit SchemaCheck(const json& document) : document_(document) {}

  void value(const json& schema, const json& value, const std::string& place) {
    if (schema.contains("$ref"))
      return this->value(
          document_.at(json::json_pointer(schema["$ref"].get<std::string>().substr(1))), value,
          place);
    if (schema.contains("anyOf")) {
      const bool fits = std::ranges::any_of(schema["anyOf"], [&](const json& one) {
        SchemaCheck check(document_);
        check.value(one, value, place);
        return check.differences.empty();
      });
      if (!fits) tell(place, "is " + value.dump() + ", and fits none of " + schema["anyOf"].dump());
      return;
    }
    if (!schema.contains("type")) return;  // any value
    const bool fits =
        schema["type"].is_array()
            ? std::ranges::any_of(schema["type"], [&](const json& type) { return is(value, type); })
            : is(value, schema["type"]);
    if (!fits) return tell(place, "is " + value.dump() + ", not of type " + schema["type"].dump());
    if (schema.contains("enum") && std::ranges::find(schema["enum"], value) == schema["enum"].end())
      tell(place, value.dump() + " is none of " + schema["enum"].dump());
    if (schema.value("format", "") == "date-time" && value.is_string() && !parse_time(value.get<std::string>()))
      tell(place, value.dump() + " is no time");
    if (value.is_array() && schema.contains("items")) {
      for (std::size_t i = 0; i < value.size(); ++i)
        this->value(schema["items"], value[i], place + "[" + std::to_string(i) + "]");
    }
    if (value.is_object()) members(schema, value, place);
  }
  std::string differences;

 private:
  static bool is(const json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    if (type == "boolean") return value.is_boolean();
    return type == "null" && value.is_null();
  }
  void members(const json& schema, const json& value, const std::string& place) {
    const bool is_map = schema.contains("additionalProperties");
    for (const auto& [name, one] : value.items()) {
      if (is_map)
        this->value(schema["additionalProperties"], one, place + "." + name);
      else if (!schema.contains("properties"))
        continue;
      else if (!schema["properties"].contains(name))
        tell(place + "." + name, "is not documented");
      else
        this->value(schema["properties"][name], one, place + "." + name);
    }
  }
  void tell(const std::string& place, const std::string& what) {
    differences += place + ": " + what + "\n";
  }

  const json& document_;
};

class OpenApi : public testing::Test {
 protected:
  explicit OpenApi(const std::string& config = kHostConfig)
      : host(AppHost::Access::kOpen, config), document(host.get("/api/holdfast/v1/openapi.json")) {}

  const json& schema_of(const std::string& path, const std::string& method,
                        const std::string& status) {
    return document["paths"][path][method]["responses"][status]["content"]["application/json"]
                   ["schema"];
  }
  // What was answered is documented down to its leaves.
  void expect_fits(const std::string& path, const json& answer, const std::string& method = "get",
                   const std::string& status = "200") {
    const auto& schema = schema_of(path, method, status);
    ASSERT_FALSE(schema.is_null()) << method << " " << path << " " << status << " has no schema";
    SchemaCheck check(document);
    check.value(schema, answer, path);
    EXPECT_EQ(check.differences, "");
  }
  // As above, and at the top nothing documented is missing.
  void expect_documented(const std::string& path, const json& answer,
                         const std::string& method = "get", const std::string& status = "200") {
    expect_fits(path, answer, method, status);
    const auto& schema = schema_of(path, method, status);
    const auto& top =
        schema.contains("$ref")
            ? document.at(json::json_pointer(schema["$ref"].get<std::string>().substr(1)))
            : schema;
    for (const auto& [name, one] : top["properties"].items())
      EXPECT_TRUE(answer.contains(name)) << path << " has no '" << name << "'";
  }

  AppHost host;
  json document;
};

TEST_F(OpenApi, DocumentsEveryRouteAndNoOther) {
  std::set<std::string> served, documented;
  for (const auto& [method, pattern] : host.router.routes()) {
    if (pattern.starts_with(kBase)) served.insert(method + " " + pattern.substr(kBase.size()));
  }
  for (const auto& [path, methods] : document["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      std::string upper = method;
      for (auto& c : upper) c = static_cast<char>(std::toupper(c));
      documented.insert(upper + " " + path);
      EXPECT_NE(operation.value("summary", ""), "") << upper << " " << path;
      for (std::size_t at = path.find('{'); at != std::string::npos; at = path.find('{', at + 1)) {
        const auto name = path.substr(at + 1, path.find('}', at) - at - 1);
        const auto& parameters = operation["parameters"];
        EXPECT_TRUE(std::ranges::any_of(parameters, [&](const json& p) {
          return p["name"] == name && p["in"] == "path" && p["required"] == true;
        })) << path;
      }
    }
  }
  EXPECT_EQ(served, documented);
  EXPECT_EQ(document["info"]["version"], HOLDFAST_VERSION);
  EXPECT_EQ(document["servers"][0]["url"], kBase);
}

TEST_F(OpenApi, EveryReferenceLeadsSomewhere) {
  std::function<void(const json&)> walk = [&](const json& node) {
    if (node.is_object() && node.contains("$ref")) {
      EXPECT_TRUE(document.contains(json::json_pointer(node["$ref"].get<std::string>().substr(1))))
          << node;
    }
    if (node.is_structured()) {
      for (const auto& child : node) walk(child);
    }
  };
  walk(document);
}

TEST_F(OpenApi, EveryReadIsAnsweredAsDocumented) {
  ASSERT_TRUE(host.run_until_ready());
  host.append("requests", 500);
  const auto incident = host.declare("Checkout is slow").id.value;
  host.post("/api/holdfast/v1/incidents/" + incident + "/ack", {{"by", "ann"}}, 200);
  // A death, healed: a fault and a remedy to show.
  host.processes.crash("shop/1/0", 9);
  ASSERT_TRUE(host.run_until([&] {
    return !host.plane->healer->remedies().empty() && host.plane->healer->remedies()[0].verified_at;
  }));
  for (const char* path :
       {"/session", "/overview", "/services", "/incidents", "/alerts", "/faults", "/remedies",
        "/notifications", "/drills", "/automation", "/journal", "/config/status"}) {
    expect_documented(path, host.get(std::string(kBase) + path));
  }
  expect_documented("/services/{name}", host.get("/api/holdfast/v1/services/shop"));
  expect_documented("/incidents/{id}", host.get("/api/holdfast/v1/incidents/" + incident));
  for (const char* list : {"faults", "remedies", "notifications", "alerts"}) {
    EXPECT_FALSE(host.get(std::string(kBase) + "/" + list)[list].empty())
        << list << ": an empty list proves little";
  }
}

TEST_F(OpenApi, EveryChangeIsAnsweredAsDocumented) {
  ASSERT_TRUE(host.run_until_ready());
  const auto incident = "/api/holdfast/v1/incidents/" + host.declare("Checkout is slow").id.value;
  const auto change = [&](const std::string& path, const std::string& target, const json& body,
                          const char* status) {
    expect_documented(path, host.post(target, body, static_cast<int>(*parse_int(status))), "post",
                      status);
  };
  change("/incidents/{id}/severity", incident + "/severity", {{"rank", 1}}, "200");
  change("/incidents/{id}/ack", incident + "/ack", {{"by", "ann"}}, "200");
  change("/incidents/{id}/note", incident + "/note", {{"text", "seen"}}, "200");
  change("/incidents/{id}/mitigate", incident + "/mitigate", json::object(), "200");
  change("/incidents/{id}/resolve", incident + "/resolve", {{"text", "over"}}, "200");
  change("/automation", "/api/holdfast/v1/automation",
         {{"stopped", true}, {"reason", "maintenance"}}, "200");
  change("/automation", "/api/holdfast/v1/automation", {{"stopped", false}}, "200");
  change("/config/reload", "/api/holdfast/v1/config/reload", json::object(), "200");
  change("/services/{name}/restart", "/api/holdfast/v1/services/shop/restart", json::object(),
         "202");
  change("/services/{name}/scale", "/api/holdfast/v1/services/shop/scale", {{"replicas", 3}},
         "202");
  change("/services/{name}/canary", "/api/holdfast/v1/services/shop/canary",
         {{"version", "2"}, {"replicas", 1}, {"percent", 0}}, "202");
  change("/services/{name}/traffic", "/api/holdfast/v1/services/shop/traffic",
         {{"canary_percent", 0}}, "202");
  change("/services/{name}/canary/stop", "/api/holdfast/v1/services/shop/canary/stop",
         json::object(), "202");
  for (const char* verb : {"flush", "compact"})
    host.post(std::string(kBase) + "/storage/" + verb, json::object(), 204);
}

TEST_F(OpenApi, ADrillIsAnsweredAsDocumentedFromItsStartToItsEnd) {
  ASSERT_TRUE(host.run_until_ready());
  const auto started =
      host.post("/api/holdfast/v1/drills", {{"name", "process_crash"}, {"service", "shop"}}, 202);
  expect_documented("/drills", started, "post", "202");
  expect_documented("/drills", host.get("/api/holdfast/v1/drills"));
  const auto id = started["drill"]["id"].get<std::string>();
  expect_documented("/drills/{id}/abort",
                    host.post("/api/holdfast/v1/drills/" + id + "/abort", json::object(), 200),
                    "post", "200");
}

constexpr const char* kPeople = R"yaml(
people:
  - { id: ann, name: Ann, methods: [ { kind: webhook, target: "http://127.0.0.1:9/ann" } ] }
  - { id: bob, name: Bob, methods: [ { kind: webhook, target: "http://127.0.0.1:9/bob" } ] }
schedules:
  - name: ops
    roles: [primary]
    layers: [ { turn: weekly, start: 2026-01-05 09:00, until: 2027-01-20 09:00, users: [ann, bob] } ]
escalation_policies:
  - { name: all, steps: [ { notify: [schedule:ops/primary], wait: 5m }, { notify: [bob] } ] }
intake:
  integrations:
    - { name: vendor, kind: json, key: 0123456789abcdef, mapping: { key: "{id}", summary: "{text}", status: state, resolved: [ok] } }
  heartbeats: [ { name: backup, key: 0123456789abcdef, service: shop } ]
status_page: { title: Status, url: "https://status.example.com" }
)yaml";

class OpenApiOfPeople : public OpenApi {
 protected:
  OpenApiOfPeople() : OpenApi(std::string(kHostConfig) + kPeople) {}

  json reads(const std::string& path, const std::string& target) {
    auto answer = host.get(std::string(kBase) + target);
    expect_fits(path, answer);
    return answer;
  }
  json reads(const std::string& path) { return reads(path, path); }
  json changes(const std::string& path, const std::string& target, const json& body, int status) {
    auto answer = host.post(std::string(kBase) + target, body, status);
    expect_fits(path, answer, "post", std::to_string(status));
    return answer;
  }
};

TEST_F(OpenApiOfPeople, RoutingIsAnsweredAsDocumented) {
  const json alert{{"labels", {{"alertname", "Slow"}, {"service", "shop"}}}};
  ASSERT_EQ(host.ask("POST", "/api/v2/alerts", json::array({alert}).dump()).status, 200);
  const auto groups = reads("/routing/groups")["groups"];
  ASSERT_EQ(groups.size(), 1U);
  const auto key = groups[0]["key"].get<std::string>();
  EXPECT_EQ(groups[0]["alerts"].size(), 1U);
  EXPECT_EQ(changes("/routing/explain", "/routing/explain", alert, 200)["targets"].size(), 1U);
  changes("/routing/acknowledge", "/routing/acknowledge", {{"group_key", key}, {"comment", "seen"}}, 200);
  changes("/routing/withdraw", "/routing/withdraw", {{"key", key}}, 200);
  const json silence{{"matchers", {{{"name", "alertname"}, {"value", "Slow"}, {"isRegex", false}}}},
                     {"startsAt", "2027-01-15T00:00:00Z"}, {"endsAt", "2027-03-15T00:00:00Z"}, {"createdBy", "ann"},
                     {"comment", "works"},
                     {"recurrence", {{"rrule", "FREQ=DAILY"}, {"duration", "23h"}}}};
  const auto preview = changes("/routing/silences/preview", "/routing/silences/preview", silence, 200);
  EXPECT_FALSE(preview["occurrences"].empty());
  auto unsigned_silence = silence;
  unsigned_silence["createdBy"] = "";
  ASSERT_EQ(host.ask("POST", "/api/v2/silences", unsigned_silence.dump()).status, 200);
  EXPECT_EQ(host.get("/api/v2/silences")[0]["createdBy"], "local") << "who asks has made it";
  unsigned_silence["endsAt"] = "2027-01-14T00:00:00Z";
  ASSERT_EQ(host.ask("POST", "/api/v2/silences", unsigned_silence.dump()).status, 400);
  const auto refused = host.get(std::string(kBase) + "/audit?action=silence.set&limit=1")["records"][0];
  EXPECT_EQ(refused["result"], "failed: Failed to create silence: start time must be before end time");
  const auto drill = changes("/routing/drills", "/routing/drills", {{"receiver", "nobody"}, {"note", "hello"}}, 201);
  EXPECT_FALSE(reads("/routing/drills")["drills"].empty());
  changes("/routing/drills/{id}/ack", "/routing/drills/" + drill["id"].get<std::string>() + "/ack", json::object(), 200);
  EXPECT_FALSE(reads("/routing/history")["items"].empty());
  reads("/routing/held");
}

TEST_F(OpenApiOfPeople, EventsAndChangesAreAnsweredAsDocumented) {
  const auto taken = changes("/intake/{name}", "/intake/vendor?key=0123456789abcdef",
                             {{"id", 17}, {"text", "no current"}, {"state", "open"}}, 202);
  EXPECT_EQ(taken["keys"], json::array({"17"}));
  EXPECT_EQ(reads("/intake")["events"].size(), 1U);
  changes("/heartbeats/{name}", "/heartbeats/backup?key=0123456789abcdef", json::object(), 200);
  EXPECT_EQ(reads("/heartbeats")["heartbeats"].size(), 1U);
  changes("/changes", "/changes", {{"service", "shop"}, {"summary", "shop 2.4"}}, 201);
  EXPECT_EQ(reads("/changes")["changes"].size(), 1U);
}

TEST_F(OpenApiOfPeople, TheStatusPageIsAnsweredAsDocumented) {
  const json words{{"name", "Slow"}, {"status", "investigating"}, {"body", "We look."},
                   {"components", {{"shop", "degraded_performance"}}}};
  const auto post = "/status-page/posts/" + changes("/status-page/posts", "/status-page/posts", words, 201)["id"].get<std::string>();
  EXPECT_EQ(reads("/status-page")["posts"].size(), 1U);
  changes("/status-page/posts/{id}/publish", post + "/publish", {{"status", "identified"}, {"body", "Found."}}, 200);
  EXPECT_FALSE(reads("/status-page/posts/{id}", post)["updates"].empty());
  const auto second = changes("/status-page/posts", "/status-page/posts", words, 201)["id"].get<std::string>();
  const auto dropped = host.ask("DELETE", std::string(kBase) + "/status-page/posts/" + second + "/draft");
  EXPECT_EQ(dropped.status, 200) << dropped.body;
  expect_fits("/status-page/posts/{id}/draft", json::parse(dropped.body), "delete");
  reads("/status-page/subscribers");
}

TEST_F(OpenApiOfPeople, OnCallIsAnsweredAsDocumented) {
  const auto incident = host.declare("Checkout is slow").id.value;
  EXPECT_FALSE(reads("/oncall/now")["on_call"][0]["people"].empty());
  const auto schedule = reads("/oncall/schedules")["schedules"][0];
  EXPECT_FALSE(schedule["gaps"].empty()) << "the layer ends";
  EXPECT_FALSE(reads("/oncall/schedules/{name}/shifts", "/oncall/schedules/ops/shifts")["shifts"].empty());
  EXPECT_FALSE(reads("/oncall/reachability")["findings"].empty());
  ASSERT_TRUE(host.run_until([&] { return !host.plane->oncall->escalations.active().empty(); }));
  EXPECT_FALSE(reads("/oncall/escalations")["escalations"].empty());
  const auto escalation = "/oncall/escalations/" + incident;
  changes("/oncall/escalations/{id}/ask", escalation + "/ask", {{"target", "bob"}}, 200);
  changes("/oncall/escalations/{id}/escalate", escalation + "/escalate", json::object(), 200);
  EXPECT_FALSE(reads("/oncall/escalations/{id}", escalation)["escalation"]["pages"].empty());
  host.post(std::string(kBase) + "/incidents/" + incident + "/ack", {{"by", "bob"}}, 200);
  changes("/oncall/escalations/{id}/confirm", escalation + "/confirm", json::object(), 200);
  const json span{{"schedule", "ops"}, {"from", "2027-01-16T00:00:00Z"}, {"to", "2027-01-17T00:00:00Z"}};
  auto body = span;
  body["users"] = {"bob"};
  const auto made = changes("/oncall/overrides", "/oncall/overrides", body, 201)["override"]["id"].get<std::string>();
  body = span;
  body["person"] = "ann";
  body["from"] = "2027-01-18T00:00:00Z";
  body["to"] = "2027-01-19T00:00:00Z";
  const auto swap = changes("/oncall/swaps", "/oncall/swaps", body, 201)["swap"]["id"].get<std::string>();
  changes("/oncall/swaps/{id}/take", "/oncall/swaps/" + swap + "/take", {{"taker", "bob"}}, 200);
  EXPECT_EQ(reads("/oncall/changes")["overrides"].size(), 1U);
  changes("/oncall/changes/{id}/remove", "/oncall/changes/" + made + "/remove", json::object(), 200);
  changes("/oncall/test-page", "/oncall/test-page", {{"person", "ann"}}, 202);
  for (const char* calendar : {"/oncall/schedules/ops/calendar.ics", "/oncall/people/ann/calendar.ics"})
    EXPECT_TRUE(host.ask("GET", std::string(kBase) + calendar).body.starts_with("BEGIN:VCALENDAR")) << calendar;
}

TEST_F(OpenApiOfPeople, WhoMayDoWhatIsAnsweredAsDocumented) {
  changes("/users", "/users", {{"id", "eve"}, {"role", "viewer"}, {"grants", {{{"role", "operator"}, {"services", {"shop"}}}}}}, 201);
  changes("/tokens", "/tokens", {{"name", "ci"}, {"scopes", {"read"}}, {"expires_in", "90d"}}, 201);
  for (const char* path : {"/users", "/tokens", "/sessions", "/audit", "/severity", "/contacts", "/texts", "/drafts",
                           "/postmortems", "/kpi", "/review"})
    reads(path);
  EXPECT_FALSE(reads("/audit")["records"].empty());
}

TEST_F(OpenApi, ARefusalIsAnsweredAsDocumented) {
  SchemaCheck check(document);
  check.value(document["components"]["schemas"]["Error"],
              host.post("/api/holdfast/v1/services/nosuch/restart", json::object(), 404), "error");
  host.write(AppHost::kConfigPath, "- a\n");
  check.value(document["components"]["schemas"]["Error"],
              host.post("/api/holdfast/v1/config/reload", json::object(), 400), "error");
  EXPECT_EQ(check.differences, "");
}

}  // namespace
}  // namespace holdfast::app
