// Signing in and out: by a token, by user and password, and for who was vouched for elsewhere.
#include <cmath>
#include <nlohmann/json.hpp>

#include "app/access/secret.h"
#include "app/api/auth.h"
#include "base/bytes.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

using nlohmann::json;

// Each takes 32 MiB and 80 ms of a pool that has other work, too.
constexpr int kVerifyingMax = 2;

net::Response failure(const Error& error) {
  return net::Response::json(
      http_status(error.code()),
      json{{"error", {{"code", code_name(error.code())}, {"message", error.message()}}}}.dump(
          -1, ' ', false, json::error_handler_t::replace));
}

net::Response with_cookie(std::string_view cookie, long max_age) {
  net::Response response;
  response.status = 204;
  response.headers.set("set-cookie", "holdfast_session=" + std::string(cookie) +
                                         "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" +
                                         std::to_string(max_age));
  return response;
}

AuditRecord record_of(const net::Request& request, const std::string& user, const std::string& how,
                      const char* action) {
  AuditRecord record;
  record.actor = user;
  record.via = how;
  record.action = action;
  record.resource = "session";
  record.result = "ok";
  record.address = request.peer;
  record.user_agent = request.headers.get("user-agent");
  record.method = request.method;
  record.path = request.path;
  record.action_class = "open";
  return record;
}

std::string text_of(const json& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

void Auth::set_provider_name(std::string name) {
  std::lock_guard lock(mutex_);
  provider_name_ = std::move(name);
}

void Auth::refuse_sign_in(const net::Request& request, const std::string& user,
                          const std::string& how, const Error& error, net::ResponderPtr to) {
  auto record = record_of(request, printable(user), how, "user_login");
  record.status = http_status(error.code());
  record.result = "denied: " + error.message();
  audit_->deny(std::move(record));
  to->send(failure(error));
}

void Auth::admit(const net::Request& request, NewSession session, const std::string& location,
                 net::ResponderPtr to) {
  session.address = request.peer;
  session.user_agent = request.headers.get("user-agent");
  auto record = record_of(request, session.user, session.how, "user_login");
  directory_->begin_session(session, [this, record, location, to](Result<std::string> cookie) mutable {
    if (!cookie) return to->send(failure(cookie.error()));
    auto response =
        with_cookie(*cookie, static_cast<long>(to_seconds(directory_->session_life())));
    if (!location.empty()) {
      response.status = 303;
      response.headers.set("location", location);
    }
    record.status = response.status;
    audit_->write(std::move(record), [to, response] { to->send(response); });
  });
}

void Auth::sign_in(const net::Request& request, net::ResponderPtr to) {
  if (!directory_) return to->send(failure(unavailable("nobody can sign in yet")));
  const auto body = json::parse(request.body, nullptr, false);
  const bool by_token = body.is_object() && body.contains("token") && body["token"].is_string();
  const auto user = body.is_object() ? text_of(body, "user") : "";
  const auto password = body.is_object() ? text_of(body, "password") : "";
  if (!by_token && (user.empty() || password.empty())) {
    return to->send(
        failure(invalid("expected {\"token\": \"...\"} or {\"user\": \"...\", \"password\": \"...\"}")));
  }
  if (!enabled_) {
    net::Response response;
    response.status = 204;
    return to->send(response);
  }
  if (by_token) return sign_in_by_token(request, body["token"].get<std::string>(), to);
  sign_in_by_password(request, user, password, to);
}

void Auth::sign_in_by_token(const net::Request& request, const std::string& token,
                            net::ResponderPtr to) {
  if (is_admin_token(token))
    return admit(request, {kAdminUser, "admin token", sha256_hex(token_hash_), "", ""}, "", to);
  const auto principal = directory_->by_token(token, request.peer);
  if (!principal.user.empty()) {
    const auto hash = sha256_hex(token);
    for (const auto& known : directory_->tokens(principal.user)) {
      if (known.hash == hash)
        return admit(request, {principal.user, "token", known.id, "", ""}, "", to);
    }
  }
  refuse_sign_in(request, "", "token", {Code::kUnauthorized, "this token is not known here"}, to);
}

// On the pool, and as long for a user who does not exist. The message tells neither which of the two was wrong.
void Auth::sign_in_by_password(const net::Request& request, const std::string& user,
                               const std::string& password, net::ResponderPtr to) {
  const auto wait = user_limit_.take(user.substr(0, 64), env_.clock.mono());
  if (wait || verifying_.fetch_add(1) >= kVerifyingMax) {
    if (!wait) verifying_.fetch_sub(1);
    const auto seconds = std::to_string(wait ? static_cast<int>(std::ceil(to_seconds(*wait))) : 1);
    auto response = failure({Code::kExhausted, "too many attempts; wait " + seconds + " s"});
    response.headers.set("retry-after", seconds);
    return to->send(response);
  }
  env_.executor.post(Lane::kPool, [this, request, user, password, to] {
    const auto stored = directory_->password_of(user);
    if (!stored) waste_password_time(password);
    const bool right = stored && password_matches(password, *stored);
    verifying_.fetch_sub(1);
    env_.executor.post(Lane::kControl, [this, request, user, to, right] {
      if (right) return admit(request, {user, "password", "", "", ""}, "", to);
      refuse_sign_in(request, user, "password",
                     {Code::kUnauthorized, "the user or the password is wrong"}, to);
    });
  });
}

net::Response Auth::session(const net::Request& request) const {
  const auto principal = identify(request);
  json body{{"signed_in", !principal.user.empty()},
            {"auth", enabled_ ? "on" : "off"},
            {"version", HOLDFAST_VERSION},
            {"user", principal.user},
            {"name", principal.user},
            {"role", principal.user.empty() ? "" : role_name(principal.role)},
            {"permissions", permissions_of(principal)}};
  if (directory_) {
    if (const auto user = directory_->user(principal.user); user && !user->name.empty())
      body["name"] = user->name;
  }
  std::lock_guard lock(mutex_);
  body["provider"] = provider_name_;
  return net::Response::json(200, body.dump(-1, ' ', false, json::error_handler_t::replace));
}

void Auth::sign_out(const net::Request& request, net::ResponderPtr to) {
  const auto response = with_cookie("", 0);
  const auto cookie = session_cookie(request);
  if (!directory_ || cookie.empty()) return to->send(response);
  const auto principal = directory_->by_session(cookie);
  auto record = record_of(request, principal.user, "session", "user_logout");
  record.status = 204;
  directory_->end_session(cookie, [this, record, to, response](Result<void> ended) {
    if (!ended) return to->send(failure(ended.error()));
    if (record.actor.empty()) return to->send(response);
    audit_->write(record, [to, response] { to->send(response); });
  });
}

void Auth::add_routes(net::Router& router) {
  constexpr auto kPath = "/api/holdfast/v1/session";
  const auto on_control = [this](auto method) {
    return [this, method](const net::Request& request, net::ResponderPtr to) {
      env_.executor.post(Lane::kControl, [this, method, request, to] { (this->*method)(request, to); });
    };
  };
  router.add("GET", kPath, [this](const net::Request& request, net::ResponderPtr to) {
    to->send(session(request));
  });
  router.add("POST", kPath, on_control(&Auth::sign_in));
  router.add("DELETE", kPath, on_control(&Auth::sign_out));
}

}  // namespace holdfast::app
