#include "query/promql/lexer.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/time.h"
#include "model/labels.h"

namespace holdfast::query::promql {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word_char(char c) { return is_alpha(c) || is_digit(c); }

constexpr std::array kAggregates = {"sum",          "avg",      "count",  "min",        "max",
                                    "group",        "stddev",   "stdvar", "topk",       "bottomk",
                                    "count_values", "quantile", "limitk", "limit_ratio"};
constexpr std::array kKeywords = {"offset", "smoothed",  "anchored",   "by",          "without",
                                  "on",     "ignoring",  "group_left", "group_right", "bool",
                                  "fill",   "fill_left", "fill_right", "start",       "end",
                                  "step",   "range"};
constexpr std::array kWordOperators = {"and", "or", "unless", "atan2"};

void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xc0 | (c >> 6)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | (c >> 12)));
    out.push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | (c >> 18)));
    out.push_back(static_cast<char>(0x80 | ((c >> 12) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
  }
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    while (!failed_ && next()) {
    }
    if (!failed_) close();
    return std::move(tokens_);
  }

 private:
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  char here() const { return at(pos_); }

  void add(TokenKind kind, std::size_t size) {
    tokens_.push_back({kind, text_.substr(pos_, size), {}, {pos_, pos_ + size}});
    pos_ += size;
  }
  void fail(std::string message, std::size_t begin, std::size_t end) {
    tokens_.push_back(
        {TokenKind::kError, text_.substr(begin, end - begin), std::move(message), {begin, end}});
    failed_ = true;
  }

  void close() {
    const auto end = text_.size();
    if (brace_) return fail("unexpected end of input inside braces", end, end);
    if (parens_ > 0) return fail("unclosed left parenthesis", end, end);
    if (bracket_) return fail("unexpected end of input in duration expression", end, end);
    tokens_.push_back({TokenKind::kEnd, {}, {}, {end, end}});
  }

  // One token, or white space, or a comment. False at the end.
  bool next() {
    if (pos_ >= text_.size()) return false;
    const char c = here();
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++pos_;
    } else if (c == '#') {
      while (pos_ < text_.size() && here() != '\n') ++pos_;
    } else if (c == '"' || c == '\'' || c == '`') {
      string(c);
    } else if (is_digit(c) || (c == '.' && is_digit(at(pos_ + 1)))) {
      number_or_duration();
    } else if (is_alpha(c) || (c == ':' && !brace_ && !bracket_ &&
                               (is_word_char(at(pos_ + 1)) || at(pos_ + 1) == ':'))) {
      word();
    } else if (brace_) {
      brace_symbol(c);
    } else {
      symbol(c);
    }
    return true;
  }

  void word() {
    auto end = pos_;
    bool colon = false;
    while (is_word_char(at(end)) || (at(end) == ':' && !brace_ && !bracket_)) {
      colon |= at(end) == ':';
      ++end;
    }
    add(colon ? TokenKind::kMetricIdentifier : TokenKind::kIdentifier, end - pos_);
  }

  void brace_symbol(char c) {
    const char second = at(pos_ + 1);
    if (c == '}') {
      brace_ = false;
      return add(TokenKind::kRightBrace, 1);
    }
    if (c == ',') return add(TokenKind::kComma, 1);
    if (c == '=') return second == '~' ? add(TokenKind::kRegex, 2) : add(TokenKind::kAssign, 1);
    if (c == '!') {
      if (second == '~') return add(TokenKind::kNotRegex, 2);
      if (second == '=') return add(TokenKind::kNotEqual, 2);
      return fail("unexpected character after '!' inside braces: " + quoted(pos_ + 1), pos_,
                  pos_ + 1);
    }
    fail("unexpected character inside braces: " + quoted(pos_), pos_, pos_ + 1);
  }

  // 'x', as Go prints a character.
  std::string quoted(std::size_t i) const {
    if (i >= text_.size()) return "end of input";
    std::size_t size = 1;
    while (i + size < text_.size() && (static_cast<unsigned char>(text_[i + size]) & 0xc0) == 0x80)
      ++size;
    return "'" + std::string(text_.substr(i, size)) + "'";
  }

  void symbol(char c) {
    const char second = at(pos_ + 1);
    switch (c) {
      case '(':
        ++parens_;
        return add(TokenKind::kLeftParen, 1);
      case ')':
        if (--parens_ < 0) return fail("unexpected right parenthesis ')'", pos_, pos_ + 1);
        return add(TokenKind::kRightParen, 1);
      case '{':
        brace_ = true;
        return add(TokenKind::kLeftBrace, 1);
      case '}':
        return fail("unexpected right brace '}'", pos_, pos_ + 1);
      case '[':
        if (bracket_) return fail("unexpected left bracket '['", pos_, pos_ + 1);
        bracket_ = true;
        return add(TokenKind::kLeftBracket, 1);
      case ']':
        if (!bracket_) return fail("unexpected right bracket ']'", pos_, pos_ + 1);
        bracket_ = false;
        return add(TokenKind::kRightBracket, 1);
      case ',':
        return add(TokenKind::kComma, 1);
      case ':':
        if (!bracket_) return fail("unexpected character: ':'", pos_, pos_ + 1);
        return add(TokenKind::kColon, 1);
      case '@':
        return add(TokenKind::kAt, 1);
      case '+':
        return add(TokenKind::kAdd, 1);
      case '-':
        return add(TokenKind::kSub, 1);
      case '*':
        return add(TokenKind::kMul, 1);
      case '/':
        return add(TokenKind::kDiv, 1);
      case '%':
        return add(TokenKind::kMod, 1);
      case '^':
        return add(TokenKind::kPow, 1);
      case '=':
        if (second == '=') return add(TokenKind::kEqual, 2);
        if (second == '~') return fail("unexpected character after '=': '~'", pos_, pos_ + 1);
        return add(TokenKind::kAssign, 1);
      case '!':
        if (second == '=') return add(TokenKind::kNotEqual, 2);
        return fail("unexpected character after '!': " + quoted(pos_ + 1), pos_, pos_ + 1);
      case '<':
        if (second == '/') return add(TokenKind::kTrimUpper, 2);
        return second == '=' ? add(TokenKind::kLessEqual, 2) : add(TokenKind::kLess, 1);
      case '>':
        if (second == '/') return add(TokenKind::kTrimLower, 2);
        return second == '=' ? add(TokenKind::kGreaterEqual, 2) : add(TokenKind::kGreater, 1);
      default:
        return fail("unexpected character: " + quoted(pos_), pos_, pos_ + 1);
    }
  }

  // 0x1F, 1_000, 1.5e3, or a duration: digits with units. A letter right after is a mistake.
  void number_or_duration() {
    auto end = pos_;
    TokenKind kind = TokenKind::kNumber;
    if (here() == '0' && (at(pos_ + 1) == 'x' || at(pos_ + 1) == 'X') && is_hex(at(pos_ + 2))) {
      end = pos_ + 2;
      while (is_hex(at(end)) || (at(end) == '_' && is_hex(at(end + 1)))) ++end;
    } else {
      end = decimal_end();
      if (is_alpha(at(end))) {
        const auto unit_end = duration_end();
        if (unit_end != pos_) {
          kind = TokenKind::kDuration;
          end = unit_end;
        }
      }
    }
    if (is_word_char(at(end)) || at(end) == '.') {
      auto bad = end;
      while (is_word_char(at(bad)) || at(bad) == '.') ++bad;
      return fail(
          "bad number or duration syntax: \"" + std::string(text_.substr(pos_, bad - pos_)) + "\"",
          pos_, bad);
    }
    add(kind, end - pos_);
  }

  std::size_t digits_end(std::size_t i) const {
    while (is_digit(at(i)) ||
           (at(i) == '_' && is_digit(at(i + 1)) && i > pos_ && is_digit(at(i - 1))))
      ++i;
    return i;
  }
  std::size_t decimal_end() const {
    auto end = digits_end(pos_);
    if (at(end) == '.') end = digits_end(end + 1);
    if (at(end) == 'e' || at(end) == 'E') {
      auto exponent = end + 1;
      if (at(exponent) == '+' || at(exponent) == '-') ++exponent;
      if (is_digit(at(exponent))) end = digits_end(exponent);
    }
    return end;
  }
  // The end of digits-unit pairs from here; here when there is none.
  std::size_t duration_end() const {
    auto i = pos_;
    auto end = pos_;
    while (is_digit(at(i))) {
      while (is_digit(at(i))) ++i;
      if (at(i) == 'm' && at(i + 1) == 's')
        i += 2;
      else if (std::string_view("smhdwy").find(at(i)) != std::string_view::npos && at(i) != '\0')
        ++i;
      else
        return pos_;
      end = i;
    }
    return end;
  }

  void string(char quote) {
    const auto begin = pos_;
    std::string value;
    auto i = pos_ + 1;
    while (true) {
      if (i >= text_.size())
        return fail(quote == '`' ? "unterminated raw string" : "unterminated quoted string", begin,
                    text_.size());
      const char c = text_[i];
      if (c == quote) break;
      if (quote != '`' && c == '\n') return fail("unterminated quoted string", begin, i);
      if (quote == '`' || c != '\\') {
        value.push_back(c);
        ++i;
      } else if (!escape(i, quote, value)) {
        return fail("unknown escape sequence " + quoted(i + 1), i, i + 2);
      }
    }
    tokens_.push_back(
        {TokenKind::kString, text_.substr(begin, i + 1 - begin), std::move(value), {begin, i + 1}});
    pos_ = i + 1;
  }

  // The escape at text_[i] == '\\'; moves i behind it.
  bool escape(std::size_t& i, char quote, std::string& value) {
    const char c = at(i + 1);
    static constexpr std::string_view kNames = "abfnrtv\\";
    static constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\";
    if (const auto known = kNames.find(c); known != std::string_view::npos && c != '\0') {
      value.push_back(kValues[known]);
    } else if (c == quote) {
      value.push_back(c);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      const std::size_t size = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      return coded(i, 2, size, 16, c == 'x', value);
    } else if (c >= '0' && c <= '7') {
      return coded(i, 1, 3, 8, true, value);
    } else {
      return false;
    }
    i += 2;
    return true;
  }
  bool coded(std::size_t& i, std::size_t skip, std::size_t size, std::uint32_t base, bool is_byte,
             std::string& value) {
    std::uint32_t code = 0;
    for (std::size_t k = 0; k < size; ++k) {
      const char c = at(i + skip + k);
      if (base == 16 ? !is_hex(c) : !(c >= '0' && c <= '7')) return false;
      code =
          code * base + static_cast<std::uint32_t>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    if (is_byte ? code > 0xff : (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)))
      return false;
    if (is_byte)
      value.push_back(static_cast<char>(code));
    else
      append_utf8(value, code);
    i += skip + size;
    return true;
  }

  std::string_view text_;
  std::size_t pos_ = 0;
  int parens_ = 0;
  bool brace_ = false, bracket_ = false, failed_ = false;
  std::vector<Token> tokens_;
};

