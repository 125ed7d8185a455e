// respond/notify/notifier.h: words and channels: who is told what, through the outbox.
//
// Purpose     intents() turns an incident event into one outbox intent per receiver; the outbox handler
//             (registered by the constructor under kind "notify") renders and sends it.
// Channels    log (Holdfast's own log), webhook (JSON; header Idempotency-Key), slack (incoming-webhook format),
//             email (SMTP; Message-ID from the key), wecom_robot, dingtalk_robot, feishu_robot (send/kinds.h: signed,
//             judged by their error codes). Languages: en, zh.
// Delivery    At least once, over crashes; each carries its idempotency key so that a receiver shows it once. 4xx but
//             408, 425, 429 end the intent as failed; others are tried again with backoff, honouring Retry-After, up to
//             `give_up_after`; a failure is on the incident's timeline (kNotificationChanged).
// Templates   the words of each event in both languages stand in notify/messages.cc.
// Threads     Control strand only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "model/incident.h"
#include "net/http.h"
#include "net/smtp.h"
#include "state/outbox.h"

namespace holdfast::respond {

struct Receiver {
  std::string name;
  std::string kind;      // log, webhook, slack, email, wecom_robot, dingtalk_robot, feishu_robot
  std::string language;  // en or zh; empty: the notifier's
  std::string url;       // all but log and email
  std::string channel;   // slack; optional
  net::SmtpServer smtp;  // email
  std::string from;
  std::vector<std::string> to;
  std::string secret;       // dingtalk_robot, feishu_robot: what signs; optional
  int worst_rank_only = 4;  // notified for ranks up to this number: 1 means only the worst
};

struct NotifierOptions {
  std::string language = "en";
  std::string external_url;  // links in notices begin with it
  std::vector<Receiver> receivers;
  Duration give_up_after = 24h;
};

struct Message {
  std::string subject;  // one line
  std::string body;     // plain text
};
Message render_message(const model::Incident& incident, std::string_view event, std::string_view language,
                       const std::string& external_url, WallTime now);
// The webhook's JSON and Slack's, for golden tests.
std::string render_webhook(const model::Incident& incident, std::string_view event, const Message& message,
                           const std::string& key);
std::string render_slack(const model::Incident& incident, std::string_view event, const Message& message,
                         const std::string& channel);

class Notifier {
 public:
  Notifier(Env& env, net::Client& client, state::Outbox& outbox, NotifierOptions options);
  ~Notifier();
  void configure(NotifierOptions options);

  // One intent and one notification record (document kind "notification", topic kNotificationChanged) per
  // receiver, added to the batch that records the event.
  void add_intents(const model::Incident& incident, std::string_view event, state::Batch& batch) const;
  // Words that were written, not rendered (respond/words): to the receivers named, whatever the rank. `occasion` makes the
  // keys: <occasion>/<receiver>. A name that is not configured becomes a failed notification.
  void add_message_intents(const model::Incident& incident, const Message& message, const std::string& occasion,
                           const std::vector<std::string>& receivers, state::Batch& batch) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::respond
