// respond/route/notify_log.h: what each integration was last told of each group, and whether it must be told again.
//
// Purpose     needs_update() is Alertmanager's table: F and R, the alerts that fire and that are resolved now, against those of
//             the last telling. The log is what a restart must not forget: with it nobody is told twice.
// Told        (N1) Besides the last telling an entry keeps who was ever told "firing" and not "resolved" since.
// Unsure      A telling that ended without an answer may have arrived. The entry keeps what it said: said again, it goes out
//             under the same transition, so that whoever got it knows it again; and whom it named counts as told.
// Lifetime    min(retention, 2 x repeat_interval) from the last telling; swept by the Router.
// Units       Sets of fingerprints are sorted vectors.
// Threads     needs_update() is pure; NotifyLog on the control strand.
// Source      ../shared/reference/alerting.md section 2.5.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace holdfast::respond::route {

using FingerprintSet = std::vector<std::uint64_t>;  // sorted, unique

bool is_subset(const FingerprintSet& part, const FingerprintSet& whole);
FingerprintSet without(const FingerprintSet& set, const FingerprintSet& gone);
FingerprintSet united(const FingerprintSet& a, const FingerprintSet& b);
FingerprintSet common(const FingerprintSet& a, const FingerprintSet& b);

// What was said by a telling of which it is not known whether it arrived.
struct UnsureTelling {
  std::int64_t transition = 0;  // zero: there is none
  FingerprintSet firing;
  FingerprintSet resolved;
};

struct LogEntry {
  std::string group_key;
  std::string receiver_key;  // "team/webhook/0"
  WallTime at{};
  WallTime expires_at{};
  FingerprintSet firing;
  FingerprintSet resolved;
  FingerprintSet told;          // N1
  std::int64_t transition = 0;  // of the last telling, successful or not
  UnsureTelling unsure;         // the last such since `at`
  std::string remember;         // the sender's, for the next message
  std::string in_place_of;      // N6: told because that receiver could not be

  std::string id() const;
};

std::string log_id(std::string_view group_key, std::string_view receiver_key);

struct UpdateNeed {
  bool needed = false;
  std::string reason;  // Alertmanager's notification_reason
};

struct UpdateQuestion {
  const FingerprintSet& firing;
  const FingerprintSet& resolved;
  bool send_resolved = true;
  Duration repeat_interval{};
  WallTime now{};
};
UpdateNeed needs_update(const LogEntry* entry, const UpdateQuestion& question);

class NotifyLog {
 public:
  const LogEntry* find(std::string_view group_key, std::string_view receiver_key) const;
  LogEntry& put(LogEntry entry);
  void erase(const std::string& id) { entries_.erase(id); }
  // All of one group.
  std::vector<const LogEntry*> of_group(std::string_view group_key) const;
  std::vector<std::string> expired(WallTime now) const;  // ids
  std::size_t size() const { return entries_.size(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::map<std::string, LogEntry, std::less<>> entries_;
};

// Documents of kind "route.log", by id().
std::string log_document(const LogEntry& entry);
Result<LogEntry> read_log_document(std::string_view body);

}  // namespace holdfast::respond::route
