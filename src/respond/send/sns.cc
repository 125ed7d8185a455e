// Amazon SNS: the query protocol, signed with AWS Signature Version 4; with role_arn the Security Token Service is asked
// for keys first.
#include "base/bytes.h"
#include "base/text.h"
#include "net/s3/signature.h"
#include "respond/send/kinds.h"
#include "respond/send/limits.h"

namespace holdfast::respond::send {
namespace {

constexpr std::size_t kSmsSizeMax = 1600;
constexpr std::size_t kMessageSizeMax = 256 * 1024;

struct Keys {
  std::string access, secret, session;
};

// The text of the first <name> of an answer, entities and all.
std::string element(std::string_view xml, std::string_view name) {
  const auto open = "<" + std::string(name) + ">";
  const auto begin = xml.find(open);
  if (begin == std::string_view::npos) return {};
  const auto from = begin + open.size();
  const auto end = xml.find("</" + std::string(name) + ">", from);
  return end == std::string_view::npos ? std::string() : std::string(xml.substr(from, end - from));
}

Step judge(const Answer& answer) {
  auto outcome = judge_status(answer);
  if (outcome.kind == Outcome::Kind::kDelivered) return outcome;
  const auto code = element(answer.body, "Code");
  if (!code.empty()) {
    outcome.detail = "status " + std::to_string(answer.status) + ": " + printable(code, 80) + ": " +
                     printable(element(answer.body, "Message"), 200);
  }
  if (code.find("Throttl") != std::string::npos || code == "RequestLimitExceeded") {
    return retry("rateLimited", outcome.detail, retry_after(answer));
  }
  return outcome;
}

struct Target {
  std::string url, region, service;
};

Exchange signed_form(const Target& target, const net::Params& form, const Keys& keys,
                     WallTime now) {
  Exchange exchange;
  auto& request = exchange.request;
  request.method = "POST";
  request.url = target.url;
  request.timeout = {};
  request.body = net::encode_query(form);
  const auto date = net::amz_date(now);
  net::SignInput input;
  input.method = "POST";
  input.path = "/";
  std::string host = target.url;
  if (const auto url = net::parse_url(target.url)) {
    const bool usual =
        (url->scheme == "https" && url->port == 443) || (url->scheme == "http" && url->port == 80);
    host = url->host + (usual ? "" : ":" + std::to_string(url->port));
    input.path = url->target.substr(0, url->target.find('?'));
  }
  input.payload_sha256 = sha256_hex(request.body);
  request.headers.set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  request.headers.set("X-Amz-Date", date);
  if (!keys.session.empty()) request.headers.set("X-Amz-Security-Token", keys.session);
  input.headers = request.headers;
  input.headers.set("Host", host);
  request.headers.set(
      "Authorization",
      net::sign_v4(input, {keys.access, keys.secret, target.region, target.service}, date));
  exchange.judge = judge;
  return exchange;
}

// Where topics are first in, first out, a group is one sequence and a telling of it one message.
void add_target(const Message& message, net::Params& form) {
  const auto& settings = message.settings;
  auto& words = message.words;
  if (const auto topic = words.text(settings.text("topic_arn")); !topic.empty()) {
    form.emplace_back("TopicArn", topic);
    if (topic.ends_with(".fifo")) {
      form.emplace_back("MessageDeduplicationId", message.hashed_key());
      form.emplace_back("MessageGroupId", message.hashed_key());
    }
  }
  if (const auto phone = words.text(settings.text("phone_number")); !phone.empty()) {
    form.emplace_back("PhoneNumber", phone);
  }
  if (const auto arn = words.text(settings.text("target_arn")); !arn.empty()) {
    form.emplace_back("TargetArn", arn);
  }
}

net::Params form_of(const Message& message) {
  const auto& settings = message.settings;
  auto& words = message.words;
  net::Params form = {{"Action", "Publish"}, {"Version", "2010-03-31"}};
  add_target(message, form);
  const auto limit = settings.text("phone_number").empty() ? kMessageSizeMax : kSmsSizeMax;
  const auto whole = words.body(settings.text("message"));
  const auto text = cut_bytes(whole, limit);
  if (const auto subject = words.title(settings.text("subject")); !subject.empty()) {
    form.emplace_back("Subject", subject);
  }
  form.emplace_back("Message", text);
  Pairs attributes;
  for (const auto& [name, value] : settings.pairs("attributes")) {
    attributes[words.text(name)] = words.text(value);
  }
  if (text.size() != whole.size()) attributes["truncated"] = "true";
  int index = 0;
  for (const auto& [name, value] : attributes) {
    const auto prefix = "MessageAttributes.entry." + std::to_string(++index) + ".";
    form.emplace_back(prefix + "Name", name);
    form.emplace_back(prefix + "Value.DataType", "String");
    form.emplace_back(prefix + "Value.StringValue", value);
  }
  return form;
}

}  // namespace

Result<Exchange> build_sns(const Message& message) {
  const auto sigv4 = message.settings.inner("sigv4");
  const auto variable = [&](const char* name) {
    return message.variable ? message.variable(name) : std::string();
  };
  Target target;
  target.service = "sns";
  target.region = sigv4.text("region");
  if (target.region.empty()) target.region = variable("AWS_REGION");
  if (target.region.empty()) return invalid("sns: region missing");
  target.url = message.words.text(message.settings.text("api_url"));
  if (target.url.empty()) target.url = "https://sns." + target.region + ".amazonaws.com/";
  Keys keys{sigv4.text("access_key"), sigv4.text("secret_key"), {}};
  if (keys.access.empty()) {
    keys = {variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"),
            variable("AWS_SESSION_TOKEN")};
  }
  if (keys.access.empty())
    return invalid("sns: neither sigv4.access_key nor AWS_ACCESS_KEY_ID is set");
  auto form = form_of(message);
  const auto role = sigv4.text("role_arn");
  if (role.empty()) return signed_form(target, form, keys, message.now);
  const Target sts{"https://sts." + target.region + ".amazonaws.com/", target.region, "sts"};
  net::Params ask = {{"Action", "AssumeRole"},
                     {"Version", "2011-06-15"},
                     {"RoleArn", role},
                     {"RoleSessionName", "holdfast"}};
  if (const auto id = sigv4.text("external_id"); !id.empty()) ask.emplace_back("ExternalId", id);
  auto assume = signed_form(sts, ask, keys, message.now);
  assume.judge = [target, form = std::move(form), now = message.now](const Answer& answer) -> Step {
    auto step = judge(answer);
    if (step.outcome.kind != Outcome::Kind::kDelivered) return step;
    const Keys given{element(answer.body, "AccessKeyId"), element(answer.body, "SecretAccessKey"),
                     element(answer.body, "SessionToken")};
    if (given.access.empty() || given.secret.empty()) {
      return retry("other", "the answer of the token service holds no keys");
    }
    return Step::then(signed_form(target, form, given, now));
  };
  return assume;
}

}  // namespace holdfast::respond::send
