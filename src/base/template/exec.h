// base/template/exec.h: walks a parsed template.
//
// Errors      As execute() of base/template/template.h.
// Threads     Pure.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/template/ast.h"

namespace holdfast::templates {

// Blocks and templates inside each other; more would need more stack than a thread has.
inline constexpr int kBlockDepthMax = 1000;

using Set = std::map<std::string, std::shared_ptr<const Definition>, std::less<>>;

Result<std::string> run_template(const Set& set, const Definition& entry,
                                 const Functions& functions, const Options& options,
                                 const Execution& run);

}  // namespace holdfast::templates
