// respond/intake/webhook.h: JSON that other systems post, read into events: Alertmanager's webhook, and any form by a mapping.
//
// Mapping     Says where in a body the parts of an event are. A place is a path of members and indices: "alert.tags.0.name". A text
//             holds places in braces: "Disk {disk.name} is {disk.used}% full"; "{{" is a brace. `each` is the path of a list of
//             which every item is one event; places are looked up in the item first, then in the body. What is not there is empty.
// Status      The value at `status` is looked for in `firing`, `acknowledged` and `resolved`, ignoring case; none of them or
//             nothing there is a trigger. No key: the event's name and labels are its key.
// Limits      1,000 events a body; a text of 1,000 places.
// Errors      parse_*: the body is no JSON, or not of that form. check_mapping: kInvalid names the member and what is wrong.
// Threads     Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "respond/intake/inbound.h"

namespace holdfast::respond::intake {

struct Mapping {
  std::string each;     // path; empty: the body is one event
  std::string key;      // the others are texts with places
  std::string name;
  std::string summary;
  std::string severity;
  std::string at;       // RFC 3339 or seconds since the epoch
  std::string url;
  std::string by;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::string status;   // path
  std::vector<std::string> firing, acknowledged, resolved;  // values at it
};

using InboundEvents = std::variant<InboundProblem, std::vector<InboundEvent>>;

Result<void> check_mapping(const Mapping& mapping);
InboundEvents parse_mapped(std::string_view body, const Mapping& mapping);
// Version 4 of Alertmanager's webhook (and Grafana's, which is the same with more members). Keys are fingerprints.
InboundEvents parse_alertmanager_webhook(std::string_view body);

}  // namespace holdfast::respond::intake
