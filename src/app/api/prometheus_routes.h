// app/api/prometheus_routes.h: how the parts of Prometheus' API add their routes; inside app/api only.
//
// Purpose     One place for what all routes share: lanes, CORS, the sources, and the list of what there is.
// Threads     Used while routes are added; handlers keep it alive.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "app/api/prometheus_api.h"
#include "app/api/prometheus_form.h"

namespace holdfast::app {

struct PrometheusContext {
  Env& env;
  PrometheusSources sources;
};
using PrometheusContextPtr = std::shared_ptr<const PrometheusContext>;

class PrometheusRoutes {
 public:
  using Methods = std::vector<const char*>;
  using PoolHandler = std::function<net::Response(const net::Request&, std::stop_token)>;
  using ControlHandler = std::function<net::Response(const net::Request&)>;
  // With the external labels of the moment.
  using LabelledHandler =
      std::function<net::Response(const net::Request&, const model::Labels&, std::stop_token)>;

  PrometheusRoutes(net::Router& router, PrometheusContextPtr context)
      : router_(router), context_(std::move(context)) {}

  const PrometheusContextPtr& context() const { return context_; }
  void pooled(const Methods& methods, const std::string& path, PoolHandler handle);
  void on_control(const Methods& methods, const std::string& path, ControlHandler handle);
  void labelled(const Methods& methods, const std::string& path, LabelledHandler handle);

  // OPTIONS, unknown paths and unknown methods. Last.
  void add_rest();

 private:
  net::Router& router_;
  PrometheusContextPtr context_;
};

inline const PrometheusRoutes::Methods kGet = {"GET"};
inline const PrometheusRoutes::Methods kGetPost = {"GET", "POST"};
inline const PrometheusRoutes::Methods kPutPost = {"PUT", "POST"};

// One a file: prometheus_<part>.cc.
void add_query_routes(PrometheusRoutes& routes);
void add_series_routes(PrometheusRoutes& routes);
void add_target_routes(PrometheusRoutes& routes);
void add_rule_routes(PrometheusRoutes& routes);
void add_status_routes(PrometheusRoutes& routes);
void add_admin_routes(PrometheusRoutes& routes);
void add_federate_routes(PrometheusRoutes& routes);
void add_remote_read_routes(PrometheusRoutes& routes);

}  // namespace holdfast::app
