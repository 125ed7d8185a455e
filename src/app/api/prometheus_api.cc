// What all endpoints share: lanes, pages of other origins, and the answers to what is not there.
#include "app/api/prometheus_api.h"

#include <algorithm>

#include "app/api/prometheus_routes.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

constexpr std::string_view kBase = "/api/v1/";

bool from_this_machine(std::string_view origin) {
  auto url = net::parse_url(std::string(origin));
  return url && (url->host == "localhost" || url->host == "::1" || url->host.starts_with("127."));
}

// A page of another origin never carries our cookie here, so with authorisation it must know the token. Without,
// whoever lures a browser to his page could read what a loopback listener holds: then only pages of this machine may.
net::Response with_cors(const net::Request& request, net::Response response) {
  const auto origin = request.headers.get("origin");
  if (origin.empty()) return response;
  response.headers.set("Vary", "Origin");
  const bool open = request.headers.get("x-holdfast-user") == "local";
  if (open && !from_this_machine(origin)) return response;
  response.headers.set("Access-Control-Allow-Headers",
                       "Accept, Authorization, Content-Type, Origin");
  response.headers.set("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  response.headers.set("Access-Control-Allow-Origin", open ? std::string(origin) : "*");
  response.headers.set("Access-Control-Expose-Headers", "Date");
  return response;
}

// The methods that routes of these patterns have for a path: none when no pattern is of it.
std::vector<std::string> methods_of(const std::vector<std::pair<std::string, std::string>>& routes,
                                    const std::string& path) {
  std::vector<std::string> methods;
  const auto want = split(path, '/');
  for (const auto& [method, pattern] : routes) {
    const auto parts = split(pattern, '/');
    const bool same = std::ranges::equal(parts, want, [](auto part, auto segment) {
      return part == segment || (part.starts_with('{') && !segment.empty());
    });
    if (same && std::ranges::find(methods, method) == methods.end()) methods.push_back(method);
  }
  return methods;
}

net::Response not_there(const net::Request& request, const std::vector<std::string>& methods) {
  if (methods.empty()) return net::Response::text(404, "404 page not found\n");
  auto response = refuse({"bad_data", 405, request.method + " is not served at " + request.path});
  response.headers.set("Allow", join(methods, ", "));
  return response;
}

}  // namespace

void PrometheusRoutes::pooled(const Methods& methods, const std::string& path, PoolHandler handle) {
  const auto run = [handle](const net::Request& request, const net::ResponderPtr& to) {
    to->send(with_cors(request, handle(request, to->stop())));
  };
  for (const char* method : methods) router_.add(method, path, run, {.blocking = true});
}

void PrometheusRoutes::on_control(const Methods& methods, const std::string& path,
                                  ControlHandler handle) {
  const auto run = [context = context_, handle](const net::Request& request,
                                                const net::ResponderPtr& to) {
    context->env.executor.post(
        Lane::kControl, [handle, request, to] { to->send(with_cors(request, handle(request))); });
  };
  for (const char* method : methods) router_.add(method, path, run);
}

void PrometheusRoutes::labelled(const Methods& methods, const std::string& path,
                                LabelledHandler handle) {
  const auto run = [context = context_, handle](const net::Request& request,
                                                const net::ResponderPtr& to) {
    auto& executor = context->env.executor;
    executor.post(Lane::kControl, [context, handle, request, to, &executor] {
      const auto& labels = context->sources.external_labels;
      executor.post(Lane::kPool,
                    [handle, request, to, external = labels ? labels() : model::Labels()] {
                      to->send(with_cors(request, handle(request, external, to->stop())));
                    });
    });
  };
  for (const char* method : methods) router_.add(method, path, run);
}

void PrometheusRoutes::add_rest() {
  const std::string pattern = std::string(kBase) + "{path...}";
  std::vector<std::pair<std::string, std::string>> known;
  for (const auto& route : router_.routes()) {
    if (route.second.starts_with(kBase)) known.push_back(route);
  }
  router_.add("OPTIONS", pattern, [](const net::Request& request, const net::ResponderPtr& to) {
    to->send(with_cors(request, no_content()));
  });
  const auto refusal = [known](const net::Request& request, const net::ResponderPtr& to) {
    to->send(with_cors(request, not_there(request, methods_of(known, request.path))));
  };
  for (const char* method : {"GET", "POST", "PUT", "DELETE", "PATCH"})
    router_.add(method, pattern, refusal);
}

void add_prometheus_routes(net::Router& router, Env& env, const PrometheusSources& sources) {
  PrometheusRoutes routes(router,
                          std::make_shared<PrometheusContext>(PrometheusContext{env, sources}));
  add_query_routes(routes);
  add_series_routes(routes);
  add_target_routes(routes);
  add_rule_routes(routes);
  add_status_routes(routes);
  add_admin_routes(routes);
  add_federate_routes(routes);
  add_remote_read_routes(routes);
  routes.add_rest();
}

}  // namespace holdfast::app
