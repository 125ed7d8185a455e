// Business metrics: declared, fed by HTTP, StatsD, log lines and spans, shown and stored.
#include "collect/business/business.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/sim.h"
#include "collect/business/distinct.h"
#include "collect/business/log_follow.h"
#include "collect/business/statsd.h"
#include "net/udp.h"

namespace holdfast::collect {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kDeclared = R"(
business_metrics:
- { name: requests_total, type: counter, help: Requests, help_zh: 请求, labels: [endpoint, { name: method, values: [GET, POST], default: GET }], series_max: 2 }
- { metric_name: accuracy, metric_type: gauge, description: AI accuracy, labels: [model] }
- { name: latency, type: histogram, labels: [model], buckets: [0.1, 1, 10] }
- { name: active_users, type: distinct, window: 1m, exact_max: 100 }
business:
  spans:
  - { service: api, name: 'infer.*', metric: latency, value: duration, labels: { model: '${model.name}' } }
  statsd:
    listen: 127.0.0.1:0
    prefix: app.
    mappings: [{ match: 'api.*.*', metric: requests_total, labels: { endpoint: $1, method: $2 } }]
)";

BusinessOptions declared(const std::string& yaml = kDeclared) {
  auto file = parse_business("b.yml", yaml);
  EXPECT_TRUE(file.findings.empty()) << (file.findings.empty() ? "" : file.findings[0].text());
  return std::move(file.options);
}

std::string shown(BusinessRegistry& registry) {
  TextExposition text;
  registry.write(text);
  return text.take();
}

BusinessEvent event(std::string metric, double value, std::vector<model::Label> labels = {},
                    std::string id = {}) {
  return {std::move(metric), value, BusinessEvent::Operation::kDefault, 1, std::move(id),
          std::move(labels)};
}

TEST(BusinessDeclaration, MistakesAreAllToldWithTheirPlaces) {
  for (const auto& [yaml, said] : std::vector<std::pair<std::string, std::string>>{
           {"business_metrics: [{ name: 1x }]", "b.yml:1:28: '1x' is no metric name"},
           {"business_metrics: [{ name: a }, { name: a }]", "metric a is declared twice"},
           {"business_metrics: [{ name: a, type: count }]", "counter"},
           {"business_metrics: [{ name: a, labels: [le] }]", "'le' cannot be a label's name"},
           {"business_metrics: [{ name: a, labels: [x, x] }]", "stands twice"},
           {"business_metrics: [{ name: a, labels: [{ name: x, values: [a], default: b }] }]",
            "not among the values"},
           {"business_metrics: [{ name: a, buckets: [1] }]", "for type histogram only"},
           {"business_metrics: [{ name: a, type: histogram, buckets: [2, 1] }]", "must ascend"},
           {"business_metrics: [{ name: a, window: 1m }]", "for type distinct only"},
           {"business_metrics: [{ name: a, bucket: [1] }]", "bucket"},
           {"business_metrics: [{ name: abc }]\nbusiness: { logs: [{ path: /l, pattern: '(', "
            "metric: abc }] }",
            "cannot be used"},
           {"business_metrics: [{ name: abc }]\nbusiness: { logs: [{ path: /l, pattern: x, metric: "
            "abd }] }",
            "did you mean abc?"},
           {"business: { statsd: { listen: nowhere:99999999 } }", "b.yml:1:31"}}) {
    const auto file = parse_business("b.yml", yaml);
    ASSERT_FALSE(file.findings.empty()) << yaml;
    std::string all;
    for (const auto& finding : file.findings) all += finding.text() + "\n";
    EXPECT_THAT(all, HasSubstr(said)) << yaml;
  }
}

