// model/alert.h: an alert as the rules publish it, and the evidence every decision carries.
//
// Topic       kAlertChanged, journal key = fingerprint: detect publishes, respond and recover subscribe.
// Threads     Values.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/labels.h"

namespace holdfast::model {

inline constexpr std::string_view kAlertChanged = "alert.changed";

// Why a decision was taken: enough to check it by hand.
struct Evidence {
  std::string query;      // the expression asked, or the observation made
  std::string value;      // what was seen: "0.5", "exit by signal 9"
  std::string threshold;  // what would have been fine: "<= 0.05"
  std::string window;     // over which time: "5s", held "for 0s"
  std::string source;     // file:line of the rule or setting; or the part that saw it
  std::string otherwise;  // what would have changed the outcome
  bool operator==(const Evidence&) const = default;
};

enum class AlertState { kPending, kFiring, kResolved };
std::string_view alert_state_name(AlertState state);  // pending, firing, resolved

struct Alert {
  Labels labels;       // alertname and all; identity
  Labels annotations;  // summary, description, runbook_url
  AlertState state = AlertState::kPending;
  WallTime active_at{};  // the condition became true
  std::optional<WallTime> fired_at;
  std::optional<WallTime> resolved_at;
  double value = 0;  // of the expression, latest
  Evidence evidence;

  // 16 hex digits of the labels' FNV-1a hash, as Alertmanager computes it.
  std::string fingerprint() const;
  std::string_view name() const { return labels.get("alertname"); }
  std::string_view service() const { return labels.get("service"); }
};

void to_json(nlohmann::json& j, const Labels& v);
void from_json(const nlohmann::json& j, Labels& v);
void to_json(nlohmann::json& j, const Evidence& v);
void from_json(const nlohmann::json& j, Evidence& v);
void to_json(nlohmann::json& j, const Alert& v);
void from_json(const nlohmann::json& j, Alert& v);

}  // namespace holdfast::model

namespace holdfast {

// Reads a value of the model from journal or API text. Wrong JSON or a wrong member is kInvalid and
// names the member. The only place where the JSON library's exceptions are caught for the model.
// Instantiated in the model's .cc files for every type that has from_json.
template <typename T>
Result<T> parse_json(std::string_view text);
template <typename T>
std::string dump_json(const T& value);

}  // namespace holdfast
