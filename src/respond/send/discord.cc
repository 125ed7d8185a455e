// Discord: one embed with a colour.
#include "respond/send/kinds.h"
#include "respond/send/limits.h"

namespace holdfast::respond::send {

Result<Exchange> build_discord(const Message& message) {
  constexpr std::size_t kTitleRunesMax = 256, kTextRunesMax = 4096, kContentRunesMax = 2000;
  constexpr int kRed = 0x992D22, kGreen = 0x2ECC71;
  const auto& settings = message.settings;
  auto& words = message.words;
  const auto url = settings.text("webhook_url");
  if (url.empty()) return invalid("webhook url missing");
  auto embed = OrderedJson::object();
  embed["title"] = cut_runes(words.title(settings.text("title")), kTitleRunesMax);
  embed["description"] = cut_runes(words.body(settings.text("message")), kTextRunesMax);
  embed["color"] = message.data.firing() ? kRed : kGreen;
  auto body = OrderedJson::object();
  body["content"] = cut_runes(words.text(settings.text("content")), kContentRunesMax);
  body["embeds"] = OrderedJson::array({std::move(embed)});
  add_text(body, "username", words.text(settings.text("username")));
  add_text(body, "avatar_url", words.text(settings.text("avatar_url")));
  return post_json(url, body);
}

}  // namespace holdfast::respond::send
