#include "app/api/routing_api.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "app/api/alertmanager_json.h"
#include "base/text.h"
#include "model/alert.h"

namespace holdfast::app {
namespace {

namespace route = respond::route;
using net::Request;
using net::ResponderPtr;
using net::Response;
using nlohmann::json;

constexpr std::string_view kBase = "/api/holdfast/v1/routing";
constexpr std::int64_t kHistoryMax = 1000;

Response answer(int status, const json& body) {
  return Response::json(status, body.dump(-1, ' ', false, json::error_handler_t::replace));
}
Response failure(const Error& error) {
  return answer(http_status(error.code()),
                {{"error", {{"code", code_name(error.code())}, {"message", error.message()}}}});
}

Result<json> object_of(const Request& request) {
  auto body = json::parse(request.body.empty() ? "{}" : request.body, nullptr, false);
  if (!body.is_object()) return invalid("the body must be a JSON object");
  return body;
}

Result<std::string> text_of(const json& body, const char* name, bool required) {
  const auto it = body.find(name);
  if (it == body.end() || it->is_null()) {
    if (required) return invalid("'" + std::string(name) + "' is missing");
    return std::string();
  }
  if (!it->is_string()) return invalid("'" + std::string(name) + "' must be a text");
  return it->get<std::string>();
}

Result<model::Labels> labels_of(const json& body, const char* name) {
  const auto it = body.find(name);
  std::vector<model::Label> labels;
  if (it == body.end() || it->is_null()) return model::Labels();
  if (!it->is_object()) return invalid("'" + std::string(name) + "' must be an object of texts");
  for (const auto& [key, value] : it->items()) {
    if (!value.is_string()) return invalid("'" + std::string(name) + "." + printable(key) + "' must be a text");
    if (!value.get_ref<const std::string&>().empty()) labels.push_back({key, value.get<std::string>()});
  }
  return model::Labels(std::move(labels));
}

json item_json(const route::HistoryItem& item) {
  auto body = json::parse(item.body, nullptr, false);
  return {{"seq", item.seq},
          {"at", format_time(item.at)},
          {"topic", item.topic},
          {"key", item.key},
          {"what", body.is_discarded() ? json(item.body) : std::move(body)}};
}

json held_json(const route::Held& held) {
  return {{"group_key", held.group_key}, {"receiver", held.receiver},         {"fingerprint", held.fingerprint},
          {"why", held.why},             {"since", format_time(held.since)}, {"count", held.count}};
}

class RoutingApi : public std::enable_shared_from_this<RoutingApi> {
 public:
  RoutingApi(Env& env, route::Router& alerts) : env_(env), alerts_(alerts) {}

  void add_routes(net::Router& router) {
    add(router, "POST", "/explain", &RoutingApi::explain);
    add(router, "GET", "/history", &RoutingApi::history);
    add(router, "GET", "/held", &RoutingApi::held);
    add(router, "GET", "/groups", &RoutingApi::groups);
    add(router, "POST", "/acknowledge", &RoutingApi::acknowledge);
    add(router, "POST", "/withdraw", &RoutingApi::withdraw);
    add(router, "POST", "/silences/preview", &RoutingApi::preview);
    add(router, "GET", "/drills", &RoutingApi::drills);
    add(router, "POST", "/drills", &RoutingApi::start_drill);
    add(router, "POST", "/drills/{id}/ack", &RoutingApi::acknowledge_drill);
  }

 private:
  using Handler = Result<void> (RoutingApi::*)(const Request&, const ResponderPtr&);

  // An error that a handler returns is the answer; otherwise the handler has answered, or will.
  void add(net::Router& router, const char* method, const std::string& path, Handler handler) {
    auto self = shared_from_this();
    router.add(method, std::string(kBase) + path, [self, handler](const Request& request, ResponderPtr to) {
      self->env_.executor.post(Lane::kControl, [self, handler, request, to] {
        if (auto done = (self.get()->*handler)(request, to); !done) to->send(failure(done.error()));
      });
    });
  }
  static std::string user_of(const Request& request) { return std::string(request.headers.get("x-holdfast-user")); }

  Result<void> explain(const Request& request, const ResponderPtr& to) {
    const auto body = HF_TRY(object_of(request));
    const auto labels = HF_TRY(labels_of(body, "labels"));
    if (labels.empty()) return invalid("'labels' is missing");
    const auto at = HF_TRY(text_of(body, "at", false));
    const auto when = at.empty() ? env_.clock.now() : HF_TRY(parse_time(at).context("at"));
    json explained = alerts_.explain(labels, when);
    explained["at"] = format_time(when);
    to->send(answer(200, explained));
    return {};
  }

