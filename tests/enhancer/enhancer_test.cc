#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "base/sim.h"
#include "base/text.h"
#include "enhancer/service.h"

namespace enhancer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class EnhancerTest : public ::testing::Test {
 protected:
  EnhancerTest() {
    ServiceOptions options;
    options.version = "5.1";
    options.instance = "2";
    options.crash = [this] { crashed = true; };
    service.emplace(service_env, options);
    server.emplace(service_env, service->routes());
    admin.emplace(service_env, service->admin_routes());
    EXPECT_TRUE(server->listen({"service", 80, ""}));
    EXPECT_TRUE(admin->listen({"service", 81, ""}));
    executor.run_for(1s);
  }

  Result<net::ClientResponse> ask(const std::string& method, const std::string& url, const std::string& body = "") {
    std::optional<Result<net::ClientResponse>> answer;
    net::ClientRequest request;
    request.method = method;
    request.url = "http://service" + url;
    request.body = body;
    request.timeout = 2s;
    client.send(std::move(request), [&](Result<net::ClientResponse> got) { answer.emplace(std::move(got)); });
    executor.run_until([&] { return answer.has_value(); }, 5s);
    return answer.value_or(Result<net::ClientResponse>(unavailable("no answer at all")));
  }
  int status(const std::string& method, const std::string& url, const std::string& body = "") {
    const auto answer = ask(method, url, body);
    return answer ? answer->status : 0;
  }
  double metric(const std::string& path, const std::string& series) {
    const auto answer = ask("GET", ":80" + path);
    if (!answer) return -1;
    const auto at = ("\n" + answer->body).find("\n" + series + " ");
    if (at == std::string::npos) return -1;
    const auto begin = at + series.size() + 1;
    return parse_double(answer->body.substr(begin, answer->body.find('\n', begin) - begin)).value_or(-1);
  }

  SimClock clock;
  SimExecutor executor{clock};
  SeededRandom random{5};
  SimFileSystem files{random};
  SimNetwork network{executor, random};
  Env env{clock, random, files, network.host("drill"), executor};
  Env service_env{clock, random, files, network.host("service"), executor};
  net::Client client{env};
  bool crashed = false;
  std::optional<Service> service;
  std::optional<net::Server> server;
  std::optional<net::Server> admin;
};

TEST_F(EnhancerTest, AnswersEveryHealthPath) {
  for (const char* path : {"/health", "/health/live", "/health/ready", "/health/startup", "/ready", "/readyz"}) {
    const auto answer = ask("GET", std::string(":80") + path);
    ASSERT_TRUE(answer) << path;
    EXPECT_EQ(answer->status, 200) << path;
    EXPECT_EQ(nlohmann::json::parse(answer->body)["version"], "5.1") << path;
  }
  service->drain();
  EXPECT_EQ(status("GET", ":80/health/ready"), 503);
  EXPECT_EQ(status("GET", ":80/readyz"), 503);
  EXPECT_EQ(status("GET", ":80/health/live"), 200);
  EXPECT_EQ(status("GET", ":80/api/v1/inference"), 200) << "a draining instance still answers";
}

TEST_F(EnhancerTest, InferenceTakesItsTimeAndIsCounted) {
  const auto begun = clock.mono();
  const auto answer = ask("POST", ":80/api/v1/inference", "a text to judge");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_GE(clock.mono() - begun, 5ms);
  EXPECT_LT(clock.mono() - begun, 40ms);
  const auto body = nlohmann::json::parse(answer->body);
  EXPECT_EQ(body["instance"], "2");
  EXPECT_GT(body["score"].get<double>(), 0);
  EXPECT_LT(body["score"].get<double>(), 1);
  EXPECT_EQ(nlohmann::json::parse(ask("POST", ":80/api/v1/inference", "a text to judge")->body)["score"], body["score"]);
  EXPECT_EQ(metric("/metrics", "http_requests_total{endpoint=\"/api/v1/inference\",method=\"POST\",status=\"200\",version=\"5.1\"}"), 2);
  EXPECT_EQ(metric("/metrics", "claude_api_requests_total{endpoint=\"/api/v1/inference\",method=\"POST\",status_code=\"200\"}"), 2);
  EXPECT_EQ(metric("/metrics", "http_request_duration_seconds_count{version=\"5.1\"}"), 2);
  EXPECT_EQ(metric("/metrics", "claude_model_inference_latency_bucket{input_size=\"small\",model_name=\"enhancer\",le=\"0.05\"}"), 2);
  EXPECT_GT(metric("/metrics", "process_resident_memory_bytes"), 1e6);
  EXPECT_GE(metric("/metrics", "process_cpu_seconds_total"), 0);
}

