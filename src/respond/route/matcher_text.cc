#include "respond/route/matcher_text.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"
#include "model/labels.h"
#include "respond/route/go_text.h"
#include "respond/route/matcher_lexer.h"

namespace holdfast::respond::route {
namespace {

using model::Matcher;
using model::MatchOp;
using Matchers = std::vector<Matcher>;

// Go's \s.
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r' && c != '\v'); }

std::string_view trim_space(std::string_view s) {
  while (!s.empty() && is_space(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_space(s.back())) s.remove_suffix(1);
  return s;
}

bool is_name_char(char c, bool first) {
  return c == '_' || c == ':' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (!first && c >= '0' && c <= '9');
}

// ---- the old way

// The value with its quotes and escapes undone.
Result<std::string> classic_value(std::string_view raw) {
  auto rest = raw;
  bool expect_quote = false;
  if (rest.substr(0, 1) == "\"") {
    rest.remove_prefix(1);
    expect_quote = true;
  }
  if (!is_valid_utf8(rest)) return invalid("matcher value not valid UTF-8: " + std::string(raw));
  const auto stray_quote = [&] {
    return invalid("matcher value contains unescaped double quote: " + std::string(raw));
  };
  std::string value;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    const bool last = i + 1 == rest.size();
    if (c == '\\' && !last) {
      const char next = rest[++i];
      if (next == 'n') {
        value += '\n';
      } else {
        if (next != '"' && next != '\\') value += '\\';  // not an escape: stands for itself
        value += next;
      }
    } else if (c == '"') {
      if (!expect_quote || !last) return stray_quote();
      expect_quote = false;
    } else {
      value += c;
    }
  }
  if (expect_quote) return stray_quote();
  return value;
}

// ---- the UTF-8 way

class Utf8Parser {
 public:
  explicit Utf8Parser(std::string_view text) : lexer_(text) {}

  Result<Matchers> parse() {
    const auto open = HF_TRY(lexer_.peek());
    if (open.kind == TokenKind::kEnd) return matchers_;
    braces_ = open.kind == TokenKind::kOpenBrace;
    if (braces_) HF_TRY(lexer_.next());
    auto next = HF_TRY(lexer_.peek());
    while (next.kind != TokenKind::kEnd && next.kind != TokenKind::kCloseBrace) {
      HF_TRY(matcher());
      if (!HF_TRY(separator())) break;
      next = HF_TRY(lexer_.peek());
    }
    HF_TRY(close());
    return std::move(matchers_);
  }

 private:
  static Error unexpected(const Token& token, std::string_view wanted) {
    if (token.kind == TokenKind::kEnd) return invalid("end of input: " + std::string(wanted));
    return invalid(token.place() + ": unexpected " + std::string(token.text) + ": " +
                   std::string(wanted));
  }
  static Error because(Error error, std::string_view wanted) {
    return invalid(error.message() + ": " + std::string(wanted));
  }

