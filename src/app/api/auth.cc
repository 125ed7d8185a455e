#include "app/api/auth.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

constexpr Duration kSessionLife = 12h;
constexpr std::size_t kSessionCountMax = 10'000;
// Guessing a 256-bit token is hopeless; the limit keeps a loop of guesses from filling the log and the CPU.
constexpr int kFailuresPerMinuteMax = 60;
constexpr std::string_view kCookie = "holdfast_session=";

net::Response refusal(const Error& error) {
  return net::Response::json(
      http_status(error.code()),
      json{{"error", {{"code", code_name(error.code())}, {"message", error.message()}}}}.dump());
}

bool is_open(const net::Request& request) {
  const auto& path = request.path;
  if (path == "/-/ready" || path == "/-/healthy" || path.starts_with("/health/")) return true;
  if (path == "/api/holdfast/v1/session") return true;
  if (path == "/metrics")
    return request.peer.starts_with("127.") || request.peer.starts_with("[::1]");
  // Which methods there are is no secret, and a browser asks for it without its token.
  if (request.method == "OPTIONS") return true;
  // What is stored, at the paths of those it is known from.
  if (path == "/federate" || path == "/query" || path.starts_with("/pushgateway/")) return false;
  return request.method == "GET" && !path.starts_with("/api/");
}

bool changes_something(const net::Request& request) {
  return request.method != "GET" && request.method != "HEAD" && request.method != "OPTIONS";
}

// Whether the page that sent this request came from us.
bool same_origin(const net::Request& request) {
  auto origin = request.headers.get("origin");
  if (origin.empty()) origin = request.headers.get("referer");
  auto url = net::parse_url(origin.empty() ? "none" : std::string(origin));
  if (!url) return false;
  const auto host = request.headers.get("host");
  const auto default_port = url->scheme == "https" ? 443 : 80;
  return host == url->host + ":" + std::to_string(url->port) ||
         (url->port == default_port && host == url->host) ||
         host == "[" + url->host + "]:" + std::to_string(url->port);
}

bool host_is_loopback(const net::Request& request) {
  std::string host(request.headers.get("host"));
  if (host.rfind(':') == std::string::npos || host.ends_with(']')) host += ":80";
  const auto endpoint = parse_endpoint(host);
  return endpoint && is_loopback(*endpoint);
}

std::string_view cookie_of(const net::Request& request) {
  for (auto part : split(request.headers.get("cookie"), ';')) {
    part = trim(part);
    if (part.starts_with(kCookie)) return part.substr(kCookie.size());
  }
  return {};
}

// Takes the same time wherever the first difference is.
bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace

Result<std::unique_ptr<Auth>> Auth::open(Env& env, const std::string& data, bool enabled) {
  std::unique_ptr<Auth> auth(new Auth(env, enabled));
  if (!enabled) return auth;
  auth->token_path_ = data + "/admin-token";
  auto known = env.files.read_file(auth->token_path_);
  if (known && !trim(*known).empty()) {
    auth->token_hash_ = sha256_hex(trim(*known));
    return auth;
  }
  if (!known && known.error().code() != Code::kNotFound)
    return std::move(known).error().context("admin token");
  const auto token = env.random.hex(32);
  HF_TRY(env.files.write_file_atomic(auth->token_path_, token + "\n").context("admin token"));
  auth->token_hash_ = sha256_hex(token);
  auth->token_is_new_ = true;
  return auth;
}

bool Auth::token_matches(std::string_view token) const {
  return equal_in_constant_time(sha256_hex(token), token_hash_);
}

// The secret a caller shows, in the form his protocol has for it. Names beside it say nothing: there is one token.
//   Bearer TOKEN          everyone
//   Token TOKEN           InfluxDB 2; Token NAME:TOKEN its clients of version 1
//   Basic NAME:TOKEN      what only knows a user and a password
//   ?u=NAME&p=TOKEN       InfluxDB 1, on its own paths alone, for addresses end up in logs
static std::string shown_token(const net::Request& request) {
  const auto header = request.headers.get("authorization");
  const auto space = header.find(' ');
  const auto scheme = header.substr(0, space);
  const auto rest = space == header.npos ? std::string_view() : trim(header.substr(space + 1));
  const auto behind_name = [](std::string_view pair) {
    const auto colon = pair.find(':');
    return std::string(colon == pair.npos ? pair : pair.substr(colon + 1));
  };
  if (equals_ignoring_case(scheme, "bearer")) return std::string(rest);
  if (equals_ignoring_case(scheme, "token")) return behind_name(rest);
  if (equals_ignoring_case(scheme, "basic")) {
    const auto pair = base64_decode(rest);
    return pair ? behind_name(*pair) : std::string();
  }
  const auto& path = request.path;
  const bool influx = path == "/write" || path == "/query" || path == "/api/v2/write";
  return header.empty() && influx ? std::string(request.param("p")) : std::string();
}