TEST_F(EnhancerTest, ErrorCountersStandAtZeroBeforeTheFirstError) {
  EXPECT_EQ(metric("/metrics", "http_requests_total{endpoint=\"/api/v1/inference\",method=\"GET\",status=\"500\",version=\"5.1\"}"), 0);
}

TEST_F(EnhancerTest, ShowsSixtyOneAgentsAndEightPhases) {
  EXPECT_EQ(metric("/metrics/agents", "claude_enhancer_agents_active_total"), 61);
  EXPECT_EQ(metric("/metrics/agents", "claude_enhancer_agent_up{agent=\"agent-61\"}"), 1);
  double active = 0;
  for (int i = 0; i < 8; ++i) {
    active += metric("/metrics/workflow", "claude_enhancer_workflow_phase_active_total{phase=\"P" + std::to_string(i) + "\"}");
  }
  EXPECT_EQ(active, 4);
  executor.run_for(60s);
  EXPECT_GT(metric("/metrics/workflow", "claude_enhancer_workflow_total"), 5);
  EXPECT_EQ(metric("/metrics/workflow", "claude_enhancer_workflow_total"),
            metric("/metrics/workflow", "claude_enhancer_workflow_success_total"));
}

TEST_F(EnhancerTest, ErrorsHitExactlyTheirShareAndEndByThemselves) {
  ASSERT_EQ(status("POST", ":81/fault", R"({"kind":"errors","share":0.5,"ttl_s":30})"), 202);
  int errors = 0;
  for (int i = 0; i < 100; ++i) errors += status("GET", ":80/api/v1/inference") == 500;
  EXPECT_EQ(errors, 50);
  EXPECT_EQ(status("GET", ":80/health/ready"), 200);
  executor.run_for(31s);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(status("GET", ":80/api/v1/inference"), 200);
  EXPECT_EQ(ask("GET", ":81/fault")->body, R"({"faults":[]})");
}

TEST_F(EnhancerTest, LatencyIsAddedUntilItIsTakenBack) {
  ASSERT_EQ(status("POST", ":81/fault", R"({"kind":"latency","latency_ms":800})"), 202);
  auto begun = clock.mono();
  EXPECT_EQ(status("GET", ":80/api/v1/inference"), 200);
  EXPECT_GE(clock.mono() - begun, 800ms);
  EXPECT_EQ(status("DELETE", ":81/fault"), 200);
  begun = clock.mono();
  EXPECT_EQ(status("GET", ":80/api/v1/inference"), 200);
  EXPECT_LT(clock.mono() - begun, 100ms);
}

TEST_F(EnhancerTest, AHangSilencesEverythingButTheAdminPortAndEnds) {
  ASSERT_EQ(status("POST", ":81/fault", R"({"kind":"hang","ttl_s":20})"), 202);
  for (const char* path : {"/health/live", "/metrics", "/api/v1/inference"}) {
    EXPECT_EQ(status("GET", std::string(":80") + path), 0) << path;
  }
  EXPECT_TRUE(service->hanging());
  EXPECT_THAT(ask("GET", ":81/fault")->body, HasSubstr("\"hang\""));
  executor.run_for(20s);
  EXPECT_EQ(status("GET", ":80/health/live"), 200);
}

