// app/api/alertmanager_json.h: Alertmanager's API v2 as JSON: what is posted, read into the router's values, and what it
// shows, written.
//
// Errors      What is no JSON or has a member of the wrong type is answered 400, a member that must be there and is not 422,
//             both with the object the generated clients know: {"code":602,"message":"labels in body is required"}.
// Units       Times are RFC 3339; written in UTC with milliseconds.
// Threads     Pure.
// Source      ../shared/reference/alerting.md section 2.11; go-openapi's codes of validation.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "respond/route/router.h"

namespace holdfast::app {

struct BodyProblem {
  int status = 400;
  int code = 400;  // go-openapi's: 400 no JSON or wrong type, 601 wrong form, 602 missing, 612 too few
  std::string message;
};

using PostedAlerts = std::variant<BodyProblem, std::vector<respond::route::PostedAlert>>;
PostedAlerts parse_posted_alerts(std::string_view body);

using PostedSilence = std::variant<BodyProblem, respond::route::Silence>;
PostedSilence parse_posted_silence(std::string_view body);

nlohmann::json problem_json(const BodyProblem& problem);
nlohmann::json alert_json(const respond::route::AlertView& view);
nlohmann::json group_json(const respond::route::GroupView& view);
nlohmann::json silence_json(const respond::route::Silence& silence, respond::route::SilenceState state);

}  // namespace holdfast::app
