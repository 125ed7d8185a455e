#include "respond/send/exchange.h"

#include <algorithm>
#include <ctime>

#include "base/text.h"
#include "base/yaml.h"

namespace holdfast::respond::send {

using nlohmann::json;

Step Step::then(Exchange exchange) {
  Step step{Outcome{}};
  step.next = std::make_shared<Exchange>(std::move(exchange));
  return step;
}

const json& Settings::member(std::string_view name) const {
  static const json kNull;
  if (!object_->is_object()) return kNull;
  const auto found = object_->find(name);
  return found == object_->end() ? kNull : *found;
}

std::string Settings::text(std::string_view name) const {
  const auto& value = member(name);
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  return value.is_number() ? value.dump() : std::string();
}

bool Settings::flag(std::string_view name) const {
  const auto& value = member(name);
  return value.is_boolean() ? value.get<bool>()
                            : value.is_string() && value.get<std::string>() == "true";
}

std::int64_t Settings::integer(std::string_view name) const {
  const auto& value = member(name);
  if (value.is_number_integer()) return value.get<std::int64_t>();
  return value.is_string() ? parse_int(trim(value.get<std::string>())).value_or(0) : 0;
}

Duration Settings::duration(std::string_view name) const {
  const auto& value = member(name);
  if (value.is_number_integer()) return std::chrono::milliseconds(value.get<std::int64_t>());
  if (!value.is_string()) return {};
  auto parsed = parse_duration(value.get<std::string>());
  return parsed ? *parsed : Duration{};
}

std::vector<std::string> Settings::texts(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& item : member(name)) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

Pairs Settings::pairs(std::string_view name) const {
  Pairs out;
  const auto& value = member(name);
  if (!value.is_object()) return out;
  for (auto it = value.begin(); it != value.end(); ++it) {
    if (it.value().is_string()) out.emplace(it.key(), it.value().get<std::string>());
  }
  return out;
}

std::vector<Settings> Settings::list(std::string_view name) const {
  std::vector<Settings> out;
  const auto& value = member(name);
  if (!value.is_array()) return out;
  for (const auto& item : value) out.emplace_back(item);
  return out;
}

Settings Settings::inner(std::string_view name) const { return Settings(member(name)); }

std::string Words::run(const Render& render, const std::string& source, Use use) {
  if (error_ || source.empty()) return {};
  // Most settings are no templates: channel names, colours.
  auto out = source.find("{{") == std::string::npos ? Result<std::string>(source) : render(source);
  if (!out && plain_) {
    const auto& plain = *plain_;
    out = use == Use::kTitle  ? plain.title
          : use == Use::kBody ? plain.body
          : use == Use::kOnly ? plain.title + "\n" + plain.body
                              : std::string();
  }
  if (!out) {
    error_ = std::move(out).error();
    return {};
  }
  return use == Use::kTitle || use == Use::kOnly ? prefix_ + *out : *out;
}

std::string Words::text(const std::string& source, Use use) { return run(text_, source, use); }
std::string Words::html(const std::string& source, Use use) { return run(html_, source, use); }

namespace {

constexpr int kTreeDepthMax = 50;

OrderedJson typed(const YamlNode& node, int depth);

OrderedJson typed_scalar(const YamlNode& node) {
  if (node.quoted) {
    // Go renders the text of a list again, and so it takes its type again: "8080" becomes 8080.
    auto inner = parse_yaml(node.scalar);
    if (!inner || inner->kind != YamlNode::Kind::kScalar || inner->quoted) return node.scalar;
    auto value = typed_scalar(*inner);
    return value.is_string() ? OrderedJson(node.scalar) : value;
  }
  const auto word = lower(node.scalar);
  for (const auto* yes : {"true", "yes", "on", "y"}) {
    if (word == yes) return true;
  }
  for (const auto* no : {"false", "no", "off", "n"}) {
    if (word == no) return false;
  }
  if (word == "null" || word == "~" || word.empty()) return nullptr;
  if (const auto number = parse_int(node.scalar)) return *number;
  const bool numeric = node.scalar.find_first_not_of("0123456789.eE+-") == std::string::npos &&
                       node.scalar.find_first_of("0123456789") != std::string::npos;
  if (numeric) {
    if (const auto number = parse_double(node.scalar)) return *number;
  }
  return node.scalar;
}

OrderedJson typed(const YamlNode& node, int depth) {
  if (depth > kTreeDepthMax) return nullptr;
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return nullptr;
    case YamlNode::Kind::kScalar:
      return typed_scalar(node);
    case YamlNode::Kind::kSequence: {
      auto out = OrderedJson::array();
      for (const auto& item : node.items) out.push_back(typed(item, depth + 1));
      return out;
    }
    case YamlNode::Kind::kMap: {
      // Go's maps come out sorted.
      std::map<std::string, OrderedJson> members;
      for (const auto& [name, value] : node.members) {
        members.insert_or_assign(name.scalar, typed(value, depth + 1));
      }
      auto out = OrderedJson::object();
      for (auto& [name, value] : members) out[name] = std::move(value);
      return out;
    }
  }
  return nullptr;
}

}  // namespace

