// Each route: read the request, ask a room on the control strand, answer with the model's own JSON. The audit record of a
// call is written around it (access/audited_router.h); what ends after its answer leaves one more, with the outcome.
#include "app/api/holdfast_api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/access/audited_router.h"
#include "app/api/incident_api.h"
#include "app/api/service_view.h"
#include "app/api/slo_api.h"
#include "base/text.h"

extern "C" const char holdfast_openapi_begin[];
extern "C" const char holdfast_openapi_end[];

namespace holdfast::app {
namespace {

using net::Request;
using net::ResponderPtr;
using net::Response;
using nlohmann::json;

constexpr std::string_view kBase = "/api/holdfast/v1";
constexpr std::size_t kListMax = 1000;

// Foreign bytes in a message or a name need not be UTF-8; an answer always is.
Response answer(int status, const json& body) {
  return Response::json(status, body.dump(-1, ' ', false, json::error_handler_t::replace));
}
Response failure(const Error& error) {
  return answer(http_status(error.code()),
                {{"error", {{"code", code_name(error.code())}, {"message", error.message()}}}});
}
Response ok(const json& body) { return answer(200, body); }

// For the audit record.
Response concerning(const std::string& what, Response response) {
  response.headers.set(kAuditResource, printable(what));
  return response;
}

std::string user_of(const Request& request) {
  return std::string(request.headers.get("x-holdfast-user"));
}

// The members of a request's JSON body, checked by type; every mistake names the member and what is allowed.
class Body {
 public:
  explicit Body(const Request& request) {
    if (request.body.empty()) return;
    value_ = json::parse(request.body, nullptr, false);
    if (value_.is_discarded())
      error_ = invalid("the body is not JSON");
    else if (!value_.is_object())
      error_ = invalid("the body must be a JSON object");
  }
  std::string text(const char* name, std::string fallback = {}) {
    if (error_ || !value_.contains(name)) return fallback;
    if (!value_[name].is_string()) {
      error_ = invalid("'" + std::string(name) + "' must be a text");
      return fallback;
    }
    auto text = value_[name].get<std::string>();
    if (text.size() > 10'000)
      error_ = Error(Code::kTooLarge, "'" + std::string(name) + "' has more than 10000 bytes");
    return text;
  }
  std::string required(const char* name) {
    auto value = text(name);
    if (!error_ && trim(value).empty()) error_ = invalid("'" + std::string(name) + "' is missing");
    return value;
  }
  double number(const char* name, double min, double max) {
    if (error_) return min;
    const bool good = value_.contains(name) && value_[name].is_number();
    const double value = good ? value_[name].get<double>() : 0;
    if (good && value >= min && value <= max) return value;
    error_ = invalid("'" + std::string(name) + "' must be a number from " + format_double(min) +
                     " to " + format_double(max));
    return min;
  }
  int whole(const char* name, int min, int max) {
    const double value = number(name, min, max);
    if (!error_ && value != static_cast<int>(value))
      error_ = invalid("'" + std::string(name) + "' must be a whole number");
    return static_cast<int>(value);
  }
  bool boolean(const char* name) {
    if (error_) return false;
    if (value_.contains(name) && value_[name].is_boolean()) return value_[name].get<bool>();
    error_ = invalid("'" + std::string(name) + "' must be true or false");
    return false;
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  json value_ = json::object();
  std::optional<Error> error_;
};

template <typename T>
json list_json(const std::vector<T>& values) {
  json list = json::array();
  for (const auto& value : values) list.push_back(value);
  return list;
}

json without_timeline(const model::Incident& incident) {
  json one = incident;
  one.erase("timeline");
  return one;
}

class HoldfastApi : public std::enable_shared_from_this<HoldfastApi> {
 public:
  HoldfastApi(ControlPlane& plane, HoldfastApiHooks hooks)
      : plane_(plane), hooks_(std::move(hooks)) {}

  void add_routes(net::Router& router) {
    add_service_routes(router);
    add_incident_routes(router);
    add_drill_routes(router);
    add_list_routes(router);
    add_operator_routes(router);
  }

 private:
  using Handler = std::function<void(const Request&, ResponderPtr)>;

  // Runs on the control strand; keeps this object alive with the route.
  void route(net::Router& router, const char* method, const std::string& path, Handler handler) {
    auto self = shared_from_this();
    router.add(method, std::string(kBase) + path,
               [self, handler](const Request& request, ResponderPtr responder) {
                 self->plane_.env.executor.post(
                     Lane::kControl,
                     [self, handler, request, responder] { handler(request, responder); });
               });
  }

  void audit(const Request& request, std::string_view action, std::string resource,
             const std::string& result) {
    model::Audit record{user_of(request), std::string(action), std::move(resource),
                        result,           request.peer,        plane_.env.clock.now()};
    state::Batch batch;
    batch.entry(model::kAudit, record.resource, dump_json(record));
    plane_.journal->commit(std::move(batch));
  }

  const model::Service* service_of(const Request& request) const {
    const auto& name = request.path_params.at("name");
    for (const auto& service : plane_.config.services) {
      if (service.name == name) return &service;
    }
    return nullptr;
  }

  // ---- services ----

  // Views are built here, their signals evaluated on the pool, which then answers.
  void answer_views(std::vector<const model::Service*> services, json around, std::string member,
                    ResponderPtr responder) {
    auto views = std::make_shared<std::vector<json>>();
    for (const auto* service : services) views->push_back(build_service_view(plane_, *service));
    const auto now = plane_.env.clock.now();
    auto self = shared_from_this();
    plane_.env.executor.post(Lane::kPool, [self, views, around, member, responder, now]() mutable {
      std::vector<json*> pointers;
      for (auto& view : *views) pointers.push_back(&view);
      fill_signals(*self->plane_.engine, now, pointers);
      if (member.empty()) return responder->send(ok(views->front()));
      around[member] = *views;
      responder->send(ok(around));
    });
  }

  std::vector<const model::Service*> all_services() const {
    std::vector<const model::Service*> services;
    for (const auto& service : plane_.config.services) services.push_back(&service);
    return services;
  }

  void add_service_routes(net::Router& router) {
    route(router, "GET", "/overview", [this](const Request&, ResponderPtr to) {
      json incidents = json::array();
      for (const auto& incident : plane_.incidents->active())
        incidents.push_back(without_timeline(incident));
      answer_views(all_services(),
                   {{"now", format_time(plane_.env.clock.now())},
                    {"automation", plane_.healer->automation()},
                    {"incidents", incidents}},
                   "services", to);
    });
    route(router, "GET", "/services", [this](const Request&, ResponderPtr to) {
      answer_views(all_services(), json::object(), "services", to);
    });
    route(router, "GET", "/services/{name}", [this](const Request& request, ResponderPtr to) {
      const auto* service = service_of(request);
      if (service == nullptr) return to->send(failure(no_service(request)));
      answer_views({service}, {}, "", to);
    });
    action(
        router, "restart",
        [this](const model::Service& service, Body& body, const std::string& key, act::Done done) {
          const auto target = body.text("target");
          if (!body.error()) plane_.conductor->restart(key, service.name, target, std::move(done));
        });
    action(
        router, "scale",
        [this](const model::Service& service, Body& body, const std::string& key, act::Done done) {
          const auto version = body.text("version", service.platform.stable);
          const auto replicas = body.whole("replicas", 0, service.platform.replicas_max);
          if (!body.error())
            plane_.conductor->scale(key, service.name, version, replicas, std::move(done));
        });
    action(
        router, "canary",
        [this](const model::Service& service, Body& body, const std::string& key, act::Done done) {
          const auto version = body.required("version");
          const auto replicas = body.whole("replicas", 1, service.platform.replicas_max);
          const auto percent = body.number("percent", 0, 100);
          if (!body.error())
            plane_.conductor->start_canary(key, service.name, version, replicas, percent,
                                           std::move(done));
        });
    action(
        router, "canary/stop",
        [this](const model::Service& service, Body& body, const std::string& key, act::Done done) {
          if (!body.error()) plane_.conductor->stop_canary(key, service.name, std::move(done));
        });
    action(
        router, "traffic",
        [this](const model::Service& service, Body& body, const std::string& key, act::Done done) {
          const auto percent = body.number("canary_percent", 0, 100);
          if (!body.error())
            plane_.conductor->set_canary_percent(key, service.name, percent, std::move(done));
        });
  }

  static Error no_service(const Request& request) {
    return not_found("no service '" + printable(request.path_params.at("name")) + "'");
  }

  // POST /services/{name}/<verb>: 202 with the act's key at once; its outcome is in the audit record.
  using Action =
      std::function<void(const model::Service&, Body&, const std::string& key, act::Done)>;
  void action(net::Router& router, const std::string& verb, Action act) {
    route(router, "POST", "/services/{name}/" + verb,
          [this, verb, act](const Request& request, ResponderPtr to) {
            const auto* service = service_of(request);
            if (service == nullptr) return to->send(failure(no_service(request)));
            if (service->platform.kind == "none") {
              return to->send(failure(Error(
                  Code::kConflict,
                  "service '" + service->name + "' has no platform: Holdfast only watches it")));
            }
            Body body(request);
            const auto key = "api/" + make_ulid(plane_.env.clock.now(), plane_.env.random);
            act(*service, body, key,
                [this, request, verb, name = service->name](const act::Report& report) {
                  audit(request, "service." + verb, name, report.ok ? "ok" : report.error);
                });
            if (body.error()) return to->send(failure(*body.error()));
            to->send(answer(202, {{"key", key}}));
          });
  }

  // ---- incidents ----

  void add_incident_routes(net::Router& router) {
    route(router, "GET", "/incidents",
          [this](const Request& request, ResponderPtr to) { list_incidents(request, to); });
    route(router, "GET", "/incidents/{id}",
          [this](const Request& request, ResponderPtr to) { show_incident(request, to); });
    incident_action(router, "ack", [this](const auto& id, const auto& by, Body&, auto done) {
      plane_.incidents->acknowledge(id, by, done);
    });
    incident_action(router, "mitigate", [this](const auto& id, const auto& by, Body&, auto done) {
      plane_.incidents->mitigate(id, by, done);
    });
    incident_action(router, "resolve",
                    [this](const auto& id, const auto& by, Body& body, auto done) {
                      const auto text = body.text("text");
                      if (!body.error()) plane_.incidents->resolve(id, by, text, done);
                    });
    incident_action(router, "note", [this](const auto& id, const auto& by, Body& body, auto done) {
      const auto text = body.required("text");
      if (!body.error()) plane_.incidents->note(id, by, text, done);
    });
    incident_action(router, "severity",
                    [this](const auto& id, const auto& by, Body& body, auto done) {
                      const auto rank = body.whole("rank", 1, 4);
                      if (!body.error())
                        plane_.incidents->set_rank(id, static_cast<model::Rank>(rank), by, done);
                    });
  }

  void list_incidents(const Request& request, ResponderPtr to) {
    const auto state =
        request.param("state").empty() ? std::string_view("all") : request.param("state");
    if (state != "all" && state != "active" && state != "resolved") {
      return to->send(failure(
          invalid("'state' is '" + printable(state) + "'; allowed: active, resolved, all")));
    }
    const auto limit_text = request.param("limit");
    const auto limit =
        limit_text.empty() ? std::optional<std::int64_t>(100) : parse_int(limit_text);
    if (!limit || *limit < 1 || *limit > static_cast<std::int64_t>(kListMax)) {
      return to->send(
          failure(invalid("'limit' is '" + printable(limit_text) + "'; allowed: 1 to 1000")));
    }
    auto found =
        plane_.incidents->list(state, request.param("service"), static_cast<std::size_t>(*limit));
    if (!found) return to->send(failure(found.error()));
    json list = json::array();
    for (const auto& incident : *found) list.push_back(without_timeline(incident));
    to->send(ok({{"incidents", list}}));
  }

  void show_incident(const Request& request, ResponderPtr to) {
    const auto& id = request.path_params.at("id");
    const auto incident = plane_.incidents->find(model::IncidentId(id));
    if (!incident) return to->send(failure(not_found("no incident '" + printable(id) + "'")));
    to->send(ok({{"incident", *incident},
                 {"remedies", remedies_of(*incident)},
                 {"notifications", notifications_of(id)}}));
  }

  // Remedies planned for its service while it was active.
  json remedies_of(const model::Incident& incident) const {
    json list = json::array();
    for (const auto& remedy : plane_.healer->remedies()) {
      const bool within = remedy.planned_at >= incident.started_at &&
                          (!incident.resolved_at || remedy.planned_at <= *incident.resolved_at);
      if (remedy.service == incident.service && within) list.push_back(remedy);
    }
    return list;
  }

  json notifications_of(const std::string& incident) const {
    json list = json::array();
    auto documents = plane_.journal->documents("notification");
    if (!documents) return list;
    for (const auto& document : *documents) {
      auto notification = parse_json<model::Notification>(document.body);
      if (notification && (incident.empty() || notification->incident == incident))
        list.push_back(*notification);
    }
    return list;
  }

  using IncidentAction = std::function<void(const model::IncidentId&, const std::string& by, Body&,
                                            respond::Incidents::Done)>;
  void incident_action(net::Router& router, const std::string& verb, IncidentAction act) {
    route(router, "POST", "/incidents/{id}/" + verb,
          [this, verb, act](const Request& request, ResponderPtr to) {
            Body body(request);
            const auto by = body.text("by", user_of(request));
            const model::IncidentId id(request.path_params.at("id"));
            if (!body.error()) {
              act(id, by.empty() ? user_of(request) : by, body,
                  [to](Result<model::Incident> result) {
                    to->send(result ? ok({{"incident", *result}}) : failure(result.error()));
                  });
            }
            if (body.error()) to->send(failure(*body.error()));
          });
  }

  // ---- drills ----

  void add_drill_routes(net::Router& router) {
    route(router, "GET", "/drills", [this](const Request&, ResponderPtr to) {
      json kinds = json::array();
      for (const auto& kind : learn::drill_kinds()) {
        kinds.push_back({{"name", kind.name},
                         {"title", kind.title},
                         {"what", kind.what},
                         {"expect", kind.expect}});
      }
      const auto* active = plane_.drills->active();
      to->send(ok({{"kinds", kinds},
                   {"active", active == nullptr ? json(nullptr) : json(*active)},
                   {"runs", list_json(plane_.drills->runs())}}));
    });
    route(router, "POST", "/drills", [this](const Request& request, ResponderPtr to) {
      Body body(request);
      const auto name = body.required("name");
      const auto service = body.text("service");
      if (body.error()) return to->send(failure(*body.error()));
      plane_.drills->run(name, service, user_of(request), [to, name](Result<model::Drill> drill) {
        to->send(concerning(
            name, drill ? answer(202, {{"drill", *drill}}) : failure(drill.error())));
      });
    });
    route(router, "POST", "/drills/{id}/abort", [this](const Request& request, ResponderPtr to) {
      const auto id = request.path_params.at("id");
      plane_.drills->abort(id, user_of(request), [to](Result<model::Drill> drill) {
        to->send(drill ? ok({{"drill", *drill}}) : failure(drill.error()));
      });
    });
  }

  // ---- lists ----

  void add_list_routes(net::Router& router) {
    route(router, "GET", "/alerts", [this](const Request&, ResponderPtr to) {
      to->send(ok({{"alerts", list_json(plane_.rules->alerts())}}));
    });
    route(router, "GET", "/faults", [this](const Request&, ResponderPtr to) {
      to->send(ok({{"faults", list_json(plane_.healer->faults())}}));
    });
    route(router, "GET", "/remedies", [this](const Request&, ResponderPtr to) {
      to->send(ok({{"remedies", list_json(plane_.healer->remedies())}}));
    });
    route(router, "GET", "/notifications", [this](const Request&, ResponderPtr to) {
      to->send(ok({{"notifications", notifications_of("")}}));
    });
    route(router, "GET", "/journal", [this](const Request& request, ResponderPtr to) {
      state::EntryQuery query;
      query.topic = request.param("topic");
      const auto after = request.param("after").empty() ? std::optional<std::int64_t>(0)
                                                        : parse_int(request.param("after"));
      const auto limit = request.param("limit").empty() ? std::optional<std::int64_t>(100)
                                                        : parse_int(request.param("limit"));
      if (!after || !limit || *limit < 1 || *limit > static_cast<std::int64_t>(kListMax)) {
        return to->send(
            failure(invalid("'after' must be a sequence number and 'limit' 1 to 1000")));
      }
      query.after = *after;
      query.limit = static_cast<std::size_t>(*limit);
      auto entries = plane_.journal->read(query);
      if (!entries) return to->send(failure(entries.error()));
      json list = json::array();
      for (const auto& entry : *entries) {
        list.push_back({{"seq", entry.seq},
                        {"at", format_time(entry.at)},
                        {"topic", entry.topic},
                        {"key", entry.key},
                        {"body", json::parse(entry.body, nullptr, false)}});
      }
      to->send(ok({{"entries", list}}));
    });
  }

  // ---- operators ----

  void add_operator_routes(net::Router& router) {
    route(router, "GET", "/automation",
          [this](const Request&, ResponderPtr to) { to->send(ok(plane_.healer->automation())); });
    route(router, "POST", "/automation", [this](const Request& request, ResponderPtr to) {
      Body body(request);
      const auto stopped = body.boolean("stopped");
      const auto reason = body.text("reason");
      if (body.error()) return to->send(failure(*body.error()));
      plane_.healer->set_automation(stopped, user_of(request), reason,
                                    [to, stopped](Result<model::Automation> result) {
                                      to->send(concerning(
                                          stopped ? "automation stopped" : "automation resumed",
                                          result ? ok(*result) : failure(result.error())));
                                    });
    });
    route(router, "POST", "/config/reload", [this](const Request&, ResponderPtr to) {
      findings_ = hooks_.reload();
      if (findings_.empty()) return to->send(ok({{"ok", true}}));
      to->send(answer(400, {{"error",
                             {{"code", "invalid"},
                              {"message", "the configuration was refused; the old one stays"}}},
                            {"findings", finding_texts()}}));
    });
    route(router, "GET", "/config/status", [this](const Request&, ResponderPtr to) {
      to->send(ok({{"file", plane_.config.file}, {"errors", finding_texts()}}));
    });
    // Below /api an unknown path is no page of the console: a program asked, and reads JSON.
    router.add("GET", "/api/{path...}", [](const Request& request, ResponderPtr to) {
      to->send(failure(not_found("nothing is served at " + printable(request.path, 200))));
    });
    storage(router, "flush");
    storage(router, "compact");
    storage(router, "upload");
    router.add("GET", std::string(kBase) + "/openapi.json", [](const Request&, ResponderPtr to) {
      to->send(Response::json(200, std::string(holdfast_openapi_begin, holdfast_openapi_end)));
    });
  }

  json finding_texts() const {
    json texts = json::array();
    for (const auto& finding : findings_) texts.push_back(finding.text());
    return texts;
  }

  void storage(net::Router& router, const std::string& verb) {
    auto self = shared_from_this();
    router.add("POST", std::string(kBase) + "/storage/" + verb,
               [self, verb](const Request&, ResponderPtr to) {
                 metrics::Store& store = *self->plane_.store;
                 auto done = verb == "upload" ? store.upload() : store.flush();
                 if (done && verb == "compact") done = store.compact();
                 if (!done) return to->send(failure(done.error()));
                 Response response;
                 response.status = 204;
                 to->send(std::move(response));
               },
               {.blocking = true});
  }

  ControlPlane& plane_;
  HoldfastApiHooks hooks_;
  std::vector<Finding> findings_;  // of the last reload
};

}  // namespace

void add_holdfast_routes(net::Router& router, ControlPlane& plane, HoldfastApiHooks hooks) {
  std::make_shared<HoldfastApi>(plane, std::move(hooks))->add_routes(router);
  add_incident_routes(router, plane);
  add_slo_routes(router, slo_sources(plane));
}

}  // namespace holdfast::app
