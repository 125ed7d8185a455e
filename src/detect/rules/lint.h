// detect/rules/lint.h: what is allowed in rule files and still a likely mistake.
//
// Purpose     Rules that record or alert the same name with the same labels write over each other.
// Threads     Pure functions.
// Source      promtool check rules --lint.
#pragma once

#include <string>
#include <vector>

#include "detect/rules/rule_file.h"

namespace holdfast::detect {

struct DuplicateRule {
  std::string metric;               // what is recorded, or the alert's name
  model::Labels labels;             // of rule and group
  std::vector<SourcePlace> places;  // two or more, in order of the file
};
// Of one file's groups, each once, in order of the names.
std::vector<DuplicateRule> find_duplicates(const std::vector<RuleGroup>& groups);

}  // namespace holdfast::detect
