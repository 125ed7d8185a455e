// act/act_record.h: one request to Operations, as it is remembered: the document "act".
//
// Purpose     Makes keys idempotent and lets an interrupted act go on. Written before the act
//             begins, after each instance it restarted, and when it ends.
// Document    kind "act", id: the key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "act/operations.h"

namespace holdfast::act {

enum class ActKind { kRestart, kScale, kStartCanary, kStopCanary, kSetCanaryPercent };
std::string_view act_kind_name(ActKind kind);

struct ActRecord {
  std::string key;
  ActKind kind = ActKind::kRestart;
  std::string service;
  std::string target;   // restart
  std::string version;  // scale, start_canary
  int replicas = 0;
  double percent = 0;
  WallTime at{};
  bool ended = false;
  Report report;
  std::vector<std::string> targets;    // restart: instance ids, fixed when it begins
  std::vector<std::string> restarted;  // those that are through
  std::string stopped;                 // the one that was stopped and not yet seen ready
  std::int64_t percent_changes = 0;    // Wanted::percent_changes when it was asked
};

Result<ActRecord> parse_act(std::string_view body);
std::string dump_act(const ActRecord& record);

}  // namespace holdfast::act
