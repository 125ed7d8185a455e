// respond/send/mail.h: one notification as one mail.
//
// Purpose     build_email() renders headers and parts: multipart/alternative, text before html so that clients prefer html,
//             quoted-printable; and the server with how to log in. Whoever it is for is in one SMTP transaction.
// Ids         Message-Id comes from the notification's key: a mail that is sent again is the same mail. With threading,
//             every mail of a group refers to one root that no mail has.
// Login       auth_secret is for CRAM-MD5, auth_password for PLAIN and LOGIN, PLAIN only under TLS or on this machine.
//             With both, the second server of the list is for when the first login is refused or not offered.
// Errors      kInvalid: addresses that are none. A broken template is in Message::words.
// Threads     Pure.
// Source      ../shared/reference/alerting.md section 2.17; RFC 2045 to 2047; Go's mime packages for the bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/smtp.h"
#include "respond/send/exchange.h"

namespace holdfast::respond::send {

struct MailJob {
  std::vector<net::SmtpServer> servers;  // the same one, with the logins to try in order
  net::Mail mail;                        // raw
};

// `key` is the notification's idempotency key.
Result<MailJob> build_email(const Message& message, std::string_view key);

// RFC 2047's Q encoding, as Go's mime.QEncoding writes it; ASCII stays as it is.
std::string encode_header(std::string_view text);
// RFC 2045's quoted-printable, as Go's writer writes it: LF becomes CRLF, lines of 76 at most.
std::string quoted_printable(std::string_view text);

}  // namespace holdfast::respond::send