TEST(BusinessDeclaration, TheMissionsOwnSpellingIsUnderstood) {
  const auto options = declared(R"(
custom_exporters:
  claude_business_metrics:
    enabled: true
    port: 8081
    business_metrics:
    - { metric_name: claude_api_requests_total, metric_type: counter, description: "Total API requests", labels: ["endpoint", "method", "status_code"] }
)");
  EXPECT_EQ(options.listen, "127.0.0.1:8081");
  ASSERT_EQ(options.metrics.size(), 1U);
  EXPECT_EQ(options.metrics[0].help, "Total API requests");
  EXPECT_EQ(options.metrics[0].labels.size(), 3U);
}

TEST(BusinessDeclaration, TheShippedOneHasTheFamiliesOfTheMission) {
  std::ifstream in(HOLDFAST_SOURCE_DIR "/examples/rules/business.yml");
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  SimClock clock;
  BusinessRegistry registry(clock, declared(text).metrics);
  for (const auto& one :
       {event("claude_inference_accuracy", 0.9, {{"model_version", "5.1"}, {"task_type", "code"}}),
        event("claude_code_generation_quality", 0.85, {{"language", "go"}, {"complexity", "low"}}),
        event("claude_user_session_duration", 600,
              {{"user_type", "pro"}, {"feature_used", "chat"}}),
        event("claude_api_requests_total", 1,
              {{"endpoint", "/chat"}, {"method", "POST"}, {"status_code", "200"}}),
        event("claude_model_inference_latency", 0.3,
              {{"model_name", "opus"}, {"input_size", "small"}}),
        event("claude_user_sessions_total", 1, {{"user_type", "pro"}}),
        event("feature_usage_counter", 1, {{"feature", "chat"}}),
        event("claude_workflow_completions_total", 1,
              {{"process", "deploy"}, {"outcome", "completed"}}),
        event("claude_page_load_seconds", 1, {{"page", "/"}}),
        event("claude_interaction_seconds", 0.1, {{"page", "/"}}),
        event("claude_sessions_finished_total", 1, {{"outcome", "success"}}),
        event("user_satisfaction_gauge", 96),
        event("revenue_impact_gauge", 5),
        event("request_latency_histogram", 0.1),
        event("throughput_counter", 1),
        event("error_rate_gauge", 0.1),
        event("active_connections_gauge", 7),
        event("cpu_utilization_gauge", 50),
        event("memory_usage_gauge", 1),
        event("disk_io_counter", 1),
        event("network_throughput_counter", 1),
        event("claude_active_users", 1, {}, "user-1")}) {
    const auto done = registry.observe(BusinessFeed::kHttp, one);
    EXPECT_TRUE(done.has_value()) << done.error().message();
  }
  const auto exposition = shown(registry);
  for (const char* line :
       {"# HELP claude_inference_accuracy AI inference accuracy rate\n# TYPE "
        "claude_inference_accuracy gauge",
        "claude_code_generation_quality_bucket{language=\"go\",complexity=\"low\",le=\"0.1\"} 0",
        "claude_code_generation_quality_bucket{language=\"go\",complexity=\"low\",le=\"1\"} 1",
        "claude_user_session_duration_bucket{user_type=\"pro\",feature_used=\"chat\",le=\"7200\"} "
        "1",
        "# TYPE claude_api_requests_total counter",
        "claude_model_inference_latency_bucket{model_name=\"opus\",input_size=\"small\",le=\"0.5\"}"
        " 1",
        "claude_user_sessions_total{user_type=\"pro\"} 1", "claude_active_users 1"}) {
    EXPECT_THAT(exposition, HasSubstr(line));
  }
  const auto count = [&](const std::string& part) {
    std::size_t n = 0;
    for (auto at = exposition.find(part); at != std::string::npos;
         at = exposition.find(part, at + 1))
      ++n;
    return n;
  };
  EXPECT_EQ(count("claude_code_generation_quality_bucket{"), 11U) << "ten bounds and +Inf";
  EXPECT_EQ(count("claude_user_session_duration_bucket{"), 7U);
  EXPECT_EQ(count("claude_model_inference_latency_bucket{"), 9U);
}

