// respond/send/go_json.h: JSON as Go's encoding/json writes it, byte for byte.
//
// Purpose     Receivers sign, compare and store the bodies Alertmanager sends; ours must not differ. Objects keep the
//             order in which their members were added (Go's struct order); maps come in sorted.
// Encoding    < > & U+2028 U+2029 are \u escapes, bytes that are no UTF-8 become \ufffd, times have as many
//             fractional digits as they need, the text ends with a line feed (json.Encoder).
// Threads     Pure.
// Source      Go, encoding/json and time.Time.MarshalJSON; ../shared/reference/alerting.md section 2.5.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/time.h"

namespace holdfast::respond::send {

using OrderedJson = nlohmann::ordered_json;

std::string go_json(const OrderedJson& value);  // without the line feed
std::string go_json_line(const OrderedJson& value);
std::string go_json(const nlohmann::json& value);  // members sorted by name, as Go writes maps
OrderedJson ordered(const nlohmann::json& value);
OrderedJson ordered(const std::map<std::string, std::string>& values);
// "2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05Z".
std::string go_time(WallTime at);
// What Go writes for the time that was never set.
inline constexpr std::string_view kGoZeroTime = "0001-01-01T00:00:00Z";

}  // namespace holdfast::respond::send
