// Opsgenie: create, close, and with update_alerts the message and description after it. The alias is the group's hash.
#include "base/text.h"
#include "respond/send/kinds.h"
#include "respond/send/limits.h"

namespace holdfast::respond::send {
namespace {

constexpr std::size_t kMessageRunesMax = 130;

std::vector<std::string> parts(const std::string& text) {
  std::vector<std::string> out;
  for (const auto part : split(trim(text), ',')) {
    if (!part.empty()) out.emplace_back(part);
  }
  return out;
}

OrderedJson responders_of(const Message& message) {
  auto out = OrderedJson::array();
  for (const auto& one : message.settings.list("responders")) {
    auto responder = OrderedJson::object();
    for (const char* name : {"id", "name", "username"}) {
      add_text(responder, name, message.words.text(one.text(name)));
    }
    const auto type = message.words.text(one.text("type"));
    if (responder.empty() && type.empty()) continue;  // filled from labels that are not there
    if (type == "teams") {
      for (const auto& team : parts(responder.value("name", std::string()))) {
        out.push_back(OrderedJson::object({{"name", team}, {"type", "team"}}));
      }
      continue;
    }
    responder["type"] = type;
    out.push_back(std::move(responder));
  }
  return out;
}

struct Call {
  std::string method, url;
  OrderedJson body;
};

// The calls one after another; a call that fails ends it, and the attempt that follows begins with the first again: all
// of them mean the same however often they are made.
Exchange chain(std::vector<Call> calls, std::size_t index, const std::string& key) {
  auto& call = calls[index];
  auto exchange = post_json(call.url, call.body, {429});
  exchange.request.method = call.method;
  exchange.request.headers.set("Authorization", "GenieKey " + key);
  if (index + 1 < calls.size()) {
    exchange.judge = [calls = std::move(calls), index, key](const Answer& answer) -> Step {
      auto outcome = judge_status(answer, {429});
      if (outcome.kind != Outcome::Kind::kDelivered) return outcome;
      return Step::then(chain(calls, index + 1, key));
    };
  }
  return exchange;
}

OrderedJson create_body(const Message& message) {
  const auto& settings = message.settings;
  auto& words = message.words;
  auto details = message.data.common_labels;
  for (const auto& [name, value] : settings.pairs("details")) details[name] = words.text(value);
  auto body = OrderedJson::object();
  body["alias"] = message.hashed_key();
  body["message"] = cut_runes(words.title(settings.text("message")), kMessageRunesMax);
  add_text(body, "description", words.body(settings.text("description")));
  body["details"] = ordered(details);
  body["source"] = words.text(settings.text("source"));
  if (auto responders = responders_of(message); !responders.empty()) {
    body["responders"] = std::move(responders);
  }
  if (auto tags = parts(words.text(settings.text("tags"))); !tags.empty()) body["tags"] = tags;
  add_text(body, "note", words.text(settings.text("note")));
  add_text(body, "priority", words.text(settings.text("priority")));
  add_text(body, "entity", words.text(settings.text("entity")));
  if (auto actions = parts(words.text(settings.text("actions"))); !actions.empty()) {
    body["actions"] = actions;
  }
  return body;
}

}  // namespace

Result<Exchange> build_opsgenie(const Message& message) {
  const auto& settings = message.settings;
  auto& words = message.words;
  const auto key = std::string(trim(words.text(settings.text("api_key"))));
  const auto alerts = append_path(settings.text("api_url"), "v2/alerts");
  const auto of_alias = [&](const char* what) {
    return add_query(append_path(alerts, "/" + message.hashed_key() + "/" + what),
                     {{"identifierType", "alias"}});
  };
  std::vector<Call> calls;
  if (!message.data.firing()) {
    auto body = OrderedJson::object({{"source", words.text(settings.text("source"))}});
    calls.push_back({"POST", of_alias("close"), std::move(body)});
    return chain(std::move(calls), 0, key);
  }
  auto create = create_body(message);
  auto text = OrderedJson::object(), description = OrderedJson::object();
  add_text(text, "message", create.value("message", std::string()));
  add_text(description, "description", create.value("description", std::string()));
  calls.push_back({"POST", alerts, std::move(create)});
  if (settings.flag("update_alerts")) {
    calls.push_back({"PUT", of_alias("message"), std::move(text)});
    calls.push_back({"PUT", of_alias("description"), std::move(description)});
  }
  return chain(std::move(calls), 0, key);
}

}  // namespace holdfast::respond::send
