// detect/rules/alert_document.h: an alert as the journal keeps it between two lives of the program.
//
// Form        model::Alert's JSON with two members more: "rule", the key of the rule it belongs to, and
//             "keep_firing_since" while it fires for keep_firing_for alone. Readers of Alert ignore both.
// Errors      kInvalid names the member.
// Threads     Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "detect/rules/alert_state.h"

namespace holdfast::detect {

inline constexpr const char* kAlertDocument = "alert";  // kind; the id is the fingerprint

struct StoredAlert {
  ActiveAlert active;
  std::string rule;
};

std::string write_alert_document(const StoredAlert& stored);
Result<StoredAlert> read_alert_document(std::string_view body);

}  // namespace holdfast::detect
