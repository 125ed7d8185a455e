// base/template/lexer.h: cuts a template into texts and the tokens of its actions.
//
// Errors      A token of kind kError, whose text is what is wrong in Go's words; it is the last.
// Threads     Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::templates {

enum class TokenKind {
  kText,
  kActionBegin,
  kActionEnd,
  kWord,   // identifier or keyword
  kField,  // .name
  kDot,
  kVariable,  // $name or $
  kNumber,    // also 'x'
  kString,    // "..." or `...`, not decoded
  kPipe,
  kOpen,
  kClose,
  kDeclare,  // :=
  kAssign,   // =
  kChar,     // any other sign
  kSpace,
  kError,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;  // as written
  std::string error;      // kError
  std::size_t position = 0;
  std::size_t action =
      0;  // where the action it stands in began; the position itself outside of actions
};

// The tokens refer to `text`. The last is kEnd or kError.
std::vector<Token> lex(std::string_view text);

// The text of a Go literal ("a\n", `a`, 'a'); false when it is none.
bool unquote(std::string_view literal, std::string& out);
// As strconv.Quote: printable Unicode stays.
std::string quote(std::string_view text);
// As %#U: U+0023 '#'.
std::string show_rune(std::uint32_t rune);
// The character at the begin of a text that is not empty, and its size; 0xfffd and 1 when it is not UTF-8.
std::uint32_t decode_rune(std::string_view text, std::size_t& size);
void append_rune(std::string& out, std::uint32_t rune);
bool is_printable_rune(std::uint32_t rune);

}  // namespace holdfast::templates
