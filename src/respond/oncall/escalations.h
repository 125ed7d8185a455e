// respond/oncall/escalations.h: incidents nobody answers reach people, until somebody does.
//
// Purpose     Subscribes to kIncidentChanged. An open incident with a policy gets an escalation; its steps and the
//             rules of each person page through the outbox; acknowledging holds it, resolving ends it and tells who
//             was told.
// Decisions   escalation_step.h, pure. Here: rows, commits, the clock.
// Durable     Documents: escalation (by incident), page (by page id), escalation_cursor, contact_proof; once ended
//             and all pages final, one document escalation_past holds the whole chain. Entries: kEscalationChanged
//             and kPageChanged. A decision is acted on only after its commit; a refused commit keeps the news for the
//             next try.
// Pages       Outbox intents of kind "page"; the key is the page's id. A page whose escalation is held or ended by
//             the time it would go out is withdrawn instead. A success proves the contact method (contact_proof).
// Wake-up     The in-memory timer only wakes: it looks at the rows, at the latest after kTickMax, so that a jump of
//             the wall clock is noticed.
// Auditor     Every kAuditEvery it reads the durable documents: an escalation that is active without a next step,
//             overdue, or missing in memory is put right, logged, told on the timeline and counted. kAuditEvery +
//             kAuditSlack < 10 s.
// Threads     Control strand only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/env.h"
#include "model/page.h"
#include "respond/oncall/escalation_step.h"
#include "respond/oncall/pager.h"
#include "respond/oncall/policy.h"
#include "respond/oncall/roster.h"
#include "state/journal.h"
#include "state/outbox.h"

namespace holdfast::respond::oncall {

inline constexpr Duration kTickMax = 2s;
inline constexpr Duration kAuditEvery = 4s;
inline constexpr Duration kAuditSlack = 4s;

struct EscalationOptions {
  std::vector<EscalationPolicy> policies;
  std::string language = "en";   // of people who name none
  std::string external_url;      // links begin with it
  Duration page_deadline = 60s;  // not handed over by then: the next way is taken as well
  Duration give_up_after = 1h;   // of one page
};

struct EscalationStats {
  std::size_t active = 0, held = 0, pages_waiting = 0, pages_queued = 0;
  std::uint64_t pages_handed_over = 0, pages_failed = 0, repaired = 0;  // since start
};

// One incident's whole chain.
struct EscalationView {
  Escalation escalation;
  std::vector<model::Page> pages;  // oldest first
};

class Escalations {
 public:
  using Done = std::function<void(Result<void>)>;

  // The pager may be replaced by configure(); the constructor registers the outbox's handler.
  Escalations(Env& env, state::Journal& journal, state::Outbox& outbox, Roster& roster,
              std::shared_ptr<Pager> pager, EscalationOptions options);
  ~Escalations();

  // Restores rows, catches up with incidents that changed meanwhile, subscribes. Once, before Outbox::start().
  Result<void> start();
  void configure(EscalationOptions options, std::shared_ptr<Pager> pager);

  std::vector<EscalationView> active() const;  // not ended, by incident
  std::optional<EscalationView> find(
      const std::string& incident) const;  // ended ones from the journal
  // When the person's method last delivered; the configuration knows nothing of it.
  std::optional<WallTime> proven_at(const std::string& person,
                                    const model::ContactMethod& method) const;
  EscalationStats stats() const;

  // Answered when durable.
  void confirm(const std::string& incident, const std::string& by, Done done);  // still at it
  void ask_in(const std::string& incident, const Target& target, const std::string& by, Done done);
  void escalate(const std::string& incident, const std::string& by,
                Done done);  // the next step now
  // Tells a target at once without an incident's escalation: an alert action (notify_on_call, notify_team), a fire
  // drill. Equal keys page once.
  void tell(const Target& target, const PageMessage& message, const std::string& key, Done done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::respond::oncall
