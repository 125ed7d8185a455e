#include "detect/rules/lint.h"

#include <map>

namespace holdfast::detect {

std::vector<DuplicateRule> find_duplicates(const std::vector<RuleGroup>& groups) {
  std::map<std::pair<std::string, model::Labels>, std::vector<SourcePlace>> places;
  for (const auto& group : groups) {
    for (const auto& rule : group.rules) {
      const auto [name, labels, place] = std::visit(
          [](const auto& one) {
            if constexpr (requires { one.record; })
              return std::tuple(one.record, one.labels, one.place);
            else
              return std::tuple(one.alert, one.labels, one.place);
          },
          rule);
      auto all = group.labels.all();
      all.insert(all.end(), labels.begin(), labels.end());
      places[{name, model::Labels(std::move(all))}].push_back(place);
    }
  }
  std::vector<DuplicateRule> found;
  for (auto& [rule, at] : places) {
    if (at.size() > 1) found.push_back({rule.first, rule.second, std::move(at)});
  }
  return found;
}

}  // namespace holdfast::detect
