// An intent carries the incident as it was when the notice was decided, so that a page sent an hour late still says
// what was true then; the receiver is looked up by name when it is sent, so that a corrected URL takes effect.
#include "respond/notify/notifier.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/text.h"
#include "respond/notify/robot_notice.h"
#include "respond/send/kinds.h"

namespace holdfast::respond {

using model::Notification;
using model::NotificationState;
using nlohmann::json;

namespace {

constexpr std::string_view kIntent = "notify";
constexpr std::string_view kDocument = "notification";
constexpr Duration kSendTimeout = 10s;

// 4xx but for timeouts and rate limits: sending the same again is useless.
bool is_final(int status) {
  return status >= 400 && status < 500 && status != 408 && status != 425 && status != 429;
}

struct Page {
  Notification notification;
  model::Incident incident;
  std::optional<Message> message;  // written words; otherwise they are rendered
};

Result<Page> read_page(const state::Intent& intent) {
  const auto body = json::parse(intent.body, nullptr, false);
  if (!body.is_object() || !body.contains("notification") || !body.contains("incident"))
    return internal("notify intent " + intent.key + " is not readable");
  Page page;
  page.notification = HF_TRY(parse_json<Notification>(body["notification"].dump()));
  page.incident = HF_TRY(parse_json<model::Incident>(body["incident"].dump()));
  if (const auto found = body.find("message"); found != body.end() && found->is_object()) {
    const auto text = [&](const char* name) {
      const auto part = found->find(name);
      return part != found->end() && part->is_string() ? part->get<std::string>() : std::string();
    };
    page.message = Message{text("subject"), text("body")};
  }
  return page;
}

state::Batch outcome(const Notification& notification) {
  state::Batch batch;
  const auto body = dump_json(notification);
  batch.document(std::string(kDocument), notification.id, body);
  batch.entry(model::kNotificationChanged, notification.id, body);
  return batch;
}

}  // namespace

struct Notifier::Impl : std::enable_shared_from_this<Impl> {
  Impl(Env& env, net::Client& client, NotifierOptions options)
      : env(env), client(client), options(std::move(options)) {}

  state::Outbox::Handler handler() {
    state::Outbox::Handler handler;
    const auto weak = weak_from_this();
    handler.run = [weak](const state::Intent& intent, int attempt, state::Outbox::Finish finish) {
      if (auto self = weak.lock()) self->send(intent, attempt, std::move(finish));
    };
    handler.give_up = [weak](const state::Intent& intent, int attempts,
                             const Error& error) -> std::optional<state::Batch> {
      auto self = weak.lock();
      return self ? self->give_up(intent, attempts, error) : std::nullopt;
    };
    // Notices of one incident to one receiver arrive in order.
    handler.lane_of = [](const state::Intent& intent) {
      auto page = read_page(intent);
      return page ? page->notification.incident + "/" + page->notification.receiver : std::string();
    };
    handler.attempt_timeout = kSendTimeout + 5s;
    handler.backoff_max = 1min;
    return handler;
  }

  const Receiver* receiver(const std::string& name) const {
    const auto found = std::find_if(options.receivers.begin(), options.receivers.end(),
                                    [&](const auto& r) { return r.name == name; });
    return found == options.receivers.end() ? nullptr : &*found;
  }

  void send(const state::Intent& intent, int attempt, state::Outbox::Finish finish) {
    auto page = read_page(intent);
    if (!page) return finish(std::move(page).error());
    page->notification.attempts = attempt;
    const auto* to = receiver(page->notification.receiver);
    if (to == nullptr) {
      return fail(page->notification,
                  "receiver '" + page->notification.receiver + "' is not configured any more",
                  finish);
    }
    const auto& language = to->language.empty() ? options.language : to->language;
    const auto message = page->message
                             ? *page->message
                             : render_message(page->incident, page->notification.event, language,
                                              options.external_url, page->notification.created_at);
    if (to->kind == "log") {
      log_info("notice", {{"receiver", to->name},
                          {"event", page->notification.event},
                          {"subject", message.subject}});
      delivered(page->notification, "", finish);
    } else if (to->kind == "email") {
      send_email(*to, *page, message, std::move(finish));
    } else if (send::is_robot(to->kind)) {
      send_robot(*to, page->notification, message, std::move(finish));
    } else {
      const auto body =
          to->kind == "slack"
              ? render_slack(page->incident, page->notification.event, message, to->channel)
              : render_webhook(page->incident, page->notification.event, message,
                               page->notification.id);
      post(*to, page->notification, body, std::move(finish));
    }
  }

