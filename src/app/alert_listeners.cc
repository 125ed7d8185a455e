#include "app/alert_listeners.h"

#include "app/access/audited_router.h"
#include "app/api/alertmanager_api.h"
#include "app/api/intake_api.h"
#include "app/api/routing_api.h"
#include "app/api/status_api.h"
#include "base/log.h"
#include "base/text.h"
#include "respond/intake/mail.h"

namespace holdfast::app {
namespace {

namespace intake = respond::intake;

AlertmanagerSources sources_of(AlertDesk& desk, const AlertmanagerHooks& hooks, bool whole) {
  return {desk.router, hooks.started, HOLDFAST_VERSION, hooks.reload, whole};
}

// A mail is one event for each of its recipients; it is kept when all of them are.
void take_mail(intake::Intake& events, const intake::ReceivedMail& received, RateLimit& limit, MonoTime now,
               const std::function<void(Result<void>)>& done) {
  const auto mail = intake::read_mail(received.data);
  if (!mail) return done(mail.error());
  // The sender comes again; what was kept of it before has the same keys.
  for (const auto& address : received.recipients) {
    if (limit.take(address, now))
      return done(Error(Code::kExhausted, "too many mails for " + printable(address) + "; come again in a minute"));
  }
  auto waiting = std::make_shared<std::size_t>(received.recipients.size());
  auto failed = std::make_shared<std::optional<Error>>();
  for (const auto& address : received.recipients) {
    const auto finish = [waiting, failed, done](const Result<std::vector<std::string>>& kept) {
      if (!kept) *failed = kept.error();
      if (--*waiting == 0) done(*failed ? Result<void>(**failed) : Result<void>());
    };
    const auto* integration = events.integration_by_address(address);
    if (integration == nullptr) {
      finish(std::vector<std::string>());  // gone since it was let in
      continue;
    }
    auto parsed = intake::parse_mail_event(*mail, integration->mapping);
    if (const auto* bad = std::get_if<intake::InboundProblem>(&parsed))
      finish(invalid(join(bad->errors, "; ")));
    else
      events.take(*integration, std::get<std::vector<intake::InboundEvent>>(std::move(parsed)), finish);
  }
}

}  // namespace

void add_alert_routes(net::Router& router, Env& env, AlertDesk& desk, AlertmanagerHooks hooks) {
  add_alertmanager_routes(router, env, sources_of(desk, hooks, false));
  add_routing_routes(router, env, desk.router);
  add_intake_routes(router, env, desk.intake);
  add_status_routes(router, env, desk.status);
}

Result<std::unique_ptr<AlertListeners>> AlertListeners::open(Env& env, AlertDesk& desk, const AlertDeskConfig& config,
                                                             AlertmanagerHooks hooks, Check check,
                                                             std::shared_ptr<AuditLog> audit) {
  std::unique_ptr<AlertListeners> listeners(new AlertListeners);
  const auto listen = [&](std::unique_ptr<net::Server>& server, const net::Router& routes, const std::string& at,
                          const char* what) -> Result<void> {
    server = std::make_unique<net::Server>(env, routes);
    const auto endpoint = HF_TRY(server->listen(HF_TRY(parse_endpoint(at))).context(what + (" " + at)));
    log_info("listening", {{"what", what}, {"at", endpoint.text()}});
    return {};
  };
  if (const auto& at = config.alerting.listen; !at.empty()) {
    add_alertmanager_routes(listeners->alertmanager_routes_, env, sources_of(desk, hooks, true));
    if (hooks.metrics) {
      listeners->alertmanager_routes_.add("GET", "/metrics",
                                          [write = hooks.metrics](const net::Request&, net::ResponderPtr to) {
                                            collect::TextExposition sink;
                                            write(sink);
                                            auto text = net::Response::text(200, sink.take());
                                            text.headers.set("content-type", std::string(collect::kExpositionType));
                                            to->send(std::move(text));
                                          });
    }
    listeners->alertmanager_served_.set_filter(std::move(check));
    add_audited_routes(listeners->alertmanager_served_, listeners->alertmanager_routes_, std::move(audit));
    HF_TRY(listen(listeners->alertmanager_, listeners->alertmanager_served_, at, "alerting.listen"));
  }
  if (const auto& at = config.status.listen; !at.empty()) {
    add_public_status_routes(listeners->public_routes_, env, desk.status);
    HF_TRY(listen(listeners->public_, listeners->public_routes_, at, "status_page.listen"));
  }
  if (const auto& at = config.intake.mail_listen; !at.empty()) {
    listeners->mail_ = std::make_unique<intake::SmtpReceiver>(
        env, "holdfast",
        [&desk](const std::string& address) { return desk.intake.integration_by_address(address) != nullptr; },
        [&env, &desk, limit = &listeners->mail_limit_](intake::ReceivedMail mail,
                                                       const std::function<void(Result<void>)>& done) {
          take_mail(desk.intake, mail, *limit, env.clock.mono(), done);
        });
    const auto endpoint =
        HF_TRY(listeners->mail_->listen(HF_TRY(parse_endpoint(at))).context("intake.mail_listen " + at));
    log_info("listening", {{"what", "intake.mail_listen"}, {"at", endpoint.text()}});
  }
  return listeners;
}

}  // namespace holdfast::app
