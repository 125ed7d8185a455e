// Rocket.Chat: chat.postMessage of its REST API; the JSON of a 200 says whether it worked.
#include "base/text.h"
#include "respond/send/kinds.h"
#include "respond/send/limits.h"

namespace holdfast::respond::send {
namespace {

constexpr std::size_t kTitleRunesMax = 1024;

OrderedJson attachment_of(const Message& message) {
  const auto& settings = message.settings;
  auto& words = message.words;
  auto out = OrderedJson::object();
  add_text(out, "title", cut_runes(words.title(settings.text("title")), kTitleRunesMax));
  add_text(out, "title_link", words.text(settings.text("title_link")));
  add_text(out, "text", words.body(settings.text("text")));
  add_text(out, "image_url", words.text(settings.text("image_url")));
  add_text(out, "thumb_url", words.text(settings.text("thumb_url")));
  add_text(out, "color", words.text(settings.text("color")));
  auto fields = OrderedJson::array();
  for (const auto& field : settings.list("fields")) {
    auto one = OrderedJson::object();
    one["short"] = field.has("short") ? field.flag("short") : settings.flag("short_fields");
    add_text(one, "title", words.text(field.text("title")));
    add_text(one, "value", words.text(field.text("value")));
    fields.push_back(std::move(one));
  }
  if (!fields.empty()) out["fields"] = std::move(fields);
  auto actions = OrderedJson::array();
  for (const auto& action : settings.list("actions")) {
    auto one = OrderedJson::object();
    one["type"] = "button";  // the only one there is
    add_text(one, "text", message.words.text(action.text("text")));
    add_text(one, "url", message.words.text(action.text("url")));
    one["is_webview"] = false;
    add_text(one, "msg", message.words.text(action.text("msg")));
    one["msg_in_chat_window"] = false;
    actions.push_back(std::move(one));
  }
  if (!actions.empty()) out["actions"] = std::move(actions);
  return out;
}

Step judge(const Answer& answer) {
  if (auto outcome = judge_status(answer); outcome.kind != Outcome::Kind::kDelivered)
    return outcome;
  const auto body = parse_object(answer.body);
  if (!body.is_object()) {
    return retry("clientError",
                 "could not unmarshal JSON response: " + printable(answer.body, 200));
  }
  const auto success = body.find("success");
  if (success != body.end() && success->is_boolean() && success->get<bool>()) return delivered();
  return failed("clientError",
                "error response from Rocketchat: " + printable(text_of(body, "error"), 200));
}

}  // namespace

Result<Exchange> build_rocketchat(const Message& message) {
  const auto& settings = message.settings;
  auto& words = message.words;
  auto body = OrderedJson::object();
  add_text(body, "channel", words.text(settings.text("channel")));
  add_text(body, "emoji", words.text(settings.text("emoji")));
  add_text(body, "avatar", words.text(settings.text("icon_url")));
  body["attachments"] = OrderedJson::array({attachment_of(message)});
  auto exchange = post_json(join_path(settings.text("api_url"), "api/v1/chat.postMessage"), body);
  exchange.request.headers.set("X-Auth-Token", settings.text("token"));
  exchange.request.headers.set("X-User-Id", settings.text("token_id"));
  exchange.judge = judge;
  return exchange;
}

}  // namespace holdfast::respond::send
