// detect/slo/reader_parts.h: what both ways of writing an objective down have in common.
//
// Errors      What is wrong is a finding at its node.
// Threads     Pure.
#pragma once

#include <optional>
#include <string>

#include "base/yaml.h"
#include "detect/slo/slo.h"

namespace holdfast::detect::slo {

// A finding at `node` when the query cannot be used; `what` names it.
void check_query(const YamlContext& context, const YamlNode& node, const std::string& what,
                 const std::string& query, bool counter);
// 0 < share < 1 of a text such as "99.9 %" or "99.9"; a fraction is a finding that says what was probably meant.
std::optional<double> read_percent(const YamlContext& context, const YamlNode& node,
                                   const std::string& what, double max = 100);
// Window and slice together; and texts that go into alerts, where braces would be an action of a template.
void check_slo(const YamlContext& context, const YamlNode& node, const Slo& slo);
// "2026-01-21 12:30:00", with or without seconds or time.
std::optional<CivilTime> parse_civil(std::string_view text);

inline constexpr Duration kWindowMin = 1h;
inline constexpr Duration kWindowMax = 400 * 24h;
inline constexpr Duration kSliceMin = 10s;
inline constexpr Duration kSliceMax = 1h;
inline constexpr double kObjectiveMax = 0.9999999;  // three seconds a year
inline constexpr int kFailuresMinDefault = 3;  // of events; slices of time count from the first

}  // namespace holdfast::detect::slo
