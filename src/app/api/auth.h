// app/api/auth.h: the one authorisation point.
//
// Purpose     A token of 32 random bytes is made at first start and kept, hashed, in the data directory; the token itself is
//             printed once and written to admin-token (mode 0600). Calls carry it as a bearer token, browsers as a session cookie.
//             Senders that know other forms carry it as theirs: `Token T`, a password (Basic), InfluxDB 1's parameter p.
// Open paths  Health, readiness, the console's files, sign-in, and /metrics from loopback need no token.
// Forgery     A call with a cookie that changes something must carry an Origin (or Referer) of this host. Without
//             authorisation a page may change something only when it is of this host and the host is loopback by name,
//             so that no foreign name made to point here (DNS rebinding) passes for us.
// Threads     check() from any thread; tokens are immutable after open().
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/env.h"
#include "net/http.h"

namespace holdfast::app {

class Auth {
 public:
  // `enabled` false: every call is the user "local". Otherwise reads or creates the token.
  static Result<std::unique_ptr<Auth>> open(Env& env, const std::string& data, bool enabled);

  // An answer refuses the request; none lets it pass, with header `x-holdfast-user` set to the caller.
  std::optional<net::Response> check(net::Request& request);
  bool enabled() const { return enabled_; }
  bool token_is_new() const { return token_is_new_; }
  const std::string& token_path() const { return token_path_; }

  void add_routes(net::Router& router);

 private:
  Auth(Env& env, bool enabled) : env_(env), enabled_(enabled) {}
  bool has_token(const net::Request& request) const;
  bool has_session(const net::Request& request) const;
  bool token_matches(std::string_view token) const;
  net::Response sign_in(const net::Request& request);
  net::Response session(const net::Request& request) const;
  net::Response sign_out(const net::Request& request);

  Env& env_;
  bool enabled_;
  bool token_is_new_ = false;
  std::string token_path_;
  std::string token_hash_;  // SHA-256, hex
  mutable std::mutex mutex_;
  std::map<std::string, MonoTime> sessions_ HF_GUARDED_BY(mutex_);  // id hash -> until
  int failures_ HF_GUARDED_BY(mutex_) = 0;                          // wrong tokens in this window
  MonoTime window_ HF_GUARDED_BY(mutex_){};
};

}  // namespace holdfast::app