template <typename List>
bool contains_word(const List& list, std::string_view word) {
  const auto low = lower(word);
  return std::find(list.begin(), list.end(), std::string_view(low)) != list.end();
}

}  // namespace

bool Token::is_word(std::string_view keyword) const {
  return kind == TokenKind::kIdentifier && equals_ignoring_case(text, keyword);
}

std::vector<Token> lex(std::string_view text) { return Lexer(text).run(); }

bool is_aggregate_word(std::string_view word) { return contains_word(kAggregates, word); }
bool is_keyword(std::string_view word) { return contains_word(kKeywords, word); }

std::string describe(const Token& token) {
  const auto in_quotes = [&] { return "\"" + std::string(token.text) + "\""; };
  switch (token.kind) {
    case TokenKind::kEnd:
      return "end of input";
    case TokenKind::kError:
      return token.value;
    case TokenKind::kIdentifier:
      if (contains_word(kWordOperators, token.text)) return "<op:" + lower(token.text) + ">";
      if (is_aggregate_word(token.text)) return "<aggr:" + lower(token.text) + ">";
      if (is_keyword(token.text)) return "<" + lower(token.text) + ">";
      return "identifier " + in_quotes();
    case TokenKind::kMetricIdentifier:
      return "metric identifier " + in_quotes();
    case TokenKind::kNumber:
      return "number " + in_quotes();
    case TokenKind::kDuration:
      return "duration " + in_quotes();
    case TokenKind::kString:
      return "string " + model::quote(token.text);
    case TokenKind::kLeftParen:
    case TokenKind::kRightParen:
    case TokenKind::kLeftBrace:
    case TokenKind::kRightBrace:
    case TokenKind::kLeftBracket:
    case TokenKind::kRightBracket:
    case TokenKind::kComma:
    case TokenKind::kColon:
    case TokenKind::kAssign:
      return in_quotes();
    default:
      return "<op:" + std::string(token.text) + ">";
  }
}

Result<std::int64_t> parse_duration_ms(std::string_view text) {
  auto parsed = parse_duration(text);
  if (!parsed) return std::move(parsed).error();
  return to_ms(*parsed);
}

}  // namespace holdfast::query::promql
