#include "app/api/access_api.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "app/access/audited_router.h"
#include "app/access/secret.h"
#include "base/text.h"
#include "base/time.h"

namespace holdfast::app {
namespace {

using net::Request;
using net::ResponderPtr;
using net::Response;
using nlohmann::json;

constexpr std::string_view kBase = "/api/holdfast/v1";
constexpr std::size_t kAuditMax = 10'000;
constexpr Duration kTokenLifeMax = 3650 * 24h;

Response answer(int status, const json& body) {
  return Response::json(status, body.dump(-1, ' ', false, json::error_handler_t::replace));
}

Response failure(const Error& error) {
  return answer(http_status(error.code()),
                {{"error", {{"code", code_name(error.code())}, {"message", error.message()}}}});
}

Response nothing() {
  Response response;
  response.status = 204;
  return response;
}

// The members of a JSON body by type; the first mistake is kept.
class Body {
 public:
  explicit Body(const Request& request) {
    value_ = request.body.empty() ? json::object() : json::parse(request.body, nullptr, false);
    if (!value_.is_object()) error_ = invalid("the body must be a JSON object");
  }
  std::optional<std::string> text(const char* name) {
    if (!given(name)) return std::nullopt;
    if (value_[name].is_string()) return value_[name].get<std::string>();
    return wrong(name, "a text");
  }
  std::string required(const char* name) {
    auto value = text(name);
    if (!error_ && (!value || value->empty()))
      error_ = invalid("'" + std::string(name) + "' is missing");
    return value.value_or("");
  }
  std::optional<bool> boolean(const char* name) {
    if (!given(name)) return std::nullopt;
    if (value_[name].is_boolean()) return value_[name].get<bool>();
    wrong(name, "true or false");
    return std::nullopt;
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> out;
    if (given(name)) read_texts(value_[name], name, out);
    return out;
  }
  std::optional<std::vector<GrantRecord>> grants() {
    if (!given("grants")) return std::nullopt;
    std::vector<GrantRecord> out;
    if (!value_["grants"].is_array()) wrong("grants", "a list of {services, role}");
    for (const auto& item : value_["grants"]) {
      GrantRecord grant;
      if (!item.is_object() || !item.contains("role") || !item["role"].is_string() ||
          !item.contains("services")) {
        wrong("grants", "a list of {services, role}");
        break;
      }
      grant.role = item["role"].get<std::string>();
      read_texts(item["services"], "services", grant.services);
      out.push_back(std::move(grant));
    }
    return out;
  }
  void fail(Error error) {
    if (!error_) error_ = std::move(error);
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  bool given(const char* name) const {
    return !error_ && value_.contains(name) && !value_[name].is_null();
  }
  std::optional<std::string> wrong(const char* name, const char* what) {
    fail(invalid("'" + std::string(name) + "' must be " + what));
    return std::nullopt;
  }
  void read_texts(const json& list, const char* name, std::vector<std::string>& out) {
    if (!list.is_array()) wrong(name, "a list of texts");
    for (const auto& item : list) {
      if (item.is_string())
        out.push_back(item.get<std::string>());
      else
        wrong(name, "a list of texts");
    }
  }
  json value_;
  std::optional<Error> error_;
};

json time_json(const std::optional<WallTime>& at) {
  return at ? json(format_time(*at)) : json(nullptr);
}

json user_json(const UserView& user) {
  json grants = json::array();
  for (const auto& grant : user.grants)
    grants.push_back({{"services", grant.services}, {"role", role_name(grant.role)}});
  return {{"id", user.id},
          {"name", user.name},
          {"email", user.email},
          {"role", role_name(user.role)},
          {"grants", grants},
          {"source", user.source},
          {"disabled", user.disabled},
          {"has_password", user.has_password},
          {"created_at", time_json(user.created_at)},
          {"signed_in_at", time_json(user.signed_in_at)},
          {"sessions", user.session_count}};
}

json token_json(const TokenRecord& token) {
  return {{"id", token.id},
          {"name", token.name},
          {"user", token.user},
          {"scopes", token.scopes},
          {"services", token.services},
          {"created_by", token.created_by},
          {"created_at", time_json(token.created_at)},
          {"expires_at", time_json(token.expires_at)},
          {"used_at", time_json(token.used_at)},
          {"used_from", token.used_from}};
}

class AccessApi : public std::enable_shared_from_this<AccessApi> {
 public:
  AccessApi(Env& env, Auth& auth) : env_(env), auth_(auth) {}

