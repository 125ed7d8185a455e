// Mattermost: incoming webhooks with Slack's attachments, and a priority of its own.
#include "base/text.h"
#include "respond/send/kinds.h"
#include "respond/send/limits.h"

namespace holdfast::respond::send {
namespace {

// Keys of an attachment, in the order they are sent; the fields stand between two of them.
constexpr const char* kBeforeFields[] = {"fallback",    "color",       "pretext",
                                         "text",        "author_name", "author_link",
                                         "author_icon", "title",       "title_link"};
constexpr const char* kAfterFields[] = {"thumb_url", "footer", "footer_icon", "image_url"};

OrderedJson attachment_of(const Settings& settings, Words& words) {
  auto out = OrderedJson::object();
  for (const auto* name : kBeforeFields) {
    const auto use = std::string_view(name) == "title"  ? Words::Use::kTitle
                     : std::string_view(name) == "text" ? Words::Use::kBody
                                                        : Words::Use::kOther;
    add_text(out, name, words.text(settings.text(name), use));
  }
  auto fields = OrderedJson::array();
  for (const auto& field : settings.list("fields")) {
    auto one = OrderedJson::object();
    add_text(one, "title", words.text(field.text("title")));
    add_text(one, "value", words.text(field.text("value")));
    if (field.has("short")) one["short"] = field.flag("short");
    fields.push_back(std::move(one));
  }
  if (!fields.empty()) out["fields"] = std::move(fields);
  for (const auto* name : kAfterFields) add_text(out, name, words.text(settings.text(name)));
  return out;
}

// What Mattermost refuses is made what it takes: only urgent may nag, only important may ask for acknowledgement.
OrderedJson priority_of(const Settings& settings, Words& words) {
  auto level = lower(words.text(settings.text("priority")));
  if (level != "urgent" && level != "important") level = "standard";
  auto out = OrderedJson::object();
  out["priority"] = level;
  if (settings.flag("requested_ack") && level != "standard") out["requested_ack"] = true;
  if (settings.flag("persistent_notifications") && level == "urgent") {
    out["persistent_notifications"] = true;
  }
  return out;
}

}  // namespace

Result<Exchange> build_mattermost(const Message& message) {
  constexpr std::size_t kTextRunesMax = 16'383;
  const auto& settings = message.settings;
  auto& words = message.words;
  const auto url = settings.text("webhook_url");
  if (url.empty()) return invalid("webhook url missing");
  auto body = OrderedJson::object();
  body["text"] = cut_runes(words.only(settings.text("text")), kTextRunesMax);
  for (const char* name : {"channel", "username", "icon_url", "icon_emoji"}) {
    add_text(body, name, words.text(settings.text(name)));
  }
  auto attachments = OrderedJson::array();
  for (const auto& one : settings.list("attachments")) {
    attachments.push_back(attachment_of(one, words));
  }
  if (!attachments.empty()) body["attachments"] = std::move(attachments);
  add_text(body, "type", words.text(settings.text("type")));
  if (const auto card = settings.inner("props").text("card"); !card.empty()) {
    body["props"] = OrderedJson::object({{"card", words.text(card)}});
  }
  if (const auto priority = settings.inner("priority"); !priority.text("priority").empty()) {
    body["priority"] = priority_of(priority, words);
  }
  return post_json(url, body);
}

}  // namespace holdfast::respond::send
