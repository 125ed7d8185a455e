#include "app/api/intake_api.h"

#include <openssl/crypto.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/alert.h"
#include "respond/intake/deploy_hook.h"
#include "respond/intake/pagerduty.h"
#include "respond/send/limits.h"

namespace holdfast::app {
namespace {

namespace intake = respond::intake;
using net::Request;
using net::ResponderPtr;
using net::Response;
using nlohmann::json;

constexpr std::string_view kBase = "/api/holdfast/v1";
constexpr std::size_t kPerMinuteMax = 120;
constexpr std::size_t kKeysWatchedMax = 10'000;
constexpr std::size_t kListMax = 1000;

Response answer(int status, const json& body) {
  return Response::json(status, body.dump(-1, ' ', false, json::error_handler_t::replace));
}
Response failure(const Error& error) {
  return answer(http_status(error.code()),
                {{"error", {{"code", code_name(error.code())}, {"message", error.message()}}}});
}
// PagerDuty's form.
Response refused(const std::vector<std::string>& errors) {
  return answer(400, {{"status", "invalid event"}, {"message", "Event object is invalid"}, {"errors", errors}});
}

bool same_secret(std::string_view a, std::string_view b) {
  return !a.empty() && a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string shown_key(const Request& request) {
  const auto authorization = request.headers.get("authorization");
  for (const std::string_view scheme : {"Bearer ", "Token ", "GenieKey "})
    if (authorization.starts_with(scheme)) return std::string(trim(authorization.substr(scheme.size())));
  if (request.headers.has("x-api-key")) return std::string(request.headers.get("x-api-key"));
  return std::string(request.param("key"));
}

json event_json(const intake::OpenEvent& event) {
  return {{"integration", event.integration},
          {"key", event.key},
          {"alert", event.alert},
          {"fingerprint", event.alert.fingerprint()},
          {"last_at", format_time(event.last_at)},
          {"acknowledged_by", event.acknowledged_by}};
}

json heartbeat_json(const intake::HeartbeatView& view) {
  json one = {{"name", view.heartbeat.name},
              {"service", view.heartbeat.service},
              {"severity", view.heartbeat.severity},
              {"interval_seconds", to_seconds(view.heartbeat.interval)},
              {"grace_seconds", to_seconds(view.heartbeat.grace)},
              {"due_at", format_time(view.due_at)},
              {"firing", view.firing}};
  if (view.last_at) one["last_at"] = format_time(*view.last_at);
  return one;
}

class IntakeApi : public std::enable_shared_from_this<IntakeApi> {
 public:
  IntakeApi(Env& env, intake::Intake& intake) : env_(env), intake_(intake) {}

  void add_routes(net::Router& router) {
    add(router, "POST", "/v2/enqueue", &IntakeApi::enqueue);
    add(router, "POST", "/v2/change/enqueue", &IntakeApi::enqueue_change);
    const std::string base(kBase);
    add(router, "POST", base + "/intake/{name}", &IntakeApi::webhook);
    add(router, "POST", base + "/heartbeats/{name}", &IntakeApi::beat);
    add(router, "GET", base + "/intake", &IntakeApi::list);
    add(router, "GET", base + "/heartbeats", &IntakeApi::heartbeats);
    add(router, "GET", base + "/changes", &IntakeApi::changes);
    add(router, "POST", base + "/changes", &IntakeApi::post_change);
  }

 private:
  using Handler = void (IntakeApi::*)(const Request&, ResponderPtr);

  void add(net::Router& router, const char* method, const std::string& path, Handler handler) {
    auto self = shared_from_this();
    router.add(method, path, [self, handler](const Request& request, ResponderPtr to) {
      self->env_.executor.post(Lane::kControl, [self, handler, request, to] {
        (self.get()->*handler)(request, to);
      });
    });
  }

  // Whether this sender has sent too much; if so it is told.
  bool over_limit(const std::string& sender, const ResponderPtr& to) {
    if (windows_.size() > kKeysWatchedMax) windows_.clear();
    const auto now = env_.clock.mono();
    auto& window = windows_.try_emplace(sender, kPerMinuteMax, 1min).first->second;
    const auto wait = window.take(now, true);
    if (wait <= Duration::zero()) return false;
    auto response = answer(429, {{"status", "throttle exceeded"},
                                 {"message", "more than 120 events a minute"},
                                 {"errors", json::array({"Requests for this service are being sent too quickly"})}});
    response.headers.set("retry-after", std::to_string(static_cast<int>(to_seconds(wait)) + 1));
    to->send(std::move(response));
    return true;
  }

  // ---- PagerDuty ----

  const intake::Integration* pagerduty(const std::string& key, const ResponderPtr& to) {
    const auto* integration = intake_.integration_by_key("pagerduty", key);
    if (integration == nullptr) to->send(refused({"Invalid routing key"}));
    return integration;
  }

  void enqueue(const Request& request, ResponderPtr to) {
    auto parsed = intake::parse_pagerduty_event(request.body);
    if (const auto* bad = std::get_if<intake::InboundProblem>(&parsed)) return to->send(refused(bad->errors));
    auto& event = std::get<intake::PagerdutyEvent>(parsed);
    const auto* integration = pagerduty(event.routing_key, to);
    if (integration == nullptr || over_limit(integration->name, to)) return;
    intake_.take(*integration, {std::move(event.event)}, [to](const Result<std::vector<std::string>>& keys) {
      if (!keys) return to->send(failure(keys.error()));
      to->send(answer(202, {{"status", "success"}, {"message", "Event processed"}, {"dedup_key", keys->front()}}));
    });
  }

  void enqueue_change(const Request& request, ResponderPtr to) {
    auto parsed = intake::parse_pagerduty_change(request.body);
    if (const auto* bad = std::get_if<intake::InboundProblem>(&parsed)) return to->send(refused(bad->errors));
    auto& change = std::get<intake::PagerdutyChange>(parsed);
    const auto* integration = pagerduty(change.routing_key, to);
    if (integration == nullptr || over_limit(integration->name, to)) return;
    change.change.service = integration->service;
    intake_.record(std::move(change.change), [to](const Result<model::Change>& kept) {
      if (!kept) return to->send(failure(kept.error()));
      to->send(answer(202, {{"status", "success"}, {"message", "Change event processed"}}));
    });
  }

  // ---- webhooks ----

  void webhook(const Request& request, ResponderPtr to) {
    const auto name = request.path_params.at("name");
    const auto* integration = intake_.integration(name);
    const auto unknown = Error(Code::kForbidden, "no integration '" + printable(name) + "' with this key");
    if (integration == nullptr) return to->send(failure(unknown));
    if (integration->kind == "github" || integration->kind == "gitlab")
      return deploy_hook(*integration, request, std::move(to));
    if (!same_secret(integration->key, shown_key(request))) return to->send(failure(unknown));
    if (integration->kind == "pagerduty" || integration->kind == "email")
      return to->send(failure(invalid("integration '" + name + "' is of kind " + integration->kind +
                                      "; webhooks are for kinds alertmanager, json, github, gitlab")));
    if (over_limit(integration->name, to)) return;
    auto parsed = integration->kind == "alertmanager" ? intake::parse_alertmanager_webhook(request.body)
                                                      : intake::parse_mapped(request.body, integration->mapping);
    if (const auto* bad = std::get_if<intake::InboundProblem>(&parsed))
      return to->send(failure(invalid(join(bad->errors, "; "))));
    intake_.take(*integration, std::get<std::vector<intake::InboundEvent>>(std::move(parsed)),
                 [to](const Result<std::vector<std::string>>& keys) {
                   to->send(keys ? answer(202, {{"keys", *keys}}) : failure(keys.error()));
                 });
  }

  void deploy_hook(const intake::Integration& integration, const Request& request, ResponderPtr to) {
    const bool github = integration.kind == "github";
    const intake::HookRequest hook{
        std::string(request.headers.get(github ? "x-github-event" : "x-gitlab-event")),
        std::string(request.headers.get(github ? "x-hub-signature-256" : "x-gitlab-token")), request.body};
    auto change = github ? intake::read_github_hook(hook, integration.key)
                         : intake::read_gitlab_hook(hook, integration.key);
    if (!change) return to->send(failure(change.error()));
    if (over_limit(integration.name, to)) return;
    if (!*change) return to->send(answer(202, {{"status", "ignored"}, {"message", "this event is no change"}}));
    (*change)->service = integration.service;
    intake_.record(std::move(**change), [to](const Result<model::Change>& kept) {
      to->send(kept ? answer(202, {{"status", "recorded"}, {"id", kept->id}}) : failure(kept.error()));
    });
  }

  void beat(const Request& request, ResponderPtr to) {
    const auto name = request.path_params.at("name");
    const auto* heartbeat = intake_.heartbeat(name);
    if (heartbeat == nullptr || !same_secret(heartbeat->key, shown_key(request)))
      return to->send(failure(Error(Code::kForbidden, "no heartbeat '" + printable(name) + "' with this key")));
    const auto state = request.param("state");
    if (!state.empty() && state != "ok" && state != "failed")
      return to->send(failure(invalid("'state' is '" + printable(state) + "'; allowed: ok, failed")));
    intake_.beat(name, state == "failed", [to](const Result<void>& kept) {
      to->send(kept ? answer(200, {{"status", "ok"}}) : failure(kept.error()));
    });
  }

  // ---- for people ----

  void list(const Request&, ResponderPtr to) {
    json events = json::array();
    for (const auto& event : intake_.open()) events.push_back(event_json(event));
    to->send(answer(200, {{"events", std::move(events)}}));
  }

  void heartbeats(const Request&, ResponderPtr to) {
    json list = json::array();
    for (const auto& view : intake_.heartbeats()) list.push_back(heartbeat_json(view));
    to->send(answer(200, {{"heartbeats", std::move(list)}}));
  }

  void changes(const Request& request, ResponderPtr to) {
    intake::ChangeQuery query;
    query.service = std::string(request.param("service"));
    query.limit = kListMax;
    for (auto [name, into] : {std::pair{"from", &query.from}, std::pair{"to", &query.to}}) {
      const auto text = request.param(name);
      if (text.empty()) continue;
      auto at = parse_time(text);
      if (!at) return to->send(failure(invalid("'" + std::string(name) + "': " + at.error().message())));
      *into = *at;
    }
    json list = json::array();
    for (const auto& change : intake_.changes(query)) list.push_back(change);
    to->send(answer(200, {{"changes", std::move(list)}}));
  }

  void post_change(const Request& request, ResponderPtr to) {
    auto change = parse_json<model::Change>(request.body);
    if (!change) return to->send(failure(change.error()));
    if (trim(change->summary).empty()) return to->send(failure(invalid("'summary' is missing")));
    if (change->kind.empty()) change->kind = "change";
    if (change->source.empty()) change->source = "api";
    if (change->actor.empty()) change->actor = std::string(request.headers.get("x-holdfast-user"));
    intake_.record(std::move(*change), [to](const Result<model::Change>& kept) {
      to->send(kept ? answer(201, json(*kept)) : failure(kept.error()));
    });
  }

  Env& env_;
  intake::Intake& intake_;
  std::map<std::string, respond::send::RateWindow> windows_;
};

}  // namespace

void add_intake_routes(net::Router& router, Env& env, intake::Intake& intake) {
  std::make_shared<IntakeApi>(env, intake)->add_routes(router);
}

}  // namespace holdfast::app
