// detect/rules/evaluate.h: one evaluation of one group, from what its rules remember to what they remember next.
//
// Purpose     prepare_group() does once what does not change (templates parsed, evidence read, labels merged);
//             evaluate_group() runs the rules in order, appends recording results, ALERTS and ALERTS_FOR_STATE and
//             staleness markers for what vanished, and steps the alerts. Later rules of a group see what earlier
//             ones appended.
// Units       `at` is the time of the evaluation; queries and samples stand at `at` minus the group's query_offset.
// Errors      Per rule, in RuleOutcome::error. A rule that failed changes nothing and remembers what it did before. When
//             only storing failed, alerts step all the same: a full disk hides no alert.
// Threads     prepare_group is pure. evaluate_group runs on any thread; a group is evaluated once at a time.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "detect/rules/alert_state.h"
#include "detect/rules/rule_file.h"
#include "detect/rules/template.h"
#include "metrics/store.h"
#include "query/promql/ast.h"

namespace holdfast::detect {

struct NamedTemplate {
  std::string name;
  Template text;
};

// `left op limit` with a number as limit: rules of a group that differ in the limit alone share what is asked.
struct SharedComparison {
  query::promql::ExprPtr left;
  std::string key;  // left's canonical text
  query::promql::BinaryOp op{};
  double limit = 0;
};

struct PreparedRule {
  std::string identity;  // kind, name and labels: the same rule in a changed file
  std::string
      key;  // file, group and identity, numbered when it repeats: the same rule in the same place
  std::string name;
  std::string query;
  query::promql::ExprPtr expr;
  std::optional<SharedComparison> shared;
  int level = 0;  // rules of one level neither read nor write what another of it writes
  bool alerting = false;
  AlertPolicy policy;
  Duration window_max{};  // the longest range selector inside
  model::Labels labels;   // of group and rule, as written
  model::Labels annotations;
  std::vector<std::string> removed_labels;
  std::vector<NamedTemplate> label_templates;  // alerting rules only
  std::vector<NamedTemplate> annotation_templates;
  model::Evidence evidence;  // without the value
  SourcePlace place;
};

struct PreparedGroup {
  std::string name;
  std::string file;
  Duration interval{};
  Duration query_offset{};
  int limit = 0;
  std::vector<PreparedRule> rules;
  std::string definition;  // equal when nothing that matters differs
};
PreparedGroup prepare_group(const RuleGroup& group, Duration query_offset = Duration::zero());

// What a rule carries from one evaluation to the next. Never null once made by empty_memory().
struct RuleMemory {
  std::shared_ptr<const AlertStates> alerts;
  std::shared_ptr<const std::vector<model::Labels>> series;  // appended last time, sorted
  bool ask_store =
      false;  // before the first evaluation after a start: alerts may have begun before it
};
RuleMemory empty_memory();
// ALERTS and ALERTS_FOR_STATE of these alerts, sorted: what the store holds of them.
std::vector<model::Labels> alert_series(const AlertStates& states);

struct RuleOutcome {
  RuleMemory memory;
  std::string error;  // empty: ok
  Duration took{};
  std::size_t sample_count = 0;  // appended, staleness markers aside
  std::vector<model::Alert> changed;
  std::vector<model::Labels> forgotten;
};

// How alerts whose journal is lost come back from ALERTS_FOR_STATE.
struct RestorePolicy {
  Duration outage_tolerance = 1h;  // what was last seen longer ago is forgotten
  Duration grace_period =
      10min;  // a restored alert is pending at least so long; shorter `for`s are not restored
};

struct EvaluationContext {
  metrics::Store& store;
  const Clock& clock;
  const model::Labels& external_labels;
  const std::string& external_url;
  std::stop_token stop;
  RestorePolicy restore{};
  std::int64_t subquery_step = 60'000;  // ms, of subqueries that name none
};

std::vector<RuleOutcome> evaluate_group(const PreparedGroup& group,
                                        const std::vector<RuleMemory>& memory, WallTime at,
                                        const EvaluationContext& context);
// One rule of it, for rules of one level side by side.
RuleOutcome evaluate_rule(const PreparedGroup& group, std::size_t index, const RuleMemory& memory,
                          WallTime at, const EvaluationContext& context);
// Marks the series as gone.
Result<void> append_stale(metrics::Store& store, const std::vector<model::Labels>& series,
                          WallTime at);

}  // namespace holdfast::detect
