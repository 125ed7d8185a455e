// One attempt goes through four places: the pool reads secret files, renders and builds; the control strand counts a
// robot's messages and starts the request; the network answers; the control strand judges. Everything an attempt needs
// is in its Attempt, so that a new configuration never changes one under way.
#include "respond/send/sender.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <variant>

#include "base/bytes.h"
#include "base/log.h"
#include "respond/send/http_settings.h"
#include "respond/send/kinds.h"
#include "respond/send/limits.h"
#include "respond/send/mail.h"
#include "respond/send/templates.h"

namespace holdfast::respond::send {
namespace {

constexpr const char* kUserAgent = "Alertmanager/0.34.0";
// Less than a flush: a receiver that hangs leaves time for another attempt, or for the fallback.
constexpr Duration kRequestTimeoutMax = 30s;
constexpr Duration kRequestTimeoutMin = 1s;
constexpr std::size_t kAnswerSizeMax = 1024 * 1024;
constexpr int kExchangeCountMax = 8;  // of one attempt; the longest, Jira's, has four
constexpr std::size_t kRobotCountMax = 20;
constexpr Duration kRobotWindow = 60s;

struct Attempt {
  route::GroupNotification notification;
  std::string kind;
  std::shared_ptr<const nlohmann::json> settings;
  std::string remembered;
  bool plain = false;
  std::shared_ptr<const Templates> templates;
  std::string external_url;
  WallTime now{};
  Sender::Done done;

  // From the pool.
  std::vector<std::string> secrets;
  std::string robot;  // whose messages are counted
  bool firing = true;
  std::shared_ptr<net::HttpClient> http;
  int exchanges = 0;
};

using Built = std::variant<Outcome, Exchange, MailJob>;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

// Of a notification whose template is broken: final for the template, not for the page.
Outcome template_failed(const Error& error) {
  auto outcome = failed("other", error.message());
  outcome.kind = Outcome::Kind::kTemplate;
  return outcome;
}

Words words_of(const Attempt& attempt, const Data& data) {
  const auto* templates = attempt.templates.get();
  Words words([templates, &data, now = attempt.now](
                  const std::string& source) { return templates->text(source, data, now); },
              [templates, &data, now = attempt.now](const std::string& source) {
                return templates->html(source, data, now);
              });
  std::string prefix = attempt.notification.drill ? "[DRILL] " : "";
  if (!attempt.notification.in_place_of.empty()) {
    prefix += "[" + attempt.notification.in_place_of + " not reached] ";
  }
  words.set_prefix(std::move(prefix));
  if (attempt.plain) words.use_plain(plain_words(data));
  return words;
}

Result<Built> build(Attempt& attempt, FileSystem& files,
                    const std::shared_ptr<TokenCache>& tokens) {
  const auto settings = HF_TRY(with_secrets(*attempt.settings, files));
  attempt.secrets = secrets_of(settings);
  const Settings view(settings);
  DataOptions options;
  options.external_url = attempt.external_url;
  options.max_alerts =
      static_cast<std::uint64_t>(std::max<std::int64_t>(view.integer("max_alerts"), 0));
  const auto data = data_of(attempt.notification, options);
  attempt.firing = data.firing();
  auto words = words_of(attempt, data);
  Message message{.settings = view,
                  .words = words,
                  .data = data,
                  .now = attempt.now,
                  .remembered = attempt.remembered,
                  .drill = attempt.notification.drill,
                  .in_place_of = attempt.notification.in_place_of,
                  .why = attempt.notification.why,
                  .tokens = tokens,
                  .variable = variable};
  if (attempt.kind == "email") {
    auto job = build_email(message, attempt.notification.key());
    if (words.error()) return Built(template_failed(*words.error()));
    return Built(HF_TRY(std::move(job)));
  }
  const auto builder = builder_of(attempt.kind);
  if (builder == nullptr) return invalid("no receiver kind '" + attempt.kind + "'");
  auto exchange = builder(message);
  if (words.error()) return Built(template_failed(*words.error()));
  if (!exchange) return std::move(exchange).error();
  if (is_robot(attempt.kind)) {
    const auto& url = exchange->request.url;
    // Signatures stand behind the key and change.
    attempt.robot = sha256_hex(url.substr(0, url.find("&timestamp=")));
  }
  exchange->request.headers.set("Idempotency-Key", sha256_hex(attempt.notification.key()));
  return Built(std::move(*exchange));
}

Outcome of_error(const Error& error) {
  const auto reason = error.code() == Code::kTimeout    ? "contextDeadlineExceeded"
                      : error.code() == Code::kCanceled ? "contextCanceled"
                                                        : "other";
  return error.code() == Code::kInvalid ? failed("other", error.message())
                                        : retry(reason, error.message());
}

Result<void> send_mails(const MailJob& job) {
  Result<void> sent;
  for (const auto& server : job.servers) {
    sent = net::send_mail(server, job.mail);
    if (sent) return sent;
  }
  return sent;
}

}  // namespace

struct Sender::Impl : std::enable_shared_from_this<Impl> {
  using AttemptPtr = std::shared_ptr<Attempt>;

  Impl(Env& e, net::Client& c, std::string url)
      : env(e), client(c), external_url(std::move(url)), templates(std::make_shared<Templates>()) {}

  void on_control(std::function<void(Impl&)> task) {
    env.executor.post(Lane::kControl, [weak = weak_from_this(), task = std::move(task)] {
      if (auto self = weak.lock()) task(*self);
    });
  }

  void finish(Attempt& attempt, Outcome outcome) {
    outcome.detail = redacted(std::move(outcome.detail), attempt.secrets);
    if (const auto done = std::exchange(attempt.done, nullptr)) done(std::move(outcome));
  }

