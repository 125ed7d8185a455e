// WeCom as an application: a token that lives two hours, then message/send; the errcode of a 200 is the verdict.
#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "respond/send/kinds.h"

namespace holdfast::respond::send {
namespace {

constexpr Duration kTokenLife = 2h;

struct Plan {
  std::string api_url, corp_id, secret;
  OrderedJson body;
  std::shared_ptr<TokenCache> tokens;
  std::string cache_key;
  WallTime now{};
};

Exchange post(const Plan& plan, const std::string& token, bool fresh);

// Anything but a plain 200 is not the API speaking, and passes.
Outcome not_the_api(const Answer& answer) {
  auto outcome = judge_status(answer);
  return retry(outcome.reason.empty() ? "other" : outcome.reason, outcome.detail,
               retry_after(answer));
}

Exchange ask_token(const Plan& plan) {
  Exchange exchange;
  exchange.request.method = "GET";
  exchange.request.timeout = {};
  exchange.request.url = add_query(append_path(plan.api_url, "gettoken"),
                                   {{"corpid", plan.corp_id}, {"corpsecret", plan.secret}});
  exchange.judge = [plan](const Answer& answer) -> Step {
    if (answer.status != 200) return not_the_api(answer);
    const auto body = parse_object(answer.body);
    const auto token = text_of(body, "access_token");
    if (token.empty()) {
      return failed("authError", "invalid APISecret for CorpID: " + plan.corp_id + ": errcode " +
                                     std::to_string(integer_of(body, "errcode", -1)));
    }
    auto life = std::chrono::duration_cast<std::chrono::milliseconds>(kTokenLife);
    if (const auto seconds = integer_of(body, "expires_in", 0); seconds > 0) {
      life = std::min<std::chrono::milliseconds>(life, std::chrono::seconds(seconds));
    }
    if (plan.tokens) plan.tokens->put(plan.cache_key, token, plan.now + life);
    return Step::then(post(plan, token, true));
  };
  return exchange;
}

Exchange post(const Plan& plan, const std::string& token, bool fresh) {
  auto exchange = post_json(
      add_query(append_path(plan.api_url, "message/send"), {{"access_token", token}}), plan.body);
  exchange.judge = [plan, fresh](const Answer& answer) -> Step {
    if (answer.status != 200) return not_the_api(answer);
    const auto body = parse_object(answer.body);
    const auto code = integer_of(body, "errcode", -1);
    const auto detail =
        "errcode " + std::to_string(code) + ": " + printable(text_of(body, "errmsg"), 200);
    if (code == 0) return delivered(detail);
    if (code == 42001 || code == 40014 || code == 41001) {  // the token has ended or is none
      if (plan.tokens) plan.tokens->drop(plan.cache_key);
      if (!fresh) return Step::then(ask_token(plan));
      return retry("authError", detail);
    }
    if (code == 45009 || code == 45033) return retry("rateLimited", detail, retry_after(answer));
    if (code == -1) return retry("other", detail);  // "system busy", or no JSON at all
    return failed("clientError", detail);
  };
  return exchange;
}

}  // namespace

Result<Exchange> build_wechat(const Message& message) {
  const auto& settings = message.settings;
  auto& words = message.words;
  Plan plan;
  plan.api_url = settings.text("api_url");
  plan.corp_id = words.text(settings.text("corp_id"));
  plan.secret = words.text(settings.text("api_secret"));
  plan.tokens = message.tokens;
  plan.cache_key = sha256_hex(plan.api_url + "\n" + plan.corp_id + "\n" + plan.secret);
  plan.now = message.now;
  const bool markdown = settings.text("message_type") == "markdown";
  const auto content = OrderedJson::object({{"content", words.only(settings.text("message"))}});
  const auto none = OrderedJson::object({{"content", ""}});
  auto& body = plan.body = OrderedJson::object();
  body["text"] = markdown ? none : content;
  add_text(body, "touser", words.text(settings.text("to_user")));
  add_text(body, "toparty", words.text(settings.text("to_party")));
  add_text(body, "totag", words.text(settings.text("to_tag")));
  add_text(body, "agentid", words.text(settings.text("agent_id")));
  body["safe"] = "0";
  body["msgtype"] = markdown ? "markdown" : "text";
  body["markdown"] = markdown ? content : none;
  const auto token = plan.tokens ? plan.tokens->get(plan.cache_key, plan.now) : std::string();
  return token.empty() ? ask_token(plan) : post(plan, token, false);
}

}  // namespace holdfast::respond::send
