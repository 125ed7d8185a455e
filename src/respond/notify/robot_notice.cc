#include "respond/notify/robot_notice.h"

#include "respond/send/kinds.h"

namespace holdfast::respond {

Result<send::Exchange> robot_exchange(const Receiver& to, const Message& message, WallTime now) {
  const bool wecom = to.kind == "wecom_robot";
  // Plain text: a notice's lines are lines, and markdown would join them.
  const nlohmann::json settings = {
      {"webhook_url", to.url},
      {"secret", to.secret},
      {"message_type", to.kind == "feishu_robot" ? "post" : "text"},
      {"title", message.subject},
      {"message", wecom ? message.subject + "\n" + message.body : message.body}};
  // Nothing in it is a template, whatever it looks like.
  const auto as_it_is = [](const std::string& text) { return Result<std::string>(text); };
  send::Words words(as_it_is, as_it_is);
  const send::Data none;
  const send::Message request{.settings = send::Settings(settings),
                              .words = words,
                              .data = none,
                              .now = now,
                              .remembered = {},
                              .drill = false,
                              .in_place_of = {},
                              .why = {},
                              .tokens = nullptr,
                              .variable = {}};
  return send::builder_of(to.kind)(request);
}

}  // namespace holdfast::respond
