#include "model/matcher.h"

#include <re2/re2.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "model/labels.h"

namespace holdfast::model {
namespace {

constexpr std::string_view kMetaCharacters = R"(\.+*?()|[]{}^$)";

std::string_view op_text(MatchOp op) {
  switch (op) {
    case MatchOp::kEqual:
      return "=";
    case MatchOp::kNotEqual:
      return "!=";
    case MatchOp::kRegex:
      return "=~";
    case MatchOp::kNotRegex:
      return "!~";
  }
  return "=";
}

bool is_meta(char c) { return kMetaCharacters.find(c) != std::string_view::npos; }

// `(body)` and `(?:body)` without a further group inside mean the same as `body` in a full match.
std::string_view strip_group(std::string_view pattern) {
  if (pattern.size() < 2 || pattern.front() != '(' || pattern.back() != ')') return pattern;
  // An escaped last parenthesis belongs to a literal: such a pattern does not compile as a group.
  if (pattern[pattern.size() - 2] == '\\') return pattern;
  pattern = pattern.substr(1, pattern.size() - 2);
  if (pattern.substr(0, 2) == "?:") pattern.remove_prefix(2);
  return pattern;
}

// The literals of `a|b|c`, sorted, or nothing when the pattern is anything else. An empty alternative
// also gives nothing: it matches series without the label, which no index of values can list.
std::vector<std::string> literals_of(std::string_view pattern) {
  std::vector<std::string> literals(1);
  const auto body = strip_group(pattern);
  for (std::size_t i = 0; i < body.size(); ++i) {
    char c = body[i];
    if (c == '|') {
      literals.emplace_back();
      continue;
    }
    if (c == '\\') {
      if (i + 1 == body.size() || !is_meta(body[i + 1])) return {};
      c = body[++i];
    } else if (is_meta(c)) {
      return {};
    }
    literals.back() += c;
  }
  std::sort(literals.begin(), literals.end());
  literals.erase(std::unique(literals.begin(), literals.end()), literals.end());
  if (literals.front().empty()) return {};
  return literals;
}

}  // namespace

struct Matcher::Regex {
  explicit Regex(const std::string& pattern) : re(pattern, options()) {}

  static RE2::Options options() {
    RE2::Options options;
    options.set_dot_nl(true);
    options.set_log_errors(false);
    return options;
  }

  RE2 re;
};

Result<Matcher> Matcher::make(MatchOp op, std::string name, std::string value) {
  Matcher matcher(op, std::move(name), std::move(value));
  if (op != MatchOp::kRegex && op != MatchOp::kNotRegex) return matcher;
  auto regex = std::make_shared<const Regex>(matcher.value_);
  if (!regex->re.ok()) {
    return invalid("regular expression " + quote(printable(matcher.value_)) + ": " +
                   regex->re.error());
  }
  matcher.regex_ = std::move(regex);
  matcher.set_matches_ = literals_of(matcher.value_);
  return matcher;
}

Matcher Matcher::equal(std::string name, std::string value) {
  return {MatchOp::kEqual, std::move(name), std::move(value)};
}

bool Matcher::matches(std::string_view value) const {
  if (op_ == MatchOp::kEqual) return value == value_;
  if (op_ == MatchOp::kNotEqual) return value != value_;
  const bool hit =
      set_matches_.empty()
          ? RE2::FullMatch(re2::StringPiece(value.data(), value.size()), regex_->re)
          : std::binary_search(set_matches_.begin(), set_matches_.end(), value, std::less<>());
  return hit == (op_ == MatchOp::kRegex);
}

bool Matcher::matches(const Labels& labels) const { return matches(labels.get(name_)); }

std::string Matcher::text() const {
  return (is_label_name(name_) ? name_ : quote(name_)) + std::string(op_text(op_)) + quote(value_);
}

}  // namespace holdfast::model
