// query/promql/grouping.h: the groups of an aggregation.
//
// Purpose     by() and without() sort series into groups, once for all steps. Series of a vector
//             bring their labels, series of a scan only views; the labels of a group are made once,
//             when its first series comes.
// Invariants  Groups are numbered in the order of their first series.
// Threads     GroupNumbers belongs to one thread; the rest is pure.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "query/promql/evaluator.h"

namespace holdfast::query::promql {

struct SeriesGroup {
  Labels labels;
  bool drop_name = false;            // a member's name was to be dropped
  std::vector<std::size_t> members;  // indexes of the series
};

std::vector<SeriesGroup> group_series(const AggregateExpr& aggregate, const Value& input);

class GroupNumbers {
 public:
  explicit GroupNumbers(const AggregateExpr& aggregate);

  std::size_t number(const metrics::Selection& selection, std::size_t index);
  std::size_t number(const Labels& labels);
  // The group of another with the same labels.
  std::size_t number(const GroupNumbers& other, std::size_t group);
  std::size_t count() const { return groups_.size(); }
  const Labels& labels(std::size_t group) const { return groups_[group].labels; }

 private:
  struct Group {
    std::string key;
    Labels labels;
  };
  bool is_named(std::string_view name) const;
  std::size_t by_views(const metrics::LabelViews& views);  // those the group is made of
  std::size_t of_key(const metrics::LabelViews& views);

  const AggregateExpr& aggregate_;
  std::vector<std::string> names_;  // sorted, each once
  std::vector<Group> groups_;
  std::unordered_map<std::string, std::size_t> numbers_;  // by key: name 0xff value 0xff ...
  metrics::LabelViews views_, all_, last_views_;
  std::size_t last_ = 0;
  std::string key_;
};

}  // namespace holdfast::query::promql