  // A name or a value.
  Result<std::string> word(std::string_view wanted) {
    auto token = lexer_.peek();
    if (!token) return because(token.error(), wanted);
    if (token->kind != TokenKind::kQuoted && token->kind != TokenKind::kUnquoted)
      return unexpected(*token, wanted);
    HF_TRY(lexer_.next());
    if (token->kind == TokenKind::kUnquoted) return std::string(token->text);
    auto text = go_unquote(token->text);
    if (!text) return invalid(token->place() + ": " + std::string(token->text) + ": invalid input");
    return text;
  }
  Result<MatchOp> op() {
    constexpr std::string_view kWanted = "expected an operator such as '=', '!=', '=~' or '!~'";
    auto token = lexer_.peek();
    if (!token) return because(token.error(), kWanted);
    HF_TRY(lexer_.next());
    switch (token->kind) {
      case TokenKind::kEqual:
        return MatchOp::kEqual;
      case TokenKind::kNotEqual:
        return MatchOp::kNotEqual;
      case TokenKind::kRegex:
        return MatchOp::kRegex;
      case TokenKind::kNotRegex:
        return MatchOp::kNotRegex;
      default:
        return unexpected(*token, kWanted);
    }
  }
  Result<void> matcher() {
    auto name = HF_TRY(word("expected label name"));
    const auto how = HF_TRY(op());
    auto value = HF_TRY(word("expected label value"));
    auto made = make_matcher(how, std::move(name), std::move(value));
    if (!made) return std::move(made).error().context("failed to create matcher");
    matchers_.push_back(*std::move(made));
    return {};
  }
  // True: a comma was read and a matcher may follow.
  Result<bool> separator() {
    constexpr std::string_view kWanted = "expected a comma or close brace";
    auto token = lexer_.peek();
    if (!token) return because(token.error(), kWanted);
    if (token->kind == TokenKind::kEnd || token->kind == TokenKind::kCloseBrace) return false;
    if (token->kind != TokenKind::kComma) return unexpected(*token, kWanted);
    HF_TRY(lexer_.next());
    constexpr std::string_view kAfter = "expected a matcher or close brace after comma";
    auto after = lexer_.peek();
    if (!after) return because(after.error(), kAfter);
    switch (after->kind) {
      case TokenKind::kEnd:
      case TokenKind::kCloseBrace:
        return false;
      case TokenKind::kQuoted:
      case TokenKind::kUnquoted:
        return true;
      default:
        return unexpected(*after, kAfter);
    }
  }
  Result<void> close() {
    const auto token = HF_TRY(lexer_.peek());
    const bool closes = token.kind == TokenKind::kCloseBrace;
    if (braces_ && !closes)
      return invalid("0:" + std::to_string(token.column_end) +
                     ": end of input: expected close brace");
    if (!braces_ && closes)
      return invalid("0:" + std::to_string(token.column_end) + ": }: expected opening brace");
    if (!closes) return {};
    HF_TRY(lexer_.next());
    auto end = lexer_.peek();
    if (!end) return because(end.error(), "expected end of input");
    if (end->kind == TokenKind::kEnd) return {};
    return invalid(end->place() + ": " + std::string(end->text) + ": expected end of input");
  }

