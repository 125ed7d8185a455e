// respond/route/inhibitor.h: which alerts are not told because another one, that explains them, fires.
//
// Purpose     Per rule, sources stand in an index by their values of `equal`, so that asking costs one look-up per rule whose
//             target side matches. An absent label equals an empty one. An alert that matches both sides of a rule is not
//             inhibited by others that do: nothing inhibits itself, and a rule without matchers inhibits nothing.
// Answers     The first rule that hits, and of its sources the one with the smallest fingerprint that fires.
// Threads     Control strand only.
// Source      ../shared/reference/alerting.md section 2.6.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "respond/route/alerts.h"
#include "respond/route/config.h"

namespace holdfast::respond::route {

class Inhibitor {
 public:
  explicit Inhibitor(const AlertTable& alerts) : alerts_(alerts) {}

  // Takes the rules and indexes every alert of the table anew.
  void configure(const std::vector<InhibitRule>& rules);
  void add(const AlertRow& row);     // once is enough: labels do not change
  void remove(const AlertRow& row);  // before it leaves the table
  std::optional<std::uint64_t> inhibited_by(const LabelsView& target, WallTime now) const;

 private:
  struct Rule {
    InhibitRule rule;
    std::unordered_map<std::string, std::set<std::uint64_t>> sources;  // by the values of `equal`
  };
  static std::string equal_key(const Rule& rule, const LabelsView& labels);

  const AlertTable& alerts_;
  std::vector<Rule> rules_;
};

}  // namespace holdfast::respond::route