TEST(BusinessRegistry, RefusesWhatIsNotDeclaredAndSaysWhat) {
  SimClock clock;
  BusinessRegistry registry(clock, declared().metrics);
  struct Case {
    BusinessEvent event;
    std::string said;
  };
  auto set = event("requests_total", 1, {{"endpoint", "/a"}});
  set.operation = BusinessEvent::Operation::kSet;
  for (const auto& c : std::vector<Case>{
           {event("request_total", 1), "did you mean requests_total?"},
           {event("requests_total", 1), "label 'endpoint' is missing"},
           {event("requests_total", 1, {{"endpoint", "/a"}, {"method", "PUT"}}),
            "'PUT' is not among the values: GET, POST"},
           {event("requests_total", 1, {{"endpoint", "/a"}, {"user", "x"}}),
            "label 'user' is not declared; declared: endpoint, method"},
           {event("requests_total", 1, {{"endpoint", std::string(300, 'x')}}), "300 bytes"},
           {event("requests_total", 1, {{"endpoint", "\xff"}}), "not UTF-8"},
           {event("requests_total", -1, {{"endpoint", "/a"}}), "a counter cannot fall"},
           {set, "only a gauge can be set"},
           {event("accuracy", std::nan(""), {{"model", "m"}}), "finite"},
           {event("active_users", 1), "an 'id' is needed"}}) {
    const auto done = registry.observe(BusinessFeed::kHttp, c.event);
    ASSERT_FALSE(done.has_value()) << c.said;
    EXPECT_THAT(done.error().message(), HasSubstr(c.said));
  }
  EXPECT_THAT(shown(registry),
              HasSubstr("holdfast_business_events_total{feed=\"http\",result=\"refused\"} 10"));
}

TEST(BusinessRegistry, ALabelSetBeyondTheLimitIsRefusedAndTheOthersGoOn) {
  SimClock clock;
  BusinessRegistry registry(clock, declared().metrics);
  EXPECT_TRUE(
      registry.observe(BusinessFeed::kHttp, event("requests_total", 1, {{"endpoint", "/a"}}))
          .has_value());
  EXPECT_TRUE(
      registry.observe(BusinessFeed::kHttp, event("requests_total", 1, {{"endpoint", "/b"}}))
          .has_value());
  const auto third =
      registry.observe(BusinessFeed::kHttp, event("requests_total", 1, {{"endpoint", "/c"}}));
  ASSERT_FALSE(third.has_value());
  EXPECT_EQ(third.error().code(), Code::kTooLarge);
  EXPECT_THAT(third.error().message(),
              HasSubstr("metric requests_total has its 2 series (series_max); refused: /c, GET"));
  EXPECT_TRUE(
      registry.observe(BusinessFeed::kHttp, event("requests_total", 2, {{"endpoint", "/a"}}))
          .has_value());
  EXPECT_THAT(shown(registry), HasSubstr("requests_total{endpoint=\"/a\",method=\"GET\"} 3"));
}

TEST(BusinessRegistry, AReloadKeepsWhatIsUnchangedAndAddsWhatIsNew) {
  SimClock clock;
  auto metrics = declared().metrics;
  BusinessRegistry registry(clock, metrics);
  ASSERT_TRUE(
      registry.observe(BusinessFeed::kHttp, event("requests_total", 5, {{"endpoint", "/a"}}))
          .has_value());
  ASSERT_TRUE(
      registry.observe(BusinessFeed::kHttp, event("accuracy", 0.5, {{"model", "m"}})).has_value());
  metrics[1].labels.push_back({"task", {}, "x"});
  metrics.push_back({"sixth", BusinessType::kCounter, "", "", {}, {}, 10, 1min, 100, {}});
  registry.set_metrics(metrics);
  ASSERT_TRUE(registry.observe(BusinessFeed::kHttp, event("sixth", 1)).has_value());
  const auto text = shown(registry);
  EXPECT_THAT(text, HasSubstr("requests_total{endpoint=\"/a\",method=\"GET\"} 5"));
  EXPECT_THAT(text, HasSubstr("sixth 1"));
  EXPECT_THAT(text, testing::Not(HasSubstr("accuracy{")));
}

