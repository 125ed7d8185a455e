#include "app/alert_desk.h"

#include <memory>

#include "base/log.h"
#include "respond/send/templates.h"

namespace holdfast::app {

namespace send = respond::send;
namespace route = respond::route;

AlertDesk::AlertDesk(Env& env, state::Journal& journal, state::Outbox& outbox, net::Client& client,
                     const std::string& external_url, const AlertDeskConfig& config)
    : sender(env, client, external_url),
      router(
          env, journal, outbox,
          [this](const send::SendRequest& request, send::Sender::Done done) {
            sender.deliver(request, std::move(done));
          },
          config.alerting.options),
      intake(env, journal),
      status(env, journal, outbox, client),
      env_(env),
      external_url_(external_url),
      config_(config) {}

Result<void> AlertDesk::start_routing() {
  take_templates();
  return router.start(config_.alerting.routes).context("alert routing");
}

Result<void> AlertDesk::start(respond::Incidents& incidents) {
  // Whoever acknowledged an event elsewhere has acknowledged it here: its alert, and the incident that it is a cause of.
  intake.set_acknowledge([this, &incidents](const std::string& fingerprint, const std::string& by) {
    router.acknowledge_alert(fingerprint, by, "acknowledged by the event's sender", {});
    for (const auto& incident : incidents.active()) {
      for (const auto& alert : incident.alerts) {
        if (alert.fingerprint == fingerprint) incidents.acknowledge(incident.id, by, {});
      }
    }
  });
  HF_TRY(intake.start(config_.intake.options).context("intake"));
  return status.start(config_.status.options).context("status page");
}

void AlertDesk::configure(const AlertDeskConfig& fresh) {
  config_ = fresh;
  take_templates();
  router.configure(config_.alerting.options);
  router.configure(config_.alerting.routes);
  intake.configure(config_.intake.options);
  status.configure(config_.status.options);
}

void AlertDesk::tell_receiver(const std::string& receiver,
                              const respond::oncall::PageMessage& message, const std::string& key,
                              respond::oncall::Pager::Done done) {
  const auto* found = router.config().receiver(receiver);
  if (found == nullptr || found->integrations.empty())
    return done(invalid("receiver '" + receiver + "' " +
                        (found == nullptr ? "is not in the configuration" : "has no integrations")));
  struct Round {
    std::size_t left;
    std::string told, failed;
    bool retry = false;
    respond::oncall::Pager::Done done;
  };
  auto round = std::make_shared<Round>(Round{found->integrations.size(), {}, {}, false, std::move(done)});
  const auto now = env_.clock.now();
  route::RoutedAlert alert;
  alert.labels = {{"alertname", "Page"}, {"incident", message.incident}, {"urgency", message.urgency}};
  alert.annotations = {{"summary", message.subject}, {"description", message.text}};
  alert.starts_at = now;
  alert.generator_url = message.url;
  if (message.event == "resolved") alert.ends_at = now;
  for (const auto& integration : found->integrations) {
    send::SendRequest request;
    request.integration = &integration;
    auto& told = request.notification;
    told.receiver = receiver;
    told.kind = integration.kind;
    told.index = integration.index;
    told.group_key = "page/" + key;
    told.reason = "page of on-call";
    told.group_labels = {{"incident", message.incident}};
    told.alerts = {alert};
    told.at = now;
    told.deadline = now + 60s;
    const auto name = told.receiver_key();
    sender.deliver(request, [round, name](const send::Outcome& outcome) {
      const bool well = outcome.kind == send::Outcome::Kind::kDelivered;
      auto& text = well ? round->told : round->failed;
      text += (text.empty() ? "" : "; ") + name + ": " + (well ? "delivered" : outcome.detail);
      round->retry = round->retry || outcome.kind == send::Outcome::Kind::kRetry;
      if (--round->left > 0) return;
      if (!round->told.empty()) return round->done(round->told);
      round->done(Error(round->retry ? Code::kUnavailable : Code::kInvalid, round->failed));
    });
  }
}

void AlertDesk::take_templates() {
  auto templates = send::Templates::parse(config_.alerting.routes.templates, env_.files);
  if (!templates) {
    log_error("templates of notifications were refused; the built-in ones are used",
              {{"error", templates.error().message()}});
    templates = std::make_shared<const send::Templates>();
  }
  sender.configure(*templates);
  router.set_route_labels(
      [this, templates = *templates](const route::GroupNotification& notification, const route::Route& at) {
        const auto data = send::data_of(notification, {external_url_, 0});
        std::vector<model::Label> labels;
        for (const auto& [name, source] : at.labels) {
          auto text = templates->text(source, data, env_.clock.now());
          labels.push_back({name, text ? *text : source});
        }
        return model::Labels(std::move(labels));
      });
}

}  // namespace holdfast::app
