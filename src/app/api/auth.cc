#include "app/api/auth.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "app/access/audited_router.h"
#include "app/access/secret.h"
#include "base/bytes.h"
#include "base/text.h"
#include "model/incident.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

constexpr std::string_view kCookie = "holdfast_session=";
constexpr const char* kOurHeaders[] = {"x-holdfast-user", "x-holdfast-via", "x-holdfast-service",
                                       "x-holdfast-permissions"};
constexpr std::string_view kHow =
    "sign in first: send 'Authorization: Bearer <token>'; the token stands in the file admin-token "
    "of the data directory";
// What is known of a path that no route serves: it changes nothing, so that whoever signed in may hear of it.
constexpr RouteRule kNothingServed{"", "", ActionClass::kOwn, Target::kNone, "", Limit::kNone};
constexpr RouteRule kSent{"", "", ActionClass::kSend, Target::kNone, "", Limit::kNone};

net::Response refusal(const Error& error) {
  return net::Response::json(
      http_status(error.code()),
      json{{"error", {{"code", code_name(error.code())}, {"message", error.message()}}}}.dump(
          -1, ' ', false, json::error_handler_t::replace));
}

bool is_loopback_peer(const net::Request& request) {
  return request.peer.starts_with("127.") || request.peer.starts_with("[::1]");
}