TEST(DistinctWindow, CountsExactlyThenWithinAFewPercentAndForgets) {
  DistinctWindow window(60'000, 1000);
  for (int i = 0; i < 500; ++i) window.add("user-" + std::to_string(i % 250), 0);
  EXPECT_EQ(window.count(0), 250);
  for (int i = 0; i < 100'000; ++i) window.add("user-" + std::to_string(i), 10'000);
  EXPECT_NEAR(window.count(10'000), 100'000, 5'000);
  EXPECT_NEAR(window.count(59'000), 100'000, 5'000);
  EXPECT_EQ(window.count(80'000), 0);
}

TEST(Statsd, LinesAreEventsOfDeclaredMetrics) {
  const auto options = declared().statsd;
  struct Case {
    std::string line, metric;
    double value, weight;
    BusinessEvent::Operation operation;
    std::string labels, id;
  };
  using Op = BusinessEvent::Operation;
  for (const auto& c : std::vector<Case>{
           {"app.requests-total:2|c", "requests_total", 2, 1, Op::kDefault, "", ""},
           {"requests.total:1|c|@0.1|#endpoint:/a,method:POST", "requests_total", 1, 10,
            Op::kDefault, "endpoint=/a method=POST ", ""},
           {"api./chat.GET:1|c", "requests_total", 1, 1, Op::kDefault, "endpoint=/chat method=GET ",
            ""},
           {"accuracy:0.5|g", "accuracy", 0.5, 1, Op::kSet, "", ""},
           {"accuracy:-0.1|g", "accuracy", -0.1, 1, Op::kAdd, "", ""},
           {"accuracy:+2|g", "accuracy", 2, 1, Op::kAdd, "", ""},
           {"latency:320|ms", "latency", 0.32, 1, Op::kDefault, "", ""},
           {"latency:3|d|#model:opus|c:abc|T1656581400", "latency", 3, 1, Op::kDefault,
            "model=opus ", ""},
           {"active_users:user:7|s", "active_users", 1, 1, Op::kDefault, "", "user:7"}}) {
    const auto events = parse_statsd_line(c.line, options);
    ASSERT_TRUE(events.has_value()) << c.line << events.error().message();
    ASSERT_EQ(events->size(), 1U);
    const auto& one = events->front();
    std::string labels;
    for (const auto& l : one.labels) labels += l.name + "=" + l.value + " ";
    EXPECT_EQ(std::tuple(one.metric, one.value, one.weight, one.operation, labels, one.id),
              std::tuple(c.metric, c.value, c.weight, c.operation, c.labels, c.id))
        << c.line;
  }
  EXPECT_EQ(parse_statsd_line("h:1:2:3|h", options)->size(), 3U);
  for (const auto& [line, said] :
       std::vector<std::pair<std::string, std::string>>{{"nothing", "expected name:value|type"},
                                                        {":1|c", "expected name"},
                                                        {"a:1", "type is missing"},
                                                        {"a:1|x", "type 'x' is unknown"},
                                                        {"a:b|c", "'b' is no number"},
                                                        {"a:1|c|@0", "must be above 0"},
                                                        {"a:nan|g", "no number"},
                                                        {"_e{1,1}:a|b", "not metrics"}}) {
    const auto events = parse_statsd_line(line, options);
    ASSERT_FALSE(events.has_value()) << line;
    EXPECT_THAT(events.error().message(), HasSubstr(said));
  }
}

TEST(SpanMapper, ASpanIsAnEventOfEachMappingThatWantsIt) {
  SimClock clock;
  const auto options = declared();
  BusinessRegistry registry(clock, options.metrics);
  const SpanMapper mapper(options.spans);
  SpanFacts span{"api", "inference", "server", "ok", 250ms, {{"model.name", "opus"}}};
  EXPECT_EQ(mapper.observe(registry, span), 1U);
  span.service = "other";
  EXPECT_EQ(mapper.observe(registry, span), 0U);
  EXPECT_THAT(shown(registry), HasSubstr("latency_bucket{model=\"opus\",le=\"1\"} 1"));
  EXPECT_THAT(shown(registry), HasSubstr("latency_sum{model=\"opus\"} 0.25"));
}

struct LogStory {
  SeededRandom random{1};
  SimClock clock;
  SimFileSystem files{random, &clock};
  BusinessRegistry registry{clock, declared().metrics};
  LogFollower follower;

  explicit LogStory(bool from_start = false)
      : follower(files, registry,
                 {"/log/app.log",
                  "took (?P<seconds>[0-9.]+)s model=(?P<model>\\w+)",
                  "latency",
                  "$seconds",
                  "",
                  {{"model", "$model"}},
                  from_start}) {
    EXPECT_TRUE(files.create_directories("/log").has_value());
  }
  void append(const std::string& path, const std::string& text) {
    auto file = files.open(path, OpenMode::kReadWrite);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE((*file)->append(text).has_value());
  }
  std::string count() {
    const auto text = shown(registry);
    const auto at = text.find("latency_count{model=\"opus\"} ");
    return at == std::string::npos ? "0" : text.substr(at + 28, text.find('\n', at) - at - 28);
  }
};

TEST(LogFollower, CountsNewLinesAndHalvesOnlyOnceTheyAreWhole) {
  LogStory story;
  story.append("/log/app.log", "09:00 took 1s model=opus\n");
  story.follower.look();
  EXPECT_EQ(story.count(), "0") << "what was there before is not new";
  story.append("/log/app.log", "09:01 took 2s model=opus\n09:02 nothing\n09:03 took 0.5s mod");
  story.follower.look();
  EXPECT_EQ(story.count(), "1");
  story.append("/log/app.log", "el=opus\r\n");
  story.follower.look();
  EXPECT_EQ(story.count(), "2");
  EXPECT_THAT(shown(story.registry), HasSubstr("latency_sum{model=\"opus\"} 2.5"));
}

TEST(LogFollower, LosesNothingWhenTheFileIsRotatedOrCut) {
  LogStory story(true);
  story.append("/log/app.log", "09:00 took 1s model=opus\n");
  story.follower.look();
  story.append("/log/app.log", "09:01 took 1s model=opus\n");
  ASSERT_TRUE(story.files.rename("/log/app.log", "/log/app.log.1").has_value());
  story.append("/log/app.log",
               "10:00 took 1s model=opus and much more than the old one had, so that size alone "
               "would not tell, which it must not\n");
  story.follower.look();
  EXPECT_EQ(story.count(), "3");
  {
    auto file = story.files.open("/log/app.log", OpenMode::kCreate);
    ASSERT_TRUE(file.has_value());
  }
  story.append("/log/app.log", "11:00 took 1s model=opus\n");
  story.follower.look();
  EXPECT_EQ(story.count(), "4");
}

TEST(LogFollower, WaitsForAFileThatIsNotThereAndLeavesOutEndlessLines) {
  LogStory story;
  story.follower.look();
  story.append("/log/app.log",
               std::string(100'000, 'x') + " took 1s model=opus\nthen took 1s model=opus\n");
  story.follower.look();
  EXPECT_EQ(story.count(), "1");
}

struct BusinessWorld {
  SeededRandom random{1};
  SimClock clock;
  SimExecutor executor{clock};
  SimFileSystem files{random, &clock};
  SimNetwork network{executor, random};
  Env env{clock, random, files, network.host("here"), executor};
  std::unique_ptr<metrics::Store> store;

  BusinessWorld() {
    metrics::StoreOptions options;
    options.directory = "/data/metrics";
    auto opened = metrics::Store::open(env, options);
    EXPECT_TRUE(opened.has_value());
    store = std::move(*opened);
  }
  ~BusinessWorld() { executor.clear(); }
};

TEST(BusinessMetrics, EventsOverHttpAreTakenOneByOneAndEachRefusalIsToldWithItsIndex) {
  BusinessWorld world;
  auto options = declared();
  options.statsd.listen.clear();
  BusinessMetrics business(world.env, *world.store, options);
  ASSERT_TRUE(business.start().has_value());
  EXPECT_EQ(
      business.handle_events(R"({"metric":"accuracy","value":0.9,"labels":{"model":"m"}})").status,
      200);
  const auto answer = business.handle_events(
      R"({"events":[{"metric":"requests_total","labels":{"endpoint":"/a"}},{"metric":"nope"},{"metric":"active_users","id":7},{"Metric":1}]})");
  EXPECT_EQ(answer.status, 400);
  const auto body = json::parse(answer.body);
  EXPECT_EQ(body["accepted"], 2);
  EXPECT_EQ(body["refused"], 2);
  EXPECT_EQ(body["errors"][0]["index"], 1);
  EXPECT_THAT(body["errors"][1]["message"].get<std::string>(),
              HasSubstr("member 'Metric' cannot be read"));
  EXPECT_EQ(business.handle_events("{").status, 400);
  world.executor.run_for(16s);
  metrics::SelectRequest selection;
  selection.matchers.push_back(model::Matcher::equal("__name__", "requests_total"));
  const auto stored = world.store->select(selection);
  ASSERT_TRUE(stored.has_value());
  ASSERT_EQ(stored->size(), 1U);
  EXPECT_EQ(*(*stored)[0].labels, (model::Labels{{"__name__", "requests_total"},
                                                 {"endpoint", "/a"},
                                                 {"instance", "holdfast"},
                                                 {"job", "business"},
                                                 {"method", "GET"}}));
}

TEST(BusinessMetrics, HasAPortOfItsOwnWhenOneIsNamed) {
  BusinessWorld world;
  auto options = declared();
  options.statsd.listen.clear();
  options.listen = "here:8081";
  BusinessMetrics business(world.env, *world.store, options);
  ASSERT_TRUE(business.start().has_value());
  net::Client client(world.env);
  std::optional<net::ClientResponse> got;
  net::ClientRequest request;
  request.url = "http://here:8081/metrics";
  client.send(std::move(request), [&](Result<net::ClientResponse> response) {
    ASSERT_TRUE(response.has_value()) << response.error().message();
    got = std::move(*response);
  });
  world.executor.run_for(1s);
  ASSERT_TRUE(got.has_value());
  EXPECT_THAT(got->body, HasSubstr("# TYPE requests_total counter"));
}

TEST(BusinessMetrics, DatagramsOfStatsdAreCounted) {
  BusinessWorld world;
  BusinessMetrics business(world.env, *world.store, declared());
  ASSERT_TRUE(business.start().has_value());
  ASSERT_TRUE(business.statsd_endpoint().has_value());
  const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(business.statsd_endpoint()->port);
  ::inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  const std::string text = "api./chat.GET:3|c\nbroken\nactive_users:u1|s\n";
  ASSERT_EQ(
      ::sendto(socket, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to),
      static_cast<ssize_t>(text.size()));
  ::close(socket);
  // The datagram is in the kernel's buffer; the receiver's thread takes it in its own time.
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  std::string seen;
  while (std::chrono::steady_clock::now() < give_up) {
    seen = shown(business.registry());
    if (seen.find("active_users 1") != std::string::npos) break;
    std::this_thread::yield();
  }
  EXPECT_THAT(seen, HasSubstr("requests_total{endpoint=\"/chat\",method=\"GET\"} 3"));
  EXPECT_THAT(seen,
              HasSubstr("holdfast_business_events_total{feed=\"statsd\",result=\"refused\"} 1"));
}

}  // namespace
}  // namespace holdfast::collect
