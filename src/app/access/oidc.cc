#include "app/access/oidc.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/access/secret.h"
#include "base/bytes.h"
#include "base/text.h"

namespace holdfast::app {
namespace {

using net::Request;
using net::ResponderPtr;
using net::Response;
using nlohmann::json;

constexpr std::string_view kBase = "/api/holdfast/v1/session/oidc";
constexpr std::string_view kCookie = "holdfast_oidc=";
constexpr Duration kPendingLife = 10min;
constexpr Duration kDiscoveryLife = 1h;
constexpr Duration kKeysLeast = 1min;
constexpr std::size_t kAnswerMax = 1 << 20;
constexpr std::size_t kRoleValuesMax = 1000;

std::string text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Response redirect(const std::string& location) {
  Response response;
  response.status = 303;
  response.headers.set("location", location);
  response.headers.set("cache-control", "no-store");
  return response;
}

std::string browser_cookie(const Request& request) {
  for (auto part : split(request.headers.get("cookie"), ';')) {
    part = trim(part);
    if (part.starts_with(kCookie)) return std::string(part.substr(kCookie.size()));
  }
  return {};
}

Error provider_error(const std::string& what) { return unavailable("OpenID Connect: " + what); }

// Codes and tokens travel there: encrypted, unless it is this machine.
bool is_safe_endpoint(const std::string& text) {
  const auto url = net::parse_url(text);
  if (!url) return false;
  const bool loopback = url->host == "127.0.0.1" || url->host == "::1" || url->host == "localhost";
  return url->scheme == "https" || (url->scheme == "http" && loopback);
}

const json* inside(const json& claims, std::string_view name) {
  // A name with dots as it stands goes first: some providers name claims by URLs.
  if (const auto found = claims.find(std::string(name)); found != claims.end()) return &*found;
  const json* at = &claims;
  for (const auto step : split(name, '.')) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(std::string(step));
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

}  // namespace

std::vector<std::string> claim_texts(std::string_view claims, std::string_view name) {
  const auto object = json::parse(claims, nullptr, false);
  std::vector<std::string> texts;
  if (!object.is_object()) return texts;
  const auto* value = inside(object, name);
  if (value == nullptr) return texts;
  if (value->is_string()) texts.push_back(value->get<std::string>());
  if (!value->is_array()) return texts;
  for (const auto& item : *value) {
    if (item.is_string() && texts.size() < kRoleValuesMax) texts.push_back(item.get<std::string>());
  }
  return texts;
}

Role role_by_claims(std::string_view claims, const OidcConfig& config) {
  Role role = config.default_role;
  for (const auto& value : claim_texts(claims, config.role_claim)) {
    if (const auto found = config.roles.find(value); found != config.roles.end())
      role = std::max(role, found->second);
  }
  return role;
}

std::string safe_return(std::string_view path) {
  const bool ours = path.starts_with('/') && !path.starts_with("//") && path.size() <= 500 &&
                    std::none_of(path.begin(), path.end(), [](char c) {
                      const auto byte = static_cast<unsigned char>(c);
                      return byte <= ' ' || byte >= 0x7F || c == '\\';
                    });
  return ours ? std::string(path) : "/";
}

// One answer of the provider on its way to a session.
struct OidcSignIn::Attempt {
  Request request;
  ResponderPtr to;
  Pending pending;
  std::string code;
  std::string id_token, access_token;
  std::string claims;
  bool keys_fetched = false;
};

std::shared_ptr<OidcSignIn> OidcSignIn::make(Env& env, net::Client& client, Auth& auth) {
  return std::shared_ptr<OidcSignIn>(new OidcSignIn(env, client, auth));
}

OidcSignIn::~OidcSignIn() = default;

void OidcSignIn::configure(std::optional<OidcConfig> config, const std::string& external_url) {
  config_ = std::move(config);
  external_url_ = external_url;
  while (external_url_.ends_with('/')) external_url_.pop_back();
  provider_.reset();
  keys_ = {};
  keys_at_.reset();
  pending_.clear();
  auth_.set_provider_name(config_ ? config_->name : "");
}

void OidcSignIn::add_routes(net::Router& router) {
  const auto on_control = [this](auto method) {
    return [self = shared_from_this(), method](const Request& request, ResponderPtr to) {
      self->env_.executor.post(Lane::kControl, [self, method, request, to] {
        if (!self->stopped_) (self.get()->*method)(request, to);
      });
    };
  };
  router.add("GET", std::string(kBase), on_control(&OidcSignIn::begin));
  router.add("GET", std::string(kBase) + "/callback", on_control(&OidcSignIn::callback));
}

std::string OidcSignIn::redirect_uri() const {
  return external_url_ + std::string(kBase) + "/callback";
}

Result<std::string> OidcSignIn::client_secret() const {
  if (config_->client_secret_file.empty()) return config_->client_secret;
  const auto text =
      HF_TRY(env_.files.read_file(config_->client_secret_file).context("client_secret_file"));
  return std::string(trim(text));
}

// ---- what the provider says of itself ----

void OidcSignIn::ask(net::ClientRequest request, const char* what,
                     std::function<void(Result<std::string>)> then) {
  request.timeout = config_->timeout;
  request.tls.ca_file = config_->ca_file;
  request.response_size_max = kAnswerMax;
  request.headers.set("accept", "application/json");
  client_.send(std::move(request), [self = shared_from_this(), what, then](Result<net::ClientResponse> got) {
    Result<std::string> body = provider_error(what);
    if (!got)
      body = std::move(got).error().context(what);
    else if (got->status != 200)
      body = provider_error(std::string(what) + " answered " + std::to_string(got->status) + ": " +
                            printable(got->body, 200));
    else
      body = got->body;
    self->env_.executor.post(Lane::kControl, [self, then, body] {
      if (!self->stopped_ && self->config_) then(body);
    });
  });
}

Result<OidcSignIn::Provider> OidcSignIn::read_discovery(std::string_view text) const {
  const auto document = json::parse(text, nullptr, false);
  if (!document.is_object()) return provider_error("its configuration is no JSON object");
  const auto written = text_of(document, "issuer");  // as it signs it, perhaps with a slash behind
  auto issuer = written;
  while (issuer.ends_with('/')) issuer.pop_back();
  if (issuer != config_->issuer)
    return provider_error("its configuration is of the issuer '" + printable(issuer) + "'");
  Provider provider{written, text_of(document, "authorization_endpoint"), text_of(document, "token_endpoint"),
                    text_of(document, "userinfo_endpoint"), text_of(document, "jwks_uri"), false,
                    env_.clock.mono()};
  for (const auto* endpoint : {&provider.authorization, &provider.token, &provider.jwks}) {
    if (!is_safe_endpoint(*endpoint))
      return provider_error("its configuration names the endpoint '" + printable(*endpoint) + "'");
  }
  if (!is_safe_endpoint(provider.userinfo)) provider.userinfo.clear();
  if (const auto methods = document.find("token_endpoint_auth_methods_supported");
      methods != document.end() && methods->is_array())
    provider.secret_in_body =
        std::find(methods->begin(), methods->end(), "client_secret_basic") == methods->end();
  return provider;
}

void OidcSignIn::discover(std::function<void(Result<void>)> then) {
  if (provider_ && env_.clock.mono() - provider_->at < kDiscoveryLife) return then({});
  net::ClientRequest request;
  request.url = config_->issuer + "/.well-known/openid-configuration";
  ask(std::move(request), "discovery", [self = shared_from_this(), then](Result<std::string> body) {
    if (!body) return then(std::move(body).error());
    auto provider = self->read_discovery(*body);
    if (!provider) return then(std::move(provider).error());
    self->provider_ = std::move(*provider);
    then({});
  });
}

void OidcSignIn::fetch_keys(std::function<void(Result<void>)> then) {
  if (keys_at_ && env_.clock.mono() - *keys_at_ < kKeysLeast)
    return then(provider_error("it signs with a key it does not show"));
  keys_at_ = env_.clock.mono();
  net::ClientRequest request;
  request.url = provider_->jwks;
  ask(std::move(request), "its keys", [self = shared_from_this(), then](Result<std::string> body) {
    if (!body) {
      self->keys_at_.reset();
      return then(std::move(body).error());
    }
    auto keys = KeySet::parse(*body);
    if (!keys) return then(std::move(keys).error());
    self->keys_ = std::move(*keys);
    then({});
  });
}

// ---- to the provider ----

void OidcSignIn::begin(const Request& request, ResponderPtr to) {
  if (!config_ || !auth_.enabled()) return to->send(redirect("/?sign_in=failed"));
  discover([self = shared_from_this(), request, to](Result<void> found) {
    if (found) return self->lead_to_provider(request, to);
    auto attempt = std::make_shared<Attempt>();
    attempt->request = request;
    attempt->to = to;
    self->fail(attempt, "failed", found.error());
  });
}

void OidcSignIn::lead_to_provider(const Request& request, ResponderPtr to) {
  const auto now = env_.clock.mono();
  std::erase_if(pending_, [&](const auto& one) { return now - one.second.at > kPendingLife; });
  if (pending_.size() >= kPendingMax)
    pending_.erase(std::min_element(pending_.begin(), pending_.end(), [](const auto& a, const auto& b) {
      return a.second.at < b.second.at;
    }));
  const auto state = env_.random.hex(32);
  const auto browser = env_.random.hex(32);
  Pending pending{env_.random.hex(32), env_.random.hex(32), sha256_hex(browser),
                  safe_return(request.param("return")), now};
  const net::Params params{{"response_type", "code"},
                           {"client_id", config_->client_id},
                           {"redirect_uri", redirect_uri()},
                           {"scope", join(config_->scopes, " ")},
                           {"state", state},
                           {"nonce", pending.nonce},
                           {"code_challenge", base64url_encode(sha256_raw(pending.verifier))},
                           {"code_challenge_method", "S256"}};
  pending_[state] = std::move(pending);
  const auto& at = provider_->authorization;
  auto response = redirect(at + (at.find('?') == std::string::npos ? "?" : "&") + net::encode_query(params));
  // Lax: the provider leads back from its own page, where a strict cookie would stay at home.
  response.headers.set("set-cookie", std::string(kCookie) + browser + "; Path=" + std::string(kBase) +
                                         "; HttpOnly; SameSite=Lax; Max-Age=600");
  to->send(std::move(response));
}

// ---- and back ----

void OidcSignIn::fail(const AttemptPtr& attempt, const char* word, const Error& error) {
  // The record's answer is not the browser's: that one leads to the sign-in page.
  AuditRecord record;
  record.via = "oidc";
  record.action = "user_login";
  record.resource = "session";
  record.result = "denied: " + error.message();
  record.address = attempt->request.peer;
  record.user_agent = attempt->request.headers.get("user-agent");
  record.method = attempt->request.method;
  record.path = attempt->request.path;
  record.action_class = "open";
  if (!attempt->claims.empty()) {
    const auto names = claim_texts(attempt->claims, config_->user_claim);
    record.actor = names.empty() ? "" : printable(names[0]);
  }
  auth_.audit()->deny(std::move(record));
  attempt->to->send(redirect(std::string("/?sign_in=") + word));
}

void OidcSignIn::callback(const Request& request, ResponderPtr to) {
  auto attempt = std::make_shared<Attempt>();
  attempt->request = request;
  attempt->to = to;
  const auto found = pending_.find(std::string(request.param("state")));
  const auto browser = browser_cookie(request);
  if (!config_ || !auth_.enabled() || found == pending_.end() || browser.empty() ||
      !equal_in_constant_time(sha256_hex(browser), found->second.browser))
    return fail(attempt, "expired", {Code::kForbidden, "no such sign-in is under way in this browser"});
  attempt->pending = std::move(found->second);
  pending_.erase(found);
  if (env_.clock.mono() - attempt->pending.at > kPendingLife)
    return fail(attempt, "expired", {Code::kForbidden, "the sign-in took more than ten minutes"});
  if (const auto error = request.param("error"); !error.empty())
    return fail(attempt, "failed",
                provider_error("it refused: " + printable(error) + " " +
                               printable(request.param("error_description"), 200)));
  attempt->code = request.param("code");
  if (attempt->code.empty()) return fail(attempt, "failed", provider_error("it sent no code"));
  discover([self = shared_from_this(), attempt](Result<void> known) {
    if (!known) return self->fail(attempt, "failed", known.error());
    self->exchange(attempt);
  });
}

void OidcSignIn::exchange(AttemptPtr attempt) {
  const auto secret = client_secret();
  if (!secret) return fail(attempt, "failed", secret.error());
  net::Params form{{"grant_type", "authorization_code"},
                   {"code", attempt->code},
                   {"redirect_uri", redirect_uri()},
                   {"code_verifier", attempt->pending.verifier}};
  net::ClientRequest request;
  request.method = "POST";
  request.url = provider_->token;
  request.headers.set("content-type", "application/x-www-form-urlencoded");
  if (secret->empty() || provider_->secret_in_body) {
    form.emplace_back("client_id", config_->client_id);
    if (!secret->empty()) form.emplace_back("client_secret", *secret);
  } else {
    request.headers.set("authorization",
                        "Basic " + base64_encode(net::percent_encode(config_->client_id) + ":" +
                                                 net::percent_encode(*secret)));
  }
  request.body = net::encode_query(form);
  ask(std::move(request), "its token endpoint",
      [self = shared_from_this(), attempt](Result<std::string> body) {
        if (!body) return self->fail(attempt, "failed", body.error());
        self->take_tokens(attempt, *body);
      });
}

void OidcSignIn::take_tokens(AttemptPtr attempt, const std::string& body) {
  const auto tokens = json::parse(body, nullptr, false);
  if (!tokens.is_object()) return fail(attempt, "failed", provider_error("its tokens are no JSON object"));
  attempt->id_token = text_of(tokens, "id_token");
  attempt->access_token = text_of(tokens, "access_token");
  verify(attempt);
}

void OidcSignIn::verify(AttemptPtr attempt) {
  const auto kid = key_id_of(attempt->id_token);
  if (!kid) return fail(attempt, "failed", kid.error());
  const bool stale = !keys_at_ || env_.clock.mono() - *keys_at_ > kDiscoveryLife;
  if ((stale || !keys_.has(*kid)) && !attempt->keys_fetched) {
    attempt->keys_fetched = true;
    return fetch_keys([self = shared_from_this(), attempt](Result<void> fetched) {
      if (!fetched) return self->fail(attempt, "failed", fetched.error());
      self->verify(attempt);
    });
  }
  auto claims = verify_id_token(
      attempt->id_token, keys_,
      {provider_->issuer, config_->client_id, attempt->pending.nonce, env_.clock.now()});
  if (!claims) return fail(attempt, "failed", claims.error());
  attempt->claims = std::move(*claims);
  const bool complete = !claim_texts(attempt->claims, config_->user_claim).empty() &&
                        (config_->roles.empty() || !claim_texts(attempt->claims, config_->role_claim).empty());
  if (complete || provider_->userinfo.empty() || attempt->access_token.empty()) return admit(attempt);
  ask_userinfo(attempt);
}

// Some providers tell the rest there only. It must speak of the same account.
void OidcSignIn::ask_userinfo(AttemptPtr attempt) {
  net::ClientRequest request;
  request.url = provider_->userinfo;
  request.headers.set("authorization", "Bearer " + attempt->access_token);
  ask(std::move(request), "its userinfo endpoint",
      [self = shared_from_this(), attempt](Result<std::string> body) {
        if (!body) return self->fail(attempt, "failed", body.error());
        auto more = json::parse(*body, nullptr, false);
        auto claims = json::parse(attempt->claims, nullptr, false);
        if (!more.is_object() || text_of(more, "sub") != text_of(claims, "sub"))
          return self->fail(attempt, "failed", provider_error("its userinfo is of another account"));
        for (const auto& [name, value] : more.items()) {
          if (!claims.contains(name)) claims[name] = value;
        }
        attempt->claims = claims.dump(-1, ' ', false, json::error_handler_t::replace);
        self->admit(attempt);
      });
}

void OidcSignIn::admit(AttemptPtr attempt) {
  const auto claims = json::parse(attempt->claims, nullptr, false);
  const auto names = claim_texts(attempt->claims, config_->user_claim);
  if (names.empty())
    return fail(attempt, "failed", provider_error("it gives no '" + config_->user_claim + "'"));
  const auto verified = claims.find("email_verified");
  if (config_->user_claim == "email" && verified != claims.end() && *verified != true)
    return fail(attempt, "refused", {Code::kForbidden, "the provider did not verify the address"});
  const OidcIdentity identity{config_->issuer,         text_of(claims, "sub"),
                              names[0],                text_of(claims, "name"),
                              text_of(claims, "email"), role_by_claims(attempt->claims, *config_)};
  auth_.directory().sign_in_oidc(identity, [self = shared_from_this(), attempt](Result<std::string> user) {
    if (self->stopped_) return;
    if (!user) return self->fail(attempt, "refused", user.error());
    self->auth_.admit(attempt->request, {*user, "oidc", "", "", ""}, attempt->pending.back, attempt->to);
  });
}

}  // namespace holdfast::app