bool needs_nobody(const net::Request& request, const RouteRule& rule) {
  // Which methods there are is no secret, and a browser asks for it without its token.
  if (rule.action == ActionClass::kOpen || request.method == "OPTIONS") return true;
  return request.path == "/metrics" && rule.action == ActionClass::kRead &&
         is_loopback_peer(request);
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

// The secret a caller shows, in the form his protocol has for it. Names beside it say nothing: the token says whose it is.
//   Bearer TOKEN          everyone
//   Token TOKEN           InfluxDB 2; Token NAME:TOKEN its clients of version 1
//   Basic NAME:TOKEN      what only knows a user and a password
//   ?u=NAME&p=TOKEN       InfluxDB 1, on its own paths alone, for addresses end up in logs
std::string shown_token(const net::Request& request) {
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

}  // namespace

std::string_view session_cookie(const net::Request& request) {
  for (auto part : split(request.headers.get("cookie"), ';')) {
    part = trim(part);
    if (part.starts_with(kCookie)) return part.substr(kCookie.size());
  }
  return {};
}

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

Auth::~Auth() { stop(); }

void Auth::stop() {
  journal_ = nullptr;
  if (audit_) audit_->close();
  if (directory_) directory_->stop();
}

Result<void> Auth::start(state::Journal& journal) {
  journal_ = &journal;
  audit_ = AuditLog::make(env_, journal);
  directory_ = HF_TRY(Directory::open(env_, journal).context("users"));
  directory_->set_admin_credential(sha256_hex(token_hash_));
  return {};
}

void Auth::configure(const AccessConfig& config, const std::vector<model::Person>& people,
                     const std::vector<model::Service>& services) {
  directory_->configure(config, people, services);
  sign_in_limit_.set_rate(config.sign_in);
  callback_limit_.set_rate(config.callback);
  intake_limit_.set_rate(config.intake);
}

RateLimit& Auth::limit(Limit limit) {
  switch (limit) {
    case Limit::kCallback: return callback_limit_;
    case Limit::kIntake: return intake_limit_;
    case Limit::kNone:
    case Limit::kSignIn: return sign_in_limit_;
  }
  return sign_in_limit_;
}

bool Auth::is_admin_token(std::string_view token) const {
  return equal_in_constant_time(sha256_hex(token), token_hash_);
}

Principal Auth::identify(const net::Request& request) const {
  if (!enabled_) return {kLocalUser, "local", Role::kAdmin, {}, {}};
  if (const auto token = shown_token(request); !token.empty()) {
    if (is_admin_token(token)) return {kAdminUser, "admin token", Role::kAdmin, {}, {}};
    if (directory_) {
      if (auto principal = directory_->by_token(token, request.peer); !principal.user.empty())
        return principal;
    }
  }
  // A token that is wrong is no reason to forget the session: browsers send both after an old prompt.
  const auto cookie = session_cookie(request);
  return directory_ && !cookie.empty() ? directory_->by_session(cookie) : Principal{};
}

// A path that is a row by itself needs no router; "{" in a path is a pattern in no table of ours.
Auth::Call Auth::call_of(const net::Request& request) const {
  const auto method = request.method == "HEAD" ? std::string("GET") : request.method;
  if (request.path.find('{') == std::string::npos && is_listed(method, request.path))
    return {&route_rule(method, request.path), {}};
  if (routes_ == nullptr) return {&kNothingServed, {}};
  net::Request asked;
  asked.method = request.method;
  asked.path = request.path;
  asked.target = request.target;
  net::Response missing;
  const auto* route = routes_->match(asked, missing);
  if (route == nullptr) return {&kNothingServed, {}};
  return {&route_rule(route->method, route->pattern), std::move(asked.path_params)};
}

// Of an incident it is in its document; one that does not exist concerns no service.
std::string Auth::service_of(const Call& call) const {
  if (call.rule->target == Target::kService) {
    const auto found = call.parameters.find("name");
    return found == call.parameters.end() ? "" : found->second;
  }
  const auto id = call.parameters.find("id");
  if (call.rule->target != Target::kIncident || id == call.parameters.end()) return "";
  auto* journal = journal_.load();
  if (journal == nullptr) return "";
  const auto document = journal->document("incident", id->second);
  if (!document || !*document) return "";
  const auto incident = parse_json<model::Incident>((*document)->body);
  return incident ? incident->service : "";
}

std::optional<net::Response> Auth::refused(const net::Request& request, const Call& call,
                                           const Error& error) {
  if (audit_) {
    auto record = audit_record(request, *call.rule);
    const auto parameter = call.parameters.find(call.rule->target == Target::kService ? "name" : "id");
    if (parameter != call.parameters.end()) record.resource = parameter->second;
    record.status = http_status(error.code());
    record.result = "denied: " + error.message();
    audit_->deny(std::move(record));
  }
  return refusal(error);
}

std::optional<net::Response> Auth::too_often(const net::Request& request, const Call& call,
                                             RateLimit& limit, const std::string& key) {
  const auto wait = limit.take(key, env_.clock.mono());
  if (!wait) return std::nullopt;
  const auto seconds = std::to_string(static_cast<int>(std::ceil(to_seconds(*wait))));
  auto response = refused(request, call,
                          {Code::kExhausted, "too many attempts from here; wait " + seconds + " s"});
  response->headers.set("retry-after", seconds);
  return response;
}

std::optional<net::Response> Auth::check(net::Request& request) {
  for (const char* name : kOurHeaders) request.headers.erase(name);
  return check_call(request, call_of(request));
}

std::optional<net::Response> Auth::check_send(net::Request& request) {
  for (const char* name : kOurHeaders) request.headers.erase(name);
  return check_call(request, {&kSent, {}});
}

std::optional<net::Response> Auth::check_call(net::Request& request, const Call& call) {
  const auto principal = identify(request);
  request.headers.set("x-holdfast-user", principal.user);
  if (!principal.via.empty()) request.headers.set("x-holdfast-via", principal.via);
  if (call.rule->limit != Limit::kNone) {
    if (auto refused = too_often(request, call, limit(call.rule->limit), rate_key(request.peer)))
      return refused;
  }
  // A page elsewhere must not sign its visitor in here as somebody else.
  if (call.rule->limit == Limit::kSignIn && request.headers.has("origin") && !same_origin(request))
    return refused(request, call, {Code::kForbidden, "signing in is asked for by another page"});
  if (needs_nobody(request, *call.rule)) return std::nullopt;
  if (principal.user.empty()) {
    if (!shown_token(request).empty()) {
      if (auto refused = too_often(request, call, refused_limit_, rate_key(request.peer)))
        return refused;
    }
    auto response = refused(request, call, {Code::kUnauthorized, std::string(kHow)});
    response->headers.set("www-authenticate", "Bearer");
    return response;
  }
  const bool by_cookie = principal.via.starts_with("session");
  if (by_cookie && changes_something(request) && !same_origin(request)) {
    return refused(
        request, call,
        {Code::kForbidden,
         "a change by session cookie must come from a page of this server (Origin header)"});
  }
  // Without authorisation any page of the browser could reach a loopback listener: only its own pages may change things.
  if (!enabled_ && changes_something(request) && request.headers.has("origin") &&
      !(same_origin(request) && host_is_loopback(request)))
    return refused(request, call,
                   {Code::kForbidden, "a change asked for by a page of another origin"});
  return check_permission(request, call, principal);
}

std::optional<net::Response> Auth::check_permission(net::Request& request, const Call& call,
                                                    const Principal& principal) {
  const auto action = call.rule->action;
  std::string service;
  if (call.rule->target == Target::kService || is_audited(*call.rule, request.method) ||
      depends_on_service(principal, action))
    service = service_of(call);
  if (!service.empty()) request.headers.set("x-holdfast-service", service);
  const auto decision = decide(principal, action, service);
  if (!decision.allowed) return refused(request, call, {Code::kForbidden, decision.reason});
  if (request.path.starts_with("/api/holdfast/"))
    request.headers.set("x-holdfast-permissions", join(permissions_of(principal), ","));
  return std::nullopt;
}

}  // namespace holdfast::app
