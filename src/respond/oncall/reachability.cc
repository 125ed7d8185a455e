#include "respond/oncall/reachability.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "model/json_members.h"
#include "respond/oncall/escalation_step.h"

namespace holdfast::respond::oncall {
namespace {

// Whole minutes, as people count them.
int minutes(Duration d) { return static_cast<int>(d / 1min); }

class Check {
 public:
  explicit Check(const ReachInput& in) : in_(in) {}

  std::vector<ReachFinding> run() {
    for (const auto& schedule : in_.schedules) check_schedule(schedule);
    for (const auto& policy : in_.policies) check_policy(policy);
    return std::move(findings_);
  }

 private:
  void add(const char* severity, const char* what, const std::string& name, std::string text,
           const std::string& person = {}) {
    ReachFinding finding;
    finding.severity = severity;
    finding.what = what;
    finding.name = name;
    finding.text = std::move(text);
    finding.person = person;
    findings_.push_back(std::move(finding));
  }

  // Why nobody can reach the person for that urgency; empty: there is a way.
  std::string unreachable(const std::string& id, const std::string& urgency) const {
    const auto person = in_.people.find(id);
    if (person == in_.people.end()) return id + " is not among the people of the configuration";
    std::vector<std::string> reasons;
    for (const auto& way : ways_of(person->second, urgency)) {
      const auto missing = in_.missing(way.method);
      if (missing.empty()) return {};
      reasons.push_back(missing);
    }
    if (reasons.empty()) return id + " has no way to be reached";
    return id + " cannot be reached: " + join(reasons, "; ");
  }

  // Told once a person: rules that name no method, and ways nothing proves.
  void check_person(const std::string& id) {
    const auto person = in_.people.find(id);
    if (person == in_.people.end() || !seen_.insert(id).second) return;
    for (const auto& rule : person->second.rules) {
      const auto& methods = person->second.methods;
      if (std::none_of(methods.begin(), methods.end(),
                       [&](const auto& m) { return m.name == rule.method; }))
        add("broken", "person", id,
            "a rule of " + id + " names the method '" + rule.method + "', which is none", id);
    }
    bool proven = false;
    const auto ways = ways_of(person->second, "high");
    for (const auto& way : ways) {
      const auto at = in_.proven_at(id, way.method);
      proven = proven || (at && in_.now - *at <= in_.proof_age_max);
    }
    if (!proven && !ways.empty())
      add("weak", "person", id,
          "nothing was delivered to " + id + " within " + format_duration(in_.proof_age_max) +
              "; send a test page",
          id);
  }

  void check_schedule(const Schedule& schedule) {
    for (const auto& person : people_of(schedule, in_.changes, in_.now)) {
      if (auto why = unreachable(person, "high"); !why.empty())
        add("broken", "schedule", schedule.name, why, person);
      check_person(person);
    }
    const auto to = in_.now + std::chrono::duration_cast<std::chrono::milliseconds>(in_.ahead);
    for (const auto& gap : gaps(resolve(schedule, in_.changes, in_.now, to), in_.now, to)) {
      add("broken", "schedule", schedule.name,
          "nobody is on call from " + format_time(gap.from) + " to " + format_time(gap.to));
      findings_.back().from = gap.from;
      findings_.back().to = gap.to;
    }
  }

  std::string step_problem(const EscalationPolicy& policy, const Step& step, model::Rank rank) {
    std::vector<std::string> reasons;
    for (const auto& target : step.targets) {
      if (target.kind == Target::Kind::kReceiver) return {};
      const auto people = people_behind(target);
      if (people.empty()) reasons.push_back(target_text(target) + " is nobody");
      for (const auto& person : people) {
        check_person(person);
        const auto why = unreachable(person, urgency_of(step, rank));
        if (why.empty()) return {};
        reasons.push_back(why);
      }
    }
    if (reasons.empty()) return {};
    return "policy " + policy.name + ": " + join(reasons, "; ");
  }

  std::set<std::string> people_behind(const Target& target) const {
    std::set<std::string> people;
    if (target.kind == Target::Kind::kPerson) people.insert(target.name);
    for (const auto& [id, person] : in_.people) {
      const auto& teams = person.teams;
      if (target.kind == Target::Kind::kTeam &&
          std::find(teams.begin(), teams.end(), target.name) != teams.end())
        people.insert(id);
    }
    for (const auto& schedule : in_.schedules) {
      if (target.kind == Target::Kind::kSchedule && schedule.name == target.name)
        people = people_of(schedule, in_.changes, in_.now);
    }
    return people;
  }

  void check_policy(const EscalationPolicy& policy) {
    Duration at{};
    for (std::size_t i = 0; i < policy.steps.size(); ++i) {
      const auto& step = policy.steps[i];
      const auto problem =
          step.targets.empty() ? std::string() : step_problem(policy, step, model::Rank::kWorst);
      if (!problem.empty()) {
        add("broken", "policy", policy.name,
            "step " + std::to_string(i + 1) + ", minute " + std::to_string(minutes(at)) +
                ": reaches nobody: " + problem);
        findings_.back().step = static_cast<int>(i) + 1;
        findings_.back().minute = minutes(at);
      }
      check_cut_rules(policy, i, at);
      at += problem.empty() ? std::max(step.wait, kStepWaitMin) : kStepWaitMin;
    }
  }

  // Rules of a person that begin only when the whole ladder has been climbed wake nobody in time.
  void check_cut_rules(const EscalationPolicy& policy, std::size_t index, Duration at) {
    Duration rest{};
    for (auto i = index; i < policy.steps.size(); ++i)
      rest += std::max(policy.steps[i].wait, kStepWaitMin);
    for (const auto& target : policy.steps[index].targets) {
      for (const auto& id : people_behind(target)) {
        const auto person = in_.people.find(id);
        if (person == in_.people.end()) continue;
        const auto ways =
            ways_of(person->second, urgency_of(policy.steps[index], model::Rank::kWorst));
        if (ways.empty() || ways.front().delay < rest) continue;
        add("weak", "policy", policy.name,
            "step " + std::to_string(index + 1) + ", minute " + std::to_string(minutes(at)) + ": " +
                id + " is told only " + format_duration(ways.front().delay) +
                " later, when all steps have run",
            id);
        findings_.back().step = static_cast<int>(index) + 1;
        findings_.back().minute = minutes(at + ways.front().delay);
      }
    }
  }

  const ReachInput& in_;
  std::vector<ReachFinding> findings_;
  std::set<std::string> seen_;
};

}  // namespace

std::vector<ReachFinding> check_reachability(const ReachInput& input) { return Check(input).run(); }

void to_json(nlohmann::json& j, const ReachFinding& v) {
  using model::json_members::put;
  j = nlohmann::json::object();
  put(j, "severity", v.severity);
  put(j, "what", v.what);
  put(j, "name", v.name);
  put(j, "text", v.text);
  put(j, "person", v.person);
  if (v.step > 0) put(j, "step", v.step);
  if (v.minute >= 0) put(j, "minute", v.minute);
  put(j, "from", v.from);
  put(j, "to", v.to);
}

}  // namespace holdfast::respond::oncall