OrderedJson Words::tree(const json& source) {
  if (source.is_string()) {
    const auto rendered = text(source.get<std::string>());
    auto node = parse_yaml(rendered);
    if (!node) return rendered;  // a text like any other
    auto value = typed(*node, 0);
    return value.is_string() ? OrderedJson(rendered) : value;
  }
  if (source.is_array()) {
    auto out = OrderedJson::array();
    for (const auto& item : source) out.push_back(tree(item));
    return out;
  }
  if (source.is_object()) {
    std::map<std::string, OrderedJson> members;
    for (auto it = source.begin(); it != source.end(); ++it) {
      members.insert_or_assign(text(it.key()), tree(it.value()));
    }
    auto out = OrderedJson::object();
    for (auto& [name, value] : members) out[name] = std::move(value);
    return out;
  }
  return ordered(source);
}

std::string TokenCache::get(const std::string& key, WallTime now) const {
  const std::lock_guard lock(mutex_);
  const auto found = tokens_.find(key);
  return found == tokens_.end() || now >= found->second.ends ? std::string() : found->second.text;
}

void TokenCache::put(const std::string& key, std::string token, WallTime ends) {
  const std::lock_guard lock(mutex_);
  tokens_[key] = {std::move(token), ends};
}

void TokenCache::drop(const std::string& key) {
  const std::lock_guard lock(mutex_);
  tokens_.erase(key);
}

Exchange post_json(std::string url, const OrderedJson& body, Codes again) {
  Exchange exchange;
  exchange.request.method = "POST";
  exchange.request.url = std::move(url);
  exchange.request.timeout = {};
  exchange.request.headers.set("Content-Type", "application/json");
  exchange.request.body = go_json_line(body);
  exchange.judge = [again = std::move(again)](const Answer& answer) -> Step {
    return judge_status(answer, again);
  };
  return exchange;
}

Outcome delivered(std::string detail) {
  Outcome outcome;
  outcome.detail = std::move(detail);
  return outcome;
}

Outcome failed(std::string reason, std::string detail) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kFailed;
  outcome.reason = std::move(reason);
  outcome.detail = std::move(detail);
  return outcome;
}

Outcome retry(std::string reason, std::string detail, Duration after) {
  auto outcome = failed(std::move(reason), std::move(detail));
  outcome.kind = Outcome::Kind::kRetry;
  outcome.retry_after = after;
  return outcome;
}

std::string reason_of(int status) {
  if (status == 401 || status == 403) return "authError";
  if (status == 429) return "rateLimited";
  if (status / 100 == 4) return "clientError";
  return status / 100 == 5 ? "serverError" : "other";
}

namespace {

std::optional<WallTime> http_date(std::string_view text) {
  std::tm parts{};
  const auto* end = ::strptime(std::string(text).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr) return std::nullopt;
  return from_ms(static_cast<std::int64_t>(::timegm(&parts)) * 1000);
}

}  // namespace

Duration retry_after(const Answer& answer) {
  constexpr Duration kMax = 1h;  // a receiver that says a year is mistaken
  const auto value = trim(answer.headers.get("Retry-After"));
  if (value.empty()) return {};
  if (const auto seconds = parse_double(value)) {
    if (!(*seconds > 0)) return {};
    return from_seconds(std::min(*seconds, to_seconds(kMax)));
  }
  const auto until = http_date(value);
  const auto now = http_date(trim(answer.headers.get("Date")));
  if (!until || !now || *until <= *now) return {};
  return std::min<Duration>(*until - *now, kMax);
}

Outcome judge_status(const Answer& answer, const Codes& codes) {
  constexpr std::size_t kDetailMax = 300;
  if (answer.status / 100 == 2) return delivered("status " + std::to_string(answer.status));
  auto detail = "unexpected status code " + std::to_string(answer.status);
  if (!answer.body.empty()) detail += ": " + printable(trim(answer.body), kDetailMax);
  const bool again = answer.status / 100 == 5 ||
                     std::find(codes.begin(), codes.end(), answer.status) != codes.end() ||
                     (answer.status == 429 && answer.headers.has("Retry-After"));
  auto reason = reason_of(answer.status);
  return again ? retry(std::move(reason), std::move(detail), retry_after(answer))
               : failed(std::move(reason), std::move(detail));
}

json parse_object(std::string_view text) {
  auto parsed = json::parse(text, nullptr, false);
  return parsed.is_object() ? parsed : json();
}

std::int64_t integer_of(const json& object, std::string_view name, std::int64_t fallback) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  if (!object.is_object() || found == object.end() || !found->is_number_integer()) return fallback;
  return found->get<std::int64_t>();
}

std::string text_of(const json& object, std::string_view name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string append_path(const std::string& url, const std::string& more) {
  const auto end = std::min(url.find('?'), url.size());
  return url.substr(0, end) + more + url.substr(end);
}

std::string join_path(const std::string& url, const std::string& more) {
  auto end = std::min(url.find('?'), url.size());
  auto head = url.substr(0, end);
  while (!head.empty() && head.back() == '/') head.pop_back();
  const auto from = more.find_first_not_of('/');
  return head + "/" + (from == std::string::npos ? "" : more.substr(from)) + url.substr(end);
}

std::string add_query(const std::string& url, const net::Params& params) {
  const auto query = net::encode_query(params);
  if (query.empty()) return url;
  return url + (url.find('?') == std::string::npos ? "?" : "&") + query;
}

void add_text(OrderedJson& object, const char* name, std::string value) {
  if (!value.empty()) object[name] = std::move(value);
}

}  // namespace holdfast::respond::send
