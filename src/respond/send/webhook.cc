// webhook and incident.io: the data object itself, or a body of the user's own.
#include <algorithm>

#include "respond/send/kinds.h"

namespace holdfast::respond::send {
namespace {

// What Holdfast adds stands behind what Alertmanager sends, and only when there is something to say.
void add_own(OrderedJson& body, const Message& message) {
  if (message.drill) body["drill"] = true;
  if (message.in_place_of.empty()) return;
  body["inPlaceOf"] = message.in_place_of;
  body["why"] = message.why;
}

OrderedJson body_of(const Message& message, const Data& data, const char* version) {
  auto body = to_go(data);
  body["version"] = version;
  body["groupKey"] = data.group_key;
  body["truncatedAlerts"] = data.truncated;
  add_own(body, message);
  return body;
}

}  // namespace

Result<Exchange> build_webhook(const Message& message) {
  auto& words = message.words;
  const auto url = words.text(message.settings.text("url"));
  if (url.empty() && !words.error()) return invalid("webhook url missing");
  const auto& payload = message.settings.member("payload");
  const auto body = payload.is_null() ? body_of(message, message.data, "4") : words.tree(payload);
  auto exchange = post_json(url, body);
  exchange.request.timeout = message.settings.duration("timeout");
  return exchange;
}

Result<Exchange> build_incidentio(const Message& message) {
  constexpr std::size_t kSizeMax = 512 * 1024;
  const auto url = message.settings.text("url");
  if (url.empty()) return invalid("incident.io url missing");
  auto exchange = post_json(url, body_of(message, message.data, "1"), {429});
  if (exchange.request.body.size() > kSizeMax && message.data.alerts.size() > 1) {
    // One alert of a group is enough for incident.io to open its own.
    auto cut = message.data;
    cut.alerts.resize(1);
    exchange.request.body = go_json_line(body_of(message, cut, "1"));
  }
  if (const auto token = message.settings.text("alert_source_token"); !token.empty()) {
    exchange.request.headers.set("Authorization", "Bearer " + token);
  }
  exchange.request.timeout = message.settings.duration("timeout");
  return exchange;
}

}  // namespace holdfast::respond::send