  void delivered(Notification notification, std::string answer,
                 const state::Outbox::Finish& finish) const {
    notification.state = NotificationState::kDelivered;
    notification.delivered_at = env.clock.now();
    notification.detail = std::move(answer);
    finish(outcome(notification));
  }

  static void fail(Notification notification, std::string why,
                   const state::Outbox::Finish& finish) {
    notification.state = NotificationState::kFailed;
    notification.detail = std::move(why);
    finish(outcome(notification));
  }

  void post(const Receiver& to, const Notification& notification, std::string body,
            state::Outbox::Finish finish) {
    net::ClientRequest request;
    request.method = "POST";
    request.url = to.url;
    request.body = std::move(body);
    request.timeout = kSendTimeout;
    request.headers.set("content-type", "application/json");
    request.headers.set("idempotency-key", notification.id);
    client.send(std::move(request), [weak = weak_from_this(), notification,
                                     finish](Result<net::ClientResponse> response) {
      auto self = weak.lock();
      if (!self) return;
      self->env.executor.post(Lane::kControl,
                              [weak, notification, finish, response = std::move(response)] {
                                if (auto alive = weak.lock())
                                  alive->answered(notification, response, finish);
                              });
    });
  }

  void answered(const Notification& notification, const Result<net::ClientResponse>& response,
                const state::Outbox::Finish& finish) const {
    if (!response) return finish(Error(response.error()));
    const auto answer = "status " + std::to_string(response->status) +
                        (response->body.empty() ? "" : ": " + printable(response->body, 120));
    if (response->status >= 200 && response->status < 300)
      return delivered(notification, answer, finish);
    if (is_final(response->status)) return fail(notification, answer, finish);
    finish(unavailable(answer));
  }

  // The builders of routed notifications write and sign it, and judge what comes back.
  void send_robot(const Receiver& to, const Notification& notification, const Message& message,
                  state::Outbox::Finish finish) {
    auto exchange = robot_exchange(to, message, env.clock.now());
    if (!exchange) return fail(notification, exchange.error().message(), finish);
    exchange->request.timeout = kSendTimeout;
    exchange->request.headers.set("idempotency-key", notification.id);
    client.send(std::move(exchange->request),
                [weak = weak_from_this(), notification, finish,
                 judge = std::move(exchange->judge)](Result<net::ClientResponse> response) {
                  auto self = weak.lock();
                  if (!self) return;
                  self->env.executor.post(Lane::kControl, [weak, notification, finish, judge,
                                                           response = std::move(response)] {
                    if (auto alive = weak.lock())
                      alive->robot_answered(notification, judge, response, finish);
                  });
                });
  }

  void robot_answered(const Notification& notification,
                      const std::function<send::Step(const send::Answer&)>& judge,
                      const Result<net::ClientResponse>& response,
                      const state::Outbox::Finish& finish) const {
    if (!response) return finish(Error(response.error()));
    const auto outcome = judge({response->status, response->headers, response->body}).outcome;
    if (outcome.kind == send::Outcome::Kind::kDelivered)
      return delivered(notification, outcome.detail, finish);
    if (outcome.kind == send::Outcome::Kind::kFailed)
      return fail(notification, outcome.detail, finish);
    finish(unavailable(outcome.detail));
  }

