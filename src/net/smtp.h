// net/smtp.h: sends one message by SMTP, with STARTTLS and AUTH when asked. On libcurl.
//
// Threads     send_mail() blocks; call it on Lane::kPool.
// Errors      Server refusals carry the server's own words. 5xx is kInvalid (trying again is useless), else kUnavailable.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace holdfast::net {

struct SmtpServer {
  std::string host{};
  int port = 25;
  std::string username{};  // empty: no AUTH
  std::string password{};
  bool require_tls = false;
  Duration timeout = 10s;
};

struct Mail {
  std::string from{};
  std::vector<std::string> to{};
  std::string subject{};     // UTF-8; encoded as RFC 2047
  std::string body{};        // UTF-8 text/plain; sent as base64
  std::string message_id{};  // without <>; the idempotency key of a notification
  WallTime date{};
};

Result<void> send_mail(const SmtpServer& server, const Mail& mail);
// The message as it goes over the wire: for golden tests.
std::string render_mail(const Mail& mail);

}  // namespace holdfast::net
