// detect/rules/template_ast.h: a parsed template, and the parser that makes it.
//
// Purpose     The tree that template_parser.cc builds and template.cc walks.
// Errors      parse_template: kInvalid, "line:column: what is wrong", in the words of Go's text/template.
// Limits      Nesting of blocks and parentheses: 100.
// Threads     Pure; a tree is immutable once parsed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "detect/rules/template_value.h"

namespace holdfast::detect {

struct TemplatePlace {
  int line = 1, column = 1;
  std::string text() const { return std::to_string(line) + ":" + std::to_string(column); }
};

struct TemplatePipeline;

// One operand: .a.b, $x.a, 42, "text", a function's name, or ( pipeline ).a.
struct TemplateExpr {
  enum class Kind { kDot, kVariable, kConstant, kFunction, kPipeline };
  Kind kind = Kind::kDot;
  std::string name;                             // of a variable (without $) or a function
  TemplateValue constant;
  std::shared_ptr<const TemplatePipeline> pipeline;
  std::vector<std::string> fields;              // .a.b after it
  std::string source;                           // as written, for messages
  TemplatePlace place;
};

// Operands side by side: a function and its arguments, or one value.
struct TemplateCommand {
  std::vector<TemplateExpr> args;
};

struct TemplatePipeline {
  std::vector<std::string> declared;            // $a, $b := or =
  bool assigns = false;                         // =, to variables that exist
  std::vector<TemplateCommand> commands;
  TemplatePlace place;
};

struct TemplateNode {
  enum class Kind { kText, kAction, kIf, kRange, kWith, kTemplate, kBreak, kContinue };
  Kind kind = Kind::kText;
  std::string text;                             // kText; the name of kTemplate
  TemplatePipeline pipeline;                    // may be without commands in kTemplate
  std::vector<TemplateNode> body, otherwise;    // else
  TemplatePlace place;
};

struct TemplateTree {
  std::vector<TemplateNode> body;
  std::map<std::string, std::vector<TemplateNode>> defined;  // {{ define "name" }}, {{ block "name" . }}
};

Result<TemplateTree> parse_template(std::string_view text);

}  // namespace holdfast::detect
