// Slack: incoming webhooks answer "ok" in plain text, the web API answers JSON; a 200 alone means nothing.
#include "respond/send/kinds.h"
#include "respond/send/limits.h"

#include "base/text.h"

namespace holdfast::respond::send {
namespace {

constexpr std::size_t kTitleRunesMax = 1024;

OrderedJson fields_of(const Message& message) {
  auto out = OrderedJson::array();
  for (const auto& field : message.settings.list("fields")) {
    auto one = OrderedJson::object();
    add_text(one, "title", message.words.text(field.text("title")));
    add_text(one, "value", message.words.text(field.text("value")));
    one["short"] = field.has("short") ? field.flag("short") : message.settings.flag("short_fields");
    out.push_back(std::move(one));
  }
  return out;
}

OrderedJson actions_of(const Message& message) {
  auto out = OrderedJson::array();
  for (const auto& action : message.settings.list("actions")) {
    auto one = OrderedJson::object();
    for (const char* name : {"type", "text", "url", "style", "name", "value"}) {
      add_text(one, name, message.words.text(action.text(name)));
    }
    if (action.has("confirm")) {
      const auto confirm = action.inner("confirm");
      auto inner = OrderedJson::object();
      for (const char* name : {"text", "title", "ok_text", "dismiss_text"}) {
        add_text(inner, name, message.words.text(confirm.text(name)));
      }
      one["confirm"] = std::move(inner);
    }
    out.push_back(std::move(one));
  }
  return out;
}

OrderedJson attachment_of(const Message& message) {
  auto& words = message.words;
  const auto rendered = [&](const char* name) { return words.text(message.settings.text(name)); };
  auto out = OrderedJson::object();
  add_text(out, "title", cut_runes(words.title(message.settings.text("title")), kTitleRunesMax));
  add_text(out, "title_link", rendered("title_link"));
  add_text(out, "pretext", rendered("pretext"));
  out["text"] = words.body(message.settings.text("text"));
  out["fallback"] = words.title(message.settings.text("fallback"));
  out["callback_id"] = rendered("callback_id");
  if (auto fields = fields_of(message); !fields.empty()) out["fields"] = std::move(fields);
  if (auto actions = actions_of(message); !actions.empty()) out["actions"] = std::move(actions);
  add_text(out, "image_url", rendered("image_url"));
  add_text(out, "thumb_url", rendered("thumb_url"));
  out["footer"] = rendered("footer");
  add_text(out, "color", rendered("color"));
  auto marked = message.settings.texts("mrkdwn_in");
  if (marked.empty()) marked = {"fallback", "pretext", "text"};
  out["mrkdwn_in"] = marked;
  return out;
}

// What chat.update refuses for good; the message is posted anew then, so that nobody misses it.
bool is_lost_message(const std::string& error) {
  return error == "message_not_found" || error == "cant_update_message" ||
         error == "edit_window_closed" || error == "channel_not_found";
}

struct Sent {
  bool keep = false;  // the answer's ts and channel are wanted
  std::shared_ptr<Exchange> anew;
};

Step judge(const Answer& answer, const Sent& sent) {
  if (auto outcome = judge_status(answer); outcome.kind != Outcome::Kind::kDelivered)
    return outcome;
  if (!answer.headers.get("Content-Type").starts_with("application/json")) {
    if (answer.body == "ok") return delivered("ok");
    return failed("clientError",
                  "received an error response from Slack: " + printable(answer.body, 200));
  }
  const auto body = parse_object(answer.body);
  if (!body.is_object()) {
    return retry("clientError",
                 "could not unmarshal JSON response: " + printable(answer.body, 200));
  }
  const auto ok = body.find("ok");
  if (ok == body.end() || !ok->is_boolean() || !ok->get<bool>()) {
    const auto error = text_of(body, "error");
    if (sent.anew && is_lost_message(error)) return Step::then(*sent.anew);
    const auto detail = "error response from Slack: " + printable(error, 100);
    if (error == "ratelimited" || error == "rate_limited") {
      return retry("rateLimited", detail, retry_after(answer));
    }
    return failed("clientError", detail);
  }
  auto outcome = delivered("ok");
  const auto ts = text_of(body, "ts"), channel = text_of(body, "channel");
  if (sent.keep && !ts.empty()) {
    outcome.remember = nlohmann::json({{"ts", ts}, {"channel", channel}}).dump();
  }
  return outcome;
}

Exchange exchange_of(const Message& message, const std::string& url, const OrderedJson& body,
                     Sent sent) {
  auto exchange = post_json(url, body);
  const auto token = message.settings.text("app_token");
  if (message.settings.text("api_url").empty() && !token.empty()) {
    exchange.request.headers.set("Authorization", "Bearer " + token);
  }
  exchange.request.timeout = message.settings.duration("timeout");
  exchange.judge = [sent = std::move(sent)](const Answer& answer) { return judge(answer, sent); };
  return exchange;
}

}  // namespace

Result<Exchange> build_slack(const Message& message) {
  const auto& settings = message.settings;
  auto& words = message.words;
  auto url = settings.text("api_url");
  if (url.empty()) url = settings.text("app_url");
  if (url.empty()) return invalid("slack api url missing");
  auto body = OrderedJson::object();
  add_text(body, "channel", words.text(settings.text("channel")));
  add_text(body, "username", words.text(settings.text("username")));
  add_text(body, "icon_emoji", words.text(settings.text("icon_emoji")));
  add_text(body, "icon_url", words.text(settings.text("icon_url")));
  if (settings.flag("link_names")) body["link_names"] = true;
  add_text(body, "text", words.text(settings.text("message_text")));
  body["attachments"] = OrderedJson::array({attachment_of(message)});

  const bool update = settings.flag("update_message");
  auto post = exchange_of(message, url, body, {update, nullptr});
  const auto last = parse_object(message.remembered);
  const auto ts = text_of(last, "ts");
  constexpr std::string_view kPost = "chat.postMessage";
  const auto at = url.find(kPost);
  if (!update || ts.empty() || at == std::string::npos) return post;
  body["channel"] = text_of(last, "channel");
  body["ts"] = ts;
  return exchange_of(message, url.replace(at, kPost.size(), "chat.update"), body,
                     {update, std::make_shared<Exchange>(std::move(post))});
}

}  // namespace holdfast::respond::send
