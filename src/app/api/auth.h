// app/api/auth.h: the one authorisation point.
//
// Purpose     Every call comes by check(): who is it, what is the route (access/route_table.h), may he (access/roles.h). Callers show
//             the admin token, an API token (hf_...), or a session cookie. The admin token has 32 random bytes, is made at first start,
//             kept, hashed, in the data directory, printed once and written to admin-token (mode 0600).
//             Senders that know other forms carry a token as theirs: `Token T`, a password (Basic), InfluxDB 1's parameter p.
// Open paths  Health, readiness, the console's files, sign-in, and /metrics from loopback need no token; where whoever comes
//             causes work, by rates (access/rate_limit.h): 429 with Retry-After.
// Forgery     A call with a cookie that changes something must carry an Origin (or Referer) of this host. Without
//             authorisation a page may change something only when it is of this host and the host is loopback by name,
//             so that no foreign name made to point here (DNS rebinding) passes for us.
// Audit       Every refusal is a record (access/audit.h); so are sign-in and sign-out.
// Told on     Headers of ours that a call brings are dropped; x-holdfast-user, -via, -service and -permissions are set for handlers.
// Life        open(), then start() when there is a journal: until then the admin token alone is known and nobody can sign in.
// Threads     check() and identify() from any thread; the rest on the control strand, or before it serves.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "app/access/audit.h"
#include "app/access/directory.h"
#include "app/access/rate_limit.h"
#include "app/access/route_table.h"
#include "base/env.h"
#include "net/http.h"

namespace holdfast::app {

class Auth {
 public:
  // `enabled` false: every call is the user "local". Otherwise reads or creates the token.
  static Result<std::unique_ptr<Auth>> open(Env& env, const std::string& data, bool enabled);
  ~Auth();

  // Users, sessions and the audit log begin. They end with stop().
  Result<void> start(state::Journal& journal);
  // Before the journal goes.
  void stop();
  void configure(const AccessConfig& config, const std::vector<model::Person>& people,
                 const std::vector<model::Service>& services);
  // The routes that are guarded: which one matches says what a call is. They must outlive the server.
  void guard(const net::Router& routes) { routes_ = &routes; }

  // An answer refuses the request; none lets it pass, with the headers above set.
  std::optional<net::Response> check(net::Request& request);
  // For listeners that only take telemetry, at paths of their own.
  std::optional<net::Response> check_send(net::Request& request);
  // Who calls; nobody has an empty name.
  Principal identify(const net::Request& request) const;

  bool enabled() const { return enabled_; }
  bool token_is_new() const { return token_is_new_; }
  const std::string& token_path() const { return token_path_; }
  Directory& directory() { return *directory_; }
  std::shared_ptr<AuditLog> audit() { return audit_; }
  RateLimit& limit(Limit limit);

  void add_routes(net::Router& router);

  // ---- for sign-in by other ways ----
  // Begins a session, writes the record, and answers: 204, or 303 to `location`. Control strand.
  void admit(const net::Request& request, NewSession session, const std::string& location,
             net::ResponderPtr to);
  // The record of an attempt that failed, and the answer to it.
  void refuse_sign_in(const net::Request& request, const std::string& user, const std::string& how,
                      const Error& error, net::ResponderPtr to);
  // Who offers another way to sign in: the name on the button; empty: nobody.
  void set_provider_name(std::string name);

 private:
  Auth(Env& env, bool enabled) : env_(env), enabled_(enabled) {}
  struct Call {
    const RouteRule* rule;
    std::map<std::string, std::string> parameters;
  };
  Call call_of(const net::Request& request) const;
  std::string service_of(const Call& call) const;
  std::optional<net::Response> check_call(net::Request& request, const Call& call);
  std::optional<net::Response> check_permission(net::Request& request, const Call& call,
                                                const Principal& principal);
  std::optional<net::Response> refused(const net::Request& request, const Call& call,
                                       const Error& error);
  std::optional<net::Response> too_often(const net::Request& request, const Call& call,
                                         RateLimit& limit, const std::string& key);
  bool is_admin_token(std::string_view token) const;
  void sign_in(const net::Request& request, net::ResponderPtr to);
  void sign_in_by_token(const net::Request& request, const std::string& token,
                        net::ResponderPtr to);
  void sign_in_by_password(const net::Request& request, const std::string& user,
                           const std::string& password, net::ResponderPtr to);
  net::Response session(const net::Request& request) const;
  void sign_out(const net::Request& request, net::ResponderPtr to);

  Env& env_;
  bool enabled_;
  bool token_is_new_ = false;
  std::string token_path_;
  std::string token_hash_;  // SHA-256, hex
  const net::Router* routes_ = nullptr;
  std::atomic<state::Journal*> journal_ = nullptr;  // null before start() and after stop()
  std::unique_ptr<Directory> directory_;
  std::shared_ptr<AuditLog> audit_;
  RateLimit sign_in_limit_{Rate{30, 30}}, callback_limit_{Rate{30, 30}}, intake_limit_{Rate{600, 600}};
  RateLimit refused_limit_{Rate{600, 600}};  // wrong tokens by address, so that guessing costs us little
  RateLimit user_limit_{Rate{10, 10}};       // wrong passwords of one user, from wherever
  std::atomic<int> verifying_{0};            // passwords on the pool now
  mutable std::mutex mutex_;
  std::string provider_name_ HF_GUARDED_BY(mutex_);
};

// The cookie of a session; empty: none.
std::string_view session_cookie(const net::Request& request);

}  // namespace holdfast::app
