// model/labels.h: the names of a series.
//
// Purpose     Labels is an immutable, sorted set of name=value pairs, value-compared and hashed.
// Invariants  Names strictly increase by bytes; no empty values (an empty value is an absent label).
// Units       Names and values are UTF-8 bytes. The metric's name is the label `__name__`.
// Threads     Values; share freely.
#pragma once

#include <compare>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::model {

inline constexpr std::string_view kMetricName = "__name__";

struct Label {
  std::string name;
  std::string value;
  auto operator<=>(const Label&) const = default;
};

class Labels {
 public:
  Labels() = default;
  // Sorts; a later duplicate name wins; empty values are dropped.
  Labels(std::initializer_list<Label> labels);
  explicit Labels(std::vector<Label> labels);

  // The value, or "" when absent.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const { return !get(name).empty(); }
  std::string_view metric_name() const { return get(kMetricName); }

  bool empty() const { return labels_.empty(); }
  std::size_t size() const { return labels_.size(); }
  auto begin() const { return labels_.begin(); }
  auto end() const { return labels_.end(); }
  const std::vector<Label>& all() const { return labels_; }

  // Copies with a change. An empty value removes.
  Labels with(std::string_view name, std::string_view value) const;
  Labels without_name() const;
  Labels keep(const std::vector<std::string>& names) const;
  Labels drop(const std::vector<std::string>& names) const;  // the metric name goes too

  std::uint64_t hash() const;  // XXH3 over name\xffvalue\xff...; stable over runs
  // name{a="b",c="d"} with Prometheus' escaping; names that are not identifiers are quoted.
  std::string text() const;

  auto operator<=>(const Labels&) const = default;

 private:
  std::vector<Label> labels_;
};

bool is_metric_name(std::string_view s);  // [a-zA-Z_:][a-zA-Z0-9_:]*
bool is_label_name(std::string_view s);   // [a-zA-Z_][a-zA-Z0-9_]*
// "..." with \\ \" \n escaped, as Prometheus prints label values.
std::string quote(std::string_view s);

}  // namespace holdfast::model

template <>
struct std::hash<holdfast::model::Labels> {
  std::size_t operator()(const holdfast::model::Labels& labels) const noexcept {
    return labels.hash();
  }
};
