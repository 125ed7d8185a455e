// detect/rules/alert_state.h: how one rule's alerts live, as a pure step.
//
//     (nothing) ──seen─▶ pending ──seen for `for`──▶ firing ◀─┐ seen, or gone for
//                           │ gone                      │ ────┘ less than keep_firing_for
//                           ▼                           ▼ gone
//                       forgotten ◀── 15 minutes ── resolved ──seen──▶ pending, anew
//
// Purpose     step_alerts() takes the state, what the expression gives now, and the time of the evaluation; it
//             answers the next state, what changed, and what is forgotten. No clock, no I/O.
// For         A rule without `for` fires at the first evaluation that sees it; being pending and firing at one
//             instant is one change.
// Grace       What came back from the journal after a restart is not believed to be gone before `gone_not_before`: the
//             range selectors' windows may not have filled again, and silence of a machine that was down is no recovery.
// Forgotten   A pending alert that is gone is told as resolved without fired_at, and not kept.
// Threads     Pure.
// Source      Prometheus' alerting rules.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/time.h"
#include "model/alert.h"

namespace holdfast::detect {

inline constexpr Duration kResolvedKept = 15min;

struct AlertPolicy {
  Duration hold{};  // `for`
  Duration keep_firing_for{};
};

// What the expression gave, labels and annotations expanded.
struct SeenAlert {
  model::Labels labels;
  model::Labels annotations;
  double value = 0;
  model::Evidence evidence;
  std::optional<WallTime> active_since{};  // of a new one: it began before, as the store remembers
};

struct ActiveAlert {
  model::Alert alert;
  std::optional<WallTime> keep_firing_since{};  // gone since, and still firing
  WallTime gone_not_before{};
};
using AlertStates = std::map<model::Labels, ActiveAlert>;

struct AlertStep {
  AlertStates next;
  std::vector<model::Alert> changed;     // as they are now, in order of labels
  std::vector<model::Labels> forgotten;  // no longer in `next`; may be in `changed` too
  std::size_t active_count = 0;          // pending and firing
};

AlertStep step_alerts(AlertStates states, std::vector<SeenAlert> seen, const AlertPolicy& policy,
                      WallTime at);
// The rule is gone: all that is active resolves.
AlertStep resolve_all(AlertStates states, WallTime at);

}  // namespace holdfast::detect
