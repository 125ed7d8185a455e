// respond/send/sender.h: delivers one notification to one integration of one receiver: once, now, and says what came of it.
//
// Purpose     One attempt. Renders the templates, builds the request or mail, sends it, judges the answer by the
//             receiver's own rules (an errcode in a 200, a body "ok"). Who calls repeats, gives up and falls back.
// Templates   A template that fails is told in the outcome (kTemplate); deliver() with `plain` uses built-in words
//             instead, so that a broken template never means silence.
// Rates       Robots with limits (WeCom, DingTalk, Feishu: 20 a minute) are throttled here: over the limit an attempt
//             is answered kRetry with the time to wait; a place is kept for resolves.
// State       What the next message needs of the last one (Slack's ts and channel, Jira's issue) comes back in `remember`
//             and is handed in again.
// Secrets     X_file settings are read at each attempt. No secret appears in an outcome.
// Threads     Control strand; I/O happens elsewhere, `done` runs on the control strand, once.
// Source      ../shared/reference/alerting.md sections 2.5, 2.10, 2.14 to 2.17.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/env.h"
#include "net/http.h"
#include "respond/route/config.h"
#include "respond/route/notification.h"

namespace holdfast::respond::send {

struct Outcome {
  enum class Kind { kDelivered, kRetry, kFailed, kTemplate };
  Kind kind = Kind::kDelivered;
  std::string
      reason;  // Alertmanager's label: clientError, serverError, authError, rateLimited, other, ...
  std::string detail;      // what was answered, for people
  Duration retry_after{};  // kRetry: not before; zero: as the caller likes
  std::string
      remember;  // JSON for the next message of this group to this integration; empty: nothing new
};

class Templates;  // send/templates.h: the files of `templates`, parsed once per configuration

struct SendRequest {
  const route::Integration* integration = nullptr;
  route::GroupNotification notification;
  std::string remembered;  // what the last delivery said to remember
  bool plain = false;      // built-in words instead of templates
};

class Sender {
 public:
  using Done = std::function<void(Outcome)>;

  Sender(Env& env, net::Client& client, std::string external_url);
  ~Sender();
  // Takes the templates of a checked configuration.
  void configure(std::shared_ptr<const Templates> templates);

  void deliver(const SendRequest& request, Done done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::respond::send
