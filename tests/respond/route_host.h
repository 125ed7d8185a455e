// A simulated machine with a journal, an outbox and a Router, and receivers that answer as they are told.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "respond/route/router.h"
#include "state/sim_host.h"

namespace holdfast::respond::route {

struct Told {
  GroupNotification notification;
  bool plain = false;
  WallTime at{};

  // "FIRING a b RESOLVED c" by the label `alertname` or `id`.
  std::string text() const {
    std::string firing, resolved;
    for (const auto& alert : notification.alerts) {
      const auto id = alert.labels.get("id");
      (alert.resolved() ? resolved : firing) +=
          " " + std::string(id.empty() ? alert.labels.get("alertname") : id);
    }
    return (firing.empty() ? "" : "FIRING" + firing) +
           (firing.empty() || resolved.empty() ? "" : " ") +
           (resolved.empty() ? "" : "RESOLVED" + resolved);
  }
};

struct RouteHost {
  explicit RouteHost(Config wanted, RouterOptions settings = {}, std::uint64_t seed = 1)
      : config(std::move(wanted)), options(std::move(settings)), host(seed) {
    start();
  }
  ~RouteHost() { host.executor.clear(); }

  void start() {
    outbox = std::make_unique<state::Outbox>(host.env, *host.journal);
    router = std::make_unique<Router>(
        host.env, *host.journal, *outbox,
        [this](const send::SendRequest& request, const send::Sender::Done& done) {
          deliver(request, done);
        },
        options);
    auto started = router->start(config);
    ASSERT_TRUE(started.has_value()) << started.error().message();
    auto out = outbox->start();
    ASSERT_TRUE(out.has_value()) << out.error().message();
  }

  // kill -9 and a new start `away` later.
  void crash(Duration away = 0s) {
    host.crash();
    router.reset();
    outbox.reset();
    host.executor.run_for(away);
    host.open();
    start();
  }

  void deliver(const send::SendRequest& request, const send::Sender::Done& done) {
    auto outcome = answer ? answer(request) : std::optional(send::Outcome{});
    if (!outcome || outcome->kind == send::Outcome::Kind::kDelivered) {
      told.push_back({request.notification, request.plain, host.clock.now()});
    }
    if (!outcome) return;  // it hangs
    host.executor.post(Lane::kControl, [done, outcome = *outcome] { done(outcome); });
  }

  Result<PostResult> post(std::vector<PostedAlert> alerts) {
    std::optional<Result<PostResult>> answer;
    router->post(std::move(alerts), [&](Result<PostResult> result) { answer = std::move(result); });
    host.executor.run_until([&] { return answer.has_value(); }, 1min);
    return answer ? std::move(*answer) : Result<PostResult>(internal("never answered"));
  }
  template <typename T>
  Result<T> wait(const std::function<void(std::function<void(Result<T>)>)>& call) {
    std::optional<Result<T>> answer;
    call([&](Result<T> result) { answer = std::move(result); });
    host.executor.run_until([&] { return answer.has_value(); }, 1min);
    return answer ? std::move(*answer) : Result<T>(internal("never answered"));
  }
  std::string silence(std::vector<model::Matcher> matchers, Duration from, Duration to) {
    Silence silence;
    silence.matchers = std::move(matchers);
    silence.starts_at = now() + std::chrono::duration_cast<std::chrono::milliseconds>(from);
    silence.ends_at = now() + std::chrono::duration_cast<std::chrono::milliseconds>(to);
    auto made = wait<std::string>([&](auto done) { router->set_silence(silence, done); });
    EXPECT_TRUE(made.has_value()) << made.error().message();
    return made ? *made : "";
  }

  void run(Duration time) { host.executor.run_for(time); }
  WallTime now() const { return host.clock.now(); }
  // What was told to a receiver: "team: FIRING a".
  std::vector<std::string> told_texts() const {
    std::vector<std::string> texts;
    for (const auto& one : told) texts.push_back(one.notification.receiver + ": " + one.text());
    return texts;
  }

  Config config;
  RouterOptions options;
  state::SimHost host;
  std::unique_ptr<state::Outbox> outbox;
  std::unique_ptr<Router> router;
  std::function<std::optional<send::Outcome>(const send::SendRequest&)>
      answer;  // nothing: it hangs
  std::vector<Told> told;
};

inline model::Matcher matcher(model::MatchOp op, std::string name, std::string value) {
  return *model::Matcher::make(op, std::move(name), std::move(value));
}
inline model::Matcher is(std::string name, std::string value) {
  return model::Matcher::equal(std::move(name), std::move(value));
}

inline Receiver webhook_receiver(std::string name, int count = 1) {
  Receiver receiver;
  receiver.labels["name"] = name;
  receiver.name = std::move(name);
  for (int i = 0; i < count; ++i) {
    Integration integration;
    integration.kind = "webhook";
    integration.index = i;
    receiver.integrations.push_back(integration);
  }
  return receiver;
}

// One route: by alertname, 1 s, 10 s, 1 min; receiver "team".
inline Config small_config() {
  Config config;
  config.route.receiver = "team";
  config.route.group_by = {"alertname"};
  config.route.group_wait = 1s;
  config.route.group_interval = 10s;
  config.route.repeat_interval = 1min;
  config.route.key = "{}";
  config.receivers = {webhook_receiver("team")};
  return config;
}

inline PostedAlert firing(model::Labels labels) {
  PostedAlert alert;
  alert.labels = std::move(labels);
  return alert;
}
inline PostedAlert firing(const std::string& name, const std::string& id = "") {
  return firing(model::Labels{{"alertname", name}, {"id", id}});
}
inline PostedAlert resolved(PostedAlert alert, WallTime at) {
  alert.starts_at = at - std::chrono::seconds(1);
  alert.ends_at = at;
  return alert;
}

}  // namespace holdfast::respond::route
