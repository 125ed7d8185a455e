#include "respond/incident/war_room.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/text.h"
#include "respond/incident/timeline.h"

namespace holdfast::respond {

using nlohmann::json;

namespace {

constexpr std::string_view kKind = "war_room";
constexpr std::string_view kSlackApi = "https://slack.com/api";
constexpr Duration kCallTimeout = 10s;

// What may go away by itself; everything else Slack says is its last word.
bool is_passing(const std::string& error) {
  for (const char* passing : {"ratelimited", "internal_error", "fatal_error", "service_unavailable",
                              "request_timeout", "team_added_to_org"}) {
    if (error == passing) return true;
  }
  return false;
}

// Foreign JSON: a member of another type is as good as none.
std::string text_of(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

struct Order {
  std::string incident, name, title, text;
  WallTime at{};
};

std::string order_json(const Order& order) {
  return json{{"incident", order.incident},
              {"name", order.name},
              {"title", order.title},
              {"text", order.text},
              {"at", format_time(order.at)}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

Order read_order(const state::Intent& intent) {
  const auto body = json::parse(intent.body, nullptr, false);
  Order order;
  if (!body.is_object()) return order;
  order.incident = text_of(body, "incident");
  order.name = text_of(body, "name");
  order.title = text_of(body, "title");
  order.text = text_of(body, "text");
  if (auto at = parse_time(text_of(body, "at"))) order.at = *at;
  return order;
}

state::Batch outcome(const Order& order, std::string state, std::string id, std::string detail) {
  state::Batch batch;
  const auto body =
      dump_json(model::WarRoom{order.name, std::move(state), std::move(id), std::move(detail)});
  batch.document(std::string(kKind), order.incident, body);
  batch.entry(kWarRoomChanged, order.incident, body);
  return batch;
}

}  // namespace

struct WarRooms::Impl : std::enable_shared_from_this<Impl> {
  Impl(Env& env, net::Client& client, WarRoomOptions options)
      : env(env), client(client), options(std::move(options)) {}

  using Finish = state::Outbox::Finish;
  using Answer = std::function<void(const json&)>;

  state::Outbox::Handler handler() {
    state::Outbox::Handler handler;
    const auto weak = weak_from_this();
    handler.run = [weak](const state::Intent& intent, int, Finish finish) {
      if (auto self = weak.lock()) self->open(read_order(intent), std::move(finish));
    };
    handler.give_up = [weak](const state::Intent& intent, int,
                             const Error& error) -> std::optional<state::Batch> {
      auto self = weak.lock();
      if (!self) return std::nullopt;
      const auto order = read_order(intent);
      if (self->env.clock.now() - order.at < self->options.give_up_after) return std::nullopt;
      return outcome(order, "failed", "", "given up: " + error.message());
    };
    handler.attempt_timeout = 4 * kCallTimeout;
    handler.backoff_max = 1min;
    return handler;
  }

  void open(const Order& order, Finish finish) {
    if (options.kind == "webhook") return by_webhook(order, std::move(finish));
    if (options.kind == "slack") return by_slack(order, std::move(finish));
    finish(outcome(order, "failed", "", "war rooms are not configured any more"));
  }

  void send(net::ClientRequest request, std::function<void(Result<net::ClientResponse>)> done) {
    client.send(std::move(request),
                [weak = weak_from_this(), done](Result<net::ClientResponse> response) {
                  auto self = weak.lock();
                  if (!self) return;
                  self->env.executor.post(Lane::kControl,
                                          [weak, done, response = std::move(response)]() mutable {
                                            if (weak.lock()) done(std::move(response));
                                          });
                });
  }

  void by_webhook(const Order& order, Finish finish) {
    net::ClientRequest request;
    request.method = "POST";
    request.url = options.url;
    request.timeout = kCallTimeout;
    request.headers.set("content-type", "application/json");
    request.headers.set("idempotency-key", "war_room/" + order.incident);
    request.body =
        json{{"event", "war_room"},  {"incident", order.incident}, {"name", order.name},
             {"title", order.title}, {"text", order.text},         {"link", link_of(order)}}
            .dump(-1, ' ', false, json::error_handler_t::replace);
    send(std::move(request), [order, finish](Result<net::ClientResponse> response) {
      if (!response) return finish(Error(response.error()));
      const auto status = response->status;
      const auto said = "status " + std::to_string(status) +
                        (response->body.empty() ? "" : ": " + printable(response->body, 120));
      if (status >= 200 && status < 300) {
        const auto body = json::parse(response->body, nullptr, false);
        return finish(outcome(order, "open", text_of(body, "id"), ""));
      }
      const bool final = status >= 400 && status < 500 && status != 408 && status != 429;
      if (final) return finish(outcome(order, "failed", "", said));
      finish(unavailable(said));
    });
  }

  std::string link_of(const Order& order) const {
    return options.external_url + "/incidents/" + order.incident;
  }

  // ---- slack ----

  Result<std::string> token() const {
    if (options.token_file.empty()) return options.token;
    const auto text = HF_TRY(env.files.read_file(options.token_file));
    return std::string(trim(text));
  }

  // Answers with Slack's object when it is ok; otherwise the word in "error" goes to `refused`.
  void call(const std::string& method, const json& body, Finish finish, Answer good,
            std::function<void(const std::string&)> refused) {
    auto secret = token();
    if (!secret) return finish(std::move(secret).error());
    net::ClientRequest request;
    request.method = "POST";
    request.url = (options.url.empty() ? std::string(kSlackApi) : options.url) + "/" + method;
    request.timeout = kCallTimeout;
    request.headers.set("content-type", "application/json; charset=utf-8");
    request.headers.set("authorization", "Bearer " + *secret);
    request.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
    send(std::move(request), [finish, good, refused, method](Result<net::ClientResponse> response) {
      if (!response) return finish(Error(response.error()));
      const auto answer = json::parse(response->body, nullptr, false);
      if (response->status != 200 || !answer.is_object())
        return finish(unavailable(method + ": status " + std::to_string(response->status)));
      if (answer.contains("ok") && answer["ok"] == true) return good(answer);
      auto error = text_of(answer, "error");
      if (error.empty()) error = "no reason given";
      if (is_passing(error)) return finish(unavailable(method + ": " + error));
      refused(error);
    });
  }

  void by_slack(const Order& order, Finish finish) {
    auto self = shared_from_this();
    // Slack's names have no '#'.
    const auto name = order.name.starts_with('#') ? order.name.substr(1) : order.name;
    call(
        "conversations.create", {{"name", name}}, finish,
        [self, order, finish](const json& answer) {
          const auto channel = answer.find("channel");
          self->invite(order, channel == answer.end() ? "" : text_of(*channel, "id"), finish);
        },
        [self, order, finish](const std::string& error) {
          if (error == "name_taken") return self->invite(order, "", finish);
          finish(outcome(order, "failed", "", "conversations.create: " + error));
        });
  }

  // The channel stands from here on: what else fails is told in its detail.
  void invite(const Order& order, const std::string& id, Finish finish) {
    if (options.invite.empty() || id.empty()) return post(order, id, "", std::move(finish));
    auto self = shared_from_this();
    call(
        "conversations.invite", {{"channel", id}, {"users", join(options.invite, ",")}}, finish,
        [self, order, id, finish](const json&) { self->post(order, id, "", finish); },
        [self, order, id, finish](const std::string& error) {
          self->post(order, id, "conversations.invite: " + error, finish);
        });
  }

  void post(const Order& order, const std::string& id, const std::string& detail, Finish finish) {
    call(
        "chat.postMessage",
        {{"channel", id.empty() ? order.name : id}, {"text", order.text + "\n" + link_of(order)}},
        finish,
        [order, id, detail, finish](const json& answer) {
          finish(outcome(order, "open", id.empty() ? text_of(answer, "channel") : id, detail));
        },
        [order, id, detail, finish](const std::string& error) {
          finish(outcome(order, "open", id,
                         detail + (detail.empty() ? "" : "; ") + "chat.postMessage: " + error));
        });
  }

  Env& env;
  net::Client& client;
  WarRoomOptions options;
};

WarRooms::WarRooms(Env& env, net::Client& client, state::Outbox& outbox, WarRoomOptions options)
    : impl_(std::make_shared<Impl>(env, client, std::move(options))) {
  outbox.handle(std::string(kKind), impl_->handler());
}
WarRooms::~WarRooms() = default;

void WarRooms::configure(WarRoomOptions options) { impl_->options = std::move(options); }
bool WarRooms::wanted() const { return !impl_->options.kind.empty(); }

void WarRooms::add_intent(const model::Incident& incident, state::Batch& batch) const {
  Order order;
  order.incident = incident.id.value;
  order.name = incident.war_room.name;
  order.title = incident.title;
  order.at = impl_->env.clock.now();
  order.text = "[" + level_name(incident, incident.rank) + "] " + incident.service + ": " +
               incident.title + " (" + incident.id.value + ")";
  for (const auto& role : incident.roles) order.text += "\n" + role.role + ": " + role.person;
  for (const auto& task : incident.tasks) {
    if (task.kind == "checklist") order.text += "\n- " + task.title;
  }
  state::Intent intent;
  intent.key = std::string(kKind) + "/" + incident.id.value;
  intent.kind = kKind;
  intent.body = order_json(order);
  batch.intent(std::move(intent));
}

}  // namespace holdfast::respond
