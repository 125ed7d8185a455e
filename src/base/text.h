// base/text.h: small work on text that several rooms need.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

std::string_view trim(std::string_view s);
// Keeps empty parts: "a,,b" gives three.
std::vector<std::string_view> split(std::string_view s, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string lower(std::string_view s);
bool equals_ignoring_case(std::string_view a, std::string_view b);
std::optional<std::int64_t> parse_int(std::string_view s);   // the whole text or nothing
std::optional<double> parse_double(std::string_view s);      // also Inf, +Inf, -Inf, NaN in any case
// As Go's strconv.FormatFloat(v, 'f', -1, 64) with Prometheus' +Inf, -Inf, NaN: the shortest text that reads back.
std::string format_double(double v);
bool is_valid_utf8(std::string_view s);
// For messages: at most `max` characters of foreign bytes, control characters escaped.
std::string printable(std::string_view s, std::size_t max = 80);
// The allowed word nearest to a misspelt one, for "did you mean"; empty when none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& allowed);

}  // namespace holdfast
