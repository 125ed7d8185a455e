// Telegram: sendMessage of a bot; the answer's JSON repeats the status and says when to come back.
#include <algorithm>

#include "base/text.h"
#include "respond/send/kinds.h"
#include "respond/send/limits.h"

namespace holdfast::respond::send {
namespace {

constexpr std::size_t kTextRunesMax = 4096;

Step judge(const Answer& answer) {
  const auto body = parse_object(answer.body);
  const auto ok = body.is_object() ? body.find("ok") : body.end();
  const bool said = body.is_object() && ok != body.end() && ok->is_boolean();
  if (!said) {
    auto outcome = judge_status(answer);
    if (outcome.kind != Outcome::Kind::kDelivered) return outcome;
    return retry("other", "the answer is no JSON of Telegram's: " + printable(answer.body, 100));
  }
  if (ok->get<bool>()) return delivered();
  const auto code = static_cast<int>(
      std::clamp<std::int64_t>(integer_of(body, "error_code", answer.status), 0, 999));
  const auto detail = "telegram: " + printable(text_of(body, "description"), 200) + " (" +
                      std::to_string(code) + ")";
  if (code == 429) {
    const auto parameters = body.find("parameters");
    const auto wait = parameters == body.end() ? 0 : integer_of(*parameters, "retry_after", 0);
    return retry("rateLimited", detail,
                 std::chrono::seconds(std::clamp<std::int64_t>(wait, 0, 3600)));
  }
  // A chat, a token or a text that is wrong stays wrong.
  return code / 100 == 4 ? failed(reason_of(code), detail) : retry(reason_of(code), detail);
}

// Without its tags; what stands for a character becomes it. A text cut inside a tag would be refused.
std::string without_markup(std::string_view html) {
  std::string out;
  bool inside = false;
  for (std::size_t i = 0; i < html.size(); ++i) {
    if (html[i] == '<') inside = true;
    if (!inside) out.push_back(html[i]);
    if (html[i] == '>') inside = false;
  }
  const std::pair<std::string_view, char> kNamed[] = {{"&lt;", '<'},   {"&gt;", '>'},
                                                      {"&#34;", '"'},  {"&quot;", '"'},
                                                      {"&#39;", '\''}, {"&amp;", '&'}};
  for (const auto& [name, character] : kNamed) {
    for (auto at = out.find(name); at != std::string::npos; at = out.find(name, at + 1)) {
      out.replace(at, name.size(), 1, character);
    }
  }
  return out;
}

}  // namespace

Result<Exchange> build_telegram(const Message& message) {
  const auto& settings = message.settings;
  auto& words = message.words;
  auto mode = settings.text("parse_mode");
  const auto source = settings.text("message");
  auto text = mode == "HTML" ? words.html(source, Words::Use::kOnly) : words.only(source);
  if (mode == "HTML" && rune_count(text) > kTextRunesMax) {
    text = without_markup(text);
    mode.clear();
  }
  text = cut_runes(text, kTextRunesMax);
  Pairs body = {{"chat_id", std::string(trim(settings.text("chat_id")))},
                {"text", text},
                {"disable_web_page_preview", "true"}};
  if (settings.flag("disable_notifications")) body["disable_notification"] = "true";
  if (!mode.empty()) body["parse_mode"] = mode;
  if (const auto thread = settings.integer("message_thread_id"); thread != 0) {
    body["message_thread_id"] = std::to_string(thread);
  }
  auto exchange = post_json(
      join_path(settings.text("api_url"), "bot" + settings.text("bot_token") + "/sendMessage"),
      ordered(body));
  exchange.judge = judge;
  return exchange;
}

}  // namespace holdfast::respond::send
