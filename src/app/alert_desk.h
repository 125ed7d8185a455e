// app/alert_desk.h: the parts between an alert and those who are told: router, sender, intake, status page; wired together.
//
// Purpose     One member of the control plane, made and configured in one place, and the routes of its APIs.
// Threads     Control strand.
#pragma once

#include <string>

#include "app/alert_desk_config.h"
#include "base/env.h"
#include "net/http.h"
#include "respond/incident/incidents.h"
#include "respond/intake/intake.h"
#include "respond/oncall/pager.h"
#include "respond/route/router.h"
#include "respond/send/sender.h"
#include "respond/status/status_page.h"
#include "state/journal.h"
#include "state/outbox.h"

namespace holdfast::app {

class AlertDesk {
 public:
  AlertDesk(Env& env, state::Journal& journal, state::Outbox& outbox, net::Client& client,
            const std::string& external_url, const AlertDeskConfig& config);

  // First the routing: incidents ask it what is hidden. Before Incidents::start(). A template that is broken is told and the
  // built-in ones are used.
  Result<void> start_routing();
  // After Incidents::start(), before Outbox::start().
  Result<void> start(respond::Incidents& incidents);
  void configure(const AlertDeskConfig& fresh);
  // Hands a page of on-call to every integration of a receiver; well when one took it.
  void tell_receiver(const std::string& receiver, const respond::oncall::PageMessage& message,
                     const std::string& key, respond::oncall::Pager::Done done);

  respond::send::Sender sender;
  respond::route::Router router;
  respond::intake::Intake intake;
  respond::status::StatusPage status;

 private:
  void take_templates();

  Env& env_;
  std::string external_url_;
  AlertDeskConfig config_;
};

}  // namespace holdfast::app
