// net/smtp.h: sends one message by SMTP, with STARTTLS and AUTH when asked. On libcurl.
//
// Threads     send_mail() blocks; call it on Lane::kPool.
// Errors      Server refusals carry the server's own words. 5xx is kInvalid (trying again is useless), else kUnavailable.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/http.h"

namespace holdfast::net {

struct SmtpServer {
  std::string host{};
  int port = 25;
  std::string username{};  // empty: no AUTH
  std::string password{};
  bool require_tls = false;
  Duration timeout = 10s;
  std::string hello{};                 // what EHLO says; empty: holdfast
  std::string identity{};              // acts for this one (authorization identity of PLAIN)
  std::vector<std::string> auth{};     // the mechanisms that may be used: PLAIN, LOGIN, CRAM-MD5; empty: the server's best
  std::optional<bool> implicit_tls{};  // TLS from the first byte; nothing: on port 465
  TlsOptions tls{};                    // its timeout is not used
};

struct Mail {
  std::string from{};
  std::vector<std::string> to{};
  std::string subject{};     // UTF-8; encoded as RFC 2047
  std::string body{};        // UTF-8 text/plain; sent as base64
  std::string message_id{};  // without <>; the idempotency key of a notification
  WallTime date{};
  std::string raw{};  // the whole message as it goes out, lines ended by CRLF; then only `from` and `to` are used beside it
};

// The address of "Name <a@b>" or "a@b"; kInvalid when it is none.
Result<std::string> mail_address(std::string_view text);
// Of a list with commas; those inside quoted names separate nothing. kInvalid names what is wrong.
Result<std::vector<std::string>> mail_addresses(std::string_view list);

Result<void> send_mail(const SmtpServer& server, const Mail& mail);
// The message as it goes over the wire: for golden tests.
std::string render_mail(const Mail& mail);

}  // namespace holdfast::net
