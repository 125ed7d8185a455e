#include "respond/status/subscriber_mail.h"

#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/text.h"

namespace holdfast::respond::status {
namespace {

using nlohmann::json;

constexpr std::size_t kAddressSizeMax = 254;
constexpr std::size_t kUrlSizeMax = 2000;

SubscriberMail confirmation(const StatusOptions& options, const SubscriberMessage& message) {
  const bool zh = message.subscriber.language == "zh";
  SubscriberMail mail;
  mail.subject = "[" + options.page.title + "] " + (zh ? "请确认订阅" : "Please confirm your subscription");
  mail.text = (zh ? "有人用此邮箱订阅了 " : "Somebody asked to have the updates of ") + options.page.title +
              (zh ? " 的状态更新。如果是您，请打开以下链接确认：\n" : " sent to this address. If it was you, open this link:\n") +
              message.confirm_url + "\n\n" +
              (zh ? "如果不是您，请忽略此邮件。\n" : "If it was not, do nothing.\n");
  return mail;
}

void send_by_mail(Env& env, const StatusOptions& options, const SubscriberMessage& message,
                  std::function<void(Result<void>)> done) {
  const auto words = message.confirm_url.empty()
                         ? render_subscriber_mail(options.page, message.post, message.update, message.unsubscribe_url,
                                                  message.subscriber.language)
                         : confirmation(options, message);
  net::Mail mail;
  mail.from = options.from;
  mail.to = {message.subscriber.target};
  mail.subject = words.subject;
  mail.body = words.text;
  mail.message_id = sha256_hex(message.key).substr(0, 32) + "@holdfast.status";
  mail.date = env.clock.now();
  mail.raw = "List-Unsubscribe: <" + message.unsubscribe_url +
             ">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" + net::render_mail(mail);
  env.executor.post(Lane::kPool, [&env, server = options.smtp, mail = std::move(mail), done = std::move(done)] {
    auto sent = net::send_mail(server, mail);
    env.executor.post(Lane::kControl, [sent = std::move(sent), done] { done(sent); });
  });
}

}  // namespace

Result<void> check_subscriber(const Subscriber& subscriber, const StatusOptions& options) {
  const auto& target = subscriber.target;
  if (subscriber.kind == "email") {
    if (options.smtp.host.empty()) return invalid("this page sends no mail; subscribe by webhook, RSS or Atom");
    const auto at = target.find('@');
    const bool plain = target.find_first_of(" \t\r\n<>,;\"") == std::string::npos;
    if (target.size() > kAddressSizeMax || at == 0 || at == std::string::npos || at != target.rfind('@') ||
        target.find('.', at) == std::string::npos || !plain)
      return invalid("'" + printable(target) + "' is no mail address");
  } else if (subscriber.kind == "webhook") {
    if (!target.starts_with("https://") || target.size() > kUrlSizeMax || !net::parse_url(target))
      return invalid("'" + printable(target) + "' is no https:// URL");
  } else {
    return invalid("'kind' is '" + printable(subscriber.kind) + "'; allowed: email, webhook");
  }
  for (const auto& id : subscriber.components) {
    bool known = false;
    for (const auto& component : options.components) known |= component.id == id;
    if (!known) return invalid("no component '" + printable(id) + "' on the page");
  }
  return {};
}

void deliver(Env& env, net::Client& client, const StatusOptions& options, const PageState& state,
             const SubscriberMessage& message, std::function<void(Result<void>)> done) {
  if (message.subscriber.kind == "email") return send_by_mail(env, options, message, std::move(done));
  net::ClientRequest request;
  request.method = "POST";
  request.url = message.subscriber.target;
  request.headers.set("content-type", "application/json");
  request.headers.set("idempotency-key", message.key);
  request.body = message.confirm_url.empty()
                     ? render_subscriber_webhook(options.page, state, message.post, message.unsubscribe_url)
                     : json{{"confirm_url", message.confirm_url}, {"page", {{"name", options.page.title}}}}.dump();
  client.send(std::move(request), [&env, done = std::move(done)](Result<net::ClientResponse> answer) {
    Result<void> sent;
    if (!answer) {
      sent = answer.error();
    } else if (answer->status >= 300) {
      const bool again = answer->status >= 500 || answer->status == 408 || answer->status == 429;
      sent = Error(again ? Code::kUnavailable : Code::kInvalid, "answered " + std::to_string(answer->status));
    }
    env.executor.post(Lane::kControl, [sent = std::move(sent), done] { done(sent); });
  });
}

}  // namespace holdfast::respond::status
