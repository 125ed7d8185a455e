// PagerDuty: Events API v2 by routing key, v1 by service key. The group's hash is the key under which PagerDuty itself
// shows a page once.
#include "base/text.h"
#include "respond/send/kinds.h"
#include "respond/send/limits.h"

namespace holdfast::respond::send {
namespace {

constexpr std::size_t kSummaryRunesMax = 1024;
constexpr std::size_t kEventSizeMax = 512'000;
constexpr const char* kV1Url = "https://events.pagerduty.com/generic/2010-04-15/create_event.json";

const OrderedJson& too_large() {
  static const OrderedJson kNote = {
      {"error",
       "Custom details have been removed because the original event exceeds the maximum size of "
       "512KB"}};
  return kNote;
}

Step judge(const Answer& answer, const Codes& again) {
  auto outcome = judge_status(answer, again);
  if (answer.status != 400) return outcome;
  const auto body = parse_object(answer.body);
  if (!body.is_object()) return outcome;
  std::string errors;
  if (const auto list = body.find("errors"); list != body.end() && list->is_array()) {
    for (const auto& one : *list) {
      if (one.is_string()) errors += (errors.empty() ? "" : ",") + one.get<std::string>();
    }
  }
  outcome.detail =
      "unexpected status code 400: " + printable(text_of(body, "message") + ": " + errors, 300);
  return outcome;
}

Exchange exchange_of(const Message& message, const std::string& url, OrderedJson body,
                     const OrderedJson::json_pointer& details, Codes again) {
  auto exchange = post_json(url, body);
  if (exchange.request.body.size() > kEventSizeMax) {
    body[details] = too_large();
    exchange.request.body = go_json_line(body);
  }
  exchange.request.timeout = message.settings.duration("timeout");
  exchange.judge = [again = std::move(again)](const Answer& answer) {
    return judge(answer, again);
  };
  return exchange;
}

// Items whose first name renders to nothing are left out.
OrderedJson items(const Message& message, const char* list,
                  std::initializer_list<const char*> names) {
  auto out = OrderedJson::array();
  for (const auto& item : message.settings.list(list)) {
    auto one = OrderedJson::object();
    for (const auto* name : names) one[name] = message.words.text(item.text(name));
    if (!one[*names.begin()].get_ref<const std::string&>().empty()) out.push_back(std::move(one));
  }
  return out;
}

Result<Exchange> v1(const Message& message, OrderedJson details) {
  const auto& settings = message.settings;
  auto& words = message.words;
  auto body = OrderedJson::object();
  const auto key = words.text(settings.text("service_key"));
  if (key.empty() && !words.error()) return invalid("service key cannot be empty");
  body["service_key"] = key;
  body["incident_key"] = message.hashed_key();
  body["event_type"] = message.data.firing() ? "trigger" : "resolve";
  add_text(body, "description",
           cut_runes(words.title(settings.text("description")), kSummaryRunesMax));
  body["event_action"] = "";
  body["payload"] = nullptr;
  if (message.data.firing()) {
    add_text(body, "client", words.text(settings.text("client")));
    add_text(body, "client_url", words.text(settings.text("client_url")));
  }
  if (!details.empty()) body["details"] = std::move(details);
  return exchange_of(message, kV1Url, std::move(body), OrderedJson::json_pointer("/details"),
                     {403});
}

OrderedJson payload_of(const Message& message, OrderedJson details) {
  const auto& settings = message.settings;
  auto& words = message.words;
  auto payload = OrderedJson::object();
  payload["summary"] = cut_runes(words.title(settings.text("description")), kSummaryRunesMax);
  const auto source = settings.text("source");
  payload["source"] = words.text(source.empty() ? settings.text("client") : source);
  const auto severity = settings.text("severity");
  payload["severity"] = severity.empty() ? "error" : words.text(severity);
  add_text(payload, "class", words.text(settings.text("class")));
  add_text(payload, "component", words.text(settings.text("component")));
  add_text(payload, "group", words.text(settings.text("group")));
  if (!details.empty()) payload["custom_details"] = std::move(details);
  return payload;
}

}  // namespace

Result<Exchange> build_pagerduty(const Message& message) {
  const auto& settings = message.settings;
  auto& words = message.words;
  auto details = words.tree(settings.member("details"));
  if (!settings.text("service_key").empty()) return v1(message, std::move(details));
  auto body = OrderedJson::object();
  const auto key = words.text(settings.text("routing_key"));
  if (key.empty() && !words.error()) return invalid("routing key cannot be empty");
  body["routing_key"] = key;
  body["dedup_key"] = message.hashed_key();
  body["event_action"] = message.data.firing() ? "trigger" : "resolve";
  body["payload"] = payload_of(message, std::move(details));
  add_text(body, "client", words.text(settings.text("client")));
  add_text(body, "client_url", words.text(settings.text("client_url")));
  if (auto images = items(message, "images", {"src", "alt", "href"}); !images.empty()) {
    body["images"] = std::move(images);
  }
  if (auto links = items(message, "links", {"href", "text"}); !links.empty()) {
    body["links"] = std::move(links);
  }
  return exchange_of(message, settings.text("url"), std::move(body),
                     OrderedJson::json_pointer("/payload/custom_details"), {429});
}

}  // namespace holdfast::respond::send
