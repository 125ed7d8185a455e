#include "query/promql/grouping.h"

#include <algorithm>

namespace holdfast::query::promql {
namespace {

// A store keeps each text once, so equal values are mostly the same bytes.
bool same_bytes(std::string_view a, std::string_view b) {
  return a.size() == b.size() && (a.data() == b.data() || a == b);
}

bool same_views(const metrics::LabelViews& a, const metrics::LabelViews& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (!same_bytes(a[k].value, b[k].value) || !same_bytes(a[k].name, b[k].name)) return false;
  }
  return true;
}

}  // namespace

GroupNumbers::GroupNumbers(const AggregateExpr& aggregate)
    : aggregate_(aggregate), names_(aggregate.grouping) {
  std::sort(names_.begin(), names_.end());
  names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
}

bool GroupNumbers::is_named(std::string_view name) const {
  return std::binary_search(names_.begin(), names_.end(), name, std::less<>());
}

std::size_t GroupNumbers::number(const metrics::Selection& selection, std::size_t index) {
  views_.clear();
  if (!aggregate_.without) {
    for (const auto& name : names_) {
      const auto value = selection.label(index, name);
      if (!value.empty()) views_.push_back({name, value});
    }
    return by_views(views_);
  }
  selection.labels(index, all_);
  for (const auto& view : all_) {
    if (view.name != model::kMetricName && !is_named(view.name)) views_.push_back(view);
  }
  return by_views(views_);
}

std::size_t GroupNumbers::number(const Labels& labels) {
  views_.clear();
  for (const auto& label : labels) {
    const bool kept = aggregate_.without ? label.name != model::kMetricName && !is_named(label.name)
                                         : is_named(label.name);
    if (kept) views_.push_back({label.name, label.value});
  }
  return of_key(views_);
}

// Neighbours are often of one group, and their views then point to the same bytes.
std::size_t GroupNumbers::by_views(const metrics::LabelViews& views) {
  if (!groups_.empty() && same_views(views, last_views_)) return last_;
  last_ = of_key(views);
  last_views_ = views;
  return last_;
}

std::size_t GroupNumbers::of_key(const metrics::LabelViews& views) {
  key_.clear();
  for (const auto& view : views) {
    key_.append(view.name).push_back('\xff');
    key_.append(view.value).push_back('\xff');
  }
  const auto [it, fresh] = numbers_.try_emplace(key_, groups_.size());
  if (fresh) groups_.push_back({key_, metrics::to_labels(views)});
  return it->second;
}

std::size_t GroupNumbers::number(const GroupNumbers& other, std::size_t group) {
  const auto& from = other.groups_[group];
  const auto [it, fresh] = numbers_.try_emplace(from.key, groups_.size());
  if (fresh) groups_.push_back(from);
  return it->second;
}

std::vector<SeriesGroup> group_series(const AggregateExpr& aggregate, const Value& input) {
  std::vector<SeriesGroup> groups;
  GroupNumbers numbers(aggregate);
  for (std::size_t k = 0; k < input.series.size(); ++k) {
    const auto& s = input.series[k];
    const auto number = numbers.number(s.labels);
    if (number == groups.size()) groups.push_back({numbers.labels(number), false, {}});
    groups[number].members.push_back(k);
    groups[number].drop_name = groups[number].drop_name || s.drop_name;
  }
  return groups;
}

}  // namespace holdfast::query::promql
