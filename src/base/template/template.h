// base/template/template.h: Go's text/template and html/template.
//
// Purpose     A Templates is one namespace of templates: parse() adds files to it, execute() runs one over a host's value.
// Language    All of text/template: pipelines, variables, if / else if, with / else with, range (lists, maps by name,
//             integers) with break and continue, define, template, block, comments, trim markers, fields, methods, and
//             the functions and or not len index slice print printf println html js urlquery call eq ne lt le gt ge.
// Html        With Options::html every action is escaped for where it stands (text, attribute, URL, script, style), as
//             html/template does; SafeText of the right kind is not. A template whose contexts contradict is an error.
// Redefining  A later definition of a name replaces the earlier one, also the body of {{block}}; twice within one text is
//             an error. A text of definitions and white space only does not replace an earlier text of its own name.
// Errors      kInvalid in Go's words, `template: name:line: ...` from parse, `template: name:line:column: executing "x" at
//             <.Field>: ...` from execute; kTooLarge where a limit ends it. Wording::kGuiding says line:column and what
//             is allowed instead, for texts that stand in files of other formats.
// Limits      Named in Limits; nesting of blocks and parentheses kNestingMax; texts of kSourceSizeMax bytes.
// Threads     A Templates is a value; copies share what is parsed. const members from any thread at once.
// Source      Go's documentation of text/template and html/template; behaviour compared with Go's own programs.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/template/value.h"

namespace holdfast::templates {

inline constexpr int kNestingMax = 100;
inline constexpr std::size_t kSourceSizeMax = std::size_t{4} << 20;

// Of one execution. Steps are nodes walked, calls made and turns of loops; work is the bytes that functions read and write.
struct Limits {
  std::size_t step_count_max = 1'000'000;
  std::size_t output_size_max = std::size_t{4} << 20;
  std::size_t text_size_max = std::size_t{1} << 20;  // of one function's answer
  std::size_t work_size_max = std::size_t{256} << 20;
  int call_depth_max = 100;  // templates inside templates
};

// What a name that a map does not have is worth.
enum class MissingKey {
  kNoValue,  // nothing; prints as <no value>
  kZero,     // Type::element_zero: "" of a map[string]string
  kError,
};

enum class Wording { kGo, kGuiding };

struct Options {
  bool html = false;
  MissingKey missing_key = MissingKey::kNoValue;
  Wording wording = Wording::kGo;
  Limits limits;
  // Declared before the first line of every text ("labels" for $labels); definitions inside it do not see them.
  std::vector<std::string> variables;
};

struct Execution {
  Value data;                  // . and $
  const void* host = nullptr;  // handed to functions; see CallContext
  WallTime now{};
  std::vector<std::pair<std::string, Value>>
      variables;  // values of Options::variables; absent: nil
};

struct Definition;  // base/template/ast.h

class Templates {
 public:
  // `functions` come on top of Go's own, and replace those of the same name.
  explicit Templates(Functions functions = {}, Options options = {});

  // Nothing is added when the text is wrong.
  Result<void> parse(const std::string& name, std::string_view text);
  bool has(std::string_view name) const;
  std::vector<std::string> names() const;  // sorted

  Result<std::string> execute(const std::string& name, const Execution& run) const;
  // The text as a template of the name "", which sees all others and leaves no trace.
  Result<std::string> execute_text(std::string_view text, const Execution& run) const;

  const Options& options() const { return options_; }

 private:
  using Set = std::map<std::string, std::shared_ptr<const Definition>, std::less<>>;

  std::shared_ptr<const Functions> functions_;
  Options options_;
  Set set_;
};

}  // namespace holdfast::templates
