// recover/healer.h: finds faults, picks remedies, acts within bounds, verifies by signal, hands
// over to a person.
//
// Purpose     Subscribes to kAlertChanged and kInstanceChanged. A firing alert, an exited instance
//             (fault kind process_exit) or an unready one whose live probe failed (fault kind hang)
//             is a Fault: identity = kind + resource, one open fault each. The first RemedyRule of
//             the service that matches decides the remedy.
// Bounds      Never: while the global stop is set; beyond attempts_max per fault; within the
//             cool-down of a target; two acts on one service at once; scale_out beyond
//             replicas_max. Each refusal is a Remedy in state kRefused (once per reason, not per
//             tick) with the reason, and is tried again when the bound is lifted. Its id is "<fault
//             id>/held"; attempts are "<fault id>/1", "/2", ... One exception: taking traffic off a
//             bad release does not wait for another act on the service (plan.h).
// Intent      A planned remedy is committed (kRemedyChanged, intent kind "remedy") before
//             act::Operations is called with the remedy's id as key; the outcome is committed when
//             it ends. After a crash the outbox repeats the act under the same key and Operations
//             answers from its record.
// Verify      After the act the fault must be gone (alert resolved, instance ready, `verify` query
//             quiet) and stay so for 1 s, within verify_within: kVerified closes the fault. Else
//             kNotHelped: next attempt, or kEscalated: a person.
// Choice      Remedies: restart_service (target: the instance of the fault), scale_out (target
//             max(n+2, floor(1.5 n)), bounded), shift_traffic_to_stable (canary percent 0, then
//             canary instances stopped).
// Decisions   run_round(draft, observed, services, time) and plan(fault, situation, now) are pure
//             (round.h, plan.h).
// Threads     Control strand only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "act/operations.h"
#include "base/env.h"
#include "model/operations.h"
#include "model/service.h"
#include "query/promql/engine.h"
#include "state/journal.h"
#include "state/outbox.h"

namespace holdfast::recover {

class Healer {
 public:
  using Done = std::function<void(Result<model::Automation>)>;

  Healer(Env& env, state::Journal& journal, state::Outbox& outbox, act::Operations& operations,
         const query::promql::Engine& engine);
  ~Healer();

  Result<void> start(
      std::vector<model::Service> services);  // restores open faults and remedies; once
  void configure(std::vector<model::Service> services);

  std::vector<model::Fault> faults() const;     // open, and closed within the last hour
  std::vector<model::Remedy> remedies() const;  // newest first, at most 500
  model::Automation automation() const;
  void set_automation(bool stopped, const std::string& by, const std::string& reason, Done done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::recover