  void add_routes(net::Router& router) {
    route(router, "GET", "/users", &AccessApi::list_users);
    route(router, "POST", "/users", &AccessApi::create_user);
    route(router, "POST", "/users/{id}", &AccessApi::change_user);
    route(router, "POST", "/users/{id}/password", &AccessApi::reset_password);
    route(router, "POST", "/users/{id}/sign_out", &AccessApi::sign_out_user);
    route(router, "GET", "/tokens", &AccessApi::list_tokens);
    route(router, "POST", "/tokens", &AccessApi::create_token);
    route(router, "DELETE", "/tokens/{id}", &AccessApi::revoke_token);
    route(router, "GET", "/sessions", &AccessApi::list_sessions);
    route(router, "DELETE", "/sessions", &AccessApi::sign_out_everywhere);
    route(router, "POST", "/password", &AccessApi::change_password);
    route(router, "GET", "/audit", &AccessApi::audit);
  }

 private:
  using Method = void (AccessApi::*)(const Request&, ResponderPtr);

  void route(net::Router& router, const char* method, const char* path, Method handler) {
    auto self = shared_from_this();
    router.add(method, std::string(kBase) + path,
               [self, handler](const Request& request, ResponderPtr to) {
                 self->env_.executor.post(Lane::kControl, [self, handler, request, to] {
                   (self.get()->*handler)(request, to);
                 });
               });
  }

  Directory& directory() { return auth_.directory(); }

  // Without authorisation what is made belongs to the administrator.
  static std::string self_of(const Request& request) {
    const std::string user(request.headers.get("x-holdfast-user"));
    return user == kLocalUser ? kAdminUser : user;
  }
  static bool administers(const Request& request) {
    for (const auto permission : split(request.headers.get("x-holdfast-permissions"), ',')) {
      if (permission == "administer") return true;
    }
    return false;
  }

  // 204, or why not.
  static Directory::Done ending(ResponderPtr to) {
    return [to](Result<void> result) { to->send(result ? nothing() : failure(result.error())); };
  }
  // The user as he is now.
  Directory::Done showing(ResponderPtr to, const std::string& id, int status) {
    return [self = shared_from_this(), to, id, status](Result<void> result) {
      if (!result) return to->send(failure(result.error()));
      const auto user = self->directory().user(id);
      if (!user) return to->send(failure(not_found("no user '" + printable(id) + "'")));
      auto response = answer(status, {{"user", user_json(*user)}});
      response.headers.set(kAuditResource, id);
      to->send(std::move(response));
    };
  }

  // ---- users ----

  void list_users(const Request&, ResponderPtr to) {
    json list = json::array();
    for (const auto& user : directory().users()) list.push_back(user_json(user));
    to->send(answer(200, {{"users", list}}));
  }

  // Hashes on the pool, then goes on here.
  void hash(const std::string& password, std::function<void(Result<std::string>)> then) {
    env_.executor.post(Lane::kPool, [self = shared_from_this(), password, then] {
      auto hashed = hash_password(password, self->env_.random);
      self->env_.executor.post(Lane::kControl, [then, hashed] { then(hashed); });
    });
  }

  void create_user(const Request& request, ResponderPtr to) {
    Body body(request);
    UserRecord user;
    user.id = body.required("id");
    user.name = body.text("name").value_or("");
    user.email = body.text("email").value_or("");
    user.role = body.text("role").value_or("viewer");
    user.grants = body.grants().value_or(std::vector<GrantRecord>{});
    const auto password = body.text("password");
    if (password) {
      if (auto good = check_password(*password, user.id); !good) body.fail(good.error());
    }
    if (body.error()) return to->send(failure(*body.error()));
    const auto id = user.id;
    if (!password) return directory().create_user(std::move(user), showing(to, id, 201));
    hash(*password, [self = shared_from_this(), user, to, id](Result<std::string> hashed) mutable {
      if (!hashed) return to->send(failure(hashed.error()));
      user.password = *hashed;
      self->directory().create_user(std::move(user), self->showing(to, id, 201));
    });
  }

