// respond/status/subscriber_mail.h: one message to one subscriber: by mail with a one-click way out, or by webhook.
//
// Errors      kInvalid: who is asked says that it will never work (a 4xx, an SMTP 5xx); else kUnavailable or kTimeout: again later.
// Threads     deliver() on the control strand; `done` too, once. The rest is pure.
// Source      RFC 8058 (List-Unsubscribe-Post).
#pragma once

#include <functional>
#include <string>

#include "respond/status/status_page.h"

namespace holdfast::respond::status {

inline constexpr const char* kNotifyIntent = "status.notify";
inline constexpr int kAttemptsMax = 100;  // about a day

struct SubscriberMessage {
  std::string key;  // idempotency key
  Subscriber subscriber;
  std::string confirm_url;  // not empty: asks to confirm, tells nothing else
  std::string unsubscribe_url;
  Post post;
  Update update;
};

// Whether the page can reach it and it may subscribe.
Result<void> check_subscriber(const Subscriber& subscriber, const StatusOptions& options);

void deliver(Env& env, net::Client& client, const StatusOptions& options, const PageState& state,
             const SubscriberMessage& message, std::function<void(Result<void>)> done);

}  // namespace holdfast::respond::status
