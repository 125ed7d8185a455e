#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "base/text.h"
#include "query/promql/functions.h"

namespace holdfast::query::promql {
namespace {

Result<void> check_label_name(std::string_view name, std::string_view what,
                              std::string_view function) {
  if (!name.empty() && is_valid_utf8(name)) return {};
  return invalid("invalid " + std::string(what) + " label name in " + std::string(function) +
                 "(): " + printable(name));
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The text of a group by its number or name; empty when there is none such.
std::string_view group_text(const RE2& regex, const std::vector<re2::StringPiece>& groups,
                            std::string_view name) {
  if (const auto number = parse_int(name)) {
    if (*number < 0 || static_cast<std::size_t>(*number) >= groups.size()) return {};
    const auto& group = groups[static_cast<std::size_t>(*number)];
    return {group.data(), group.size()};
  }
  const auto& named = regex.NamedCapturingGroups();
  const auto it = named.find(std::string(name));
  if (it == named.end()) return {};
  const auto& group = groups[static_cast<std::size_t>(it->second)];
  return {group.data(), group.size()};
}

// $1, ${1}, $name, ${name} and $$, as Go's regexp expands them: the longest run of word characters
// is the name.
std::string expand(const RE2& regex, const std::vector<re2::StringPiece>& groups,
                   std::string_view replacement) {
  std::string out;
  for (std::size_t i = 0; i < replacement.size();) {
    if (replacement[i] != '$') {
      out += replacement[i++];
      continue;
    }
    ++i;
    if (i < replacement.size() && replacement[i] == '$') {
      out += replacement[i++];
      continue;
    }
    const bool braced = i < replacement.size() && replacement[i] == '{';
    const auto begin = i + (braced ? 1 : 0);
    auto stop = begin;
    while (stop < replacement.size() && is_word(replacement[stop])) ++stop;
    const bool closed = !braced || (stop < replacement.size() && replacement[stop] == '}');
    if (stop == begin || !closed) {
      out += '$';
      continue;
    }
    out += group_text(regex, groups, replacement.substr(begin, stop - begin));
    i = stop + (braced ? 1 : 0);
  }
  return out;
}

Result<Value> label_replace(Evaluator& ev, const Expr&, const Call& call, const Steps& steps) {
  const auto target = HF_TRY(ev.eval_string(*call.args[1]));
  const auto replacement = HF_TRY(ev.eval_string(*call.args[2]));
  const auto source = HF_TRY(ev.eval_string(*call.args[3]));
  const auto pattern = HF_TRY(ev.eval_string(*call.args[4]));
  RE2::Options options;
  options.set_log_errors(false);
  const RE2 regex("^(?s:" + pattern + ")$", options);
  if (!regex.ok()) return invalid("invalid regular expression in label_replace(): " + pattern);
  HF_TRY(check_label_name(target, "destination", "label_replace"));
  auto value = HF_TRY(ev.eval(*call.args[0], steps));
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(regex.NumberOfCapturingGroups()) +
                                       1);
  for (auto& s : value.series) {
    const std::string text(s.labels.get(source));
    if (!regex.Match(text, 0, text.size(), RE2::ANCHOR_BOTH, groups.data(),
                     static_cast<int>(groups.size())))
      continue;
    s.labels = s.labels.with(target, expand(regex, groups, replacement));
    if (target == model::kMetricName) s.drop_name = false;
  }
  HF_TRY(merge_same_labels(value.series));
  return value;
}

Result<Value> label_join(Evaluator& ev, const Expr&, const Call& call, const Steps& steps) {
  const auto target = HF_TRY(ev.eval_string(*call.args[1]));
  const auto separator = HF_TRY(ev.eval_string(*call.args[2]));
  std::vector<std::string> sources;
  for (std::size_t i = 3; i < call.args.size(); ++i) {
    sources.push_back(HF_TRY(ev.eval_string(*call.args[i])));
    HF_TRY(check_label_name(sources.back(), "source", "label_join"));
  }
  HF_TRY(check_label_name(target, "destination", "label_join"));
  auto value = HF_TRY(ev.eval(*call.args[0], steps));
  for (auto& s : value.series) {
    std::vector<std::string> parts;
    for (const auto& source : sources) parts.emplace_back(s.labels.get(source));
    s.labels = s.labels.with(target, join(parts, separator));
    if (target == model::kMetricName) s.drop_name = false;
  }
  HF_TRY(merge_same_labels(value.series));
  return value;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "x9" before "x10": runs of digits compare as numbers.
int compare_naturally(std::string_view a, std::string_view b) {
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j])
        return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[j]) ? -1 : 1;
      ++i, ++j;
      continue;
    }
    while (i < a.size() && a[i] == '0') ++i;
    while (j < b.size() && b[j] == '0') ++j;
    auto end_a = i, end_b = j;
    while (end_a < a.size() && is_digit(a[end_a])) ++end_a;
    while (end_b < b.size() && is_digit(b[end_b])) ++end_b;
    if (end_a - i != end_b - j) return end_a - i < end_b - j ? -1 : 1;
    const auto order = a.substr(i, end_a - i).compare(b.substr(j, end_b - j));
    if (order != 0) return order < 0 ? -1 : 1;
    i = end_a;
    j = end_b;
  }
  if (i == a.size() && j == b.size()) return a.compare(b);
  return i == a.size() ? -1 : 1;
}

