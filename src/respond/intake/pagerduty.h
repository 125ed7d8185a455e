// respond/intake/pagerduty.h: PagerDuty's Events API v2, as a sender sees it.
//
// Purpose     parse_event() checks a body of /v2/enqueue, parse_change() one of /v2/change/enqueue, by PagerDuty's rules and in its
//             words, and give what Intake takes. The routing key says which integration it is for.
// Limits      512 KiB an event, 32 characters a routing key, 255 a dedup key, 1024 a summary.
// Errors      The texts of the answer's `errors`; status 400.
// Threads     Pure.
// Source      ../shared/reference/alerting.md section 2.14.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "respond/intake/inbound.h"

namespace holdfast::respond::intake {

struct PagerdutyEvent {
  std::string routing_key;
  InboundEvent event;
};
struct PagerdutyChange {
  std::string routing_key;
  model::Change change;  // id, service and at (when not told) are the taker's
};

std::variant<InboundProblem, PagerdutyEvent> parse_pagerduty_event(std::string_view body);
std::variant<InboundProblem, PagerdutyChange> parse_pagerduty_change(std::string_view body);

}  // namespace holdfast::respond::intake
