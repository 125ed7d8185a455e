// respond/route/matcher_text.h: matchers as people write them: severity="page", {a=~"b|c", "ключ"!=d}.
//
// Purpose     Reads matchers the old way (names are identifiers, values run to the end and may be quoted) and the UTF-8
//             way (names and values quoted or free of reserved characters), and decides between both as Alertmanager does.
// Modes       kFallback reads both ways: when only the old way can read the text, or when both can and differ, the old
//             reading stands and `warnings` says so. kUtf8Strict and kClassic know one way only.
// Errors      kInvalid with Alertmanager's texts; in kFallback those of the old way.
// Printing    name="value", and "name"="value" when the name holds reserved characters.
// Threads     Pure.
// Source      ../shared/reference/alerting.md section 2.8.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/matcher.h"
#include "respond/route/config.h"

namespace holdfast::respond::route {

// A list in or without braces; an empty text is an empty list.
Result<std::vector<model::Matcher>> parse_matchers(std::string_view text, MatcherMode mode,
                                                   std::vector<std::string>* warnings = nullptr);
// Exactly one, without braces.
Result<model::Matcher> parse_matcher(std::string_view text, MatcherMode mode,
                                     std::vector<std::string>* warnings = nullptr);

// One way each, for tests and for who must know.
Result<std::vector<model::Matcher>> parse_classic_matchers(std::string_view text);
Result<model::Matcher> parse_classic_matcher(std::string_view text);
Result<std::vector<model::Matcher>> parse_utf8_matchers(std::string_view text);

// A matcher whose regular expression's error is Alertmanager's.
Result<model::Matcher> make_matcher(model::MatchOp op, std::string name, std::string value);

std::string print_matcher(const model::Matcher& matcher);
std::string print_matchers(const std::vector<model::Matcher>& matchers);  // {a="b",c=~"d"}
// By name, value, operator.
void sort_matchers(std::vector<model::Matcher>& matchers);
bool same_matchers(const std::vector<model::Matcher>& a, const std::vector<model::Matcher>& b);

// kClassic wants identifiers; otherwise any UTF-8 text that is not empty.
bool is_valid_label_name(std::string_view name, MatcherMode mode);

}  // namespace holdfast::respond::route