TEST_F(EnhancerTest, ALeakIsResidentBoundedAndGivenBack) {
  ASSERT_EQ(status("POST", ":81/fault", R"({"kind":"leak","rate_mib":20,"ttl_s":10})"), 202);
  executor.run_for(2s);
  const auto leaked = nlohmann::json::parse(ask("GET", ":81/fault")->body)["faults"][0]["leaked_mib"].get<int>();
  EXPECT_GE(leaked, 38);
  EXPECT_LE(leaked, 60);
  EXPECT_EQ(status("DELETE", ":81/fault"), 200);
  LeakedMemory memory;
  memory.grow_to(3);
  EXPECT_EQ(memory.mib(), 3u);
  memory.release();
  EXPECT_EQ(memory.mib(), 0u);
}

TEST_F(EnhancerTest, ACrashIsAnsweredFirst) {
  EXPECT_EQ(status("POST", ":81/fault", R"({"kind":"crash"})"), 202);
  executor.run_for(100ms);
  EXPECT_TRUE(crashed);
}

TEST_F(EnhancerTest, AgentsFailAndRecover) {
  ASSERT_EQ(status("POST", ":81/fault", R"({"kind":"agents","share":0.2,"ttl_s":10})"), 202);
  executor.run_for(1s);
  EXPECT_EQ(metric("/metrics/agents", "claude_enhancer_agents_active_total"), 61 - 13);
  EXPECT_EQ(metric("/metrics/agents", "claude_enhancer_agent_up{agent=\"agent-01\"}"), 0);
  EXPECT_EQ(metric("/metrics/agents", "claude_enhancer_agent_failures_total"), 13);
  executor.run_for(10s);
  EXPECT_EQ(metric("/metrics/agents", "claude_enhancer_agents_active_total"), 61);
  EXPECT_EQ(metric("/metrics/agents", "claude_enhancer_agent_failures_total"), 13);
}

TEST_F(EnhancerTest, AStuckPhaseGrowsOld) {
  const auto oldest = [&] {
    double found = 0;
    for (int i = 0; i < 8; ++i) {
      found = std::max(found, metric("/metrics/workflow", "claude_enhancer_workflow_phase_duration_seconds{phase=\"P" +
                                                              std::to_string(i) + "\"}"));
    }
    return found;
  };
  executor.run_for(7s);
  EXPECT_LE(oldest(), 2.5);
  ASSERT_EQ(status("POST", ":81/fault", R"({"kind":"stuck_phase","ttl_s":30})"), 202);
  executor.run_for(20s);
  EXPECT_GE(oldest(), 20);
  executor.run_for(15s);
  EXPECT_LE(oldest(), 3);
}

TEST_F(EnhancerTest, BadFaultsAreRefusedWithTheReason) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "the body is not a JSON object"},
      {"[]", "the body is not a JSON object"},
      {"{}", "kind is missing: one of errors, latency, leak, crash, hang, agents, stuck_phase"},
      {R"({"kind":"fire"})", "is none of errors"},
      {R"({"kind":"errors","share":0})", "share must be a number from 0.001 to 1"},
      {R"({"kind":"errors","share":"all"})", "share must be a number from 0.001 to 1"},
      {R"({"kind":"errors","ttl_s":100000})", "ttl_s must be a number from 1 to 3600"},
      {R"({"kind":"leak","rate_mib":-1})", "rate_mib must be a number from 0.1 to 512"},
      {R"({"kind":"latency","latency_ms":1e9})", "latency_ms must be a number from 1 to 60000"},
  };
  for (const auto& [body, message] : cases) {
    const auto answer = ask("POST", ":81/fault", body);
    ASSERT_TRUE(answer) << body;
    EXPECT_EQ(answer->status, 400) << body;
    EXPECT_EQ(nlohmann::json::parse(answer->body)["error"]["code"], "invalid") << body;
    EXPECT_THAT(nlohmann::json::parse(answer->body)["error"]["message"].get<std::string>(), HasSubstr(message)) << body;
  }
  EXPECT_EQ(ask("GET", ":81/fault")->body, R"({"faults":[]})");
}

}  // namespace
}  // namespace enhancer
