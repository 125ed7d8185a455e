// model/matcher.h: a condition on one label, as selectors, silences and routes use it.
//
// Errors      A bad regular expression is kInvalid and names the expression and RE2's reason.
// Threads     Immutable after construction; matches() from any thread.
// Source      Regular expressions are RE2's, anchored at both ends, `.` matches newlines, as Prometheus.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::model {

class Labels;

enum class MatchOp { kEqual, kNotEqual, kRegex, kNotRegex };

class Matcher {
 public:
  static Result<Matcher> make(MatchOp op, std::string name, std::string value);
  static Matcher equal(std::string name, std::string value);

  MatchOp op() const { return op_; }
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }
  // An absent label is the value "".
  bool matches(std::string_view value) const;
  bool matches(const Labels& labels) const;
  bool matches_empty() const { return matches(std::string_view()); }
  // For a regex that is an alternation of literals (a|b|c): those; otherwise empty. Indexes use it.
  const std::vector<std::string>& set_matches() const { return set_matches_; }
  std::string text() const;  // name=~"value"

 private:
  struct Regex;
  Matcher(MatchOp op, std::string name, std::string value)
      : op_(op), name_(std::move(name)), value_(std::move(value)) {}

  MatchOp op_;
  std::string name_;
  std::string value_;
  std::shared_ptr<const Regex> regex_;
  std::vector<std::string> set_matches_;
};

}  // namespace holdfast::model