  Result<void> history(const Request& request, const ResponderPtr& to) {
    route::HistoryQuery query;
    query.fingerprint = std::string(request.param("fingerprint"));
    query.group_key = std::string(request.param("group_key"));
    for (auto [name, into] : {std::pair{"from", &query.from}, std::pair{"to", &query.to}}) {
      if (const auto text = request.param(name); !text.empty()) *into = HF_TRY(parse_time(text).context(name));
    }
    if (const auto text = request.param("limit"); !text.empty()) {
      const auto limit = parse_int(text);
      if (!limit || *limit < 1 || *limit > kHistoryMax) return invalid("'limit' must be a whole number from 1 to 1000");
      query.limit = static_cast<std::size_t>(*limit);
    }
    json items = json::array();
    for (const auto& item : HF_TRY(alerts_.history(query))) items.push_back(item_json(item));
    to->send(answer(200, {{"items", std::move(items)}}));
    return {};
  }

  Result<void> held(const Request&, const ResponderPtr& to) {
    json list = json::array();
    for (const auto& one : alerts_.held()) list.push_back(held_json(one));
    to->send(answer(200, {{"held", std::move(list)}}));
    return {};
  }

  Result<void> groups(const Request&, const ResponderPtr& to) {
    json list = json::array();
    for (const auto& group : alerts_.groups({})) {
      auto one = group_json(group);
      one["key"] = group.key;
      one["next_flush"] = format_time(group.next_flush);
      one["muted_by"] = group.muted_by;
      list.push_back(std::move(one));
    }
    to->send(answer(200, {{"groups", std::move(list)}}));
    return {};
  }

  route::Router::Done<void> done_to(const ResponderPtr& to) {
    return [to](const Result<void>& done) {
      to->send(done ? answer(200, {{"status", "ok"}}) : failure(done.error()));
    };
  }

  Result<void> acknowledge(const Request& request, const ResponderPtr& to) {
    const auto body = HF_TRY(object_of(request));
    const auto group = HF_TRY(text_of(body, "group_key", false));
    const auto fingerprint = HF_TRY(text_of(body, "fingerprint", false));
    const auto comment = HF_TRY(text_of(body, "comment", false));
    if (group.empty() == fingerprint.empty()) return invalid("give 'group_key' or 'fingerprint'");
    if (group.empty())
      alerts_.acknowledge_alert(fingerprint, user_of(request), comment, done_to(to));
    else
      alerts_.acknowledge_group(group, user_of(request), comment, done_to(to));
    return {};
  }

  Result<void> withdraw(const Request& request, const ResponderPtr& to) {
    const auto body = HF_TRY(object_of(request));
    alerts_.withdraw_acknowledgement(HF_TRY(text_of(body, "key", true)), user_of(request), done_to(to));
    return {};
  }

  Result<void> preview(const Request& request, const ResponderPtr& to) {
    auto parsed = parse_posted_silence(request.body);
    if (const auto* bad = std::get_if<BodyProblem>(&parsed)) return invalid(bad->message);
    const auto preview = alerts_.preview(std::get<route::Silence>(std::move(parsed)));
    json hides = json::array(), occurrences = json::array();
    for (const auto& alert : preview.hides) hides.push_back(alert_json(alert));
    for (const auto at : preview.occurrences) occurrences.push_back(format_time(at));
    to->send(answer(200, {{"hides", std::move(hides)},
                          {"refused", preview.refused},
                          {"occurrences", std::move(occurrences)}}));
    return {};
  }

  Result<void> drills(const Request&, const ResponderPtr& to) {
    json list = json::array();
    for (const auto& drill : HF_TRY(alerts_.drills())) list.push_back(drill);
    to->send(answer(200, {{"drills", std::move(list)}}));
    return {};
  }

  static route::Router::Done<route::Drill> drill_to(const ResponderPtr& to, int status) {
    return [to, status](const Result<route::Drill>& drill) {
      to->send(drill ? answer(status, json(*drill)) : failure(drill.error()));
    };
  }

  Result<void> start_drill(const Request& request, const ResponderPtr& to) {
    const auto body = HF_TRY(object_of(request));
    route::DrillRequest drill;
    drill.receiver = HF_TRY(text_of(body, "receiver", true));
    drill.note = HF_TRY(text_of(body, "note", false));
    drill.labels = HF_TRY(labels_of(body, "labels"));
    drill.by = user_of(request);
    alerts_.start_drill(std::move(drill), drill_to(to, 201));
    return {};
  }

  Result<void> acknowledge_drill(const Request& request, const ResponderPtr& to) {
    alerts_.acknowledge_drill(request.path_params.at("id"), user_of(request), drill_to(to, 200));
    return {};
  }

  Env& env_;
  route::Router& alerts_;
};

}  // namespace

void add_routing_routes(net::Router& router, Env& env, route::Router& alerts) {
  std::make_shared<RoutingApi>(env, alerts)->add_routes(router);
}

}  // namespace holdfast::app