  void change_user(const Request& request, ResponderPtr to) {
    Body body(request);
    UserChange change;
    change.name = body.text("name");
    change.email = body.text("email");
    change.role = body.text("role");
    change.grants = body.grants();
    change.disabled = body.boolean("disabled");
    if (body.error()) return to->send(failure(*body.error()));
    const auto& id = request.path_params.at("id");
    auto done = showing(to, id, 200);
    if (change.disabled != std::optional(true)) return directory().change_user(id, change, done);
    // His sessions would be refused anyway; ended, they do not come back when he does.
    directory().change_user(id, change, [self = shared_from_this(), id, done](Result<void> changed) {
      if (!changed) return done(std::move(changed));
      self->directory().end_sessions(id, "", done);
    });
  }

  void reset_password(const Request& request, ResponderPtr to) {
    const auto& id = request.path_params.at("id");
    Body body(request);
    const auto password = body.text("password");
    if (!password) body.fail(invalid("'password' is missing; an empty one is taken away"));
    if (password && !password->empty()) {
      if (auto good = check_password(*password, id); !good) body.fail(good.error());
    }
    if (body.error()) return to->send(failure(*body.error()));
    if (password->empty()) return directory().set_password(id, "", "", showing(to, id, 200));
    hash(*password, [self = shared_from_this(), id, to](Result<std::string> hashed) {
      if (!hashed) return to->send(failure(hashed.error()));
      self->directory().set_password(id, *hashed, "", self->showing(to, id, 200));
    });
  }

  void sign_out_user(const Request& request, ResponderPtr to) {
    directory().end_sessions(request.path_params.at("id"), "", ending(to));
  }

  // ---- one's own ----

  void change_password(const Request& request, ResponderPtr to) {
    const auto user = self_of(request);
    Body body(request);
    const auto old = body.required("old");
    const auto fresh = body.required("new");
    if (!body.error()) {
      if (auto good = check_password(fresh, user); !good) body.fail(good.error());
    }
    const auto stored = directory().password_of(user);
    if (!stored) body.fail({Code::kConflict, "this user signs in without a password"});
    if (body.error()) return to->send(failure(*body.error()));
    const std::string keep(session_cookie(request));
    env_.executor.post(Lane::kPool, [self = shared_from_this(), user, old, fresh, stored, keep, to] {
      if (!password_matches(old, *stored))
        return to->send(failure({Code::kForbidden, "the old password is wrong"}));
      auto hashed = hash_password(fresh, self->env_.random);
      self->env_.executor.post(Lane::kControl, [self, user, keep, to, hashed] {
        if (!hashed) return to->send(failure(hashed.error()));
        self->directory().set_password(user, *hashed, keep, ending(to));
      });
    });
  }

  void list_sessions(const Request& request, ResponderPtr to) {
    json list = json::array();
    for (const auto& session : directory().sessions(self_of(request))) {
      list.push_back({{"how", session.how},
                      {"address", session.address},
                      {"user_agent", session.user_agent},
                      {"created_at", time_json(session.created_at)},
                      {"used_at", time_json(session.used_at)}});
    }
    to->send(answer(200, {{"sessions", list}}));
  }

  void sign_out_everywhere(const Request& request, ResponderPtr to) {
    directory().end_sessions(self_of(request), "", ending(to));
  }

  // ---- tokens ----

  void list_tokens(const Request& request, ResponderPtr to) {
    json list = json::array();
    const auto wanted = administers(request) ? std::string(request.param("user")) : self_of(request);
    for (const auto& token : directory().tokens(wanted)) list.push_back(token_json(token));
    to->send(answer(200, {{"tokens", list}}));
  }