// Sorting orders the vector of an instant query; the series of a range query are ordered by labels
// whatever is asked.
bool sorts_in_vain(Evaluator& ev, const Expr& expr) {
  if (ev.input().is_range) ev.annotate().sort_in_range(expr.position);
  return ev.input().is_range;
}

Result<Value> sort_by_value(Evaluator& ev, const Expr& expr, const Call& call, const Steps& steps,
                            bool descending) {
  auto value = HF_TRY(ev.eval(*call.args[0], steps));
  const bool in_vain = sorts_in_vain(ev, expr);
  for (auto& s : value.series) {
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (s.kinds[i] == Kind::kHistogram) s.clear(i);
    }
  }
  drop_empty(value.series);
  if (in_vain || steps.count != 1) return value;
  std::stable_sort(value.series.begin(), value.series.end(),
                   [&](const StepSeries& a, const StepSeries& b) {
                     const double x = a.values[0], y = b.values[0];
                     if (std::isnan(x) || std::isnan(y)) return !std::isnan(x) && std::isnan(y);
                     return descending ? x > y : x < y;
                   });
  return value;
}

Result<Value> sort_ascending(Evaluator& ev, const Expr& expr, const Call& call,
                             const Steps& steps) {
  return sort_by_value(ev, expr, call, steps, false);
}

Result<Value> sort_descending(Evaluator& ev, const Expr& expr, const Call& call,
                              const Steps& steps) {
  return sort_by_value(ev, expr, call, steps, true);
}

Result<Value> sort_by_labels(Evaluator& ev, const Expr& expr, const Call& call, const Steps& steps,
                             int sign) {
  std::vector<std::string> names;
  for (std::size_t i = 1; i < call.args.size(); ++i)
    names.push_back(HF_TRY(ev.eval_string(*call.args[i])));
  auto value = HF_TRY(ev.eval(*call.args[0], steps));
  if (sorts_in_vain(ev, expr)) return value;
  std::stable_sort(value.series.begin(), value.series.end(),
                   [&](const StepSeries& a, const StepSeries& b) {
                     for (const auto& name : names) {
                       const int order = compare_naturally(a.labels.get(name), b.labels.get(name));
                       if (order != 0) return order * sign < 0;
                     }
                     return sign > 0 ? a.labels < b.labels : b.labels < a.labels;
                   });
  return value;
}

Result<Value> sort_by_label(Evaluator& ev, const Expr& expr, const Call& call, const Steps& steps) {
  return sort_by_labels(ev, expr, call, steps, 1);
}

Result<Value> sort_by_label_desc(Evaluator& ev, const Expr& expr, const Call& call,
                                 const Steps& steps) {
  return sort_by_labels(ev, expr, call, steps, -1);
}

constexpr std::array<SpecialEntry, 6> kFunctions = {{{"label_replace", label_replace},
                                                     {"label_join", label_join},
                                                     {"sort", sort_ascending},
                                                     {"sort_desc", sort_descending},
                                                     {"sort_by_label", sort_by_label},
                                                     {"sort_by_label_desc", sort_by_label_desc}}};

}  // namespace

std::span<const SpecialEntry> label_functions() { return kFunctions; }

}  // namespace holdfast::query::promql
