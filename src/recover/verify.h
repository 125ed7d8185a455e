// recover/verify.h: whether a fault is gone, and whether the remedy was what helped; pure.
//
// Purpose     The signal is what found the fault: its alert, or its instance. A rule may ask for
//             more: `verify`, a query that must be quiet too. Good must stay good for kGoodFor: an
//             instance that starts and dies at once, or an alert that flaps, is not healed.
//
//                 act done ──▶ good for kGoodFor ─────────────────────▶ helped
//                          └─▶ verify_within over and not good ───────▶ not helped
//
// Threads     Pure; Watch is a value.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "act/operations.h"
#include "base/result.h"
#include "model/operations.h"
#include "query/promql/engine.h"
#include "recover/plan.h"

namespace holdfast::recover {

inline constexpr Duration kGoodFor = 1s;

enum class Signal { kBad, kGood, kGone };

// Of a fault seen at an instance. Gone: neither there nor wanted. One that is wanted and not there
// yet is bad.
Signal instance_signal(const std::string& id, const std::vector<SeenInstance>& instances,
                       const std::vector<act::WantedVersion>& wanted);

// Nothing, or only zeros. A string is an error: it says nothing about well or ill.
Result<bool> is_quiet(const query::promql::QueryResult& result);

// One fault under observation. Not durable: after a restart it is looked at anew, for as long
// again.
struct Watch {
  Signal signal = Signal::kBad;
  std::string seen;  // what the signal was read from, for evidence
  std::optional<MonoTime> good_since;
  std::optional<MonoTime> watched_since;  // the act was seen to be done
  bool asking = false;                    // the verify query is on its way
  std::optional<bool> quiet;              // its last answer
  std::string answer;                     // in words

  // `needs_quiet`: the query counts too.
  void look(Signal now_signal, std::string now_seen, bool needs_quiet, MonoTime now);
  bool is_well(MonoTime now) const;  // good for long enough, or gone
};

enum class Verification { kWatching, kHelped, kNotHelped };

// After the act was done.
Verification verify(const Watch& watch, Duration verify_within, MonoTime now);

}  // namespace holdfast::recover