  void start(const AttemptPtr& attempt) {
    env.executor.post(
        Lane::kPool, [weak = weak_from_this(), attempt, &files = env.files, cache = tokens] {
          auto built = std::make_shared<Result<Built>>(build(*attempt, files, cache));
          if (auto self = weak.lock())
            self->on_control([attempt, built](Impl& impl) { impl.take(attempt, *built); });
        });
  }

  void take(const AttemptPtr& attempt, Result<Built>& built) {
    if (!built) return finish(*attempt, failed("other", built.error().message()));
    if (auto* outcome = std::get_if<Outcome>(&*built)) return finish(*attempt, std::move(*outcome));
    if (auto* job = std::get_if<MailJob>(&*built)) return post_mail(attempt, std::move(*job));
    if (const auto wait = count_robot(*attempt); wait > Duration{}) {
      return finish(*attempt,
                    retry("rateLimited", "20 messages a minute are what the robot takes", wait));
    }
    attempt->http = http_client(attempt->settings);
    post(attempt, std::get<Exchange>(std::move(*built)));
  }

  Duration count_robot(const Attempt& attempt) {
    if (attempt.robot.empty()) return {};
    const auto now = env.clock.mono();
    std::erase_if(robots, [&](const auto& one) { return one.second.idle(now); });
    auto& window = robots.try_emplace(attempt.robot, kRobotCountMax, kRobotWindow).first->second;
    return window.take(now, !attempt.firing);
  }

  std::shared_ptr<net::HttpClient> http_client(
      const std::shared_ptr<const nlohmann::json>& settings) {
    const auto config = settings->find("http_config");
    const auto& inner = config == settings->end() ? nlohmann::json() : *config;
    auto& found = clients[inner.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)];
    if (!found)
      found = std::make_shared<net::HttpClient>(env, client, http_settings(Settings(inner)));
    return found;
  }

  Duration timeout_of(const Attempt& attempt, Duration wanted) const {
    Duration timeout = kRequestTimeoutMax;
    if (wanted > Duration{}) timeout = std::min(timeout, wanted);
    if (attempt.notification.deadline == WallTime{}) return timeout;
    const Duration left = attempt.notification.deadline - env.clock.now();
    return std::min(timeout, std::max<Duration>(left, kRequestTimeoutMin));
  }

  void post(const AttemptPtr& attempt, Exchange exchange) {
    if (++attempt->exchanges > kExchangeCountMax) {
      return finish(*attempt, failed("other", "the receiver asked for too many requests"));
    }
    auto request = std::move(exchange.request);
    request.timeout = timeout_of(*attempt, request.timeout);
    request.response_size_max = kAnswerSizeMax;
    request.headers.set("User-Agent", kUserAgent);
    auto judge = std::make_shared<std::function<Step(const Answer&)>>(std::move(exchange.judge));
    attempt->http->send(std::move(request), [weak = weak_from_this(), attempt,
                                             judge](Result<net::ClientResponse> response) {
      auto self = weak.lock();
      if (!self) return;
      auto answer = std::make_shared<Result<net::ClientResponse>>(std::move(response));
      self->on_control(
          [attempt, judge, answer](Impl& impl) { impl.answered(attempt, *judge, *answer); });
    });
  }

  void answered(const AttemptPtr& attempt, const std::function<Step(const Answer&)>& judge,
                const Result<net::ClientResponse>& response) {
    if (!response) {
      return finish(*attempt, of_error(response.error()));
    }
    auto step = judge(Answer{response->status, response->headers, response->body});
    if (step.next) return post(attempt, std::move(*step.next));
    finish(*attempt, std::move(step.outcome));
  }

  void post_mail(const AttemptPtr& attempt, MailJob job) {
    for (auto& server : job.servers) server.timeout = timeout_of(*attempt, {});
    env.executor.post(Lane::kPool, [weak = weak_from_this(), attempt, job = std::move(job)] {
      auto sent = send_mails(job);
      auto self = weak.lock();
      if (!self) return;
      self->on_control([attempt, sent](Impl& impl) {
        impl.finish(*attempt, sent ? delivered("accepted") : of_error(sent.error()));
      });
    });
  }

  Env& env;
  net::Client& client;
  const std::string external_url;
  std::shared_ptr<const Templates> templates;
  std::map<std::string, std::shared_ptr<net::HttpClient>> clients;  // by http_config
  std::map<std::string, RateWindow> robots;                         // by the hash of their address
  const std::shared_ptr<TokenCache> tokens = std::make_shared<TokenCache>();
};

Sender::Sender(Env& env, net::Client& client, std::string external_url)
    : impl_(std::make_shared<Impl>(env, client, std::move(external_url))) {}
Sender::~Sender() = default;

void Sender::configure(std::shared_ptr<const Templates> templates) {
  if (templates) impl_->templates = std::move(templates);
  // Attempts under way keep theirs.
  impl_->clients.clear();
}

void Sender::deliver(const SendRequest& request, Done done) {
  auto attempt = std::make_shared<Attempt>();
  attempt->notification = request.notification;
  attempt->remembered = request.remembered;
  attempt->plain = request.plain;
  attempt->templates = impl_->templates;
  attempt->external_url = impl_->external_url;
  attempt->now = impl_->env.clock.now();
  attempt->done = std::move(done);
  if (request.integration == nullptr || request.integration->settings == nullptr) {
    return impl_->on_control([attempt](Impl& impl) {
      impl.finish(*attempt, failed("other", "the receiver is not configured any more"));
    });
  }
  attempt->kind = request.integration->kind;
  attempt->settings = request.integration->settings;
  impl_->start(attempt);
}

}  // namespace holdfast::respond::send
