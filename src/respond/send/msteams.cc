// Microsoft Teams: message cards of the connectors (msteams), adaptive cards of the workflows (msteamsv2).
#include "respond/send/kinds.h"

namespace holdfast::respond::send {

Result<Exchange> build_msteams(const Message& message) {
  const auto& settings = message.settings;
  auto& words = message.words;
  const auto url = settings.text("webhook_url");
  if (url.empty()) return invalid("webhook url missing");
  auto body = OrderedJson::object();
  body["@context"] = "http://schema.org/extensions";
  body["type"] = "MessageCard";
  body["title"] = words.title(settings.text("title"));
  body["summary"] = words.title(settings.text("summary"));
  body["text"] = words.body(settings.text("text"));
  body["themeColor"] = message.data.firing() ? "8C1A1A" : "2DC72D";
  return post_json(url, body);
}

Result<Exchange> build_msteamsv2(const Message& message) {
  const auto& settings = message.settings;
  auto& words = message.words;
  const auto url = settings.text("webhook_url");
  if (url.empty()) return invalid("webhook url missing");
  auto heading = OrderedJson::object({{"type", "TextBlock"},
                                      {"text", words.title(settings.text("title"))},
                                      {"weight", "Bolder"},
                                      {"size", "Medium"},
                                      {"wrap", true},
                                      {"style", "heading"},
                                      {"color", message.data.firing() ? "Attention" : "Good"}});
  auto text = OrderedJson::object(
      {{"type", "TextBlock"}, {"text", words.body(settings.text("text"))}, {"wrap", true}});
  auto content = OrderedJson::object();
  content["$schema"] = "http://adaptivecards.io/schemas/adaptive-card.json";
  content["type"] = "AdaptiveCard";
  content["version"] = "1.2";
  content["body"] = OrderedJson::array({std::move(heading), std::move(text)});
  content["msteams"] = OrderedJson::object({{"width", "full"}});
  auto card = OrderedJson::object();
  card["contentType"] = "application/vnd.microsoft.card.adaptive";
  card["contentUrl"] = nullptr;
  card["content"] = std::move(content);
  auto body = OrderedJson::object();
  body["type"] = "message";
  body["attachments"] = OrderedJson::array({std::move(card)});
  return post_json(url, body);
}

}  // namespace holdfast::respond::send
