// detect/rules/template_lexer.h: cuts a template into texts and the tokens of its actions.
//
// Errors      kInvalid, "line:column: unclosed action" and the like, in Go's words.
// Threads     Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "detect/rules/template_ast.h"

namespace holdfast::detect {

enum class TokenKind {
  kText,
  kActionBegin,
  kActionEnd,
  kWord,      // identifier or keyword
  kField,     // .name
  kDot,
  kVariable,  // $name or $
  kNumber,
  kString,    // decoded
  kPipe,
  kOpen,
  kClose,
  kDeclare,   // :=
  kAssign,    // =
  kComma,
  kEnd,
};

struct TemplateToken {
  TokenKind kind = TokenKind::kEnd;
  std::string text;     // decoded; of a field or variable without its . or $
  std::string source;   // as written
  bool after_space = false;
  std::size_t begin = 0, end = 0;
  TemplatePlace place;
};

Result<std::vector<TemplateToken>> lex_template(std::string_view text);

}  // namespace holdfast::detect
