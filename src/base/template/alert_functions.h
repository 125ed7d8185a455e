// base/template/alert_functions.h: the functions that alert templates have beyond Go's own.
//
// Purpose     alertmanager_functions(): toUpper toLower title trimSpace join match reReplaceAll stringSlice list append
//             dict safeHtml safeUrl urlUnescape date tz now since humanizeDuration toDate mustToDate toJson base64encode
//             base64decode, with Alertmanager's arguments and errors. `now` and `since` read CallContext::now.
// Regexes     RE2, the syntax of Go's regexp; unanchored; $1 and ${name} in replacements.
// Errors      kInvalid in the words of the original.
// Threads     Pure.
// Source      Alertmanager's template reference; Prometheus' template reference.
#pragma once

#include <string>
#include <string_view>

#include "base/template/value.h"

namespace holdfast::templates {

Functions alertmanager_functions();

// The parts that Prometheus' templates share.
// Words begin with a capital; `rest_lower` as Alertmanager has it, without as Prometheus has it.
std::string title_case(std::string_view text, bool rest_lower);
std::string upper_case(std::string_view text);  // letters of Latin, Greek and Cyrillic too
std::string lower_case(std::string_view text);
Result<bool> regex_match(const std::string& pattern, const std::string& text);
Result<std::string> regex_replace_all(const std::string& pattern, const std::string& replacement,
                                      const std::string& text, std::size_t size_max);
std::string humanize_duration(double seconds);  // 1d 2h 3m 4s, 1.5ms
// As Go's json.Marshal: names sorted, < > & as \u003c; kInvalid for NaN, kTooLarge beyond `size_max` bytes.
Result<std::string> to_json(const Value& value, std::size_t size_max);

}  // namespace holdfast::templates
