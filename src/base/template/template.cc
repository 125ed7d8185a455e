#include "base/template/template.h"

#include "base/template/ast.h"
#include "base/template/escape.h"
#include "base/template/exec.h"
#include "base/template/lexer.h"

namespace holdfast::templates {
namespace {

void add(Set& set, std::vector<Definition> defined) {
  for (auto& definition : defined) {
    auto& slot = set[definition.name];
    // A file of definitions alone does not blot out an earlier text of its own name.
    if (slot != nullptr && is_empty(definition.body) && !is_empty(slot->body)) continue;
    slot = std::make_shared<const Definition>(std::move(definition));
  }
}

Result<std::string> run_named(const Set& set, const std::string& name, const Functions& functions,
                              const Options& options, const Execution& run) {
  const auto found = set.find(name);
  if (found == set.end()) {
    return invalid("template: no template " + quote(name) + " associated with template \"\"");
  }
  if (!options.html) return run_template(set, *found->second, functions, options, run);
  const Set safe = HF_TRY(escape_for_html(set, name));
  return run_template(safe, *safe.at(name), functions, options, run);
}

}  // namespace

Templates::Templates(Functions functions, Options options)
    : functions_(std::make_shared<const Functions>(std::move(functions))),
      options_(std::move(options)) {}

Result<void> Templates::parse(const std::string& name, std::string_view text) {
  add(set_, HF_TRY(parse_source(name, text, *functions_, options_)));
  return {};
}

bool Templates::has(std::string_view name) const { return set_.contains(name); }

std::vector<std::string> Templates::names() const {
  std::vector<std::string> out;
  for (const auto& [name, definition] : set_) out.push_back(name);
  return out;
}

Result<std::string> Templates::execute(const std::string& name, const Execution& run) const {
  return run_named(set_, name, *functions_, options_, run);
}

Result<std::string> Templates::execute_text(std::string_view text, const Execution& run) const {
  Set set = set_;
  set.erase("");
  add(set, HF_TRY(parse_source("", text, *functions_, options_)));
  return run_named(set, "", *functions_, options_, run);
}

}  // namespace holdfast::templates
