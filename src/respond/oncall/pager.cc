#include "respond/oncall/pager.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/text.h"

namespace holdfast::respond::oncall {

using model::ContactMethod;
using nlohmann::json;

namespace {

constexpr std::size_t kWecomTextMax = 2048;  // bytes; more is refused with an errcode
constexpr std::size_t kRobotTextMax = 20'000;

std::string dump(const json& body) {
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string percent_encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

// The inside of a JSON string.
std::string json_inside(const std::string& text) {
  const auto quoted = dump(text);
  return quoted.substr(1, quoted.size() - 2);
}

std::string cut(std::string_view text, std::size_t size_max) {
  if (text.size() <= size_max) return std::string(text);
  constexpr std::string_view kMark = "…";
  auto end = size_max - kMark.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + std::string(kMark);
}

using Names = std::map<std::string, std::string>;

// {name} becomes its value; braces around anything else stay, so that JSON bodies need no escapes.
std::string fill(std::string_view text, const Names& values,
                 const std::function<std::string(const std::string&)>& encode) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto end = text[i] == '{' ? text.find('}', i) : std::string_view::npos;
    const auto found = end == std::string_view::npos
                           ? values.end()
                           : values.find(std::string(text.substr(i + 1, end - i - 1)));
    if (found == values.end()) {
      out += text[i++];
      continue;
    }
    out += encode(found->second);
    i = end + 1;
  }
  return out;
}

// 4xx but for timeouts and rate limits: sending the same again is useless.
bool is_final(int status) {
  return status >= 400 && status < 500 && status != 408 && status != 425 && status != 429;
}

// What the channel says of itself, apart from the status.
struct Judgement {
  std::string code_member;  // number that must be 0
  std::string ok_member;    // must be true
  std::string contains;     // the body must hold it
};

Result<std::string> judge(const net::ClientResponse& answer, const Judgement& by) {
  const auto shown = "status " + std::to_string(answer.status) +
                     (answer.body.empty() ? "" : ": " + printable(answer.body, 120));
  if (is_final(answer.status)) return invalid(shown);
  if (answer.status < 200 || answer.status > 299) return unavailable(shown);
  if (!by.contains.empty() && answer.body.find(by.contains) == std::string::npos)
    return unavailable("the answer does not say '" + printable(by.contains, 40) +
                       "': " + printable(answer.body, 120));
  if (by.code_member.empty() && by.ok_member.empty()) return shown;
  const auto body = json::parse(answer.body, nullptr, false);
  if (!body.is_object())
    return by.ok_member.empty() ? unavailable(shown) : Result<std::string>(shown);
  if (!by.ok_member.empty() && body.contains(by.ok_member) && body[by.ok_member] == false)
    return invalid(shown);
  if (!by.code_member.empty() && body.contains(by.code_member) && body[by.code_member] != 0) {
    // Too often is the one refusal that passes: WeCom 45009, DingTalk 130101, Feishu 11232 and
    // 9499.
    const auto& code = body[by.code_member];
    const bool limited = code == 45009 || code == 130101 || code == 11232 || code == 9499;
    return limited ? unavailable(shown) : invalid(shown);
  }
  return shown;
}

class ChannelPager final : public Pager, public std::enable_shared_from_this<ChannelPager> {
 public:
  ChannelPager(Env& env, net::Client& client, PagerOptions options)
      : env_(env), client_(client), options_(std::move(options)) {}

  void deliver(const ContactMethod& method, const PageMessage& message, const std::string& key,
               Done done) override {
    if (auto missing = missing_for(method, options_); !missing.empty())
      return post_back(std::move(done), invalid(std::move(missing)));
    if (method.kind == "receiver")
      return options_.receiver(method.target, message, key, std::move(done));
    if (const auto gateway = options_.gateways.find(method.kind);
        gateway != options_.gateways.end())
      return through_gateway(gateway->second, method, message, key, std::move(done));
    if (method.kind == "email") return mail(method, message, key, std::move(done));
    if (method.kind == "slack") return slack(method, message, key, std::move(done));
    if (method.kind == "webhook") return webhook(method, message, key, std::move(done));
    robot(method, message, key, std::move(done));
  }

 private:
  void post_back(Done done, Result<std::string> answer) {
    env_.executor.post(Lane::kControl,
                       [done = std::move(done), answer = std::move(answer)] { done(answer); });
  }

  void send(net::ClientRequest request, const std::string& key, Judgement by, Done done) {
    request.timeout = options_.timeout;
    request.headers.set("idempotency-key", key);
    client_.send(std::move(request), [weak = weak_from_this(), by,
                                      done](Result<net::ClientResponse> response) {
      const auto self = weak.lock();
      if (!self) return;
      Result<std::string> answer =
          response ? judge(*response, by) : Result<std::string>(Error(response.error()));
      self->post_back(done, std::move(answer));
    });
  }

  void send_json(const std::string& url, const json& body, const std::string& key, Judgement by,
                 Done done) {
    net::ClientRequest request;
    request.method = "POST";
    request.url = url;
    request.body = dump(body);
    request.headers.set("content-type", "application/json");
    send(std::move(request), key, std::move(by), std::move(done));
  }

  void webhook(const ContactMethod& method, const PageMessage& m, const std::string& key,
               Done done) {
    const json body = {{"key", key},         {"event", m.event},     {"incident", m.incident},
                       {"person", m.person}, {"urgency", m.urgency}, {"subject", m.subject},
                       {"text", m.text},     {"url", m.url}};
    send_json(method.target, body, key, {}, std::move(done));
  }

