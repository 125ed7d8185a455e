#include "app/access/audited_router.h"

#include <mutex>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

using net::Request;
using net::Response;

// The answer waits for its record. An answer that never comes is a record, too.
class AuditedResponder final : public net::Responder {
 public:
  AuditedResponder(std::shared_ptr<AuditLog> log, AuditRecord record, net::ResponderPtr to)
      : log_(std::move(log)), record_(std::move(record)), to_(std::move(to)) {}
  ~AuditedResponder() override {
    if (to_ == nullptr) return;
    record_.result = "failed: it was not answered";
    log_->write(std::move(record_));
  }
  void send(Response response) override {
    if (to_ == nullptr) return;
    if (const auto told = response.headers.get(kAuditResource); !told.empty())
      record_.resource = told;
    response.headers.erase(kAuditResource);
    record_.status = response.status;
    record_.result = audit_result(response);
    auto to = std::exchange(to_, nullptr);
    log_->write(std::move(record_), [to = std::move(to), response = std::move(response)]() mutable {
      to->send(std::move(response));
    });
  }
  std::shared_ptr<net::EventStream> start_events() override {
    record_.result = "ok";
    log_->write(record_);
    return std::exchange(to_, nullptr)->start_events();
  }
  std::stop_token stop() const override { return to_ ? to_->stop() : std::stop_token(); }

 private:
  std::shared_ptr<AuditLog> log_;
  AuditRecord record_;
  net::ResponderPtr to_;
};

// A path the pattern matches, to find the route behind the pattern.
std::string sample_of(const std::string& pattern) {
  std::string path;
  for (const auto segment : split(std::string_view(pattern).substr(1), '/')) {
    path += '/';
    path += segment.starts_with('{') ? "~" : segment;
  }
  return path;
}

}  // namespace

AuditRecord audit_record(const Request& request, const RouteRule& rule) {
  AuditRecord record;
  record.actor = request.headers.get("x-holdfast-user");
  record.via = request.headers.get("x-holdfast-via");
  record.address = request.peer;
  record.user_agent = request.headers.get("user-agent");
  record.method = request.method;
  record.path = request.path;
  record.action_class = class_name(rule.action);
  record.action = rule.name.empty() ? request.method + " " + std::string(rule.pattern)
                                    : std::string(rule.name);
  record.service = request.headers.get("x-holdfast-service");
  const auto parameter = [&](const char* name) {
    const auto found = request.path_params.find(name);
    return found == request.path_params.end() ? std::string() : found->second;
  };
  if (rule.target == Target::kService) record.service = record.resource = parameter("name");
  if (record.resource.empty()) record.resource = parameter("id");
  if (record.resource.empty()) record.resource = request.path;
  return record;
}

std::string audit_result(const Response& response) {
  if (response.status == 202) return "accepted";  // its end is another record
  if (response.status < 400) return "ok";
  std::string message = "status " + std::to_string(response.status);
  const auto body = nlohmann::json::parse(response.body, nullptr, false);
  if (body.is_string()) message = body.get<std::string>();  // Alertmanager's form
  if (body.is_object() && body.contains("error")) {
    const auto& error = body["error"];
    if (error.is_string()) message = error.get<std::string>();
    if (error.is_object() && error.contains("message") && error["message"].is_string())
      message = error["message"].get<std::string>();
  }
  const bool denied = response.status == 401 || response.status == 403 || response.status == 429;
  return (denied ? "denied: " : "failed: ") + message;
}

void add_audited_routes(net::Router& served, const net::Router& routes,
                        std::shared_ptr<AuditLog> log) {
  for (const auto& [method, pattern] : routes.routes()) {
    Request sample;
    sample.method = method;
    sample.path = sample.target = sample_of(pattern);
    Response refusal;
    const auto* route = routes.match(sample, refusal);
    HF_CHECK(route != nullptr && route->pattern == pattern,
             "two routes answer " + method + " " + pattern);
    if (!is_listed(method, pattern))
      log_warn("a route has no action class; only administrators may call it",
               {{"method", method}, {"route", pattern}});
    const auto& rule = route_rule(method, pattern);
    if (!is_audited(rule, method)) {
      served.add(method, pattern, route->handler, route->options);
      continue;
    }
    served.add(method, pattern,
               [route, rule, log](const Request& request, net::ResponderPtr to) {
                 route->handler(request, std::make_shared<AuditedResponder>(
                                             log, audit_record(request, rule), std::move(to)));
               },
               route->options);
  }
}

}  // namespace holdfast::app
