// Pushover: everything is in the query, and empty messages are refused.
#include "base/text.h"
#include "respond/send/kinds.h"
#include "respond/send/limits.h"

namespace holdfast::respond::send {
namespace {

std::string seconds(Duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(d).count());
}

}  // namespace

Result<Exchange> build_pushover(const Message& message) {
  constexpr std::size_t kTitleRunesMax = 250, kTextRunesMax = 1024, kUrlRunesMax = 512;
  constexpr const char* kUrl = "https://api.pushover.net/1/messages.json";
  const auto& settings = message.settings;
  auto& words = message.words;
  const auto rendered = [&](const char* name) { return words.text(settings.text(name)); };
  const bool html = settings.flag("html");
  const auto source = settings.text("message");
  auto text =
      cut_runes(html ? words.html(source, Words::Use::kBody) : words.body(source), kTextRunesMax);
  text = trim(text);
  if (text.empty()) text = "(no details)";
  // Sorted by name, as Go encodes a query.
  Pairs query = {{"token", rendered("token")},
                 {"user", rendered("user_key")},
                 {"title", cut_runes(words.title(settings.text("title")), kTitleRunesMax)},
                 {"message", text},
                 {"url", cut_runes(rendered("url"), kUrlRunesMax)},
                 {"url_title", rendered("url_title")},
                 {"priority", rendered("priority")},
                 {"retry", seconds(settings.duration("retry"))},
                 {"expire", seconds(settings.duration("expire"))},
                 {"device", rendered("device")},
                 {"sound", rendered("sound")}};
  if (html) query["html"] = "1";
  if (settings.flag("monospace")) query["monospace"] = "1";
  if (const auto ttl = settings.duration("ttl"); ttl >= 1s) query["ttl"] = seconds(ttl);
  Exchange exchange;
  exchange.request.method = "POST";
  exchange.request.timeout = {};
  exchange.request.url = add_query(kUrl, net::Params(query.begin(), query.end()));
  exchange.request.headers.set("Content-Type", "text/plain");
  exchange.judge = [](const Answer& answer) -> Step { return judge_status(answer); };
  return exchange;
}

}  // namespace holdfast::respond::send
