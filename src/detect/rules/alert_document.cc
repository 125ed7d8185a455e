#include "detect/rules/alert_document.h"

#include <nlohmann/json.hpp>

namespace holdfast::detect {

using nlohmann::json;

std::string write_alert_document(const StoredAlert& stored) {
  json document = stored.active.alert;
  document["rule"] = stored.rule;
  if (stored.active.keep_firing_since) document["keep_firing_since"] = format_time(*stored.active.keep_firing_since);
  // Labels are UTF-8, but what a scraped target sent may not be: the document is written all the same.
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<StoredAlert> read_alert_document(std::string_view body) {
  StoredAlert stored;
  stored.active.alert = HF_TRY(parse_json<model::Alert>(body));
  const auto document = json::parse(body, nullptr, false);
  if (const auto rule = document.find("rule"); rule != document.end()) {
    if (!rule->is_string()) return invalid("member rule: must be a string");
    stored.rule = rule->get<std::string>();
  }
  if (const auto since = document.find("keep_firing_since"); since != document.end()) {
    if (!since->is_string()) return invalid("member keep_firing_since: must be a string");
    stored.active.keep_firing_since = HF_TRY(parse_time(since->get<std::string>()).context("member keep_firing_since"));
  }
  return stored;
}

}  // namespace holdfast::detect
