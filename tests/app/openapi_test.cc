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
    if (schema.value("format", "") == "date-time" && !parse_time(value.get<std::string>()))
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
  OpenApi() : document(host.get("/api/holdfast/v1/openapi.json")) {}

  const json& schema_of(const std::string& path, const std::string& method,
                        const std::string& status) {
    return document["paths"][path][method]["responses"][status]["content"]["application/json"]
                   ["schema"];
  }
  // What was answered is documented down to its leaves, and at the top nothing documented is missing.
  void expect_documented(const std::string& path, const json& answer,
                         const std::string& method = "get", const std::string& status = "200") {
    const auto& schema = schema_of(path, method, status);
    SchemaCheck check(document);
    check.value(schema, answer, path);
    EXPECT_EQ(check.differences, "");
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
