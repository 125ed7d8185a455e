// respond/intake/smtp_receiver.h: takes mail for the addresses of the configuration, and for no other: a receiver, no relay.
//
// Purpose     SMTP's server side, as much as a mail server needs that forwards to us: EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP, VRFY, QUIT.
//             A message is answered 250 only when `take` says that it is kept; 451 asks the sender to come again, 554 not to.
// Limits      1 MiB a message, 100 recipients, 1,000 commands and 5 minutes a connection, 64 connections, lines of 2,000 bytes. Over a
//             limit: 552, 452, 421, 500.
// Threads     Construct and destroy on the control strand; `wants` and `take` are called there.
// Source      RFC 5321; no extensions but SIZE, 8BITMIME and PIPELINING.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "base/result.h"

namespace holdfast::respond::intake {

struct ReceivedMail {
  std::string sender;
  std::vector<std::string> recipients;  // as `wants` let them in
  std::string data;                     // dots undone, lines end in \r\n
};

class SmtpReceiver {
 public:
  using Wants = std::function<bool(const std::string& address)>;
  using Take = std::function<void(ReceivedMail, std::function<void(Result<void>)>)>;

  SmtpReceiver(Env& env, std::string host_name, Wants wants, Take take);
  ~SmtpReceiver();
  Result<Endpoint> listen(const Endpoint& at);  // with the real port

  struct Core;  // what its sessions share

 private:
  std::shared_ptr<Core> core_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace holdfast::respond::intake