  void create_token(const Request& request, ResponderPtr to) {
    Body body(request);
    NewToken token;
    token.created_by = self_of(request);
    token.name = body.required("name");
    token.user = body.text("user").value_or(token.created_by);
    token.scopes = body.texts("scopes");
    token.services = body.texts("services");
    if (const auto life = body.text("expires_in")) {
      const auto duration = parse_duration(*life);
      if (!duration || *duration <= Duration::zero() || *duration > kTokenLifeMax)
        body.fail(invalid("'expires_in' is '" + printable(*life) + "'; allowed: a duration such as 90d, up to 3650d"));
      else
        token.expires_at =
            std::chrono::time_point_cast<std::chrono::milliseconds>(env_.clock.now() + *duration);
    }
    if (token.user != token.created_by && !administers(request))
      body.fail({Code::kForbidden, "a token of another user takes the permission 'administer'"});
    if (body.error()) return to->send(failure(*body.error()));
    directory().create_token(token, [self = shared_from_this(), token, to](Result<std::string> made) {
      if (!made) return to->send(failure(made.error()));
      for (const auto& known : self->directory().tokens(token.user)) {
        if (known.name != token.name) continue;
        auto shown = token_json(known);
        shown["token"] = *made;
        auto response = answer(201, shown);
        response.headers.set(kAuditResource, printable(token.user + "/" + token.name));
        return to->send(std::move(response));
      }
      to->send(failure(not_found("the token was revoked meanwhile")));
    });
  }

  void revoke_token(const Request& request, ResponderPtr to) {
    const auto& id = request.path_params.at("id");
    const auto token = directory().token(id);
    // Another's token is as unknown as none.
    if (!token || (token->user != self_of(request) && !administers(request)))
      return to->send(failure(not_found("no token '" + printable(id) + "'")));
    directory().revoke_token(id, ending(to));
  }

  // ---- the audit log ----

  void audit(const Request& request, ResponderPtr to) {
    AuditQuery query;
    query.actor = request.param("user");
    query.action = request.param("action");
    query.resource = request.param("resource");
    query.service = request.param("service");
    query.address = request.param("address");
    query.result = request.param("result");
    std::optional<Error> wrong;
    const auto fail = [&](const char* name, const char* allowed) {
      wrong = invalid("'" + std::string(name) + "' is '" + printable(request.param(name)) +
                      "'; allowed: " + allowed);
    };
    const auto time = [&](const char* name, std::optional<WallTime>& out) {
      if (request.param(name).empty()) return;
      auto at = parse_time(request.param(name));
      if (at)
        out = *at;
      else
        fail(name, "a time of RFC 3339");
    };
    const auto number = [&](const char* name, std::int64_t fallback, std::int64_t min,
                            std::int64_t max, const char* allowed) {
      if (request.param(name).empty()) return fallback;
      const auto value = parse_int(request.param(name));
      if (value && *value >= min && *value <= max) return *value;
      fail(name, allowed);
      return fallback;
    };
    time("from", query.from);
    time("to", query.to);
    query.limit = static_cast<std::size_t>(
        number("limit", 100, 1, static_cast<std::int64_t>(kAuditMax), "1 to 10000"));
    query.before = number("before", 0, 1, INT64_MAX, "a sequence number");
    const auto& result = query.result;
    if (!result.empty() && result != "ok" && result != "accepted" && result != "denied" &&
        result != "failed")
      fail("result", "ok, accepted, denied, failed");
    const std::string format(request.param("format"));
    if (!format.empty() && format != "json" && format != "csv") fail("format", "json, csv");
    if (wrong) return to->send(failure(*wrong));
    env_.executor.post(Lane::kPool, [log = auth_.audit(), query, format, to] {
      const auto page = log->query(query);
      if (!page) return to->send(failure(page.error()));
      to->send(format == "csv" ? csv(*page) : listing(*page));
    });
  }

  static Response csv(const AuditPage& page) {
    Response response = Response::text(200, audit_csv(page));
    response.headers.set("content-type", "text/csv; charset=utf-8");
    response.headers.set("content-disposition", "attachment; filename=\"audit.csv\"");
    return response;
  }

  static Response listing(const AuditPage& page) {
    json records = json::array();
    for (const auto& [seq, record] : page.records) records.push_back(audit_json(seq, record));
    return answer(200, {{"records", records}, {"next", page.next}});
  }

  Env& env_;
  Auth& auth_;
};

}  // namespace

void add_access_routes(net::Router& router, Env& env, Auth& auth) {
  std::make_shared<AccessApi>(env, auth)->add_routes(router);
}

}  // namespace holdfast::app
