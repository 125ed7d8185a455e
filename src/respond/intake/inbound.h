// respond/intake/inbound.h: an event of another system, read from its own form into one of ours.
//
// Purpose     Whatever comes in (PagerDuty's events, webhooks, mail, heartbeats) becomes InboundEvents; Intake (intake.h) turns them into
//             alerts that fire until they are said to be resolved. Changes become model::Change.
// Identity    (integration, key). Labels are those of the first trigger for as long as the event is open, so that a change of
//             words does not make a new alert.
// Threads     Values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/change.h"
#include "model/labels.h"

namespace holdfast::respond::intake {

enum class InboundAction { kTrigger, kAcknowledge, kResolve };

struct InboundEvent {
  InboundAction action = InboundAction::kTrigger;
  std::string key;       // of the sender; empty on a trigger: Intake makes one
  std::string name;      // alertname; empty: the integration's name
  std::string summary;   // one line
  std::string severity;  // as the sender says; empty: the integration's
  model::Labels labels;       // more of them
  model::Labels annotations;  // more than summary
  std::optional<WallTime> at;  // when it began or ended; empty: now
  std::string by;             // who acknowledged, where that is told
  std::string url;            // where to look
};

// What was wrong with a body, in the words its sender expects.
struct InboundProblem {
  std::vector<std::string> errors;
};

}  // namespace holdfast::respond::intake
