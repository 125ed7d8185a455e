// base/template/builtins.h: the functions every template has, and Go's printf.
//
// Errors      kInvalid in the words of Go's text/template.
// Limits      Texts end at about `size_max` bytes; widths and precisions at kWidthMax.
// Threads     Pure.
// Source      Go's packages text/template and fmt.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/template/value.h"

namespace holdfast::templates {

inline constexpr int kWidthMax = 1000;

const Function* find_builtin(std::string_view name);  // null when unknown
std::vector<std::string> builtin_names();             // sorted

// fmt.Sprintf; a wrong verb does not fail but shows, as %!d(string=x).
std::string go_sprintf(std::string_view format, Args args, std::size_t size_max);
// fmt.Sprint: a space between two that are both no texts.
std::string go_sprint(Args args, std::size_t size_max);
std::string go_sprintln(Args args, std::size_t size_max);
// %v of a float64: shortest digits, exponents from 1e+06 and below 1e-04.
std::string print_float(double v);
// One float by C's rules and Go's spelling of Inf and NaN; `format` is like "%.4g".
std::string printf_float(const char* format, double v);

std::string html_escape(std::string_view text);   // template.HTMLEscapeString
std::string js_escape(std::string_view text);     // template.JSEscapeString
std::string query_escape(std::string_view text);  // url.QueryEscape

}  // namespace holdfast::templates