  void send_email(const Receiver& to, const Page& page, const Message& message,
                  state::Outbox::Finish finish) {
    net::Mail mail;
    mail.from = to.from;
    mail.to = to.to;
    mail.subject = message.subject;
    mail.body = message.body;
    mail.message_id = page.notification.id + "@holdfast";
    std::replace(mail.message_id.begin(), mail.message_id.end(), '/', '.');
    mail.date = page.notification.created_at;
    env.executor.post(Lane::kPool, [weak = weak_from_this(), server = to.smtp, mail,
                                    notification = page.notification, finish] {
      auto sent = net::send_mail(server, mail);
      auto self = weak.lock();
      if (!self) return;
      self->env.executor.post(Lane::kControl, [weak, notification, finish, sent] {
        auto alive = weak.lock();
        if (!alive) return;
        if (sent)
          alive->delivered(notification, "accepted", finish);
        else if (sent.error().code() == Code::kInvalid)
          fail(notification, sent.error().message(), finish);
        else
          finish(Error(sent.error()));
      });
    });
  }

  std::optional<state::Batch> give_up(const state::Intent& intent, int attempts,
                                      const Error& error) const {
    auto page = read_page(intent);
    if (!page) return state::Batch{};  // unreadable: ends here, the outbox has logged why
    log_warn("notice not delivered", {{"receiver", page->notification.receiver},
                                      {"attempt", std::to_string(attempts)},
                                      {"error", error.message()}});
    if (env.clock.now() - page->notification.created_at < options.give_up_after)
      return std::nullopt;
    page->notification.state = NotificationState::kFailed;
    page->notification.attempts = attempts;
    page->notification.detail =
        "given up after " + format_duration(options.give_up_after) + ": " + error.message();
    return outcome(page->notification);
  }

  Env& env;
  net::Client& client;
  NotifierOptions options;
};

Notifier::Notifier(Env& env, net::Client& client, state::Outbox& outbox, NotifierOptions options)
    : impl_(std::make_shared<Impl>(env, client, std::move(options))) {
  outbox.handle(std::string(kIntent), impl_->handler());
}
Notifier::~Notifier() = default;

void Notifier::configure(NotifierOptions options) { impl_->options = std::move(options); }

void Notifier::add_intents(const model::Incident& incident, std::string_view event,
                           state::Batch& batch) const {
  // An event may come more than once in an incident's life (escalated twice); the timeline's length tells them apart
  // and is the same when the same decision is taken again after a crash.
  const auto occasion =
      incident.id.value + "/" + std::string(event) + "/" + std::to_string(incident.timeline.size());
  for (const auto& receiver : impl_->options.receivers) {
    if (static_cast<int>(incident.rank) > receiver.worst_rank_only) continue;
    Notification notification;
    notification.id = occasion + "/" + receiver.name;
    notification.incident = incident.id.value;
    notification.receiver = receiver.name;
    notification.kind = receiver.kind;
    notification.event = std::string(event);
    notification.created_at = impl_->env.clock.now();
    batch.document(std::string(kDocument), notification.id, dump_json(notification));
    state::Intent intent;
    intent.key = notification.id;
    intent.kind = std::string(kIntent);
    intent.body = "{\"notification\":" + dump_json(notification) +
                  ",\"incident\":" + dump_json(incident) + "}";
    batch.intent(std::move(intent));
  }
}

void Notifier::add_message_intents(const model::Incident& incident, const Message& message,
                                   const std::string& occasion,
                                   const std::vector<std::string>& receivers,
                                   state::Batch& batch) const {
  for (const auto& name : receivers) {
    const auto* receiver = impl_->receiver(name);
    Notification notification;
    notification.id = occasion + "/" + name;
    notification.incident = incident.id.value;
    notification.receiver = name;
    notification.kind = receiver == nullptr ? "" : receiver->kind;
    notification.event = "words";
    notification.created_at = impl_->env.clock.now();
    batch.document(std::string(kDocument), notification.id, dump_json(notification));
    json body = {{"notification", json(notification)},
                 {"incident", json(incident)},
                 {"message", {{"subject", message.subject}, {"body", message.body}}}};
    state::Intent intent;
    intent.key = notification.id;
    intent.kind = std::string(kIntent);
    intent.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
    batch.intent(std::move(intent));
  }
}

}  // namespace holdfast::respond
