// respond/send/exchange.h: the words between the builders of requests (one file per receiver kind) and the Sender.
//
// Purpose     A builder is pure: settings, templates and data in; an Exchange out: one request and how its answer is
//             judged. A kind that must ask more than once (Jira, WeChat) judges an answer into the next Exchange.
// Settings    The integration's settings (route/integration_table.h) with every X_file already read into X. Absent
//             members read as empty.
// Words       Renders templates; the first failure is kept and everything after it is empty, so that builders read
//             straight through and the Sender asks once. With built-in words (`plain`) a template that fails gives the
//             built-in title or body instead of a failure.
// Judging     judge_status() is Alertmanager's rule: 2xx is success, 5xx and the codes given are tried again, the rest is
//             final. Beyond it, a 429 that says when to come back is tried again whatever the kind.
// Errors      A builder's error is final: the settings, as rendered, cannot be sent.
// Threads     Values; a Words object belongs to one attempt.
// Source      ../shared/reference/alerting.md section 2.5.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "base/time.h"
#include "net/http.h"
#include "respond/send/data.h"
#include "respond/send/sender.h"

namespace holdfast::respond::send {

struct Answer {
  int status = 0;
  net::Headers headers;
  std::string body;
};

struct Exchange;

// What an answer means: the end, or one more exchange.
struct Step {
  Outcome outcome;
  std::shared_ptr<Exchange> next;

  Step(Outcome o) : outcome(std::move(o)) {}  // NOLINT: an outcome is a step
  static Step then(Exchange exchange);
};

struct Exchange {
  net::ClientRequest request;  // its timeout is the kind's own, or zero
  std::function<Step(const Answer&)> judge;
};

class Settings {
 public:
  explicit Settings(const nlohmann::json& object) : object_(&object) {}

  std::string text(std::string_view name) const;  // numbers and bools as text
  bool flag(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  Duration duration(std::string_view name) const;  // milliseconds, or "10s"
  std::vector<std::string> texts(std::string_view name) const;
  Pairs pairs(std::string_view name) const;
  const nlohmann::json& member(std::string_view name) const;  // null when absent
  std::vector<Settings> list(std::string_view name) const;    // the objects of a list
  Settings inner(std::string_view name) const;                // an object
  bool has(std::string_view name) const { return !member(name).is_null(); }

 private:
  const nlohmann::json* object_;
};

class Words {
 public:
  // kOnly is the one text of a kind that has no title beside it.
  enum class Use { kTitle, kBody, kOnly, kOther };
  using Render = std::function<Result<std::string>(const std::string& text)>;
  struct Plain {
    std::string title;
    std::string body;
  };

  Words(Render text, Render html) : text_(std::move(text)), html_(std::move(html)) {}
  void use_plain(Plain plain) { plain_ = std::move(plain); }
  // Put before every title or only text: "[DRILL] ".
  void set_prefix(std::string prefix) { prefix_ = std::move(prefix); }

  std::string text(const std::string& source, Use use = Use::kOther);
  std::string html(const std::string& source, Use use = Use::kOther);
  std::string title(const std::string& source) { return text(source, Use::kTitle); }
  std::string body(const std::string& source) { return text(source, Use::kBody); }
  std::string only(const std::string& source) { return text(source, Use::kOnly); }
  // A tree whose texts, names too, are templates. A text that reads as a number, a bool, a list or a mapping of YAML
  // becomes one, as in Alertmanager; what comes out of a template is not rendered again.
  OrderedJson tree(const nlohmann::json& source);
  const std::optional<Error>& error() const { return error_; }

 private:
  std::string run(const Render& render, const std::string& source, Use use);

  Render text_, html_;
  std::optional<Plain> plain_;
  std::string prefix_;
  std::optional<Error> error_;
};

// Access tokens that outlive one attempt (WeChat's live two hours). Any thread.
class TokenCache {
 public:
  std::string get(const std::string& key, WallTime now) const;
  void put(const std::string& key, std::string token, WallTime ends);
  void drop(const std::string& key);

 private:
  struct Token {
    std::string text;
    WallTime ends;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Token> tokens_ HF_GUARDED_BY(mutex_);
};

// What a builder is given.
struct Message {
  Settings settings;
  Words& words;
  const Data& data;
  WallTime now{};
  std::string remembered;
  bool drill = false;
  std::string in_place_of;
  std::string why;
  std::shared_ptr<TokenCache> tokens;
  std::function<std::string(const char*)> variable;  // of the environment; "" when it is not set

  std::string hashed_key() const { return route::hashed_key(data.group_key); }
};

using Codes = std::vector<int>;  // statuses that are tried again beside 5xx
// A request with a body of JSON, and judge_status() for its answer.
Exchange post_json(std::string url, const OrderedJson& body, Codes again = {});

Outcome delivered(std::string detail = {});
Outcome failed(std::string reason, std::string detail);
Outcome retry(std::string reason, std::string detail, Duration after = {});
std::string reason_of(int status);  // clientError, authError, rateLimited, serverError, other
// Retry-After: seconds, or a date (beside the answer's own Date); zero when there is none, at most an hour.
Duration retry_after(const Answer& answer);
Outcome judge_status(const Answer& answer, const Codes& again = {});
// For answers that carry the truth in their JSON: an object, or nothing.
nlohmann::json parse_object(std::string_view text);
std::int64_t integer_of(const nlohmann::json& object, std::string_view name, std::int64_t fallback);
std::string text_of(const nlohmann::json& object, std::string_view name);

// "http://a/x?y" with `more` behind the path; the query stays.
std::string append_path(const std::string& url, const std::string& more);
// Go's URL.JoinPath: exactly one slash between.
std::string join_path(const std::string& url, const std::string& more);
std::string add_query(const std::string& url, const net::Params& params);

// The members of a struct that Go leaves out when they are empty.
void add_text(OrderedJson& object, const char* name, std::string value);

}  // namespace holdfast::respond::send