  void robot(const ContactMethod& method, const PageMessage& m, const std::string& key, Done done) {
    if (method.kind == "feishu_robot") {
      const json body = {{"msg_type", "text"}, {"content", {{"text", cut(m.text, kRobotTextMax)}}}};
      return send_json(method.target, body, key, {"code", "", ""}, std::move(done));
    }
    const auto size_max = method.kind == "wecom_robot" ? kWecomTextMax : kRobotTextMax;
    const json body = {{"msgtype", "text"}, {"text", {{"content", cut(m.text, size_max)}}}};
    send_json(method.target, body, key, {"errcode", "", ""}, std::move(done));
  }

  Result<std::string> secret(const std::string& file) {
    auto text = HF_TRY(env_.files.read_file(file));
    return std::string(trim(text));
  }

  void slack(const ContactMethod& method, const PageMessage& m, const std::string& key, Done done) {
    json body = {{"text", m.text}};
    if (method.target.find("://") != std::string::npos)
      return send_json(method.target, body, key, {}, std::move(done));
    body["channel"] = method.target;
    auto token = secret(options_.slack_token_file);
    if (!token) return post_back(std::move(done), std::move(token).error());
    net::ClientRequest request;
    request.method = "POST";
    request.url = "https://slack.com/api/chat.postMessage";
    request.body = dump(body);
    request.headers.set("content-type", "application/json; charset=utf-8");
    request.headers.set("authorization", "Bearer " + *token);
    send(std::move(request), key, {"", "ok", ""}, std::move(done));
  }

  Result<net::ClientRequest> gateway_request(const Gateway& gateway, const ContactMethod& method,
                                             const PageMessage& m, const std::string& key) {
    const Names names = {{"to", method.target}, {"subject", m.subject}, {"text", m.text},
                         {"url", m.url},        {"key", key},           {"incident", m.incident},
                         {"person", m.person},  {"event", m.event}};
    const bool form = gateway.content_type.find("form-urlencoded") != std::string::npos;
    const bool is_json = gateway.content_type.find("json") != std::string::npos;
    net::ClientRequest request;
    request.method = gateway.method;
    request.url =
        fill(gateway.url, names, [](const std::string& value) { return percent_encode(value); });
    request.body = fill(gateway.body, names, [&](const std::string& value) {
      return is_json ? json_inside(value) : form ? percent_encode(value) : value;
    });
    if (!request.body.empty()) request.headers.set("content-type", gateway.content_type);
    for (const auto& [name, value] : gateway.headers) request.headers.set(name, value);
    if (!gateway.token_file.empty())
      request.headers.set("authorization", "Bearer " + HF_TRY(secret(gateway.token_file)));
    if (!gateway.username.empty()) {
      const auto password =
          gateway.password_file.empty() ? std::string() : HF_TRY(secret(gateway.password_file));
      request.headers.set("authorization",
                          "Basic " + base64_encode(gateway.username + ":" + password));
    }
    return request;
  }

  void through_gateway(const Gateway& gateway, const ContactMethod& method, const PageMessage& m,
                       const std::string& key, Done done) {
    auto request = gateway_request(gateway, method, m, key);
    if (!request) return post_back(std::move(done), std::move(request).error());
    send(std::move(*request), key, {"", "", gateway.success}, std::move(done));
  }

  void mail(const ContactMethod& method, const PageMessage& m, const std::string& key, Done done) {
    net::Mail mail;
    mail.from = options_.mail_from;
    mail.to = {method.target};
    mail.subject = m.subject;
    mail.body = m.text;
    mail.message_id = key + "@holdfast";
    std::replace(mail.message_id.begin(), mail.message_id.end(), '/', '.');
    mail.date = env_.clock.now();
    env_.executor.post(Lane::kPool, [weak = weak_from_this(), server = options_.smtp, mail, done] {
      auto sent = net::send_mail(server, mail);
      if (auto self = weak.lock())
        self->post_back(done,
                        sent ? Result<std::string>("accepted") : Result<std::string>(sent.error()));
    });
  }

  Env& env_;
  net::Client& client_;
  PagerOptions options_;
};

}  // namespace

std::string missing_for(const ContactMethod& method, const PagerOptions& options) {
  if (options.gateways.count(method.kind) > 0) return {};
  if (method.kind == "receiver") return options.receiver ? "" : "no routing is configured";
  if (method.target.empty()) return "method '" + method.name + "' has no target";
  if (method.kind == "email")
    return options.smtp.host.empty() ? "no mail server is configured" : "";
  const bool url = method.target.find("://") != std::string::npos;
  if (method.kind == "slack")
    return url || !options.slack_token_file.empty() ? ""
                                                    : "Slack needs a webhook URL or a token file";
  if (method.kind == "webhook" || method.kind == "wecom_robot" || method.kind == "dingtalk_robot" ||
      method.kind == "feishu_robot")
    return url ? "" : "the target of a " + method.kind + " is a URL";
  return "no gateway is configured for '" + method.kind + "'";
}

std::shared_ptr<Pager> make_pager(Env& env, net::Client& client, PagerOptions options) {
  return std::make_shared<ChannelPager>(env, client, std::move(options));
}

}  // namespace holdfast::respond::oncall