bool Auth::has_token(const net::Request& request) const {
  const auto token = shown_token(request);
  return !token.empty() && token_matches(token);
}

bool Auth::has_session(const net::Request& request) const {
  const auto cookie = cookie_of(request);
  if (cookie.empty()) return false;
  std::lock_guard lock(mutex_);
  const auto found = sessions_.find(sha256_hex(cookie));
  return found != sessions_.end() && found->second >= env_.clock.mono();
}

std::optional<net::Response> Auth::check(net::Request& request) {
  const bool by_token = enabled_ && has_token(request);
  const bool by_cookie = enabled_ && !by_token && has_session(request);
  request.headers.set("x-holdfast-user", !enabled_               ? "local"
                                         : by_token || by_cookie ? "admin"
                                                                 : "");
  if (is_open(request)) return std::nullopt;
  if (enabled_ && !by_token && !by_cookie) {
    auto response = refusal({Code::kUnauthorized,
                             "sign in first: send 'Authorization: Bearer <token>'; the token "
                             "stands in the file admin-token of the data directory"});
    response.headers.set("www-authenticate", "Bearer");
    return response;
  }
  if (by_cookie && changes_something(request) && !same_origin(request)) {
    return refusal(
        {Code::kForbidden,
         "a change by session cookie must come from a page of this server (Origin header)"});
  }
  // Without authorisation any page of the browser could reach a loopback listener: only its own pages may change things.
  if (!enabled_ && changes_something(request) && request.headers.has("origin") &&
      !(same_origin(request) && host_is_loopback(request))) {
    return refusal({Code::kForbidden, "a change asked for by a page of another origin"});
  }
  return std::nullopt;
}

net::Response Auth::sign_in(const net::Request& request) {
  const auto body = json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains("token") || !body["token"].is_string()) {
    return refusal(invalid("expected {\"token\": \"...\"}"));
  }
  {
    std::lock_guard lock(mutex_);
    if (env_.clock.mono() - window_ > 1min) {
      window_ = env_.clock.mono();
      failures_ = 0;
    }
    if (failures_ >= kFailuresPerMinuteMax)
      return refusal({Code::kExhausted, "too many wrong tokens; wait a minute"});
    if (enabled_ && !token_matches(body["token"].get<std::string>())) {
      ++failures_;
      return refusal({Code::kUnauthorized, "this is not the admin token"});
    }
  }
  const auto id = env_.random.hex(32);
  {
    std::lock_guard lock(mutex_);
    std::erase_if(sessions_,
                  [&](const auto& session) { return session.second < env_.clock.mono(); });
    if (sessions_.size() >= kSessionCountMax) sessions_.erase(sessions_.begin());
    sessions_[sha256_hex(id)] = env_.clock.mono() + kSessionLife;
  }
  net::Response response;
  response.status = 204;
  response.headers.set("set-cookie",
                       std::string(kCookie) + id + "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" +
                           std::to_string(static_cast<long>(to_seconds(kSessionLife))));
  return response;
}

net::Response Auth::session(const net::Request& request) const {
  const auto user = request.headers.get("x-holdfast-user");
  return net::Response::json(200, json{{"signed_in", !user.empty()},
                                       {"auth", enabled_ ? "on" : "off"},
                                       {"version", HOLDFAST_VERSION},
                                       {"user", user}}
                                      .dump());
}

net::Response Auth::sign_out(const net::Request& request) {
  std::lock_guard lock(mutex_);
  sessions_.erase(sha256_hex(cookie_of(request)));
  net::Response response;
  response.status = 204;
  response.headers.set("set-cookie",
                       std::string(kCookie) + "; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
  return response;
}

void Auth::add_routes(net::Router& router) {
  constexpr auto kPath = "/api/holdfast/v1/session";
  router.add("GET", kPath, [this](const net::Request& request, net::ResponderPtr to) {
    to->send(session(request));
  });
  router.add("POST", kPath, [this](const net::Request& request, net::ResponderPtr to) {
    to->send(sign_in(request));
  });
  router.add("DELETE", kPath, [this](const net::Request& request, net::ResponderPtr to) {
    to->send(sign_out(request));
  });
}

}  // namespace holdfast::app
