#include "app/app_host.h"

#include "app/access/audited_router.h"
#include "app/alert_listeners.h"
#include "app/api/access_api.h"
#include "app/api/holdfast_api.h"
#include "app/api/metrics_api.h"
#include "app/api/oncall_api.h"
#include "app/api/prometheus_api.h"
#include "app/console.h"
#include "app/targets.h"
#include "base/text.h"

namespace holdfast::app {

using nlohmann::json;

namespace {

std::optional<std::string> no_variables(const std::string&) { return std::nullopt; }

}  // namespace

AppHost::AppHost(Access access, const std::string& config, std::vector<model::Person> known)
    : people(std::move(known)) {
  write("/etc/rules.yml", kHostRules);
  write(kConfigPath, config);
  auto read = load_config(files, kConfigPath, no_variables);
  for (const auto& finding : read.findings) ADD_FAILURE() << finding.text();
  processes.set_watcher(&executor);
  EXPECT_TRUE(files.create_directories("/data"));
  auto opened_auth = Auth::open(env, "/data", access == Access::kGuarded);
  EXPECT_TRUE(opened_auth) << opened_auth.error().message();
  auth = std::move(*opened_auth);
  auto opened = ControlPlane::open(env, read.config, {"/data"}, processes);
  EXPECT_TRUE(opened) << opened.error().message();
  plane = std::move(*opened);
  const auto started = auth->start(*plane->journal);
  EXPECT_TRUE(started) << started.error().message();
  auth->configure(plane->config.access, people, plane->config.services);
  scraper = std::make_unique<collect::Scraper>(env, *plane->store);
  scraper->set_targets(plane->config.targets);
  auth->add_routes(router);
  add_access_routes(router, env, *auth);
  oidc = OidcSignIn::make(env, *plane->client, *auth);
  oidc->configure(plane->config.access.oidc, plane->config.external_url);
  oidc->add_routes(router);
  add_prometheus_routes(
      router, env,
      {*plane->store, *plane->engine, [this] { return plane->rules->status(); },
       [this] { return plane->rules->alerts(); }, [this] { return scraper->status(); },
       [this] { return plane->config.external_labels; }, nullptr, nullptr,
       [this] { return scraper->metadata(); }});
  add_metrics_routes(router, metrics_sources(*plane));
  add_holdfast_routes(router, *plane, {[this] { return reload(); }});
  add_alert_routes(router, env, *plane->alert_desk, {clock.now(), [this] {
                     std::vector<std::string> texts;
                     for (const auto& finding : reload()) texts.push_back(finding.text());
                     return texts;
                   }});
  add_oncall_routes(router, env, *plane->oncall);
  events = std::make_unique<EventHub>(env, *plane->journal);
  events->add_routes(router);
  add_console_routes(router);
  auth->guard(router);
  served.set_filter([this](net::Request& request) { return auth->check(request); });
  add_audited_routes(served, router, auth->audit());
  server = std::make_unique<net::Server>(env, served);
  const auto listening = server->listen({"127.0.0.1", 8040, ""});
  EXPECT_TRUE(listening) << listening.error().message();
  client = std::make_unique<net::Client>(env);
}

// As a crash: nothing more is written, whatever waits is dropped.
AppHost::~AppHost() {
  client.reset();
  events.reset();
  server.reset();
  scraper.reset();
  oidc->stop();
  auth->stop();
  plane.reset();
  processes.power_off();
  executor.clear();
}

std::vector<Finding> AppHost::reload() {
  auto read = load_config(files, kConfigPath, no_variables);
  if (read.findings.empty()) {
    plane->reconfigure(read.config);
    auth->configure(plane->config.access, people, plane->config.services);
    oidc->configure(plane->config.access.oidc, plane->config.external_url);
  }
  return read.findings;
}

net::ClientResponse AppHost::ask(const std::string& method, const std::string& target,
                                 const std::string& body, const Fields& fields) {
  net::ClientRequest request;
  request.method = method;
  request.url = kOrigin + target;
  request.body = body;
  for (const auto& [name, value] : fields) request.headers.add(name, value);
  std::optional<Result<net::ClientResponse>> answer;
  client->send(std::move(request),
               [&](Result<net::ClientResponse> response) { answer = std::move(response); });
  executor.run_until([&] { return answer.has_value(); }, 30s);
  if (answer && *answer) return std::move(**answer);
  net::ClientResponse none;
  none.body = answer ? answer->error().message() : "never answered";
  return none;
}

std::string AppHost::answer(const std::string& method, const std::string& target,
                            const std::string& body, const Fields& fields) {
  const auto response = ask(method, target, body, fields);
  return std::to_string(response.status) + " " + response.body;
}

json AppHost::get(const std::string& target) {
  const auto response = ask("GET", target);
  EXPECT_EQ(response.status, 200) << target << ": " << response.body;
  return json::parse(response.body, nullptr, false);
}

json AppHost::post(const std::string& target, const json& body, int status) {
  const auto response = ask("POST", target, body.dump());
  EXPECT_EQ(response.status, status) << target << ": " << response.body;
  return response.body.empty() ? json() : json::parse(response.body, nullptr, false);
}

void AppHost::write(const std::string& path, const std::string& text) {
  EXPECT_TRUE(files.create_directories(path.substr(0, path.rfind('/'))));
  EXPECT_TRUE(files.write_file_atomic(path, text));
}

void AppHost::append(const std::string& metric, double value, const model::Labels& labels) {
  const auto named = labels.with(std::string(model::kMetricName), metric);
  metrics::SampleIn sample;
  sample.labels = &named;
  sample.sample.t = to_ms(clock.now());
  sample.sample.value = value;
  const auto done = plane->store->append({&sample, 1});
  EXPECT_TRUE(done) << done.error().message();
}

model::Incident AppHost::declare(const std::string& title, const std::string& service) {
  model::Incident incident;
  incident.title = title;
  incident.service = service;
  std::optional<Result<model::Incident>> answer;
  plane->incidents->declare(std::move(incident), "ann",
                            [&](auto result) { answer = std::move(result); });
  EXPECT_TRUE(run_until([&] { return answer.has_value(); }));
  EXPECT_TRUE(*answer) << answer->error().message();
  return **answer;
}

bool AppHost::run_until_ready() {
  return run_until([&] {
    int ready = 0;
    for (const auto& instance : plane->conductor->instances("shop"))
      ready += instance.state == model::InstanceState::kReady ? 1 : 0;
    return ready == 2;
  });
}

std::string AppHost::token() {
  const auto file = files.read_file("/data/admin-token");
  EXPECT_TRUE(file);
  return file ? std::string(trim(*file)) : "";
}

std::vector<std::string> AppHost::journal_topics() {
  std::vector<std::string> topics;
  const auto entries = plane->journal->read({});
  EXPECT_TRUE(entries);
  for (const auto& entry : *entries) topics.push_back(entry.topic + " " + entry.key);
  return topics;
}

}  // namespace holdfast::app
