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
  for (const auto& [rule, at] : places) {
    for (std::size_t i = 1; i < at.size(); ++i)
      found.push_back({rule.first, rule.second, at[i], at[0]});
  }
  return found;
}

}  // namespace holdfast::detect
