// detect/rules/manager.h: evaluates rule groups on time and publishes what changed.
//
// Purpose     Each group runs every interval (jittered by its name), its rules in order, on Lane::kPool: queries,
//             the pure step of alert states (alert_state.h), and the appending of recording rules, ALERTS and
//             ALERTS_FOR_STATE. The results come back to the control strand, which alone holds the states. All
//             changes of one evaluation are committed in one batch as model::kAlertChanged, each with the alert
//             as a document of kind "alert" (id: fingerprint), deleted 15 minutes after it resolved.
// State       pending -> firing after `for`; firing -> resolved when gone for keep_firing_for. Resolved alerts are kept
//             15 minutes for display. After a restart active alerts come back from the journal: a firing alert
//             goes on firing, a pending one keeps its active_at; neither is believed to be gone until the rule's
//             windows had time to fill again (at most a minute). A rule that is gone resolves its alerts. A pending
//             alert that is gone is told as resolved without fired_at.
// Evidence    Each alert carries query, value, threshold (the comparison at the top of the expression),
//             window (range selectors inside), file:line, and what would have changed the outcome.
// Restoring   Where the journal is lost or came from elsewhere, ALERTS_FOR_STATE of the store tells when an alert began, as
//             in Prometheus: not for `for`s shorter than the grace period, nor after a longer outage than is tolerated.
// Side by side Rules of a group run in order. When a group takes long, those among them that neither read nor write what
//             another writes run at the same time.
// Limits      A group that takes longer than its interval skips turns and counts them. A rule over its limit is
//             an error and publishes nothing; its alerts stay as they were.
// Errors      A rule that fails is marked err and keeps its state. A commit the journal refuses is tried again every
//             second, in order. A full metrics store hides no alert.
// Closing     The destructor stops queries on the pool and waits for them: the store may go after it.
// Threads     Control strand only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/env.h"
#include "detect/rules/evaluate.h"
#include "detect/rules/rule_file.h"
#include "metrics/store.h"
#include "model/alert.h"
#include "state/journal.h"

namespace holdfast::detect {

struct ManagerOptions {
  model::Labels external_labels;
  std::string external_url;
  Duration query_offset{};        // of groups that do not say
  Duration subquery_step = 1min;  // of subqueries that name none
  RestorePolicy restore{};        // from ALERTS_FOR_STATE, where the journal knows nothing
  int concurrency_max = 4;  // rules of one group side by side, where none needs another's result
  Duration spread_from = 50ms;  // a group whose last evaluation took less runs its rules in order
};

struct RuleStatus {
  std::string name;
  std::string kind;  // alerting, recording
  std::string query;
  std::string health;  // ok, err, unknown
  std::string last_error;
  WallTime last_evaluation{};
  Duration evaluation_time{};
  SourcePlace place;
  Duration hold{};
  Duration keep_firing_for{};
  model::Labels labels;
  model::Labels annotations;
  std::vector<model::Alert> alerts;  // active ones, alerting rules only
  std::uint64_t evaluations = 0;     // since the rule came
  std::uint64_t failures = 0;
  std::size_t sample_count = 0;  // of the last evaluation
};

struct GroupStatus {
  std::string name;
  std::string file;
  Duration interval{};
  int limit = 0;
  WallTime last_evaluation{};
  Duration evaluation_time{};
  std::uint64_t missed = 0;
  std::vector<RuleStatus> rules;
  Duration query_offset{};
  std::uint64_t iterations = 0;  // missed ones included
  double took_sum_seconds = 0;   // of all evaluations of the group
};

class RuleManager {
 public:
  RuleManager(Env& env, metrics::Store& store, state::Journal& journal, ManagerOptions options);
  ~RuleManager();

  // Restores alerts from the journal, then begins. Once.
  Result<void> start(std::vector<RuleGroup> groups);
  // Replaces the rules; alerts of unchanged rules keep their state.
  void set_groups(std::vector<RuleGroup> groups);
  std::vector<GroupStatus> status() const;
  std::vector<model::Alert> alerts() const;  // pending, firing, and resolved lately

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::detect
