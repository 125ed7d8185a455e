// What goes over the wire to webhooks and Slack. Every payload carries the idempotency key, so a receiver can show a
// page once however often it arrives.
#include <nlohmann/json.hpp>

#include "respond/notify/notifier.h"

namespace holdfast::respond {

using nlohmann::json;

namespace {

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string_view colour(const model::Incident& incident, std::string_view event) {
  if (event == "resolved" || event == "mitigated") return "good";
  return incident.rank <= model::Rank::kHigh ? "danger" : "warning";
}

// Slack's own escaping: these three, nothing else.
std::string slack_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out.push_back(c);
  }
  return out;
}

}  // namespace

std::string render_webhook(const model::Incident& incident, std::string_view event,
                           const Message& message, const std::string& key) {
  return dump({{"version", "1"},
               {"key", key},
               {"event", event},
               {"subject", message.subject},
               {"body", message.body},
               {"incident", json(incident)}});
}

std::string render_slack(const model::Incident& incident, std::string_view event,
                         const Message& message, const std::string& channel) {
  json payload = {{"text", slack_text(message.subject)},
                  {"attachments", json::array({{{"color", colour(incident, event)},
                                                {"text", slack_text(message.body)},
                                                {"fallback", slack_text(message.subject)}}})}};
  if (!channel.empty()) payload["channel"] = channel;
  return dump(payload);
}

}  // namespace holdfast::respond
