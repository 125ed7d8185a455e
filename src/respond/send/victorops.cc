// VictorOps (Splunk On-Call): the key stands in the path, the group's hash is the entity.
#include "net/s3/signature.h"
#include "respond/send/kinds.h"
#include "respond/send/limits.h"

namespace holdfast::respond::send {

Result<Exchange> build_victorops(const Message& message) {
  constexpr std::size_t kStateRunesMax = 20'480;
  const auto& settings = message.settings;
  auto& words = message.words;
  auto type = words.text(settings.text("message_type"));
  if (!message.data.firing()) {
    type = "RECOVERY";
  } else if (type != "INFO" && type != "WARNING" && type != "CRITICAL") {
    type = "CRITICAL";
  }
  Pairs body = {
      {"message_type", type},
      {"entity_id", message.hashed_key()},
      {"entity_display_name", words.title(settings.text("entity_display_name"))},
      {"state_message", cut_runes(words.body(settings.text("state_message")), kStateRunesMax)},
      {"monitoring_tool", words.text(settings.text("monitoring_tool"))}};
  for (const auto& [name, value] : settings.pairs("custom_fields")) body[name] = words.text(value);
  const auto path = net::encode_key_path(settings.text("api_key")) + "/" +
                    net::encode_key_path(words.text(settings.text("routing_key")));
  return post_json(append_path(settings.text("api_url"), path), ordered(body));
}

}  // namespace holdfast::respond::send
