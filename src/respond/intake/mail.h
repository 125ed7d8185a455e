// respond/intake/mail.h: a mail becomes an event: MIME read, the subject understood, the rest by a mapping.
//
// Purpose     read_mail() takes the raw message of SMTP's DATA; parse_mail_event() makes the event. Without a mapping the subject is the
//             summary, the text an annotation, and the thread the key: "Re:", "Fwd:", leading [tags] and the words that tell the
//             state do not count, so that "[OK] disk /var" ends what "[CRITICAL] disk /var" began.
// Mapping     Places: subject, thread, from, to, text, date, message_id, status, headers.<lower case name>. `status` is "resolved"
//             or "acknowledged" when the subject has one of the mapping's words as a whole word, else "firing"; without words
//             of its own: resolved, recovered, recovery, ok, up, closed; acknowledged, ack.
// Limits      256 KiB of text are looked at, 64 parts, depth 16; HTML alone is reduced to its text.
// Errors      kInvalid: no header at all.
// Threads     Pure. MIME by GMime.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "respond/intake/webhook.h"

namespace holdfast::respond::intake {

struct InboundMail {
  std::string from, to, subject, text, message_id, date;
  std::map<std::string, std::string> headers;  // lower-case names; the first of each
};

Result<InboundMail> read_mail(std::string_view raw);
// The subject without what tells state or reply; lower case, single spaces.
std::string thread_of(std::string_view subject);
InboundEvents parse_mail_event(const InboundMail& mail, const Mapping& mapping);

}  // namespace holdfast::respond::intake
