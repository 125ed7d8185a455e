// base/template/go_time.h: times and durations as Go's package time writes and reads them.
//
// Layouts     Reference time: "2006-01-02 15:04:05.000 -0700 MST"; every element of Go's, two- and one-digit forms,
//             fractions (.000, .999, ,000), zones (Z07:00, -0700, -07:00:00), day of the year (002, __2).
// Errors      parse: kInvalid in Go's words: parsing time "x" as "2006": cannot parse "x" as "2006".
// Threads     Pure.
// Source      Go's package time.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/template/value.h"

namespace holdfast::templates {

inline constexpr std::string_view kRfc3339Nano = "2006-01-02T15:04:05.999999999Z07:00";

std::string format_go_time(const Time& time, std::string_view layout);
// Without a zone in the text: UTC.
Result<Time> parse_go_time(std::string_view layout, std::string_view text);
// 2015-03-01 12:30:00 +0000 UTC, as %v.
std::string print_go_time(const Time& time);
// 1h2m3s, 1.5ms.
std::string print_go_duration(Duration d);

// .StartsAt.Format "15:04", .Unix, .UTC, ...; of durations .Seconds, .Round, ...
const Functions& time_methods();
const Functions& duration_methods();

}  // namespace holdfast::templates
