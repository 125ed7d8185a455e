// respond/route/matcher_lexer.h: the tokens of the UTF-8 way to write matchers.
//
// Units       Columns count characters, not bytes.
// Errors      kInvalid with Alertmanager's text, "0:3: ...: invalid input". After an error the same error again.
// Threads     One object a text, which must outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::respond::route {

enum class TokenKind {
  kEnd,
  kOpenBrace,
  kCloseBrace,
  kComma,
  kEqual,
  kNotEqual,
  kRegex,
  kNotRegex,
  kQuoted,
  kUnquoted
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;  // as it stands there, quotes included
  int column_begin = 0;
  int column_end = 0;
  std::string place() const;  // "0:3"
};

class MatcherLexer {
 public:
  explicit MatcherLexer(std::string_view text) : text_(text) {}
  Result<Token> peek();
  Result<Token> next();

 private:
  char32_t advance();  // the next character; kNone at the end
  void back();
  bool accept(char c);
  Token emit(TokenKind kind);
  Error wrong(std::string_view what) const;  // "0:3: TEXT: what"
  Error expected(std::string_view what) const;
  Result<Token> scan();
  Result<Token> scan_operator();
  Result<Token> scan_quoted();

  std::string_view text_;
  std::size_t begin_ = 0;  // of the token
  std::size_t at_ = 0;
  std::size_t width_ = 0;  // of the last character
  int column_begin_ = 0;
  int column_ = 0;
  std::optional<Result<Token>> peeked_;
};

// White space and { } ! = ~ , \ " ' ` must stand in quotes.
bool is_reserved(char32_t c);
bool has_reserved(std::string_view text);

}  // namespace holdfast::respond::route
