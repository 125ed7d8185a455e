// base/template/ast.h: a parsed template, and the parser that makes it.
//
// Purpose     The tree that parser.cc builds, escape.cc rewrites for HTML and exec.cc walks.
// Errors      parse_source: kInvalid, in the words of Go's text/template.
// Threads     Pure; a tree is immutable once parsed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/template/template.h"
#include "base/template/value.h"

namespace holdfast::templates {

struct Pipeline;

// One operand: .a.b, $x.a, 42, "text", the name of a function, ( pipeline ), or one of the last two with .a.b after it.
struct Expr {
  enum class Kind {
    kDot,
    kNil,
    kBool,
    kNumber,
    kString,
    kField,
    kVariable,
    kFunction,
    kPipeline,
    kChain
  };
  Kind kind = Kind::kDot;
  std::size_t position = 0;  // byte in the source
  std::string name;          // of a variable (without $) or a function; a literal as written
  Value constant;            // of literals; a number as it is where any kind will do
  bool is_int = false;       // a number may stand where an int, a float64 is wanted:
  bool is_float = false;
  std::int64_t as_int = 0;
  double as_float = 0;
  std::vector<std::string> fields;  // of kField, kVariable, kChain
  std::shared_ptr<const Pipeline> pipeline;
  std::shared_ptr<const Expr> base;  // of kChain
};

// Operands side by side: a function and its arguments, or one value.
struct Command {
  std::size_t position = 0;
  std::vector<Expr> args;  // never empty
};

struct Pipeline {
  std::size_t position = 0;
  std::vector<std::string> declared;  // $a, $b := or =
  bool assigns = false;               // =, to variables that exist
  std::vector<Command> commands;
};

struct Node {
  enum class Kind { kText, kAction, kIf, kRange, kWith, kTemplate, kBreak, kContinue };
  Kind kind = Kind::kText;
  std::size_t position = 0;
  std::string text;                   // kText; the name of kTemplate
  Pipeline pipeline;                  // without commands in a kTemplate that has none
  std::vector<Node> body, otherwise;  // `otherwise` is the else
};

// What all templates of one text share.
struct Source {
  std::string name;  // as errors say it
  std::string text;
};

struct Definition {
  std::string name;
  std::shared_ptr<const Source> source;
  std::vector<Node> body;
};

// As written, but for spaces: what Go shows as <...> in errors.
std::string show(const Expr& expr);
std::string show(const Command& command);
std::string show(const Pipeline& pipeline);
std::string show(const Node& node);  // of branches only their head
// White space, comments and nothing else.
bool is_empty(const std::vector<Node>& body);

struct Place {
  int line = 1;
  int column = 0;  // bytes, from 0
};
Place place_of(std::string_view text, std::size_t position);

// The text itself under its own name, and what it defines.
Result<std::vector<Definition>> parse_source(const std::string& name, std::string_view text,
                                             const Functions& functions, const Options& options);

}  // namespace holdfast::templates
