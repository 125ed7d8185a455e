// app/access/oidc.h: signing in with a provider of OpenID Connect (authorization code with PKCE).
//
// Purpose     Two routes and what is between them:
//
//   GET /session/oidc           ──▶ state, nonce, verifier kept; 303 to the provider ──▶ its page
//   GET /session/oidc/callback  ◀── code, state ◀────────────────────────────────────────┘
//        state known, of this browser? ─▶ token endpoint (code, verifier) ─▶ ID token verified (jwt.h)
//        ─▶ user and role by its claims (or the userinfo endpoint's) ─▶ Directory ─▶ session ─▶ 303 to the console
//
// Config      access.oidc: discovery does the rest. Discovery and keys are asked for anew after an hour, keys also for a key id that
//             is not known, at most once a minute.
// Forgery     The state belongs to one browser by a cookie of its own, holds ten minutes and one answer; nonce and verifier bind the
//             token to the question. Where to go afterwards is a path of this server.
// Limits      kPendingMax sign-ins under way; the oldest is forgotten. One that is under way when Holdfast restarts begins anew.
// Errors      The browser is led to /?sign_in=refused (no role here), =failed (the provider) or =expired; the reason stands in the
//             audit log alone, for it is for administrators.
// Threads     Control strand; answers of the provider come from the client's threads and are posted there.
// Source      OpenID Connect Core 1.0 and Discovery 1.0, RFC 6749, 7636.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "app/access/access_config.h"
#include "app/access/jwt.h"
#include "app/api/auth.h"
#include "net/http.h"

namespace holdfast::app {

inline constexpr std::size_t kPendingMax = 1000;

// What a claim says: a text, or each text of a list; "a.b" is b inside a. Claims are JSON text.
std::vector<std::string> claim_texts(std::string_view claims, std::string_view name);
// The highest of the roles that its values give.
Role role_by_claims(std::string_view claims, const OidcConfig& config);
// A path of this server, or "/".
std::string safe_return(std::string_view path);

class OidcSignIn : public std::enable_shared_from_this<OidcSignIn> {
 public:
  static std::shared_ptr<OidcSignIn> make(Env& env, net::Client& client, Auth& auth);
  ~OidcSignIn();

  void configure(std::optional<OidcConfig> config, const std::string& external_url);
  void add_routes(net::Router& router);
  // Before client and auth go: answers that still come are dropped.
  void stop() { stopped_ = true; }

 private:
  OidcSignIn(Env& env, net::Client& client, Auth& auth) : env_(env), client_(client), auth_(auth) {}

  struct Provider {
    std::string issuer, authorization, token, userinfo, jwks;
    bool secret_in_body = false;
    MonoTime at{};
  };
  struct Pending {
    std::string nonce, verifier, browser, back;
    MonoTime at{};
  };
  struct Attempt;
  using AttemptPtr = std::shared_ptr<Attempt>;

  void begin(const net::Request& request, net::ResponderPtr to);
  void lead_to_provider(const net::Request& request, net::ResponderPtr to);
  void callback(const net::Request& request, net::ResponderPtr to);
  void exchange(AttemptPtr attempt);
  void take_tokens(AttemptPtr attempt, const std::string& body);
  void verify(AttemptPtr attempt);
  void ask_userinfo(AttemptPtr attempt);
  void admit(AttemptPtr attempt);
  void fail(const AttemptPtr& attempt, const char* word, const Error& error);
  void discover(std::function<void(Result<void>)> then);
  void fetch_keys(std::function<void(Result<void>)> then);
  void ask(net::ClientRequest request, const char* what, std::function<void(Result<std::string>)> then);
  std::string redirect_uri() const;
  Result<std::string> client_secret() const;
  Result<Provider> read_discovery(std::string_view text) const;

  Env& env_;
  net::Client& client_;
  Auth& auth_;
  bool stopped_ = false;
  std::optional<OidcConfig> config_;
  std::string external_url_;
  std::optional<Provider> provider_;
  KeySet keys_;
  std::optional<MonoTime> keys_at_;
  std::map<std::string, Pending> pending_;  // by state
};

}  // namespace holdfast::app
