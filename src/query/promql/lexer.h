// query/promql/lexer.h: the words of a query.
//
// Purpose     Cuts the text into tokens, all at once; the parser looks ahead freely. Inside braces names are label
//             names; inside brackets and after offset numbers and durations are told apart by their unit.
// Errors      The last token is then of kind kError: its text is the message, its position the place.
// Threads     Pure.
// Source      Prometheus' language documentation; names of tokens as its error messages print them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "query/promql/ast.h"

namespace holdfast::query::promql {

enum class TokenKind {
  kEnd, kError, kIdentifier, kMetricIdentifier, kNumber, kDuration, kString,
  kLeftParen, kRightParen, kLeftBrace, kRightBrace, kLeftBracket, kRightBracket, kComma, kColon, kAt,
  kAssign, kEqual, kNotEqual, kRegex, kNotRegex, kLess, kLessEqual, kGreater, kGreaterEqual,
  kAdd, kSub, kMul, kDiv, kMod, kPow, kTrimUpper, kTrimLower,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;   // as written
  std::string value;       // of a string, unquoted; of an error, the message
  PositionRange position;

  bool is_word(std::string_view keyword) const;  // an identifier equal to it, ignoring case
};

std::vector<Token> lex(std::string_view text);

// How Prometheus' messages name a token: identifier "foo", <aggr:sum>, <op:+>, "(", end of input.
std::string describe(const Token& token);
bool is_aggregate_word(std::string_view word);
bool is_keyword(std::string_view word);

// A duration such as 1h30m in milliseconds; kInvalid when it is none or repeats or misorders units.
Result<std::int64_t> parse_duration_ms(std::string_view text);

}  // namespace holdfast::query::promql
