// app/alert_listeners.h: the routes of alerting in Holdfast's API, and the listeners that it has of its own.
//
// Purpose     add_alert_routes(): Alertmanager's API, routing, intake and status page on the main listener. AlertListeners:
//             one more address for Alertmanager alone (its usual port 9093), the public status page, and SMTP for mail
//             that becomes an event.
// Life        Addresses are fixed for a run; what they serve follows reloads.
// Threads     Control strand.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/access/audit.h"
#include "app/access/rate_limit.h"
#include "app/alert_desk.h"
#include "collect/metric_sink.h"
#include "net/http.h"
#include "respond/intake/smtp_receiver.h"

namespace holdfast::app {

struct AlertmanagerHooks {
  WallTime started{};
  std::function<std::vector<std::string>()> reload;  // the findings when it was refused
  std::function<void(collect::MetricSink&)> metrics = {};  // of Alertmanager's names, from any thread; empty: none
};

// The desk must outlive the router's server.
void add_alert_routes(net::Router& router, Env& env, AlertDesk& desk, AlertmanagerHooks hooks);

class AlertListeners {
 public:
  using Check = std::function<std::optional<net::Response>(net::Request&)>;

  // The desk must outlive this. `check` is the one authorisation point; the public page has none.
  static Result<std::unique_ptr<AlertListeners>> open(Env& env, AlertDesk& desk, const AlertDeskConfig& config,
                                                      AlertmanagerHooks hooks, Check check,
                                                      std::shared_ptr<AuditLog> audit);

 private:
  AlertListeners() = default;

  RateLimit mail_limit_{Rate{120, 120}};  // by address it is for
  net::Router alertmanager_routes_, alertmanager_served_, public_routes_;
  std::unique_ptr<net::Server> alertmanager_, public_;
  std::unique_ptr<respond::intake::SmtpReceiver> mail_;
};

}  // namespace holdfast::app
