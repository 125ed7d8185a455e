// Webex: one markdown text into a room; who speaks stands in http_config.authorization.
#include "respond/send/kinds.h"
#include "respond/send/limits.h"

namespace holdfast::respond::send {

Result<Exchange> build_webex(const Message& message) {
  constexpr std::size_t kTextSizeMax = 7439;  // bytes
  const auto& settings = message.settings;
  auto body = OrderedJson::object();
  body["markdown"] = cut_bytes(message.words.only(settings.text("message")), kTextSizeMax);
  add_text(body, "roomId", message.words.text(settings.text("room_id")));
  return post_json(settings.text("api_url"), body);
}

}  // namespace holdfast::respond::send