  MatcherLexer lexer_;
  bool braces_ = false;
  Matchers matchers_;
};

// ---- both

void warn_incompatible(std::string_view text, const Error& error, std::string suggestion,
                       std::vector<std::string>* warnings) {
  if (warnings == nullptr) return;
  warnings->push_back(
      "Alertmanager is moving to a new parser for labels and matchers, and this input is "
      "incompatible. Alertmanager has instead parsed the input using the classic matchers parser "
      "as a fallback. To make this input compatible with the UTF-8 matchers parser please make "
      "sure all regular expressions and values are double-quoted and backslashes are escaped. "
      "input=" +
      go_quote(text) + " err=" + go_quote(error.message()) + " suggestion=" + go_quote(suggestion));
}

void warn_disagreement(std::string_view text, std::vector<std::string>* warnings) {
  if (warnings == nullptr) return;
  warnings->push_back("Matchers input has disagreement input=" + go_quote(text));
}

std::string joined(const Matchers& matchers) {
  std::string out;
  for (const auto& matcher : matchers) out += (out.empty() ? "" : ",") + print_matcher(matcher);
  return out;
}

Result<Matchers> both_ways(std::string_view text, Result<Matchers> classic, Result<Matchers> utf8,
                           std::vector<std::string>* warnings) {
  if (!utf8) {
    if (!classic) return classic;
    warn_incompatible(text, utf8.error(), joined(*classic), warnings);
    return classic;
  }
  if (classic && !same_matchers(*classic, *utf8)) {
    warn_disagreement(text, warnings);
    return classic;
  }
  return utf8;
}

Result<Matcher> only(Result<Matchers> matchers) {
  auto list = HF_TRY(std::move(matchers));
  if (list.empty()) return invalid("no matchers");
  if (list.size() > 1) return invalid("expected 1 matcher, found " + std::to_string(list.size()));
  return std::move(list.front());
}

Result<Matchers> listed(Result<Matcher> matcher) {
  Matchers list;
  list.push_back(HF_TRY(std::move(matcher)));
  return list;
}

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

}  // namespace

Result<Matcher> make_matcher(MatchOp op, std::string name, std::string value) {
  auto made = Matcher::make(op, std::move(name), value);
  if (made) return made;
  HF_TRY(check_regexp(value));
  return made;
}

Result<Matcher> parse_classic_matcher(std::string_view text) {
  const auto refused = [&] { return invalid("bad matcher format: " + std::string(text)); };
  auto rest = trim_space(text);
  std::size_t size = 0;
  while (size < rest.size() && is_name_char(rest[size], size == 0)) ++size;
  if (size == 0) return refused();
  std::string name(rest.substr(0, size));
  rest = trim_space(rest.substr(size));
  const std::pair<std::string_view, MatchOp> ops[] = {{"=~", MatchOp::kRegex},
                                                      {"!=", MatchOp::kNotEqual},
                                                      {"!~", MatchOp::kNotRegex},
                                                      {"=", MatchOp::kEqual}};
  for (const auto& [word, op] : ops) {
    if (rest.substr(0, word.size()) != word) continue;
    auto value = HF_TRY(classic_value(trim_space(rest.substr(word.size()))));
    return make_matcher(op, std::move(name), std::move(value));
  }
  return refused();
}

Result<Matchers> parse_classic_matchers(std::string_view text) {
  if (text.substr(0, 1) == "{") text.remove_prefix(1);
  if (!text.empty() && text.back() == '}') text.remove_suffix(1);
  std::vector<std::string> tokens(1);
  bool quoted = false;
  bool escaped = false;
  for (const char c : text) {
    if (c == ',' && !quoted) {
      // The escape of a backslash before the comma lives on, as it does there.
      tokens.emplace_back();
      continue;
    }
    if (c == '"') {
      if (!escaped) quoted = !quoted;
      escaped = false;
    } else if (c == '\\') {
      escaped = !escaped;
    } else if (c != ',') {
      escaped = false;
    }
    tokens.back() += c;
  }
  tokens.back() = std::string(trim_space(tokens.back()));
  if (tokens.back().empty()) tokens.pop_back();
  Matchers matchers;
  for (const auto& token : tokens) matchers.push_back(HF_TRY(parse_classic_matcher(token)));
  return matchers;
}

Result<Matchers> parse_utf8_matchers(std::string_view text) { return Utf8Parser(text).parse(); }

Result<Matchers> parse_matchers(std::string_view text, MatcherMode mode,
                                std::vector<std::string>* warnings) {
  if (mode == MatcherMode::kClassic) return parse_classic_matchers(text);
  if (mode == MatcherMode::kUtf8Strict) return parse_utf8_matchers(text);
  return both_ways(text, parse_classic_matchers(text), parse_utf8_matchers(text), warnings);
}

Result<Matcher> parse_matcher(std::string_view text, MatcherMode mode,
                              std::vector<std::string>* warnings) {
  if (mode == MatcherMode::kClassic) return parse_classic_matcher(text);
  if (text.substr(0, 1) == "{" || (!text.empty() && text.back() == '}'))
    return invalid("unexpected open or close brace: " + std::string(text));
  auto utf8 = only(parse_utf8_matchers(text));
  if (mode == MatcherMode::kUtf8Strict) return utf8;
  return only(
      both_ways(text, listed(parse_classic_matcher(text)), listed(std::move(utf8)), warnings));
}

std::string print_matcher(const Matcher& matcher) {
  const auto& name = matcher.name();
  const auto op = std::string(op_text(matcher.op()));
  if (has_reserved(name)) return go_quote(name) + op + go_quote(matcher.value());
  return name + op + model::quote(matcher.value());
}

std::string print_matchers(const Matchers& matchers) { return "{" + joined(matchers) + "}"; }

void sort_matchers(Matchers& matchers) {
  std::stable_sort(matchers.begin(), matchers.end(), [](const Matcher& a, const Matcher& b) {
    return std::tuple(a.name(), a.value(), a.op()) < std::tuple(b.name(), b.value(), b.op());
  });
}

bool same_matchers(const Matchers& a, const Matchers& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Matcher& x, const Matcher& y) {
    return x.name() == y.name() && x.value() == y.value() && x.op() == y.op();
  });
}

bool is_valid_label_name(std::string_view name, MatcherMode mode) {
  if (mode == MatcherMode::kClassic) return model::is_label_name(name);
  return !name.empty() && is_valid_utf8(name);
}

}  // namespace holdfast::respond::route
