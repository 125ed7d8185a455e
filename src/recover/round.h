// recover/round.h: one look at everything: faults found, healed, acted upon; no clock, no disk, no
// network.
//
// Purpose     The healer's step: from what is observed and what is known to what is decided. The
//             same observations and the same book give the same draft.
//
//     Observed ──▶ find ──▶ judge ──▶ decide ──▶ Draft: faults, remedies, intents
//                  new       open      who acts
//                  faults    faults    next
//
// Order       Where several faults want to act: traffic off a bad release first, then the worst
//             rank, then the oldest.
// Threads     Pure; Observed::watches remembers between rounds how long a signal has been good.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/service.h"
#include "recover/book.h"
#include "recover/plan.h"
#include "recover/verify.h"

namespace holdfast::recover {

struct Observed {
  std::map<std::string, std::vector<SeenInstance>> instances;     // by service
  std::map<std::string, std::vector<act::WantedVersion>> wanted;  // by service
  std::map<std::string, model::Alert> alerts;                     // by fingerprint
  std::map<std::string, Watch> watches;                           // by fault
};

// An act as its intent says it; the body of intents of kind "remedy".
struct Act {
  std::string remedy;
  std::string service;
  std::string target;
  std::string version;
  int replicas = 0;
};
std::string dump_act(const Act& act);
Result<Act> parse_act(std::string_view body);

struct RoundTime {
  WallTime now{};
  MonoTime mono{};
};

// A query that some remedy's verification waits for: fault id, PromQL.
using Questions = std::vector<std::pair<std::string, std::string>>;

Questions run_round(Draft& draft, Observed& observed, const std::vector<model::Service>& services,
                    RoundTime time);

}  // namespace holdfast::recover
