// What receivers answer is judged without harm: always an outcome or one more request, and never without end.
#include <cstdlib>
#include <string>

#include "respond/send/kinds.h"
#include "respond/send/templates.h"

namespace {

using namespace holdfast;
using namespace holdfast::respond;
using namespace holdfast::respond::send;

route::GroupNotification notification() {
  route::GroupNotification n;
  n.receiver = "team";
  n.group_key = "{}:{alertname=\"X\"}";
  route::RoutedAlert alert;
  alert.labels = model::Labels{{"alertname", "X"}};
  n.alerts = {alert};
  return n;
}

const nlohmann::json& settings() {
  // Every kind finds what it needs; what is not its own it does not read.
  static const nlohmann::json kAll = {{"url", "http://r/hook"}, {"api_url", "http://r/rest/api/2"}, {"webhook_url", "http://r/w?key=k"},
                                      {"routing_key", "key"},    {"update_message", true},           {"update_alerts", true},
                                      {"project", "OPS"},       {"resolve_transition", "Close"},    {"reopen_transition", "Reopen"},
                                      {"message", "m"},         {"topic_arn", "t"},
                                      {"sigv4", {{"region", "r"}, {"access_key", "a"}, {"secret_key", "s"}, {"role_arn", "x"}}}};
  return kAll;
}

constexpr const char* kKinds[] = {"slack", "pagerduty", "telegram", "rocketchat", "jira", "sns", "wechat", "wecom_robot",
                                  "dingtalk_robot", "feishu_robot", "opsgenie", "webhook"};

}  // namespace

// First byte: the kind; second: the status; then the type of the body, a line feed, the body. Every step gets the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  static const Data kData = data_of(notification(), {});
  const auto echo = [](const std::string& text) { return Result<std::string>(text); };
  Words words(echo, echo);
  Message message{.settings = Settings(settings()), .words = words, .data = kData, .now = {}, .remembered = {},
                  .drill = false, .in_place_of = {}, .why = {}, .tokens = std::make_shared<TokenCache>(), .variable = {}};
  const auto* kind = kKinds[bytes[0] % (sizeof kKinds / sizeof kKinds[0])];
  auto exchange = builder_of(kind)(message);
  if (!exchange) std::abort();
  Answer answer;
  constexpr int kStatuses[] = {200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 503};
  answer.status = kStatuses[bytes[1] % (sizeof kStatuses / sizeof kStatuses[0])];
  const std::string rest(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  const auto line = rest.find('\n');
  answer.headers.set("Content-Type", rest.substr(0, line));
  answer.headers.set("Retry-After", rest.substr(0, line));
  if (line != std::string::npos) answer.body = rest.substr(line + 1);
  for (int i = 0;; ++i) {
    if (i > 8) std::abort();
    auto step = exchange->judge(answer);
    if (!step.next) {
      if (step.outcome.kind != Outcome::Kind::kDelivered && step.outcome.reason.empty()) std::abort();
      if (step.outcome.retry_after < Duration{} || step.outcome.retry_after > 1h) std::abort();
      return 0;
    }
    exchange = *step.next;
  }
}
