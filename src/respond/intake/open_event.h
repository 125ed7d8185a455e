// respond/intake/open_event.h: what an inbound event is while it is open, how it changes, and how it is kept.
//
// Purpose     The pure half of Intake: from event to alert, and documents to values and back.
// Errors      read_*: kInvalid names the member.
// Threads     Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "respond/intake/intake.h"

namespace holdfast::respond::intake {

inline constexpr const char* kEventDocument = "intake_event";  // id: event_id()
inline constexpr const char* kHeartbeatDocument = "heartbeat";  // id: its name
inline constexpr const char* kChangeDocument = "change";        // id: the change's

struct HeartbeatState {
  std::optional<WallTime> last_at;
  WallTime watched_from{};  // counts as the first beat
  bool firing = false;
  model::Alert alert;       // the last that fired
};

std::string event_id(std::string_view integration, std::string_view key);
OpenEvent opened(const Integration& integration, const InboundEvent& event, WallTime now);
// Words anew; severity and everything else of its identity stays.
OpenEvent refreshed(const OpenEvent& open, const InboundEvent& event, WallTime now);
// Whether anybody would see a difference.
bool same_alert(const model::Alert& a, const model::Alert& b);

WallTime due_at(const Heartbeat& heartbeat, const HeartbeatState& state);
model::Alert heartbeat_alert(const Heartbeat& heartbeat, const HeartbeatState& state, WallTime now,
                             const std::string& why);

std::string write_open_event(const OpenEvent& event);
Result<OpenEvent> read_open_event(std::string_view body);
std::string write_heartbeat(const HeartbeatState& state);
Result<HeartbeatState> read_heartbeat(std::string_view body);

}  // namespace holdfast::respond::intake
