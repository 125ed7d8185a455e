// respond/oncall/pager.h: hands one page to one channel of one person, once, now.
//
// Purpose     Escalations decides; a Pager delivers and says what came of it. Who calls repeats and gives up.
// Channels    email (SMTP), webhook (JSON), slack (incoming webhook, or the Web API with a token), wecom_robot,
//             dingtalk_robot, feishu_robot (the robot's URL is the target), sms and voice and every other kind named
//             in `gateways`: a request of one's own. receiver: the routing's, through a function of the application.
// Judgement   By what the channel says, not by 200 alone: errcode of WeCom and DingTalk, code of Feishu, ok of Slack.
// Key         Header Idempotency-Key and {key} in gateways; Message-ID of mails: a channel that knows it shows it
//             once.
// Errors      kInvalid: trying again is useless. Others may succeed later. No secret appears in a message.
// Threads     Control strand; `done` runs there, once.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/env.h"
#include "model/page.h"
#include "net/http.h"
#include "net/smtp.h"

namespace holdfast::respond::oncall {

struct PageMessage {
  std::string subject;  // one line
  std::string text;
  std::string url;  // of the incident
  std::string incident;
  std::string event;  // page, resolved
  std::string urgency;
  std::string person;
};

class Pager {
 public:
  using Done = std::function<void(Result<std::string>)>;  // what the channel answered, for people
  virtual ~Pager() = default;
  virtual void deliver(const model::ContactMethod& method, const PageMessage& message,
                       const std::string& key, Done done) = 0;
};

// A request of one's own: {to}, {subject}, {text}, {url}, {key}, {incident}, {person}, {event} are filled in, in
// `url` percent-encoded, in `body` as the inside of a JSON string when the content type is JSON, percent-encoded for
// a form.
struct Gateway {
  std::string kind;  // the methods it serves: sms, voice, ...
  std::string method = "POST";
  std::string url;
  std::map<std::string, std::string> headers;
  std::string body;
  std::string content_type = "application/json";
  std::string username;       // HTTP basic, with the password of the file
  std::string password_file;  // read at each page
  std::string token_file;     // bearer
  std::string success;        // the answer's body must contain it; empty: any 2xx
};

struct PagerOptions {
  std::map<std::string, Gateway> gateways;  // by kind
  net::SmtpServer smtp;                     // host empty: no mail
  std::string mail_from;
  std::string slack_token_file;  // for targets that are no URL: "@zhangsan", "#ops"
  Duration timeout = 10s;
  // Hands the message to a receiver of the routing; empty: such pages fail.
  std::function<void(const std::string& receiver, const PageMessage&, const std::string& key,
                     Pager::Done)>
      receiver;
};

std::shared_ptr<Pager> make_pager(Env& env, net::Client& client, PagerOptions options);
// Whether a page of this kind has a way out at all; the text says what is missing. For the pre-flight.
std::string missing_for(const model::ContactMethod& method, const PagerOptions& options);

}  // namespace holdfast::respond::oncall
