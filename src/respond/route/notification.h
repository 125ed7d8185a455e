// respond/route/notification.h: what one integration of a receiver is told about one group of alerts.
//
// Purpose     The Router (router.h) decides that it must be told and journals this as the body of an outbox intent; the
//             Sender (send/sender.h) renders and delivers it, now or after a crash, and nothing else is asked.
// Key         key() is the idempotency key: equal only for attempts at the same telling. `transition` counts the tellings of
//             this group to this integration.
// Units       Times are WallTime; an alert that fires has no ends_at.
// Threads     Values.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/labels.h"

namespace holdfast::respond::route {

struct RoutedAlert {
  model::Labels labels;
  model::Labels annotations;
  WallTime starts_at{};
  std::optional<WallTime> ends_at;  // set when resolved
  std::string generator_url;

  bool resolved() const { return ends_at.has_value(); }
};

struct GroupNotification {
  std::string receiver;
  std::string kind;       // of the integration
  int index = 0;          // among its kind
  std::string group_key;  // "{}/{severity=\"x\"}:{alertname=\"y\"}", not hashed
  std::string reason;     // "first notification", "new alerts added", ...
  model::Labels group_labels;
  model::Labels route_labels;
  std::vector<RoutedAlert>
      alerts;           // in the order sent; those resolved only if the integration wants them
  WallTime at{};        // of the flush that decided
  WallTime deadline{};  // no attempt begins after it, but one
  std::int64_t transition = 0;
  bool drill = false;       // a fire drill (N7): says so, counts in no KPI
  std::string in_place_of;  // N6: the receiver that could not be reached; empty: none
  std::string why;          // N6: what went wrong there

  std::string key() const;
  std::string receiver_key() const;  // "team/webhook/0", as the notification log names it
};

void to_json(nlohmann::json& j, const RoutedAlert& v);
void from_json(const nlohmann::json& j, RoutedAlert& v);
void to_json(nlohmann::json& j, const GroupNotification& v);
void from_json(const nlohmann::json& j, GroupNotification& v);

// FNV-1a over sorted labels, as 16 hex digits; and lower-case hex SHA-256 of a group key, as receivers are given it.
std::string fingerprint(const model::Labels& labels);
std::string hashed_key(std::string_view group_key);

}  // namespace holdfast::respond::route
