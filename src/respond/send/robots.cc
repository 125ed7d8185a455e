#include "respond/send/robots.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "respond/send/go_json.h"
#include "respond/send/kinds.h"
#include "respond/send/limits.h"

namespace holdfast::respond::send {

namespace {

// What `wrap` makes of as much of the text as leaves it within size_max as JSON, where line feeds and "<" take more room.
template <typename Wrap>
OrderedJson fitting(std::size_t size_max, std::string_view text, const Wrap& wrap) {
  constexpr std::size_t kTextSizeMin = 100;
  auto size = std::min(text.size(), size_max);
  for (;; size = size * 9 / 10) {
    auto body = wrap(cut_bytes(text, size));
    if (size < kTextSizeMin || go_json(body).size() <= size_max) return body;
  }
}

}  // namespace

std::string hmac_base64(std::string_view key, std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
  return base64_encode({reinterpret_cast<const char*>(digest), size});
}

Step judge_robot(const Answer& answer, const RobotCodes& codes) {
  constexpr Duration kPause = 60s;  // of a robot that was told too much
  if (auto outcome = judge_status(answer, {429}); outcome.kind != Outcome::Kind::kDelivered) {
    return outcome;
  }
  const auto body = parse_object(answer.body);
  if (!body.is_object() || !body.contains(codes.code)) {
    return retry("other", "the answer holds no " + std::string(codes.code) + ": " +
                              printable(answer.body, 100));
  }
  const auto code = integer_of(body, codes.code, -1);
  const auto detail = std::string(codes.code) + " " + std::to_string(code) + ": " +
                      printable(text_of(body, codes.words), 200);
  if (code == 0) return delivered(detail);
  const auto among = [code](const std::vector<std::int64_t>& list) {
    return std::find(list.begin(), list.end(), code) != list.end();
  };
  if (among(codes.limited)) return retry("rateLimited", detail, kPause);
  if (among(codes.forbidden)) return failed("authError", detail);
  // "System busy" is -1 with all three.
  return code == -1 ? retry("serverError", detail) : failed("clientError", detail);
}

std::string with_tail(std::string_view text, const std::string& tail, std::size_t size_max) {
  if (tail.size() >= size_max) return cut_bytes(text, size_max);
  return cut_bytes(text, size_max - tail.size()) + tail;
}

std::vector<std::string> rendered_list(const Message& message, const char* name) {
  std::vector<std::string> out;
  for (const auto& one : message.settings.texts(name)) {
    if (auto text = message.words.text(one); !text.empty()) out.push_back(std::move(text));
  }
  return out;
}

Result<Exchange> build_wecom_robot(const Message& message) {
  constexpr std::size_t kTextSizeMax = 2048, kMarkdownSizeMax = 4096;  // bytes of UTF-8
  const auto& settings = message.settings;
  const auto url = settings.text("webhook_url");
  if (url.empty()) return invalid("webhook url missing");
  const auto text = message.words.only(settings.text("message"));
  const auto users = rendered_list(message, "mentioned_users");
  const auto mobiles = rendered_list(message, "mentioned_mobiles");
  auto body = OrderedJson::object();
  if (settings.text("message_type") == "text") {
    auto content = OrderedJson::object();
    content["content"] = cut_bytes(text, kTextSizeMax);
    if (!users.empty()) content["mentioned_list"] = users;
    if (!mobiles.empty()) content["mentioned_mobile_list"] = mobiles;
    body["msgtype"] = "text";
    body["text"] = std::move(content);
  } else {
    // Lists are for texts only; markdown mentions inside, and knows no telephone numbers.
    std::string tail;
    for (const auto& user : users) tail += (tail.empty() ? "\n<@" : "<@") + user + ">";
    body["msgtype"] = "markdown";
    body["markdown"] = OrderedJson::object({{"content", with_tail(text, tail, kMarkdownSizeMax)}});
  }
  auto exchange = post_json(url, body);
  exchange.request.timeout = settings.duration("timeout");
  exchange.judge = [](const Answer& answer) {
    return judge_robot(answer, {"errcode", "errmsg", {45009, 45033}, {93000, 93004}});
  };
  return exchange;
}

Result<Exchange> build_dingtalk_robot(const Message& message) {
  constexpr std::size_t kTextSizeMax = 18'000;  // the whole message may have 20,000 bytes
  constexpr const char* kUrl = "https://oapi.dingtalk.com/robot/send";
  const auto& settings = message.settings;
  auto url = settings.text("webhook_url");
  if (url.empty()) url = add_query(kUrl, {{"access_token", settings.text("access_token")}});
  if (const auto secret = settings.text("secret"); !secret.empty()) {
    const auto at = std::to_string(to_ms(message.now));
    url = add_query(url, {{"timestamp", at}, {"sign", hmac_base64(secret, at + "\n" + secret)}});
  }
  const bool all = settings.flag("mention_all");
  const auto users = rendered_list(message, "mentioned_users");
  const auto mobiles = rendered_list(message, "mentioned_mobiles");
  // Only who stands in the text is mentioned.
  std::string tail;
  for (const auto* list : {&users, &mobiles}) {
    for (const auto& one : *list) tail += (tail.empty() ? "\n@" : " @") + one;
  }
  const bool plain = settings.text("message_type") == "text";
  const auto title = message.words.title(settings.text("title"));
  const auto text = message.words.body(settings.text("message"));
  auto body = OrderedJson::object();
  body["msgtype"] = plain ? "text" : "markdown";
  body[plain ? "text" : "markdown"] = fitting(kTextSizeMax, text, [&](const std::string& part) {
    const auto whole = with_tail(part, tail, kTextSizeMax);
    if (!plain) return OrderedJson::object({{"title", title}, {"text", whole}});
    return OrderedJson::object({{"content", title.empty() ? whole : title + "\n" + whole}});
  });
  body["at"] =
      OrderedJson::object({{"atMobiles", mobiles}, {"atUserIds", users}, {"isAtAll", all}});
  auto exchange = post_json(url, body);
  exchange.request.timeout = settings.duration("timeout");
  exchange.judge = [](const Answer& answer) {
    return judge_robot(answer,
                       {"errcode", "errmsg", {130101, 410100}, {300001, 300005, 310000, 40035}});
  };
  return exchange;
}

namespace {

// One paragraph a line, and the mentions as one more.
OrderedJson post_of(const std::string& title, const std::string& text,
                    const std::vector<std::string>& users) {
  auto lines = OrderedJson::array();
  for (const auto line : split(text, '\n')) {
    lines.push_back(
        OrderedJson::array({OrderedJson::object({{"tag", "text"}, {"text", std::string(line)}})}));
  }
  auto mentions = OrderedJson::array();
  for (const auto& user : users) {
    mentions.push_back(OrderedJson::object({{"tag", "at"}, {"user_id", user}}));
  }
  if (!mentions.empty()) lines.push_back(std::move(mentions));
  auto post = OrderedJson::object({{"title", title}, {"content", std::move(lines)}});
  return OrderedJson::object({{"post", OrderedJson::object({{"zh_cn", std::move(post)}})}});
}

}  // namespace

Result<Exchange> build_feishu_robot(const Message& message) {
  constexpr std::size_t kTextSizeMax = 16'000, kPostSizeMax = 19'000;  // of a request's 20 KB
  const auto& settings = message.settings;
  const auto url = settings.text("webhook_url");
  if (url.empty()) return invalid("webhook url missing");
  auto users = rendered_list(message, "mentioned_users");
  if (settings.flag("mention_all")) users.emplace_back("all");
  const auto title = message.words.title(settings.text("title"));
  const auto text = cut_bytes(message.words.body(settings.text("message")), kTextSizeMax);
  auto body = OrderedJson::object();
  if (const auto secret = settings.text("secret"); !secret.empty()) {
    const auto at = std::to_string(to_ms(message.now) / 1000);
    body["timestamp"] = at;
    body["sign"] = hmac_base64(at + "\n" + secret, "");
  }
  // A post wraps every line; one with too many of them goes out as a text, as much of it as fits.
  auto post = post_of(title, text, users);
  if (settings.text("message_type") == "text" || go_json(post).size() > kPostSizeMax) {
    std::string tail;
    for (const auto& user : users) tail += "\n<at user_id=\"" + user + "\"></at>";
    body["msg_type"] = "text";
    body["content"] = fitting(kPostSizeMax, text, [&](const std::string& part) {
      return OrderedJson::object({{"text", (title.empty() ? part : title + "\n" + part) + tail}});
    });
  } else {
    body["msg_type"] = "post";
    body["content"] = std::move(post);
  }
  auto exchange = post_json(url, body);
  exchange.request.timeout = settings.duration("timeout");
  exchange.judge = [](const Answer& answer) {
    // Its first robots answered StatusCode.
    const bool old = !parse_object(answer.body).contains("code");
    return judge_robot(answer, {old ? "StatusCode" : "code",
                                old ? "StatusMessage" : "msg",
                                {9499, 11232, 99991400},
                                {19001, 19021, 19022, 19024}});
  };
  return exchange;
}

}  // namespace holdfast::respond::send
