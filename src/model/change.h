// model/change.h: something people changed on purpose: a deployment, a configuration, a migration.
//
// Purpose     The first question of every incident is "what changed?". Changes come from deploy hooks, from PagerDuty's change
//             events, from the API and from Holdfast's own releases; incidents of the same service show them.
// Topics      kChangeRecorded, journal key = id. The document of kind "change" has the same body.
// Threads     Values.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace holdfast::model {

inline constexpr std::string_view kChangeRecorded = "change.recorded";

struct Change {
  std::string id;       // unique; of the sender where it has one: "github/owner/repo/deployment/17"
  WallTime at{};
  std::string service;  // empty: of no known service
  std::string kind;     // deployment, release, push, pipeline, change
  std::string state;    // started, succeeded, failed; empty: a fact by itself
  std::string summary;  // one line
  std::string version;  // commit, tag or number; may be empty
  std::string source;   // github, gitlab, pagerduty, api, holdfast
  std::string actor;
  std::string url;
};

void to_json(nlohmann::json& j, const Change& v);
void from_json(const nlohmann::json& j, Change& v);

}  // namespace holdfast::model
