#include "detect/rules/rule_metrics.h"

namespace holdfast::detect {
namespace {

struct Family {
  const char* name;  // after prometheus_ or holdfast_
  const char* type;
  const char* help;
  double (*value)(const GroupStatus& group);
};

double evaluations(const GroupStatus& group) {
  double sum = 0;
  for (const auto& rule : group.rules) sum += static_cast<double>(rule.evaluations);
  return sum;
}
double failures(const GroupStatus& group) {
  double sum = 0;
  for (const auto& rule : group.rules) sum += static_cast<double>(rule.failures);
  return sum;
}
double samples(const GroupStatus& group) {
  double sum = 0;
  for (const auto& rule : group.rules) sum += static_cast<double>(rule.sample_count);
  return sum;
}
double rule_seconds(const GroupStatus& group) {
  double sum = 0;
  for (const auto& rule : group.rules) sum += to_seconds(rule.evaluation_time);
  return sum;
}

constexpr Family kFamilies[] = {
    {"rule_evaluations_total", "counter", "The total number of rule evaluations.", evaluations},
    {"rule_evaluation_failures_total", "counter", "The total number of rule evaluation failures.",
     failures},
    {"rule_group_iterations_total", "counter",
     "The total number of scheduled rule group evaluations, whether executed or missed.",
     [](const GroupStatus& g) { return static_cast<double>(g.iterations); }},
    {"rule_group_iterations_missed_total", "counter",
     "The total number of rule group evaluations missed due to slow rule group evaluation.",
     [](const GroupStatus& g) { return static_cast<double>(g.missed); }},
    {"rule_group_duration_seconds_sum", "counter", "Seconds spent in evaluations of the group.",
     [](const GroupStatus& g) { return g.took_sum_seconds; }},
    {"rule_group_last_duration_seconds", "gauge", "The duration of the last rule group evaluation.",
     [](const GroupStatus& g) { return to_seconds(g.evaluation_time); }},
    {"rule_group_last_rule_duration_sum_seconds", "gauge",
     "The sum of time in seconds it took to evaluate each rule in the group.", rule_seconds},
    {"rule_group_last_evaluation_timestamp_seconds", "gauge",
     "The timestamp of the last rule group evaluation in seconds.",
     [](const GroupStatus& g) { return static_cast<double>(to_ms(g.last_evaluation)) / 1000; }},
    {"rule_group_last_evaluation_samples", "gauge",
     "The number of samples returned during the last rule group evaluation.", samples},
    {"rule_group_interval_seconds", "gauge", "The interval of a rule group.",
     [](const GroupStatus& g) { return to_seconds(g.interval); }},
    {"rule_group_rules", "gauge", "The number of rules.",
     [](const GroupStatus& g) { return static_cast<double>(g.rules.size()); }},
};

}  // namespace

void write_rule_metrics(const std::vector<GroupStatus>& groups, const RuleMetricSink& sink) {
  for (const char* prefix : {"prometheus_", "holdfast_"}) {
    for (const auto& family : kFamilies) {
      const auto name = std::string(prefix) + family.name;
      sink.family(name, family.type, family.help);
      for (const auto& group : groups)
        sink.sample(name, {{"rule_group", group.file + ";" + group.name}}, family.value(group));
    }
  }
}

}  // namespace holdfast::detect
