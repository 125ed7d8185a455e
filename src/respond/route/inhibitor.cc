#include "respond/route/inhibitor.h"

namespace holdfast::respond::route {

std::string Inhibitor::equal_key(const Rule& rule, const LabelsView& labels) {
  std::string key;
  for (const auto& name : rule.rule.equal) {
    key += labels.get(name);
    key += '\xff';  // never in UTF-8: no two lists of values share a key
  }
  return key;
}

void Inhibitor::configure(const std::vector<InhibitRule>& rules) {
  rules_.clear();
  for (const auto& rule : rules) rules_.push_back({rule, {}});
  if (rules_.empty()) return;
  for (const auto& [fingerprint, row] : alerts_) add(row);
}

void Inhibitor::add(const AlertRow& row) {
  const auto labels = alerts_.labels(row);
  for (auto& rule : rules_) {
    if (labels.matches(rule.rule.source_matchers)) {
      rule.sources[equal_key(rule, labels)].insert(row.fingerprint);
    }
  }
}

void Inhibitor::remove(const AlertRow& row) {
  const auto labels = alerts_.labels(row);
  for (auto& rule : rules_) {
    if (!labels.matches(rule.rule.source_matchers)) continue;
    const auto it = rule.sources.find(equal_key(rule, labels));
    if (it == rule.sources.end()) continue;
    it->second.erase(row.fingerprint);
    if (it->second.empty()) rule.sources.erase(it);
  }
}

std::optional<std::uint64_t> Inhibitor::inhibited_by(const LabelsView& target, WallTime now) const {
  for (const auto& rule : rules_) {
    if (rule.sources.empty() || !target.matches(rule.rule.target_matchers)) continue;
    const auto it = rule.sources.find(equal_key(rule, target));
    if (it == rule.sources.end()) continue;
    const bool both_sides = target.matches(rule.rule.source_matchers);
    for (const auto fingerprint : it->second) {
      const auto* source = alerts_.find(fingerprint);
      if (source == nullptr || source->span.resolved(now)) continue;
      if (both_sides && alerts_.labels(*source).matches(rule.rule.target_matchers)) continue;
      return fingerprint;
    }
  }
  return std::nullopt;
}

}  // namespace holdfast::respond::route
