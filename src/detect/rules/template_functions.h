// detect/rules/template_functions.h: the functions a template may call, in one table.
//
// Purpose     Go's own (eq, index, printf, ...) and Prometheus' (humanize, query, reReplaceAll, ...).
// Errors      kInvalid in the words of the original; a wrong kind of argument names what was expected.
// Threads     Pure, except {{ query }}, which calls TemplateData::query on the caller's thread.
// Source      Go's package text/template; Prometheus' template reference.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "detect/rules/template_value.h"

namespace holdfast::detect {

using TemplateArgs = std::span<const TemplateValue>;

// A text that a function answers is at most this long; the evaluator refuses more. Loops that double a text end here.
inline constexpr std::size_t kTemplateTextSizeMax = 64 * 1024;

struct TemplateFunction {
  std::string_view name;
  int arg_count_min = 0;
  int arg_count_max = 0;  // -1: any number
  Result<TemplateValue> (*call)(const TemplateData& data, TemplateArgs args) = nullptr;
};

const TemplateFunction* find_template_function(std::string_view name);  // null when unknown
std::vector<std::string> template_function_names();
// What index and a field access share: a missing name of a map is its zero value.
Result<TemplateValue> index_value(const TemplateValue& of, const TemplateValue& at);

}  // namespace holdfast::detect
